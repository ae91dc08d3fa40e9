#!/usr/bin/env bash
# Measures what it saves to give each shot a quality of its own, and writes benches/results/target-vmaf.md; ends with 1 where it saves
# too little. Real clips, from a folder `shared` beside the repository; without one nothing is measured. Arguments go to the
# measurement: `--help` for all.
set -euo pipefail
cd "$(dirname "$0")/.."

shared=${SHARED:-../shared}
target=${CARGO_TARGET_DIR:-target}
if [[ ! -d $shared/footage ]]; then
    echo "scripts/quality.sh: there is no $shared/footage: qualities by shot are measured on real films alone" >&2
    exit 0
fi
cargo build --release --package upright
scripts/with-packages.sh benches/requirements.txt benches/quality/quality.py "$target/release/upright" \
    "$target/quality" --footage "$shared/footage" --markdown benches/results/target-vmaf.md "$@"
