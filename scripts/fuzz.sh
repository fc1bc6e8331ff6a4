#!/bin/sh
# fuzz.sh [PARSER...]: feeds every parser of bytes from outside with what a fuzzer (libFuzzer) thinks of, and holds it to
# what fuzz/src/promise.rs says. Ends with 1 at the first input that breaks it, and says where that input is.
#
# FUZZ_SECONDS=30 for each parser; FUZZ_JOBS=1 parsers at a time; FUZZ_MAX_LEN=16384 bytes of one input; FUZZ_FOLDER for
# what it finds (target/fuzz): what was interesting is kept there and used again.
set -eu
. "$(dirname -- "$0")/lib.sh"

SECONDS_EACH=${FUZZ_SECONDS:-30}
JOBS=${FUZZ_JOBS:-1}
MAX_LEN=${FUZZ_MAX_LEN:-16384}
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
FOLDER=${FUZZ_FOLDER:-$TARGET/fuzz}
# Backstops of the process, far above the promise: the corpus lies in memory, too, and a hang must end. By the clock on the
# wall, so a machine that gives the fuzzer little is no hang.
RSS_MAX_MB=1024
HANG_S=300
TELL_EVERY_S=10

cd "$ROOT"
parsers=${*:-$(sed -n 's/^name = "fuzz-\(.*\)"$/\1/p' fuzz/Cargo.toml)}

# Ours are built beside those of the tests, optimised and counting. Third-party crates are the tests' own as far as their
# features agree, which is why `integration`, which has no binary, is named beside: it needs nearly all of them.
build() {
    say "正在构建 / building the fuzzer: $TARGET"
    CARGO_PROFILE_DEV_OPT_LEVEL=2 RUSTC_WORKSPACE_WRAPPER=$ROOT/scripts/fuzz-rustc.sh \
        cargo build --locked -p fuzz -p integration --features fuzz/fuzzer --bins >&2
}

# figures PARSER: what its finished run says of itself, on one line.
figures() {
    stat() { sed -n "s/^stat::$1: *//p" "$FOLDER/log/$2"; }
    dearest=$(cat "$FOLDER/figures/$1" 2>/dev/null || echo 0 0)
    kept=$(find "$FOLDER/found/$1" "fuzz/corpus/$1" -type f | wc -l)
    printf '%s\n' "$1 $(stat number_of_executed_units "$1") $(stat average_exec_per_sec "$1") $kept $dearest" |
        awk '{ printf "%-20s %12d %9d %8d %14.3f %12.2f\n", $1, $2, $3, $4, $5 / 1e6, $6 / 1048576 }'
}

# told PARSER: why it ended, which input did it, and how to see it again.
told() {
    log=$FOLDER/log/$1
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    say ""
    grep -E -A1 'panicked at|ERROR: libFuzzer|No such file|error while' "$log" | head -n 6 >&2 || true
    say "$1: 解析器违反了约定 / the parser broke its promise"
    say "  输入 / input: ${input:-（见日志）(see $log)}"
    say "  再试 / again: $TARGET/debug/fuzz-$1 ${input:-}"
}

# one PARSER: fuzzes it, says every ten seconds where it is, and at the end its figures.
one() {
    for part in found/"$1" broken figures log; do mkdir -p "$FOLDER/$part"; done
    rm -f "$FOLDER/figures/$1"
    FUZZ_FIGURES=$FOLDER/figures/$1 "$TARGET/debug/fuzz-$1" "$FOLDER/found/$1" "fuzz/corpus/$1" \
        -dict="fuzz/dictionaries/$1.dict" -max_total_time="$SECONDS_EACH" -max_len="$MAX_LEN" \
        -timeout="$HANG_S" -report_slow_units="$HANG_S" -rss_limit_mb="$RSS_MAX_MB" \
        -artifact_prefix="$FOLDER/broken/$1-" -print_final_stats=1 \
        >"$FOLDER/log/$1" 2>&1 </dev/null &
    fuzzer=$!
    # An end from outside, such as Ctrl-C, ends the fuzzer, too.
    trap 'kill "$fuzzer" 2>/dev/null; exit 130' INT TERM
    waited=0
    while kill -0 "$fuzzer" 2>/dev/null; do
        sleep 1
        waited=$((waited + 1))
        [ $((waited % TELL_EVERY_S)) -ne 0 ] || say "  $1 ... ${waited} s"
    done
    if wait "$fuzzer"; then figures "$1"; else told "$1" && return 1; fi
}

running=""
# shellcheck disable=SC2086 # a list of numbers
trap '[ -z "$running" ] || kill $running 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

# settle COUNT: waits until no more than so many run; the first that breaks its promise ends all.
settle() {
    while :; do
        left=""
        for pid in $running; do
            if kill -0 "$pid" 2>/dev/null; then left="${left:+$left }$pid"; else wait "$pid" || exit 1; fi
        done
        running=$left
        [ "$(printf '%s\n' "$running" | wc -w)" -gt "$1" ] || return 0
        sleep 0.2
    done
}

build
say "每个解析器 / for each parser: ${SECONDS_EACH} s"
printf '%-20s %12s %9s %8s %14s %12s\n' parser executions "per s" corpus "slowest ms/KB" "peak MB"
for parser in $parsers; do
    settle $((JOBS - 1))
    one "$parser" &
    running="${running:+$running }$!"
done
settle 0
say "约定都守住了 / every promise was kept"
