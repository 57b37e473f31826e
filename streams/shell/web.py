"""A worker's state -> /metrics, /live and /ready on loopback."""

from collections.abc import Callable

import orjson
from aiohttp import web
from mode import Service

from schemas.config import Config
from streams.shell.exits import ConfigRefused
from streams.shell.metrics import Metrics


class Web(Service):
    """The worker's page for Prometheus and for whoever supervises it.

    ``/live`` answers whenever the event loop does. ``/ready`` is 200 once partitions are assigned and their state is
    restored, and 503 with what is missing before.

    Parameters
    ----------
    missing : what keeps the worker from being ready, one sentence each
    """

    def __init__(self, config: Config, metrics: Metrics, missing: Callable[[], list[str]]) -> None:
        self._config, self._metrics, self._missing = config, metrics, missing
        self._runner: web.AppRunner | None = None
        self.port = config.worker.http_port
        super().__init__()

    async def on_start(self) -> None:
        """Listen; with port 0, on one that is free, which `port` then tells."""
        app = web.Application()
        app.add_routes([
            web.get("/metrics", self._page), web.get("/live", self._live), web.get("/ready", self._ready)
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

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.page(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _live(self, _: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def _ready(self, _: web.Request) -> web.Response:
        missing = self._missing()
        return web.Response(
            status=503 if missing else 200,
            body=orjson.dumps({"ready": not missing, "missing": missing}),
            content_type="application/json",
        )
