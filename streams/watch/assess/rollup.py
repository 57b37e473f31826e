"""The tally of an hour <-> what is kept of it for thirteen months, told by the names of signals."""

from collections.abc import Mapping

import numpy as np

from schemas.rollups import Cells, Rollup
from schemas.tallies import Layout
from streams.watch.assess.tally import Tally
from streams.watch.total import NOTHING, Total


def rolled(service: str, release: str, hour: int, tally: Tally, layout: Layout) -> Rollup:
    """Write an hour.

    Parameters
    ----------
    hour : when it began, in seconds since 1970
    layout : of the tally's cells
    """
    return Rollup(
        service=service,
        release=release,
        hour=hour,
        signals=_signals(tally.whole, layout),
        named=tally.named,
        slices={
            field: {name: _signals(total, layout) for name, total in cut.items()} for field, cut in tally.slices.items()
        },
    )


def unrolled(rollup: Rollup, layout: Layout) -> Tally:
    """Read an hour in today's layout; signals that are not there any more are left out.

    Examples
    --------
    >>> from schemas.tallies import layout
    >>> tally = Tally(Total(np.array([1, 5]), np.array([7, 2])))
    >>> unrolled(rolled("bot", "v1", 0, tally, layout()), layout()).whole.counts.tolist()
    [7, 2]
    """
    return Tally(
        _total(rollup.signals, layout),
        rollup.named,
        {field: {name: _total(one, layout) for name, one in cut.items()} for field, cut in rollup.slices.items()},
    )


def _signals(total: Total, layout: Layout) -> dict[str, Cells]:
    found: dict[str, Cells] = {}
    edges = np.searchsorted(total.cells, [*layout.begins, layout.fixed])
    for signal, begins, a, b in zip(layout.signals, layout.begins, edges[:-1], edges[1:], strict=True):
        if a < b:
            found[signal.name] = (
                tuple((total.cells[a:b] - begins).tolist()), tuple(total.counts[a:b].tolist())
            )  # fmt: skip
    return found


def _total(signals: Mapping[str, Cells], layout: Layout) -> Total:
    begins = {signal.name: at for signal, at in zip(layout.signals, layout.begins, strict=True)}
    known = [(begins[name], cells, counts) for name, (cells, counts) in signals.items() if name in begins]
    if not known:
        return NOTHING
    cells = np.concatenate([at + np.array(places) for at, places, _ in known])
    counts = np.concatenate([np.array(some) for _, _, some in known])
    order = np.argsort(cells)
    return Total(cells[order], counts[order])
