"""The methods of a comparison in one line."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, MetricComparison
from inspect_mlflow_compare.reports._characters import shortened, visible
from inspect_mlflow_compare.reports._numbers import count, level_percent

__all__ = ["correction_name", "method_line", "method_words"]

_TESTS: Final = {
    "cluster-signflip": "sign-flip test on sums of clusters",
    "cluster-t": "cluster-robust t test (CR1)",
    "label-agreement": "agreement of labels, no test",
    "mcnemar-exact": "McNemar's exact test",
    "mcnemar-midp": "McNemar's mid-p test",
    "not-testable": "no test",
    "paired-t": "paired t test on means of ids",
    "score-effective": "score test with an effective sample size",
    "signflip-exact": "exact sign-flip test on means of ids",
    "signflip-midp": "sign-flip test on means of ids (mid-p)",
    "unpaired-newcombe": "test of independent proportions",
    "unpaired-welch": "Welch's t test of independent samples",
}
_INTERVALS: Final = {
    "cluster-t": "cluster-robust t interval",
    "newcombe": "Newcombe's interval",
    "none": "",
    "t": "t interval",
    "tango": "Tango's score interval",
    "tango-effective": "Tango's interval with an effective sample size",
    "welch": "Welch's t interval",
}
_CORRECTIONS: Final = {"bh": "Benjamini-Hochberg", "holm": "Holm", "none": "none"}
_MOST_NAMES: Final = 3


def method_words(metric: MetricComparison) -> str:
    """Test and interval of a metric in words; a name that is not known stands for itself."""
    test = _TESTS.get(metric.method, metric.method)
    interval = _INTERVALS.get(metric.interval, metric.interval)
    return visible(", ".join(part for part in (test, interval) if part))


def correction_name(correction: str) -> str:
    """Name of an adjustment for several comparisons."""
    return _CORRECTIONS.get(correction, visible(correction))


def method_line(result: ComparisonResult) -> str:
    """Tests, intervals, unit, level and version."""
    from inspect_mlflow_compare import __version__

    unit = "unit: sample id, its epochs averaged"
    if result.cluster is not None:
        unit = f"unit: ids in clusters by {shortened(result.cluster)}"
    tests = sum(metric.p_adjusted is not None for metric in result.metrics)
    parts = [
        *_methods(result),
        unit,
        f"{level_percent(result.significance)} intervals, tests at {result.significance:g}",
    ]
    if result.correction == "none":
        parts.append("p-values not adjusted")
    elif tests:
        parts.append(f"p-values adjusted by {correction_name(result.correction)}")
    if result.regression_threshold:
        parts.append(f"up to {result.regression_threshold:g} counts as unchanged")
    return "; ".join([*parts, f"inspect-mlflow-compare {__version__}"])


def _methods(result: ComparisonResult) -> list[str]:
    """Each combination of test and interval, with the scorers that it served if there are more."""
    scorers: dict[str, list[str]] = defaultdict(list)
    for metric in result.metrics:
        scorers[method_words(metric)].append(shortened(metric.scorer, 40))
    if len(scorers) == 1:
        return list(scorers)
    return [f"{_names(names)}: {words}" for words, names in scorers.items() if words]


def _names(names: list[str]) -> str:
    if len(names) > _MOST_NAMES + 1:
        return f"{', '.join(names[:_MOST_NAMES])} and {count(len(names) - _MOST_NAMES, 'other')}"
    return ", ".join(names)
