"""A KPI that is yellow or red: the incident that people get, how it grows, and when it is over."""

from typing import Any

import pytest

from schemas.control import Acknowledge, Maintain, Release
from tests.watch.story import Story, incident, story
from tests.watch.traffic import rate

LEARNED = """
topics: {tallies_partitions: 1}
measure: {slices: [workflow], late_after_s: 20, flush_after_s: 0.5}
watch:
  {dependence: none, season_percent: 0, baseline_events: 2000, resolve_after_s: 60, silence_after_s: 600,
   signals: [SIG]}
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
          owner: risk
          runbook: https://wiki.example/refused
          bands:
            yellow: {value: 10, for_windows: 2, severity: YELLOW}
            red: {value: 20, for_windows: 2, action: rollback, severity: sev-1}
            clear: {for_windows: 1}
  policies:
    - services: [bot]
      live: {min_events: 100, escalate: [{kpi: refused, to: the board}]}
"""
"""The bets watch something that never moves, so that what is told is what the rule tells."""


def words(yellow: str = "sev-3", signal: str = "answered") -> str:
    return LEARNED.replace("YELLOW", yellow).replace("SIG", signal)


def served(share: int, until: str, before: Story | None = None, said: str | None = None, **what: Any) -> Story:
    """Send so many percent refused, ten exchanges a second; the service is learned after two hundred seconds."""
    begun = before or story(said or words()).at("14:00")
    return begun.every("2s", until=until).flush(20, refused=rate(share), answered=rate(99), **what)


def calm(said: str | None = None) -> Story:
    return served(2, "14:06", said=said).expects()


def test_red_pages_and_says_what_it_is_since_when_and_what_is_to_be_done_by_whom() -> None:
    """The first two minutes beyond end at 14:08; that is known twenty seconds later."""
    told = served(40, "14:08:30", calm()).expects(
        incident("fired", name="KpiBeyondBand", sev="sev-1", notify="page", since="14:06", at="14:08:21",
                 releases={"v1"}, labels={"kpi": "refused", "slice": ""}, signals={"kpi_band"})
    )  # fmt: skip
    said = told.state().cases[0].said
    assert said.summary == (
        "bot: `refused` of release v1 is red, 40 % (36.1 to 44), target 5 %: surely over 20, where red begins, in 2 "
        "windows in a row; owner risk; action rollback; tell also the board"
    )
    assert said.why_severity == "`refused` is red, which its set of KPIs calls sev-1"
    assert (said.owner, said.runbook) == ("risk", "https://wiki.example/refused")
    assert said.changes[0].after is not None
    assert said.changes[0].after.value == pytest.approx(0.4)


def test_yellow_that_turns_red_is_the_same_incident_graver() -> None:
    told = served(15, "14:09", calm()).expects(incident("fired", sev="sev-3", notify="ticket", since="14:06"))
    told = served(40, "14:12", told).expects(
        incident("updated", sev="sev-1", previous="sev-3", notify="page", episode=1, since="14:06")
    )
    assert [len(case.alarms) for case in told.state().cases] == [1]


def test_yellow_of_sev_4_is_a_record_and_red_of_it_pages_all_the_same() -> None:
    told = served(15, "14:09", calm(words("sev-4"))).expects(incident("fired", sev="sev-4", notify="record"))
    served(40, "14:12", told).expects(incident("updated", sev="sev-1", notify="page", episode=1))


def test_it_is_over_when_the_kpi_is_green_and_comes_again_as_another_episode() -> None:
    """It comes down one band at a time: yellow for 14:09, green for 14:10. That is asked every ten seconds."""
    told = served(40, "14:09", calm()).expects(incident("fired", episode=1))
    told = served(2, "14:12", told).expects(incident("resolved", episode=1, at="14:11:30"))
    served(40, "14:15", told).expects(incident("fired", episode=2, since="14:12"))


def test_no_data_neither_raises_nor_ends() -> None:
    told = served(40, "14:09", calm()).expects(incident("fired")).wait("14:16").expects()
    assert told.verdicts()[-1].kpis[0].band == "no_data"
    assert len(told.state().cases) == 1


def test_a_release_that_serves_no_more_while_another_does_is_well() -> None:
    told = served(40, "14:09", calm()).expects(incident("fired", releases={"v1"}))
    served(2, "14:16", told, release="v2").expects(incident("resolved"))


def test_nothing_is_raised_of_a_service_that_is_not_learned_yet_and_then_at_once() -> None:
    """Verdicts come from the first window on."""
    early = story(words()).at("14:00").every("2s", until="14:03").flush(20, refused=rate(40)).expects()
    assert early.verdicts()[-1].verdict == "fail"
    early.every("2s", until="14:04").flush(20, refused=rate(40)).expects(incident("fired", since="14:00"))


def test_in_maintenance_nobody_is_paged() -> None:
    told = calm().tell(Maintain, by="sre", until="2026-11-24T15:00:00Z", reason="a new index")
    told = served(40, "14:09", told)
    assert [(one.notify, one.held[:11]) for one in told.told()] == [("record", "maintenance")]


def test_of_a_service_in_shadow_it_is_said_there_alone() -> None:
    told = served(40, "14:09", calm(words() + "services: [{name: bot, shadow: true}]\n"))
    told.expects(incident("fired", shadow=True, notify="page", labels={"kpi": "refused", "shadow": "true"}))


def test_a_person_takes_it() -> None:
    told = served(40, "14:09", calm()).expects(incident("fired"))
    taken = told.tell(Acknowledge, fingerprint=told.state().cases[0].said.fingerprint, by="mira")
    taken.wait("14:09:05").expects(incident("acknowledged", by="mira"))


def test_what_alarms_at_the_same_onset_is_one_incident_and_a_restart_says_nothing_twice() -> None:
    """The bets page at once, and are surer soon; the KPI joins them with its second window."""
    told = served(40, "14:07", calm(words(signal="refused"))).expects(incident("fired", name="RefusedChanged"))
    told = served(40, "14:09", told).expects(
        incident("updated", sev="sev-2", at="14:07:20"), incident("updated", sev="sev-1", previous="sev-2", episode=1)
    )
    assert {change.signal for change in told.state().cases[0].said.changes} == {"refused", "kpi_band"}


def test_a_rollback_names_the_incident_and_a_new_baseline_does_not_end_it() -> None:
    """Once v2 is promoted the service is learned anew from it, while its KPI is red."""
    target = words().replace("releases:\n", "releases:\n  targets: [{service: bot, kind: flagd, ref: model}]\n")
    told = story(target).at("14:00").tell(Release, release="v1", phase="promoted", generation=1)
    told = served(2, "14:06", told).expects().tell(Release, release="v2", phase="promoted", generation=2)
    told = served(40, "14:08:30", told, release="v2").expects(incident("fired", name="KpiBeyondBand", releases={"v2"}))
    ((asked,), (case,)) = told.rollbacks(), told.state().cases
    assert (asked.cause.fingerprint, asked.cause.episode) == (case.said.fingerprint, 1)
    told = served(40, "14:12", told, release="v2").expects()
    baseline = told.state().baseline
    assert baseline is not None
    assert baseline.version == 2
    assert [one.said.episode for one in told.state().cases] == [1]


AGES = "resolve_after_s: 60, rebase_after_s: 180"


def test_a_kpi_alone_is_never_the_new_normal() -> None:
    aging = words().replace("resolve_after_s: 60", AGES)
    told = served(40, "14:09", calm(aging)).expects(incident("fired"))
    assert len(served(40, "14:15", told).expects().state().cases) == 1


def test_what_shares_its_incident_is_learned_anew_and_the_kpi_is_told_again_by_itself() -> None:
    aging = words(signal="refused").replace("resolve_after_s: 60", AGES)
    told = served(40, "14:07", calm(aging)).expects(incident("fired", name="RefusedChanged"))
    served(40, "14:10", told).expects(
        incident("updated"),
        incident("updated", signals={"refused", "kpi_band"}),
        incident("resolved", why="taken as the new normal after 3 min; learned anew: requests refused"),
        incident("fired", name="KpiBeyondBand", signals={"kpi_band"}, since="14:06"),
    )
