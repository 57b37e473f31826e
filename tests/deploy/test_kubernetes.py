"""The manifests are Kubernetes' by its own schemas, keep to its restricted profile, and fit the worker."""

import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from schemas import config as configs
from schemas.config import Config
from schemas.sections import Worker
from streams import cli
from streams.shell.app import DRAIN_S
from tests.deploy.pods import NEWEST, OLDEST, mounted, restricted

TOP = Path(__file__).parents[2]
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((TOP / "deploy/kubernetes/manifests.yaml").read_text()))
BY_KIND = {one["kind"]: one for one in MANIFESTS}
SET = BY_KIND["StatefulSet"]["spec"]
POD = SET["template"]["spec"]
[WORKER] = POD["containers"]
LABELS = SET["template"]["metadata"]["labels"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=list(BY_KIND))
def test_each_manifest_is_valid(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_checker_finds_a_misspelt_field() -> None:
    wrong = {**BY_KIND["StatefulSet"], "spec": {**SET, "replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_all_lie_in_one_namespace_that_is_restricted() -> None:
    name = BY_KIND["Namespace"]["metadata"]["name"]
    assert BY_KIND["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {one["metadata"]["namespace"] for one in MANIFESTS if one["kind"] != "Namespace"} == {name}


def test_the_pod_keeps_to_the_restricted_profile_and_is_the_images_own_user() -> None:
    restricted(POD)


def test_nobody_gets_a_token_of_kubernetes() -> None:
    assert BY_KIND["ServiceAccount"]["automountServiceAccountToken"] is False
    assert POD["automountServiceAccountToken"] is False
    assert POD["serviceAccountName"] == BY_KIND["ServiceAccount"]["metadata"]["name"]


def test_everything_selects_the_workers() -> None:
    selected = [
        SET["selector"]["matchLabels"],
        BY_KIND["Service"]["spec"]["selector"],
        BY_KIND["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        BY_KIND["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        POD["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    assert selected == [LABELS] * len(selected)
    assert SET["serviceName"] == BY_KIND["Service"]["metadata"]["name"]
    assert BY_KIND["Service"]["spec"]["clusterIP"] == "None"


def test_a_pods_name_is_its_workers_name() -> None:
    """The static member id: a pod that comes back takes up its partitions again."""
    program, *words = WORKER["command"]
    assert program == "barograph"
    args = cli.parser().parse_args(words)
    assert args.name == "$(POD_NAME)"
    [variable] = WORKER["env"]
    assert variable == {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    pods = [f"{BY_KIND['StatefulSet']['metadata']['name']}-{i}" for i in range(SET["replicas"])]
    assert len({cli._named(Config(), pod).worker.name for pod in pods}) == SET["replicas"] > 1
    assert mounted(POD, "config") == args.config.parent


@pytest.mark.skipif(not hasattr(Worker(), "http_token_file"), reason="the page's token is not merged yet")
def test_the_config_is_one_and_listens_where_the_probes_ask() -> None:
    config = configs.parse(BY_KIND["ConfigMap"]["data"]["barograph.yaml"])
    [port] = WORKER["ports"]
    assert port["containerPort"] == config.worker.http_port
    for probe, path in (("startupProbe", "/live"), ("livenessProbe", "/live"), ("readinessProbe", "/ready")):
        assert WORKER[probe]["httpGet"] == {"path": path, "port": port["name"]}
    assert str(config.worker.http_host) == "0.0.0.0"  # noqa: S104 - the kubelet asks at the pod's address
    assert Path(getattr(config.worker, "http_token_file", "")).parent == mounted(POD, "secret")
    assert BY_KIND["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert config.topics.tallies_partitions >= SET["replicas"], "a worker without a partition watches nothing"


def test_a_stop_leaves_time_to_drain() -> None:
    assert POD["terminationGracePeriodSeconds"] > DRAIN_S


def test_a_drain_of_nodes_takes_one_worker_at_a_time() -> None:
    budget = BY_KIND["PodDisruptionBudget"]["spec"]
    assert budget["maxUnavailable"] == 1 < SET["replicas"]
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert SET["updateStrategy"]["type"] == "RollingUpdate"


def test_the_image_is_this_version() -> None:
    version = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    assert WORKER["image"] == f"barograph:{version}"
