"""Work on equal values of a trace is done once, and is forgotten with the trace."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_scout._memory import remembered, remembering

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Worker:
    """Counts what it was asked, and wraps it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

        @remembered
        def work(value: Any, label: str = "") -> list[Any]:
            self.asked.append((value, label))
            return [repr(value), label]

        self.work = work


def test_equal_values_are_worked_on_once() -> None:
    worker = Worker()
    with remembering():
        first, second = worker.work({"a": [1]}), worker.work({"a": [1]})
    assert first is second and len(worker.asked) == 1


def test_without_a_trace_nothing_is_remembered() -> None:
    worker = Worker()
    assert worker.work({"a": 1}) == worker.work({"a": 1})
    assert len(worker.asked) == 2


def test_the_next_trace_begins_with_nothing() -> None:
    worker = Worker()
    for _ in range(2):
        with remembering():
            worker.work([1])
    assert len(worker.asked) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ([], ()),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1], [[1]]),
        (None, "None"),
    ],
)
def test_values_that_say_different_things_are_told_apart(one: Any, other: Any) -> None:
    worker = Worker()
    with remembering():
        assert worker.work(one) == [repr(one), ""]
        assert worker.work(other) == [repr(other), ""]


def test_further_arguments_and_functions_are_told_apart() -> None:
    one, other = Worker(), Worker()
    with remembering():
        assert one.work([1], "a") == ["[1]", "a"]
        assert one.work([1], "b") == ["[1]", "b"]
        other.work([1], "a")
    assert (len(one.asked), len(other.asked)) == (2, 1)


def test_what_one_function_returns_is_known_to_the_next() -> None:
    worker = Worker()
    with remembering():
        found = worker.work([1])
        assert worker.work(found) is worker.work(found)


def test_values_that_are_no_json_are_worked_on_each_time() -> None:
    worker = Worker()
    value = object()
    with remembering():
        worker.work(value)
        worker.work(value)
    assert len(worker.asked) == 2


@given(st.lists(JSON, max_size=8))
def test_remembering_changes_no_result(values: list[Any]) -> None:
    worker = Worker()
    with remembering():
        assert [worker.work(value) for value in values] == [[repr(value), ""] for value in values]
