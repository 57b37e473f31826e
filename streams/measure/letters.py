"""Times of events -> one table of letters, as long as they are texts of one length."""

from collections.abc import Iterator, Sequence


class Times:
    """Times as they were said, of more and more events.

    Texts that lie apart keep the memory around them, in which the next events would be decoded; so they go into a
    table, a row each, and only where they do not look alike they are kept themselves.

    Attributes
    ----------
    width : letters of each row, all ASCII; 0 if there is no table
    letters : the rows, one behind the other

    Examples
    --------
    >>> times = Times(["00:01Z", "00:02Z"])
    >>> times.width, times.letters, list(times)
    (6, bytearray(b'00:01Z00:02Z'), ['00:01Z', '00:02Z'])
    >>> times.add([7])
    >>> times.width, list(times)
    (0, ['00:01Z', '00:02Z', 7])
    """

    def __init__(self, times: Sequence[str | int] = ()) -> None:
        self.width, self.letters = 0, bytearray()
        self._said: list[str | int] = []
        self.add(times)

    def add(self, times: Sequence[str | int]) -> None:
        """Take in the times that follow."""
        if not times:
            return
        rows = None if self._said else _rows(times)
        if rows is not None and self.width in (0, rows[0]):
            self.width, letters = rows
            self.letters += letters
            return
        if self.width:
            self._said = [*self]
            self.width, self.letters = 0, bytearray()
        self._said += times

    def __len__(self) -> int:
        return len(self.letters) // self.width if self.width else len(self._said)

    def __getitem__(self, place: int) -> str | int:
        if not self.width:
            return self._said[place]
        return self.letters[place * self.width : (place + 1) * self.width].decode()

    def __iter__(self) -> Iterator[str | int]:
        return (self[place] for place in range(len(self)))


def _rows(times: Sequence[str | int]) -> tuple[int, bytes] | None:
    """Give the length that all times have, and their letters; None if they are no texts of one length, or not ASCII."""
    try:
        width, *others = set(map(len, times))  # type: ignore[arg-type]  # a number raises TypeError
        letters = "".join(times).encode()  # type: ignore[arg-type]
    except (TypeError, UnicodeEncodeError):
        return None
    return None if others or not width or len(letters) != width * len(times) else (width, letters)
