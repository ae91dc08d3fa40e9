#!/usr/bin/env bash
# Tests batches on clusters, made on this machine: Ray with two nodes of which one is killed, Slurm likewise, what Kubernetes
# is given, and the simulation of a large one. Takes the debug build, or the program in UPRIGHT. Ends with one line that sums up
# all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

passed=0 failed=0
# try COMMAND...: its closing line says how many have passed, in one of two ways, `18 passed, 0 failed` or `2 failed, 30 passed
# in 9s`; or it is Python's unittest.
try() {
    local output code=0 good bad ran
    echo "     Running $*"
    output=$(mktemp)
    "$@" 2>&1 | tee "$output" || code=$?
    ran=$(sed -n 's/^Ran \([0-9]*\) tests.*/\1 passed/p' "$output")
    if [[ -n $ran ]]; then echo "$ran" >>"$output"; fi
    good=$(tail -n 1 "$output" | grep -o '[0-9]* passed' | cut -d ' ' -f 1) || true
    bad=$(tail -n 1 "$output" | grep -o '[0-9]* failed' | cut -d ' ' -f 1) || true
    rm "$output"
    # One that has not come to its end has failed.
    if ((code)) && ((${bad:-0} == 0)); then bad=1; fi
    if [[ -z $good ]]; then good=0 bad=${bad:-1}; fi
    passed=$((passed + good)) failed=$((failed + ${bad:-0}))
}

try python3 benches/catalogue/test_simulate.py
try cluster/kubernetes/test.sh
try cluster/slurm/test.sh
try cluster/ray/test.sh
echo "$passed passed, $failed failed"
((failed == 0))
