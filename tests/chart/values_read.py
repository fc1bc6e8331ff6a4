"""values_read.py CHART: every leaf of values.yaml changes some render when it is changed, so none is dead."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).parent
# Those that show most come first.
CASES = ("medium-full", "small-full", "medium", "small")
# What to change a leaf to, where its form does not tell. The last word of the path, or the whole.
SAMPLES = {
    "digest": "sha256:" + "1" * 64, "pullPolicy": "Never", "sslMode": "disable", "port": 6432,
    "streamReplicas": 1, "llm.url": "http://other:8000/v1", "size": "7Gi", "logFormat": "text", "otlpEndpoint": "http://other:4317", "traceShare": 0.5,
    "replicas": 3, "workerThreads": 3, "startupSeconds": 77, "preStopSeconds": 1, "graceSeconds": 99, "mode": "external",
    "autoscaling.mode": "cpu", "minReplicas": 3, "maxReplicas": 9, "targetCPUPercent": 51, "topologySpread": "none",
    "defaults.resources": {"limits": {"memory": "3Gi"}}, "interval": "11s", "ttlSecondsAfterFinished": 5,
    "imagePullSecrets": ["other"], "hosts": ["other.example"],
    "affinity": {"podAffinity": {}}, "fsGroupChangePolicy": "Always", "seccompProfile.type": "Unconfined",
}


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def sample(path, value):
    for length in range(len(path), 0, -1):
        if (name := ".".join(path[-length:])) in SAMPLES:
            return SAMPLES[name]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [{"name": "other"}]
    return {"other": "other"} if isinstance(value, dict) else "other"


def render(chart, case, *extra):
    command = ["helm", "template", "t", chart, "-f", str(HERE / "values" / f"{case}.yaml"), *extra]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def is_read(chart, bases, path, value):
    """Whether the changed value shows in a case that it does not make wrong."""
    # A case may have set the value as the sample does.
    samples = [True, False] if isinstance(value, bool) else [sample(path, value)]
    for changed in samples:
        for case, base in bases.items():
            ran = render(chart, case, f"--set-json={'.'.join(path)}={json.dumps(changed)}")
            if "specifications of the schema" in ran.stderr:
                sys.exit(f"{'.'.join(path)}: the sample does not fit the schema: {ran.stderr}")
            if ran.returncode == 0 and ran.stdout != base:
                return True
    return False


def main(chart, work):
    # With a rule and a dashboard, whether the chart has its own by now or not.
    chart = shutil.copytree(chart, f"{work}/chart")
    for folder, name, text in (("rules", "sample.yaml", "groups: [{name: sample, rules: []}]"), ("dashboards", "sample.json", "{}")):
        (chart_folder := pathlib.Path(chart) / folder).mkdir(exist_ok=True)
        (chart_folder / name).write_text(text)
    bases = {case: render(chart, case).stdout for case in CASES}
    values = yaml.safe_load((pathlib.Path(chart) / "values.yaml").read_text())
    # The profile decides about all others: the cases show it.
    values.pop("profile")
    dead = [".".join(path) for path, value in leaves(values) if not is_read(chart, bases, path, value)]
    if dead:
        sys.exit("values.yaml has what no template reads:\n  " + "\n  ".join(dead))


with tempfile.TemporaryDirectory() as folder:
    main(sys.argv[1], folder)
