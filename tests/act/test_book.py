"""The book of a target promises: nothing asked is forgotten, nothing is said twice, and what waits is not committed."""

from msgspec.structs import replace

from schemas.actuate import Policy
from schemas.control import Approve, Release
from schemas.rollbacks import Rollback, RollbackResult, Version
from streams.act import book as books
from streams.act.book import Book, committed, learned, news
from streams.act.ears import Heard, fact, hear
from streams.act.saying import approving, line
from streams.act.state import State, heed, learn, note, settled
from streams.shell.actuators.actuator import carry_out
from tests.act.commands import MINUTE, T0, Twin, approve, command, version

GOOD = State(good=(version(2),))
DAY = 86_400_000


def release(n: int, phase: str = "promoted", generation: int | None = -1, service: str = "bot") -> Release:
    number = n if generation == -1 else generation
    return Release(service=service, at=T0, release=f"v{n}", phase=phase, generation=number)  # type: ignore[arg-type]


def asked(book: Book, offset: int, at: int, *given: Approve) -> tuple[Book, RollbackResult, bool]:
    state, result = carry_out(book.state, book.waiting[offset], Twin(), lambda: at, given, Policy(cooldown_s=0))
    told = news(book, offset, result)
    return books.answered(books.taken(book, offset), offset, state, result, told=told), result, told


def test_what_waits_holds_the_commit_until_it_is_settled() -> None:
    book = books.ask(Book(state=GOOD), 5, command())
    assert book.due == {5}
    assert committed([Book(), book], read=9) == 5
    book, result, told = asked(book, 5, T0)
    assert (result.outcome, told, committed([book], read=9)) == ("waiting_for_approval", True, 5)
    assert not book.due
    book, result, told = asked(books.again(book), 5, T0 + 1)
    assert (result.outcome, told) == ("waiting_for_approval", False), "it says nothing new"
    book, result, told = asked(books.again(book), 5, T0 + 2, approve(command()))
    assert (result.outcome, told, committed([book], read=9)) == ("applied", True, 9)
    book, result, told = asked(books.ask(book, 9, command()), 9, T0 + 3)
    assert (result.outcome, told, committed([book], read=10)) == ("applied", False, 10)


def test_facts_make_due_what_they_may_let_go_ahead() -> None:
    other = command(version(4))
    book = replace(books.ask(books.ask(Book(), 1, command()), 2, other), due=frozenset())
    assert books.heard(book, approve(other)).due == {2}
    assert books.heard(book, approve(command(version(9)))).due == set()
    assert books.heard(book, release(2)).due == {1, 2}
    assert books.again(book).due == {1, 2}


def test_what_is_heard_while_a_command_is_asked_makes_it_due_once_more() -> None:
    book = books.taken(books.ask(Book(state=GOOD), 1, command()), 1)
    during = books.heard(book, approve(command()))
    waits = RollbackResult(
        key=command().key, target=command().target, outcome="waiting_for_approval", said="", at=T0
    )  # fmt: skip
    assert books.answered(during, 1, GOOD, waits, told=True).due == {1}


def test_that_a_command_expired_is_no_news_while_a_later_one_of_its_key_waits() -> None:
    later = command(issued_at=T0 + 20 * MINUTE, expires_at=T0 + 50 * MINUTE)
    book = books.ask(books.ask(Book(state=GOOD), 1, command()), 2, later)
    book, result, told = asked(book, 1, T0 + 31 * MINUTE)
    assert (result.outcome, told, set(book.waiting)) == ("expired", False, {2})
    book, result, told = asked(book, 2, T0 + 51 * MINUTE)
    assert (result.outcome, told, set(book.waiting)) == ("expired", True, set())


def test_promotions_make_good_until_somebody_rolls_back_and_only_with_a_generation() -> None:
    facts = [release(1), release(2), release(3, "canary"), release(4, generation=None), release(2, "rolled_back")]
    assert learned(State(), facts).good == (version(1),)
    assert learned(State(), [*facts, release(2, generation=5)]).good == (version(1), Version("v2", 5))


def test_what_was_rolled_back_by_a_command_is_not_good_again_whatever_is_read_once_more() -> None:
    both = learned(State(), [release(2), release(3)])
    state, result = carry_out(both, command(), Twin(), lambda: T0, [approve(command())], Policy())
    assert (result.outcome, state.good) == ("applied", (version(2),))
    assert learned(state, [release(2), release(3)]).good == (version(2),)


def test_nor_if_only_the_target_itself_remembers_it() -> None:
    twin = Twin()
    carry_out(GOOD, command(), twin, lambda: T0, [approve(command())], Policy())
    state = heed(learn(GOOD, version(3)), twin.observe())
    assert (state.good, learn(state, version(3)).good) == ((version(2),), (version(2),))


def test_ears_keep_approvals_for_a_day_and_facts_of_their_services_alone() -> None:
    heard = Heard()
    for at in (T0, T0 + DAY - 1, T0 + DAY):
        heard = hear(heard, approve(command(), at), at)
    assert [one.at for one in heard.given] == [T0 + DAY - 1, T0 + DAY]
    heard = hear(hear(heard, release(1), T0), release(2), T0)
    assert heard.releases == {"bot": (release(1), release(2))}
    for value in (b"{}", b'{"type":"release","service":"bot","at":7,"release":"v1","phase":"canary"}'):
        assert fact(value, ["bot"]) is None
    promoted = b'{"type":"release","service":"bot","at":7,"release":"v1","phase":"promoted"}'
    assert fact(promoted, ["bot"]) is not None
    assert fact(promoted, ["search"]) is None


def test_who_is_to_approve_is_told_how_and_nothing_quoted_moves_a_cursor() -> None:
    name = "v3 \x1b[2J; rm"
    one: Rollback = command(Version(name, 3))
    waits = RollbackResult(key=one.key, target=one.target, outcome="waiting_for_approval", said="ask", at=T0)
    assert line(one, waits).isprintable()
    assert f"--release '{name}'" in approving(one)
    assert not settled(note(State(), one, waits), waits)
