#!/usr/bin/env bash
# Measures how far SDR that is made of HDR is from what libplacebo makes, and writes benches/results/tone.md; ends with
# 1 where it is farther than it may be. Real clips where a folder `shared` lies beside the repository, else generated
# ones. Arguments go to the comparison: `--png FOLDER` for pictures side by side, `--help` for all.
set -euo pipefail
cd "$(dirname "$0")/.."

shared=${SHARED:-../shared}
target=${CARGO_TARGET_DIR:-target}
cargo build --release --package upright
scripts/with-packages.sh benches/requirements.txt benches/tone/tone.py "$target/release/upright" "$target/tone" \
    --footage "$shared/footage" --markdown benches/results/tone.md "$@"
