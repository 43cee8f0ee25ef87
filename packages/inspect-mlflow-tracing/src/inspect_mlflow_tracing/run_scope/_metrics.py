"""The metrics of a task by name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from inspect_mlflow_core.conversion import NameTable, metric_value

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

__all__ = ["metrics_line", "task_metrics"]

_MOST_IN_LINE: Final = 5


def task_metrics(header: EvalLog) -> dict[str, float]:
    """The metrics of a log, without those that are no number.

    Args:
        header: The log without samples.

    Returns:
        By `<scorer>/<metric>`, with the key of a dict score and the reducer in between where
        there are several; what would still have the same name is numbered.
    """
    scores = header.results.scores if header.results is not None else []
    reducers = Counter((score.scorer, score.name) for score in scores)
    names = NameTable(colon_accepted=True)
    found: dict[str, float] = {}
    for score in scores:
        path = [score.scorer] if score.scorer else []
        path += [score.name] if score.name and score.name != score.scorer else []
        if score.reducer and reducers[score.scorer, score.name] > 1:
            path.append(score.reducer)
        for key, metric in score.metrics.items():
            value = metric_value(metric.value)
            if value is not None:
                found[_free(names.assign(*path, key), found)] = value
    return found


def metrics_line(metrics: dict[str, float]) -> str:
    """The first metrics in a line for people.

    Args:
        metrics: See `task_metrics`.
    """
    shown = [f"{name} {value:.3g}" for name, value in list(metrics.items())[:_MOST_IN_LINE]]
    return ", ".join(shown + (["…"] if len(metrics) > _MOST_IN_LINE else []))


def _free(name: str, taken: dict[str, float]) -> str:
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}/{number}"
    return free
