"""Floods of log lines become a line and a sum; nothing new and nothing of ours is lost."""

import logging
from collections.abc import Iterator

import pytest

from streams.shell.floods import WINDOW_S, Floods
from streams.shell.metrics import Metrics


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Floods, Kept, Metrics]]:
    """The root logger with our filter on its handler, as `barograph run` sets it up, and nobody hushed."""
    monkeypatch.setattr(logging.getLogger("aiokafka"), "level", logging.NOTSET)
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)
    metrics, kept = Metrics(), Kept()
    floods = Floods(metrics)
    kept.addFilter(floods)
    logging.getLogger().addHandler(kept)
    yield floods, kept, metrics
    logging.getLogger().removeHandler(kept)


def test_ten_thousand_lines_are_one_and_a_sum(log: tuple[Floods, Kept, Metrics]) -> None:
    floods, kept, metrics = log
    for node in range(5000):
        logging.getLogger("aiokafka.client").error("Unable connect to node with id %s: %s", node, "refused")
        logging.getLogger("faust.transport").error(f"Heartbeat of 10.0.0.{node % 256} failed 0x{node:x} times")  # noqa: G004
    assert kept.lines == [
        "aiokafka.client: Unable connect to node with id 0: refused",
        "faust.transport: Heartbeat of 10.0.0.0 failed 0x0 times",
    ]
    floods.sum_up()
    assert kept.lines[2:] == [
        "streams.shell.floods: aiokafka.client, 4999 times more within 60 s: Unable connect to node with id %s: %s",
        "streams.shell.floods: faust.transport, 4999 times more within 60 s: Heartbeat of #.#.#.# failed # times",
    ]
    page = metrics.page().decode()
    assert 'barograph_log_lines_withheld_total{logger="aiokafka"} 4999.0' in page
    assert 'barograph_log_lines_withheld_total{logger="faust"} 4999.0' in page
    floods.sum_up()
    assert len(kept.lines) == 4, "what was summed up is not summed up again"


def test_the_first_of_a_new_kind_is_never_lost(log: tuple[Floods, Kept, Metrics]) -> None:
    _, kept, _ = log
    for i in range(1000):
        logging.getLogger("aiokafka.conn").warning("the same")
        if i % 100 == 50:
            new = chr(65 + i // 100)
            logging.getLogger("aiokafka.conn").warning(f"kind {new}")  # noqa: G004
            logging.getLogger("aiokafka.conn").error("the same")
            logging.getLogger(f"aiokafka.{new}").warning("the same")
    assert [line for line in kept.lines if "kind" in line] == [f"aiokafka.conn: kind {kind}" for kind in "ABCDEFGHIJ"]
    assert kept.lines.count("aiokafka.conn: the same") == 2, "another level is another kind"
    assert sum(line.endswith(": the same") for line in kept.lines) == 12, "and so is another logger"


def test_nothing_of_our_own_is_held_back(log: tuple[Floods, Kept, Metrics]) -> None:
    _, kept, _ = log
    for name in ("barograph", "streams.shell.exits", "kafkaesque"):
        for _ in range(100):
            logging.getLogger(name).warning("bug")
    assert len(kept.lines) == 300


def test_a_flood_is_heard_of_again_each_minute_with_its_sum() -> None:
    floods, kept = Floods(Metrics()), Kept()
    logging.getLogger().addHandler(kept)
    try:
        passed = []
        for at in range(int(3 * WINDOW_S)):
            record = logging.LogRecord("mode", logging.WARNING, "", 0, "again", (), None)
            record.created = float(at)
            passed.append(floods.filter(record))
        assert [at for at, heard in enumerate(passed) if heard] == [0, 60, 120]
        assert ["59 times" in line for line in kept.lines] == [True, True]
        floods.sum_up(179.0)
        assert len(kept.lines) == 2, "its minute is not over"
        floods.sum_up(180.0)
        assert len(kept.lines) == 3
        assert floods._floods == {}, "a kind that is heard no more is forgotten"
    finally:
        logging.getLogger().removeHandler(kept)
