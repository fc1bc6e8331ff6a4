#!/bin/sh
# Prints the path of a promtool: the one on PATH, else the one of Debian's package, which is unpacked and not installed.
set -eu
. "$(dirname -- "$0")/lib.sh"

PROGRAM=$STATE/prometheus/usr/bin/promtool
LOG=$STATE/promtool.log
if found=$(command -v promtool 2>/dev/null); then
    PROGRAM=$found
elif [ ! -x "$PROGRAM" ]; then
    say "正在取得 promtool / getting promtool from Debian's package prometheus"
    mkdir -p "$STATE/prometheus"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # apt's own user writes to it.
    chmod 755 "$work"
    # take: the package's content below $STATE.
    take() {
        cd "$work" && apt-get download prometheus && dpkg -x "$work"/prometheus_*.deb "$STATE/prometheus"
    }
    while_telling "apt-get download" take || {
        tail -n 5 "$LOG" >&2
        fail "无法取得 promtool：apt-get install prometheus" "promtool cannot be had: apt-get install prometheus"
    }
    rm -f "$LOG"
fi
printf '%s\n' "$PROGRAM"
