"""Log lines of Kafka's clients -> the first of each kind, and how many more there were."""

import logging
import re
from typing import Final

from streams.shell.metrics import Metrics

CLIENTS: Final = ("aiokafka", "faust", "mode", "kafka")
"""Loggers whose lines are held to a rate, with all beneath them. Ours are not: they say each thing once."""

WINDOW_S: Final = 60.0

_VARIES: Final = re.compile(r"0x[0-9a-fA-F]+|\d+")
"""What differs between lines of one kind whose author put the numbers in by himself."""

_Kind = tuple[str, int, str]

log = logging.getLogger(__name__)


class _Flood:
    def __init__(self, began: float) -> None:
        self.began = began
        self.withheld = 0


class Floods(logging.Filter):
    """Lets the first line of each kind through, and counts the rest for a minute.

    A kind is a logger, a level and a message without its values; so the first of a new kind is never lost. While a
    broker is away, aiokafka logs thousands of lines that all say so.

    Parameters
    ----------
    metrics : count what is withheld
    window_s : for how long a line of a kind silences the next

    Examples
    --------
    >>> floods = Floods(Metrics(), window_s=60.0)
    >>> def line(text: str, at: float) -> bool:
    ...     record = logging.LogRecord("aiokafka.conn", logging.ERROR, "", 0, text, (), None)
    ...     record.created = at
    ...     return floods.filter(record)
    >>> [line("node 1 is away", 0.0), line("node 2 is away", 1.0), line("back", 2.0), line("node 1 is away", 61.0)]
    [True, False, True, True]
    """

    def __init__(self, metrics: Metrics, window_s: float = WINDOW_S) -> None:
        super().__init__()
        self._metrics, self._window_s = metrics, window_s
        self._floods: dict[_Kind, _Flood] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is let through."""
        client = record.name.partition(".")[0]
        if client not in CLIENTS:
            return True
        kind = record.name, record.levelno, _VARIES.sub("#", str(record.msg))
        flood = self._floods.get(kind)
        if flood is None or record.created - flood.began >= self._window_s:
            if flood is not None:
                self._sum_up(kind, flood)
            self._floods[kind] = _Flood(record.created)
            return True
        flood.withheld += 1
        self._metrics.withheld.labels(client).inc()
        return False

    def sum_up(self, now: float | None = None) -> None:
        """Say how many lines were withheld in windows that are over, a line for each kind; without a time, in all."""
        for kind, flood in list(self._floods.items()):
            if now is None or now - flood.began >= self._window_s:
                del self._floods[kind]
                self._sum_up(kind, flood)

    def _sum_up(self, kind: _Kind, flood: _Flood) -> None:
        name, level, text = kind
        if flood.withheld:
            log.log(level, "%s, %d times more within %g s: %s", name, flood.withheld, self._window_s, text)
