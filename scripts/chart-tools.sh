#!/bin/sh
# Prints a folder with helm, kubeconform and kube-score in the pinned versions, building what is missing with Go, and
# with the schemas that kubeconform reads. Standard output carries the path and nothing else.
set -eu
. "$(dirname -- "$0")/lib.sh"

BIN=$STATE/bin
SCHEMAS=$STATE/chart-schemas
# The oldest that the chart admits, and the newest whose schema there is.
KUBERNETES=v1.30.0,v1.37.0
# What carries the definitions of the kinds that are not Kubernetes's own.
CRDS="sigs.k8s.io/gateway-api@v1.5.1 github.com/prometheus-operator/prometheus-operator@v0.85.0"

command -v go >/dev/null 2>&1 ||
    fail "缺少 Go：安装 Go 1.26 或更新" "Go is missing, which builds helm, kubeconform and kube-score: install Go 1.26 or newer"
mkdir -p "$BIN"
LOG=$STATE/chart-tools.log

# A binary says by itself which module and version it was built from.
is_pinned() { go version -m "$1" 2>/dev/null | grep -q "^	mod	$2	$3	"; }

# tool NAME MODULE VERSION PACKAGE: in $BIN, linked from PATH when the pinned one is there.
tool() {
    if is_pinned "$BIN/$1" "$2" "$3"; then return 0; fi
    found=$(command -v "$1" 2>/dev/null || true)
    if [ -n "$found" ] && is_pinned "$found" "$2" "$3"; then
        ln -sf "$found" "$BIN/$1"
        return 0
    fi
    say "正在用 Go 构建 / building with Go: $1 $3"
    while_telling "go install" env GOBIN="$BIN" CGO_ENABLED=0 go install "$2${4:-}@$3" || {
        tail -n 5 "$LOG" >&2
        fail "$1 构建失败" "$1 could not be built"
    }
}

tool helm helm.sh/helm/v4 v4.3.1 /cmd/helm
tool kubeconform github.com/yannh/kubeconform v0.8.0 /cmd/kubeconform
tool kube-score github.com/zegl/kube-score v1.20.0 /cmd/kube-score

if [ "$(cat "$SCHEMAS/made-of" 2>/dev/null || true)" != "$KUBERNETES $CRDS" ]; then
    python=$("$ROOT/scripts/python-env.sh" chart)
    rm -rf "$SCHEMAS"
    mkdir -p "$SCHEMAS"
    # go mod download wants to be in a module.
    printf 'module schemas\n' >"$SCHEMAS/go.mod"
    folders=
    for module in $CRDS; do
        (cd "$SCHEMAS" && go mod download -json "$module") >"$LOG" 2>&1 ||
            { tail -n 5 "$LOG" >&2; fail "下载失败：$module" "Could not be downloaded: $module"; }
        folders="$folders $(sed -n 's/^	"Dir": "\(.*\)",$/\1/p' "$LOG")"
    done
    # shellcheck disable=SC2086 # a list of folders
    "$python" "$ROOT/scripts/chart_schemas.py" "$SCHEMAS" "$KUBERNETES" $folders
    printf '%s\n' "$KUBERNETES $CRDS" >"$SCHEMAS/made-of"
fi
rm -f "$LOG"
printf '%s\n' "$BIN"
