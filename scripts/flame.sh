#!/bin/sh
# flame.sh: a flame graph of the suite's process while it answers as fast as it can, as bench/flame.svg.
#
# Builds the release profile with line tables and frame pointers, in a target folder of its own.
set -eu
. "$(dirname -- "$0")/lib.sh"

INFERNO_VERSION=0.12.3

command -v perf >/dev/null 2>&1 || fail "缺少 perf：apt-get install linux-perf" "perf is missing: apt-get install linux-perf"
TOOLS=$STATE/inferno-$INFERNO_VERSION
if [ ! -x "$TOOLS/bin/inferno-flamegraph" ]; then
    mkdir -p "$STATE"
    LOG=$STATE/inferno.log
    say "正在安装 / installing: inferno $INFERNO_VERSION"
    while_telling "cargo install inferno" cargo install --locked --root "$TOOLS" --no-default-features --features cli \
        --version "$INFERNO_VERSION" inferno || {
        tail -n 5 "$LOG" >&2
        fail "安装失败：inferno" "inferno could not be installed"
    }
    rm -f "$LOG"
fi

export CARGO_TARGET_DIR="$ROOT/target/flame"
export CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
export RUSTFLAGS="-C force-frame-pointers=yes"
cargo build --release --locked -p tributary -p bench

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
"$CARGO_TARGET_DIR/release/bench" --flame "$WORK/perf.data"
# What perf cannot name goes along as it is.
perf script -i "$WORK/perf.data" --no-inline >"$WORK/perf.txt" 2>/dev/null
"$TOOLS/bin/inferno-collapse-perf" "$WORK/perf.txt" >"$WORK/folded" 2>/dev/null
commit=$(git -C "$ROOT" describe --always --dirty 2>/dev/null || echo "?")
"$TOOLS/bin/inferno-flamegraph" --minwidth 0.7 --title "tributary run, answering ($commit)" "$WORK/folded" >"$ROOT/bench/flame.svg"
say "bench/flame.svg"
