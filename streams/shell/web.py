"""A worker's state -> /metrics, /live and /ready, and what it answers of releases; on loopback or behind a token."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import orjson
from aiohttp import web
from mode import Service

from schemas.answers import Answer
from schemas.config import Config
from schemas.printable import printable, printable_json
from streams.shell import secret
from streams.shell.exits import ConfigRefused
from streams.shell.metrics import Metrics
from streams.shell.now import now_ms
from streams.telling import flagger
from streams.telling.answered import Asked, Known, answered, asked

PROBES: Final = frozenset({"/live", "/ready"})
"""Whoever supervises the worker asks here, and reads the status alone: a kubelet has no token."""


class Web(Service):
    """The worker's page for Prometheus, for whoever supervises it, and for rollouts that ask for verdicts.

    ``/live`` answers whenever the event loop does. ``/ready`` is 200 once partitions are assigned and their state is
    restored, and 503 with what is missing before. ``/v1/verdict`` and the hooks of Flagger's answer of any release of
    any service (docs/verdicts.md). Nothing is to be kept by caches on the way.

    Where the config names a token, whoever asks must bring it (``Authorization: Bearer ...``), at any path, also at one
    that is not there; else the answer is 401. The two probes answer without, but then by their status alone.

    Parameters
    ----------
    missing : what keeps the worker from being ready, one sentence each
    known : the verdicts to answer by
    """

    def __init__(
        self, config: Config, metrics: Metrics, missing: Callable[[], list[str]], known: Callable[[], Known]
    ) -> None:
        self._config, self._metrics, self._missing, self._verdicts = config, metrics, missing, known
        self._runner: web.AppRunner | None = None
        self._token = secret.http_token(config.worker)
        self.port = config.worker.http_port
        super().__init__()

    async def on_start(self) -> None:
        """Listen; with port 0, on one that is free, which `port` then tells."""
        # Whatever path is added later is guarded, too.
        app = web.Application(middlewares=[self._guard], client_max_size=flagger.LARGEST)
        app.on_response_prepare.append(_not_kept)
        app.add_routes([
            web.get("/metrics", self._page), web.get("/live", self._live), web.get("/ready", self._ready),
            web.get("/v1/verdict", self._verdict, allow_head=False),
            web.post("/v1/flagger/gate", self._gate), web.post("/v1/flagger/rollback", self._rollback),
        ])  # fmt: skip
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        host = self._config.worker.http_host
        try:
            await web.TCPSite(self._runner, host, self.port).start()
        except OSError as error:
            raise ConfigRefused(
                f"cannot listen on {host}:{self.port} ({error.strerror}): set `worker.http_port`; 0 takes any free port"
            ) from None
        self.port = self._runner.addresses[0][1]

    async def on_stop(self) -> None:
        """Close the door."""
        if self._runner:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path in PROBES or self._known(request):
            return await handler(request)
        return web.Response(status=401, text="a token is needed\n", headers={"WWW-Authenticate": "Bearer"})

    def _known(self, request: web.Request) -> bool:
        """Whether who asks may know more than that we are there; how long that takes tells nothing of the token."""
        if self._token is None:
            return True
        scheme, _, brought = request.headers.get("Authorization", "").partition(" ")
        said = brought.strip().encode("utf-8", "surrogateescape")
        return scheme.lower() == "bearer" and hmac.compare_digest(said, self._token.reveal().encode())

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.page(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _live(self, _: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def _ready(self, request: web.Request) -> web.Response:
        missing = [printable(one) for one in self._missing()]
        said: dict[str, object] = {"ready": not missing}
        if self._known(request):
            said["missing"] = missing
        return web.Response(
            status=503 if missing else 200,
            body=orjson.dumps(said),
            content_type="application/json",
        )

    async def _verdict(self, request: web.Request) -> web.Response:
        ask = asked(request.query.items())
        found = answered(ask, self._verdicts(), now_ms()) if isinstance(ask, Asked) else ask
        if isinstance(found, Answer):
            body = printable_json(msgspec.json.encode(found).decode())
            return web.Response(text=body, content_type="application/json")
        return web.Response(status=found.status, text=f"{found.says}\n")

    async def _gate(self, request: web.Request) -> web.Response:
        return await self._hooked(request, flagger.gate)

    async def _rollback(self, request: web.Request) -> web.Response:
        return await self._hooked(request, flagger.rollback)

    async def _hooked(
        self, request: web.Request, decide: Callable[[bytes | None, Known, int], flagger.Said]
    ) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            body = None
        said = decide(body, self._verdicts(), now_ms())
        return web.Response(status=said.status, text=f"{said.line}\n")


async def _not_kept(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Cache-Control"] = "no-store"
