"""The report for programs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any, Final, get_args

from inspect_mlflow_compare._types import Bucket, ComparisonResult, ComparisonSet
from inspect_mlflow_compare.reports._comparisons import outcome_of

__all__ = ["SCHEMA_VERSION", "json_report"]

SCHEMA_VERSION: Final = 1
"""Grows when a field goes or changes its meaning; new fields may come at any time."""


def json_report(result: ComparisonResult | ComparisonSet) -> dict[str, Any]:
    """The whole result as values that strict JSON knows.

    Fields are those of the dataclasses; sequences become lists. Numbers that JSON has no word
    for, NaN and the infinities, become None. Besides there are:

    * `schema_version`: 1;
    * `kind`: `"comparison"`, or `"comparison_set"` for several candidates;
    * `generator`: name and version of this package;
    * `outcome`: the gate's, or the worst of all gates; None without a gate;
    * `passed`: whether that is a pass;
    * for each comparison `passed`, `reason`, `win_rate` and `counts` of samples.

    Args:
        result: One comparison or several.
    """
    from inspect_mlflow_compare import __version__

    single = isinstance(result, ComparisonResult)
    outcome = outcome_of(result)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "comparison" if single else "comparison_set",
        "generator": {"name": "inspect-mlflow-compare", "version": __version__},
        "outcome": outcome,
        "passed": outcome == "pass",
        **_plain(result),
    }


def _derived(result: ComparisonResult) -> dict[str, Any]:
    """What a comparison knows beyond its fields."""
    return {
        "passed": result.passed,
        "reason": result.reason,
        "win_rate": result.win_rate,
        "counts": _counts(result),
    }


def _counts(result: ComparisonResult) -> dict[str, int]:
    """Samples that both evaluations scored, each once, and in each bucket, once for each scorer."""
    buckets = Counter(sample.bucket for sample in result.samples)
    return {"aligned": result.aligned_count, **{name: buckets[name] for name in get_args(Bucket)}}


def _plain(value: Any) -> Any:
    """A value of a result in terms of dicts, lists, texts and finite numbers."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else None
    if is_dataclass(value) and not isinstance(value, type):
        plain = {name: _plain(getattr(value, name)) for name in _names(type(value))}
        return plain | _derived(value) if isinstance(value, ComparisonResult) else plain
    if isinstance(value, Mapping):
        return {str(key): _plain(element) for key, element in value.items()}
    return [_plain(element) for element in value]


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))
