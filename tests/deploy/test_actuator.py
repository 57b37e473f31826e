"""The actuator's manifests are Kubernetes' by its own schemas, and let it change what its config names, and no more."""

import tomllib
from typing import Any

import kubernetes_validate
import pytest
import yaml

from schemas import actuate
from streams import cli
from streams.shell.actuate import DRAIN_S
from tests.deploy.pods import DEPLOY, NEWEST, OLDEST, mounted, restricted

MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "kubernetes/actuate.yaml").read_text()))
WORKERS: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "kubernetes/manifests.yaml").read_text()))
BY_KIND = {one["kind"]: one for one in MANIFESTS}
SET = BY_KIND["StatefulSet"]["spec"]
POD = SET["template"]["spec"]
LABELS = SET["template"]["metadata"]["labels"]
SETTINGS = actuate.parse(BY_KIND["ConfigMap"]["data"]["actuate.yaml"])


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=list(BY_KIND))
def test_each_manifest_is_valid(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_pod_keeps_to_the_restricted_profile_and_is_the_images_own_user() -> None:
    restricted(POD)
    version = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]["version"]
    assert POD["containers"][0]["image"] == f"barograph:{version}"


def test_it_may_change_the_targets_of_its_config_and_nothing_else() -> None:
    """It gets an object, and patches it: `streams/shell/actuators/kubernetes.py` does nothing else."""
    [target] = SETTINGS.targets
    assert target.kubernetes is not None
    namespace, name = target.ref.split("/")
    group, _, _ = target.kubernetes.api.partition("/")
    [rule] = BY_KIND["Role"]["rules"]
    assert rule == {
        "apiGroups": [group], "resources": [target.kubernetes.plural], "resourceNames": [name],
        "verbs": ["get", "patch"],
    }  # fmt: skip
    assert {BY_KIND[kind]["metadata"]["namespace"] for kind in ("Role", "RoleBinding")} == {namespace}


def test_the_role_is_bound_to_the_account_of_the_pod_alone() -> None:
    account, bound = BY_KIND["ServiceAccount"], BY_KIND["RoleBinding"]
    assert bound["roleRef"]["name"] == BY_KIND["Role"]["metadata"]["name"]
    assert [(one["kind"], one["name"], one["namespace"]) for one in bound["subjects"]] == [
        ("ServiceAccount", account["metadata"]["name"], account["metadata"]["namespace"])
    ]
    assert POD["serviceAccountName"] == account["metadata"]["name"]
    assert (account["automountServiceAccountToken"], POD["automountServiceAccountToken"]) == (False, True)


def test_the_token_lies_where_the_config_looks_for_it() -> None:
    """Kubernetes puts it there where the pod asks for it."""
    [target] = SETTINGS.targets
    assert target.kubernetes is not None
    there = "/var/run/secrets/kubernetes.io/serviceaccount/"
    assert (target.kubernetes.token_file, target.kubernetes.ca_file) == (f"{there}token", f"{there}ca.crt")


def test_each_of_the_two_has_a_name_of_its_own_and_one_config() -> None:
    program, *words = POD["containers"][0]["command"]
    assert program == "barograph"
    args = cli.parser().parse_args(words)
    assert (args.name, args.check) == ("$(POD_NAME)", False)
    assert POD["containers"][0]["env"] == [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    ]
    assert args.config.parent == mounted(POD, "config")
    assert args.config.name in BY_KIND["ConfigMap"]["data"]
    assert POD["volumes"] == [{"name": "config", "configMap": {"name": BY_KIND["ConfigMap"]["metadata"]["name"]}}]
    assert SET["replicas"] == 2


def test_everything_selects_the_pods_and_none_of_the_workers() -> None:
    selected = [
        SET["selector"]["matchLabels"],
        BY_KIND["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        BY_KIND["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        POD["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    assert selected == [LABELS] * len(selected)
    [workers] = [one for one in WORKERS if one["kind"] == "StatefulSet"]
    assert workers["spec"]["selector"]["matchLabels"] != LABELS


def test_it_reads_the_workers_topics() -> None:
    [said] = [one for one in WORKERS if one["kind"] == "ConfigMap"]
    workers = yaml.safe_load(said["data"]["barograph.yaml"])
    assert SETTINGS.kafka.bootstrap == workers["kafka"]["bootstrap"]
    assert SETTINGS.topics.prefix == workers["topics"].get("prefix", "")
    assert BY_KIND["ServiceAccount"]["metadata"]["namespace"] == said["metadata"]["namespace"]


def test_it_acts_on_nothing_until_somebody_says_so() -> None:
    assert SETTINGS.policy.mode == "dry_run"


def test_a_stop_leaves_time_to_finish_what_was_begun() -> None:
    assert POD["terminationGracePeriodSeconds"] > DRAIN_S
