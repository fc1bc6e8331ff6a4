#!/bin/sh
# Lints the project's shell scripts with the pinned shellcheck.
set -eu
cd "$(dirname -- "$0")/.."
python=$(scripts/python-env.sh)
"$(dirname -- "$python")/shellcheck" -x -P SCRIPTDIR scripts/*.sh .ci/run
echo "shell scripts: clean"
