"""The list of incidents: the gravest first, each in a line that fits, as it was last said."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.incidents import Child, Incident, Slice
from streams.story.listed import NOBODY, NOTHING, WIDTH, chosen, lines
from streams.story.log import incidents, latest, read
from tests.story.life import FIRED, GRAVER, LIFE, MINUTE, OVER, TAKEN, log, parent

OTHER = replace(TAKEN, fingerprint="beef", id="beef-1-3", service="bank", summary="bank: slow", severity="sev-1")


def rows(*present: Incident, ended: bool = False) -> list[str]:
    return list(lines(chosen(present, None, ended=ended), ended=ended))


def test_the_furthest_message_of_an_incident_counts_and_not_the_last() -> None:
    again = replace(FIRED, episode=2, id="9f0c-2-1")
    for said, furthest in (((FIRED, OVER, GRAVER), OVER), ((again, OVER), again)):
        assert latest(read(log("ai.incidents.state", (*said, b"{}")), incidents)) == {"9f0c": furthest}


def test_the_gravest_comes_first_and_of_equals_the_newest() -> None:
    newer = replace(TAKEN, fingerprint="aaaa", since=TAKEN.since + MINUTE)
    ticket = replace(TAKEN, fingerprint="bbbb", notify="ticket", since=TAKEN.since + 2 * MINUTE)
    some = chosen([FIRED, ticket, TAKEN, newer, OTHER], None, ended=False)
    assert [one.fingerprint for one in some] == ["beef", "aaaa", "9f0c", "bbbb", "9f0c"]
    assert some[-1].severity == "sev-3"


def test_what_is_over_is_told_only_if_asked_for_and_then_last() -> None:
    assert [one.fingerprint for one in chosen([OVER, OTHER], None, ended=False)] == ["beef"]
    assert [one.status for one in chosen([OVER, FIRED], None, ended=True)] == ["firing", "resolved"]
    assert rows(OVER) == [NOBODY]
    assert rows(ended=True) == [NOTHING]


def test_one_service_alone_may_be_asked_for() -> None:
    assert chosen(LIFE[:1], "bank", ended=True) == []
    assert chosen([FIRED, OTHER], "bank", ended=True) == [OTHER]


def test_a_line_says_what_is_needed_to_choose() -> None:
    [head, line] = rows(TAKEN)
    assert head.split()[:3] == ["sev", "status", "service"]
    for part in ("sev-2", "firing", "shop", "workflow=ref", "08-14 12:00", "page", "ana", "9f0c", "refusals 12.0 %"):
        assert part in line
    assert "shop: refusals" not in line  # the service has a column of its own


def test_what_keeps_an_incident_from_paging_stands_in_place_of_who_is_told() -> None:
    assert "page" not in rows(replace(TAKEN, held="maintenance"))[1]
    assert "maintenance" in rows(replace(TAKEN, held="maintenance"))[1]


@given(st.text(max_size=300), st.sampled_from([FIRED, TAKEN, OVER, parent(Child("s", "f", 1, "sev-1", "x", True))]))
def test_no_name_leaves_its_line_or_acts_on_a_terminal(name: str, one: Incident) -> None:
    hostile = replace(
        one, service=name, summary=name, held=name, acknowledged_by=name, fingerprint=name,
        slice=Slice(name, name, 1.0, name, 0.0, 1.0), status="resolved",
    )  # fmt: skip
    found = rows(hostile, OTHER, ended=True)
    assert len(found) == 3
    assert all(line.isprintable() and len(line) <= WIDTH for line in found)
