"""What a finding says beside what moved: how sure it is, and how far the whole distribution went."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from schemas.incidents import Incident
from streams.watch.often import often
from tests.watch.story import Story, incident, story
from tests.watch.traffic import around, mix, rate


def calm(**fields: object) -> Story:
    return story().at("14:00").every("5s", until="14:02").flush(**fields).expects()  # type: ignore[arg-type]


def fired(told: Story) -> Incident:
    [case] = told.expects(incident("fired")).state().cases
    return case.said


def test_how_sure_it_is_stands_in_the_operators_words() -> None:
    """A page a week is divided by 200 services and five streams, and half of that is for the whole stream."""
    said = fired(calm(refused=rate(2)).every("5s", until="14:04").flush(refused=rate(12)))
    first = min((one for one in said.changes if one.notify == "page"), key=lambda one: one.alarmed_at)
    assert 0 < first.false_per_week <= 1 / 200 / 5 / 2
    assert said.how_sure == often(first.false_per_week, "page")
    assert said.how_sure.startswith(("at most one such page in", "less than one such page in"))
    assert said.how_sure.endswith("years if nothing had changed")


def test_how_sure_silence_is_is_no_figure() -> None:
    said = fired(calm(refused=rate(2)).wait("14:05"))
    assert said.how_sure.startswith("a rule, no statistic")


def test_how_far_a_mix_has_moved_is_described() -> None:
    """From 60 and 40 to 50, 30, and 20 of a new name. What scipy calls distance is the root of the divergence."""
    usual, now = mix(billing=60, refund=40), mix(billing=50, refund=30, complaint=20)
    [change] = fired(calm(intent=usual).every("5s", until="14:04").flush(intent=now)).changes
    p, q = np.array([0.6, 0.4, 0.0]), np.array([0.5, 0.3, 0.2])
    assert change.jensen_shannon == pytest.approx(jensenshannon(p, q, base=2) ** 2, rel=1e-3)
    seen = np.array([0.6, 0.4, 0.5 / change.before_n])  # of the new name half an event is taken to have been there
    assert change.psi == pytest.approx(((q - seen) * np.log(q / seen)).sum(), rel=1e-3)


def test_how_far_a_number_has_moved_is_described_by_the_bins_of_its_ranks() -> None:
    """Ranks all at the end of the scale share little with what was: nearly one bit."""
    [change] = fired(
        calm(latency_ms=around(800)).every("5s", until="14:04").flush(latency_ms=around(8000))
    ).changes  # fmt: skip
    assert change.psi is not None
    assert change.psi > 1
    assert change.jensen_shannon is not None
    assert 0.8 < change.jensen_shannon <= 1


def test_of_a_rate_its_two_figures_say_all() -> None:
    [change] = fired(calm(refused=rate(2)).every("5s", until="14:04").flush(refused=rate(40))).changes
    assert (change.psi, change.jensen_shannon) == (None, None)
