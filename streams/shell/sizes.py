"""Records of a partition of the state topic -> the bytes that a restart will read, by service."""

from collections import Counter
from collections.abc import Iterable

from streams.watch.store import EXITS, POSITION


class Sizes:
    r"""The bytes of the states of one partition, kept up to date with what is written.

    Examples
    --------
    >>> sizes = Sizes()
    >>> sizes.wrote([(b"a", b"12345"), (b"a\0bucket", b"123"), (b"b", b"1"), (b"@", b"12345")])
    >>> sizes.wrote([(b"a", b"12"), (b"a\0bucket", None)])
    >>> (sizes.all, sizes.largest)
    (3, 2)
    """

    def __init__(self) -> None:
        self._records: dict[bytes, int] = {}
        self._services = Counter[bytes]()

    def wrote(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take note of records, in their order."""
        for key, value in records:
            if key in (POSITION, EXITS):
                continue
            size, service = len(value or b""), key.partition(b"\0")[0]  # parts are named behind their service
            self._services[service] += size - self._records.pop(key, 0)
            if value is not None:
                self._records[key] = size

    @property
    def all(self) -> int:
        """Of all services together."""
        return self._services.total()

    @property
    def largest(self) -> int:
        """Of the service that has most."""
        return max(self._services.values(), default=0)
