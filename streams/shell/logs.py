"""A log record -> lines that can be shown, whatever it quotes."""

import logging
from typing import Any

from schemas.printable import printable


class Printable(logging.Formatter):
    r"""Writes a message as one line, and a traceback below it with two spaces before each of its lines.

    An error may quote an event. So nothing in a message moves a cursor or begins a line of its own, and no line of a
    traceback can be taken for a message.

    Examples
    --------
    >>> record = logging.LogRecord("shop", logging.ERROR, "", 0, "bad name: %s", ("a\x1b[2J\nERROR b",), None)
    >>> print(Printable("%(levelname)s %(message)s").format(record))
    ERROR bad name: a\x1b[2J\nERROR b
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Write the line."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Write the traceback."""
        return "\n".join(f"  {printable(line)}" for line in super().formatException(ei).splitlines())
