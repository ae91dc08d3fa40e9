#!/usr/bin/env bash
# Fetches packages from PyPI, checks them by their hashes, and unpacks them into a folder.
#
#     scripts/from-pypi.sh REQUIREMENTS.txt FOLDER
set -euo pipefail

requirements=$1 folder=$2
if ! python=$("$(dirname "$0")/python.sh"); then
    echo "There is no pip to fetch it with (Debian: apt-get install python3-pip)." >&2
    exit 1
fi
"$python" -m pip download --quiet --no-deps --only-binary=:all: --require-hashes --dest "$folder" \
    --requirement "$requirements" >&2
for wheel in "$folder"/*.whl; do
    "$python" -m zipfile -e "$wheel" "$folder"
done
