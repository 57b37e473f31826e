"""States <-> the records of `barograph.state`: a hot one a service, and cold ones that it names."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from streams.watch.state import Baseline, Bucket, State

POSITION: Final = b"@"
_BETWEEN: Final = "\0"


class _Hot(Struct, frozen=True):
    """A state without its cold parts, and their keys."""

    state: State
    baseline: str
    buckets: dict[str, dict[int, str]]


class _Position(Struct, frozen=True):
    next: int
    offsets: dict[str, int]


class Written(Struct, frozen=True):
    """Which cold parts lie in the topic: key -> the very object that was written. A part is written once."""

    parts: dict[str, dict[str, Any]] = {}


class Writes(NamedTuple):
    """Records of a checkpoint, in the order in which each list must be acknowledged before the next is sent."""

    cold: list[tuple[bytes, bytes]]
    hot: list[tuple[bytes, bytes]]
    tombstones: list[tuple[bytes, None]]


class Restored(NamedTuple):
    """What the topic held. `next` is where reading begins: None for the log's start."""

    states: dict[str, State]
    next: int | None
    written: Written


def _array_out(value: object) -> object:
    if isinstance(value, np.ndarray):
        if value.dtype == np.float32:
            return ("f4", list(value.shape), value.tobytes())
        small = value if value.dtype.kind == "u" else value.astype(np.min_scalar_type(int(value.max(initial=0))))
        return (small.dtype.str[1:], list(value.shape), small.tobytes())
    raise NotImplementedError(type(value))  # msgspec's own way to be told


def _array_in(_kind: type, said: Any) -> object:
    dtype, shape, raw = said
    array = np.frombuffer(raw, f"<{dtype}").reshape(shape)
    return array if dtype == "f4" else array.astype(np.int64)


_encode: Final = msgspec.msgpack.Encoder(enc_hook=_array_out).encode
_hot: Final = msgspec.msgpack.Decoder(_Hot, dec_hook=_array_in).decode
_baseline: Final = msgspec.msgpack.Decoder(Baseline, dec_hook=_array_in).decode
_bucket: Final = msgspec.msgpack.Decoder(Bucket, dec_hook=_array_in).decode
_position: Final = msgspec.msgpack.Decoder(_Position).decode


def writes(states: Mapping[str, State], changed: Iterable[str], written: Written) -> tuple[Writes, Written]:
    """Write the states that changed.

    Parameters
    ----------
    states : of all services of the partition
    changed : names of those whose state is not yet in the topic
    written : what was written before

    Returns
    -------
    writes
    written
        What lies in the topic once all of it is acknowledged.
    """
    out = Writes([], [], [])
    parts = dict(written.parts)
    for name in sorted(changed):
        state = states[name]
        known = parts.get(name, {})
        key_of = {id(value): key for key, value in known.items()}
        now: dict[str, Any] = {}
        for at, value in _cold_parts(state):
            key = key_of.get(id(value)) or f"{_key(name)}{_BETWEEN}{at}{_BETWEEN}{state.offset}"
            if key not in known:
                out.cold.append((key.encode(), _encode(value)))
            now[key] = value
        place = {id(value): key for key, value in now.items()}
        baseline = place[id(state.baseline)] if state.baseline is not None else ""
        buckets = {
            release: {bucket: place[id(held)] for bucket, held in stream.buckets.items()}
            for release, stream in state.streams.items()
        }
        bare = {release: replace(stream, buckets={}) for release, stream in state.streams.items()}
        hot = _Hot(replace(state, baseline=None, streams=bare), baseline, buckets)
        out.hot.append((_key(name).encode(), _encode(hot)))
        out.tombstones.extend((key.encode(), None) for key in known if key not in now)
        parts[name] = now
    return out, Written(parts)


def _cold_parts(state: State) -> Iterator[tuple[str, Any]]:
    """List the parts of a state that are written once, each with what it is."""
    if state.baseline is not None:
        yield f"baseline-{state.baseline.version}", state.baseline
    for release, stream in state.streams.items():
        for bucket, held in stream.buckets.items():
            yield f"bucket-{release}-{bucket}", held


def _key(service: str) -> str:
    r"""Make a key of a service's name: whatever it holds, it is neither the position's nor that of a part.

    Examples
    --------
    >>> _key("support-bot"), _key("@"), _key("a\0b")
    ('support-bot', '%40', 'a%00b')
    """
    escaped = service.replace("%", "%25").replace(_BETWEEN, "%00")
    return "%40" if escaped.encode() == POSITION else escaped


def position(next_offset: int, states: Mapping[str, State]) -> bytes:
    """Write how far the partition was applied, and each service's last record: the value of the record ``@``."""
    return _encode(_Position(next_offset, {name: state.offset for name, state in sorted(states.items())}))


def restore(records: Iterable[tuple[bytes, bytes | None]]) -> Restored:
    """Read the states back.

    Of every service the *furthest* state counts, not the latest: a zombie may write an old one after a newer one.
    Of the position, likewise. A service whose furthest state lies behind what the position says of it makes reading
    begin there.

    Parameters
    ----------
    records : of one partition of the state topic, in order
    """
    hot: dict[str, _Hot] = {}
    cold: dict[str, bytes] = {}
    at: _Position | None = None
    for key, value in records:
        name = key.decode()
        if key == POSITION:
            said = _position(value) if value is not None else None
            at = said if said is not None and (at is None or said.next >= at.next) else at
        elif _BETWEEN in name:
            if value is not None:
                cold[name] = value  # a tombstone comes only when nobody names the part any more
        elif value is not None:
            found = _hot(value)
            if name not in hot or found.state.offset >= hot[name].state.offset:
                hot[name] = found
    states: dict[str, State] = {}
    parts: dict[str, dict[str, Any]] = {}
    for one in hot.values():
        name = one.state.service
        states[name], parts[name] = _whole(one, cold)
    if at is None:
        return Restored(states, None, Written(parts))
    furthest = {name: states[name].offset if name in states else -1 for name in at.offsets}
    behind = [furthest[name] + 1 for name, offset in at.offsets.items() if furthest[name] < offset]
    return Restored(states, min([at.next, *behind]), Written(parts))


def _whole(hot: _Hot, cold: Mapping[str, bytes]) -> tuple[State, dict[str, Any]]:
    """Put a state and its cold parts together."""
    parts: dict[str, Any] = {}
    baseline = None
    if hot.baseline:
        baseline = parts[hot.baseline] = _baseline(cold[hot.baseline])
    streams = {}
    for release, stream in hot.state.streams.items():
        buckets = {}
        for bucket, key in hot.buckets.get(release, {}).items():
            buckets[bucket] = parts[key] = _bucket(cold[key])
        streams[release] = replace(stream, buckets=buckets)
    return replace(hot.state, baseline=baseline, streams=streams), parts
