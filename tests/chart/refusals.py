"""refusals.py CHART: wrong values are refused before anything is installed, with the name of the value and a remedy."""

import subprocess
import sys

MEDIUM = ["--set=profile=medium", "--set=secrets.name=s", "--set=nats.url=nats://n:4222",
          "--set=nats.credentialsSecret=c", "--set=postgres.secret=p"]
NEW = "tributary secrets new"


def without(*names):
    return [option for option in MEDIUM if not option.startswith(tuple(f"--set={name}=" for name in names))]


# What is given, and what the refusal has to say.
CASES = [
    (["--set=replicaCount=3"], ["replicaCount"]),
    (["--set=defaults.replica=3"], ["replica"]),
    (["--set=services.router.enabled=false"], ["router"]),
    (["--set=postgres.hostname=db"], ["hostname"]),
    (["--set=profile=large"], ["profile", "small", "medium"]),
    (["--set=telemetry.logFormat=xml"], ["logFormat"]),
    (["--set=defaults.enabled=true"], ["defaults"]),
    (["--set=image.digest=latest"], ["digest"]),
    (["--set=postgres.host.secret=db"], ["host"]),
    (["--set=nats.streamReplicas=2"], ["streamReplicas"]),
    (without("secrets.name"), ["secrets.name is empty", NEW]),
    (without("nats.credentialsSecret"), ["nats.credentialsSecret is empty", NEW]),
    (without("nats.url"), ["nats.url is empty"]),
    (without("postgres.secret"), ["postgres.secret is empty", "postgres.host", "postgres.password"]),
    (without("postgres.secret") + ["--set=postgres.host=db", "--set=postgres.port=5432"], ["postgres.database"]),
    # All at once, so that nobody learns of them one by one.
    (["--set=profile=medium"], ["secrets.name", "nats.credentialsSecret", "nats.url", "postgres.secret"]),
    (MEDIUM + ["--set=postgres.sslMode=verify-full"], ["postgres.caSecret is empty"]),
    (MEDIUM + ["--set=defaults.shutdown.preStopSeconds=30"], ["services.identity.shutdown.graceSeconds is 60", "65"]),
    (MEDIUM + ["--set=services.routing.autoscaling.mode=cpu", "--set=services.routing.autoscaling.minReplicas=9"],
     ["services.routing.autoscaling.minReplicas 9"]),
    (["--set=defaults.shutdown.graceSeconds=60"], ["defaults.shutdown.graceSeconds is 60", "65"]),
    (["--set=defaults.replicas=2"], ["defaults.replicas", "small is one pod"]),
    (["--set=services.routing.replicas=2"], ["services.routing", "small is one pod"]),
    (["--set=postgres.secret=p"], ["profile small has its own"]),
    (["--set=ingress.enabled=true"], ["public.hosts is empty"]),
    (["--set=llm.url=http://vllm:8000/v1"], ["llm.url and llm.model"]),
    (["--set=llm.model=qwen3"], ["llm.url and llm.model"]),
    (["--set=llm.url=vllm:8000"], ["llm", "url"]),
    (["--set=httpRoute.enabled=true"], ["httpRoute.parentRefs is empty"]),
    (["--set=serviceMonitor.enabled=true"], ["networkPolicy.metricsFrom is empty"]),
]
# As a part of another chart, Helm hands global values down: those are not refused.
GOOD = [["--set=global.other.thing=1"], MEDIUM, without("postgres.secret") + ["--set=postgres.uri=postgres://u@h/d"]]


def main(chart):
    wrong = []
    for given, wanted in [*CASES, *((good, None) for good in GOOD)]:
        ran = subprocess.run(["helm", "template", "t", chart, *given], capture_output=True, text=True, check=False)
        if wanted is None:
            if ran.returncode:
                wrong.append(f"{given} is refused: {ran.stderr}")
        elif ran.returncode == 0:
            wrong.append(f"{given} is taken")
        else:
            wrong += [f"{given}: the refusal does not say {word!r}: {ran.stderr}" for word in wanted if word not in ran.stderr]
    if wrong:
        sys.exit("\n".join(wrong))


main(sys.argv[1])
