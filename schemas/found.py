"""What WATCH hands on to GATHER, and what moves it: the records of `barograph.incidents`."""

from typing import Final

import msgspec
from msgspec import Struct

from schemas.config import Config
from schemas.incidents import Incident
from schemas.signals import TRAFFIC, Signal
from schemas.strict import ConfigError
from schemas.tallies import Passed
from schemas.watching import Common

OWN: Final = "barograph"
"""What incidents about ourselves call their service."""
MANY: Final = "many services"
"""What an incident that many services have in common calls its service."""

OURS: Final = b"@"
"""Key of the records that GATHER itself writes; those of WATCH have a fingerprint's."""


class Asked(Struct, frozen=True, tag_field="schema", tag="barograph.asked/v1"):
    """A control fact about a common cause, as WATCH passed it on.

    Attributes
    ----------
    at : when WATCH did, in milliseconds since 1970
    """

    at: int
    fact: Passed


class Rules(Struct, frozen=True, kw_only=True, tag_field="schema", tag="barograph.rules/v1"):
    """By what GATHER decides from here on: the log says it, so that whoever reads the log again decides alike.

    Attributes
    ----------
    update_every_s, resend_every_s : as in `watch`
    most : open incidents that are held against each other: `limits.common`
    providers : service -> who serves its models
    inputs : signals that say what users ask for, and how much
    """

    common: Common
    update_every_s: int
    resend_every_s: int
    most: int
    providers: dict[str, str]
    inputs: tuple[str, ...]

    @classmethod
    def of(cls, config: Config) -> "Rules":
        """Take from a config what decides."""
        return cls(
            common=config.common,
            update_every_s=config.watch.update_every_s,
            resend_every_s=config.watch.resend_every_s,
            most=config.limits.common,
            providers={one.name: one.provider for one in config.services if one.provider},
            inputs=(TRAFFIC.name, *(signal.name for signal in config.watched() if _is_input(signal))),
        )


class Wake(Struct, frozen=True, tag_field="schema", tag="barograph.wake/v1"):
    """It is now as late as this record's timestamp says. Written when something waits to be told, and nothing comes."""


Found = Incident | Asked | Rules | Wake

_moves: Final = msgspec.json.Decoder(Asked | Rules | Wake).decode
_incident: Final = msgspec.json.Decoder(Incident).decode


class _Schema(Struct):
    schema: str


_schema: Final = msgspec.json.Decoder(_Schema).decode
encode: Final = msgspec.json.Encoder(order="deterministic").encode


def decode(value: bytes) -> Found | None:
    """Read a record by its `schema`; None if it is none of ours.

    Raises
    ------
    ConfigError
        If a newer version wrote it.

    Examples
    --------
    >>> decode(encode(Wake())), decode(b"hello")
    (Wake(), None)
    >>> decode(b'{"schema": "barograph.dream/v1"}')
    Traceback (most recent call last):
    schemas.strict.ConfigError: a `barograph.dream/v1` on `barograph.incidents` is not understood by this version: a \
newer one wrote it; upgrade this worker, nothing is lost
    """
    try:
        schema = _schema(value).schema
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    try:
        said: Found = _incident(value) if schema == "barograph.incident/v1" else _moves(value)
    except msgspec.ValidationError:
        if not schema.startswith("barograph."):
            return None
        raise ConfigError(
            f"a `{schema[:40]}` on `barograph.incidents` is not understood by this version: a newer one wrote it; "
            "upgrade this worker, nothing is lost"
        ) from None
    return said


def _is_input(signal: Signal) -> bool:
    return signal.side == "input"
