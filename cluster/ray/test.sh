#!/usr/bin/env bash
# Tests upright-ray on a cluster of two nodes on this machine, in a virtual environment that is made on the first run.
#
#     [UPRIGHT=BINARY] cluster/ray/test.sh [ARGUMENTS OF PYTEST]
set -euo pipefail

RAY=2.60.0
PYTEST=9.2.0
FSSPEC=2026.9.0
SETUPTOOLS=84.2.1

root=$(realpath "$(dirname "$0")/../..")
here=$root/cluster/ray
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
export UPRIGHT=${UPRIGHT:-$target/debug/upright}
if [[ ! -x $UPRIGHT ]]; then
    echo "cluster/ray/test.sh: there is no $UPRIGHT: build it (cargo build), or name one in UPRIGHT" >&2
    exit 1
fi

# One that brings pip: a virtual environment without it may come first in PATH.
for python in python3 /usr/bin/python3 none; do
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then break; fi
done
if [[ $python == none ]]; then
    echo 'cluster/ray/test.sh: there is no Python with venv (Debian: apt-get install python3-venv)' >&2
    exit 1
fi

environment=$target/tools/ray-$RAY-$("$python" -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
# The mark comes last: a fetch that was cut short is begun anew.
if [[ ! -e $environment/complete ]]; then
    echo "Fetching Ray $RAY from PyPI ..." >&2
    "$python" -m venv --clear "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        "ray==$RAY" "pytest==$PYTEST" "fsspec==$FSSPEC" "setuptools==$SETUPTOOLS"
    touch "$environment/complete"
fi
# setuptools builds in the folder of the source: in a copy, so that nothing is left there.
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
cp -r "$here/pyproject.toml" "$here/README.md" "$here/upright_ray" "$source"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --force-reinstall "$source"

export RAY_USAGE_STATS_ENABLED=0 RAY_DISABLE_IMPORT_WARNING=1 PYTHONDONTWRITEBYTECODE=1
"$environment/bin/python" -m pytest -q -p no:cacheprovider "$here/tests" "$@"
