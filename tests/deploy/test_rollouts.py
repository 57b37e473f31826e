"""What stands in deploy/ for Argo Rollouts and Flagger, asked of a worker that answers: pass, marginal, fail, no data.

No schema of their resources is at hand; every address, condition and status in them is tried instead.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import kubernetes_validate
import pytest
import yaml

from schemas.config import Config
from schemas.durations import seconds
from schemas.sections import Worker
from schemas.verdicts import Verdict
from streams.shell import web as shell
from streams.shell.metrics import Metrics
from streams.shell.web import Web
from streams.telling.flagger import LARGEST
from tests.telling.verdicts import HOLDS, NOW, known, verdict

TOP = Path(__file__).parents[2] / "deploy"
TOKEN = "s3same"  # noqa: S105
PLAIN: list[dict[str, Any]] = [
    one
    for name in ("kubernetes/api.yaml", "flagger/gateway.yaml")
    for one in yaml.safe_load_all((TOP / name).read_text())
]
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((TOP / "kubernetes/manifests.yaml").read_text()))
TEMPLATE: dict[str, Any] = yaml.safe_load((TOP / "argo/analysis-template.yaml").read_text())
CANARY: dict[str, Any] = yaml.safe_load((TOP / "flagger/canary.yaml").read_text())
HOOKS: list[dict[str, Any]] = CANARY["spec"]["analysis"]["webhooks"]
SERVICE, RELEASE, BASELINE = (HOOKS[0]["metadata"][name] for name in ("service", "release", "baseline"))

WORDS = ("pass", "marginal", "fail", "no_data")
CASES: dict[str, tuple[Verdict, ...]] = {
    **{word: (verdict(word, RELEASE, baseline=BASELINE, service=SERVICE),) for word in WORDS},  # type: ignore[arg-type]
    "expired": (verdict("pass", RELEASE, NOW - HOLDS, BASELINE, SERVICE),),
    "expired fail": (verdict("fail", RELEASE, NOW - HOLDS, BASELINE, SERVICE),),
    "against another": (verdict("pass", RELEASE, NOW, "another", SERVICE),),
    "another release": (verdict("fail", "another", NOW, BASELINE, SERVICE),),
}


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Any]:
    """Give what opens a session of a worker that knows the verdicts of a case, and asks for a token."""
    monkeypatch.setattr(shell, "now_ms", lambda: NOW)
    (tmp_path / "token").write_text(TOKEN)

    @asynccontextmanager
    async def opened(case: str) -> AsyncIterator[aiohttp.ClientSession]:
        worker = Worker(http_port=0, http_token_file=str(tmp_path / "token"))
        web = Web(Config(worker=worker), Metrics(), list, lambda: known(*CASES[case]))
        await web.start()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as session:
            yield session
        await web.stop()

    return opened


def holds(condition: str, result: Mapping[str, Any]) -> bool:
    """Try a condition of Argo's, of the one form that is used here."""
    found = re.fullmatch(r'result\.(\w+) == "(\w+)"', condition)
    assert found, condition
    return bool(result[found[1]] == found[2])


def filled(text: str, args: Mapping[str, str]) -> str:
    made = re.sub(r"\{\{args\.(\w+)\}\}", lambda found: args[found[1]], text)
    assert "{" not in made
    return made


@pytest.mark.parametrize("case", CASES)
async def test_argo_takes_pass_for_success_and_fail_for_failure_and_all_else_for_neither(
    asking: Callable[[str], Any], case: str
) -> None:
    [metric] = TEMPLATE["spec"]["metrics"]
    provider = metric["provider"]["web"]
    args = {"service": SERVICE, "release": RELEASE, "baseline": BASELINE, "token": TOKEN}
    assert {one["name"] for one in TEMPLATE["spec"]["args"]} == args.keys(), (
        "each is used, and each that is used is given"
    )
    url = urlsplit(filled(provider["url"], args))
    headers = {one["key"]: filled(one["value"], args) for one in provider["headers"]}
    async with (
        asking(case) as session,
        session.get(f"{url.path}?{url.query}", headers=headers) as answer,
    ):
        assert answer.status == 200, "else Argo calls it an error, and a few of them a failure"
        result = json.loads(await answer.read())
    assert provider["jsonPath"] == "{$}", "the whole answer is the result"
    assert holds(metric["successCondition"], result) == (case == "pass")
    assert holds(metric["failureCondition"], result) == (case == "fail")


async def test_an_unknown_service_is_an_error_to_argo(asking: Callable[[str], Any]) -> None:
    async with (
        asking("pass") as session,
        session.get("/v1/verdict?service=x&release=y", headers={"Authorization": f"Bearer {TOKEN}"}) as answer,
    ):
        assert answer.status == 404


def test_argo_waits_for_windows_and_pauses_before_it_gives_up() -> None:
    [metric] = TEMPLATE["spec"]["metrics"]
    assert seconds(metric["initialDelay"]) >= 300 + Config().measure.late_after_s, (
        "a verdict is made every five minutes"
    )
    assert 0 < metric["inconclusiveLimit"] < metric["count"]
    assert 0 <= metric["failureLimit"] < metric["inconclusiveLimit"]
    assert metric["provider"]["web"]["timeoutSeconds"] < seconds(metric["interval"])
    [secret] = [one["valueFrom"]["secretKeyRef"] for one in TEMPLATE["spec"]["args"] if "valueFrom" in one]
    assert secret == {"name": "barograph", "key": "http-token"}


def body(hook: Mapping[str, Any]) -> bytes:
    """Write what Flagger sends."""
    named = {"name": CANARY["metadata"]["name"], "namespace": CANARY["metadata"]["namespace"]}
    return json.dumps(named | {"phase": "Progressing", "checksum": "85d557f47b", "metadata": hook["metadata"]}).encode()


@pytest.mark.parametrize("case", CASES)
async def test_flaggers_gate_opens_for_pass_alone_and_it_rolls_back_for_fail_alone(
    asking: Callable[[str], Any], case: str
) -> None:
    """`confirm-...` goes on at exactly 200, `rollback` acts on any success."""
    acts_on = {"confirm-traffic-increase": "pass", "confirm-promotion": "pass", "rollback": "fail"}
    assert {hook["type"] for hook in HOOKS} == acts_on.keys()
    headers = {"Authorization": f"Bearer {TOKEN}"}  # as the gateway brings it
    async with asking(case) as session:
        for hook in HOOKS:
            path = urlsplit(hook["url"]).path
            async with session.post(path, data=body(hook), headers=headers) as answer:
                assert (answer.status == 200) == (case == acts_on[hook["type"]])
                assert answer.status == 200 or answer.status >= 400
            async with session.post(path, data=body(hook)) as answer:
                assert answer.status == 401, "without the gateway nothing goes on, and nothing is rolled back"


def test_flaggers_hooks_take_less_time_than_its_interval() -> None:
    analysis = CANARY["spec"]["analysis"]
    assert sum(seconds(hook["timeout"]) for hook in HOOKS) < seconds(analysis["interval"])


@pytest.mark.parametrize("manifest", PLAIN, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_each_manifest_is_valid(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)
    assert manifest["metadata"]["namespace"] == "barograph"


def of(kind: str, name: str) -> dict[str, Any]:
    return next(one for one in [*PLAIN, *MANIFESTS] if (one["kind"], one["metadata"]["name"]) == (kind, name))


def test_every_address_is_that_of_a_service_that_is_there() -> None:
    """Whom Argo asks, whom Flagger asks, and whom the gateway asks."""
    conf = of("ConfigMap", "barograph-flagger")["data"]["default.conf.template"]
    [passed_to] = re.findall(r"proxy_pass (\S+);", conf)
    [metric] = TEMPLATE["spec"]["metrics"]
    for url in (passed_to, metric["provider"]["web"]["url"].split("?")[0], *(hook["url"] for hook in HOOKS)):
        at = urlsplit(url)
        assert at.hostname is not None
        name, namespace, suffix = at.hostname.split(".")
        service = of("Service", name)
        assert (service["metadata"]["namespace"], suffix) == (namespace, "svc")
        assert at.port in [port["port"] for port in service["spec"]["ports"]]


def test_the_api_leads_to_workers_that_are_ready() -> None:
    api, workers = of("Service", "barograph-api")["spec"], of("StatefulSet", "barograph")["spec"]["template"]
    assert api["selector"] == workers["metadata"]["labels"]
    assert "publishNotReadyAddresses" not in api
    ports = [port["name"] for port in workers["spec"]["containers"][0]["ports"]]
    assert [port["targetPort"] for port in api["ports"]] == ports


def test_the_gateway_passes_two_hooks_on_and_brings_the_token() -> None:
    conf = of("ConfigMap", "barograph-flagger")["data"]["default.conf.template"]
    paths = {urlsplit(hook["url"]).path for hook in HOOKS}
    [place] = [one for one in re.findall(r"location (\S+) \{", conf) if one != "/"]
    assert all(path.startswith(place) for path in paths)
    assert re.search(r"location / \{\s+return 404;", conf)
    assert "limit_except POST { deny all; }" in conf
    [kilobytes] = re.findall(r"client_max_body_size (\d+)k;", conf)
    assert int(kilobytes) << 10 == LARGEST
    [container] = of("Deployment", "barograph-flagger")["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one for one in container["env"]}
    [variable] = re.findall(r"\$\{(\w+)\}", conf)
    assert env[variable]["valueFrom"]["secretKeyRef"] == {"name": "barograph", "key": "http-token"}
    assert variable.startswith(env["NGINX_ENVSUBST_FILTER"]["value"]), "nginx's own variables are left alone"


def test_the_gateway_is_flaggers_alone() -> None:
    deployment = of("Deployment", "barograph-flagger")["spec"]
    policy = of("NetworkPolicy", "barograph-flagger")["spec"]
    assert policy["podSelector"]["matchLabels"] == deployment["selector"]["matchLabels"]
    assert of("Service", "barograph-flagger")["spec"]["selector"] == deployment["template"]["metadata"]["labels"]
    [rule] = policy["ingress"]
    [who] = rule["from"]
    assert who["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "flagger"}
    [container] = deployment["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert deployment["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
