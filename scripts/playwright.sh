#!/usr/bin/env bash
# Runs a Python script that drives a browser with Playwright, which is fetched from PyPI unless it is there. The browser is
# the system's.
#
#     scripts/playwright.sh SCRIPT.py [ARGUMENTS]
set -euo pipefail

if (($# == 0)); then
    echo 'usage: scripts/playwright.sh SCRIPT.py [ARGUMENTS]' >&2
    exit 2
fi
here=$(dirname "$(realpath "$0")")
target=${CARGO_TARGET_DIR:-$here/../target}
if ! python=$("$here/python.sh" || command -v python3); then
    echo 'scripts/playwright.sh: there is no Python (Debian: apt-get install python3-pip)' >&2
    exit 1
fi
version=$(sed -n 's/^playwright==\([0-9.]*\).*/\1/p' "$here/playwright.txt")
# One of its packages is compiled for one version of Python.
folder=$target/tools/playwright-$version-$("$python" -c 'import sys; print("py%d.%d" % sys.version_info[:2])')

fetch_playwright() {
    local packages
    packages=$(mktemp -d "$target/tools/fetch.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$packages'" EXIT
    "$here/from-pypi.sh" "$here/playwright.txt" "$packages"
    rm "$packages"/*.whl
    # Unpacking forgets what is a program; and another account than the one that fetches it may run it.
    chmod 755 "$packages" "$packages/playwright/driver/node"
    # Tests that run side by side fetch it side by side: the first one stays.
    mv --no-target-directory "$packages" "$folder" 2>/dev/null || [[ -d $folder ]]
    rm -rf "$packages"
    trap - EXIT
}

if [[ ! -d $folder ]]; then
    echo "Fetching Playwright $version from PyPI ..." >&2
    mkdir -p "$target/tools"
    fetch_playwright
fi
PYTHONPATH=$folder${PYTHONPATH:+:$PYTHONPATH} exec "$python" "$@"
