#!/usr/bin/env bash
# Runs a batch on Kubernetes: a Job that plans the titles, one that encodes their segments, and one that joins, checks and
# publishes each title; waits for each, because Jobs know of no order; and lists what failed, a line each with tabs between:
# TITLE, STEP, EXIT CODE, REASON. Ends with 1 if anything did.
#
#     ./submit.sh [OPTIONS OF KUBECTL]        for instance: ./submit.sh --namespace films
#
# The same command goes on where an earlier one was: what is there is not done again. Resources: plan.yaml, segment.yaml and
# render.yaml. Needs Kubernetes 1.29 (1.28 with the gate JobBackoffLimitPerIndex).
set -euo pipefail

job=@JOB@
options=("$@")
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

kube() { kubectl ${options[@]+"${options[@]}"} "$@"; }

# wait_for JOB: until all its indexes are done or have failed; what failed comes to light in the end.
wait_for() {
    local silent=0
    until kube wait --for=condition=Complete --timeout=20s "job/$1" >/dev/null 2>&1 ||
        kube wait --for=condition=Failed --timeout=0s "job/$1" >/dev/null 2>&1; do
        # Says how far it is. The cluster may be out of reach for a while; a Job that was deleted never ends.
        if kube get "job/$1" --no-headers; then
            silent=0
        elif ((++silent == 10)); then
            return 1
        else
            sleep 10
        fi
    done
}

# indexes LIST: the numbers of a list like 0,3-5, a line each.
indexes() {
    local part parts
    IFS=, read -ra parts <<<"$1"
    for part in "${parts[@]}"; do seq "${part%-*}" "${part#*-}"; done
}

# reasons JOB: INDEX, EXIT CODE and last line of each index's last pod that failed, with tabs between. Messages have several
# lines; a pod begins where @@ does.
reasons() {
    local index='.metadata.annotations.batch\.kubernetes\.io/job-completion-index'
    local ended='.status.containerStatuses[0].state.terminated'
    kube get pods --selector="batch.kubernetes.io/job-name=$1" --field-selector=status.phase=Failed \
        --sort-by=.metadata.creationTimestamp \
        --output="jsonpath={range .items[*]}{\"@@\\t\"}{$index}{\"\\t\"}{$ended.exitCode}{\"\\t\"}{$ended.message}{\"\\n\"}{end}" |
        awk -F '\t' '
            /^@@\t/ { pod = $2; code[pod] = $3; sub(/^@@\t[^\t]*\t[^\t]*\t/, "") }
            NF { gsub(/\t/, " "); reason[pod] = $0 }
            END { for (pod in code) print pod "\t" code[pod] "\t" reason[pod] }'
}

# name_of INDEX
name_of() {
    eval "set -- $(sed -n "$(($1 + 1))p" titles)"
    printf '%s' "$2"
}

# What an earlier run has left. A Job that still runs is ended: what it has encoded is in the store.
for step in plan segment render; do
    kube delete --ignore-not-found --filename="$step.yaml"
done
kube delete --ignore-not-found configmap "$job"
# A ConfigMap holds 1 MiB: some ten thousand titles.
kube create configmap "$job" --from-file=titles --from-file=settings --from-file=step.sh

for step in plan segment render; do
    kube create --filename="$step.yaml"
    wait_for "$job-$step"
done

failed=$(kube get "job/$job-render" --output='jsonpath={.status.failedIndexes}')
if [[ -n $failed ]]; then
    reasons=$(reasons "$job-render") || reasons=''
    gone=$'-\tits pods are gone'
    for index in $(indexes "$failed"); do
        reason=$(awk -F '\t' -v index_="$index" '$1 == index_ { print $2 "\t" $3 }' <<<"$reasons")
        printf '%s\trender\t%s\n' "$(name_of "$index")" "${reason:-$gone}"
    done
    exit 1
fi
# Anything else that ended it: a deadline, or who has set one.
kube wait --for=condition=Complete --timeout=0s "job/$job-render" >/dev/null
echo 'all titles are there'
