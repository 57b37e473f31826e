"""Every sort of signal, from events to incident: what is judged later, what tools do, and what a user declares."""

from typing import Any

import pytest

from tests.watch.story import USUAL, Story, incident, story
from tests.watch.traffic import Values, around, mix, one, rate, some

LEARNED = "14:02"
OWN = (
    USUAL
    + """
signals:
- {name: escaped, source: attribute, kind: rate, bad: up, consequence: harm, words: answers that left the sandbox}
- {name: tier, source: attribute, kind: category, bad: none, consequence: cosmetic, words: the tier of customers}
- {name: toxicity, source: evaluator, kind: number, bad: up, consequence: process, words: toxicity, smallest: 0.001}
"""
)


def calm(words: str = USUAL, until: str = LEARNED, **fields: Any) -> Story:
    return story(words).at("14:00").every("5s", until=until).flush(**fields).expects()


def judged(told: Story, until: str, **fields: Any) -> Story:
    """Let exchanges come and, at the same time, outcomes of some that came before."""
    begin, of = told.until, story().now
    clock = f"{(begin - of) // 3600}:{(begin - of) // 60 % 60:02}:{(begin - of) % 60:02}"
    told = told.every("5s", until=until).flush(refused=rate(2), workflow=mix(chat=90, search=10)).at(clock)
    return told.every("5s", until=until).flush(50, type=one("outcome"), about=one("before"), **fields)


def test_answers_that_users_accept_no_longer_are_found_when_their_judgements_come() -> None:
    """It is told of the whole: outcomes lie in no workflow."""
    told = judged(story().at("14:00"), LEARNED, accepted=rate(80, of=100)).expects()
    told = judged(told, "14:04", accepted=rate(40, of=100)).expects(
        incident("fired", signal="accepted", sev="sev-2", notify="page", since="14:02", where=None, moved=(0.8, 0.4),
                 words="answers that users accepted")
    )  # fmt: skip
    judged(told, "14:07", accepted=rate(80, of=100)).expects(incident("resolved", signal="accepted"))


def test_no_judgement_is_no_good_judgement() -> None:
    """Outcomes stop while answers are not accepted: nothing is over."""
    told = judged(story().at("14:00"), LEARNED, accepted=rate(80, of=100)).expects()
    told = judged(told, "14:04", accepted=rate(40, of=100)).expects(incident("fired", signal="accepted"))
    told = told.every("5s", until="14:10").flush(refused=rate(2), workflow=mix(chat=90, search=10)).expects()
    assert len(told.state().cases) == 1


def test_outcomes_of_a_release_that_is_gone_do_not_bring_it_back() -> None:
    told = judged(story().at("14:00"), LEARNED, accepted=rate(80, of=100)).expects()
    told = told.every("5s", until="14:03").flush(refused=rate(2), workflow=mix(chat=90, search=10)).at("14:02")
    old: dict[str, Any] = {"type": one("outcome"), "about": one("b"), "accepted": rate(80, of=100)}
    told = told.every("5s", until="14:03").flush(50, release="v0", **old).expects()
    assert set(told.state().streams) == {"v1", "__other__"}


def test_outcomes_are_no_sign_of_life() -> None:
    """Silence is about exchanges, and a seat is kept by them."""
    told = judged(story().at("14:00"), LEARNED, accepted=rate(80, of=100)).expects()
    told = told.every("5s", until="14:04").flush(50, type=one("outcome"), about=one("b"), accepted=rate(80, of=100))
    told = told.expects(incident("fired", signal="silence"))
    assert told.state().streams["v1"].last_second < told.state().second


def test_tools_that_are_called_in_another_order_are_named() -> None:
    def tools(*names: str) -> list[dict[str, object]]:
        return [{"name": name, "ok": True} for name in names]

    usual, other = tools("search", "read"), tools("read", "search")
    (
        calm(tools=some(rate(5), other, usual))
        .every("5s", until="14:04").flush(tools=some(rate(60), other, usual))
        .expects(incident("fired", signal="tool_path", sev="sev-3", notify="ticket", since="14:02", moved=(0.05, 0.60),
                          words="the tools that were called, in order: read>search"))
    )  # fmt: skip


def test_documents_that_grow_old_are_told_in_days() -> None:
    def aged(days: int) -> Values:
        return Values(tuple({"n": 5, "newest_age_days": one} for one in around(days).each))

    (
        calm(retrieval=aged(10))
        .every("5s", until="14:04").flush(retrieval=aged(30))
        .expects(incident("fired", signal="document_age", sev="sev-3", notify="ticket", since="14:02"))
    )  # fmt: skip


def test_a_share_that_is_a_number_is_told_as_itself() -> None:
    def covered(share: float) -> Values:
        return Values(tuple({"coverage": share + 0.02 * i / 100} for i in range(100)))

    (
        calm(retrieval=covered(0.9))
        .every("5s", until="14:04").flush(retrieval=covered(0.6))
        .expects(incident("fired", signal="retrieval_coverage", sev="sev-3", about=(0.9, 0.6), since="14:02"))
    )  # fmt: skip


def test_another_prompt_is_told_beside_what_it_did() -> None:
    (
        calm(prompt_version=one("p7"), refused=rate(2))
        .every("5s", until="14:04").flush(prompt_version=one("p8"), refused=rate(40))
        .expects(
            incident("fired", signal="refused", sev="sev-2", notify="page"),
            incident("updated", signals={"refused", "prompt_version"}, also=["prompt_version p7 -> p8"]),
        )
    )  # fmt: skip


def test_an_attribute_that_a_user_declared_pages_by_what_was_declared() -> None:
    def escaped(yes: int) -> Values:
        return some(rate(yes), {"escaped": True, "tier": "gold"}, {"escaped": False, "tier": "gold"})

    (
        calm(OWN, attributes=escaped(1))
        .every("5s", until="14:04").flush(attributes=escaped(20))
        .expects(incident("fired", signal="escaped", sev="sev-1", notify="page", since="14:02", moved=(0.01, 0.20),
                          words="answers that left the sandbox"))
    )  # fmt: skip


def test_a_new_name_of_a_users_own_category_is_named() -> None:
    (
        calm(OWN, attributes=some(rate(30), {"tier": "gold"}, {"tier": "free"}))
        .every("5s", until="14:04").flush(attributes=some(rate(30), {"tier": "trial"}, {"tier": "free"}))
        .expects(incident("fired", signal="tier", sev="sev-4", notify="record", words="the tier of customers: trial"))
    )  # fmt: skip


def test_an_evaluators_score_is_watched_as_a_number() -> None:
    def scored(thousandths: int) -> Values:
        return Values(tuple([{"name": "toxicity", "value": one / 1000}] for one in around(thousandths).each))

    (
        calm(OWN, evals=scored(20))
        .every("5s", until="14:04").flush(evals=scored(60))
        .expects(incident("fired", signal="toxicity", sev="sev-2", notify="page", since="14:02"))
    )  # fmt: skip


@pytest.mark.parametrize("field", ["accepted", "abstained"])
def test_a_signal_that_nothing_carries_says_nothing(field: str) -> None:
    """Nobody can say that it is well; and when it comes for the first time, that is no change for the worse."""
    fields: dict[str, Any] = {field: rate(50)}
    told = calm(refused=rate(2)).every("5s", until="14:04").flush(refused=rate(2), **fields)
    told.expects(*([] if field == "accepted" else [incident("fired", signal=field, sev="sev-3", notify="ticket")]))
