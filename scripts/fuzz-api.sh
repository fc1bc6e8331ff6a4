#!/bin/sh
# fuzz-api.sh: asks the REST API of a running suite whatever its own OpenAPI document allows and forbids (schemathesis),
# without a token and with one of every role. No answer may be a 5xx or other than the document says.
#
# FUZZ_API_EXAMPLES=30 made-up requests of each operation and role; FUZZ_API_SEED=20261126: the same seed asks the same;
# FUZZ_API_COVERAGE=yes also asks every value at a border once; TRIBUTARY_BINARY is the suite (the debug binary is built
# if it is not there). The suite is one of its own, on free ports, in a throw-away folder.
set -eu
. "$(dirname -- "$0")/lib.sh"

EXAMPLES=${FUZZ_API_EXAMPLES:-30}
SEED=${FUZZ_API_SEED:-20261126}
COVERAGE=${FUZZ_API_COVERAGE:-yes}
BINARY=${TRIBUTARY_BINARY:-${CARGO_TARGET_DIR:-$ROOT/target}/debug/tributary}
# Not signed in, and the roles of services/console/src/access.rs. Those who answer customers are an agent of the demo.
CALLERS="nobody admin supervisor agent auditor integration"
CHECKS=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance
CHECKS=$CHECKS,response_schema_conformance,ignored_auth,unsupported_method,allow_header_conformance
READY_WITHIN_S=60

WORK=$(mktemp -d)
suite=""
asking=""
# shellcheck disable=SC2317,SC2329 # called by the trap
clean_up() {
    trap '' INT TERM
    for pid in $asking $suite; do kill "$pid" 2>/dev/null || true; done
    # The suite stops the nats-server that it started.
    [ -z "$suite" ] || wait "$suite" 2>/dev/null || true
    rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

cd "$ROOT"
if [ ! -x "$BINARY" ]; then
    say "正在构建 / building $BINARY"
    cargo build --locked -p tributary >&2
fi
python=$(scripts/python-env.sh api)

start() {
    PATH="$(dirname "$(scripts/nats-server.sh)"):$PATH" "$BINARY" run --demo --data "$WORK/data" \
        --listen-http 127.0.0.1:0 --listen-api 127.0.0.1:0 --listen-admin 127.0.0.1:0 --listen-grpc 127.0.0.1:0 \
        >"$WORK/suite.log" 2>&1 </dev/null &
    suite=$!
    waited=0
    # The demo's token is the last thing that a start makes.
    until [ -s "$WORK/data/demo/token" ]; do
        kill -0 "$suite" 2>/dev/null && [ "$waited" -lt $((READY_WITHIN_S * 10)) ] || {
            tail -n 20 "$WORK/suite.log" >&2
            fail "套件没有启动 / the suite did not start"
        }
        sleep 0.1
        waited=$((waited + 1))
    done
    api=$(sed -n 's/^ *"api": "\(.*\)",$/\1/p' "$WORK/data/run.json")
}

# token ROLE: a new one of the demo tenant.
token() {
    agent=""
    case $1 in admin | supervisor | agent) agent="--agent xiaolin" ;; esac
    # shellcheck disable=SC2086 # an option and its value, or none
    "$BINARY" token create --data "$WORK/data" --role "$1" $agent --name fuzz --json 2>"$WORK/token.err" |
        sed -n 's/^ *"token": "\(.*\)",*$/\1/p'
}

# ask CALLER: all operations, as that caller. The request that went wrong is told as a curl line.
ask() {
    phases=fuzzing
    [ "$COVERAGE" != yes ] || phases=coverage,fuzzing
    set -- "$1" run "$api/api/v1/openapi.json" --no-color --warnings off --phases "$phases" --checks "$CHECKS" \
        --max-examples "$EXAMPLES" --seed "$SEED" --generation-database none --request-timeout 60 \
        --output-sanitize false --suppress-health-check all --max-failures 5
    caller=$1
    shift
    if [ "$caller" != nobody ]; then
        credential=$(token "$caller")
        [ -n "$credential" ] || { cat "$WORK/token.err" >&2; fail "没有得到令牌 / no token of the role $caller was made"; }
        set -- "$@" --header "Authorization: Bearer $credential"
    fi
    began=$(date +%s)
    (cd "$WORK" && FUZZ_API_IDS=$WORK/ids.json PYTHONPATH=$ROOT/scripts PYTHONDONTWRITEBYTECODE=1 \
        SCHEMATHESIS_HOOKS=fuzz_api_hooks exec "$(dirname "$python")/schemathesis" "$@") >"$WORK/$caller.log" 2>&1 </dev/null &
    asking=$!
    if wait "$asking"; then
        asking=""
        cases=$(sed -n 's/^ *\([0-9]*\) generated.*/\1/p' "$WORK/$caller.log" | tail -n 1)
        [ -n "$cases" ] || { cat "$WORK/$caller.log" >&2; fail "没有提出任何请求 / nothing was asked as $caller"; }
        printf '%-12s %6d requests in %3d s: as the document says\n' "$caller" "$cases" "$(($(date +%s) - began))"
        return 0
    fi
    asking=""
    sed -n '/FAILURES\|ERRORS/,$p' "$WORK/$caller.log" >&2
    grep -q 'FAILURES\|ERRORS' "$WORK/$caller.log" || tail -n 30 "$WORK/$caller.log" >&2
    grep -E ' (ERROR|WARN) ' "$WORK/suite.log" | tail -n 20 >&2 || true
    fail "以 $caller 的身份，有回答与文档不符（种子 $SEED）" "As $caller an answer was not as the document says (seed $SEED)"
}

say "正在启动套件并播放演示 / starting a suite and playing the demo"
start
"$BINARY" demo --data "$WORK/data" --rate 200 >"$WORK/demo.log" 2>&1 </dev/null &
asking=$!
# Its figures are no business of this script; what it leaves behind is.
wait "$asking" || true
asking=""
"$python" scripts/fuzz_api_ids.py "$api" "$(cat "$WORK/data/demo/token")" >"$WORK/ids.json" || {
    tail -n 20 "$WORK/demo.log" >&2
    fail "演示没有留下可用的数据 / the demo left nothing to ask about"
}
say "种子 / seed: $SEED; 每个操作的例子 / examples of each operation: $EXAMPLES"
for caller in $CALLERS; do ask "$caller"; done
kill -0 "$suite" 2>/dev/null || fail "套件中途停止了 / the suite stopped"
say "每个回答都符合文档 / every answer was as the document says"
