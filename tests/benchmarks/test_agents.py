"""What a recorded run did wrong is read from the record by checks that a service could make, never from its reward."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import agents
from benchmarks.agents import Found, Run, found, run, tool_errors
from schemas.taxonomy import Taxonomy
from streams.measure.classify import compile

FILE = Path(__file__).parents[3] / "shared" / "data" / "tau_bench_gpt4o_airline.json"
CLASSIFIER = compile(Taxonomy.load_default())
BOOK = ("book_reservation", {"user_id": "mia", "flights": ["A", "B"], "total_baggages": 3})
LOOK = ("get_user_details", {"user_id": "mia"})


def recorded(
    *calls: tuple[str, dict[str, Any], str], task: tuple[tuple[str, dict[str, Any]], ...] = (BOOK,),
    reward: float = 1.0, outputs: tuple[str, ...] = (), said: str = "Done.", ends: str = "Thanks! ###STOP###",
    answers: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Make a record of calls and what they answered; all calls have the same id, as they may in the record."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": "policy"}, {"role": "user", "content": "Hello"}]
    for name, args, answer in calls:
        asked = [{"id": "call_1", "function": {"name": name, "arguments": json.dumps(args)}}]
        messages.append({"role": "assistant", "content": None, "tool_calls": asked})
        messages.append({"role": "tool", "name": name, "tool_call_id": "call_1", "content": answer})
    messages += [{"role": "assistant", "content": said}] * (1 + answers) + [{"role": "user", "content": ends}]
    asked_for = [{"name": name, "kwargs": args} for name, args in task]
    info = {"task": {"actions": asked_for, "outputs": list(outputs)}}
    return {"task_id": 1, "trial": 0, "reward": reward, "info": info, "traj": messages}


def judged(*calls: tuple[str, dict[str, Any], str], **more: Any) -> Found:
    [one] = found([run(recorded(*calls, **more))], CLASSIFIER)
    return one


def test_a_run_that_did_what_it_was_asked_for_failed_in_no_way() -> None:
    other_way_round = BOOK[1] | {"flights": ["B", "A"], "total_baggages": 3.0}
    assert judged((*LOOK, "mia"), (BOOK[0], other_way_round, "ok")).modes == set()


@pytest.mark.parametrize(
    ("calls", "more", "modes"),
    [
        ([(BOOK[0], BOOK[1] | {"total_baggages": 4}, "ok")], {}, {"TOL.WRONG_ACTION", "TSK.INCOMPLETE"}),
        ([(*BOOK, "ok"), ("cancel_reservation", {"id": "x"}, "ok")], {}, {"TOL.WRONG_ACTION"}),
        ([], {}, {"TSK.INCOMPLETE"}),
        ([(*BOOK, "Error: payment method not found")], {}, {"TSK.INCOMPLETE", "TOL.EXEC_ERROR"}),
        ([(*BOOK, "ok")], {"outputs": ("1286",), "said": "It is 286."}, {"FMT.MISSING_FIELD"}),
        ([(*BOOK, "ok")], {"outputs": ("1286",), "said": "It is $1,286."}, set()),
        ([("transfer_to_human_agents", {}, "ok")], {}, {"TSK.INCOMPLETE", "CAL.BAD_ABSTAIN"}),
        ([(*BOOK, "ok"), ("transfer_to_human_agents", {}, "ok")], {}, set()),
        ([(*LOOK, "x"), (*LOOK, "x"), (*LOOK, "x"), (*BOOK, "ok")], {}, {"AGT.LOOP"}),
        ([(*BOOK, "ok")], {"answers": agents.CAP, "ends": "And now?"}, {"AGT.LOOP"}),
        ([(*BOOK, "ok")], {"answers": agents.CAP}, set()),
    ],
    ids=[
        "other values", "one too many", "nothing", "refused", "not told", "told", "handed over early",
        "handed over late", "again and again", "stopped at the cap", "ended at the cap",
    ],
)  # fmt: skip
def test_what_a_run_did_names_its_modes_whatever_its_reward(
    calls: list[tuple[str, dict[str, Any], str]], more: dict[str, Any], modes: set[str]
) -> None:
    for reward in (0.0, 1.0):
        one = judged(*calls, reward=reward, **more)
        assert one.told == modes
        assert one.modes - one.told == ({"TSK.WRONG"} if reward == 0 else set())


def test_each_call_that_failed_is_asked_for_by_itself() -> None:
    runs: list[Run] = [run(recorded((*BOOK, "Error: no"), (*LOOK, "x"), (*LOOK, "Error: not found")))]
    assert tool_errors(runs, CLASSIFIER) == (2, 2)


@pytest.mark.skipif(not FILE.is_file(), reason="the recorded runs are not beside the repository")
def test_of_the_recorded_runs_every_tool_error_is_classified_and_few_failures_are_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["agents", str(FILE)])
    assert agents.main() == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["runs"], said["failed_runs"]) == (200, 116)  # the record's own: 84 have reward 1
    assert said["tool_errors"] == said["tool_errors_classified"] == 73  # answers of tools that begin with "Error: "
    assert said["unknown_share"] <= agents.MOST_UNKNOWN
    assert said["unexplained_share"] <= agents.MOST_UNKNOWN
    assert said["ok"]


def test_a_file_that_is_not_there_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["agents", str(tmp_path / "x.json")])
    with pytest.raises(SystemExit, match="no file"):
        agents.main()
