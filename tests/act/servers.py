"""A webhook and a Kubernetes API on loopback, as small as their contracts: they compare, and answer 412 and 409."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

from schemas.rollbacks import Version

Json = dict[str, Any]

ANNOTATED: Final = "barograph.io/"


class Server:
    """One object behind HTTP.

    Attributes
    ----------
    meanwhile : called after a write was asked for and before it is looked at: between the client's read and its write
    deaf : a write is done and not answered
    status : answered instead of anything done, if set
    asked : method, and headers, of every request
    """

    def __init__(self) -> None:
        self.version = 1
        self.meanwhile: Callable[[], None] = _nothing
        self.deaf, self.status = False, 0
        self.asked: list[tuple[str, Json]] = []
        self.url = ""

    def get(self) -> tuple[int, Json, Json]:
        """Answer: status, headers and body."""
        raise NotImplementedError

    def write(self, headers: Json, said: Json) -> tuple[int, Json, Json]:
        """Compare, and write."""
        raise NotImplementedError

    def touch(self) -> None:
        self.version += 1


def _nothing() -> None:
    pass


class HookServer(Server):
    """A webhook."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: Json = {"release": "v3", "generation": 3}

    def get(self) -> tuple[int, Json, Json]:
        return 200, {"ETag": f'"{self.version}"'}, self.facts

    def write(self, headers: Json, said: Json) -> tuple[int, Json, Json]:
        if headers["If-Match"] != f'"{self.version}"':
            return 412, {}, {}
        self.facts = said["to"] | said["marker"]
        self.touch()
        return 202, {}, {}

    def deploy(self, runs: Version) -> None:
        self.facts |= {"release": runs.release, "generation": runs.generation}
        self.touch()


class ApiServer(Server):
    """An object of a Kubernetes API; `drops` is one whose schema does not know the field of the release."""

    def __init__(self) -> None:
        super().__init__()
        self.drops = False
        self.object: Json = {
            "kind": "Model", "spec": {"release": "v3", "replicas": 3},
            "metadata": {"name": "bot", "annotations": {"barograph.io/generation": "3", "team": "ml"}},
        }  # fmt: skip

    def get(self) -> tuple[int, Json, Json]:
        self.object["metadata"]["resourceVersion"] = str(self.version)
        return 200, {}, self.object

    def write(self, headers: Json, said: Json) -> tuple[int, Json, Json]:
        if headers["Content-Type"] != "application/merge-patch+json":
            return 415, {}, {}
        if said["metadata"].pop("resourceVersion") != str(self.version):
            return 409, {}, {"kind": "Status", "reason": "Conflict"}
        if self.drops:
            said.pop("spec")
        _merge(self.object, said)
        self.touch()
        return self.get()

    def deploy(self, runs: Version) -> None:
        generation = {"annotations": {f"{ANNOTATED}generation": str(runs.generation)}}
        _merge(self.object, {"spec": {"release": runs.release}, "metadata": generation})
        self.touch()


def _merge(into: Json, patch: Json) -> None:
    """RFC 7386, for objects that are there."""
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


@contextmanager
def served(server: Server) -> Iterator[None]:
    """Serve on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(("GET", dict(self.headers)))
            self._answer(*(server.get() if not server.status else (server.status, {"Location": server.url}, {})))

        def _write(self) -> None:
            headers = dict(self.headers)
            server.asked.append((self.command, headers))
            said = json.loads(self.rfile.read(int(headers["Content-Length"])))
            server.meanwhile()
            found = server.write(headers, said) if not server.status else (server.status, {"Location": server.url}, {})
            if not server.deaf:
                self._answer(*found)

        def do_POST(self) -> None:
            self._write()

        def do_PATCH(self) -> None:
            self._write()

        def _answer(self, status: int, headers: Json, body: Json) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{httpd.server_address[1]}/bot"
    try:
        yield
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
