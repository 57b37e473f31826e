"""A KPI that never had data -> what must be sent, or must happen, before it has."""

from typing import Final

from schemas.kpi_measures import Stat
from schemas.kpis import Kpi
from schemas.signals import BY_NAME, FAILURE_MODE

_NEEDS: Final[dict[Stat, str]] = {
    "throughput": "an exchange",
    "successes": "outcomes that say `resolved` or `correct`",
    "ece": "a `confidence`, and an outcome that says `correct`",
    "overconfidence": "a `confidence`, and an outcome that says `correct`",
    "abstention_precision": "`abstained`, and outcomes or evaluators that say which were right to",
    "refusal_correctness": "`refused`, and outcomes or evaluators that say which were right",
    "critical_modes": "something by which failures are seen",
    "effective_modes": "failures",
    "concentration": "failures",
    "drift": "a baseline that knows it",
}
_OUTCOME: Final = {
    "task": "`correct`", "critical_field": "`critical_fields_ok`", "business_rule": "`rule_ok`",
    "weighted": "`correct`",
}  # fmt: skip


def lacking(kpi: Kpi) -> str:
    """Say what a figure needs.

    Examples
    --------
    >>> from schemas.kpi_sets import preset
    >>> bot = preset("support-bot")
    >>> [lacking(bot.kpi(name)) for name in ("resolved", "intent_drift")]
    ['it needs `resolved`', 'it needs a baseline that knows it']
    """
    of = kpi.measures
    if of.signal == FAILURE_MODE and of.stat == "share":
        return "it needs something by which these modes are seen (taxonomy.md)"
    if of.stat == "accuracy":
        assert of.of
        return f"it needs outcomes that say {_OUTCOME[of.of]}"
    if of.stat in _NEEDS:
        return f"it needs {_NEEDS[of.stat]}"
    assert of.signal
    signal = BY_NAME.get(of.signal)
    said = f"`{signal.field if signal else of.signal}`"
    return f"it needs {said}" + (", and outcomes that say how tasks ended" if of.per == "successful_task" else "")
