#!/bin/sh
# The long form of the faults, one after the other, and their results in bench/faults-long.md: commit, machine, and for
# each test its outcome, its time and what it told. FAULTS_ONLY takes the tests whose name holds a word, FAULTS_WITHOUT
# those whose name does not.
# SEED repeats a run of those that throw dice.
set -eu
. "$(dirname -- "$0")/lib.sh"
cd "$ROOT"

OUT=${FAULTS_OUT:-bench/faults-long.md}
ONLY=${FAULTS_ONLY:-}
WITHOUT=${FAULTS_WITHOUT:-}
# Crate, file of tests and test.
TESTS="
spine faults cluster::each_node_of_a_cluster_killed_in_turn_under_load_loses_and_doubles_nothing
spine faults cluster::a_storm_of_leaders_that_step_down_under_load_loses_and_doubles_nothing
spine faults power::a_power_cut_loses_nothing_acknowledged_and_the_same_cut_without_syncs_does
integration it killed::any_of_seven_processes_killed_again_and_again_loses_and_doubles_nothing
integration it nats::a_nats_server_killed_ten_times_under_load_loses_and_doubles_nothing
integration it database::a_postgres_that_is_killed_again_and_again_under_load_loses_and_doubles_nothing
integration it replicas::two_of_each_role_started_anew_one_after_the_other_refuse_nobody
integration it frozen::two_of_a_role_that_stand_past_their_leases_and_go_on_lose_and_double_nothing
integration it model::random_operations_and_faults_below_leave_the_suite_where_the_model_says
"

if [ -z "${TEST_DATABASE_URL:-}" ]; then
    exec scripts/with-postgres.sh "$0" "$@"
fi
PATH=$(dirname "$(scripts/nats-server.sh)"):$PATH
FAULTS=long
export PATH FAULTS
say "正在构建 / building"
cargo build --locked -q -p tributary
cargo test --locked -q --no-run -p spine -p integration
work=$(mktemp)
rows=$(mktemp)
trap 'rm -f "$work" "$work.list" "$rows"' EXIT
failed=0
printf '%s\n' "$TESTS" | sed '/^$/d' >"$work.list"
while read -r crate file test; do
    case $test in *"$ONLY"*) ;; *) continue ;; esac
    if [ -n "$WITHOUT" ]; then case $test in *"$WITHOUT"*) continue ;; esac; fi
    say "== $test ($(date -u +%H:%M:%S))"
    began=$(date +%s)
    outcome=passed
    RUST_BACKTRACE=0 cargo test --locked -q -p "$crate" --test "$file" -- --exact --nocapture "$test" >"$work" 2>&1 </dev/null || {
        outcome=FAILED
        failed=1
        grep -A4 'panicked at' "$work" >&2 || true
        tail -n 40 "$work" >&2
    }
    # A test that was renamed runs nothing, and one that the machine does not let run says so.
    if [ "$outcome" = passed ] && ! grep -q '1 passed' "$work"; then
        outcome="NOT RUN"
        failed=1
    elif grep -q '^skipped' "$work"; then
        outcome=skipped
    fi
    # What a test tells of itself: seeds, counts, times; the last ones, which are those of a failure.
    told=$(sed -n '/SEED=/s/.*SEED/SEED/p; /^skipped/p; /^without syncs/p; /^answered again/p; /rolled back$/p' "$work" | tail -n 2 | paste -sd ';' -)
    printf '| %s | %s | %s s | %s |\n' "${test#*::}" "$outcome" $(($(date +%s) - began)) "$told" >>"$rows"
    say "== $outcome after $(($(date +%s) - began)) s $told"
done <"$work.list"
rm -f "$work.list"
[ -s "$rows" ] || fail "没有可运行的测试（FAULTS_ONLY=$ONLY FAULTS_WITHOUT=$WITHOUT）" "no test is left by FAULTS_ONLY=$ONLY and FAULTS_WITHOUT=$WITHOUT"
# What is written by hand begins with a heading of its own and stays.
by_hand=$(sed -n '/^## /,$p' "$OUT" 2>/dev/null || true)
{
    echo "# The long form of the faults"
    echo
    echo "By \`make faults-long\` on $(date -u +%F) at commit $(git rev-parse --short HEAD); $(nproc) cores, $(uname -sr), $(nats-server --version), development profile."
    echo
    echo "| test | outcome | time | told |"
    echo "|---|---|---|---|"
    cat "$rows"
    [ -z "$by_hand" ] || printf '\n%s\n' "$by_hand"
} >"$OUT"
say "$OUT"
exit "$failed"
