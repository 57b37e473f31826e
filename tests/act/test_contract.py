"""Every actuator promises: it sees what serves, changes only what it saw, leaves its marker, and doubts aloud."""

import json
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from schemas.actuate import Policy
from schemas.rollbacks import Unreadable, Version, read
from schemas.strict import ConfigError
from streams.act.resource import Done, Marker, Observed, Try, Unseen
from streams.act.state import State
from streams.shell.actuators.actuator import ATTEMPTS, Actuator, carry_out
from streams.shell.actuators.asking import Asking
from streams.shell.actuators.flagd import FlagFile
from streams.shell.actuators.kubernetes import KubernetesObject
from streams.shell.actuators.webhook import Webhook
from tests.act.commands import T0, Twin, approve, command, version
from tests.act.files import FlagTarget
from tests.act.servers import ApiServer, HookServer, Server, served

STATE = State(good=(version(2),))
SHORT_S = 0.2


class Target(NamedTuple):
    """A target that runs v3 (generation 3): its actuator, and what others do to it.

    `between` sets what others do after the actuator was asked to act and before it writes.
    """

    actuator: Actuator
    deploy: Callable[[Version], None]
    touch: Callable[[], None]
    between: Callable[[Callable[[], None]], None]


class Early:
    """Has others act before the write of an actuator that looks again, and writes, under a lock."""

    def __init__(self, inner: FlagFile) -> None:
        self.inner = inner
        self.meanwhile: Callable[[], None] = lambda: None

    def observe(self) -> Observed | Unseen:
        return self.inner.observe()

    def act(self, tried: Try) -> Done:
        self.meanwhile()
        return self.inner.act(tried)


@pytest.fixture(params=["twin", "flagd", "webhook", "kubernetes"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    def between(of: Any) -> Callable[[Callable[[], None]], None]:
        return lambda others: setattr(of, "meanwhile", others)

    with ExitStack() as stack:
        if request.param == "twin":
            twin = Twin()
            yield Target(twin, twin.deploy, twin.touch, between(twin))
        elif request.param == "flagd":
            flag = FlagTarget(tmp_path)
            early = Early(flag.actuator())
            yield Target(early, flag.deploy, flag.touch, between(early))
        elif request.param == "webhook":
            hook = HookServer()
            stack.enter_context(served(hook))
            yield Target(Webhook(Asking(hook.url)), hook.deploy, hook.touch, between(hook))
        else:
            api = ApiServer()
            stack.enter_context(served(api))
            yield Target(KubernetesObject(Asking(api.url)), api.deploy, api.touch, between(api))


def seen(actuator: Actuator) -> Observed:
    found = actuator.observe()
    assert isinstance(found, Observed)
    return found


def attempt(actuator: Actuator) -> Try:
    return Try(command(), seen(actuator), T0 + 5)


def test_it_sees_what_serves_and_seeing_changes_nothing(target: Target) -> None:
    first = seen(target.actuator)
    assert (first.runs, first.marker) == (version(3), None)
    assert seen(target.actuator) == first


def test_it_changes_what_it_saw_and_leaves_its_marker(target: Target) -> None:
    tried = attempt(target.actuator)
    assert target.actuator.act(tried).outcome == "applied"
    after = seen(target.actuator)
    assert (after.runs, after.marker) == (version(2), Marker(command().key, 3, T0 + 5))
    assert after.version != tried.observed.version


def test_every_write_by_whomever_is_another_version(target: Target) -> None:
    versions = [seen(target.actuator).version]
    for write in (target.touch, lambda: target.deploy(version(4)), target.touch):
        write()
        versions.append(seen(target.actuator).version)
    assert len(set(versions)) == len(versions)


@pytest.mark.parametrize("others", ["touch", "deploy", "deploy and back"])
def test_what_was_changed_before_the_write_stays_as_it_is(target: Target, others: str) -> None:
    tried = attempt(target.actuator)
    if others == "touch":
        target.touch()
    else:
        target.deploy(version(4))
    if others == "deploy and back":
        target.deploy(version(3))
    before = seen(target.actuator)
    assert target.actuator.act(tried).outcome == "stale"
    assert seen(target.actuator) == before


def test_what_others_write_between_read_and_write_stays_as_it_is(target: Target) -> None:
    tried = attempt(target.actuator)
    target.between(lambda: target.deploy(version(4)))
    assert target.actuator.act(tried).outcome == "stale"
    target.between(lambda: None)
    after = seen(target.actuator)
    assert (after.runs, after.marker) == (version(4), None)


def test_the_same_attempt_again_is_stale_and_writes_nothing(target: Target) -> None:
    tried = attempt(target.actuator)
    target.actuator.act(tried)
    after = seen(target.actuator)
    assert target.actuator.act(tried).outcome == "stale"
    assert seen(target.actuator) == after


def carried(target: Target, state: State = STATE) -> Any:
    return carry_out(state, command(), target.actuator, lambda: T0 + 5, [approve(command())], Policy())


def test_a_command_is_carried_out_once_and_answered_alike_after(target: Target) -> None:
    state, result = carried(target)
    assert (result.outcome, result.before, result.after) == ("applied", version(3), version(2))
    after = seen(target.actuator)
    assert carried(target, state) == (state, result)
    forgot, again = carried(target)  # died before it wrote the state
    assert (again.outcome, again.applied_at) == ("already_applied", T0 + 5)
    assert (forgot.fence, forgot.applied) == (state.fence, state.applied)
    assert seen(target.actuator) == after


def test_a_write_of_something_else_is_no_reason_to_leave_the_bad_release(target: Target) -> None:
    def once() -> None:
        target.between(lambda: None)
        target.touch()

    target.between(once)
    assert carried(target)[1].outcome == "applied"


def test_a_deployment_meanwhile_is_a_reason(target: Target) -> None:
    target.between(lambda: target.deploy(version(4)))
    assert carried(target)[1].outcome == "rejected_stale"
    assert seen(target.actuator).runs == version(4)


def test_a_target_that_is_written_all_the_time_is_left_for_later(target: Target) -> None:
    writes = list[int]()

    def always() -> None:
        writes.append(1)
        target.touch()

    target.between(always)
    state, result = carried(target)
    assert result.outcome == "rejected_stale"
    assert len(writes) == ATTEMPTS
    target.between(lambda: None)
    assert carried(target, state)[1].outcome == "applied"


# Of flags alone


def test_a_flag_keeps_all_else_of_its_file_its_mode_and_its_link(tmp_path: Path) -> None:
    flag = FlagTarget(tmp_path)
    flag.path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(flag.path)
    before = flag.read()
    actuator = FlagFile(link, "model")
    assert actuator.act(attempt(actuator)).outcome == "applied"
    after = flag.read()
    assert link.is_symlink()
    assert stat.S_IMODE(flag.path.stat().st_mode) == 0o640
    assert after["flags"]["model"].pop("defaultVariant") == "v2"
    assert before["flags"]["model"].pop("defaultVariant") == "v3"
    metadata = after["flags"]["model"].pop("metadata")
    assert metadata == before["flags"]["model"].pop("metadata") | {
        "version": 2, "generation": 2, "rollbackKey": command().key, "rollbackEpoch": 3, "rollbackAt": T0 + 5,
    }  # fmt: skip
    assert after == before
    assert list(after["flags"]) == ["café", "model"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".flags.json.lock", "flags.json", "link.json"]


def test_another_flag_of_the_file_may_change(tmp_path: Path) -> None:
    flag = FlagTarget(tmp_path)
    tried = attempt(flag.actuator())
    document = flag.read()
    document["flags"]["café"]["defaultVariant"] = "off"
    flag.write(document)
    assert flag.actuator().act(tried).outcome == "applied"
    assert flag.read()["flags"]["café"]["defaultVariant"] == "off"


def test_of_two_actuators_one_waits_and_finds_itself_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.shell.actuators.flagd._WAITS", 2)
    flag, said = FlagTarget(tmp_path), list[Done]()
    second = flag.actuator()
    tried = attempt(second)
    first = flag.actuator(meanwhile=lambda: said.append(second.act(tried)))
    assert first.act(tried).outcome == "applied"
    assert [done.outcome for done in said] == ["unknown"]
    assert second.act(tried).outcome == "stale"


def test_one_that_died_while_it_wrote_has_changed_nothing_and_the_next_can(tmp_path: Path) -> None:
    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    flag = FlagTarget(tmp_path)
    before = flag.path.read_bytes()
    (tmp_path / ".flags.json.new").write_text("{half")
    with pytest.raises(Died):
        flag.actuator(meanwhile=die).act(attempt(flag.actuator()))
    assert flag.path.read_bytes() == before
    assert flag.actuator().act(attempt(flag.actuator())).outcome == "applied"


BAD_FLAGS: dict[str, Any] = {
    "no file": None,
    "no JSON": "{",
    "a key twice": '{"flags": {}, "flags": {}}',
    "NaN": '{"flags": {"model": NaN}}',
    "no flag": {"flags": {}},
    "a list": [],
    "deep": "[" * 100_000,
    "disabled": {"state": "DISABLED"},
    "targeting": {"targeting": {"fractional": [["v3", 100]]}},
    "no such variant": {"defaultVariant": "v99"},
    "no metadata": {"metadata": None},
    "no version": {"metadata": {"generation": 3}},
    "a version that is none": {"metadata": {"version": True, "generation": 3}},
    "no generation": {"metadata": {"version": 3}},
    "half a marker": {"metadata": {"version": 3, "generation": 3, "rollbackKey": "k"}},
}


@pytest.mark.parametrize("bad", BAD_FLAGS)
def test_a_flag_that_makes_no_sense_is_not_seen_and_not_written(tmp_path: Path, bad: str) -> None:
    flag, how = FlagTarget(tmp_path), BAD_FLAGS[bad]
    tried = attempt(flag.actuator())
    if how is None:
        flag.path.unlink()
    elif isinstance(how, str):
        flag.path.write_text(how)
    elif isinstance(how, dict) and "flags" not in how:
        document = flag.read()
        document["flags"]["model"] |= how
        flag.write(document)
    else:
        flag.write(how)
    before = flag.path.read_bytes() if flag.path.exists() else None
    assert isinstance(flag.actuator().observe(), Unseen)
    assert flag.actuator().act(tried).outcome in ("stale", "unknown")
    assert (flag.path.read_bytes() if flag.path.exists() else None) == before


def test_a_release_that_is_no_variant_is_refused(tmp_path: Path) -> None:
    flag = FlagTarget(tmp_path)
    tried = Try(command(to=Version("v0", 0)), seen(flag.actuator()), T0)
    assert flag.actuator().act(tried).outcome == "refused"
    assert seen(flag.actuator()).runs == version(3)


@pytest.mark.parametrize("value", ["1e999", '"\\ud800"'])
def test_a_file_that_could_not_be_written_back_is_refused(tmp_path: Path, value: str) -> None:
    flag = FlagTarget(tmp_path)
    flag.path.write_text(flag.path.read_text().replace('"on": true', f'"on": {value}'))
    before = flag.path.read_bytes()
    assert flag.actuator().act(attempt(flag.actuator())).outcome == "refused"
    assert flag.path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag = FlagTarget(tmp_path)
    tried = attempt(flag.actuator())

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    assert flag.actuator().act(tried).outcome == "unknown"
    assert seen(flag.actuator()).runs == version(3)


# Of HTTP alone


@pytest.fixture(params=["webhook", "kubernetes"])
def remote(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Callable[..., Actuator]]]:
    server = HookServer() if request.param == "webhook" else ApiServer()
    kind = Webhook if request.param == "webhook" else KubernetesObject
    with served(server):
        yield server, lambda **given: kind(Asking(server.url, **given))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(409, "stale"), (412, "stale"), (301, "refused"), (400, "refused"), (401, "refused"), (403, "refused"),
     (404, "refused"), (422, "refused"), (408, "unknown"), (429, "unknown"), (500, "unknown"), (503, "unknown")],
)  # fmt: skip
def test_what_a_status_means(remote: Any, status: int, outcome: str) -> None:
    server, make = remote
    tried = attempt(make())
    server.status = status
    assert make().act(tried).outcome == outcome
    assert isinstance(make().observe(), Unseen)
    assert len(server.asked) == 3, "no redirect was followed"


@pytest.mark.parametrize("deaf", [True, False])
def test_no_answer_is_unknown_and_never_success_and_is_found_out(remote: Any, *, deaf: bool) -> None:
    server, make = remote
    if deaf:
        server.deaf = True
    else:
        server.status = 503
    target = Target(make(), server.deploy, server.touch, lambda _: None)
    tried = attempt(make()) if deaf else None
    state, result = carried(target)
    assert (result.outcome, state.fence) == ("unknown", -1)
    server.deaf, server.status = False, 0
    again = carried(target, state)[1]
    assert again.outcome == ("already_applied" if deaf else "applied")
    assert tried is None or make().act(tried).outcome == "stale"


@pytest.mark.parametrize("listens", [True, False])
def test_one_who_says_nothing_and_nobody_at_all_are_unknown(remote: Any, *, listens: bool) -> None:
    _, make = remote
    tried = attempt(make())
    with socket.create_server(("127.0.0.1", 0)) as mute:
        if not listens:
            mute.close()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/" if listens else "http://127.0.0.1:1/"
        nobody = type(make())(Asking(url, timeout_s=SHORT_S))
        assert isinstance(nobody.observe(), Unseen)
        assert nobody.act(tried).outcome == "unknown"


def test_a_token_is_brought_and_read_again_each_time(remote: Any, tmp_path: Path) -> None:
    server, make = remote
    token = tmp_path / "token"
    actuator = make(token_file=str(token))
    assert isinstance(actuator.observe(), Unseen)
    for said in ("first", "second"):
        token.write_text(said + "\n")
        actuator.observe()
        assert server.asked[-1][1]["Authorization"] == f"Bearer {said}"


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "http://10.0.0.1/", "ftp://127.0.0.1/", "file:///x", "127.0.0.1"]
)
def test_only_https_or_loopback_is_asked(url: str) -> None:
    with pytest.raises(ConfigError, match="neither https nor http on loopback"):
        Asking(url)


def test_certificates_that_cannot_be_read_stop_the_start() -> None:
    with pytest.raises(ConfigError, match="certificates"):
        Asking("https://127.0.0.1/", ca_file="/nowhere")


def test_a_webhook_is_told_key_version_and_both_releases() -> None:
    hook = HookServer()
    with served(hook):
        actuator = Webhook(Asking(hook.url))
        actuator.act(attempt(actuator))
    method, headers = hook.asked[-1]
    assert (method, headers["Idempotency-Key"], headers["If-Match"]) == ("POST", command().key, '"1"')


def test_a_webhook_without_a_strong_etag_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = HookServer()
    with served(hook):
        for headers in ({}, {"ETag": 'W/"1"'}):
            monkeypatch.setattr(hook, "get", lambda said=headers: (200, said, hook.facts))
            assert isinstance(Webhook(Asking(hook.url)).observe(), Unseen)


def test_an_object_keeps_all_else() -> None:
    api = ApiServer()
    with served(api):
        actuator = KubernetesObject(Asking(api.url))
        actuator.act(attempt(actuator))
    assert api.object["spec"] == {"release": "v2", "replicas": 3}
    assert api.object["metadata"]["annotations"]["team"] == "ml"


def test_an_object_that_drops_the_field_was_not_rolled_back_whatever_the_status_says() -> None:
    api = ApiServer()
    api.drops = True
    with served(api):
        target = Target(KubernetesObject(Asking(api.url)), api.deploy, api.touch, lambda _: None)
        assert [carried(target)[1].outcome for _ in range(2)] == ["failed", "failed"]
        assert [method for method, _ in api.asked if method == "PATCH"] == ["PATCH"]


@pytest.mark.parametrize("field", [(), ("spec",), ("metadata", "name")])
def test_a_field_outside_of_spec_stops_the_start(field: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="within `spec`"):
        KubernetesObject(Asking("https://127.0.0.1/"), field)


def test_the_shipped_example_of_a_command_is_one() -> None:
    example = Path(__file__).parents[2] / "docs/examples/rollback.json"
    assert not isinstance(read(json.dumps(json.loads(example.read_bytes())).encode()), Unreadable)
