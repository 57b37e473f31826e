"""A URL that knows what a target runs -> asked to go back, by compare-and-set."""

from typing import Final

from streams.act.resource import Done, Observed, Try, Unseen, seen
from streams.shell.actuators.asking import Asking, Reply, Silence

FACTS: Final = ("release", "generation", "key", "epoch", "at")


class Webhook:
    """A target behind a URL of yours.

    ``GET`` answers with what serves, ``{"release": ..., "generation": ...}``, and what the last rollback left, ``key``,
    ``epoch`` and ``at``; its ``ETag`` is the version. ``POST`` brings ``{"from": ..., "to": ..., "marker": ...}`` with
    ``If-Match`` and ``Idempotency-Key``: whoever answers compares the version, and keeps the marker, by one write. Any
    2xx says that it was done, 409 and 412 that the version is another one by now. A 5xx, 408, 425, 429 or no answer
    says nothing: the target is looked at again.

    Parameters
    ----------
    asking : the URL
    """

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def observe(self) -> Observed | Unseen:
        """Ask what serves."""
        reply = self._asking.ask("GET", {})
        if isinstance(reply, Silence):
            return Unseen(reply.said)
        version = reply.headers.get("etag", "")
        if reply.status != 200 or reply.body is None:
            return Unseen(f"the webhook answered {reply.status}, with no JSON object")
        if not version.startswith('"'):
            return Unseen("the webhook gave no strong ETag: there is nothing to compare with")
        return seen(version, {name: reply.body.get(name) for name in FACTS})

    def act(self, tried: Try) -> Done:
        """Ask it to go back."""
        command = tried.command
        headers = {
            "Content-Type": "application/json", "If-Match": tried.observed.version, "Idempotency-Key": command.key,
        }  # fmt: skip
        versions = (("from", tried.observed.runs), ("to", command.to))
        said = {name: {"release": one.release, "generation": one.generation} for name, one in versions}
        return told(self._asking.ask("POST", headers, said | {"marker": tried.marker._asdict()}))


def told(reply: Reply | Silence) -> Done:
    """Say what a reply to a conditional write means."""
    if isinstance(reply, Silence):
        return Done("unknown", reply.said)
    status = reply.status
    if 200 <= status < 300:
        return Done("applied", f"answered {status}")
    if status in (409, 412):
        return Done("stale", f"answered {status}: it was changed meanwhile")
    if status >= 500 or status in (408, 425, 429):
        return Done("unknown", f"answered {status}")
    return Done("refused", f"answered {status}")
