"""A release, held against a KPI: what comes in, what verdicts must come out."""

from schemas.control import Release
from schemas.verdicts import Verdict
from tests.watch.story import Story, story
from tests.watch.traffic import rate

HELD = """
topics: {tallies_partitions: 1}
measure: {slices: [workflow], late_after_s: 20}
watch: {dependence: none, season_percent: 0, baseline_events: 1000000}
releases:
  kpi_sets:
    - use_case: a bot
      services: [bot]
      owners: {accountable: me}
      kill_switch: {kpi: refused}
      kpis:
        - name: refused
          layer: quality
          rank: primary
          measures: {stat: share, signal: refused}
          window: 1m
          direction: lower_is_better
          target: 5
          bands: {yellow: {value: 10, for_windows: 1}, red: {value: 20, action: rollback, severity: sev-1}}
  policies:
    - services: [bot]
      live: {min_events: 100, holds: 10m}
"""
"""Red from the second minute in a row on in which surely more than a fifth is refused. No baseline is ever learned."""


def served(share: int, until: str, before: Story | None = None, release: str = "v1") -> Story:
    return (before or story(HELD).at("14:00")).every("2s", until=until).flush(20, release=release, refused=rate(share))


def words(verdicts: list[Verdict]) -> list[str]:
    return [one.verdict for one in verdicts]


def test_a_release_passes_while_it_is_green_and_fails_once_it_is_red() -> None:
    """A minute is judged twenty seconds after it is over, for what comes late: that of 14:05 is not yet, at 14:06."""
    told = served(40, "14:06", served(2, "14:03").expects()).expects()
    assert words(told.verdicts()) == ["pass", "pass", "pass", "marginal", "fail"]
    assert "`refused` is red, which rolls back" in told.verdicts()[-1].reasons[0]


def test_a_window_without_data_is_no_data_and_never_green() -> None:
    told = served(2, "14:02").expects().wait("14:04:30").expects()
    assert words(told.verdicts()) == ["pass", "pass", "no_data", "no_data"]


def test_while_nobody_can_say_that_all_was_read_no_window_is_judged() -> None:
    told = served(2, "14:02").expects().lag("14:06").wait("14:05:30").expects()
    assert words(told.verdicts()) == ["pass"]


def test_a_canary_is_judged_beside_what_is_in_force_and_goes_on_being_judged_after_it_was_promoted() -> None:
    both = served(2, "14:02").tell(Release, release="v1", phase="promoted", generation=1).expects()
    both = both.tell(Release, release="v2", phase="canary", previous="v1", generation=2)
    both = both.every("2s", until="14:05").flush(20, refused=rate(2))
    both = both.at("14:02").every("2s", until="14:05").flush(20, release="v2", refused=rate(40)).expects()
    assert [(one.phase, one.baseline) for one in both.verdicts(release="v2")][-1] == ("canary", "v1")
    after = both.tell(Release, release="v2", phase="promoted", generation=2)
    after = after.every("2s", until="14:07").flush(20, release="v2", refused=rate(40)).expects()
    assert [(one.phase, one.verdict) for one in after.verdicts(release="v2")][-1] == ("live", "fail")
    assert [one.phase for one in after.verdicts()][-1] == "live"
