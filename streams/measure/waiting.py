"""Requests that nothing answered yet -> a small value, and what of it goes on at an anchor."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import dropwhile
from math import inf
from typing import Any, Final

from msgspec import Struct

from schemas.events import Request
from schemas.sections import Measure

_SIDE: Final = frozenset(Request.__struct_fields__) - {"service", "release", "at", "id"}

Key = tuple[str, str]
"""Service and id."""


@dataclass(frozen=True)
class Pairing:
    """What pairs, and what is kept of an open request.

    Attributes
    ----------
    timeout_ms : how far the timestamps of a pair may lie apart
    lookback : how far its offsets may
    most : open requests at once; of more, the oldest are forgotten
    fields : what a response may take from its request: that of the request's side which is counted or judged
    """

    timeout_ms: int
    lookback: int
    most: int
    fields: tuple[str, ...]

    @classmethod
    def of(cls, measure: Measure, counted: Iterable[str]) -> "Pairing":
        """Make it of the settings and of the names of all fields that are counted or judged.

        Examples
        --------
        >>> Pairing.of(Measure(), ["intent", "latency_ms", "input_tokens"]).fields
        ('input_tokens', 'intent', 'trace')
        """
        fields = tuple(sorted(_SIDE & {*counted, "trace"}))
        return cls(measure.pair_timeout_s * 1000, measure.pair_lookback, measure.open_requests, fields)


class Asked(Struct, frozen=True, gc=False):
    """An open request: its deadline in milliseconds, where it lies, whose it is, and what of it is counted."""

    deadline: int
    offset: int
    key: Key
    release: str
    at: str | int
    said: tuple[Any, ...]


@dataclass(frozen=True)
class Waiting:
    """The open requests at one place of the log. A value: nothing here changes.

    Attributes
    ----------
    requests : by service and id, in the order of their offsets
    earliest : no deadline lies before it (the first that does may have been answered)
    """

    requests: Mapping[Key, Asked] = field(default_factory=dict)
    earliest: float = inf


def forget(waiting: Waiting, before: int) -> tuple[Waiting, int]:
    """Forget the requests that lie before an offset, and say how many they were: done at every anchor."""
    requests = waiting.requests
    oldest = next(iter(requests.values()), None)
    if oldest is None or oldest.offset >= before:
        return waiting, 0
    near = {asked.key: asked for asked in dropwhile(lambda asked: asked.offset < before, requests.values())}
    return Waiting(near, waiting.earliest), len(requests) - len(near)
