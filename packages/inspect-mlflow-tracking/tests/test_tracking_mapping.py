"""The pure mapping from samples and headers to points: accuracy, steps, running values, times."""

from __future__ import annotations

import math
import statistics
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec

from inspect_mlflow_core.conversion import NameTable
from inspect_mlflow_tracking.mapping import (
    AccuracyCount,
    RunningMetrics,
    RunningSample,
    SampleFacts,
    SamplePositions,
    TaskSummary,
    accuracy_scorer,
    dataset_order,
    expected_samples,
    milliseconds,
    parent_status,
    run_status,
    running_points,
    running_sample,
    sample_facts,
    sample_points,
)

CREATED_MS = 1_700_000_000_000


class Declared:
    def __init__(self, name: str) -> None:
        self.name = name


def sample(sample_id: int | str = 1, epoch: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": sample_id, "epoch": epoch, "completed_at": "2025-01-01T00:00:00Z", **fields}


def scored(**scores: Any) -> SampleFacts:
    return sample_facts(sample(scores={name: {"value": value} for name, value in scores.items()}))


def counted(samples: list[SampleFacts], configured: str | None, declared: list[str]) -> Any:
    summary = TaskSummary(accuracy_scorer(configured, [Declared(name) for name in declared]))
    for facts in samples:
        summary.add(facts)
    values = summary.final_values()
    return tuple(
        values[f"inspect.{name}"] for name in ("samples_scored", "samples_correct", "accuracy")
    )


class TestAccuracy:
    """Each sentence of the documented semantics."""

    SAMPLES = [
        scored(first="C", second="I", third="C"),
        scored(first="I", second="I", third="C"),
        scored(first="C", second="I", third="C"),
    ]

    def test_the_configured_scorer_decides(self) -> None:
        assert counted(self.SAMPLES, "third", ["first", "second"]) == (3, 3, 1.0)
        assert counted(self.SAMPLES, "second", ["first", "second"]) == (3, 0, 0.0)

    def test_otherwise_the_first_declared_one(self) -> None:
        assert counted(self.SAMPLES, None, ["first", "second"]) == (3, 2, 2 / 3)
        assert counted(self.SAMPLES, "", ["second", "first"]) == (3, 0, 0.0)

    def test_otherwise_the_only_score_of_a_sample(self) -> None:
        samples = [scored(a="C"), scored(b="I"), scored(c=True), scored(a="C", b="C"), scored()]
        assert counted(samples, None, []) == (3, 2, 2 / 3)

    def test_samples_without_the_selected_score_do_not_count(self) -> None:
        samples = [scored(first="C"), scored(second="I"), scored()]
        assert counted(samples, None, ["first"]) == (1, 1, 1.0)
        assert counted(samples, "missing", ["first"]) == (0, 0, 0.0)

    @pytest.mark.parametrize("value", [math.nan, None, "no grade", {"a": 1.0}, [1.0], math.inf])
    def test_scores_without_a_number_do_not_count(self, value: Any) -> None:
        assert counted([scored(first=value), scored(first="C")], None, ["first"]) == (1, 1, 1.0)

    def test_nothing_scored_is_zero(self) -> None:
        assert counted([], None, ["first"]) == (0, 0, 0.0)
        assert counted([scored(first=math.nan)], None, ["first"]) == (0, 0, 0.0)

    @pytest.mark.parametrize(
        ("value", "correct"),
        [
            ("C", 1),
            ("I", 0),
            ("P", 0),
            ("N", 0),
            (1, 1),
            (1.0, 1),
            (True, 1),
            (False, 0),
            (0.99, 0),
            (2, 0),
            (-1, 0),
            (" 1.0 ", 1),
            ("yes", 1),
        ],
    )
    def test_only_one_is_correct(self, value: Any, correct: int) -> None:
        assert counted([scored(first=value)], None, ["first"]) == (1, correct, float(correct))

    def test_every_epoch_counts(self) -> None:
        count = AccuracyCount()
        for judged in (1.0, 0.0, None, 1.0):
            count.add(judged)
        assert (count.scored, count.correct, count.accuracy) == (3, 2, 2 / 3)


class TestPositions:
    def test_the_place_in_the_dataset_is_the_step(self) -> None:
        positions = SamplePositions(["b", "a", 3])
        steps = [positions.step(i, epoch) for epoch in (1, 2) for i in ("b", "a", "3")]
        assert steps == [1, 2, 3, 4, 5, 6]

    @given(
        st.lists(st.integers(0, 30) | st.text(max_size=3), max_size=12),
        st.lists(
            st.tuples(st.integers(0, 40) | st.text(max_size=3), st.integers(1, 6)), max_size=40
        ),
    )
    def test_no_two_samples_share_a_step(
        self, dataset: list[int | str], asked: list[tuple[int | str, int]]
    ) -> None:
        positions = SamplePositions(dataset)
        steps: dict[tuple[str, int], int] = {}
        for sample_id, epoch in asked:
            step = positions.step(sample_id, epoch)
            assert steps.setdefault((str(sample_id), epoch), step) == step
        assert len(set(steps.values())) == len(steps)

    @given(st.lists(st.integers(0, 50), unique=True, min_size=1), st.randoms())
    def test_steps_of_the_dataset_do_not_depend_on_the_order_of_completion(
        self, dataset: list[int], random: Any
    ) -> None:
        pairs = [(sample_id, epoch) for sample_id in dataset for epoch in (1, 2, 3)]
        steps = {pair: SamplePositions(dataset).step(*pair) for pair in pairs}
        random.shuffle(pairs)
        positions = SamplePositions(dataset)
        assert {pair: positions.step(*pair) for pair in pairs} == steps
        assert sorted(steps.values()) == list(range(1, len(pairs) + 1))

    def test_without_a_dataset_ids_are_ordered_as_a_reader_would(self) -> None:
        seen: list[int | str] = ["b", 10, "9", "a", 2, "007", "1" * 5_000]
        assert dataset_order(None, seen) == ["2", "007", "9", "10", "1" * 5_000, "a", "b"]
        assert dataset_order(["z", 1], seen) == ["z", "1"]


RUNNING = st.lists(
    st.builds(
        RunningSample,
        st.integers(CREATED_MS, CREATED_MS + 50),
        st.integers(0, 400).map(str),
        st.integers(1, 3),
        st.sampled_from([None, 0.0, 0.5, 1.0]),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    max_size=300,
    unique_by=lambda running: (running.id, running.epoch),
)


class TestRunningMetrics:
    @settings(deadline=None, max_examples=40)
    @given(RUNNING, st.randoms(), st.integers(1, 2_000))
    def test_the_order_of_arrival_does_not_matter(
        self, samples: list[RunningSample], random: Any, expected: int
    ) -> None:
        points = running_points(samples, expected)
        random.shuffle(samples)
        assert running_points(samples, expected) == points
        assert [point.timestamp_ms for point in points] == sorted(
            point.timestamp_ms for point in points
        )

    def test_values_after_each_sample(self) -> None:
        running = RunningMetrics(4)
        seen = [
            {point.key: point.value for point in running.add(RunningSample(t, str(t), 1, j, 2, 3))}
            for t, j in ((1, 1.0), (2, None), (3, 0.0))
        ]
        assert [values["inspect.samples"] for values in seen] == [1, 2, 3]
        assert [values["inspect.samples_scored"] for values in seen] == [1, 1, 2]
        assert [values["inspect.samples_correct"] for values in seen] == [1, 1, 1]
        assert [values["inspect.accuracy"] for values in seen] == [1.0, 1.0, 0.5]
        assert [values["total_model_calls"] for values in seen] == [2, 4, 6]
        assert [values["total_tool_calls"] for values in seen] == [3, 6, 9]

    @pytest.mark.parametrize("size", [1, 99, 100, 101, 250, 5_000, 100_000])
    def test_points_are_thinned_in_large_runs(self, size: int) -> None:
        running = RunningMetrics(size)
        steps = []
        for number in range(1, size + 1):
            points = running.add(RunningSample(number, str(number), 1, 1.0, 0, 0))
            steps += [point.step for point in points if point.key == "inspect.samples"]
        assert steps[: min(size, 100)] == list(range(1, min(size, 100) + 1))
        assert len(steps) <= 201

    def test_samples_of_an_earlier_attempt_are_left_out(self) -> None:
        scorer = accuracy_scorer("s", [])
        facts = sample_facts(sample(scores={"s": {"value": 1}}))
        assert facts.completed_ms is not None
        assert running_sample(facts, scorer, facts.completed_ms + 1) is None
        assert running_sample(facts, scorer, facts.completed_ms) is not None
        assert running_sample(sample_facts(sample(completed_at="")), scorer, 0) is None

    @pytest.mark.parametrize(
        ("dataset", "epochs", "expected"),
        [
            (EvalDataset(samples=5), None, 5),
            (EvalDataset(samples=100, sample_ids=[1, 2]), 3, 6),
            (EvalDataset(samples=4, sample_ids=[]), 2, 8),
            (EvalDataset(), 2, 1),
        ],
    )
    def test_how_many_samples_are_expected(
        self, dataset: EvalDataset, epochs: int | None, expected: int
    ) -> None:
        spec = EvalSpec(
            created="2025-01-01T00:00:00Z",
            task="t",
            model="m",
            dataset=dataset,
            config=EvalConfig(epochs=epochs),
        )
        assert expected_samples(spec) == expected


class TestSampleFacts:
    def event(self, kind: str, uuid: str | None = None, **fields: Any) -> dict[str, Any]:
        return {"event": kind, "uuid": uuid, **fields}

    def test_completed_calls_are_counted_once(self) -> None:
        events = [
            self.event("model", "a"),
            self.event("model", "a"),
            self.event("model", "b", pending=True),
            self.event("model"),
            self.event("tool", "c"),
            self.event("tool", "c"),
            self.event("tool", "d"),
            self.event("state", "e"),
        ]
        facts = sample_facts(sample(events=events))
        assert (facts.model_calls, facts.tool_calls) == (2, 2)

    def test_how_long_model_calls_took(self) -> None:
        start = "2025-01-01T00:00:00+00:00"
        events = [
            self.event("model", "1", timestamp=start, completed="2025-01-01T00:00:01.500+00:00"),
            self.event("model", "2", timestamp=start, output={"time": 2.5}),
            self.event("model", "3", timestamp=start, output={"time": math.inf}),
            self.event("model", "4", timestamp=start, completed=start, cache="read"),
            self.event("model", "5", timestamp="2025-01-01T00:00:01Z", completed=start),
            self.event("model", "6"),
        ]
        facts = sample_facts(sample(events=events))
        assert facts.model_call_seconds == (1.5, 2.5, 0.0)
        assert facts.model_calls == 6

    @pytest.mark.parametrize(
        ("total_time", "expected"),
        [(1.5, 1.5), (-0.1, 0.0), (None, None), (math.nan, None), (math.inf, None), (0, 0.0)],
    )
    def test_the_time_of_a_sample(self, total_time: Any, expected: float | None) -> None:
        assert sample_facts(sample(total_time=total_time)).total_time_seconds == expected

    def test_usage_keeps_only_numbers_that_can_be_stored(self) -> None:
        usage = {
            "m": {"input_tokens": 5, "output_tokens": None, "total_cost": math.nan},
            "n": {"input_tokens": 10**400, "reasoning_tokens": 2},
            "none": None,
        }
        facts = sample_facts(sample(model_usage=usage))
        assert facts.usage == {"m": {"input_tokens": 5}, "n": {"reasoning_tokens": 2}}

    def test_errors_limits_and_unscored_values(self) -> None:
        facts = sample_facts(
            sample(
                error={"message": "x"},
                limit={"type": "token", "limit": 1},
                scores={"s": {"value": {"a": math.nan, "b": 1}}, "t": {"value": "?"}},
            )
        )
        assert (facts.errored, facts.limited, facts.unscored) == (True, True, 2)
        assert facts.scores == {("s", "b"): 1.0}
        assert facts.score_names == ("s", "t")


class TestSamplePoints:
    def test_names_values_step_and_time(self) -> None:
        facts = sample_facts(
            sample(
                total_time=2.0,
                scores={"match": {"value": "C"}, "d": {"value": {"a": 0.5, "b@c": 1}}},
            )
        )
        points = sample_points(facts, 7, 0, NameTable())
        assert {point.key: point.value for point in points} == {
            "sample/total_time": 2.0,
            "sample/match": 1.0,
            "sample/d/a": 0.5,
            "sample/d/b_x40_c": 1.0,
        }
        assert {point.step for point in points} == {7}
        assert {point.timestamp_ms for point in points} == {facts.completed_ms}

    def test_old_samples_have_the_time_of_the_log(self) -> None:
        facts = sample_facts({"id": 1, "epoch": 1, "scores": {"s": {"value": 1}}})
        assert [point.timestamp_ms for point in sample_points(facts, 1, 99, NameTable())] == [99]

    def test_a_scorer_named_like_the_duration_stays_apart(self) -> None:
        scores = {"total_time": {"value": 1}, "score": {"value": {"total_time": 0.25}}}
        facts = sample_facts(sample(total_time=3.0, scores=scores))
        points = sample_points(facts, 1, 0, NameTable())
        assert len({point.key for point in points}) == 3
        assert sorted(point.value for point in points) == [0.25, 1.0, 3.0]


class TestSummary:
    def summary(self, *samples: dict[str, Any]) -> TaskSummary:
        summary = TaskSummary(accuracy_scorer("s", []))
        for each in samples:
            summary.add(sample_facts(each))
        return summary

    def test_counts(self) -> None:
        summary = self.summary(
            sample(1, scores={"s": {"value": 1}}),
            sample(2, error={"message": "x"}),
            sample(3, limit={"type": "time"}, scores={"s": {"value": math.nan}}),
        )
        assert summary.counts() == {
            "inspect.samples_total": 3.0,
            "inspect.samples_errored": 1.0,
            "inspect.samples_limited": 1.0,
            "inspect.samples_unscored": 2.0,
        }

    @given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
    def test_quantiles_are_those_of_the_standard_library(self, seconds: list[float]) -> None:
        latencies = self.summary(
            *(sample(number, total_time=time) for number, time in enumerate(seconds))
        ).latencies()
        percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
        close = pytest.approx
        assert latencies["latency/sample/p50_seconds"] == close(statistics.median(seconds))
        assert latencies["latency/sample/p95_seconds"] == close(percentiles[94])
        assert latencies["latency/sample/mean_seconds"] == close(statistics.fmean(seconds))
        assert latencies["latency/sample/total_seconds"] == close(math.fsum(seconds))

    def test_one_duration_and_none(self) -> None:
        assert self.summary(sample(1, total_time=4.0)).latencies() == {
            "latency/sample/mean_seconds": 4.0,
            "latency/sample/p50_seconds": 4.0,
            "latency/sample/p95_seconds": 4.0,
            "latency/sample/total_seconds": 4.0,
        }
        assert self.summary(sample(1)).latencies() == {}

    def test_usage_adds_up_by_model(self) -> None:
        summary = self.summary(
            sample(1, model_usage={"m": {"input_tokens": 1}, "n": {"input_tokens": 10}}),
            sample(2, model_usage={"m": {"input_tokens": 2, "total_cost": 0.5}}),
        )
        assert summary.usage == {
            "m": {"input_tokens": 3, "total_cost": 0.5},
            "n": {"input_tokens": 10},
        }


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "being_written", "expected"),
        [
            ("success", False, "FINISHED"),
            ("error", False, "FAILED"),
            ("cancelled", False, "KILLED"),
            ("started", True, "RUNNING"),
            ("started", False, "KILLED"),
            ("success", True, "FINISHED"),
        ],
    )
    def test_of_a_task(
        self,
        status: Literal["started", "success", "cancelled", "error"],
        being_written: bool,
        expected: str,
    ) -> None:
        assert run_status(status, being_written=being_written) == expected

    @pytest.mark.parametrize(
        ("children", "expected"),
        [
            (["FINISHED", "FINISHED"], "FINISHED"),
            (["FINISHED", "KILLED"], "KILLED"),
            (["KILLED", "FAILED", "FINISHED"], "FAILED"),
            (["FAILED", "RUNNING", "KILLED"], "RUNNING"),
            ([], "FINISHED"),
        ],
    )
    def test_of_a_parent_is_the_worst_of_its_tasks(
        self, children: list[str], expected: str
    ) -> None:
        assert parent_status(children) == expected


class TestTimes:
    MOMENT = datetime(2025, 1, 1, 12, 0, 0, 123_000, tzinfo=UTC)

    @pytest.mark.parametrize(
        "timestamp",
        [
            "2025-01-01T12:00:00.123Z",
            "2025-01-01T12:00:00.123+00:00",
            "2025-01-01T13:00:00.123+01:00",
            "2025-01-01T12:00:00.123",
            MOMENT,
            MOMENT.replace(tzinfo=None),
            MOMENT.astimezone(timezone(timedelta(hours=-5))),
        ],
    )
    def test_every_form_of_one_moment(self, timestamp: str | datetime) -> None:
        assert milliseconds(timestamp) == 1_735_732_800_123

    @pytest.mark.parametrize(
        "timestamp",
        ["", "soon", None, 5, "2025-13-01", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"],
    )
    def test_what_is_no_time_for_mlflow(self, timestamp: Any) -> None:
        assert milliseconds(timestamp) is None

    def test_the_last_moment_there_is(self) -> None:
        assert milliseconds("9999-12-31T23:59:59.999-14:00") == 253_402_351_199_999
