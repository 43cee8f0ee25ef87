"""The aggregate scores of a log, in both naming families."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.conversion import NameTable, metric_value

if TYPE_CHECKING:
    from inspect_ai.log import EvalScore


@dataclass(frozen=True, slots=True)
class ResultMetric:
    """One aggregate of a log.

    Args:
        path: Parts of its name: scorer, then as far as needed key of a dict score, reducer and
            group, last the metric.
        value: Its number, or None when it is NaN.
        headline: True for the first metric of a scorer.
    """

    path: tuple[str, ...]
    value: float | None
    headline: bool


def result_metrics(scores: Iterable[EvalScore]) -> Iterator[ResultMetric]:
    """Yield every aggregate of a log.

    Several reducers give several entries of one name, so that the reducer belongs to the name
    then; metrics with a group (`grouped()`, `ci()`) are told apart by it. What would still have
    the name of an earlier aggregate is numbered.

    Args:
        scores: `EvalResults.scores`.

    Yields:
        Aggregates in the order of the log.
    """
    taken: set[tuple[str, ...]] = set()
    for path, number, headline in _aggregates(list(scores)):
        yield ResultMetric(_distinct(path, taken), metric_value(number), headline)


def _distinct(path: tuple[str, ...], taken: set[tuple[str, ...]]) -> tuple[str, ...]:
    distinct, count = path, 1
    while distinct in taken:
        count += 1
        distinct = (*path, str(count))
    taken.add(distinct)
    return distinct


def _aggregates(scores: list[EvalScore]) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    reducers = Counter((score.scorer, score.name) for score in scores)
    seen: set[str] = set()
    for score in scores:
        prefix = [score.scorer] if score.scorer else []
        if score.name and score.name != score.scorer:
            prefix.append(score.name)
        if reducers[score.scorer, score.name] > 1 and score.reducer:
            prefix.append(score.reducer)
        for key, metric in score.metrics.items():
            group = getattr(metric, "group", None)
            name = [group, metric.name] if group else [key]
            headline = score.scorer not in seen
            seen.add(score.scorer)
            yield (*prefix, *name), metric.value, headline
        for count in ("scored_samples", "unscored_samples"):
            number = getattr(score, count, None)
            if number is not None:
                yield (*prefix, count), number, False


def named_results(
    task: str, results: Iterable[ResultMetric], names: NameTable
) -> tuple[dict[str, float], list[str]]:
    """Return the aggregates under both families of names.

    Args:
        task: Name of the task.
        results: See `result_metrics`.
        names: Gives every name a form that MLflow accepts, unique within the run.

    Returns:
        Values of `<scorer>/…/<metric>`, `inspect.task.<task>.<scorer>.….<metric>` and, for the
        first metric of a scorer, `inspect.task.<task>.<scorer>`; and the names of those that are
        NaN.
    """
    values: dict[str, float] = {}
    not_numbers: list[str] = []
    for result in results:
        slashed = names.assign(*result.path)
        if result.value is None:
            not_numbers.append(slashed)
            continue
        dotted = ["inspect.task", task, *result.path]
        values[slashed] = result.value
        values[names.assign(*dotted, separator=".")] = result.value
        if result.headline:
            values[names.assign(*dotted[:3], separator=".")] = result.value
    return values, not_numbers


def usage_metrics(
    usage: dict[str, dict[str, float]], family: tuple[str, ...], names: NameTable
) -> dict[str, float]:
    """Return token usage by model under one family of names.

    Args:
        usage: Fields by model.
        family: `("usage",)` or `("inspect.usage",)`; the latter is joined by dots.
        names: See `named_results`.

    Returns:
        Metric name to number.
    """
    separator = "." if family[0].startswith("inspect.") else "/"
    return {
        names.assign(*family, model, field, separator=separator): float(value)
        for model, fields in usage.items()
        for field, value in fields.items()
        if metric_value(value) is not None
    }


def total_usage(usage: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the sum over models by field."""
    totals: dict[str, float] = {}
    for fields in usage.values():
        for field, value in fields.items():
            totals[field] = totals.get(field, 0) + value
    return {field: value for field, value in totals.items() if metric_value(value) is not None}


def plain_usage(model_usage: Any) -> dict[str, dict[str, float]]:
    """Return `EvalStats.model_usage` as plain numbers."""
    from ._facts import usage_fields

    return {str(model): usage_fields(usage) for model, usage in (model_usage or {}).items()}
