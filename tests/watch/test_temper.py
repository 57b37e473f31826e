"""Events that resemble each other are no proofs, and until it is known how much they do, nobody is woken by them.

Services with one signal, a minute of traffic told as a second: 120 exchanges in sessions of eight that are all alike,
so that sums over any time vary eight times as much as those of independent events. What may come in vain is what the
accumulators took in; what does is allowed the 0.1 % point of a Poisson variable of that mean.
"""

from copy import copy, deepcopy
from typing import Any, cast

import numpy as np
from msgspec.structs import replace
from scipy import stats

from detectors.inflation import FEWEST, LENGTHS, MOST
from detectors.recovery import TIMES
from schemas.config import parse
from schemas.taxonomy import Taxonomy
from streams.watch import adopt, store
from streams.watch.alphabet import choose, tally_row
from streams.watch.arrays import Ints
from streams.watch.baseline import Baseline
from streams.watch.cases import Alarm, Case, Recovery
from streams.watch.detect import decide
from streams.watch.layout import detector
from streams.watch.pieces import whole
from streams.watch.plan import Plan
from streams.watch.recover import weighed
from streams.watch.state import Bucket, State, Stream
from streams.watch.temper import LAG, MINUTE_S, calmed, summed, tempered
from tests.watch.logs import in_bytes
from tests.watch.story import USUAL, Story, incident, story
from tests.watch.tallies import kept_of
from tests.watch.traffic import mix, rate

SESSION, A_MINUTE, YES = 8, 120, 0.1
LEARNED = 20_000
KNOWN = FEWEST * LENGTHS[-1] + LAG + 1
"""Minutes after which as many blocks are full as must be, half an hour ago, and what the first second after them knows.
"""
BUDGET = """
watch: {signals: [refused], false_pages_per_week: 1000, max_services: 1, max_releases: 1, dependence: %s,
        season_percent: 0}
"""


def plan(dependence: str) -> Plan:
    return Plan.of(parse(f"measure: {{slices: []}}\n{BUDGET % dependence}"), Taxonomy.load_default())


class Service:
    """A service that refuses a tenth of its sessions, minute by minute, for ever."""

    def __init__(self, dependence: str, rng: np.random.Generator, session: int = SESSION) -> None:
        self.plan, self.rng, self.session = plan(dependence), rng, session
        alphabet = choose({}, (), slices=8, told=16)
        self.row = tally_row(alphabet)
        self.at = {segment.signal.name: segment for segment in self.row.segments}
        baseline = Baseline(1, alphabet, LEARNED, self.tally(LEARNED), {}, ("1",), 0, 3600)
        self.found = detector(baseline, self.plan, "s")
        stream = Stream("1", 0, 0, np.zeros(len(self.found.accumulators.bets), np.float32))
        self.state = State(service="s", offset=0, second=0, naming=None, baseline=baseline, streams={"1": stream})

    def tally(self, events: int, share: float = YES) -> Ints:
        """So many exchanges; those of a session are all refused, or none is."""
        counts = np.zeros(self.row.size, np.int64)
        yes = self.session * int(self.rng.binomial(events // self.session, share))
        counts[self.at["refused"].at(0)] = [events - yes, yes, 0]
        counts[self.at["failed"].at(0)] = [events, 0, 0]
        return counts

    def minute(self, share: float = YES) -> list[Alarm]:
        """Close a second that holds a minute, as `streams.watch.stage` does; what alarmed may at once alarm again."""
        kept, now = kept_of(self.found, self.tally(A_MINUTE, share)), self.state.second + MINUTE_S
        buckets = dict(list(self.state.streams["1"].buckets.items())[-20:])
        stream = replace(
            self.state.streams["1"], pending=kept, buckets={**buckets, now: Bucket(kept, kept)}, fired=()
        )  # fmt: skip
        state = summed(self.plan, self.found, replace(self.state, second=now, streams={"1": stream}))
        left = tempered(self.plan, self.found, state)
        stream, alarms = decide(self.found, stream, now * 1000, 60, left)
        self.state = calmed(replace(state, streams={"1": stream}), alarms, left)
        return alarms

    @property
    def allowed(self) -> float:
        """Pages that a minute takes in."""
        gathered = self.found.accumulators
        pages = np.array([notify == "page" for notify in gathered.notify])[gathered.of]
        return float(gathered.rate[pages].sum())


def notices(one: Service, minutes: int, share: float = YES) -> list[str]:
    """Say what came of some minutes."""
    return [alarm.notify for _ in range(minutes) for alarm in one.minute(share)]


def pages(dependence: str, services: int = 8, minutes: int = 700) -> tuple[int, float]:
    """Count pages after the first two hours, and what was allowed."""
    came, allowed = 0, 0.0
    for seed in range(services):
        one = Service(dependence, np.random.default_rng([7, seed]))
        for _ in range(KNOWN):
            one.minute()
        came += notices(one, minutes).count("page")
        allowed += one.allowed * minutes
    return came, allowed


def test_sessions_keep_the_budget_of_pages() -> None:
    came, allowed = pages("measured")
    assert allowed > 4
    assert came <= stats.poisson.isf(1e-3, allowed)


def test_taken_for_independent_they_break_it() -> None:
    came, allowed = pages("none", services=2)
    assert came > 2 * stats.poisson.isf(1e-3, allowed)


def test_a_change_of_a_known_service_pages_soon_and_an_unknown_one_makes_a_ticket() -> None:
    """Forty minutes in which half of the sessions are refused: that is found whatever the factor, up to eight."""
    one = Service("measured", np.random.default_rng(1))
    assert set(notices(one, 40, share=0.5)) == {"ticket"}
    one = Service("measured", np.random.default_rng(1))
    assert "page" not in notices(one, KNOWN)
    assert "page" in notices(one, 40, share=0.5)


def test_what_never_happened_can_page_once_another_signal_is_known() -> None:
    one = Service("measured", np.random.default_rng(2))
    for _ in range(KNOWN):
        one.minute()
    left = tempered(one.plan, one.found, one.state)
    assert left is not None
    assert not left.waits.any()
    of = {table.signal.name: left.factor[table.first_bet] for table in one.found.tables}
    assert of["failed"] == of["refused"] > 1


def test_the_blocks_are_bounded_and_are_written_only_when_one_is_full() -> None:
    one = Service("measured", np.random.default_rng(3))
    written, sizes = store.Written(), []
    for _ in range(3 * MOST):
        one.minute()
        out, written = store.writes({"s": one.state}, ["s"], written)
        sizes += [len(value) for key, value in out.cold if b"blocks" in key]
    assert one.state.blocks is not None
    assert one.state.blocks.base == 4
    assert MOST / 2 <= one.state.blocks.events.shape[1] <= MOST
    assert max(sizes) < len(one.found.tables) * MOST * 8 + 1000
    # None; one more a minute; half of them, and one more every second minute; then every fourth. The last is not over.
    assert len(sizes) == (1 + MOST) + (1 + MOST // 2) + (1 + MOST // 4 - 1)


def test_an_owner_that_takes_over_goes_on_with_the_very_same_numbers() -> None:
    one = Service("measured", np.random.default_rng(8))
    notices(one, KNOWN + MOST)
    heir = copy(one)
    heir.rng = deepcopy(one.rng)
    out, _ = store.writes({"s": one.state}, ["s"], store.Written())
    heir.state = store.restore([*out.cold, *out.hot]).states["s"]
    assert notices(heir, 60) == notices(one, 60)
    assert in_bytes(heir.state) == in_bytes(one.state)


def test_a_new_baseline_keeps_what_is_known_and_a_config_without_it_forgets_it() -> None:
    one = Service("measured", np.random.default_rng(4))
    for _ in range(KNOWN):
        one.minute()
    again = adopt.baseline(one.plan, one.state, 0).state
    assert again.blocks is one.state.blocks
    assert again.unfinished is not None
    assert again.unfinished.counts is None  # they were counted in the bins of the old one
    told = whole(adopt.config(one.plan, plan("none"), one.state))
    assert (told.blocks, told.unfinished) == (None, None)


def test_a_change_is_no_dependence_even_before_it_was_found() -> None:
    """What it alarmed by is what is known afterwards, though minutes of the change had been added."""
    one = Service("measured", np.random.default_rng(5))
    notices(one, 2 * KNOWN)
    before, came = one.state.blocks, list[Alarm]()
    while not came:
        came = one.minute(share=0.9)
    now = one.state.blocks
    assert before is not None
    assert now is not None
    row, n = now.signals.index("refused"), before.events.shape[1]
    since = n - (before.base == 1) * (one.state.second - came[0].since // 1000) // MINUTE_S
    assert now.events[row, since:].sum() == 0
    assert now.events[row, : since - 1].all()


def test_that_a_change_is_over_is_tempered_like_the_change() -> None:
    """The mirrored bets see the same events, which resemble each other as much as before."""
    one = Service("measured", np.random.default_rng(6))
    notices(one, KNOWN)
    came = list[Alarm]()
    while not came:
        came = one.minute(share=0.9)
    for _ in range(5):
        one.minute()
    good = kept_of(one.found, one.tally(A_MINUTE, share=0.0))
    stream = replace(one.state.streams["1"], pending=good)
    begun = replace(came[0], recovery=Recovery(evidence=(1.0,) * len(TIMES), begun=1))
    case = Case(alarms=(begun,), said=cast("Any", None), said_second=0)
    state = replace(one.state, streams={"1": stream}, cases=(case,))
    left = tempered(one.plan, one.found, state)
    plain, less = (
        sum(weighed(one.plan, one.found, state, by).cases[0].alarms[0].recovery.evidence) for by in (None, left)
    )
    assert len(TIMES) < less < plain


def usual(refused: int) -> dict[str, Any]:
    return {"refused": rate(refused), "workflow": mix(chat=90, search=10)}


def measured() -> Story:
    """A hundred exchanges in a hundred seconds, learned from six hundred."""
    words = USUAL.replace("dependence: none", "dependence: measured").replace("events: 2000", "events: 600")
    return story(words).at("14:00").every("20s", until="14:11").flush(20, **usual(10)).expects()


def test_what_changes_in_the_first_hours_is_a_ticket() -> None:
    told = measured().every("20s", until="14:40").flush(20, **usual(60))
    told.expects(incident("fired", signal="refused", sev="sev-2", notify="ticket"))


def test_what_changes_later_is_a_page() -> None:
    told = measured().every("20s", until="16:45").flush(20, **usual(10)).expects()
    told = told.every("20s", until="16:50").flush(20, **usual(60))
    told.expects(incident("fired", signal="refused", sev="sev-2", notify="page"))
