"""Incidents that share an onset -> what they have in common, by fixed rules, with the counts that say so.

A rule holds if it does of more than half of the services; the first that holds names the cause. None of them proves
anything: they say where to look first.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from schemas.found import Rules
from schemas.incidents import Cause, Incident

UNSEEN: Final = ("silence", "missing")
"""Features of a change after which nothing is seen any more."""

PRESSED: Final = ("latency", "ttft", "retries", "fallback")
"""Signals that move first when what lies below a service is overloaded or away."""

ACTIONS: Final[dict[Cause, str]] = {
    "telemetry_lag": "Look at what carries events first: collectors, the broker, Barograph's workers. The services may "
    "be well.",
    "release": "Compare what was released at that time, and roll it back where the services got worse with it.",
    "provider": "Look at the provider's status; fail over to another model or provider, or shed load.",
    "infrastructure": "Look at what all of them stand on: network, gateway, databases, the cluster.",
    "traffic_mix": "See who sends more, or something else, than before: a client, a campaign, a caller that failed.",
    "unknown": "Look at the gravest of them first, and at what changed at that time for all.",
}


class Label(NamedTuple):
    """A cause.

    Attributes
    ----------
    about : what exactly, as ``dimension=name``; empty where there is no name for it
    words : with the counts
    """

    cause: Cause
    about: str
    words: str


Test = Callable[[Incident], bool]
Names = Callable[[Incident], Iterable[str]]


def cause(incidents: Sequence[Incident], trouble: str, rules: Rules) -> Label:
    """Name what incidents have in common.

    Parameters
    ----------
    incidents : several of a service count as one
    trouble : what went wrong with Barograph itself at that time; empty if nothing did
    """
    services: dict[str, list[Incident]] = {}
    for one in incidents:
        services.setdefault(one.service, []).append(one)
    of = list(services.values())
    if trouble:
        return Label("telemetry_lag", "", f"telemetry: {trouble} of Barograph itself at that time")
    if n := _most(of, _unseen):
        return Label("telemetry_lag", "", f"telemetry: nothing is seen any more of {n} of {len(of)}")
    if n := _most(of, _released):
        name, times = _shared(of, _releases)
        about = f"release={name}" if name else ""
        which = f" ({name} in {times})" if name else ""
        return Label("release", about, f"a new release in {n} of {len(of)}{which}")
    name, n = _shared(of, _models)
    if name:
        return Label("provider", f"model_served={name}", f"provider: {name} in {n} of {len(of)}{_modes(of)}")
    led = _most(of, lambda one: one.kind == "traffic" or _leads(one) in rules.inputs)
    name, n = _shared(of, lambda one: [rules.providers[one.service]] if one.service in rules.providers else [])
    if name and not led:
        return Label("provider", f"provider={name}", f"provider: {name} serves {n} of {len(of)}{_modes(of)}")
    if n := _most(of, _pressed):
        what = f"infrastructure: unavailable, slow or silent are {n} of {len(of)}, with no model or provider in common"
        return Label("infrastructure", "", f"{what}{_modes(of)}")
    if led:
        return Label("traffic_mix", "", f"traffic: what is asked, or how much, changed in {led} of {len(of)}")
    return Label("unknown", "", f"no cause in common is known{_modes(of)}")


def _most(services: Sequence[Sequence[Incident]], test: Test) -> int:
    """Count the services of which something holds; 0 if it does not of most."""
    n = sum(any(map(test, of)) for of in services)
    return n if 2 * n > len(services) else 0


def _shared(services: Sequence[Sequence[Incident]], names: Names) -> tuple[str, int]:
    """Find the name that most services have, and how many have it; of equals the first by the alphabet."""
    counts = Counter(name for of in services for name in {name for one in of for name in names(one)})
    name, n = min(counts.items(), key=lambda held: (-held[1], held[0]), default=("", 0))
    return (name, n) if 2 * n > len(services) else ("", 0)


def _modes(services: Sequence[Sequence[Incident]]) -> str:
    """Say which failure mode leads in most services, if one does."""
    mode, n = _shared(services, _mode)
    return f" ({mode} in {n} of {len(services)})" if mode else ""


def _mode(incident: Incident) -> list[str]:
    return [incident.modes[0].mode] if incident.modes else []


def _leads(incident: Incident) -> str:
    return incident.changes[0].signal if incident.changes else ""


def _unseen(incident: Incident) -> bool:
    return incident.kind == "no_data" or any(one.feature in UNSEEN for one in incident.changes[:1])


def _pressed(incident: Incident) -> bool:
    unavailable = any(mode.startswith("AVL.") or mode == "PRF.SLOW" for mode in _mode(incident))
    return unavailable or _unseen(incident) or _leads(incident) in PRESSED


def _released(incident: Incident) -> bool:
    return any(one.what == "release" for one in incident.also)


def _releases(incident: Incident) -> list[str]:
    return [one.after for one in incident.also if one.what == "release"]


def _models(incident: Incident) -> list[str]:
    """Name the served models that an incident is about: its slice, what grew, or what changed with it."""
    where = incident.slice
    found = [where.name] if where is not None and where.dimension == "model_served" else []
    found += [one.after for one in incident.also if one.what == "model_served"]
    return [name for name in found if name and not name.startswith("__")]
