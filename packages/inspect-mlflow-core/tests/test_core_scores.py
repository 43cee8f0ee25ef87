from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.scorer import Score, value_to_float

from inspect_mlflow_core.conversion import numeric_scores, score_to_numeric


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("C", 1.0),
        ("correct", 1.0),
        ("Correct", 1.0),
        ("I", 0.0),
        ("incorrect", 0.0),
        ("P", 0.5),
        ("partial", 0.5),
        ("N", 0.0),
        ("noanswer", 0.0),
        ("NoAnswer", 0.0),
        ("yes", 1.0),
        ("YES", 1.0),
        ("no", 0.0),
        ("true", 1.0),
        ("False", 0.0),
        ("0.75", 0.75),
        ("-3", -3.0),
        (" 1e3 ", 1000.0),
        (True, 1.0),
        (False, 0.0),
        (0, 0.0),
        (7, 7.0),
        (0.25, 0.25),
        (Fraction(1, 2), 0.5),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("", None),
        ("A", None),
        # Lower-case letters are answers of multiple choice, not grades.
        ("c", None),
        ("maybe", None),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (10**400, None),
        (None, None),
        ([1, 2], None),
        ({"a": 1}, None),
        (object(), None),
        (1j, None),
        (b"1", None),
    ],
    # Text and numbers that look the same would have the same name. An address is never the same.
    ids=lambda value: "object" if type(value) is object else repr(value)[:30],
)
def test_values(value: Any, expected: float | None) -> None:
    number = score_to_numeric(value)
    assert number == expected
    assert number is None or type(number) is float


@given(
    st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["C", "I", "P", "N", "yes", "No", "TRUE", "false", "3.5", "-2e4"])
)
def test_agrees_with_inspect_on_what_inspect_can_convert(value: Any) -> None:
    assert score_to_numeric(value) == value_to_float()(value)


def test_one_number_for_each_scorer_key_and_position() -> None:
    scores = {
        "match": Score(value="C"),
        "graded": Score(value=math.nan),
        "rubric": Score(value={"f1": 0.5, "exact": "I", "skipped": None}),
        "turns": Score(value=[1, "P", "?"]),
    }
    numbers = numeric_scores(scores)
    assert dict(numbers.values) == {
        ("match",): 1.0,
        ("rubric", "f1"): 0.5,
        ("rubric", "exact"): 0.0,
        ("turns", "0"): 1.0,
        ("turns", "1"): 0.5,
    }
    assert numbers.unscored == (("graded",), ("rubric", "skipped"), ("turns", "2"))
    assert numbers.unscored_count == 3


def test_the_json_of_scores_gives_the_same() -> None:
    scores = {
        "a": Score(value={"x": 1, "z": "?"}, answer="1", explanation="because"),
        "b": Score(value="N"),
    }
    as_json = {name: score.model_dump() for name, score in scores.items()}
    assert numeric_scores(as_json) == numeric_scores(scores)


def test_bare_values_and_nesting() -> None:
    numbers = numeric_scores({"a": 0.5, "b": {"deep": {"er": [True, {"x": "yes"}]}}})
    assert dict(numbers.values) == {
        ("a",): 0.5,
        ("b", "deep", "er", "0"): 1.0,
        ("b", "deep", "er", "1", "x"): 1.0,
    }
    assert numbers.unscored == ()


@pytest.mark.parametrize("value", [{}, [], None, "?", {"value": None}])
def test_no_value_is_lost_silently(value: Any) -> None:
    assert numeric_scores({"a": value}).unscored == (("a",),)


@pytest.mark.parametrize("scores", [None, {}])
def test_no_scores(scores: dict[str, Any] | None) -> None:
    numbers = numeric_scores(scores)
    assert (dict(numbers.values), numbers.unscored) == ({}, ())


def test_endless_values_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert numeric_scores({"a": endless}).unscored_count == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), JSON_VALUES.map(lambda value: {"value": value})))
def test_every_number_is_finite_and_every_scorer_accounted_for(scores: dict[str, Any]) -> None:
    numbers = numeric_scores(scores)
    assert all(math.isfinite(number) for number in numbers.values.values())
    assert {path[0] for path in [*numbers.values, *numbers.unscored]} == set(scores)
    assert not set(numbers.values) & set(numbers.unscored)
