"""A config <-> what of it decides, as a fact of the log says it."""

from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from schemas.config import Config
from schemas.own import OwnSignal
from schemas.releases import Releases
from schemas.sections import Maintenance, Measure
from schemas.strict import ConfigError
from schemas.taxonomy import Taxonomy
from schemas.watching import Common, Failures, Limits, Service, Watch
from streams.watch.plan import Plan


def _version() -> str:
    try:
        return version("barograph")
    except PackageNotFoundError:
        return "unknown"


ENGINE: Final = _version()


class Sections(Struct, frozen=True, forbid_unknown_fields=True):
    """The sections of a config that decide what is counted and found."""

    measure: Measure
    watch: Watch
    limits: Limits
    services: tuple[Service, ...]
    signals: tuple[OwnSignal, ...] = ()
    failures: Failures = Failures()
    common: Common = Common()
    releases: Releases = Releases()
    maintenance: tuple[Maintenance, ...] = ()


def said(config: Config) -> str:
    """Write what of a config decides: two configs that decide alike are one text."""
    sections = {name: getattr(config, name) for name in Sections.__struct_fields__}
    return msgspec.json.encode(Sections(**sections)).decode()


def hashed(config: Config) -> str:
    """Name what of a config decides, whichever version does: what an incident says that it was decided by."""
    return sha256(said(config).encode()).hexdigest()[:16]


def digest(config: Config) -> str:
    """Name what of a config decides, and the version that does."""
    return sha256(f"{ENGINE}\n{said(config)}".encode()).hexdigest()[:16]


def plan(base: Config, text: str, taxonomy: Taxonomy) -> Plan:
    """Make the plan of what a config fact said.

    Parameters
    ----------
    base : the worker's own, for all that decides nothing
    text : empty where no fact was read yet: then the worker's own decides

    Raises
    ------
    ConfigError
        If the text has settings that this version does not know.
    """
    if not text:
        return Plan.of(base, taxonomy)
    try:
        sections = msgspec.json.decode(text, type=Sections)
    except msgspec.ValidationError as wrong:
        raise ConfigError(
            f"the log of `barograph.tallies` was decided by a config that this version does not understand ({wrong}): "
            "a newer version wrote it; upgrade this worker"
        ) from None
    return Plan.of(replace(base, **msgspec.structs.asdict(sections)), taxonomy)
