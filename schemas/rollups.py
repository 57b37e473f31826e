"""What is kept of a release for thirteen months: its tallies by the hour, the records of `barograph.rollups`."""

import msgspec
from msgspec import Struct

Cells = tuple[tuple[int, ...], tuple[int, ...]]
"""The cells of a signal that hold something, ascending, counted from the signal's first; and how much each holds."""


class Rollup(Struct, frozen=True, kw_only=True):
    """The tallies of a release in one hour of its events' own time.

    Cells are told by the name of their signal, so that what was written can be read when signals were added since.

    Attributes
    ----------
    hour : when it began, in seconds since 1970
    signals : name -> cells, of signals without names
    named : column -> name -> how often
    slices : field -> slice -> the same as `signals`, of those that are sliced
    """

    schema: str = "barograph.rollup/v1"
    service: str
    release: str
    hour: int
    signals: dict[str, Cells] = {}
    named: dict[str, dict[str, int]] = {}
    slices: dict[str, dict[str, dict[str, Cells]]] = {}


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Rollup).decode
