#!/usr/bin/env bash
# Tries the export to Slurm in a small cluster of its own: slurmctld and two slurmd on this machine, with nothing of the
# system's. One node dies in mid-job; what is published in the end must be what `upright convert` makes.
#
#     cluster/slurm/test.sh [UPRIGHT]        [default: the debug build]
#
# Needs slurmctld, slurmd, slurm-client, munge, procps and ffmpeg (Debian 12: packages of these names). Takes one to two
# minutes. Ends with a line `N passed, N failed`.
set -uo pipefail

source=$(cd "$(dirname "$0")" && pwd)
upright=$(realpath "${1:-${UPRIGHT:-${CARGO_TARGET_DIR:-$source/../../target}/debug/upright}}")
options=(--ladder 90 --speed 10 --crop center --device cpu --keyframe-interval 1)
SHARES=4
# Seconds after which all waiting ends.
PATIENCE=220

missing=()
for program in slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client munged:munge pgrep:procps ffmpeg:ffmpeg; do
    # Debian has daemons where only root looks for them.
    PATH=$PATH:/usr/sbin command -v "${program%:*}" >/dev/null || missing+=("${program#*:}")
done
if ((${#missing[@]} > 0)); then
    echo "cluster/slurm/test.sh: missing: ${missing[*]} (Debian: apt-get install ${missing[*]})" >&2
    exit 1
fi
export PATH=$PATH:/usr/sbin

work=$(mktemp -d)
# shellcheck source-path=SCRIPTDIR source=../check.sh
. "$source/../check.sh"

# variable PROCESS NAME: of the environment that a process was started with.
variable() { { tr '\0' '\n' <"/proc/$1/environ"; } 2>/dev/null | sed -n "s/^$2=//p"; }

# ours PATTERN [NODE]: processes of this test by their command lines. Nobody else has its folder in the environment.
ours() {
    local process
    for process in $(pgrep -f -- "$1"); do
        if [[ $(variable "$process" UPRIGHT_TEST) == "$work" && $(variable "$process" SLURMD_NODENAME) == "${2:-}"* ]]; then
            echo "$process"
        fi
    done
}

stop() {
    local process
    for process in $(ours .); do kill -9 "$process" 2>/dev/null; done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM
# TMPDIR, because jobs that are killed leave their temporary files.
export UPRIGHT_TEST=$work TMPDIR=$work

until_true() { # WHAT COMMAND...
    local what=$1
    shift
    until "$@"; do
        if ((SECONDS > PATIENCE)); then
            echo "gave up waiting until $what" >&2
            return 1
        fi
        sleep 0.2
    done
}

start_cluster() {
    local port=$((20000 + $$ % 10000)) user
    user=$(id -un)
    export SLURM_CONF=$work/slurm.conf
    # munged wants its socket where everybody can reach it.
    chmod 711 "$work"
    mkdir -p "$work"/{state,munge}
    dd if=/dev/urandom of="$work/munge/key" bs=1024 count=1 status=none
    chmod 400 "$work/munge/key"
    # MaxArraySize is small, so that elements have several pieces to do; one core each, so that both nodes have to work.
    cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdParameters=config_overrides
SlurmdTimeout=6
KillWait=2
MaxArraySize=8
ReturnToService=1
NodeName=node1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1 RealMemory=1000
NodeName=node2 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1 RealMemory=1000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    # Not the version that asks systemd.
    echo 'CgroupPlugin=cgroup/v1' >"$work/cgroup.conf"
    # In the foreground of this script's own jobs: it stops them by their numbers.
    munged --foreground --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
        --log-file="$work/munge/log" --seed-file="$work/munge/seed" 2>/dev/null &
    slurmctld -D 2>/dev/null &
    slurmd -D -N node1 2>/dev/null &
    slurmd -D -N node2 2>/dev/null &
    node2=$!
    disown -a
    until_true 'both nodes are up' both_nodes_are_up
}
both_nodes_are_up() { [[ $(sinfo -h -N -o %T 2>/dev/null | sort | uniq -c | xargs) == '2 idle' ]]; }

# fill_settings OUTPUT BINARY FOLDER: fills the template for FOLDER, where the titles are.
fill_settings() {
    sed -e "s|@FOLDER@|'$work'|" -e "s|@OUTPUT@|'$1'|" -e "s|@STORE@|'$1/.upright/store'|" -e "s|@BINARY@|'$2'|" \
        -e "s|@TITLES@|$(wc -l <"$3/titles")|" -e "s|@SHARES@|$SHARES|" -e 's|@OPTIONS@||' \
        -e 's|@RENDER_OPTIONS@||' "$source/settings" >"$3/settings"
    cp "$source"/{step,job,submit,collect}.sh "$3"
}

export_batch() {
    (cd "$work" && "$upright" batch films --output 'my out' --export slurm --shares "$SHARES" "${options[@]}")
}

# Slurm lets elements wait for a while before they start again; here they need not.
all_has_ended() {
    local job
    for job in $(squeue -h -r -t PENDING -o '%i %r' | sed -n 's/ BeginTime$//p'); do
        scontrol update "JobId=$job" StartTime=now
    done
    [[ -z $(squeue -h) ]]
}

# is JOB STATE EXIT-CODE RESTARTS: what Slurm says about a job.
is() {
    local told
    told=$(scontrol show job -o "$1" | tr ' ' '\n' | sed -n 's/^\(JobState\|ExitCode\|Restarts\)=//p' | xargs)
    [[ $told == "$2 $4 $3" ]] || { echo "$1 is $told" && false; }
}

is_running() { [[ $(squeue -h -r -j "$1" -o %T 2>/dev/null) == RUNNING ]]; }

# Frames that elements say they have encoded.
frames_encoded() {
    sed -n 's/.*: \([0-9]*\) frames in .*/\1/p' "$export"/logs/upright-segment-*.log | awk '{ n += $1 } END { print n + 0 }'
}

mkdir -p "$work/films/season 1"
for film in 1 2 3; do
    ffmpeg -v error -f lavfi -i "testsrc2=size=320x180:rate=24:duration=12" -vf "hue=h=$((film * 90))" -g 24 \
        "$work/films/season 1/e 0$film.mp4"
done
echo 'no film' >"$work/films/season 1/it's broken.mp4"
for film in "$work"/films/*/e*.mp4; do
    "$upright" convert --quiet "$film" --output "$work/converted" "${options[@]}" || exit 1
done
export="$work/my out/.upright/slurm"
export_batch || exit 1
start_cluster || exit 1

echo '# A batch, of which a node dies in mid-job'
submit() { "$export/submit.sh" --cpus-per-task=1 --mem=400M | tee "$work/submitted"; }
# The number of the job that submit has said.
job() { sed "s/.*$1 \([0-9]*\).*/\1/" "$work/submitted"; }
submit
segment_on_node2() { victim=$(ours '--part=' node2 | head -n 1) && [[ -n $victim ]] && kill -STOP "$victim"; }
until_true 'node2 encodes a segment' segment_on_node2 || exit 1
element=$(variable "$victim" SLURM_ARRAY_JOB_ID)_$(variable "$victim" SLURM_ARRAY_TASK_ID)
echo "killing node2, with element $element"
keeper=$victim
while [[ $(ps -o comm= "$keeper") != slurmstepd ]]; do keeper=$(ps -o ppid= "$keeper" | tr -d ' '); done
# Those first who could tell the controller.
kill -9 "$node2" "$keeper"
for process in $(ours . node2); do kill -9 "$process"; done
until_true 'all jobs have ended' all_has_ended

check 'the element of the dead node was done by the other' is "$element" COMPLETED 0:0 1
same() {
    local film
    for film in 1 2 3; do cmp "$work/converted/e 0$film/90x160.mp4" "$work/my out/season 1/e 0$film/90x160.mp4" || return; done
}
check 'the renditions are those of upright convert' same
check 'the broken title is named with its exit code' \
    test "$(cut -f 1-3 "$export/failed")" = "season 1/it's broken"$'\tplan\t65'
check 'and with its reason' grep -q 'is not a video' "$export/failed"
check 'the last job ends with 1' is "$(job collect)" FAILED 1:0 0
frames=$(frames_encoded)
again=$((frames / 24 - 36))
check "segments were encoded by the elements, $((again > 0 ? again : 0)) of 36 twice" test "$again" -le 0
check 'and none was left to the join' test "$(cat "$export"/logs/upright-render-*.log | grep -c ' 0 encoded')" = 3

echo '# The same command again, with the broken film mended'
cp "$work/films/season 1/e 01.mp4" "$work/films/season 1/it's broken.mp4"
find "$work/my out/season 1" -name '*.mp4' -printf '%p %i %T@\n' | sort >"$work/before"
submit
until_true 'all jobs have ended' all_has_ended
check 'the last job ends with 0' is "$(job collect)" COMPLETED 0:0 0
check 'nothing is named as failed' test ! -s "$export/failed"
check 'what was there is untouched' test "$(find "$work/my out/season 1" -name '*.mp4' ! -path '*broken*' \
    -printf '%p %i %T@\n' | sort)" = "$(cat "$work/before")"
check 'the mended film is there' cmp "$work/converted/e 01/90x160.mp4" "$work/my out/season 1/it's broken/90x160.mp4"

echo '# Failures that may pass, and others'
# Stands in for upright, and does what the name of the film says.
cat >"$work/stand-in" <<'END'
#!/bin/sh
for film; do :; done
echo "stand-in: $film" >&2
echo >>"$film.times"
case $film$(wc -l <"$film.times") in
    busy-once1) exit 75 ;;
    no-disk*) exit 74 ;;
    fault*) exit 70 ;;
    killed-once1) kill -9 $$ ;;
    slow-once1 | endless*) exec sleep 300 ;;
esac
END
chmod +x "$work/stand-in"
export=$work/stand-in-out/.upright/slurm
mkdir -p "$export/logs"
films=(busy-once no-disk fault killed-once slow-once endless)
printf '%s\n' "${films[@]}" | sed 's/.*/& &/' >"$export/titles"
fill_settings stand-in-out "$work/stand-in" "$export"
array=$(UPRIGHT_RESTARTS=1 sbatch --parsable --requeue --array="1-${#films[@]}" --mem=100M --chdir="$export" \
    --signal=B:USR1@60 --output=logs/%a "$export/job.sh" "$export" plan "${#films[@]}" "${#films[@]}")
# What Slurm does a minute before the time is up.
until_true 'the slow one runs' is_running "${array}_5" && sleep 1 && scancel --batch --signal=USR1 "${array}_5"
until_true 'the endless one runs' is_running "${array}_6" && sleep 1 && scancel "${array}_6"
until_true 'all jobs have ended' all_has_ended
check 'what was busy is tried again' is "${array}_1" COMPLETED 0:0 1
check 'a full disk is tried again, but not for ever' is "${array}_2" FAILED 74:0 1
check 'a fault is not tried again' is "${array}_3" FAILED 70:0 0
check 'what was killed is tried again' is "${array}_4" COMPLETED 0:0 1
check 'what ran out of time is tried again' is "${array}_5" COMPLETED 0:0 1
check 'what was cancelled is not tried again' is "${array}_6" CANCELLED 0:15 0
"$export/collect.sh" >/dev/null
expected=$'no-disk\tplan\t74\tstand-in: no-disk\nfault\tplan\t70\tstand-in: fault'
check 'what failed is named with its last words' test "$(grep stand-in: "$export/failed")" = "$expected"

summary
