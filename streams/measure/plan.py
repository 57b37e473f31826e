"""The config -> what everything is measured with, and its digest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from schemas.config import Config
from schemas.events import Exchange, Response
from schemas.signals import CATALOGUE, CATEGORIES
from schemas.taxonomy import Taxonomy
from schemas.topics import BY_ROLE
from streams.measure.classify import Classifier, compile
from streams.measure.columns import Column, column
from streams.measure.waiting import Pairing

_NAMED: Final = tuple(signal.field for signal in CATEGORIES)
_SIGNALS: Final = tuple(signal.field for signal in CATALOGUE)


@dataclass(frozen=True)
class Plan:
    """All that a tally depends on beside the log.

    Attributes
    ----------
    slices : fields that streams are cut by
    named : every field of which names are counted: the slices', then the categories'
    readers : of `named`, in that order
    slice_rows, category_rows : where slices and categories stand in `named`
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
    named: tuple[str, ...]
    readers: tuple[Column, ...]
    slice_rows: tuple[int, ...]
    category_rows: tuple[int, ...]
    classifier: Classifier
    pairing: Pairing | None
    digest: str

    @classmethod
    def of(cls, config: Config, taxonomy: Taxonomy) -> "Plan":
        """Make the plan of a config and a taxonomy."""
        measure = config.measure
        named = tuple(dict.fromkeys((*measure.slices, *_NAMED)))
        pairing = Pairing.of(measure, (*named, *_SIGNALS, *taxonomy.fields())) if measure.pairing else None
        counted = (
            CATALOGUE, measure.slices, measure.bucket_s, measure.late_after_s, measure.names_per_block,
            measure.exemplars, measure.max_event_bytes, config.topics.tallies_partitions, taxonomy.fingerprint(),
            pairing and (pairing.timeout_ms, pairing.lookback, pairing.most),
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
            named=named,
            readers=tuple(column(field) for field in named),
            slice_rows=tuple(named.index(field) for field in measure.slices),
            category_rows=tuple(named.index(field) for field in _NAMED),
            classifier=compile(taxonomy),
            pairing=pairing,
            digest=sha256(msgspec.json.encode(counted)).hexdigest()[:16],
        )

    def failures(self, served: Sequence[Exchange | Response]) -> Iterator[tuple[int, str]]:
        """Find the exchanges that failed, each with its primary mode."""
        for index in self.classifier.suspects(served):
            mode = self.classifier.failure(served[index])
            if mode is not None:
                yield index, mode
