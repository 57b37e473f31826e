"""What a flush says of a user's own signals -> the layout of its cells, and what names are looked up by."""

from functools import lru_cache

from schemas.signals import Kind, Signal
from schemas.tallies import Layout, layout

Own = tuple[tuple[Kind, str], ...]
"""A user's own signals, as a flush names them: kind and name of each."""


@lru_cache(maxsize=64)
def layout_of(own: Own) -> Layout:
    """Say which cells of a flush belong to which signal; of a user's own signals no more is known than it says.

    Examples
    --------
    >>> layout_of((("rate", "escaped"),)).fixed - layout_of(()).fixed
    3
    """
    return layout(tuple(_named(kind, name) for kind, name in own))


def _named(kind: Kind, name: str) -> Signal:
    return Signal(
        name=name, kind=kind, field=name, source="attribute", side="output", words=name, bad="none",
        consequence="cosmetic", action="",
    )  # fmt: skip


def names_key(signal: Signal) -> str:
    """Say where the names of a category are kept; no field that a stream is cut by has that name but its own.

    Examples
    --------
    >>> from schemas.signals import BY_NAME
    >>> names_key(BY_NAME["intent"]), names_key(layout_of((("category", "workflow"),)).named[-1])
    ('intent', 'own:workflow')
    """
    return f"own:{signal.name}" if signal.source in ("attribute", "evaluator") else signal.field
