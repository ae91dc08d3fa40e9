#!/usr/bin/env bash
# Prints a folder with the packages of npm that the package-lock.json in FOLDER lists; they are fetched unless they are there.
#
#     scripts/npm.sh FOLDER
set -euo pipefail

if (($# != 1)); then
    echo 'usage: scripts/npm.sh FOLDER' >&2
    exit 2
fi
here=$(dirname "$(realpath "$0")")
tools=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-$here/../target}")/tools
source=$1
folder=$tools/$(basename "$source")-$(cat "$source/package.json" "$source/package-lock.json" | sha256sum | cut -c 1-12)

fetch() {
    local packages
    if ! command -v npm >/dev/null; then
        echo 'scripts/npm.sh: there is no npm (Debian: apt-get install npm)' >&2
        exit 1
    fi
    mkdir -p "$tools"
    packages=$(mktemp -d "$tools/fetch.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$packages'" EXIT
    cp "$source/package.json" "$source/package-lock.json" "$packages"
    # Packages are taken as they are: none runs a program of its own here.
    (cd "$packages" && npm ci --ignore-scripts --no-audit --no-fund --omit=peer --loglevel=error) >&2
    # Maps to sources are most of it, and nobody reads them here.
    find "$packages" -name '*.map' -delete
    chmod 755 "$packages"
    # Tests that run side by side fetch it side by side: the first one stays.
    mv --no-target-directory "$packages" "$folder" 2>/dev/null || [[ -d $folder ]]
    rm -rf "$packages"
    trap - EXIT
}

if [[ ! -d $folder ]]; then
    echo "Fetching what $source lists from npm ..." >&2
    fetch
fi
echo "$folder/node_modules"
