#!/bin/sh
# fuzz-rustc.sh RUSTC ARGUMENTS...: the compiler of our crates while cargo builds the fuzzer: they count what they run
# through and tell what they compare (LLVM's SanitizerCoverage). A stable toolchain is enough.
set -eu

exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
