"""A user declares other signals than before: what is known of all others stays, what is new is learned beside it."""

import numpy as np

from streams.watch.alphabet import tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.unlearned import unlearned
from tests.watch.story import USUAL, Story, incident, story
from tests.watch.traffic import Values, mix, rate, some

LEARNED, AGAIN = "14:02", "14:04"
"""A hundred seconds after each of them that began with a whole minute, and a little quiet time."""


def declared(*signals: str) -> str:
    return USUAL + "signals:\n" + "".join(f"- {{source: attribute, {one}}}\n" for one in signals)


ESCAPED = "name: escaped, kind: rate, bad: up, consequence: harm"
TIER = "name: tier, kind: category, bad: none, consequence: cosmetic"


def sent(escaped: int, tier: str = "gold") -> Values:
    return some(rate(escaped), {"escaped": True, "tier": tier}, {"escaped": False, "tier": tier})


def calm(words: str, told: Story | None = None, until: str = LEARNED) -> Story:
    told = told or story(words).at("14:00")
    return told.every("5s", until=until).flush(attributes=sent(1), refused=rate(2), intent=mix(a=1, b=3)).expects()


def baseline(told: Story) -> Baseline:
    known = told.state().baseline
    assert known is not None
    return known


def counted(known: Baseline, signal: str) -> Ints:
    [segment] = [one for one in tally_row(known.alphabet).segments if one.signal.name == signal]
    return segment.of(known.tally)


def test_new_signals_are_learned_while_the_old_baseline_watches_all_others() -> None:
    told = calm(USUAL)
    first = baseline(told)
    told = calm("", told.configure(declared(ESCAPED, TIER)), until="14:02:30")
    assert told.state().relearns == ("escaped", "tier")
    assert baseline(told) is not None
    assert baseline(told).version == 1
    told = told.every("5s", until="14:02:45").flush(attributes=sent(1), refused=rate(40)).expects(
        incident("fired", signal="refused", notify="page", version=1)
    )  # fmt: skip
    told = told.every("5s", until=AGAIN).flush(attributes=sent(1), refused=rate(2), intent=mix(a=1, b=3)).expects(
        incident("resolved", signal="refused")
    )  # fmt: skip
    now = baseline(told)
    assert now.version == 2
    assert told.state().relearns == ()
    for signal in ("refused", "intent", "latency"):
        assert np.array_equal(counted(now, signal), counted(first, signal))
    assert not {"escaped", "tier"} & unlearned(now).keys()
    told.every("5s", until="14:05").flush(attributes=sent(20, "trial"), refused=rate(2), intent=mix(a=1, b=3)).expects(
        incident("fired", signal="escaped", sev="sev-1", notify="page", signals={"escaped", "tier"}, version=2)
    )  # fmt: skip


def test_a_signal_that_is_no_longer_declared_is_forgotten_with_the_next_baseline_and_moves_nothing_until_then() -> None:
    told = calm(declared(ESCAPED))
    before = told.state()
    told = calm("", told.configure(USUAL), until="14:02:30")
    assert told.state().relearns == ()
    assert told.state().naming is None
    assert baseline(told).version == 1
    told = told.every("5s", until="14:03").flush(attributes=sent(60), refused=rate(2), intent=mix(a=1, b=3)).expects()
    assert len(told.state().streams["v1"].evidence) == len(before.streams["v1"].evidence)


def test_what_is_thought_of_a_signal_may_change_without_learning_it_anew() -> None:
    """What is open was grave when it fired, and ends when it is well; from now on it would be a record, and no page."""
    told = calm(declared(ESCAPED))
    told = told.every("5s", until="14:02:20").flush(attributes=sent(30), refused=rate(2), intent=mix(a=1, b=3)).expects(
        incident("fired", signal="escaped", notify="page")
    )  # fmt: skip
    told = told.configure(declared("name: escaped, kind: rate, bad: down, consequence: cosmetic, words: left"))
    told = told.every("5s", until="14:04").flush(attributes=sent(1), refused=rate(2), intent=mix(a=1, b=3)).expects(
        incident("resolved", signal="escaped")
    )  # fmt: skip
    assert told.state().streams["v1"].fired == ()
    told = told.every("5s", until="14:05").flush(attributes=sent(30), refused=rate(2), intent=mix(a=1, b=3)).expects(
        incident("fired", signal="escaped", notify="record", words="left")
    )  # fmt: skip
    assert baseline(told).version == 1
    assert told.state().naming is None
    assert told.state().counting is None


def test_a_signal_of_another_kind_is_another_signal_though_its_name_is_the_same() -> None:
    told = calm(declared(ESCAPED))
    told = calm("", told.configure(declared("name: escaped, kind: number")), until="14:02:30")
    assert told.state().relearns == ("escaped",)
    told = calm("", told, until=AGAIN)
    assert baseline(told).version == 2
    assert unlearned(baseline(told))["escaped"] == "not observed"  # what is sent is true and false


def test_what_is_declared_while_all_is_being_learned_is_learned_with_it() -> None:
    for early in ("14:00:20", "14:01:10"):  # while names are gathered, and while they are counted
        told = calm(USUAL, until=early).configure(declared(ESCAPED, TIER))
        told = calm("", told, until="14:04")
        assert baseline(told).version == 1
        assert not {"escaped", "tier"} & unlearned(baseline(told)).keys()
