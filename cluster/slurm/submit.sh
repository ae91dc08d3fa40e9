#!/usr/bin/env bash
# Submits a batch to Slurm: an array job that plans the titles, one that encodes their segments, one that joins, checks and
# publishes each title, and a job that says how it went.
#
#     ./submit.sh [OPTIONS OF SBATCH]        for instance: ./submit.sh --partition=night --time=8:00:00
#
# OUT, the films and this folder have to lie at the same place on all nodes. The same command goes on where an earlier one
# was: what is there is not done again. How far it is: squeue, and ./collect.sh. What each element said: logs/.
set -euo pipefail
shopt -s inherit_errexit

# What one element of each array gets; to be edited. The arguments of this script come after these, and win.
plan_resources=(--cpus-per-task=2 --mem=4G)
segment_resources=(--cpus-per-task=2 --mem=6G)
render_resources=(--cpus-per-task=4 --mem=8G)
# Most elements that an array gets, where the queue takes fewer than Slurm's configuration says.
elements=${UPRIGHT_ELEMENTS:-1000000}

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=settings
. "$here/settings"

# Indexes run to MaxArraySize - 1, and ours from 1. Three arrays have to find room among other people's jobs.
configuration=$(scontrol show config)
limit() { sed -n "s/^$1 *= *//p" <<<"$configuration"; }
for most in $(($(limit MaxArraySize) - 1)) $(($(limit MaxJobCount) / 4)); do
    if ((most < elements)); then elements=$most; fi
done

mkdir -p "$here/logs"
# What failed last time is tried again, and has its reason anew.
rm -rf "$here/outcomes"
submitted=()
trap '((${#submitted[@]} == 0)) || scancel "${submitted[@]}"' ERR

# submit NAME ARGUMENTS...: prints the job's number. Output is appended, because an element may start several times; its
# place is relative because sbatch reads a % in it.
submit() {
    local name=$1 job
    shift
    job=$(sbatch --parsable --job-name="upright-$name" --requeue --nodes=1 --ntasks=1 --open-mode=append \
        --chdir="$here" "$@")
    printf '%s' "${job%%;*}"
}

# array STEP PIECES ARGUMENTS...: with more pieces than elements, each element does several, and takes as many
# times longer.
array() {
    local step=$1 pieces=$2 stride=$2
    shift 2
    if ((stride > elements)); then stride=$elements; fi
    submit "$step" --array="1-$stride" --output='logs/%x-%A_%a.log' --signal=B:USR1@60 "$@" \
        "$here/job.sh" "$here" "$step" "$pieces" "$stride"
}

# Each waits for the one before with afterany: afterok and aftercorr would never start what comes after an element that
# failed, and one broken film would hold up all. They need no success: render checks everything, and makes what is missing.
plan=$(array plan "$titles" "${plan_resources[@]}" "$@")
submitted+=("$plan")
segment=$(array segment $((titles * shares)) --dependency="afterany:$plan" "${segment_resources[@]}" "$@")
submitted+=("$segment")
render=$(array render "$titles" --dependency="afterany:$segment" "${render_resources[@]}" "$@")
submitted+=("$render")
collect=$(submit collect --dependency="afterany:$render" --output='logs/%x-%j.log' "$@" "$here/collect.sh" "$here")
echo "plan $plan, segment $segment, render $render, collect $collect"
