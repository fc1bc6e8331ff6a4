#!/bin/sh
# Prints the path of a Python that has scripts/requirements.txt, in a venv below .tributary made when needed.
# `python-env.sh chart` gives one with scripts/requirements-chart.txt, in a venv of its own.
set -eu
. "$(dirname -- "$0")/lib.sh"

WANTED=$ROOT/scripts/requirements${1:+-$1}.txt
VENV=$STATE/venv${1:+-$1}
if ! cmp -s "$WANTED" "$VENV/requirements.txt" || ! "$VENV/bin/python" -c '' 2>/dev/null; then
    command -v python3 >/dev/null 2>&1 || fail "缺少 Python 3：apt-get install python3-venv" "Python 3 is missing: apt-get install python3-venv"
    mkdir -p "$STATE"
    LOG=$STATE/python-env.log
    rm -rf "$VENV"
    say "正在准备测试用的 Python 环境 / preparing the Python environment of the tests: $VENV"
    if ! while_telling "python3 -m venv" python3 -m venv "$VENV" ||
        ! while_telling "pip install" "$VENV/bin/python" -m pip install --disable-pip-version-check -r "$WANTED"; then
        tail -n 5 "$LOG" >&2
        rm -rf "$VENV"
        fail "Python 环境准备失败（缺 venv 时：apt-get install python3-venv）" \
            "The Python environment could not be made (if venv is missing: apt-get install python3-venv)"
    fi
    rm -f "$LOG"
    # Last, so that an interrupted installation is done again.
    cp "$WANTED" "$VENV/requirements.txt"
fi
printf '%s\n' "$VENV/bin/python"
