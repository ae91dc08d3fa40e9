#!/usr/bin/env bash
# Runs every test and ends with one line that sums up all of cargo's.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --workspace --no-fail-fast "$@" 2>&1 | awk '
    { print; fflush() }
    /^test result:/ { passed += $4; failed += $6; ignored += $8 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored }
'
