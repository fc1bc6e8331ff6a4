# shellcheck shell=sh disable=SC2034
# Shared by the scripts of this folder: where tools live, progress, a clear last word. Sourced, POSIX sh.

# The tree this script belongs to, whatever the caller's folder.
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# Everything the project installs or writes by itself goes below this folder (TRIBUTARY_DIR overrides it).
STATE=${TRIBUTARY_DIR:-$ROOT/.tributary}

# Under `env -i`, cron or a container HOME may be unset, and go, cargo and pip all want one.
if [ -z "${HOME:-}" ]; then
    HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6)
    [ -n "$HOME" ] || HOME=/
    export HOME
fi

# A bare PATH misses the usual homes of go and cargo. TRIBUTARY_PATH replaces this list (the tests do).
PATH=$PATH:${TRIBUTARY_PATH-/usr/local/go/bin:/usr/local/bin:/usr/lib/go/bin:$HOME/go/bin:$HOME/.cargo/bin:/usr/sbin:/sbin}
export PATH

# Progress and words go to standard error: standard output belongs to the answer.
say() { printf '%s\n' "$*" >&2; }

# The last word: what failed and the remedy, in Chinese and English.
fail() {
    say ""
    for line in "$@"; do say "$line"; done
    exit 1
}

# while_telling WHAT COMMAND...: runs the command with its output in $LOG, and says after two seconds and
# then every ten that it is still at it. At most ten minutes.
while_telling() {
    what=$1
    shift
    "$@" >"$LOG" 2>&1 </dev/null &
    job=$!
    began=$(date +%s)
    told=0
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.2
        spent=$(($(date +%s) - began))
        if [ "$spent" -ge 600 ]; then
            say "  $what: no end after ${spent} s, given up"
            kill "$job" 2>/dev/null
            wait "$job" 2>/dev/null
            return 124
        fi
        if [ "$spent" -ge 2 ] && { [ "$told" -eq 0 ] || [ $((spent - told)) -ge 10 ]; }; then
            say "  $what ... ${spent} s"
            told=$spent
        fi
    done
    wait "$job"
}

# as_root COMMAND...: with sudo only when we are not root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        fail "需要 root 权限：$*" "Root is needed and sudo is missing. As root, run: $*"
    fi
}
