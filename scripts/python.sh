#!/usr/bin/env bash
# Prints a Python that has pip: the one in PATH, or the system's where that one is a virtual environment without it. Ends
# with 1 where there is none.
set -euo pipefail

for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
        echo "$python"
        exit 0
    fi
done
exit 1
