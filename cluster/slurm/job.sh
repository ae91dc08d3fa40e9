#!/usr/bin/env bash
# One element of an array job; submit.sh submits it:
#
#     job.sh FOLDER STEP PIECES STRIDE
#
# does the pieces SLURM_ARRAY_TASK_ID, that + STRIDE, that + 2 STRIDE ... of PIECES, with FOLDER/step.sh. A piece that fails
# is no reason to leave out those after it. FOLDER/outcomes/STEP-PIECE says how it went, as TITLE, STEP, EXIT CODE and REASON
# with tabs between them: for what has failed, and for every title that was rendered.
set -uo pipefail

here=$1 step=$2 pieces=$3 stride=$4
# shellcheck source-path=SCRIPTDIR source=settings
. "$here/settings"
# How often an element may start again for a failure that may pass; a node that was lost counts too.
restarts=${UPRIGHT_RESTARTS:-3}
current=''
ended=0
may_pass=no

# Slurm may confine a job to less memory than upright sees free on the node.
if [[ -n ${SLURM_MEM_PER_NODE:-} ]] && ((SLURM_MEM_PER_NODE > 0)); then
    export UPRIGHT_MEMORY=$((SLURM_MEM_PER_NODE * 3 / 4))M
fi

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

# name_of STEP PIECE
name_of() {
    local line=$2
    if [[ $1 == segment ]]; then line=$((($2 - 1) / shares + 1)); fi
    eval "set -- $(sed -n "${line}p" "$here/titles")"
    printf '%s' "$2"
}

# record STEP PIECE CODE REASON
record() {
    local file=$here/outcomes/$1-$2
    mkdir -p "$here/outcomes"
    printf '%s\t%s\t%s\t%s\n' "$(name_of "$1" "$2")" "$1" "$3" "${4//$'\t'/ }" >"$file.$SLURM_JOB_ID" &&
        mv "$file.$SLURM_JOB_ID" "$file"
}

# Gives this element back to the queue, if it may. Slurm then kills what it still runs. The element is named by its array:
# the job number of one element is the number of the whole array too.
start_again() {
    ((${SLURM_RESTART_COUNT:-0} < restarts)) &&
        scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" && sleep 60
}

# Slurm sends USR1 a minute before the time is up. What has been encoded is in the store: the next start goes on there.
# shellcheck disable=SC2317 # the trap calls it
out_of_time() {
    echo "$current: the time limit is reached" >&2
    # shellcheck disable=SC2086 # two words
    record $current 124 'the time limit was reached'
    start_again
    exit 124
}
trap out_of_time USR1

# attempt STEP PIECE
attempt() {
    local code reason
    current="$1 $2"
    # In the background, because a shell heeds signals only while it waits for such a one.
    sh "$here/step.sh" "$1" "$2" 2>"$errors" &
    wait $!
    code=$?
    cat "$errors" >&2
    if ((code == 0)); then
        if [[ $1 == render ]]; then record "$1" "$2" 0 'is there'; else rm -f "$here/outcomes/$1-$2"; fi
        return 0
    fi
    reason=$(tail -n 1 "$errors")
    if ((code > 128)); then reason=${reason:-killed by signal $((code - 128))}; fi
    record "$1" "$2" "$code" "$reason"
    ended=$code
    # I/O, somebody else at work, or a signal.
    if ((code == 74 || code == 75 || code > 128)); then may_pass=yes; fi
    return "$code"
}

for ((piece = SLURM_ARRAY_TASK_ID; piece <= pieces; piece += stride)); do
    if [[ $step == render ]]; then
        # A plan that failed, or was lost with its node, is made up for here.
        attempt plan "$piece" && attempt render "$piece"
    else
        attempt "$step" "$piece"
    fi
done
if [[ $may_pass == yes ]]; then start_again; fi
exit "$ended"
