# Counts what tests of clusters find; they read this file with `.` and end with `summary`.
# shellcheck shell=bash

passed=0
failed=0

check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
    fi
}

# Says how many there were, and fails where one of them did.
summary() {
    echo "$passed passed, $failed failed"
    ((failed == 0))
}
