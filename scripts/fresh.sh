#!/usr/bin/env bash
# Tries the first run: builds a bare Debian 12 with debootstrap in a folder of its own, gives it this machine's Rust and
# nothing else, and runs the set-up and `cargo check --workspace --all-targets` there, from nothing.
#
#     scripts/fresh.sh [--with PACKAGES] [--user] [--short | --demo | --test]
#
#     --with PACKAGES  a machine that has these Debian packages already: llvm,libclang-cpp14
#     --user           an account that cannot become root, on a machine where everything is installed
#     --short          no further than bindgen: the set-up for building, and `cargo check --package ffmpeg-sys-next`
#     --demo, --test   `make demo`, `make test`, in full
#
# Needs root, mounts and a network; installs debootstrap where apt-get can. What it fetches is kept in target/fresh, and
# so is what --short compiles but for FFmpeg's bindings. Removing that folder begins anew.
set -euo pipefail
cd "$(dirname "$0")/.."

SUITE=bookworm
# The number of the account of --user.
ACCOUNT=1000

fail() {
    printf 'scripts/fresh.sh: %s\n' "$@" >&2
    exit 1
}

usage() {
    sed -n 's/^# \{4,5\}//p' "$0" >&2
    exit 2
}

with=() account=0 form=check
while (($#)); do
    case $1 in
        --with)
            (($# > 1)) || usage
            IFS=', ' read -ra with <<<"$2"
            shift
            ;;
        --user) account=$ACCOUNT ;;
        --short | --demo | --test) form=${1#--} ;;
        *) usage ;;
    esac
    shift
done

require() {
    [[ $(id -u) == 0 ]] || fail "it needs root: sudo env \"PATH=\$PATH\" \"HOME=\$HOME\" scripts/fresh.sh"
    if ! command -v debootstrap >/dev/null; then
        command -v apt-get >/dev/null || fail 'debootstrap is missing: install it'
        { apt-get -q update && apt-get -q install -y --no-install-recommends debootstrap debian-archive-keyring; } >&2 ||
            fail 'debootstrap is missing. Once there is a network: apt-get update && apt-get install debootstrap'
    fi
    unshare --mount true 2>/dev/null || fail 'this machine lets nobody mount (a container without CAP_SYS_ADMIN?)'
    command -v cargo >/dev/null || fail 'Rust is missing: install it from https://rustup.rs'
    sysroot=$(rustc --print sysroot)
    [[ -x $sysroot/bin/cargo && $sysroot != /usr ]] ||
        fail "the Rust in $sysroot has no folder of its own that could be lent: install one from https://rustup.rs"
}

# A bare Debian, made once.
make_base() {
    [[ ! -d $cache/base ]] || return 0
    local mirror options=(--variant=minbase --cache-dir="$cache/packages")
    # The mirror of this machine where that is a Debian 12 too, else debootstrap's own.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $SUITE" 'Origin: Debian' \
        2>/dev/null | head -n1) || true
    if [[ $mirror == https* ]]; then options+=(--include=ca-certificates); fi
    rm -rf "$cache/base.part"
    debootstrap "${options[@]}" "$SUITE" "$cache/base.part" ${mirror:+"$mirror"} >"$cache/debootstrap.log" 2>&1 ||
        fail "debootstrap failed, see $cache/debootstrap.log; it needs a network: $(tail -n1 "$cache/debootstrap.log")"
    mv "$cache/base.part" "$cache/base"
}

# All crates in one folder, so that the fresh machine needs no settings of this one's cargo.
fetch_crates() {
    if ! cmp -s Cargo.lock "$cache/crates.lock"; then
        cargo vendor --quiet --locked "$cache/crates" >/dev/null || fail 'the crates cannot be fetched; is there a network?'
        cp Cargo.lock "$cache/crates.lock"
    fi
}

# A new machine, with the files that a clone would have.
make_machine() {
    local home=$root/root
    rm -rf "$root"
    cp -a --reflink=auto "$cache/base" "$root"
    mkdir -p "$root"/{opt/{rust,crates},upright/target} "$root/home"
    if ((account)); then
        home=$root/home/user
        echo "user:x:$ACCOUNT:$ACCOUNT::/home/user:/bin/bash" >>"$root/etc/passwd"
        echo "user:x:$ACCOUNT:" >>"$root/etc/group"
    fi
    mkdir -p "$home"
    # How this machine reaches others.
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
    { apt-config dump 2>/dev/null | grep '^Acquire::.*::Proxy' || true; } >"$root/etc/apt/apt.conf.d/50host"
    local variable certificates=${PIP_CERT:-${SSL_CERT_FILE:-}}
    for variable in {http,https,no,all}_proxy {HTTP,HTTPS,NO,ALL}_PROXY PIP_INDEX_URL; do
        if [[ -n ${!variable:-} ]]; then printf 'export %s=%q\n' "$variable" "${!variable}"; fi
    done >"$root/etc/network.sh"
    if [[ -f $certificates ]]; then
        cp -L "$certificates" "$root/opt/certificates.pem"
        echo 'export PIP_CERT=/opt/certificates.pem' >>"$root/etc/network.sh"
    fi
    # Nothing here has to outlive a power cut.
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
    # Where cargo looks for whoever calls it.
    mkdir -p "$root/.cargo"
    cat >"$root/.cargo/config.toml" <<'END'
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "/opt/crates"
END
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
        tar --create --null --files-from=- --ignore-failed-read 2>/dev/null | tar --extract --directory "$root/upright"
    chown -R "$account:$account" "$home" "$root/upright"
    # Bindgen is what is tried, and cargo does not see that other packages are installed; the long forms try every
    # build script.
    if [[ $form == short ]]; then
        rm -rf "$cache"/target/*/{build,.fingerprint}/ffmpeg-sys-next-*
    else
        rm -rf "$cache/target"
    fi
    mkdir -p "$cache/target"
    if [[ $(stat -c %u "$cache/target") != "$account" ]]; then chown -R "$account:$account" "$cache/target"; fi
}

# on_machine ACCOUNT COMMAND...: what is mounted for it is seen by nobody else and goes with it, however that ends. Its
# processes are a family of their own, which a signal to us ends at once; apt would go on.
on_machine() {
    # shellcheck disable=SC2016
    unshare --mount --propagation private --pid --fork --kill-child bash -c '
        set -eu
        lend() { mount --bind "$1" "$root/$2" && mount -o remount,bind,ro "$root/$2"; }
        mount -t proc proc "$root/proc"
        mount -t sysfs -o ro sysfs "$root/sys" 2>/dev/null || true
        mount --bind /dev "$root/dev"
        mount --bind /dev/pts "$root/dev/pts"
        mount -t tmpfs tmpfs "$root/dev/shm"
        lend "$sysroot" opt/rust
        lend "$cache/crates" opt/crates
        mount --bind "$cache/packages" "$root/var/cache/apt/archives"
        mount --bind "$cache/target" "$root/upright/target"
        who=$1 home=/root path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        if [ "$who" != 0 ]; then home=/home/user path=/usr/local/bin:/usr/bin:/bin; fi
        shift
        exec chroot --userspec="$who:$who" "$root" env -i HOME="$home" PATH="/opt/rust/bin:$path" \
            bash -c ". /etc/network.sh; cd /upright; exec \"\$@\"" bash "$@"
    ' bash "$@" &
    machine=$!
    local code=0
    wait "$machine" || code=$?
    machine=
    return "$code"
}

# install_packages PACKAGES...: puts them there before the set-up.
install_packages() {
    on_machine 0 apt-get -q update
    on_machine 0 env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@"
}

first_run() {
    if ((${#with[@]})); then install_packages "${with[@]}"; fi
    case $form in
        # The README asks for it.
        demo | test) install_packages make ;;
    esac
    local needs=(build)
    if [[ $form != short ]]; then needs+=(test demo); fi
    if ((account)); then on_machine 0 scripts/setup.sh "${needs[@]}"; fi
    case $form in
        short | check)
            on_machine "$account" scripts/setup.sh "${needs[@]}"
            if [[ $form == short ]]; then
                on_machine "$account" cargo check --locked --package ffmpeg-sys-next
            else
                on_machine "$account" cargo check --locked --workspace --all-targets
            fi
            ;;
        *) on_machine "$account" make "$form" ;;
    esac
}

require
mkdir -p "${CARGO_TARGET_DIR:-target}/fresh"
cache=$(realpath "${CARGO_TARGET_DIR:-target}/fresh")
root=$cache/machine
export cache root sysroot
exec {lock}>"$cache/lock"
flock --nonblock "$lock" || { echo 'scripts/fresh.sh: another one is at work; waiting for it' >&2 && flock "$lock"; }
mkdir -p "$cache/packages"
begin=$EPOCHSECONDS what="a bare Debian 12${with[*]:+ with ${with[*]}}"
if ((account)); then what+=', by an account without root'; fi
finish() {
    local code=$?
    if [[ -n ${machine:-} ]] && kill -KILL "$machine" 2>/dev/null; then wait "$machine" 2>/dev/null || true; fi
    # What was lent to the machine is mounted elsewhere: here its folders are empty.
    rm -rf "$root"
    local how=failed
    if ((code == 0)); then how="passed in $((EPOCHSECONDS - begin)) s"; fi
    echo "scripts/fresh.sh: $form on $what: $how" >&2
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
make_base
fetch_crates
make_machine
first_run
