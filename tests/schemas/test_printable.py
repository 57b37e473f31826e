"""Text that is shown promises: nothing in it acts, and what could be seen before can be seen as it was."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.printable import printable, printable_json
from streams.shell.logs import Printable

ANY = st.text(
    st.characters(codec=None) | st.sampled_from("\x00\x07\x1b\x7f\x85\x9b\u200f\u2028\u202e\u2066\ufeff\ud800")
)


@given(ANY)
def test_whatever_is_shown_can_be_seen(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()  # no lone surrogate is left
    assert printable(shown) == shown


@given(st.text().filter(str.isprintable))
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    "acts", ["\x1b[31m", "\x9b31m", "\r", "\n", "\x08", "\u202e", "\u2066", "\u2028", "\u200b", "\x00"]
)
def test_nothing_that_acts_is_left(acts: str) -> None:
    assert printable(f"a{acts}b").isascii()


@given(st.text())
def test_json_that_is_shown_means_the_same(text: str) -> None:
    shown = printable_json(json.dumps({"service": text}, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == {"service": text}


def test_no_event_forges_a_line_of_the_log() -> None:
    try:
        raise ValueError("bad\x1b[2J\n2026-11-26 12:00:00 INFO barograph: all is well")  # noqa: TRY301
    except ValueError as error:
        record = logging.LogRecord("b", logging.ERROR, "", 0, "%s", (error,), (ValueError, error, error.__traceback__))
    first, *rest = Printable("%(levelname)s %(message)s").format(record).split("\n")
    assert first.startswith("ERROR bad")
    assert rest
    assert all(line.startswith("  ") and line.isprintable() for line in rest)
