#!/usr/bin/env bash
# Measures what it saves to take grain out of a film and have players put it back, and writes benches/results/grain.md;
# ends with 1 where it saves too little. Real clips where a folder `shared` lies beside the repository, else generated
# ones; the grain is made. Arguments go to the measurement: `--png FOLDER` for pictures side by side, `--help` for all.
set -euo pipefail
cd "$(dirname "$0")/.."

shared=${SHARED:-../shared}
target=${CARGO_TARGET_DIR:-target}
cargo build --release --package upright
scripts/with-packages.sh benches/requirements.txt benches/grain/grain.py "$target/release/upright" \
    "$target/grain" --footage "$shared/footage" --markdown benches/results/grain.md "$@"
