from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass, replace
from typing import get_args

import numpy as np
import pytest

from inspect_mlflow_compare import Bucket, ComparisonResult, ComparisonSet, compare_evals
from inspect_mlflow_compare.reports import json_report


def _read_back(result: ComparisonResult | ComparisonSet) -> dict:
    return json.loads(json.dumps(json_report(result), allow_nan=False))


def _holds(plain, value) -> None:
    """Checks that a plain value says everything that another one says."""
    if is_dataclass(value):
        for one in fields(value):
            _holds(plain[one.name], getattr(value, one.name))
    elif isinstance(value, list | tuple):
        assert len(plain) == len(value)
        for left, right in zip(plain, value, strict=True):
            _holds(left, right)
    elif isinstance(value, float) and not math.isfinite(value):
        assert plain is None
    else:
        assert plain == value
        assert type(plain) is type(value)


def test_says_everything(eventful: ComparisonResult) -> None:
    document = _read_back(eventful)
    _holds(document, eventful)
    assert document["schema_version"] == 1
    assert document["kind"] == "comparison"
    assert document["generator"]["name"] == "inspect-mlflow-compare"
    assert document["outcome"] == "fail"
    assert document["passed"] is False
    assert document["reason"] == eventful.reason


def test_counts_samples(eventful: ComparisonResult) -> None:
    counts = _read_back(eventful)["counts"]
    assert set(counts) == {"aligned", *get_args(Bucket)}
    assert counts["regressed"] == len(eventful.regressions)
    assert counts["newly_failing"] == len(eventful.newly_failing) > 0
    assert sum(counts.values()) - counts["aligned"] == len(eventful.samples)


def test_is_strict_json_without_scores(make_log) -> None:
    result = compare_evals(make_log({1: None}), make_log({1: "C"}))
    document = _read_back(result)
    assert document["metrics"][0]["delta"] is None
    assert document["outcome"] == "inconclusive"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_null(eventful: ComparisonResult, value: float) -> None:
    metric = replace(eventful.metrics[0], effect_size=value, ci_upper=value)
    document = _read_back(replace(eventful, metrics=[metric]))
    assert document["metrics"][0]["effect_size"] is None
    assert document["metrics"][0]["ci_upper"] is None


def test_numbers_of_numpy_are_numbers(eventful: ComparisonResult) -> None:
    metric = replace(
        eventful.metrics[0], delta=np.float64(0.5), ids=np.int64(3), p_value=np.float64("nan")
    )
    document = _read_back(replace(eventful, metrics=[metric]))
    shown = document["metrics"][0]
    assert (shown["delta"], shown["ids"], shown["p_value"]) == (0.5, 3, None)


def test_ids_keep_their_type(eventful: ComparisonResult) -> None:
    ids = {
        type(sample["id"]) for sample in _read_back(eventful)["samples"] if sample["id"] in (7, "7")
    }
    assert ids == {int, str}


def test_several_candidates(eventful_set: ComparisonSet) -> None:
    document = _read_back(eventful_set)
    _holds(document, eventful_set)
    assert document["kind"] == "comparison_set"
    assert document["outcome"] == "fail"
    assert [one["passed"] for one in document["comparisons"]] == [
        one.passed for one in eventful_set.comparisons
    ]


def test_without_a_gate() -> None:
    document = _read_back(ComparisonResult("a", "b", "t", "t", "m", "m"))
    assert (document["outcome"], document["passed"], document["gate"]) == (None, False, None)


def test_to_dict_is_this_report(eventful: ComparisonResult) -> None:
    assert eventful.to_dict() == json_report(eventful)
