#!/usr/bin/env bash
# Makes a Debian package of the program, with its manual pages, completions and licences, and says where it is.
# cli/Cargo.toml says what is in it. A cargo-deb that is installed is taken, else one is built. See `make deb`.
#
#     scripts/deb.sh [--no-build]
#
#     --no-build  takes the program in target/release as it is
set -euo pipefail
cd "$(dirname "$0")/.."

CARGO_DEB=3.8.0
target=${CARGO_TARGET_DIR:-target}
case "$*" in
    '') cargo build --release --locked --package upright ;;
    --no-build) ;;
    *)
        sed -n 's/^# \{4,5\}//p' "$0" >&2
        exit 2
        ;;
esac

mkdir -p "$target/tools/bin"
PATH=$(realpath "$target/tools/bin"):$PATH
command -v cargo-deb >/dev/null || cargo install cargo-deb --version "$CARGO_DEB" --locked --root "$target/tools"

# cargo-deb finds it there, wherever the folder of the target is.
package=$target/release/package
rm -rf "$package"
mkdir -p "$package/completions"
"$target/release/upright" man --output "$package/man"
"$target/release/upright" completions bash >"$package/completions/upright"
"$target/release/upright" completions zsh >"$package/completions/_upright"
"$target/release/upright" completions fish >"$package/completions/upright.fish"
gzip --best --no-name "$package"/man/*.1
scripts/licences.sh | gzip --best --no-name >"$package/licences.gz"

cargo deb --package upright --no-build --locked --strip
