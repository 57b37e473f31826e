"""The config -> what everything is measured with, and its digest."""

from dataclasses import dataclass
from hashlib import sha256

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.config import Config
from schemas.questions import Terms
from schemas.sections import Measure
from schemas.signals import CATALOGUE, FAILURE_MODE, MARKS, Kind, Signal
from schemas.tallies import Layout, layout
from schemas.taxonomy import Taxonomy, extended
from schemas.topics import BY_ROLE
from streams.measure.classify import Classifier, compile
from streams.measure.columns import Readers
from streams.measure.derive import fields, path, reader
from streams.measure.mask import Mask, mask
from streams.measure.rows import Above
from streams.measure.tally import Place, Places
from streams.measure.waiting import Pairing


@dataclass(frozen=True)
class Plan:
    """All that a tally depends on beside the log.

    Attributes
    ----------
    slices : fields that streams are cut by
    own : kind and name of each of the user's own signals, and of what is counted above targets of KPIs
    named : every field of which names are counted: the slices', then the categories'
    readers : of these, and of all other signals
    units : (numbers, 1) what each number is multiplied by
    above : targets above which a number is counted by itself
    places : where rows are counted
    classifier, mask : how exchanges fail, and which are asked
    pairing : how requests and responses are put together, None where they are not
    digest : of everything that could make another tally from the same log
    """

    source: str
    tallies_partitions: int
    bucket_s: int
    late_after_s: int
    cap: int
    exemplars: int
    max_event_bytes: int
    slices: tuple[str, ...]
    own: tuple[tuple[Kind, str], ...]
    named: tuple[str, ...]
    readers: Readers
    units: NDArray[np.float64]
    above: tuple[Above, ...]
    places: Places
    classifier: Classifier
    mask: Mask
    pairing: Pairing | None
    digest: str

    @classmethod
    def of(cls, config: Config, taxonomy: Taxonomy) -> "Plan":
        """Make the plan of a config and a taxonomy."""
        measure, own, taxonomy = config.measure, config.own_signals(), extended(taxonomy, config.failures)
        edges = config.edges()
        beside = tuple(edge.signal() for edge in edges)
        cells = layout((*own, *beside))
        categories: dict[str, Signal | str] = {
            path(signal): signal for signal in cells.categories if signal.name != FAILURE_MODE
        }
        names = {field: field for field in measure.slices} | categories
        served = [signal for signal in cells.signals if signal.source != "outcome"]
        rates = [signal for signal in served if signal.kind == "rate" and signal not in beside]
        read = [signal for signal in rates if signal.name != "failed"]  # of every exchange it is worked out, not read
        numbers = [signal for signal in served if signal.kind == "number"]
        judged = [signal for signal in cells.signals if signal.source == "outcome"]
        classifier = compile(taxonomy, config.bounded(), config.failures.sql_dialect)
        pairing = Pairing.of(measure, _read(measure, taxonomy)) if measure.pairing else None
        counted = (
            CATALOGUE, own, measure.slices, measure.bucket_s, measure.late_after_s, measure.names_per_block,
            measure.exemplars, measure.max_event_bytes, config.topics.tallies_partitions, classifier.digest,
            pairing and (pairing.timeout_ms, pairing.lookback, pairing.most), *beside,
        )  # fmt: skip
        return cls(
            source=config.topics.prefix + BY_ROLE["events"].name,
            tallies_partitions=config.topics.tallies_partitions,
            bucket_s=measure.bucket_s,
            late_after_s=measure.late_after_s,
            cap=measure.names_per_block,
            exemplars=measure.exemplars,
            max_event_bytes=measure.max_event_bytes,
            slices=tuple(measure.slices),
            own=tuple((signal.kind, signal.name) for signal in (*own, *beside)),
            named=tuple(names),
            readers=Readers(
                names=reader(list(names.values())),
                rates=reader(read),
                numbers=reader(numbers),
                judged=reader([signal for signal in judged if signal.kind == "rate"]),
                confidence=reader(judged[-1:]),
                fired=[signal.name for signal in read].index("guardrail_fired"),
            ),
            units=np.array([[signal.per_unit] for signal in numbers]),
            above=tuple(Above(numbers.index(edge.of), edge.above) for edge in edges),
            places=_places(cells, [*rates, *numbers, *beside], judged, tuple(names), len(measure.slices)),
            classifier=classifier,
            mask=mask(
                [rule for rule in taxonomy.rules if not rule.of_outcome],
                read,
                numbers,
                tuple(names),
                taxonomy.aliases,
                Terms(config.bounded(), config.failures.sql_dialect),
            ),
            pairing=pairing,
            digest=sha256(msgspec.json.encode(counted)).hexdigest()[:16],
        )


def _read(measure: Measure, taxonomy: Taxonomy) -> set[str]:
    """Name the fields of an exchange that are counted or judged."""
    counted = (*measure.slices, *(signal.field for signal in CATALOGUE if signal.source == "exchange"))
    return set(taxonomy.fields()).union(*map(fields, counted))


def _places(cells: Layout, served: list[Signal], judged: list[Signal], named: tuple[str, ...], slices: int) -> Places:
    """Find the place of each row: `failed`, the other rates, numbers, targets; of outcomes rates and calibration."""
    ends = (*cells.begins[1:], cells.fixed)
    of = {
        signal: Place(begin, end - begin) for signal, begin, end in zip(cells.signals, cells.begins, ends, strict=True)
    }
    return Places(
        fixed=cells.fixed,
        served=tuple(of[signal] for signal in served),
        judged=tuple(of[signal] for signal in judged),
        sliced=tuple(row for row, signal in enumerate(served) if signal.cut),
        slices=tuple(range(slices)),
        categories=tuple(
            (named.index(path(one)), column)
            for column, one in enumerate(cells.named)
            if not isinstance(one, str) and one.name != FAILURE_MODE
        ),
        mode=cells.columns.index(FAILURE_MODE),
        marks=tuple(cells.columns.index(mark) for mark in MARKS),
    )
