"""kubectl and helm as the test uses them: each call is told, bounded, and its failure says what went wrong."""

import json
import subprocess
import sys
import time

BEGAN = time.monotonic()
# How long one call may take unless it is told otherwise, seconds.
CALL_MAX = 300


class Failed(Exception):
    """Something did not come out as it must."""


def tell(words):
    print(f"{time.monotonic() - BEGAN:7.1f} s  {words}", flush=True)


def call(command, stdin=None, within=CALL_MAX, may_fail=False):
    """The command's standard output; with may_fail the finished process."""
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=within)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {within} s: {' '.join(command)}") from None
    if may_fail:
        return done
    if done.returncode != 0:
        raise Failed(f"exit code {done.returncode} of {' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


class Namespace:
    """One namespace under the restricted Pod Security Standard."""

    def __init__(self, name):
        self.name = name

    def make(self):
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}})

    def remove(self):
        call(["kubectl", "delete", "namespace", self.name, "--ignore-not-found", "--wait", "--timeout=300s"], within=330)

    def kubectl(self, *arguments, **how):
        return call(["kubectl", "-n", self.name, *arguments], **how)

    def helm(self, *arguments, **how):
        return call(["helm", "-n", self.name, *arguments], **how)

    def apply(self, manifest):
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        self.kubectl("apply", "-f", "-", stdin=text)

    def get(self, *what):
        return json.loads(self.kubectl("get", *what, "-o", "json"))

    def until(self, what, is_so, within=CALL_MAX):
        """Looks every second until it is so; what it was then."""
        end = time.monotonic() + within
        while True:
            found = is_so()
            if found:
                return found
            if time.monotonic() >= end:
                pods = self.kubectl("get", "pods", "-o", "wide", may_fail=True).stdout
                raise Failed(f"after {within} s still not: {what}\n{pods}")
            time.sleep(1)

    def claim(self, name, size="2Gi", labels=None):
        self.apply({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "labels": labels or {}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
        })

    def to_its_end(self, pod, within=CALL_MAX):
        """Runs a pod until it ended; its log, which is told when it failed."""
        name = pod["metadata"]["name"]
        self.apply(pod)
        phase = self.until(f"{name} has ended", lambda: self.ended(name), within)
        log = self.kubectl("logs", name)
        if phase != "Succeeded":
            raise Failed(f"{name} failed:\n{log[-4000:]}")
        return log

    def ended(self, pod):
        phase = self.get("pod", pod)["status"].get("phase")
        return phase if phase in ("Succeeded", "Failed") else None


def need(condition, words):
    if not condition:
        raise Failed(words)


def ran(steps):
    """Runs the steps, each told with its time; 1 at the first that fails."""
    for name, step in steps:
        tell(f"-- {name}")
        began = time.monotonic()
        try:
            step()
        except Failed as failure:
            tell(f"-- {name}: FAILED after {time.monotonic() - began:.1f} s\n{failure}")
            return 1
        tell(f"-- {name}: done in {time.monotonic() - began:.1f} s")
    return 0


def main(steps):
    sys.exit(ran(steps))
