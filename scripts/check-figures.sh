#!/bin/sh
# States how the demo's knowledge answers its three evaluation sets, beside the goals. The figures gate nothing; a
# figure that cannot be measured is a failure.
set -eu
. "$(dirname -- "$0")/lib.sh"

DEMO=$ROOT/cli/demo
BINARY=${CARGO_TARGET_DIR:-$ROOT/target}/debug/tributary

cd "$ROOT"
if [ ! -x "$BINARY" ]; then
    say "正在构建 / building $BINARY"
    cargo build --locked -p tributary >&2
elif [ -n "$(find services/ai-agent/src cli/src/eval.rs -type f -newer "$BINARY" | head -n 1)" ]; then
    say "源代码比程序新，数字可能不是现在的 / the sources are newer than the binary, so the figures may not be theirs"
fi

# measured SET KEY: one number of the report, as it stands there; nothing when it is not measured.
measured() {
    "$BINARY" eval faq --kb "$DEMO/knowledge.yaml" --queries "$DEMO/eval/$1.jsonl" --json 2>"$WORK/err" </dev/null |
        sed -n "s/^ *\"$2\": \([0-9][0-9.e-]*\),*\$/\1/p"
}

# state SET KEY GOAL WHAT: prints the figure in per cent with its goal. `max` figures are told as what is left to 1.
missing=0
state() {
    value=$(measured "$1" "$2")
    if [ -z "$value" ]; then
        missing=1
        printf '  %-14s %-46s not measured\n' "$1" "$4"
        sed 's/^/    /' "$WORK/err" >&2
        return 0
    fi
    awk -v set="$1" -v value="$value" -v goal="$3" -v what="$4" 'BEGIN {
        bound = substr(goal, 1, 2); limit = substr(goal, 3) + 0
        share = 100 * (bound == "<=" ? 1 - value : value)
        met = bound == "<=" ? share <= limit + 1e-9 : share >= limit - 1e-9
        printf "  %-14s %-46s %6.2f %%  goal %s %2d %%  %s\n", set, what, share, bound, limit, met ? "met" : "missed"
    }'
}

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
echo "Answers of the demo's knowledge ($("$BINARY" --version 2>/dev/null || echo tributary)):"
state paraphrases answered_right '>=80' "answered and right"
state near unanswerable_rejected '<=15' "answered although no entry answers"
state unrelated unanswerable_rejected '<=2' "answered although about something else"
[ "$missing" -eq 0 ] || fail "有数字未能测量" "A figure was not measured"
