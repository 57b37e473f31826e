"""An object of a Kubernetes API -> the field that names its release, changed by a patch with `resourceVersion`."""

from collections.abc import Sequence
from typing import Any, Final

from schemas.strict import ConfigError
from streams.act.resource import Done, Observed, Try, Unseen, seen
from streams.shell.actuators.asking import Asking, Reply, Silence
from streams.shell.actuators.webhook import told

PREFIX: Final = "barograph.io/"
"""Of the annotations `generation`, and `rollback-key`, `rollback-epoch`, `rollback-at`, which are the marker."""

_ANNOTATIONS: Final = {
    "generation": "generation", "key": "rollback-key", "epoch": "rollback-epoch", "at": "rollback-at",
}  # fmt: skip


class KubernetesObject:
    """An object that names its release in one field, as ``spec.release``, with its generation as an annotation.

    Whoever deploys writes the annotation ``barograph.io/generation`` with the release: ``metadata.generation`` is the
    server's, and counts any change. The field is reached by keys of objects alone: a merge patch replaces a list as a
    whole.

    Parameters
    ----------
    asking : the object's URL, ``https://HOST/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME``
    field : keys on the way to the field

    Raises
    ------
    ConfigError
        If the field lies outside of ``spec``.

    References
    ----------
    RFC 7386; https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    """

    def __init__(self, asking: Asking, field: Sequence[str] = ("spec", "release")) -> None:
        if len(field) < 2 or field[0] != "spec":
            raise ConfigError(f"the field of the release lies within `spec`, not at `{'.'.join(field)}`")
        self._asking, self._field = asking, tuple(field)

    def observe(self) -> Observed | Unseen:
        """Get the object."""
        reply = self._asking.ask("GET", {})
        if isinstance(reply, Silence):
            return Unseen(reply.said)
        if reply.status != 200 or reply.body is None:
            return Unseen(f"the API answered {reply.status}, with no object")
        return self._seen(reply.body)

    def act(self, tried: Try) -> Done:
        """Patch the object, if it is still at the version that was observed."""
        to = tried.command.to
        facts = {"generation": to.generation, **tried.marker._asdict()}
        annotations = {PREFIX + name: str(facts[fact]) for fact, name in _ANNOTATIONS.items()}
        patch: dict[str, Any] = {
            "metadata": {"resourceVersion": tried.observed.version, "annotations": annotations}
        } | _nested(self._field, to.release)  # fmt: skip
        reply = self._asking.ask("PATCH", {"Content-Type": "application/merge-patch+json"}, patch)
        done = told(reply)
        if done.outcome == "applied" and isinstance(reply, Reply):
            now = self._seen(reply.body) if reply.body is not None else Unseen("no object")
            if isinstance(now, Unseen) or (now.runs, now.marker) != (to, tried.marker):
                return Done("refused", f"{done.said}, but did not take {'.'.join(self._field)} and the annotations")
        return done

    def _seen(self, found: dict[str, Any]) -> Observed | Unseen:
        release: Any = found
        for key in self._field:
            release = release.get(key) if isinstance(release, dict) else None
        metadata = found.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if not isinstance(version, str) or not version:
            return Unseen("the object has no resourceVersion: there is nothing to compare with")
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        there = annotations if isinstance(annotations, dict) else {}
        facts = {fact: there.get(PREFIX + name) for fact, name in _ANNOTATIONS.items()}
        return seen(version, {"release": release, **facts})


def _nested(field: Sequence[str], value: str) -> dict[str, Any]:
    inner: Any = value
    for key in reversed(field):
        inner = {key: inner}
    return inner  # type: ignore[no-any-return]  # there is at least one key
