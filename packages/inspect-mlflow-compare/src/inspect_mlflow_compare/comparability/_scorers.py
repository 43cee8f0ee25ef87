"""Whether both evaluations were scored alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inspect_mlflow_compare._types import Difference
from inspect_mlflow_compare.comparability._values import difference

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

__all__ = ["scorer_differences"]


def scorer_differences(baseline: EvalLog, candidate: EvalLog) -> list[Difference]:
    """Scorers that only one evaluation has, and those with other options."""
    before, after = _scorers(baseline), _scorers(candidate)
    found = difference(
        "eval.scorers",
        ", ".join(before) or None,
        ", ".join(after) or None,
        "refusal",
        "only scorers that both have can be compared",
    )
    for name in (name for name in before if name in after):
        found += difference(
            f"eval.scorers.{name}.options",
            before[name] or None,
            after[name] or None,
            "refusal",
            "the same scorer with other options measures something else",
        )
    return found


def _scorers(log: EvalLog) -> dict[str, Any]:
    """Options of each scorer, by name in alphabetical order.

    Old logs name their scorers in the results only, and a log can be scored after it was made.
    """
    options = {scorer.name: scorer.options for scorer in log.eval.scorers or ()}
    scores = log.results.scores if log.results is not None else ()
    named = {name.rpartition("/")[2] for name in options}
    for score in scores:
        if score.scorer not in named:
            options.setdefault(score.scorer, score.params)
    return dict(sorted(options.items()))
