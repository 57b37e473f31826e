"""The exchanges that an incident names, and what lies where their records lay -> whether they are still there."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from schemas.incidents import Exemplar, Incident


class Looked(Struct, frozen=True):
    """What lies where an exemplar's record lay.

    Attributes
    ----------
    found : the record itself; nothing, since retention took it; another one, since the topic was made again; or what
        nobody can read
    record : the JSON of the record itself, else empty
    """

    exemplar: Exemplar
    found: Literal["there", "gone", "another", "unreadable"]
    record: str = ""


def exemplars(steps: Iterable[Incident]) -> list[Exemplar]:
    """List the exchanges that an episode ever named, each once, in the order of its steps."""
    return list({(one.topic, one.partition, one.offset): one for step in steps for one in step.exemplars}.values())


def looked(wanted: Iterable[Exemplar], records: Mapping[tuple[str, int, int], bytes]) -> tuple[Looked, ...]:
    """Say of each exemplar whether its record is still there.

    Parameters
    ----------
    records : topic, partition and offset -> value, of the records that are
    """
    return tuple(_look(one, records.get((one.topic, one.partition, one.offset))) for one in wanted)


def _look(one: Exemplar, value: bytes | None) -> Looked:
    if value is None:
        return Looked(one, "gone")
    try:
        said = msgspec.json.decode(value)
        line = msgspec.json.format(value, indent=-1).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Looked(one, "unreadable")
    if not isinstance(said, dict) or said.get("id") != one.id:
        return Looked(one, "another")
    return Looked(one, "there", line)
