#!/usr/bin/env bash
# Runs every test and every example of the library, and ends with the names of those that failed and one line that sums up
# all of them. Arguments go to `cargo test`, and leave the examples out: scripts/test.sh --test catalogue orientation-
set -euo pipefail
cd "$(dirname "$0")/.."

programs=${CARGO_TARGET_DIR:-target}/debug

# Runs each example as `EXAMPLE CLIP OUT`; it must leave something in OUT. `cargo test` has built them.
run_examples() {
    local folder source name outcome counts failed=0
    folder=$(mktemp -d)
    "$programs/fixtures" "$folder" subject >/dev/null
    for source in engine/examples/*.rs; do
        name=$(basename "$source" .rs)
        mkdir "$folder/$name"
        outcome=ok counts='1 passed; 0 failed'
        "$programs/examples/$name" "$folder/subject.mp4" "$folder/$name" || outcome=FAILED
        [[ -n $(ls "$folder/$name") ]] || outcome=FAILED
        if [[ $outcome == FAILED ]]; then counts='0 passed; 1 failed' failed=1; fi
        printf '\ntest example %s ... %s\ntest result: %s. %s; 0 ignored\n' "$name" "$outcome" "$outcome" "$counts"
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
    /^test .* FAILED$/ { names = names $0 "\n" }
    END { printf "%s%d passed, %d failed, %d skipped\n", names, passed, failed, ignored }
'
