"""Long work of WATCH stops often enough for everything else in the process, and where it stops changes nothing."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from schemas.tallies import Effective, encode
from schemas.taxonomy import Taxonomy
from streams.watch import accumulators, effective, layout, store
from streams.watch.own import Own
from streams.watch.partition import Advanced, Engine, advance, advancing
from streams.watch.pieces import NamedPieces
from streams.watch.stage import Record
from streams.watch.state import State
from tests.watch import logs

ENGINE = Engine(logs.CONFIG, Taxonomy.load_default())


def in_pieces(work: NamedPieces[Advanced], after_each: Callable[[], None]) -> Advanced:
    """Drive it by hand."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            after_each()
            result: Advanced = done.value
            return result
        after_each()


def fresh(states: dict[str, State]) -> dict[str, State]:
    """The same states with nothing remembered of them, as after a restart."""
    out, _ = store.writes(states, states, store.Written())
    return store.restore([*out.cold, *out.hot]).states


STRICTER = replace(logs.CONFIG, watch=replace(logs.CONFIG.watch, false_pages_per_week=0.01))
OTHER = encode(Effective(worker="w", engine=effective.ENGINE, said=effective.said(STRICTER)))


@pytest.mark.parametrize("what", ["a restart", "another config"])
def test_no_piece_makes_the_bets_of_two_services(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Which is the longest that a piece can take: tens of milliseconds each.

    After a restart nothing is remembered of any service, as nothing is of those that learned their baselines together.
    """
    made = [0]
    make = accumulators.accumulators

    def counted(*arguments: object) -> object:
        made[-1] += 1
        return make(*arguments)  # type: ignore[arg-type]

    states, last = fresh(logs.truth(logs.plain())[0]), logs.plain()[-1]
    value = OTHER if what == "another config" else logs.TICK
    record = Record(last.offset + 1, last.timestamp + 2000, value)
    monkeypatch.setattr(layout, "accumulators", counted)
    known = Own(offset=record.offset - 1)
    done = in_pieces(advancing(ENGINE, 0, known, states, record), lambda: made.append(0))
    assert sum(made) == {"a restart": 2, "another config": 4}[what]
    assert max(made) == 1
    again = advance(ENGINE, 0, known, fresh(states), record)
    assert {name: logs.in_bytes(state) for name, state in done.changed.items()} == {
        name: logs.in_bytes(state) for name, state in again.changed.items()
    }
    assert done.findings == again.findings


def test_states_are_written_one_a_piece() -> None:
    states, _ = logs.truth(logs.plain())
    work = store.writing(states, states, store.Written())
    assert sum(1 for _ in work) == len(states) == 2
