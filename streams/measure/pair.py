"""Requests and responses of a partition -> whole exchanges, and requests given up.

Nothing is stored. Whether two records pair is decided by the log near them, so that whoever begins at an anchor and
reads back `lookback` offsets has the same requests open there as the one who went on. Each rule here looks only at the
records from the request on, and the bound forgets by offset: so the requests that a reader of a later part of the log
has open are, at any record, just those of them that lie in its part (docs/decisions/0020, 0021).
"""

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from math import inf
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np

from schemas.events import Event, Exchange, Request, Response
from schemas.tallies import Ints
from streams.measure.decode import CHUNK, Fault, RecordLike, decode
from streams.measure.letters import Times
from streams.measure.texts import LONGEST
from streams.measure.times import second, when
from streams.measure.waiting import Asked, Pairing, Waiting

NO_RESPONSE: Final = "no_response"
"""The `error_type` of a request that is given up; the taxonomy makes `AVL.NO_RESPONSE` of it."""

_HALVES: Final = frozenset({Request, Response})
_LONG_TIME: Final = 40
"""Characters; a longer time is kept as a number."""


class _Cut(dict[str, str]):
    """Texts, cut as they are counted; of those that are alike, one is kept."""

    def __missing__(self, text: str) -> str:
        cut = self[text] = text[:LONGEST]
        return cut


class GivenUp(NamedTuple):
    """A request that was given up: its row among the batch's, its offset, and the timestamp of the record that did."""

    row: int
    offset: int
    stamp: int


class Pairs:
    """Pairs the events of one batch, chunk by chunk, in the order of the log.

    Parameters
    ----------
    waiting : the requests that were open before
    latest : the largest timestamp of the batch's records, in milliseconds

    Attributes
    ----------
    whole : rows of the responses that found their request
    given_up : requests that nothing answered in time, each a row of its own
    became : what became of requests -> how many

    Examples
    --------
    >>> from schemas.config import Measure
    >>> pairs = Pairs(Pairing.of(Measure(), ["intent"]), Waiting(), latest=5)
    >>> asked = Request(service="s", release="r", at=0, id="1", intent="buy")
    >>> answered = Response(service="s", release="r", at=0, id="1")
    >>> _, whole = pairs.pair([asked, answered], [], np.array([7, 8]), np.array([3, 5]))
    >>> whole.intent, pairs.whole, dict(pairs.became), pairs.waiting().requests
    ('buy', [1], {'answered': 1}, {})
    """

    def __init__(self, pairing: Pairing, waiting: Waiting, latest: int) -> None:
        self.whole: list[int] = []
        self.given_up: list[GivenUp] = []
        self.became: Counter[str] = Counter()
        self._pairing, self._latest, self._rows = pairing, latest, 0
        self._requests, self._earliest = dict(waiting.requests), waiting.earliest
        self._due: list[tuple[int, int, Asked]] = []  # a heap of those that a record of this batch may give up
        if self._earliest < latest:
            deadlines = [asked.deadline for asked in self._requests.values()]
            self._due = [
                (deadline, asked.offset, asked)
                for deadline, asked in zip(deadlines, self._requests.values(), strict=True)
                if deadline < latest
            ]
            heapify(self._due)
            self._earliest = min((deadline for deadline in deadlines if deadline >= latest), default=inf)
        self._cut = _Cut()
        self._read = attrgetter(*pairing.fields, "id")  # two names at least, so that it gives a tuple

    def waiting(self) -> Waiting:
        """Say which requests are open now; all records of the batch must have been paired."""
        return Waiting(self._requests, min([self._earliest, *(deadline for deadline, _, _ in self._due)]))

    def pair(self, events: list[Event], faults: Sequence[Fault], offsets: Ints, stamps: Ints) -> list[Event]:
        """Pair the next chunk.

        A record first gives up the requests whose deadline its timestamp has passed, whatever it holds itself. Then a
        request opens, in place of an open one of its service and id; or a response takes up the one that is open. An
        event whose time is refused does neither.

        Parameters
        ----------
        events : of all records but those at fault
        faults : `place` counts within the chunk
        offsets, stamps : of all records, stamps in milliseconds

        Returns
        -------
        list
            The same events, responses completed by what their requests said, and for each request that was given up an
            exchange that failed, before the event of the record that gave it up.
        """
        if _HALVES.isdisjoint(map(type, events)) and not (self._due and stamps.max() > self._due[0][0]):
            self._rows += len(events)
            return events
        slots: list[Event | None] = list(events)
        for fault in faults:
            slots.insert(fault.place, None)
        untimely = _untimely(slots, stamps)
        found, before, due = list[Event](), self._rows, self._due
        for place, (offset, stamp, event) in enumerate(zip(offsets.tolist(), stamps.tolist(), slots, strict=True)):
            while due and due[0][0] < stamp:
                _, _, asked = heappop(due)
                if self._requests.get(asked.key) is asked:
                    del self._requests[asked.key]
                    self.given_up.append(GivenUp(before + len(found), asked.offset, stamp))
                    self.became["no_response"] += 1
                    found.append(self._unanswered(asked))
            if event is None:
                continue
            if isinstance(event, Request) and place not in untimely:
                self._open(event, offset, stamp)
            elif isinstance(event, Response) and place not in untimely and self._completed(event, offset, stamp):
                self.whole.append(before + len(found))
            found.append(event)
        self._rows += len(found)
        return found

    def _open(self, request: Request, offset: int, stamp: int) -> None:
        requests, cut, deadline = self._requests, self._cut, stamp + self._pairing.timeout_ms
        at = request.at if isinstance(request.at, int) or len(request.at) <= _LONG_TIME else second(request.at) * 1000
        *said, id_ = self._read(request)
        key = cut[request.service], id_
        if requests.pop(key, None) is not None:
            self.became["repeated"] += 1
        elif len(requests) >= self._pairing.most:
            del requests[next(iter(requests))]
            self.became["overflow"] += 1
        kept = tuple([cut[value] if type(value) is str else value for value in said])
        asked = requests[key] = Asked(deadline, offset, key, cut[request.release], at, kept)
        if deadline < self._latest:
            heappush(self._due, (deadline, offset, asked))
        elif deadline < self._earliest:
            self._earliest = deadline

    def _completed(self, response: Response, offset: int, stamp: int) -> bool:
        """Complete a response from its request, if one is open that is near enough."""
        pairing = self._pairing
        asked = self._requests.get((response.service[:LONGEST], response.id))
        if asked is None or offset - asked.offset > pairing.lookback or stamp < asked.deadline - 2 * pairing.timeout_ms:
            return False
        del self._requests[asked.key]
        for name, own, value in zip(pairing.fields, self._read(response), asked.said, strict=False):
            if own is None and value is not None:
                setattr(response, name, value)
        self.became["answered"] += 1
        return True

    def _unanswered(self, asked: Asked) -> Exchange:
        said = dict(zip(self._pairing.fields, asked.said, strict=True))
        service, id_ = asked.key
        return Exchange(service=service, release=asked.release, at=asked.at, id=id_, error_type=NO_RESPONSE, **said)


def recall(pairing: Pairing, waiting: Waiting, records: Sequence[RecordLike], max_event_bytes: int) -> Waiting:
    """Read records without counting them, for the requests that they leave open."""
    offsets = np.array([record.offset for record in records], np.int64)
    stamps = np.array([record.timestamp for record in records], np.int64)
    pairs = Pairs(pairing, waiting, int(stamps.max()))
    for begins in range(0, len(records), CHUNK):
        these = slice(begins, begins + CHUNK)
        events, faults = decode(records[these], max_event_bytes)
        pairs.pair(events, faults, offsets[these], stamps[these])
    return pairs.waiting()


def _untimely(slots: Sequence[Event | None], stamps: Ints) -> frozenset[int]:
    """Find the halves whose time is refused."""
    halves = [(i, event.at) for i, event in enumerate(slots) if event is not None and type(event) in _HALVES]
    if not halves:
        return frozenset()
    places, times = zip(*halves, strict=True)
    _, faults = when(Times(times), stamps[list(places)] // 1000)
    return frozenset(places[i] for i in faults)
