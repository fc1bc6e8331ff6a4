#!/bin/sh
# check-chart.sh [--update]: checks the chart without a cluster. --update writes the golden renders and deploy/k8s anew.
set -eu
. "$(dirname -- "$0")/lib.sh"
cd "$ROOT"

CHART=charts/tributary
CASES="small small-full medium medium-full"

update=
case ${1:-} in
'') ;;
--update) update=yes ;;
*) fail "usage: check-chart.sh [--update]" ;;
esac
tools=$(scripts/chart-tools.sh)
python=$(scripts/python-env.sh chart)
PATH=$tools:$PATH
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

render() { helm template tributary "$CHART" -n tributary -f "tests/chart/values/$1.yaml"; }
step() { say "== $*"; }

step "one version of the suite, one of nats-server"
# agrees FILE TEXT: the file holds the text.
agrees() { grep -qF -e "$2" "$1" || fail "$1 does not hold '$2'"; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
agrees "$CHART/Chart.yaml" "appVersion: $version"
agrees deploy/k8s/eval/kustomization.yaml "newTag: $version}"
nats=$(sed -n 's/^GO_MODULE=//p' scripts/nats-server.sh)
agrees Dockerfile "$nats"
agrees deploy/k8s/nats/medium.yaml "tag: ${nats##*@v}-"

step "lint, per profile"
for case in $CASES; do
    helm lint --strict --quiet "$CHART" -n tributary -f "tests/chart/values/$case.yaml"
done

step "golden renders"
drift=
# same FILE WANTED: FILE is as WANTED, or becomes so with --update.
same() {
    if [ -n "$update" ]; then
        cp "$2" "$1"
    elif ! diff -u "$1" "$2"; then
        drift=yes
    fi
}
mkdir -p tests/chart/golden
for case in $CASES; do
    render "$case" >"$WORK/$case.yaml"
    same "tests/chart/golden/$case.yaml" "$WORK/$case.yaml"
done

step "deploy/k8s is as the chart renders it"
for profile in small medium; do
    {
        echo "# Profile $profile, rendered by scripts/check-chart.sh --update from charts/tributary with"
        echo "# tests/chart/values/$profile.yaml: for a cluster without Helm. docs/install.md says what has to be there first."
        cat deploy/k8s/eval/namespace.yaml
        helm template tributary "$CHART" -n tributary -f "tests/chart/values/$profile.yaml" --skip-tests
    } >"$WORK/deploy-$profile.yaml"
    same "deploy/k8s/$profile.yaml" "$WORK/deploy-$profile.yaml"
done
[ -z "$drift" ] || fail "the renders differ: look at the difference, then scripts/check-chart.sh --update"

step "kubeconform, for each version of Kubernetes"
for schemas in "$STATE"/chart-schemas/v*; do
    say "   ${schemas##*/}"
    kubeconform -strict -summary -schema-location "$schemas/{{.ResourceKind}}{{.KindSuffix}}.json" \
        -schema-location "$STATE/chart-schemas/{{.ResourceKind}}{{.KindSuffix}}.json" \
        "$WORK"/small*.yaml "$WORK"/medium*.yaml deploy/k8s/eval/n*.yaml deploy/k8s/eval/postgres.yaml >&2
done

step "kube-score, but for what tests/chart/kube-score.txt excepts"
excepted=$(sed -n 's/^\([a-z][a-z-]*\)  *.*/--ignore-test \1/p' tests/chart/kube-score.txt)
for case in $CASES; do
    # shellcheck disable=SC2086 # a list of options
    kube-score score --output-format ci $excepted "$WORK/$case.yaml" >"$WORK/score" ||
        { grep -v '^\[OK\]\|^\[SKIPPED\]' "$WORK/score" >&2; fail "kube-score: $case"; }
done

step "rules of alerts, and the cases that they must and must not fire in"
promtool=$(scripts/promtool.sh)
"$promtool" check rules "$CHART/rules/tributary.yaml" >&2
"$promtool" test rules tests/chart/rules/tributary.test.yaml >&2

step "what is wrong is refused, with the value's name"
"$python" tests/chart/refusals.py "$CHART"

step "every value is read by a template"
"$python" tests/chart/values_read.py "$CHART"
echo "chart: clean"
