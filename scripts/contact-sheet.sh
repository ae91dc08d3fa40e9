#!/usr/bin/env bash
# Draws the same moment of several films beside one another, at the same height, each under its name.
#
#     scripts/contact-sheet.sh SHEET.png SECONDS FILM...
set -euo pipefail

if (($# < 3)); then
    echo 'usage: scripts/contact-sheet.sh SHEET.png SECONDS FILM...' >&2
    exit 2
fi
sheet=$1 moment=$2
shift 2

inputs=() filters='' row=''
for ((i = 0; i < $#; i++)); do
    film=${*:i+1:1}
    inputs+=(-ss "$moment" -i "$film")
    # Untagged films are taken as upright takes them: BT.709 from 720 lines on.
    IFS=, read -r height matrix < <(
        ffprobe -v error -select_streams v:0 -show_entries stream=height,color_space -of csv=p=0 "$film")
    colours=auto
    if [[ $matrix == unknown ]] && ((height >= 720)); then colours=bt709; fi
    label="drawtext=text='$(basename "${film%.*}")':x=4:y=8:fontsize=18"
    filters+="[$i:v:0]scale=-2:480:flags=lanczos:in_color_matrix=$colours,setsar=1,format=rgb24,pad=iw+8:ih+36:4:32:white,${label}[p$i];"
    row+="[p$i]"
done
rm -f "$sheet"
ffmpeg -nostdin -v error -y "${inputs[@]}" \
    -filter_complex "$filters${row}hstack=inputs=$#" -frames:v 1 -update 1 "$sheet"
if [[ ! -s $sheet ]]; then
    echo "scripts/contact-sheet.sh: not every film has a picture at $moment s" >&2
    exit 1
fi
