"""What was found, and what another config would have found -> the difference, for people to decide by."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.bounds import Bounded, bounded
from schemas.config import Config
from schemas.incidents import Notify, Severity, Step
from schemas.moments import written
from schemas.printable import printable
from schemas.strict import ConfigError
from schemas.watching import Service
from streams.telling.identity import fingerprint
from streams.telling.loud import louder
from streams.watch.alphabet import counts_as
from streams.watch.effective import Sections

Side = Literal["found", "would"]
"""By the configs that the log names, or by the one that is tried."""


LEARNED: Final = ("baseline_events", "slices_per_dimension", "names_per_signal")
"""Settings of `watch` that are at work while a baseline is learned."""

CLASSIFIES: Final = ("severities", "modes", "aliases", "sql_dialect")
"""Settings of `failures` by which a failed exchange is given its modes, and the gravest of them."""


class Heard(NamedTuple):
    """A finding of one of the sides, as JSON."""

    side: Side
    value: bytes


class Life(Struct, frozen=True, kw_only=True):
    """One episode of an incident, from its first word to its last.

    Attributes
    ----------
    identity : fingerprint of its labels but for `shadow`: the same incident, whether in shadow or not
    signals : all that ever alarmed in it
    severity, notify : the gravest that it came to
    since : onset of the change, as it was last estimated
    found_at, told_at, over_at : when it fired, came to `notify`, and resolved (None if it is still open); milliseconds
    """

    identity: str
    service: str
    alert: str
    slice: str
    signals: tuple[str, ...]
    severity: Severity
    notify: Notify
    shadow: bool
    since: int
    found_at: int
    told_at: int
    over_at: int | None
    summary: str


class Both(Struct, frozen=True, kw_only=True):
    """An incident of both sides.

    Attributes
    ----------
    later_s : by how much it would have been found later; below 0, sooner
    told_later_s : by how much it would have come to page later, of one that pages on both sides, and so of a ticket
    over_later_s : by how much it would have been over later; None where it is still open on one side alone
    same : whether nothing differs
    """

    found: Life
    would: Life
    later_s: float
    told_later_s: float
    over_later_s: float | None
    same: bool


class Difference(Struct, frozen=True, kw_only=True):
    """What another config changes.

    Attributes
    ----------
    begins_at, ends_at : timestamps of the first and the last record that were read, in milliseconds
    records : that were read
    open_before : incidents that were open where the replay begins, of neither side; they are left out
    untried : settings that the other config has otherwise, and a trial cannot try
    only_found, only_would, both : by service, alert and time
    sums : what is summed -> how many were found, and would have been
    """

    begins_at: int = 0
    ends_at: int = 0
    records: int = 0
    open_before: int
    untried: tuple[str, ...] = ()
    only_found: tuple[Life, ...]
    only_would: tuple[Life, ...]
    both: tuple[Both, ...]
    sums: dict[str, tuple[int, int]]


class _Change(Struct):
    signal: str


class _Incident(Struct, tag_field="schema", tag="barograph.incident/v1"):
    """Of an incident, what a life is made of."""

    fingerprint: str
    episode: int
    step: Step
    severity: Severity
    notify: Notify
    labels: dict[str, str]
    service: str
    summary: str
    since: int
    updated_at: int
    shadow: bool
    changes: tuple[_Change, ...]


class _Report(Struct, tag_field="schema", tag="barograph.change_report/v1"):
    """Wakes nobody, so it is no part of the difference."""


_read: Final = msgspec.json.Decoder(_Incident | _Report).decode


def _allows(services: Iterable[Service]) -> dict[str, Bounded]:
    """Say what each service may take and use, its workflows with it, where anything is said of them."""
    of = {one.name: bounded([(one.name, one.allows, one.workflows)]) for one in services}
    return {name: said for name, said in of.items() if said.of}


def untried(recorded: str, config: Config, learned: bool = False) -> list[str]:
    """Name the settings that a config has otherwise, and that a trial leaves as they were.

    What was counted is counted: everything in `measure` was at work before the tallies were written, and so was what
    decides which failures have which modes. And what was learned is learned.

    Parameters
    ----------
    recorded : the config by which tallies were counted, as a fact of the log says it
    config : to be tried
    learned : whether the trial begins with baselines that are there already

    Raises
    ------
    ConfigError
        If it would watch what was never counted: slices by a field that nothing was cut by, other buckets, or a signal
        of the user's own that was not declared, or otherwise.
    """
    said = msgspec.json.decode(recorded, type=Sections)
    was, now = said.measure, config.measure
    for i, field in enumerate(now.slices):
        if field not in was.slices:
            cut = ", ".join(was.slices) or "none"
            raise ConfigError(
                f"no trial of slices by `{field}`: nothing recorded was cut by it, only by: {cut} - at "
                f"`measure.slices[{i}]`"
            )
    if was.bucket_s != now.bucket_s:
        raise ConfigError(
            f"no trial of buckets of {now.bucket_s} s: what is recorded was counted in buckets of {was.bucket_s} s - "
            "at `measure.bucket_s`"
        )
    counted = {one.name: counts_as(one.signal()) for one in said.signals}
    for i, signal in enumerate(config.own_signals()):
        if counted.get(signal.name) != counts_as(signal):
            how = "it was counted otherwise" if signal.name in counted else "it was not counted"
            raise ConfigError(
                f"no trial of signal `{signal.name}`: {how} when this was recorded. Declare it, and try it on what is "
                f"counted from then on - at `signals[{i}]`"
            )
    names = [f"measure.{name}" for name in was.__struct_fields__ if getattr(was, name) != getattr(now, name)]
    names += [
        f"failures.{name}" for name in CLASSIFIES if getattr(said.failures, name) != getattr(config.failures, name)
    ]
    allowed, allows = _allows(said.services), _allows(config.services)
    names += [
        f"services.{name}.allows" for name in sorted({*allowed, *allows}) if allowed.get(name) != allows.get(name)
    ]
    if learned:
        names += [f"watch.{name}" for name in LEARNED if getattr(said.watch, name) != getattr(config.watch, name)]
    return [name for name in names if name != "measure.slices"]


def difference(heard: Iterable[Heard]) -> Difference:
    """Compare two sides.

    Two lives are the same incident if they have the same identity and their times, from onset to end, overlap; each
    belongs to one other at most, in the order of time. Ids say nothing: an episode more on one side shifts all later.

    Parameters
    ----------
    heard : findings of both sides, each side's in order
    """
    lives: dict[Side, dict[tuple[str, int], Life]] = {"found": {}, "would": {}}
    before: set[tuple[str, int]] = set()
    pending: set[tuple[Side, str, int]] = set()
    for side, value in heard:
        said = _read(value)
        if isinstance(said, _Report):
            continue
        key = said.fingerprint, said.episode
        if said.step == "pending":  # nobody was told; it fires as the same episode, or goes on under another name
            pending.add((side, *key))
            continue
        if said.step == "resolved" and key not in lives[side] and (side, *key) in pending:
            continue
        if said.step != "fired" and key not in lives[side]:
            before.add(key)
        else:
            lives[side][key] = _lived(lives[side].get(key), said)
    found, would = (sorted(lives[side].values(), key=_order) for side in ("found", "would"))
    both = _matched(found, would)
    seen = {id(one) for pair in both for one in (pair.found, pair.would)}
    return Difference(
        open_before=len(before),
        only_found=tuple(life for life in found if id(life) not in seen),
        only_would=tuple(life for life in would if id(life) not in seen),
        both=tuple(both),
        sums={
            name: (sum(map(counts, found)), sum(map(counts, would)))
            for name, counts in {
                "incidents": lambda life: not life.shadow,
                "pages": lambda life: life.notify == "page" and not life.shadow,
                "tickets": lambda life: life.notify == "ticket" and not life.shadow,
                "records": lambda life: life.notify == "record" and not life.shadow,
                "pages in shadow": lambda life: life.notify == "page" and life.shadow,
                "tickets in shadow": lambda life: life.notify == "ticket" and life.shadow,
            }.items()
        },
    )


def lines(told: Difference) -> Iterator[str]:
    """Write a difference for people; nothing in it acts on a terminal."""
    yield f"from {written(told.begins_at)} to {written(told.ends_at)}, {told.records:,} records of tallies"
    yield "- was found, and would not be;  + would be found, and was not;  ~ is on both sides, and differs"
    differing = [pair for pair in told.both if not pair.same]
    rows = [
        *((life, "-", _words(life)) for life in told.only_found),
        *((life, "+", _words(life)) for life in told.only_would),
        *((pair.found, "~", "; ".join(_differs(pair))) for pair in differing),
    ]
    for service, some in groupby(sorted(rows, key=lambda row: _order(row[0])), key=lambda row: row[0].service):
        yield ""
        yield printable(service)
        for life, mark, words in some:
            yield printable(f"  {mark} {written(life.found_at)} {_name(life)}: {words}")
    yield ""
    yield f"on both sides: {len(told.both)}, of which {len(differing)} differ"
    for name, (found, would) in told.sums.items():
        if found or would or "shadow" not in name:
            yield f"{name}: {found} -> {would}"
    if told.open_before:
        yield f"left out: {told.open_before} that were open where the replay begins"
    if told.untried:
        yield (
            f"not tried, since it decides what is counted or learned, and that was done: {', '.join(told.untried)}; "
            "all else is as under the new config"
        )


def _lived(life: Life | None, said: _Incident) -> Life:
    """Let an incident's life go on by a step."""
    over_at = said.updated_at if said.step == "resolved" else None
    signals = tuple(one.signal for one in said.changes)
    if life is None:
        labels = {name: value for name, value in said.labels.items() if name != "shadow"}
        return Life(
            identity=fingerprint(labels), service=said.service, alert=labels["alertname"], slice=labels["slice"],
            signals=signals, severity=said.severity, notify=said.notify, shadow=said.shadow, since=said.since,
            found_at=said.updated_at, told_at=said.updated_at, over_at=over_at, summary=said.summary,
        )  # fmt: skip
    graver = louder(said.notify, life.notify)
    return replace(
        life,
        signals=tuple(dict.fromkeys((*life.signals, *signals))),
        severity=min(life.severity, said.severity),
        notify=said.notify if graver else life.notify,
        told_at=said.updated_at if graver else life.told_at,
        since=said.since,
        over_at=over_at,
        summary=said.summary,
    )


def _matched(found: Sequence[Life], would: Sequence[Life]) -> list[Both]:
    """Put lives together that are the same incident."""
    pairs, left = [], list(would)
    for one in found:
        other = next((two for two in left if one.identity == two.identity and _overlap(one, two)), None)
        if other is not None:
            left.remove(other)
            pairs.append(_both(one, other))
    return pairs


def _overlap(one: Life, two: Life) -> bool:
    return (two.over_at is None or one.since <= two.over_at) and (one.over_at is None or two.since <= one.over_at)


def _both(one: Life, two: Life) -> Both:
    later, told = (two.found_at - one.found_at) / 1000, (two.told_at - one.told_at) / 1000
    if one.over_at is None and two.over_at is None:
        over: float | None = 0.0
    else:
        over = None if one.over_at is None or two.over_at is None else (two.over_at - one.over_at) / 1000
    same = not (later or over != 0 or _grades(one) != _grades(two) or told)
    return Both(found=one, would=two, later_s=later, told_later_s=told, over_later_s=over, same=same)


def _grades(life: Life) -> tuple[str, str, bool]:
    return life.notify, life.severity, life.shadow


def _differs(pair: Both) -> Iterator[str]:
    one, two = pair.found, pair.would
    if (one.notify, one.shadow) != (two.notify, two.shadow):
        yield f"{_notify(one)} -> {_notify(two)}"
    if one.severity != two.severity:
        yield f"{one.severity} -> {two.severity}"
    if pair.later_s:
        yield f"found {_later(pair.later_s)}"
    if one.notify == two.notify and pair.told_later_s != pair.later_s:
        yield f"a {one.notify} {_later(pair.told_later_s)}"
    if pair.over_later_s:
        yield f"over {_later(pair.over_later_s)}"
    elif pair.over_later_s is None:
        yield "would be over by now" if one.over_at is None else "would still be open"


def _later(seconds: float) -> str:
    """Say how much later, or sooner.

    Examples
    --------
    >>> _later(12.0), _later(-90.5)
    ('12 s later', '90.5 s sooner')
    """
    return f"{abs(seconds):g} s {'later' if seconds > 0 else 'sooner'}" if seconds else "at the same time"


def _words(life: Life) -> str:
    lasted = "still open" if life.over_at is None else f"over after {(life.over_at - life.found_at) / 1000:g} s"
    return f"{_notify(life)}, {life.severity}, {lasted}; {life.summary}"


def _notify(life: Life) -> str:
    return f"{life.notify} in shadow" if life.shadow else life.notify


def _name(life: Life) -> str:
    return f"{life.alert} ({life.slice})" if life.slice else life.alert


def _order(life: Life) -> tuple[str, str, str, int]:
    return life.service, life.alert, life.slice, life.found_at
