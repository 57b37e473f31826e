"""A text that somebody else wrote -> one that can be shown: nothing in it acts on who reads it."""

import re
from typing import Final

_NOT_SHOWN: Final = re.compile(r"[^ -~]")
"""What may need an escape: everything but the printable ASCII, which nearly all names are made of."""


def printable(text: str) -> str:
    r"""Write everything that cannot be seen as an escape.

    Names come from events, and who sends events is not always who reads incidents. A control character moves the
    cursor, an ANSI sequence recolours or clears a terminal, a newline forges a line of a log, and a bidirectional
    override shows a name as another one. Python's `str.isprintable` draws the line: control characters (ESC, newlines,
    the C1 block), format characters (bidirectional overrides, zero-width ones), separators but the space, lone
    surrogates, private and unassigned ones become ``\x1b``, ``\u202e``. Letters of any language stay as they are.

    For showing only: what names something (a key, a label, a fingerprint) keeps its own characters.

    Parameters
    ----------
    text : from an event, or of anything that may quote one

    Examples
    --------
    >>> print(printable("shop\x1b[2J\nERROR all is well \u202egnp.exe"))
    shop\x1b[2J\nERROR all is well \u202egnp.exe
    >>> printable("café 東京"), printable(printable("a\x00")) == printable("a\x00")
    ('café 東京', True)
    """
    return _NOT_SHOWN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def printable_json(text: str) -> str:
    r"""Write a JSON text so that it can be shown, and still means the same.

    JSON escapes control characters below U+0020, and leaves all others as they are: the C1 block, which terminals obey
    as they do ESC, and bidirectional overrides. They can stand only within its strings, so JSON's own escapes do.

    Examples
    --------
    >>> print(printable_json('{"service":"shop\x9b2J\U000e0001"}'))
    {"service":"shop\u009b2J\udb40\udc01"}
    """
    return _NOT_SHOWN.sub(_escape_json, text)


def _escape_json(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
