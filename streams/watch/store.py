"""States <-> the records of `barograph.state`: a hot one a service, and cold ones that it names."""

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from schemas.strict import ConfigError
from streams.watch import records
from streams.watch.assess.state import UNSPENT
from streams.watch.own import Own
from streams.watch.pieces import Pieces, whole
from streams.watch.records import Exits, Position
from streams.watch.state import State

POSITION: Final = b"@"
EXITS: Final = b"%exits"
"""No service's key: in those a percent sign stands before two digits."""
REFRESH_S: Final = 3600
"""A state is written again after so long, though it is the same: a zombie may write an older one behind it, and that
one alone would outlive a compaction. It must be less than the topic's `min.compaction.lag.ms`."""
GROWTH: Final = {"waits": records.waits, "taken": records.taken, "derived": records.derived}
"""The cold parts of what a baseline goes on learning: how each is read."""
SPANS: Final = ("spans", "hours")
"""The cold parts of a release that is held against KPIs."""
SPENT: Final = ("recent", "hours")
"""The cold parts of an error budget."""
_BETWEEN: Final = "\0"
_OFFSET_BYTES: Final = 8
"""Before a part stands the offset of the state that it was first written for."""


class Unnamed(Struct, frozen=True):
    """A part that lies in the topic and that the state does not name: of a torn checkpoint, or yet to be buried."""

    offset: int


class Written(Struct, frozen=True):
    """What lies in the topic.

    Attributes
    ----------
    parts : service -> key -> the very object that was written, or `Unnamed`
    at : service -> second in which its hot record was written, by the partition's clock
    """

    parts: dict[str, dict[str, Any]] = {}
    at: dict[str, int] = {}


class Writes(NamedTuple):
    """Records of a checkpoint, in the order in which each list must be acknowledged before the next is sent."""

    cold: list[tuple[bytes, bytes]]
    hot: list[tuple[bytes, bytes]]
    tombstones: list[tuple[bytes, None]]


class Restored(NamedTuple):
    """What the topic held.

    Attributes
    ----------
    next : where reading begins; None for the log's start
    position : of the last owner
    exits : services that brought owners to their end, where the last of them ended
    """

    states: dict[str, State]
    next: int | None
    written: Written
    position: Position = Position(0, {})
    exits: Exits = Exits(-1, {})


def due(changed: Collection[str], written: Written, second: int, every_s: float) -> set[str]:
    """Choose the changed states that were not written for so long.

    A state that is not written is read again from its last record, so not each must be in every checkpoint. Each has
    its own rhythm, between half the time and all of it, lest all are written at once.

    Examples
    --------
    >>> sorted(due(["a", "b"], Written({}, {"a": 990}), 1000, every_s=60))
    ['b']
    """
    return {
        name
        for name in changed
        if name not in written.at or second - written.at[name] >= every_s * (0.5 + crc32(name.encode()) % 512 / 1024)
    }


def writes(
    states: Mapping[str, State],
    changed: Collection[str],
    written: Written,
    second: int | None = None,
    forgotten: Collection[str] = (),
) -> tuple[Writes, Written]:
    """Write the states that changed, and those that were not written for long.

    The key of a cold part is made of its bytes, so whoever writes it, whenever, it is the same record. A part is buried
    when a state further than the one that it was written for does not have it: counts only grow, so that no later state
    will. A zombie can bury nothing that is needed.

    Parameters
    ----------
    states : of all services of the partition
    changed : names of those whose state is not yet in the topic
    written : what was written before
    second : of the partition's last record; where the caller cannot say, that of the last arrival
    forgotten : services that are known no longer, all of which is buried

    Returns
    -------
    writes
    written
        What lies in the topic once all of it is acknowledged.
    """
    return whole(writing(states, changed, written, second, forgotten))


def writing(
    states: Mapping[str, State],
    changed: Collection[str],
    written: Written,
    second: int | None = None,
    forgotten: Collection[str] = (),
) -> Pieces[tuple[Writes, Written]]:
    """Do what `writes` does, a service at a time."""
    out = Writes([], [], [])
    now = max((state.second for state in states.values()), default=0) if second is None else second
    old = {name for name in states if now - written.at.get(name, 0) >= REFRESH_S}
    parts, at = dict(written.parts), dict(written.at)
    for name in sorted(old.union(changed)):
        state = states[name]
        cold = _Cold(name, state.offset, parts.get(name, {}))
        baseline = cold.key("baseline", state.baseline) if state.baseline is not None else ""
        buckets = {
            release: {begins: cold.key(f"bucket-{release}-{begins}", held) for begins, held in stream.buckets.items()}
            for release, stream in state.streams.items()
        }
        blocks = cold.key("blocks", state.blocks) if state.blocks is not None else ""
        spans = {
            f"{kind}-{release}": cold.key(f"{kind}-{release}", kept)
            for release, held in state.book.releases.items()
            for kind in SPANS
            if (kept := getattr(held, kind))
        }
        spans |= {
            f"budget-{kind}-{kpi}": cold.key(f"budget-{kind}-{kpi}", kept)
            for kpi, budget in state.book.budgets.items()
            for kind in SPENT
            if len((kept := getattr(budget, kind)).counts)
        }
        bare = {release: replace(stream, buckets={}) for release, stream in state.streams.items()}
        grown = {name: getattr(state.growth, name) for name in GROWTH} if state.growth else {}
        growth = {name: cold.key(name, held) for name, held in grown.items() if held is not None}
        left_of = state.growth and replace(state.growth, **dict.fromkeys(GROWTH))
        held_ = {
            release: replace(held, **{kind: {} for kind in SPANS}) for release, held in state.book.releases.items()
        }
        budgets = {kpi: replace(one, recent=UNSPENT, hours=UNSPENT) for kpi, one in state.book.budgets.items()}
        book = replace(state.book, releases=held_, budgets=budgets)
        left = replace(state, baseline=None, streams=bare, blocks=None, growth=left_of, book=book)
        hot = records.Hot(records.FORMAT, left, baseline, buckets, blocks, growth, spans=spans)
        out.cold.extend(cold.new)
        out.hot.append((_key(name).encode(), records.encode(hot)))
        out.tombstones.extend((key.encode(), None) for key in cold.gone())
        parts[name], at[name] = cold.now | cold.later(), now
        yield
    for name in sorted(set(forgotten) - states.keys()):
        out.tombstones.extend((key.encode(), None) for key in (_key(name), *parts.pop(name, {})))
        at.pop(name, None)
    return out, Written(parts, at)


class _Cold:
    """The cold parts of one state: keys of those that are there, records of those that are not."""

    def __init__(self, service: str, offset: int, known: Mapping[str, Any]) -> None:
        self.now: dict[str, Any] = {}
        self.new: list[tuple[bytes, bytes]] = []
        self._service, self._offset, self._known = service, offset, known
        self._keys = {id(held): key for key, held in known.items()}

    def key(self, place: str, value: Any) -> str:
        """Give the key of a part; of the very object that was written it is known, else its bytes tell."""
        at = f"{_key(self._service)}{_BETWEEN}{place}{_BETWEEN}"
        key = self._keys.get(id(value), "")
        if not key.startswith(at):
            raw = records.encode(value)
            key = f"{at}{blake2b(raw, digest_size=8).hexdigest()}"
            if key not in self._known:
                self.new.append((key.encode(), self._offset.to_bytes(_OFFSET_BYTES) + raw))
        self.now[key] = value
        return key

    def later(self) -> dict[str, Any]:
        """List what was written for a state further than this one, which may come to need it."""
        return {
            key: held
            for key, held in self._known.items()
            if key not in self.now and isinstance(held, Unnamed) and held.offset > self._offset
        }

    def gone(self) -> list[str]:
        """List what no state will name any more."""
        later = self.later()
        return [key for key in self._known if key not in self.now and key not in later]


def _key(service: str) -> str:
    r"""Make a key of a service's name: whatever it holds, it is neither the position's nor that of a part.

    Examples
    --------
    >>> _key("support-bot"), _key("@"), _key("a\0b")
    ('support-bot', '%40', 'a%00b')
    """
    escaped = service.replace("%", "%25").replace(_BETWEEN, "%00")
    return "%40" if escaped.encode() == POSITION else escaped


def position(
    next_offset: int, states: Mapping[str, State], own: Own | None = None, partitions: int = 0, snapshot: int = 0
) -> bytes:
    """Write how far the partition was applied, and each service's last record: the value of the record ``@``."""
    offsets = {name: state.offset for name, state in sorted(states.items())}
    return records.encode(Position(next_offset, offsets, own or Own(), partitions, snapshot))


def ended(exits: Exits, service: str, offset: int, error: str) -> tuple[bytes, Exits]:
    """Write that a service brought an owner to its end at a record: the value of the record `EXITS`."""
    times = exits.times if exits.offset == offset else {}
    n, _ = times.get(service, (0, ""))
    now = Exits(offset, {**times, service: (n + 1, error[:500])})
    return records.encode(now), now


def restore(topic: Iterable[tuple[bytes, bytes | None]]) -> Restored:
    """Read the states back.

    Of every service the *furthest* state counts, not the latest: a zombie may write an old one after a newer one.
    Of the position, likewise: a service that it does not name, though it was known before, is forgotten. One whose
    furthest state lies behind what the position says of it makes reading begin there.

    Parameters
    ----------
    topic : records of one partition of it, in order

    Raises
    ------
    ConfigError
        If a state was written by a version of Barograph that counts or bets otherwise, or one of its parts is gone.
    """
    hot: dict[str, records.Hot] = {}
    cold: dict[str, bytes] = {}
    at: Position | None = None
    exits = Exits(-1, {})
    for key, value in topic:
        name = key.decode()
        if value is None:
            continue  # a tombstone comes only when no later state names the part any more
        if key == POSITION:
            said = records.position(value)
            at = said if at is None or said.next >= at.next else at
        elif key == EXITS:
            again = records.exits(value)
            exits = again if again.offset >= exits.offset else exits
        elif _BETWEEN in name:
            cold[name] = value
        else:
            found = records.hot(value)
            if name not in hot or found.state.offset >= hot[name].state.offset:
                hot[name] = found
    states: dict[str, State] = {}
    parts: dict[str, dict[str, Any]] = {}
    if at is not None:
        hot = {key: one for key, one in hot.items() if one.state.service in at.offsets or one.state.offset >= at.next}
    for one in hot.values():
        service = one.state.service
        states[service], parts[service] = _whole(one, cold)
    for part in cold:
        if (owner := hot.get(part.split(_BETWEEN, 1)[0])) is not None:
            parts[owner.state.service].setdefault(part, Unnamed(int.from_bytes(cold[part][:_OFFSET_BYTES])))
    # When they were written nobody knows, so that all are at the first checkpoint.
    written = Written(parts)
    if at is None:
        return Restored(states, None, written, exits=exits)
    furthest = {name: states[name].offset if name in states else -1 for name in at.offsets}
    behind = [furthest[name] + 1 for name, offset in at.offsets.items() if furthest[name] < offset]
    return Restored(states, min([at.next, *behind]), written, at, exits)


def _whole(hot: records.Hot, cold: Mapping[str, bytes]) -> tuple[State, dict[str, Any]]:
    """Put a state and its cold parts together."""
    parts: dict[str, Any] = {}

    def part(key: str, decode: Any) -> Any:
        if key not in cold:
            raise ConfigError(
                f"the state of `{hot.state.service}` lacks its part {key!r}: something deleted records of the topic "
                "`barograph.state`; delete all of it to learn anew"
            )
        parts[key] = decode(cold[key][_OFFSET_BYTES:])
        return parts[key]

    baseline = part(hot.baseline, records.baseline) if hot.baseline else None
    blocks = part(hot.blocks, records.blocks) if hot.blocks else None
    streams = {
        release: replace(
            stream, buckets={begins: part(key, records.bucket) for begins, key in hot.buckets.get(release, {}).items()}
        )
        for release, stream in hot.state.streams.items()
    }
    growth = hot.state.growth
    if growth is not None:
        growth = replace(growth, **{name: part(key, GROWTH[name]) for name, key in hot.growth.items()})
    releases = {
        release: replace(
            held,
            **{kind: part(key, records.spans) for kind in SPANS if (key := hot.spans.get(f"{kind}-{release}"))},
        )
        for release, held in hot.state.book.releases.items()
    }
    budgets = {
        kpi: replace(
            one,
            **{kind: part(key, records.spent) for kind in SPENT if (key := hot.spans.get(f"budget-{kind}-{kpi}"))},
        )
        for kpi, one in hot.state.book.budgets.items()
    }
    book = replace(hot.state.book, releases=releases, budgets=budgets)
    return replace(hot.state, baseline=baseline, streams=streams, blocks=blocks, growth=growth, book=book), parts
