#!/usr/bin/env bash
# Runs every test and every example of the library, and ends with one line that sums up all of them. Arguments go to
# `cargo test`, and leave the examples out: scripts/test.sh --test catalogue orientation-
set -euo pipefail
cd "$(dirname "$0")/.."

programs=${CARGO_TARGET_DIR:-target}/debug

# Runs each example as `EXAMPLE CLIP OUT`; it must leave something in OUT. `cargo test` has built them.
run_examples() {
    local folder source name outcome failed=0
    folder=$(mktemp -d)
    "$programs/fixtures" "$folder" subject >/dev/null
    for source in engine/examples/*.rs; do
        name=$(basename "$source" .rs)
        mkdir "$folder/$name"
        outcome='ok. 1 passed; 0 failed'
        "$programs/examples/$name" "$folder/subject.mp4" "$folder/$name" || outcome=FAILED
        [[ -n $(ls "$folder/$name") ]] || outcome=FAILED
        if [[ $outcome == FAILED ]]; then outcome+='. 0 passed; 1 failed' failed=1; fi
        printf '\n     Running example %s\ntest result: %s; 0 ignored\n' "$name" "$outcome"
    done
    rm -rf "$folder"
    return "$failed"
}

run() {
    local failed=0
    cargo test --workspace --no-fail-fast "$@" || failed=$?
    if (($# == 0)) && compgen -G 'engine/examples/*.rs' >/dev/null; then
        run_examples || failed=1
    fi
    return "$failed"
}

run "$@" 2>&1 | awk '
    { print; fflush() }
    /^test result:/ { passed += $4; failed += $6; ignored += $8 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored }
'
