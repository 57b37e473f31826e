"""MEASURE promises: a time is read as RFC 3339 says, alone or among others, or refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.measure.letters import Times
from streams.measure.times import BadTime, second, seconds
from tests.measure import words

moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001  # zones come below
zones = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def whole(at: datetime) -> int:
    return (at - EPOCH) // timedelta(seconds=1)


@given(moments, zones, st.sampled_from(["seconds", "milliseconds", "microseconds"]), st.sampled_from("Tt "))
def test_a_time_of_any_zone_is_read_to_the_second(at: datetime, zone: timezone, parts: str, between: str) -> None:
    said = at.replace(tzinfo=zone)
    assert second(said.isoformat(between, parts)) == whole(said)


@given(moments, st.sampled_from(["Z", "z", "+00:00", "-00:00"]))
def test_so_is_utc_in_all_its_spellings(at: datetime, zone: str) -> None:
    assert second(at.isoformat(timespec="seconds") + zone) == whole(at.replace(tzinfo=UTC))


@given(st.integers(0, 2**53))
def test_milliseconds_are_rounded_down(ms: int) -> None:
    assert second(ms) == ms // 1000


odd = st.text("0123456789-:.TtZz+ ", max_size=30) | st.builds(
    lambda at, i, letter: at[:i] + letter + at[i + 1 :],
    st.sampled_from(["2026-11-24T00:00:00Z", "2026-11-24T00:00:00.123Z", "2026-11-24T00:00:00.5+02:00"]),
    st.integers(0, 26),
    st.text("0123456789-:.TZ+x٣", max_size=2),
)


@settings(max_examples=500)
@given(odd)
def test_what_rfc_3339_does_not_know_is_refused(at: str) -> None:
    expected = words.second(at)
    if expected is None:
        with pytest.raises(BadTime):
            second(at)
    else:
        assert second(at) == expected


alike = st.lists(
    st.builds(
        lambda s, ms: (EPOCH + timedelta(seconds=s, milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms:03d}Z",
        st.integers(1_795_478_395, 1_795_478_400), st.integers(0, 999),
    ),
    min_size=1, max_size=40,
)  # fmt: skip


@given(alike)
def test_times_that_look_alike_are_read_at_once(times: list[str]) -> None:
    found = seconds(Times(times))
    assert found is not None
    assert found.tolist() == [words.second(at) for at in times]


@settings(max_examples=500)
@given(st.lists(odd | alike.map(lambda times: times[0]) | st.integers(0, 2**53), min_size=1, max_size=5))
def test_read_at_once_or_not_at_all(times: list[str | int]) -> None:
    found = seconds(Times(times))
    if found is not None:
        assert found.tolist() == [words.second(at) for at in times]


@given(st.lists(st.lists(odd | alike.map(lambda times: times[0]) | st.integers(0, 2**53), max_size=3), max_size=4))
def test_times_are_kept_as_they_were_said(chunks: list[list[str | int]]) -> None:
    kept, said = Times(), [at for chunk in chunks for at in chunk]
    for chunk in chunks:
        kept.add(chunk)
    assert (list(kept), len(kept), kept.width) == (said, len(said), Times(said).width)


def test_a_time_that_borrows_a_letter_of_its_neighbour_is_no_time() -> None:
    """Joined, these would read like three good ones; which records meet in a batch must not decide what counts."""
    good, longer, shorter = "2026-11-24T00:00:00.123Z", "2026-11-24T00:00:00.123Z2", "026-11-24T00:00:00.123Z"
    assert len(good + longer + shorter) == 3 * len(good)
    assert seconds(Times([good, longer, shorter])) is None
