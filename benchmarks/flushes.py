"""Counts by second and part of the traffic -> the flushes in which MEASURE would tell them."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from benchmarks.nulls import PARTS, Ints, Seconds
from schemas.cells import CELLS, MISSING
from schemas.signals import CATEGORIES, NO, NUMBERS, RATE_CELLS, RATES, UNKNOWN, YES
from schemas.tallies import FIXED, Flush, layout, pack

SERVICE: Final = "service"
ALL: Final = "all"
BUCKET_S: Final = 10
NO_BESIDE: Final = pack(np.zeros((0, 4), np.int64))
_AT: Final = {signal.name: begin for signal, begin in zip(layout().signals, layout().begins, strict=True)}
RATE_AT: Final = np.array([_AT[signal.name] for signal in RATES])
_FAILED_AT: Final = _AT["failed"]
"""Of every exchange it is known whether it failed."""
NUMBER_AT: Final = {signal.name: _AT[signal.name] for signal in NUMBERS}
_CUT: Final = np.zeros(FIXED, np.bool_)
"""Cells of the signals that are also counted in the slices of all dimensions but the first."""
for _signal in layout().signals:
    if _signal.cut:
        _CUT[_AT[_signal.name] : _AT[_signal.name] + (RATE_CELLS if _signal.kind == "rate" else CELLS)] = True


class Maker:
    """Writes the flushes of one service.

    A part is a slice of each of the dimensions but the last, which has one slice for all. What a null does not observe
    is counted as missing, as MEASURE does. A category that is the field of a dimension has the slice's name.

    Parameters
    ----------
    dimensions : as in the config
    numbers : the ones that are observed, by name, in the order of `Seconds.numbers`
    releases : that serve at the same time
    parts : of the traffic
    everything : cut the last dimension by parts as well, and give every category the part's name
    """

    def __init__(
        self,
        dimensions: tuple[str, ...],
        numbers: tuple[str, ...],
        releases: int = 1,
        parts: int = PARTS,
        everything: bool = False,
    ) -> None:
        self._dimensions, self._numbers, self._everything = dimensions, numbers, everything
        self._cut = len(dimensions) - (0 if everything else 1)
        of_part = [f"part-{i}" for i in range(parts)]
        served = [f"release-{i}" for i in range(releases)]
        self._names = tuple(sorted({"", SERVICE, ALL, *served, *of_part}))
        at = {name: i for i, name in enumerate(self._names)}
        each = [(r, d, name) for d in range(self._cut) for r in served for name in of_part]
        each += [(r, d, ALL) for d in range(self._cut, len(dimensions)) for r in served]
        self._head = np.array([(at[SERVICE], 1, at[r], d, at[name]) for r, d, name in each], np.int64)
        named = np.array([
            [FIXED + c * len(at) + at[self._said(signal.field, part)] for c, signal in enumerate(CATEGORIES)]
            for part in of_part
        ])  # fmt: skip
        self._cells = np.unique(np.concatenate([
            np.arange(RATE_CELLS * len(RATES)), named.ravel(),
            *(np.arange(a, a + CELLS) if name in numbers else [a + MISSING] for name, a in NUMBER_AT.items()),
        ]))  # fmt: skip
        self._named = np.searchsorted(self._cells, named)
        self._number_at = {name: int(np.searchsorted(self._cells, a)) for name, a in NUMBER_AT.items()}

    def flushes(self, releases: Sequence[Seconds], at_s: Ints, offset: int) -> Iterator[Flush]:
        """Write one flush a second, each of a block that is finished.

        Parameters
        ----------
        releases : what each of them sent
        at_s : (T,) when each flush comes; its events lie in the bucket of that second
        offset : of the first event in its source partition
        """
        laid = [self._laid(one) for one in releases]
        parts = np.concatenate(laid, axis=1)
        wholes = [one.sum(axis=1, keepdims=True) for one in laid]
        uncut = wholes if self._cut < len(self._dimensions) else []
        tally = np.concatenate([*[parts] * self._cut, *uncut], axis=1)  # (T, groups, cells)
        first = self._head[:, 3] == 0
        cut = np.zeros(len(self._cells), np.bool_)
        cut[self._cells < FIXED] = _CUT[self._cells[self._cells < FIXED]]
        tally *= first[:, None] | cut
        second, group, cell = np.nonzero(tally)
        count, cell = tally[second, group, cell], self._cells[cell]
        slot = second * len(self._head) + group
        sizes = np.bincount(slot, minlength=len(at_s) * len(self._head)).reshape(len(at_s), -1)
        ends = np.cumsum(sizes.sum(axis=1))
        begins = ends - sizes.sum(axis=1)
        events = np.sum([one.events.sum(axis=1) for one in releases], axis=0)
        anchors = offset + np.cumsum(events) - events
        for t, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
            groups = np.column_stack([self._head, sizes[t]])[sizes[t] > 0]
            yield Flush(
                source="ai.events", partition=0, anchor=int(anchors[t]), end=int(anchors[t] + events[t]), final=True,
                digest="d", bucket_s=BUCKET_S, first_bucket=int(at_s[t]) // BUCKET_S, dimensions=self._dimensions,
                names=self._names, groups=pack(groups), cells=pack(cell[begin:end]), counts=pack(count[begin:end]),
                beside=NO_BESIDE,
            )  # fmt: skip

    def _laid(self, seconds: Seconds) -> Ints:
        """Lay out what one release sent: (T, parts, cells that occur)."""
        events, yes, numbers = seconds
        laid = np.zeros((*events.shape, len(self._cells)), np.int64)
        if yes.shape[2]:
            laid[..., RATE_AT + YES] = yes
            laid[..., RATE_AT + NO] = events[..., None] - yes
        else:
            laid[..., RATE_AT + UNKNOWN] = events[..., None]
            laid[..., _FAILED_AT + UNKNOWN], laid[..., _FAILED_AT + NO] = 0, events
        for name, begin in self._number_at.items():
            if name in self._numbers:
                laid[..., begin : begin + CELLS] = numbers[..., self._numbers.index(name), :]
            else:
                laid[..., begin] = events
        for part, named in enumerate(self._named):
            laid[:, part, named] += events[:, part, None]
        return laid

    def _said(self, field: str, part: str) -> str:
        if self._everything:
            return part
        if field not in self._dimensions:
            return ""
        return ALL if field == self._dimensions[-1] else part
