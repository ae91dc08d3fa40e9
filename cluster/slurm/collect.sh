#!/usr/bin/env bash
# Says how many titles are there, and which are not, and why; those are listed in the file `failed` too, a line each with
# tabs between: TITLE, STEP, EXIT CODE, REASON. Ends with 1 if any is not there. Runs last of all, and whenever it is called.
#
#     ./collect.sh
set -euo pipefail

here=${1:-$(cd "$(dirname "$0")" && pwd)}
# shellcheck source-path=SCRIPTDIR source=settings
. "$here/settings"
cd "$folder"

# is_published LINE NAME: what lies at a URL cannot be seen from here, and the outcome of the last submission has to do.
is_published() {
    case $output in
    *://*) [[ $(cut -f 3 "$here/outcomes/render-$1" 2>/dev/null) == 0 ]] ;;
    *) [[ -e $output/$2/report.json ]] ;;
    esac
}

# reason_of LINE NAME: what is written down of the title's plan or rendering, or else of its segments.
reason_of() {
    local line=$1 name=$2 step piece
    for step in plan render; do
        if cat "$here/outcomes/$step-$line" 2>/dev/null; then return; fi
    done
    for ((piece = (line - 1) * shares + 1; piece <= line * shares; piece++)); do
        if cat "$here/outcomes/segment-$piece" 2>/dev/null; then return; fi
    done
    printf '%s\t-\t-\tnot done yet, or killed: look at squeue and logs/\n' "$name"
}

line=0
missing=0
list=$here/failed.$$
trap 'rm -f "$list"' EXIT
while IFS= read -r words; do
    line=$((line + 1))
    eval "set -- $words"
    if ! is_published "$line" "$2"; then
        missing=$((missing + 1))
        reason_of "$line" "$2"
    fi
done <"$here/titles" >"$list"
mv "$list" "$here/failed"
cat "$here/failed"
echo "$((line - missing)) of $line titles are in $output"
((missing == 0))
