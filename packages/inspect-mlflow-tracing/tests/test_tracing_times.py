"""When spans start and end, by logs that tell it and by logs that do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_tracing._timestamps import time_ns
from inspect_mlflow_tracing.mapping._spans import SpanTree, sample_spans
from inspect_mlflow_tracing.mapping._times import duration_ns

NOON_NS = 1_767_268_800 * 10**9
"""2026-01-01T12:00:00Z"""

SECOND_NS = 10**9


def at(seconds: float) -> str:
    whole, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"2026-01-01T12:00:{whole:02}.{micros:06}+00:00"


def event(kind: str, seconds: float | None = None, **fields: Any) -> dict[str, Any]:
    time = {} if seconds is None else {"timestamp": at(seconds)}
    return {"event": kind, **time, **fields}


def begin(identifier: str, seconds: float | None, parent: str | None = None, **fields: Any) -> Any:
    return event("span_begin", seconds, id=identifier, name=identifier, parent_id=parent, **fields)


def end(identifier: str, seconds: float) -> dict[str, Any]:
    return event("span_end", seconds, id=identifier)


def spans_of(*events: Any, **fields: Any) -> SpanTree:
    sample = {"id": 1, "epoch": 1, "events": list(events), **fields}
    return sample_spans(sample, "0" * 32, task="task", model="mockllm/model")


def periods(tree: SpanTree) -> dict[str, tuple[float, float]]:
    """Seconds after noon at which each span starts and ends, by name."""
    return {
        span.name: (
            (span.start_time_ns - NOON_NS) / SECOND_NS,
            (span.end_time_ns - NOON_NS) / SECOND_NS,
        )
        for span in tree.spans
    }


class TestMoments:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-01-01T12:00:00+00:00",
            "2026-01-01T12:00:00Z",
            "2026-01-01T12:00:00",
            "2026-01-01T07:00:00-05:00",
            "2026-01-01 12:00:00.000000",
        ],
    )
    def test_a_time_without_an_offset_is_utc(self, text: str) -> None:
        assert time_ns(text) == NOON_NS

    def test_microseconds_are_exact(self) -> None:
        assert time_ns("2026-01-01T12:00:00.000001+00:00") == NOON_NS + 1_000

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "yesterday",
            None,
            5,
            1.5,
            [],
            "1969-12-31T23:59:59+00:00",
            "1970-01-01T00:00:00+00:00",
            "9999-12-31T23:59:59+00:00",
            "0001-01-01T00:00:00+14:00",
        ],
    )
    def test_what_is_no_storable_time_is_none(self, value: object) -> None:
        assert time_ns(value) is None

    @given(st.text() | st.datetimes().map(str) | st.integers() | st.floats())
    def test_any_value_is_read(self, value: object) -> None:
        found = time_ns(value)
        assert found is None or 0 < found < 2**63

    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [(0, 0), (1.5, 1_500_000_000), (-12.0, None), (True, None), ("3", None), (1e300, None)],
    )
    def test_durations(self, seconds: object, expected: int | None) -> None:
        assert duration_ns(seconds) == expected

    @pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 10**400])
    def test_durations_that_are_no_measurement(self, seconds: object) -> None:
        assert duration_ns(seconds) is None


class TestSpans:
    def test_spans_last_from_begin_to_end(self) -> None:
        tree = spans_of(begin("a", 1), begin("b", 2, "a"), end("b", 3), end("a", 4))
        assert periods(tree) == {"sample 1 epoch 1": (1, 4), "a": (1, 4), "b": (2, 3)}

    def test_model_calls_last_until_they_were_completed(self) -> None:
        call = event("model", 1, model="m", completed=at(3), output={"time": 0.5}, working_time=1)
        assert periods(spans_of(call))["m"] == (1, 3)

    def test_else_the_output_tells_how_long_the_call_took(self) -> None:
        call = event("model", 1, model="m", output={"time": 0.5}, working_time=0.25)
        assert periods(spans_of(call, event("state", 9)))["m"] == (1, 1.5)

    def test_the_time_of_a_cached_output_is_that_of_an_earlier_call(self) -> None:
        call = event("model", 1, model="m", output={"time": 5.0}, cache="read")
        assert periods(spans_of(call, event("state", 1.5)))["m"] == (1, 1.5)

    def test_else_the_working_time(self) -> None:
        assert periods(spans_of(event("tool", 1, function="t", working_time=2.0)))["t"] == (1, 3)

    def test_else_the_next_event_of_the_log(self) -> None:
        tree = spans_of(event("model", 1, model="m"), event("info"), event("state", 4))
        assert periods(tree)["m"] == (1, 4)

    def test_a_negative_working_time_is_none(self) -> None:
        call = event("model", 1, model="m", working_time=-12.0)
        assert periods(spans_of(call, event("state", 2)))["m"] == (1, 2)

    def test_no_span_ends_before_it_starts(self) -> None:
        tree = spans_of(
            begin("a", 3), event("model", 4, model="m", span_id="a", completed=at(2)), end("a", 1)
        )
        assert periods(tree) == {"sample 1 epoch 1": (1, 4), "a": (3, 4), "m": (4, 4)}

    def test_a_parent_covers_its_children_and_notes(self) -> None:
        tree = spans_of(
            begin("a", 2),
            begin("b", 1, "a"),
            event("tool", 3, function="t", span_id="b", completed=at(8)),
            event("info", 9, span_id="b"),
            end("b", 4),
            end("a", 5),
        )
        assert periods(tree)["a"] == periods(tree)["b"] == (1, 9)

    def test_a_tool_starts_when_it_was_called_even_before_its_span(self) -> None:
        tree = spans_of(
            begin("s", 3, type="tool") | {"name": "t"},
            event("tool", 1, function="t", completed=at(5)),
            end("s", 4),
        )
        assert periods(tree)["t"] == (1, 5)

    def test_decisions_and_scores_are_moments(self) -> None:
        tree = spans_of(event("score", 1, scorer="s"), event("approval", 2), event("state", 8))
        assert periods(tree)["s"] == (1, 1)
        assert periods(tree)["approval"] == (2, 2)

    def test_what_was_open_when_the_log_stopped_lasts_until_then(self) -> None:
        tree = spans_of(
            begin("a", 1),
            begin("s", 2, "a", type="tool") | {"name": "t"},
            event("tool", 2, function="t", span_id="a", pending=True),
            event("info", 7),
        )
        assert periods(tree)["a"] == (1, 7)
        assert periods(tree)["t"] == (2, 7)

    def test_an_event_without_time_happened_with_the_one_before(self) -> None:
        tree = spans_of(
            event("info"),
            event("score", scorer="early"),
            event("info", 2),
            event("score", scorer="late"),
        )
        assert periods(tree)["early"] == (2, 2)
        assert periods(tree)["late"] == (2, 2)


class TestSample:
    def test_the_sample_tells_its_own_period(self) -> None:
        tree = spans_of(begin("a", 2), end("a", 3), started_at=at(1), completed_at=at(9))
        assert periods(tree)["sample 1 epoch 1"] == (1, 9)

    def test_start_and_total_time_give_the_end(self) -> None:
        assert periods(spans_of(started_at=at(1), total_time=4.5)) == {"sample 1 epoch 1": (1, 5.5)}

    def test_end_and_total_time_give_the_start(self) -> None:
        assert periods(spans_of(completed_at=at(5), total_time=4))["sample 1 epoch 1"] == (1, 5)

    def test_events_outside_of_it_widen_it(self) -> None:
        tree = spans_of(begin("a", 0), end("a", 9), started_at=at(1), total_time=2)
        assert periods(tree)["sample 1 epoch 1"] == (0, 9)

    def test_a_negative_total_time_does_not_count(self) -> None:
        assert periods(spans_of(started_at=at(1), total_time=-3))["sample 1 epoch 1"] == (1, 1)

    def test_attempts_before_it_widen_it(self) -> None:
        tree = spans_of(
            started_at=at(5),
            total_time=1,
            error_retries=[{"message": "no", "events": [event("info", 2)]}, {"message": "no"}],
        )
        assert periods(tree) == {
            "sample 1 epoch 1": (2, 6),
            "attempt 1": (2, 2),
            "attempt 2": (5, 5),
        }

    def test_without_any_time_it_stands_where_the_caller_says(self) -> None:
        sample = {"id": 1, "epoch": 1, "events": [event("model", model="m")]}
        tree = sample_spans(sample, "0" * 32, task="", model="", fallback_time_ns=NOON_NS)
        assert periods(tree) == {"sample 1 epoch 1": (0, 0), "m": (0, 0)}
