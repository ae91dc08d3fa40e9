#!/bin/sh
# Does one piece of a batch:
#
#     step.sh plan N       plans the title in line N of `titles`
#     step.sh segment N    encodes a share of a title: shares 1, 2 ... of the first title, then those of the second ...
#     step.sh render N     joins the title in line N, encodes what is missing, checks and publishes it
#
# Ends with upright's exit code, and with 0 where the piece is there already. Any piece may be done in any order, on any
# machine and more than once. UPRIGHT_MEMORY is the memory to stay below, if it is set.
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 74
# shellcheck source-path=SCRIPTDIR source=settings
. "$here/settings"
step=$1 line=$2 share=1
if [ "$step" = segment ]; then
    line=$((($2 - 1) / shares + 1))
    share=$((($2 - 1) % shares + 1))
fi

words=$(sed -n "${line}p" "$here/titles") || exit 74
if [ -z "$words" ]; then
    echo "$here/titles: there is no line $line" >&2
    exit 66
fi
eval "set -- $words"
input=$1 name=$2
shift 2
cd "$folder" || exit 74

plan=$output/$name.plan.json
# render writes it last of all, with everything else, once all has been checked.
report=$output/$name/report.json
# What is there at a URL only upright can tell: it ends with 73 or 66 then, or finds the segments in the store.
case $output in
*://*) is_path=false ;;
*) is_path=true ;;
esac
if $is_path && [ -e "$report" ]; then
    exit 0
fi

case $step in
plan)
    made=$plan
    if $is_path; then
        if [ -e "$plan" ]; then exit 0; fi
        mkdir -p "$(dirname "$plan")" || exit 74
    fi
    run_upright plan "$@" --output="$plan" -- "$input"
    ;;
segment)
    made=''
    # What keeps a title from being planned is said once, by render, and not for each share.
    if $is_path && [ ! -e "$plan" ]; then exit 0; fi
    run_upright segment ${UPRIGHT_MEMORY:+"--memory=$UPRIGHT_MEMORY"} --source="$input" --part="$share/$shares" \
        --store="$store" -- "$plan"
    ;;
render)
    made=$report
    case $name in
    */*) parent=$output/${name%/*} ;;
    *) parent=$output ;;
    esac
    run_upright render ${UPRIGHT_MEMORY:+"--memory=$UPRIGHT_MEMORY"} --source="$input" --store="$store" \
        --output="$parent" --name="${name##*/}" -- "$plan"
    ;;
esac
code=$?
# Another machine has been faster: plan and render replace nothing.
if [ "$code" -eq 73 ] && { ! $is_path || [ -e "$made" ]; }; then
    exit 0
fi
exit "$code"
