"""States and their parts <-> msgpack: arrays in as few bytes as hold them, evidence as it is."""

from hashlib import blake2b
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from detectors.bets import bounded, calibration, category, indicator, number, rate
from schemas.cells import CELLS
from schemas.signals import CALIBRATION_CELLS, CATALOGUE
from schemas.strict import ConfigError
from streams.watch.assess.state import Spent
from streams.watch.assess.tally import Tally
from streams.watch.baseline import Baseline, Blocks, Derived, Taken, Waiting
from streams.watch.own import Own
from streams.watch.state import Bucket, State

FORMAT: Final = blake2b(
    msgspec.json.encode([
        [(one.name, one.kind, one.bad, one.consequence, one.sliced, one.source) for one in CATALOGUE],
        (CELLS, number.BINS, number.FEATURES, number.ODDS, indicator.ODDS, bounded.STAKES, rate.WEIGHTS),
        category.BEYOND_NAMES, CALIBRATION_CELLS, calibration.FEATURES, calibration.STAKES,
    ]),
    digest_size=8,
).hexdigest()  # fmt: skip
"""Of all that says which cell and which bet a number in a state belongs to."""

VERSION: Final = 3
"""Of the shape of the records. One more whenever what an older version wrote would be misread; a field with a default
is no such change."""

READS: Final = (3, VERSION)
"""The oldest and the newest shape that are read."""


class Hot(Struct, frozen=True):
    """A state without its cold parts, and their keys."""

    format: str
    state: State
    baseline: str
    buckets: dict[str, dict[int, str]]
    blocks: str = ""
    growth: dict[str, str] = {}
    version: int = VERSION
    spans: dict[str, str] = {}


class Position(Struct, frozen=True):
    """Where reading goes on, the last record of each service, and what belongs to none of them.

    Attributes
    ----------
    partitions : of the tallies, at birth; with another number services would be sent where their state is not
    snapshot : day of the last snapshot, in days since 1970
    """

    next: int
    offsets: dict[str, int]
    own: Own = Own()
    partitions: int = 0
    snapshot: int = 0


class Exits(Struct, frozen=True):
    """How often a service brought an owner to its end at one record.

    Attributes
    ----------
    times : service -> how often, and the error
    """

    offset: int
    times: dict[str, tuple[int, str]]


def _array_out(value: object) -> object:
    if isinstance(value, np.ndarray):
        if value.dtype != np.float32:
            value = value.astype(np.min_scalar_type(int(value.max(initial=0))))
        return (value.dtype.str[1:], list(value.shape), value.tobytes())
    raise NotImplementedError(type(value))  # msgspec's own way to be told


def _array_in(_: type, said: Any) -> object:
    dtype, shape, raw = said
    array = np.frombuffer(raw, f"<{dtype}").reshape(shape)
    return array if dtype == "f4" else array.astype(np.int64)


def _array_as_it_is(_: type, said: Any) -> object:
    dtype, shape, raw = said
    return np.frombuffer(raw, f"<{dtype}").reshape(shape)


class _Format(Struct):
    format: str = ""
    version: int = 1  # the first, which did not say it


encode: Final = msgspec.msgpack.Encoder(enc_hook=_array_out).encode
_format: Final = msgspec.msgpack.Decoder(_Format).decode
_hot: Final = msgspec.msgpack.Decoder(Hot, dec_hook=_array_in).decode
baseline: Final = msgspec.msgpack.Decoder(Baseline, dec_hook=_array_in).decode
blocks: Final = msgspec.msgpack.Decoder(Blocks, dec_hook=_array_in).decode
waits: Final = msgspec.msgpack.Decoder(Waiting).decode
taken: Final = msgspec.msgpack.Decoder(Taken, dec_hook=_array_in).decode
derived: Final = msgspec.msgpack.Decoder(Derived, dec_hook=_array_in).decode
bucket: Final = msgspec.msgpack.Decoder(Bucket, dec_hook=_array_as_it_is).decode
spans: Final = msgspec.msgpack.Decoder(dict[int, Tally], dec_hook=_array_in).decode
spent: Final = msgspec.msgpack.Decoder(Spent, dec_hook=_array_in).decode
position: Final = msgspec.msgpack.Decoder(Position).decode
exits: Final = msgspec.msgpack.Decoder(Exits).decode


def hot(value: bytes) -> Hot:
    """Read a hot record.

    Raises
    ------
    ConfigError
        If a version of Barograph wrote it that writes, counts or bets otherwise, or nobody of us did.
    """
    try:
        wrote = _format(value)
        if wrote.version > READS[1]:
            raise ConfigError(
                f"a state has format {wrote.version}, of a newer version of Barograph, and this one reads up to "
                f"{READS[1]}: run the version that wrote it or a newer one, or delete the topic to learn anew"
            )
        if wrote.version < READS[0]:
            raise ConfigError(
                f"a state has format {wrote.version}, of an older version of Barograph, and this one reads "
                f"{READS[0]} to {READS[1]}: upgrade by a version that reads both, or delete the topic to learn anew"
            )
        if wrote.format != FORMAT:
            raise ConfigError(
                f"a state was written by a version of Barograph that counts or bets otherwise (`{wrote.format}`, here "
                f"`{FORMAT}`): go back to that version, or delete the topic to learn anew"
            )
        return _hot(value)
    except msgspec.MsgspecError as wrong:
        raise ConfigError(
            f"a record is no state of Barograph's ({wrong}): somebody else wrote to the topic; delete it to learn anew"
        ) from None
