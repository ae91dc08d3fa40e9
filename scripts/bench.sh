#!/usr/bin/env bash
# Builds upright, fetches and builds those that it is compared with, and compares them. Arguments go to the comparison:
# `scripts/bench.sh --help` lists them. See `make bench`.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
peers=$target/peers
RAV1E_VERSION=0.8.1

fetch_newest_ffmpeg() {
    local packages
    packages=$(mktemp -d "$peers/fetch.XXXXXX")
    scripts/from-pypi.sh scripts/bench-ffmpeg.txt "$packages"
    install "$packages"/imageio_ffmpeg/binaries/ffmpeg-* "$peers/bin/ffmpeg"
    rm -rf "$packages"
}

mkdir -p "$peers/bin"
if [[ ! -x $peers/bin/ffmpeg ]]; then
    echo 'Fetching the newest FFmpeg from PyPI (imageio-ffmpeg) ...' >&2
    fetch_newest_ffmpeg
fi
if [[ ! -x $peers/bin/rav1e ]]; then
    cargo install rav1e --version "$RAV1E_VERSION" --locked --root "$peers"
fi
clip=$(scripts/clip.sh)
cargo build --release --package upright --package upright-benches --bins
"$target/release/peers" run --clip "$clip" --newest "$peers/bin/ffmpeg" --rav1e "$peers/bin/rav1e" "$@"
