#!/usr/bin/env bash
# Checks that Upright compiles with the oldest Rust that it promises: the `rust-version` of Cargo.toml. See `make msrv`.
#
#     scripts/msrv.sh [--if-available]
#
#     --if-available  where that Rust can be neither found nor installed, say so and succeed
set -euo pipefail
cd "$(dirname "$0")/.."

# Seconds that installing may take.
PATIENCE=300
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

installed() { rustup run "$oldest" rustc --version >/dev/null 2>&1; }

if ! installed && ! timeout "$PATIENCE" rustup toolchain install "$oldest" --profile minimal --no-self-update; then
    echo "NOTE: rustup cannot install Rust $oldest here: that Upright compiles with it was not checked." >&2
    [[ ${1:-} == --if-available ]]
    exit
fi
# In a folder of its own, so that neither Rust throws away what the other made.
cargo "+$oldest" check --locked --workspace --target-dir "${CARGO_TARGET_DIR:-target}/msrv"
