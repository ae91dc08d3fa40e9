#!/usr/bin/env bash
# Prints the licences of all crates that the program is made of, as they ask for beside a binary: each text once, behind the
# crates that have it. The crates have to be there, as after a build.
set -euo pipefail
cd "$(dirname "$0")/.."

sources=("${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/)
texts=$(mktemp -d)
trap 'rm -rf "$texts"' EXIT

while IFS='|' read -r crate licence; do
    read -r name version _ <<<"$crate"
    found=
    for text in "${sources[@]/%/$name-${version#v}/}"{LICEN[CS]E,COPYING,NOTICE,UNLICENSE,licen[cs]e}*; do
        [[ -f $text ]] || continue
        found=$(sha256sum <"$text" | cut -d' ' -f1)
        cp "$text" "$texts/$found.text"
        echo "$name ${version#v} ($licence)" >>"$texts/$found.crates"
    done
    # Some have their licence in the manifest alone.
    [[ -n $found ]] || echo "$name ${version#v} ($licence)"
done < <(cargo tree --locked --package upright --edges normal --prefix none --format '{p}|{l}' | sed 's/ (\*)$//' |
    grep -v ' (/' | sort -u)

for crates in "$texts"/*.crates; do
    printf '\n%s\n' "$(printf '%.0s-' {1..120})"
    sort -u "$crates"
    printf '\n'
    cat "${crates%.crates}.text"
done
