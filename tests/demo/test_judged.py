"""A card of a verdict says what was decided, why, and how each KPI stands."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from schemas import kpi_sets
from schemas.rollbacks import Expected, Fence, Reasons, Rollback, RollbackResult, Target, Version, key_of
from schemas.verdicts import Counted, KpiVerdict, Verdict, Word
from streams.demo.judged import answered, asked, judged
from streams.figures import WIDTH

KPIS = kpi_sets.load(Path(__file__).parents[2] / "streams" / "demo" / "prime-checker.yaml")
NOON = 1_786_708_800_000  # 2026-08-14 12:00:00 UTC
RIGHT = KpiVerdict(
    name="right", band="red", observed=51.0, interval=(43.85, 58.12), target=80, n=200, critical=True, must_have=True,
    reason="surely under 70", action="pause_rollout", owner="numbers",
)  # fmt: skip
VERDICT = Verdict(
    id="prime-checker:june:1", service="prime-checker", release="june", baseline="march", phase="canary",
    verdict="fail", band="red", score=0.0, evaluated_at=NOON, expires_at=NOON + 30_000,
    n=Counted(candidate=400, baseline=9000, needed=200), kpis=(
        RIGHT,
        KpiVerdict(
            name="in_form", band="no_data", target=99, critical=False, must_have=False, reason="no data", owner="x"
        ),
    ),
    reasons=("`right` is red, which blocks: surely under 70", "`in_form` is left out: no data"), policy="", kpi_set="",
)  # fmt: skip
TARGET, BAD = Target("production", "prime-checker", "flagd", "prime-checker"), Expected("june", 2)
COMMAND = Rollback(
    key=key_of(TARGET, BAD), target=TARGET, expected=BAD, to=Version("march", 1), fence=Fence(2, "barograph"),
    issued_at=NOON, expires_at=NOON + 1_800_000, cause=Reasons("f", 1, "sev-2", ("right", "in_form"), 1234),
)  # fmt: skip
RESULT = RollbackResult(
    key=COMMAND.key, target=TARGET, outcome="waiting_for_approval", said="an approval is needed: asked for", at=NOON,
    before=Version("june", 2), after=Version("june", 2),
)  # fmt: skip


def test_a_verdict_is_told_with_its_reasons_and_its_kpis() -> None:
    assert judged(VERDICT, KPIS).split("\n") == [
        "FAIL: prime-checker june (canary beside march)",
        "  because    `right` is red, which blocks: surely under 70",
        "             `in_form` is left out: no data",
        "  right      red: 51 % (43.9 to 58.1), target 80 %, 200 events, pause_rollout",
        "  in_form    no data: no data",
        "  until      12:00:30, if nothing is said before",
    ]
    assert judged(replace(VERDICT, phase="live"), KPIS).startswith("FAIL: prime-checker june (live)\n")


def test_a_figure_without_an_interval_is_told_without_one() -> None:
    bare = replace(RIGHT, interval=None, action="")
    assert "  right      red: 51 %, target 80 %, 200 events\n" in judged(replace(VERDICT, kpis=(bare,)), KPIS)


def test_a_command_says_what_red_is_and_of_how_many() -> None:
    assert "  because    right, in_form are red, on 1,234 exchanges\n" in asked(COMMAND)


def test_what_waits_says_for_what_and_changes_nothing() -> None:
    assert answered(RESULT).split("\n") == [
        "ROLLBACK WAITING FOR APPROVAL: prime-checker",
        "  said       an approval is needed: asked for",
    ]


@pytest.mark.parametrize("word", ["pass", "marginal", "fail", "no_data"])
def test_colour_is_only_in_the_title_and_only_where_asked(word: Word) -> None:
    verdict = replace(VERDICT, verdict=word)
    cards = [(judged(verdict, KPIS), judged(verdict, KPIS, colour=True))]
    cards += [(asked(COMMAND), asked(COMMAND, colour=True)), (answered(RESULT), answered(RESULT, colour=True))]
    for plain, coloured in cards:
        assert "\x1b" not in plain
        head, rest = coloured.split("\n", 1)
        assert head.startswith("\x1b[")
        assert plain.split("\n", 1) == [head[head.index("m") + 1 : -len("\x1b[0m")], rest]


def test_names_cannot_draw_on_the_screen() -> None:
    name = "shop\x1b[2J\n" + "x" * 200
    verdict = replace(VERDICT, release=name, reasons=(name,), kpis=(replace(RIGHT, observed=None, reason=name),))
    cards = [
        judged(verdict, KPIS),
        asked(replace(COMMAND, to=Version(name, 1), key=name)),
        answered(replace(RESULT, said=name, approved_by=name, after=Version(name, 1))),
    ]
    for line in "\n".join(cards).split("\n"):
        assert len(line) <= WIDTH
        assert line.isprintable()
