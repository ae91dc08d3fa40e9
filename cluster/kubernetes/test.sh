#!/usr/bin/env bash
# Tries an export to Kubernetes without a cluster: validates its YAML strictly, and lets its submit.sh run the containers'
# commands on this machine, by test.py in place of kubectl. What is published must be what `upright convert` makes.
#
#     cluster/kubernetes/test.sh [FOLDER]
#
# FOLDER is OUT/.upright/kubernetes of an export that has not run; without it, films and an export are made.
# UPRIGHT is the program [default: the debug build]. Needs ffmpeg and a Python with pip, and fetches kubernetes-validate.
# Ends with a line `N passed, N failed`.
set -uo pipefail

source=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$source/../.." && pwd)
target=${CARGO_TARGET_DIR:-$repository/target}
upright=$(realpath "${UPRIGHT:-$target/debug/upright}")
options=(--ladder 90 --speed 10 --crop center --device cpu --keyframe-interval 1)
SHARES=4
# shellcheck source-path=SCRIPTDIR source=../check.sh
. "$source/../check.sh"

work=$(mktemp -d -t 'upright test.XXXXXX')
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Fetches kubernetes-validate unless it is there.
stand_in() {
    PYTHONDONTWRITEBYTECODE=1 "$repository/scripts/with-packages.sh" "$source/requirements.txt" "$source/test.py" "$@"
}
export -f stand_in
export source repository

# make_export: films in $work/films, and their export.
make_export() {
    local film
    mkdir -p "$work/films/season 1"
    for film in 1 2; do
        ffmpeg -v error -f lavfi -i "testsrc2=size=320x180:rate=24:duration=6" -vf "hue=h=$((film * 90))" -g 24 \
            "$work/films/season 1/e 0$film.mp4"
    done
    echo 'no film' >"$work/films/season 1/it's broken.mp4"
    (cd "$work" && "$upright" batch films --output out --export kubernetes --shares "$SHARES" \
        --image registry.example/upright:1 --claim films "${options[@]}")
}

exported=${1:-}
if [[ -z $exported ]]; then
    exported=$work/out/.upright/kubernetes
    make_export || exit 1
fi
cd "$exported" || exit 1
# shellcheck source-path=SCRIPTDIR source=../slurm/settings
. ./settings
published=$(cd "$folder" && realpath "$output")

echo '# Validation'
check 'the YAML is valid' stand_in validate plan.yaml segment.yaml render.yaml
refuses() { ! stand_in validate "$1" 2>"$work/said" && grep -q "$2" "$work/said"; }
# A change by sed, and what is said about it.
while IFS='|' read -r change said; do
    sed "$change" render.yaml >"$work/broken.yaml"
    check "it would not be after $change" refuses "$work/broken.yaml" "$said"
done <<'END'
s/backoffLimitPerIndex/backoffLimitsPerIndex/|backoffLimitsPerIndex
s/parallelism:.*/parallelism: "many"/|parallelism
s/restartPolicy:.*/restartPolicy: Always/|restartPolicy
s/completions:.*/completions: 100001/|completions
END

echo '# The commands of the containers'
# What a container finds, apart from the program: it fails once, in a way that may pass.
mkdir "$work/bin"
cat >"$work/bin/upright" <<END
#!/bin/sh
echo "\$1" >>'$work/calls'
if [ "\$1" = segment ] && mkdir '$work/failed-once' 2>/dev/null; then
    echo 'upright: the disk is full' >&2
    exit 74
fi
exec '$upright' "\$@"
END
cat >"$work/bin/kubectl" <<'END'
#!/usr/bin/env bash
stand_in kubectl "$@"
END
chmod +x "$work/bin"/*
submit() { PATH=$work/bin:$PATH STAND_IN_STATE=$work/state bash submit.sh --namespace=films >"$work/$1" 2>"$work/log"; }
submit first
code=$?

# Each title is what convert makes of it, or it is named with the code with which convert ends.
expected=0
planned=0
while IFS= read -r line; do
    eval "set -- $line"
    input=$1 name=$2
    shift 2
    (cd "$folder" && "$upright" convert --quiet "$@" --output "$work/converted" --name title -- "$input") \
        2>/dev/null
    ended=$?
    if ((ended == 0)); then
        planned=$((planned + 1))
        for film in "$work/converted/title"/*.mp4; do
            check "$name/${film##*/} is what convert makes" cmp "$film" "$published/$name/${film##*/}"
        done
    else
        expected=1
        check "$name is named with code $ended" grep -qF "$name"$'\t'"render"$'\t'"$ended"$'\t'"upright: " "$work/first"
    fi
    rm -rf "$work/converted"
done <titles
check "submit.sh ends with $expected" test "$code" = "$expected"
check 'each share was encoded, and the one that failed tried again' \
    test "$(grep -c segment "$work/calls")" = $((planned * shares + 1))

rm "$work/calls"
submit second
check 'the same command again encodes nothing' test "$(grep -c 'segment\|render' "$work/calls")" = 0
check 'and names the same' cmp "$work/first" "$work/second"

summary
