"""Texts -> small whole numbers and back."""

from typing import Final

LONGEST: Final = 128


class Texts(dict[str, int]):
    """A number for every text seen, first come; the empty text is 0.

    The numbers never leave the process: whatever is sent is sorted by the texts themselves. Texts are cut at 128
    characters. None is no key: Python looks faster in a table of nothing but texts.

    Examples
    --------
    >>> texts = Texts()
    >>> texts["de"], texts["en"], texts["de"], texts[""], texts.of[2]
    (1, 2, 1, 0, 'en')
    """

    def __init__(self) -> None:
        super().__init__({"": 0})
        self.of = [""]

    def __missing__(self, text: str) -> int:
        cut = text[:LONGEST]
        if cut != text:
            return self[cut]  # not remembered: an endless stream of long texts must not fill the table
        number = self[cut] = len(self.of)
        self.of.append(cut)
        return number
