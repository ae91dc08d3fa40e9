#!/usr/bin/env bash
# Packages the same ladder by upright, by Shaka Packager and by FFmpeg, checks which rules of packaging AV1 each keeps, and
# writes docs/packaging.md; ends with 1 where upright breaks one. Arguments go to the comparison: `--help` for all.
set -euo pipefail
cd "$(dirname "$0")/.."
# No compiled copies among the sources.
export PYTHONDONTWRITEBYTECODE=1

target=${CARGO_TARGET_DIR:-target}
cargo build --release --package upright
scripts/with-packages.sh benches/packaging/requirements.txt benches/packaging/packaging.py "$target/release/upright" \
    "$target/packaging" --markdown docs/packaging.md "$@"
