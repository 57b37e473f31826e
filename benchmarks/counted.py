"""The tallies topic -> how many exchanges of each service it tells of, added up apart from the product's own code."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from schemas.signals import RATE_CELLS
from schemas.tallies import Flush, decode, unpack

Place = tuple[int, int, str]


def exchanges(flush: Flush) -> dict[str, int]:
    """Count a flush's exchanges by service.

    Every exchange lies in one cell of the first rate, in one group of the first dimension, and in none besides.
    """
    groups = unpack(flush.groups, 6)
    first = (np.repeat(groups[:, 3] == 0, groups[:, 5])) & (unpack(flush.cells) < RATE_CELLS)
    owner = np.repeat(groups[:, 0], groups[:, 5])[first]
    counts = np.bincount(owner, unpack(flush.counts)[first], minlength=len(flush.names)).astype(np.int64)
    return {flush.names[service]: int(counts[service]) for service in np.flatnonzero(counts).tolist()}


class Told:
    """Flushes, taken in one after another: of each block and service the longest one counts.

    Attributes
    ----------
    most_services : the most different services that one block names
    """

    def __init__(self) -> None:
        self._most: dict[Place, int] = {}
        self._services: Counter[tuple[int, int]] = Counter()

    def add(self, values: Iterable[bytes]) -> None:
        """Take in records of `barograph.tallies`."""
        for value in values:
            if not isinstance(flush := decode(value), Flush):
                continue
            for service, n in exchanges(flush).items():
                place = (flush.partition, flush.anchor, service)
                if place not in self._most:
                    self._services[flush.partition, flush.anchor] += 1
                self._most[place] = max(n, self._most.get(place, 0))

    @property
    def most_services(self) -> int:
        """Count the services of the block that names the most."""
        return max(self._services.values(), default=0)

    def by_service(self) -> Counter[str]:
        """Add up the blocks."""
        found: Counter[str] = Counter()
        for (_, _, service), n in self._most.items():
            found[service] += n
        return found
