from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import ModelUsage

from inspect_mlflow_tracing.mapping.chat import token_usage, usage_cost

COUNTS = st.integers(0, 10**9)
USAGES = st.builds(
    ModelUsage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    total_tokens=COUNTS,
    input_tokens_cache_read=st.none() | COUNTS,
    input_tokens_cache_write=st.none() | COUNTS,
    reasoning_tokens=st.none() | COUNTS,
    total_cost=st.none() | st.floats(0, 1e6),
)


def test_input_includes_what_came_from_and_went_to_the_cache() -> None:
    usage = ModelUsage(
        input_tokens=10,
        output_tokens=5,
        total_tokens=145,
        input_tokens_cache_read=100,
        input_tokens_cache_write=30,
        reasoning_tokens=2,
    )
    assert token_usage(usage.model_dump(mode="json")) == {
        "input_tokens": 140,
        "output_tokens": 5,
        "total_tokens": 145,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
    }


def test_total_that_is_missing_is_the_sum() -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "input_tokens_cache_read": 1}
    tokens = token_usage(usage)
    assert tokens is not None
    assert tokens["total_tokens"] == 16


def test_usage_without_cache_names_none() -> None:
    usage = ModelUsage(input_tokens=1, output_tokens=2, total_tokens=3)
    assert token_usage(usage.model_dump(mode="json")) == {
        "input_tokens": 1,
        "output_tokens": 2,
        "total_tokens": 3,
    }


@given(USAGES)
def test_totals_are_those_of_inspect(usage: ModelUsage) -> None:
    tokens = token_usage(usage.model_dump(mode="json"))
    assert tokens is not None
    cached = (usage.input_tokens_cache_read or 0) + (usage.input_tokens_cache_write or 0)
    assert tokens["input_tokens"] == usage.input_tokens + cached
    assert tokens["output_tokens"] == usage.output_tokens
    if usage.total_tokens:
        assert tokens["total_tokens"] == usage.total_tokens


@given(USAGES, USAGES)
def test_sums_over_calls_are_the_usage_of_the_sum(first: ModelUsage, second: ModelUsage) -> None:
    one, two, both = (
        token_usage(usage.model_dump(mode="json")) for usage in (first, second, first + second)
    )
    assert one is not None and two is not None and both is not None
    for key in both.keys() - {"total_tokens"}:
        assert one.get(key, 0) + two.get(key, 0) == both[key]


@pytest.mark.parametrize("usage", [None, {}, [], "many", 7, {"input_tokens": None}])
def test_no_usage_is_none(usage: Any) -> None:
    assert token_usage(usage) is None


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


@given(st.dictionaries(st.sampled_from(list(ModelUsage.model_fields)), ODD))
def test_odd_numbers_never_reach_mlflow(usage: dict[str, Any]) -> None:
    tokens = token_usage(usage) or {}
    assert all(type(value) is int and value >= 0 for value in tokens.values())
    cost = usage_cost(usage) or {}
    assert all(type(value) is float and 0 <= value < float("inf") for value in cost.values())


@given(USAGES)
def test_cost_is_whole_and_has_every_part(usage: ModelUsage) -> None:
    cost = usage_cost(usage.model_dump(mode="json"))
    if usage.total_cost is None:
        assert cost is None
        return
    assert cost is not None
    assert cost.keys() == {"input_cost", "output_cost", "total_cost"}
    assert cost["total_cost"] == usage.total_cost
    assert cost["input_cost"] + cost["output_cost"] == pytest.approx(usage.total_cost)
    assert cost["input_cost"] >= 0 and cost["output_cost"] >= 0


def test_cost_is_divided_by_tokens() -> None:
    usage = ModelUsage(input_tokens=30, output_tokens=10, total_tokens=40, total_cost=4.0)
    assert usage_cost(usage.model_dump(mode="json")) == {
        "input_cost": 3.0,
        "output_cost": 1.0,
        "total_cost": 4.0,
    }


@pytest.mark.parametrize("cost", [None, float("nan"), float("inf"), -1.0, True, "1.0"])
def test_cost_that_is_none_is_none(cost: Any) -> None:
    assert usage_cost({"input_tokens": 1, "total_cost": cost}) is None
