#!/usr/bin/env bash
# Builds upright, converts a real clip with it and draws a contact sheet of the renditions. See `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
demo=$target/demo
# The rabbit stands left of the middle.
crop=0.36 moment=2.6

cargo build --release --package upright
if ! clip=$(scripts/clip.sh); then
    echo 'It cannot be had; a generated clip takes its place.'
    clip=$demo/source/subject.mp4 crop=center moment=1
    cargo run --release --quiet --package upright-fixtures -- "$demo/source" subject
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
