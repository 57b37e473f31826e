"""The catalogue promises: every signal is named once, reads something that events have, and a document says what."""

from msgspec import Struct
from msgspec.structs import fields

from schemas.docs.signals_page import READS
from schemas.events import Exchange, Outcome, Retrieval
from schemas.own import NOT_SIGNALS
from schemas.signals import CATALOGUE


def test_every_signal_has_a_name_of_its_own() -> None:
    names = [signal.name for signal in CATALOGUE]
    assert len(set(names)) == len(names)
    assert not set(names) & set(NOT_SIGNALS)


def names(of: type[Struct]) -> list[str]:
    return [field.name for field in fields(of)]


def test_every_signal_reads_a_field_of_its_event_or_what_the_document_says() -> None:
    there = {
        "exchange": {*names(Exchange), *(f"retrieval.{name}" for name in names(Retrieval))},
        "outcome": {*names(Outcome)},
    }
    for signal in CATALOGUE:
        assert signal.field in there[signal.source] or signal.field in READS, signal.name
    assert set(READS) <= {signal.field for signal in CATALOGUE}


def test_a_category_is_never_sliced() -> None:
    assert not [signal.name for signal in CATALOGUE if signal.kind == "category" and signal.sliced]
