"""200 recorded runs of an airline's agent -> the modes in which they failed, by MEASURE's own classifier.

``python -m benchmarks.agents FILE`` reads tau-bench's record of GPT-4o on its airline (Yao et al., 2024): what was
said, which tools were called and what they answered, the actions that a task asks for, and whether the run was right
(``reward``). Each run becomes what its service would have sent: one exchange with its tool calls when it was over, and
an outcome when somebody had looked at the books. No event says in which mode it is; that is the taxonomy's word.

What the exchange says is the run's own: each call, whether the tool answered with an error, a hash of its arguments,
how many steps it took, and that the harness stopped it at its cap.

What the outcome says is checked as an airline could check it the night after, against what the task was:

- ``business_outcome``: whether a change of the books was made that the task does not ask for, or with other values.
- ``resolved``: whether every change that it asks for was made.
- ``critical_fields_ok``: whether each figure that the user was to be told was told.
- ``escalation_correct``, of a run that was handed to a person: whether no change that it asks for was left undone.
- ``correct``: the reward. Nothing else rests on it. That the taxonomy knows a run to be wrong by it alone says little,
  so the failed runs of which that is all it knows are counted, too (``unexplained_share``).

The checks see the same books as the reward, so that they agree with it is no wonder; that each names a mode is what is
shown here. The record has no schemas of the tools, so no call is judged by the types of its arguments. All tools are
the airline's own, and its policy forbids none of them to this agent, so each call is known and authorized.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from schemas.events import Event, Exchange, Outcome, Tool
from schemas.taxonomy import UNCLASSIFIED, Taxonomy
from streams.demo.extract import CHANGES, call
from streams.measure.classify import Classifier, Judged, compile

CAP: Final = 30
"""Answers of the agent after which tau-bench stops a run."""
HANDS_OVER: Final = "transfer_to_human_agents"
GOODBYE: Final = "###STOP###"
"""By which the simulated user ends a run."""

MOST_UNKNOWN: Final = 0.20
"""Of the failed runs, at most so many may be in no mode that says more than that they failed."""
_SHOWN: Final = 3


class Run(NamedTuple):
    """A run, as its service would have sent it."""

    exchange: Exchange
    outcome: Outcome


class Found(NamedTuple):
    """What the classifier says of a run.

    Attributes
    ----------
    primary : the gravest mode that is a failure, of the exchange and of the outcome; None if neither failed
    modes : all of both
    told : those without what `correct` alone says
    """

    run: Run
    primary: str | None
    modes: frozenset[str]
    told: frozenset[str]


def read(path: Path) -> list[Run]:
    """Read all runs, and send each over the wire and back."""
    made = [run(one) for one in msgspec.json.decode(path.read_bytes())]
    return [Run(_sent(one.exchange, Exchange), _sent(one.outcome, Outcome)) for one in made]


def run(recorded: Mapping[str, Any]) -> Run:
    """Make of one record what its service would have sent."""
    task, messages = recorded["info"]["task"], recorded["traj"]
    calls = list(_calls(messages))
    asked = Counter(_change(one["name"], one["kwargs"]) for one in task["actions"] if one["name"] in CHANGES)
    done = Counter(_change(tool.name, args) for tool, args in calls if tool.ok and tool.name in CHANGES)
    said = " ".join(one["content"] or "" for one in messages if one["role"] == "assistant")
    handed = any(tool.name == HANDS_OVER for tool, _ in calls)
    steps = sum(one["role"] == "assistant" for one in messages)
    name = f"airline-{recorded['task_id']}-{recorded['trial']}"
    exchange = Exchange(
        service="airline", release="gpt-4o", at=0, id=name, status="ok", workflow="support",
        tools=tuple(tool for tool, _ in calls), steps=steps,
        finish_reason="max_steps" if steps >= CAP and not _ended(messages, handed=handed) else "stop",
    )  # fmt: skip
    outcome = Outcome(
        service="airline", release="gpt-4o", at=0, about=name, source="the books",
        correct=recorded["reward"] == 1, business_outcome="wrong_action" if done - asked else "completed",
        resolved=not asked - done, critical_fields_ok=all(_told(one, said) for one in task["outputs"]),
        escalated=handed, escalation_correct=not asked - done if handed else None,
    )  # fmt: skip
    return Run(exchange, outcome)


def _calls(messages: Sequence[dict[str, Any]]) -> Iterator[tuple[Tool, dict[str, Any]]]:
    """Read each call with its arguments, in the order of the answers."""
    asked: dict[str, dict[str, str]] = {}
    for message in messages:
        asked |= {one["id"]: one["function"] for one in message.get("tool_calls") or ()}  # ids come again
        if message["role"] == "tool":
            args = json.loads(asked[message["tool_call_id"]]["arguments"])
            answered = call(message)
            yield (
                Tool(
                    answered.name, known=True, ok=answered.ok, error=answered.error, authorized=True,
                    args_hash=sha256(_change(answered.name, args).encode()).hexdigest()[:16],
                ),
                args,
            )  # fmt: skip


def _change(name: str, args: Any) -> str:
    """Write a call so that two are the same text if they do the same: the order of names and of lists means nothing.

    Examples
    --------
    >>> one, two = {"a": [1, 2], "b": 3.0}, {"b": 3, "a": [2, 1]}
    >>> _change("book", one) == _change("book", two), _change("book", one) == _change("book", two | {"b": 4})
    (True, False)
    """
    return f"{name} {json.dumps(_plain(args), sort_keys=True)}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted(map(_plain, value), key=lambda one: json.dumps(one, sort_keys=True))
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _told(figure: str, said: str) -> bool:
    """Say whether a figure was told, as tau-bench asks it: whatever its case and its thousands' commas.

    Examples
    --------
    >>> _told("1286", "That is $1,286 in all."), _told("23553", "I cannot say.")
    (True, False)
    """
    return figure.lower() in said.lower().replace(",", "")


def _ended(messages: Sequence[Mapping[str, Any]], *, handed: bool) -> bool:
    """Say whether user or agent ended a run, and not the harness."""
    return handed or GOODBYE in (messages[-1]["content"] or "")


def _sent(event: Any, kind: type[Any]) -> Any:
    back = msgspec.json.decode(msgspec.json.encode(event), type=Event)
    assert isinstance(back, kind)
    return back


def found(runs: Sequence[Run], classifier: Classifier) -> list[Found]:
    """Classify runs as MEASURE does: the screen finds those that any rule could take, the rules see only these."""
    order = {mode.id: i for i, mode in enumerate(sorted(classifier.taxonomy.modes, key=lambda mode: mode.severity))}
    suspects = set(classifier.suspects([one.exchange for one in runs]))
    later = set(classifier.outcome_suspects([one.outcome for one in runs]))
    all_ = []
    for i, one in enumerate(runs):
        served = classifier.judge(one.exchange) if i in suspects else None
        judged = classifier.judge_outcome(one.outcome) if i in later else None
        checked = classifier.judge_outcome(msgspec.structs.replace(one.outcome, correct=None)) if i in later else None
        primaries = [said.primary for said in (served, judged) if said and said.primary]
        primary = min(primaries, key=order.__getitem__, default=None)
        all_.append(Found(one, primary, _modes(served, judged), _modes(served, checked)))
    return all_


def _modes(*judged: Judged | None) -> frozenset[str]:
    return frozenset(mode for said in judged if said for mode in (said.primary, *said.others) if mode)


def tool_errors(runs: Sequence[Run], classifier: Classifier) -> tuple[int, int]:
    """Count the calls that failed, and those of them that are in a mode of tools, each by itself."""
    failed = [
        msgspec.structs.replace(one.exchange, tools=(tool,))
        for one in runs for tool in one.exchange.tools if not tool.ok
    ]  # fmt: skip
    classified = sum(any(mode.startswith("TOL.") for mode in classifier.modes(one)) for one in failed)
    return len(failed), classified


def table(runs: Sequence[Found], taxonomy: Taxonomy) -> Iterator[str]:
    """Lay out the modes, the most frequent among failed runs first."""
    known = {mode.id: mode for mode in taxonomy.modes}
    failed, right = ([one for one in runs if one.run.outcome.correct is correct] for correct in (False, True))
    counts, beside, primary = (
        Counter(mode for one in failed for mode in one.modes),
        Counter(mode for one in right for mode in one.modes),
        Counter(one.primary for one in failed),
    )
    yield f"{'mode':<20}{'severity':>9}{'tier':>6}{'failed runs':>13}{'primary':>9}{'right runs':>12}  such as"
    for mode in sorted({*counts, *beside}, key=lambda mode: (-counts[mode], -beside[mode], mode)):
        such = [one.run.exchange.id for one in (*failed, *right) if mode in one.modes][:_SHOWN]
        yield (
            f"{mode:<20}{known[mode].severity:>9}{known[mode].tier:>6}{counts[mode]:>13}{primary[mode]:>9}"
            f"{beside[mode]:>12}  {', '.join(such)}"
        )


def main() -> int:
    """Classify, and print the table and what it comes to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agents")
    parser.add_argument("file", type=Path, metavar="FILE", help="tau_bench_gpt4o_airline.json")
    path = parser.parse_args().file
    if not path.is_file():
        sys.exit(
            f"agents: no file `{path}`; it is historical_trajectories/gpt-4o-airline.json of tau-bench's repository"
        )
    runs, classifier = read(path), compile(Taxonomy.load_default())
    all_ = found(runs, classifier)
    failed = [one for one in all_ if not one.run.outcome.correct]
    errors, classified = tool_errors(runs, classifier)
    unknown = sum(one.primary in (None, UNCLASSIFIED) for one in failed)
    unexplained = sum(not one.told - {UNCLASSIFIED} for one in failed)
    right = [one for one in all_ if one.run.outcome.correct]
    print("\n".join(table(all_, classifier.taxonomy)))
    said = {
        "runs": len(runs),
        "failed_runs": len(failed),
        "seen_at_once": sum(classifier.judge(one.run.exchange).primary is not None for one in failed),
        "unknown_share": round(unknown / len(failed), 4),
        "unexplained_share": round(unexplained / len(failed), 4),
        "right_runs_by_outcome": sum(classifier.judge_outcome(one.run.outcome) is not None for one in right),
        "tool_errors": errors,
        "tool_errors_classified": classified,
        "ok": classified == errors and max(unknown, unexplained) <= MOST_UNKNOWN * len(failed),
    }
    print(json.dumps(said))
    return 0 if said["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
