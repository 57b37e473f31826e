"""One request over HTTP -> the reply, or why there is none."""

import email.message
import http.client
import ipaddress
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from schemas.strict import ConfigError

LARGEST: Final = 1 << 20
"""Bytes of a reply."""


class Reply(NamedTuple):
    """What was answered.

    Attributes
    ----------
    headers : by their names in small letters
    body : None where it is no JSON object, or longer than `LARGEST`
    """

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any] | None


class Silence(NamedTuple):
    """Why there is no reply. What was asked for may have happened all the same."""

    said: str


class _Unmoved(urllib.request.HTTPRedirectHandler):
    """Follows nobody: a token, and a rollback, are for who was named."""

    def redirect_request(self, *_: Any) -> None:
        """Leave the reply as it is."""


class Asking:
    """Asks one server, without proxies and redirects.

    Parameters
    ----------
    url : https, or http on loopback
    token_file : holds a bearer token, read again at each request; empty for none
    ca_file : certificates in PEM to trust instead of the system's; empty for those
    timeout_s : of each wait for the server

    Raises
    ------
    ConfigError
        If the URL is neither of the two, or the certificates cannot be read.
    """

    def __init__(self, url: str, token_file: str = "", ca_file: str = "", timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and _here(parts.hostname))):
            raise ConfigError(f"`{url}` is neither https nor http on loopback: whoever listens could roll back")
        try:
            context = ssl.create_default_context(cafile=ca_file or None)
        except (OSError, ssl.SSLError) as wrong:
            raise ConfigError(f"cannot read the certificates in `{ca_file}`: {wrong}") from None
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _Unmoved(), urllib.request.HTTPSHandler(context=context)
        )
        self._url, self._token_file, self._timeout_s = url, token_file, timeout_s

    def ask(self, method: str, headers: Mapping[str, str], said: object = None) -> Reply | Silence:
        """Send a request, with a JSON body if there is something to say, and wait for the reply."""
        body = None if said is None else json.dumps(said).encode()
        request = urllib.request.Request(self._url, body, {"Accept": "application/json", **headers}, method=method)  # noqa: S310 - looked at above
        if self._token_file:
            try:
                token = Path(self._token_file).read_text("utf-8").strip()
                request.add_unredirected_header("Authorization", f"Bearer {token}")
            except (OSError, ValueError) as wrong:
                return Silence(f"cannot read the token: {wrong}")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as reply:
                return Reply(reply.status, _small(reply.headers), _object(reply.read(LARGEST + 1)))
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(refused.code, _small(refused.headers), None)
        except (OSError, http.client.HTTPException, ValueError) as wrong:  # a timeout is an OSError
            return Silence(f"no answer: {wrong}")


def _small(headers: email.message.Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body) if len(body) <= LARGEST else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
