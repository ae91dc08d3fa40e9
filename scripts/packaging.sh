#!/usr/bin/env bash
# Packages the same ladder by upright, by Shaka Packager and by FFmpeg, checks which rules of packaging AV1 each keeps, and
# writes docs/packaging.md. Then packages films: how far declared rates are off measured ones, and what a package costs over bare
# renditions, in benches/results/packages.md; real clips where a folder `shared` lies beside the repository. Ends with 1 where
# upright breaks a rule or a rate is off. Arguments go to the second part: `--minutes 0` leaves out its long film.
set -euo pipefail
cd "$(dirname "$0")/.."
# No compiled copies among the sources.
export PYTHONDONTWRITEBYTECODE=1

target=${CARGO_TARGET_DIR:-target}
cargo build --release --package upright
measure() { scripts/with-packages.sh benches/packaging/requirements.txt "benches/packaging/$1" "$target/release/upright" "$target/packaging" "${@:2}"; }
measure packaging.py --markdown docs/packaging.md
footage=${SHARED:-../shared}/footage
if [[ -d $footage ]]; then
    measure films.py --footage "$footage" --markdown benches/results/packages.md "$@"
fi
