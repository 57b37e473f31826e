"""A partition's records -> what became of every request: answered by which response, or given up at which record.

The oracle of pairing: no table of open requests that goes along with the log, as the product has, but a search forward
from each request for what ends it, from the last request to the first, so that what comes later is known.

>>> half = b'{"type":"%s","id":"1","service":"s","release":"r","at":0}'
>>> log = [(0, 0, half % b"request"), (1, 5_000, half % b"response"), (2, 6_000, half % b"request"), (9, 70_000, None)]
>>> found = fates(log, [0], Measure())
>>> list(found.answered), [offset for offset, _ in found.given_up[9]]
([1], [2])
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.sections import Measure
from tests.measure.words import REQUEST, Refused, event, second

Said = dict[str, Any]
Log = Sequence[tuple[int, int, bytes | None]]


@dataclass
class Fates:
    """What became of requests.

    Attributes
    ----------
    answered : offset of a response -> what its request said
    given_up : offset of a record -> (offset, what it said) of the requests that it ended, in the order of deadlines
    became : offset of a record -> how many requests it ended, in the words of the metric `barograph_requests`
    """

    answered: dict[int, Said] = field(default_factory=dict)
    given_up: dict[int, list[tuple[int, Said]]] = field(default_factory=lambda: defaultdict(list))
    became: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def fates(log: Log, anchors: Sequence[int], measure: Measure) -> Fates:
    """Find what became of each request of a log, given where its blocks begin."""
    halves = [_half(record, measure) for record in log]
    later_open = [0] * len(log)  # behind each record: requests that are open there, of those looked at so far
    found, timeout = Fates(), measure.pair_timeout_s * 1000
    for begins in range(len(log) - 1, -1, -1):
        asked = halves[begins]
        if asked is None or asked["type"] != "request":
            continue
        offset, asked_at, _ = log[begins]
        nth = bisect_right(anchors, offset + measure.pair_lookback)
        forgotten = anchors[nth] if nth < len(anchors) else None
        ends, became = len(log), ""
        for i in range(begins + 1, len(log)):
            here, stamp, _ = log[i]
            half = halves[i]
            same = half is not None and (half["service"][:128], half["id"]) == (asked["service"][:128], asked["id"])
            if forgotten is not None and here >= forgotten:
                became = "too_far"
            elif stamp > asked_at + timeout:
                became = "no_response"
                found.given_up[here].append((offset, asked))
            elif half is not None and half["type"] == "request":
                became = "repeated" if same else "overflow" if later_open[i] >= measure.open_requests else ""
            elif same and abs(stamp - asked_at) <= timeout and here - offset <= measure.pair_lookback:
                became = "answered"
                assert here not in found.answered, "two requests of one id are never open"
                found.answered[here] = asked
            if became:
                found.became[here][became] += 1
                ends = i
                break
        for i in range(begins, ends):
            later_open[i] += 1
    stamps = {offset: stamp for offset, stamp, _ in log}
    for ended in found.given_up.values():
        ended.sort(key=lambda one: (stamps[one[0]], one[0]))
    return found


def _half(record: tuple[int, int, bytes | None], measure: Measure) -> Said | None:
    """Read a request or a response that counts."""
    said = event(record[2], measure.max_event_bytes)
    if isinstance(said, Refused) or said["type"] not in ("request", "response"):
        return None
    at = second(said["at"])
    return None if at is None or at > record[1] // 1000 + 86_400 else said


def completed(response: Said, request: Said) -> Said:
    """Make one exchange of two halves: what the response does not say, the request does, in 128 letters at most."""
    own = {name: value for name, value in response.items() if value is not None}
    return _kept(request) | own | {"type": "exchange"}


def unanswered(request: Said) -> Said:
    """Make the exchange that a request is that nothing answered."""
    return _kept(request) | {"type": "exchange", "error_type": "no_response"}


def _kept(request: Said) -> Said:
    said = {name: value for name, value in request.items() if name in REQUEST}
    return {
        name: value[:128] if type(value) is str and name not in ("id", "at") else value for name, value in said.items()
    }
