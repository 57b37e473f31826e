"""How a worker answers over HTTP: methods, bodies, headers, and who may ask. What it answers: tests/telling."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from yarl import URL

from schemas.answers import Answer
from schemas.config import Config
from schemas.sections import Worker
from streams.shell import web as shell
from streams.shell.metrics import Metrics
from streams.shell.web import Web
from streams.telling.flagger import LARGEST
from tests.telling.verdicts import NOW, hook, known, verdict

ASKS = "/v1/verdict?service=bot&release="
HOOKS = {"/v1/flagger/gate": 412, "/v1/flagger/rollback": 409}
"""Path -> what it answers when in doubt."""


@pytest.fixture
async def session(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiohttp.ClientSession]:
    """Of a worker that knows a release that passes and one that fails."""
    monkeypatch.setattr(shell, "now_ms", lambda: NOW)
    of = known(verdict(), verdict("fail", release="bad"))
    web = Web(Config(worker=Worker(http_port=0)), Metrics(), list, lambda: of)
    await web.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as opened:
        yield opened
    await web.stop()


async def test_a_verdict_is_json_that_no_cache_keeps(session: aiohttp.ClientSession) -> None:
    async with session.get(f"{ASKS}v2&baseline=v1") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert answer.headers["Cache-Control"] == "no-store"
        found = msgspec.json.decode(await answer.read(), type=Answer)
        assert (found.verdict, found.release) == ("pass", "v2")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/verdict", 400, "the parameter `service` is missing"),
        ("/v1/verdict?service=bot", 400, "the parameter `release` is missing"),
        ("/v1/verdict?service=bat&release=v2", 404, "did you mean `bot`"),
        ("/v1/verdict?service=%ff%00%ed%a0%80&release=v2", 404, "has KPIs"),
        ("/v1/verdict?service=bot&release=v2&%ff=1", 400, "no parameter `"),
        ("/v1/flagger", 404, ""),
    ],
)
async def test_what_is_no_question_is_refused_in_a_sentence(
    session: aiohttp.ClientSession, path: str, status: int, says: str
) -> None:
    async with session.get(URL(path, encoded=True)) as answer:
        assert answer.status == status
        assert says in await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "allowed"), [("/v1/verdict", "GET"), *((path, "POST") for path in HOOKS)]
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_every_other_method_is_405(
    session: aiohttp.ClientSession, path: str, allowed: str, method: str
) -> None:  # fmt: skip
    async with session.request(method, path) as answer:
        assert (answer.status == 405) == (method != allowed)
        assert answer.status != 200


async def test_a_release_that_no_text_can_name_is_answered(session: aiohttp.ClientSession) -> None:
    for release in ("%ff", "%00", "%ed%a0%80", "%E2%80%AE", "+", "a%2Bb", "x" * 4000):
        async with session.get(URL(f"{ASKS}{release}", encoded=True)) as answer:
            assert answer.status == 200
            found = msgspec.json.decode(await answer.read(), type=Answer)
            assert found.verdict == "no_data"


@pytest.mark.parametrize("path", HOOKS)
async def test_a_hook_is_answered_by_its_status_and_one_line(session: aiohttp.ClientSession, path: str) -> None:
    acts_on = {"/v1/flagger/gate": "v2", "/v1/flagger/rollback": "bad"}[path]
    for release in ("v2", "bad", "v0"):
        async with session.post(path, data=hook(release=release)) as answer:
            assert answer.status == (200 if release == acts_on else HOOKS[path])
            assert (await answer.text()).startswith(("bot ", "no verdict"))
            assert (await answer.text()).count("\n") == 1


@pytest.mark.parametrize("path", HOOKS)
async def test_a_body_that_is_too_large_or_none_is_refused(session: aiohttp.ClientSession, path: str) -> None:
    padded = hook() + b" " * LARGEST, b"", b"null"
    for body in padded:
        async with session.post(path, data=body) as answer:
            assert answer.status == HOOKS[path]
    async with session.post(path, data=padded[0]) as answer:
        assert await answer.text() == "the body is larger than 65,536 bytes\n"


async def test_where_a_token_is_asked_for_nobody_is_answered_without(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3same\n")
    worker = Worker(http_host="127.0.0.1", http_port=0, http_token_file=str(tmp_path / "token"))
    web = Web(Config(worker=worker), Metrics(), list, lambda: known(verdict()))
    await web.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{web.port}") as session:
            for path in HOOKS:
                async with session.post(path, data=hook()) as answer:
                    assert answer.status == 401
            async with session.get(f"{ASKS}v2") as answer:
                assert answer.status == 401
            async with session.get(f"{ASKS}v2", headers={"Authorization": "Bearer s3same"}) as answer:
                assert answer.status == 200
    finally:
        await web.stop()
