"""Recorded data sets -> the small extracts that ship with the demo (a maintainer's tool, run when they change).

``python -m streams.demo.extract --data DIR`` reads the data sets in DIR and writes ``data/`` beside this file.
`data/NOTICE.md` says whose they are and what was changed.
"""

import argparse
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from streams.demo.rows import AIRLINE, CHAT, PRIME, SURVEY, Airline, Call, Chat, Prime, Survey, pack

SNAPSHOTS: Final = ("gpt-4-0314", "gpt-4-0613")
INPUT_PRICE: Final = 30e-6
OUTPUT_PRICE: Final = 60e-6  # dollars a token: GPT-4 with 8k of context, in 2023

BRACKETED: Final = re.compile(r"\[(yes|no)\]", re.IGNORECASE)

CHAT_ROWS: Final = 4_000
CHAT_SEED: Final = 2023

CHANGES: Final = frozenset(
    {
        "book_reservation",
        "cancel_reservation",
        "send_certificate",
        "update_reservation_baggages",
        "update_reservation_flights",
        "update_reservation_passengers",
    }
)
"""The tools of tau-bench's airline that change its records; the others look something up, or hand over."""


def survey(path: Path) -> Iterator[Survey]:
    """Read LLMDrift's answers to OpinionQA by the two snapshots of GPT-4, in recorded order.

    An answer counts as given when it starts with one of the offered options: the letters in brackets that begin a
    line of the question. The length of the question was not recorded, but it follows from the cost, which is
    ``30 input tokens + 60 output tokens`` in millionths of a dollar.

    Parameters
    ----------
    path : Path
        ``OPINIONQA.csv``

    Raises
    ------
    ValueError
        A cost that is not made of whole tokens: the price above is not the one that was paid.
    """
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            model = row["model"].removeprefix("openaichat/")
            if model not in SNAPSHOTS:
                continue
            output_tokens = int(row["answer_token"])
            input_tokens = round((float(row["cost"]) - OUTPUT_PRICE * output_tokens) / INPUT_PRICE, 6)
            if not input_tokens.is_integer():
                raise ValueError(f"{path}: {row['id']} of {model} cost {row['cost']}, {input_tokens} input tokens")
            yield Survey(
                question=row["id"],
                model=model,
                answered=answered(row["query"], row["answer"]),
                input_tokens=int(input_tokens),
                output_tokens=output_tokens,
                latency_ms=round(1e3 * float(row["latency"]), 1),
                cost_usd=round(float(row["cost"]), 6),
            )


def answered(query: str, answer: str) -> bool:
    r"""Say whether an answer starts with one of the options that its query offers.

    Examples
    --------
    >>> query = "Would you say you are\n(A). Optimistic\n(B). Pessimistic\nAnswer:"
    >>> answered(query, "(B). Pessimistic"), answered(query, "(C). Neither"), answered(query, "It depends. (A)")
    (True, False, False)
    """
    return answer.startswith(tuple(re.findall(r"^\([A-Z]\)", query, re.MULTILINE)))


def prime(path: Path) -> Iterator[Prime]:
    """Read LLMDrift's answers of the two snapshots of GPT-4 to whether a number is prime, in recorded order.

    Parameters
    ----------
    path : Path
        ``PRIME_FULL.csv``
    """
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            model = row["model"].removeprefix("openaichat/")
            if model not in SNAPSHOTS:
                continue
            yield Prime(
                question=row["id"],
                model=model,
                correct=decided(row["answer"]) == row["ref_answer"].lower(),
                in_form=bool(BRACKETED.search(row["answer"])),
                output_tokens=int(row["answer_token"]),
                latency_ms=round(1e3 * float(row["latency"]), 1),
                cost_usd=round(float(row["cost"]), 6),
            )


def decided(answer: str) -> str | None:
    """Say what an answer decides for: the last yes or no in brackets, or where there is none the last one at all.

    Examples
    --------
    >>> decided("No even number is. [Yes]"), decided("No"), decided("Next we divide by 107"), decided("[No]. So, yes!")
    ('yes', 'no', None, 'no')
    """
    said = BRACKETED.findall(answer) or re.findall(r"\b(yes|no)\b", answer, re.IGNORECASE)
    return said[-1].lower() if said else None


def chat(path: Path) -> list[Chat]:
    """Draw requests from Azure's conversation trace, without replacement and in a seeded order.

    In recorded order the lengths really drift within the hour; the order is what is thrown away here.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = [Chat(int(row["ContextTokens"]), int(row["GeneratedTokens"])) for row in csv.DictReader(file)]
    return Random(CHAT_SEED).sample(rows, CHAT_ROWS)


def airline(path: Path) -> Iterator[Airline]:
    """Read tau-bench's recorded airline runs: what the agent did, and whether it was right; nothing that was said."""
    for run in msgspec.json.decode(path.read_bytes()):
        asked = [action["name"] for action in run["info"]["task"]["actions"]]
        messages = run["traj"]
        yield Airline(
            task=run["task_id"],
            trial=run["trial"],
            steps=sum(message["role"] == "assistant" for message in messages),
            correct=run["reward"] == 1,
            tools=tuple(call(message) for message in messages if message["role"] == "tool"),
            intent=next((name for name in asked if name in CHANGES), None),
        )


def call(message: dict[str, Any]) -> Call:
    """Read what a tool answered: tau-bench puts "Error: " before the message of one that failed.

    Examples
    --------
    >>> call({"name": "calculate", "content": "30.0"})
    Call(name='calculate', ok=True, error=None)
    >>> call({"name": "book_reservation", "content": "Error: payment method not found"})
    Call(name='book_reservation', ok=False, error='payment method not found')
    """
    content: str = message["content"]
    if content.startswith("Error: "):
        return Call(message["name"], ok=False, error=content.removeprefix("Error: "))
    return Call(message["name"], ok=True)


def extracts(data: Path) -> dict[str, bytes]:
    """Make every extract from the data sets in a directory.

    Returns
    -------
    dict
        File name -> its bytes.
    """
    return {
        SURVEY: pack(survey(data / "llmdrift" / "OPINIONQA.csv")),
        PRIME: pack(prime(data / "llmdrift" / "PRIME_FULL.csv")),
        CHAT: pack(chat(data / "azure_llm_2023_conv.csv")),
        AIRLINE: pack(airline(data / "tau_bench_gpt4o_airline.json")),
    }


def main() -> None:
    """Write the extracts into ``data/`` beside this file."""
    parser = argparse.ArgumentParser(prog="python -m streams.demo.extract", description="Make the demo's extracts.")
    parser.add_argument("--data", type=Path, required=True, help="the directory that holds the data sets")
    target = Path(__file__).parent / "data"
    for name, content in extracts(parser.parse_args().data).items():
        (target / name).write_bytes(content)
        print(f"{target / name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
