"""Shipped bytes <-> the recorded rows that the demo's story is made of."""

import gzip
from collections.abc import Iterable
from importlib.resources import files
from typing import Final, TypeVar

from msgspec import Struct, json

Row = TypeVar("Row", bound=Struct)


class Survey(Struct, frozen=True):
    """One survey question asked of one snapshot of GPT-4.

    Attributes
    ----------
    question : str
        The question's id in OpinionQA; neither its text nor the answer's is here.
    model : str
        The snapshot that answered.
    answered : bool
        The answer starts with one of the options that the question offers.
    input_tokens, output_tokens : int
    latency_ms, cost_usd : float
    """

    question: str
    model: str
    answered: bool
    input_tokens: int
    output_tokens: int
    latency_ms: float
    cost_usd: float


class Chat(Struct, frozen=True):
    """One request of a production conversation service: its lengths, all that was recorded."""

    input_tokens: int
    output_tokens: int


class Call(Struct, frozen=True, omit_defaults=True):
    """One call of a tool; `error` is the tool's own message."""

    name: str
    ok: bool
    error: str | None = None


class Airline(Struct, frozen=True, omit_defaults=True):
    """One run of an airline desk's agent.

    Attributes
    ----------
    task, trial : int
        Which of the 50 tasks, and which of the four attempts at it.
    steps : int
        Turns of the agent: replies and calls of tools.
    correct : bool
        The run left the bookings as they should be, and said what it should (reward 1).
    tools : tuple of Call
        In order.
    intent : str or None
        The first change of the airline's records that the task asks for; None where it asks for none.
    """

    task: int
    trial: int
    steps: int
    correct: bool
    tools: tuple[Call, ...]
    intent: str | None = None


class Prime(Struct, frozen=True, kw_only=True):
    """One question of LLMDrift's, whether a number is prime, asked of one snapshot of GPT-4.

    Attributes
    ----------
    question : str
        Its id; the number is not here, nor what was answered.
    model : str
        The snapshot that answered.
    correct : bool
        The answer decides for what is true of the number.
    in_form : bool
        The answer holds "[Yes]" or "[No]", in brackets, as the question asks.
    output_tokens : int
    latency_ms, cost_usd : float
    """

    question: str
    model: str
    correct: bool
    in_form: bool
    output_tokens: int
    latency_ms: float
    cost_usd: float


SURVEY: Final = "survey.jsonl.gz"
PRIME: Final = "prime.jsonl.gz"
CHAT: Final = "azure_conv.jsonl.gz"
AIRLINE: Final = "airline.jsonl.gz"


def pack(rows: Iterable[Struct]) -> bytes:
    """Write rows as gzipped JSON lines: the same rows are the same bytes, for the header holds no time and no name."""
    return gzip.compress(json.Encoder().encode_lines(list(rows)), compresslevel=9, mtime=0)


def unpack(data: bytes, row: type[Row]) -> tuple[Row, ...]:
    """Read what `pack` wrote.

    Raises
    ------
    msgspec.ValidationError
        A line is not such a row.

    Examples
    --------
    >>> unpack(pack([Chat(374, 44), Chat(396, 109)]), Chat)
    (Chat(input_tokens=374, output_tokens=44), Chat(input_tokens=396, output_tokens=109))
    """
    return tuple(json.Decoder(row).decode_lines(gzip.decompress(data)))


def shipped(name: str, row: type[Row]) -> tuple[Row, ...]:
    """Read one of the extracts that come with the package.

    Examples
    --------
    >>> len(shipped(AIRLINE, Airline))
    200
    """
    return unpack((files("streams.demo") / "data" / name).read_bytes(), row)
