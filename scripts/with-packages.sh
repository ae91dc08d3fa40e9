#!/usr/bin/env bash
# Runs a Python script with packages of PyPI, which are fetched unless they are there.
#
#     scripts/with-packages.sh REQUIREMENTS.txt SCRIPT.py [ARGUMENTS]
set -euo pipefail

if (($# < 2)); then
    echo 'usage: scripts/with-packages.sh REQUIREMENTS.txt SCRIPT.py [ARGUMENTS]' >&2
    exit 2
fi
here=$(dirname "$(realpath "$0")")
target=${CARGO_TARGET_DIR:-$here/../target}
requirements=$1
shift
if ! python=$("$here/python.sh" || command -v python3); then
    echo 'scripts/with-packages.sh: there is no Python (Debian: apt-get install python3-pip)' >&2
    exit 1
fi
# Some packages are compiled for one version of Python.
versions=$(sha256sum <"$requirements" | cut -c 1-12)-$("$python" -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
folder=$target/tools/$(basename "$requirements" .txt)-$versions

fetch() {
    local packages
    packages=$(mktemp -d "$target/tools/fetch.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$packages'" EXIT
    "$here/from-pypi.sh" "$requirements" "$packages"
    rm "$packages"/*.whl
    chmod 755 "$packages"
    # Unpacking forgets what is a program; and another account than the one that fetches it may run it.
    if [[ -f $packages/playwright/driver/node ]]; then chmod 755 "$packages/playwright/driver/node"; fi
    # Tests that run side by side fetch it side by side: the first one stays.
    mv --no-target-directory "$packages" "$folder" 2>/dev/null || [[ -d $folder ]]
    rm -rf "$packages"
    trap - EXIT
}

if [[ ! -d $folder ]]; then
    echo "Fetching what $(basename "$requirements") lists from PyPI ..." >&2
    mkdir -p "$target/tools"
    fetch
fi
PYTHONPATH=$folder${PYTHONPATH:+:$PYTHONPATH} exec "$python" "$@"
