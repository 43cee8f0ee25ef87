"""The metrics that a header gives: aggregates in both families of names, totals, usage, cost."""

from __future__ import annotations

import math
from typing import Any

import pytest
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalScore,
    EvalSpec,
    EvalStats,
)
from inspect_ai.model import ModelUsage

from inspect_mlflow_core.conversion import NameTable
from inspect_mlflow_tracking.mapping import (
    TaskSummary,
    accuracy_scorer,
    closing_points,
    end_time_ms,
    log_file_parameters,
    sample_facts,
    start_time_ms,
    task_parameters,
)


def score(scorer: str, name: str | None = None, /, **fields: Any) -> EvalScore:
    reducer, groups = fields.pop("reducer", None), fields.pop("groups", {})
    metrics = {
        key: EvalMetric(name=key, value=value, group=groups.get(key))
        for key, value in fields.items()
    }
    return EvalScore(
        name=scorer if name is None else name, scorer=scorer, reducer=reducer, metrics=metrics
    )


def log(*scores: EvalScore, task: str = "arith", **fields: Any) -> EvalLog:
    spec = EvalSpec(
        created="2025-01-01T00:00:00Z",
        task=task,
        model="mockllm/model",
        dataset=EvalDataset(name="d", samples=3),
        config=EvalConfig(epochs=2),
    )
    results = EvalResults(total_samples=6, completed_samples=5, scores=list(scores))
    return EvalLog(**{"status": "success", "eval": spec, "results": results, **fields})


def summary(*samples: dict[str, Any]) -> TaskSummary:
    totals = TaskSummary(accuracy_scorer(None, []))
    for each in samples:
        totals.add(sample_facts(each))
    return totals


def closing(
    header: EvalLog, totals: TaskSummary | None = None
) -> tuple[dict[str, float], list[str], NameTable]:
    names = NameTable()
    points, not_numbers = closing_points(header, totals or summary(), 0, names)
    assert len({point.key for point in points}) == len(points)
    return {point.key: point.value for point in points}, not_numbers, names


def aggregates(*scores: EvalScore, task: str = "arith") -> dict[str, float]:
    plain, _, _ = closing(log(task=task))
    values, _, _ = closing(log(*scores, task=task))
    return {name: value for name, value in values.items() if name not in plain}


class TestAggregates:
    def test_both_families(self) -> None:
        assert aggregates(score("match", accuracy=0.5, stderr=0.1)) == {
            "match/accuracy": 0.5,
            "match/stderr": 0.1,
            "inspect.task.arith.match": 0.5,
            "inspect.task.arith.match.accuracy": 0.5,
            "inspect.task.arith.match.stderr": 0.1,
        }

    def test_dict_scores_carry_their_key(self) -> None:
        values = aggregates(score("judge", "tone", mean=0.25), score("judge", "fact", mean=0.75))
        assert values["judge/tone/mean"] == 0.25
        assert values["judge/fact/mean"] == 0.75
        assert values["inspect.task.arith.judge.fact.mean"] == 0.75
        assert values["inspect.task.arith.judge"] == 0.25

    def test_several_reducers_carry_their_name_and_one_does_not(self) -> None:
        values = aggregates(
            score("match", accuracy=0.5, reducer="mean"),
            score("match", accuracy=1.0, reducer="pass_at_2"),
            score("other", accuracy=0.75, reducer="mean"),
        )
        assert values["match/mean/accuracy"] == 0.5
        assert values["match/pass_at_2/accuracy"] == 1.0
        assert values["other/accuracy"] == 0.75
        assert "match/accuracy" not in values

    def test_groups_tell_metrics_apart(self) -> None:
        values = aggregates(
            score("match", easy=0.9, hard=0.1, all=0.5, groups={"easy": "level", "hard": "level"})
        )
        assert values["match/level/easy"] == 0.9
        assert values["match/level/hard"] == 0.1
        assert values["match/all"] == 0.5

    def test_two_scorers_with_one_name_lose_nothing(self) -> None:
        values = aggregates(
            score("match", accuracy=0.5), score("match", accuracy=0.25), score("match1", mean=0.1)
        )
        assert values["match/accuracy"] == 0.5
        assert values["match/accuracy/2"] == 0.25
        assert values["match1/mean"] == 0.1

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_what_is_no_number_is_named_and_not_sent(self, value: float) -> None:
        values, not_numbers, _ = closing(log(score("match", accuracy=value, stderr=0.5)))
        assert "match/accuracy" not in values
        assert not_numbers == ["match/accuracy"]
        assert values["match/stderr"] == 0.5

    def test_how_many_samples_were_scored(self) -> None:
        entry = score("match", accuracy=1.0)
        entry.scored_samples, entry.unscored_samples = 4, 2
        values = aggregates(entry)
        assert values["match/scored_samples"] == 4
        assert values["match/unscored_samples"] == 2

    def test_names_that_mlflow_refuses_have_a_way_back(self) -> None:
        header = log(score("a@b", **{"pass@1": 0.5}), task="t(1)")
        values, _, names = closing(header)
        assert values["a_x40_b/pass_x40_1"] == 0.5
        assert names.rewritten["a_x40_b/pass_x40_1"] == "a@b/pass@1"
        assert values["inspect.task.t_x28_1_x29_.a_x40_b"] == 0.5

    def test_a_scorer_cannot_take_the_name_of_a_fixed_metric(self) -> None:
        header = log(
            score("", total_samples=0.1),
            score("inspect.accuracy", accuracy=0.2),
            score("latency", "sample", mean_seconds=0.3),
        )
        totals = summary({"id": 1, "epoch": 1, "total_time": 5.0})
        values, _, names = closing(header, totals)
        assert values["total_samples"] == 6
        assert values["latency/sample/mean_seconds"] == 5.0
        originals = {original: values[name] for name, original in names.rewritten.items()}
        assert originals["total_samples"] == 0.1
        assert originals["latency/sample/mean_seconds"] == 0.3


class TestTotals:
    def test_of_a_complete_log(self) -> None:
        values, _, _ = closing(log())
        assert (values["total_samples"], values["completed_samples"]) == (6, 5)

    def test_of_an_interrupted_one(self) -> None:
        samples: list[dict[str, Any]] = [
            {"id": 1, "epoch": 1},
            {"id": 2, "epoch": 1, "error": {"message": "x"}},
        ]
        header = log(status="cancelled", results=None)
        values, _, _ = closing(header, summary(*samples))
        assert (values["total_samples"], values["completed_samples"]) == (6, 1)

    def test_the_last_point_of_running_metrics_is_what_mlflow_shows(self) -> None:
        totals = summary({"id": 1, "epoch": 1}, {"id": 2, "epoch": 1})
        points, _ = closing_points(log(), totals, 40, NameTable())
        steps = {point.key: point.step for point in points}
        assert steps["inspect.samples"] == 40
        assert steps["inspect.samples_total"] == 0

    def test_everything_has_the_time_of_the_end(self) -> None:
        header = log(stats=EvalStats(completed_at="2025-01-01T00:00:10Z"))
        points, _ = closing_points(header, summary(), 0, NameTable())
        assert {point.timestamp_ms for point in points} == {start_time_ms(header) + 10_000}

    def test_an_interrupted_log_ends_with_its_last_sample(self) -> None:
        header = log(status="cancelled", results=None)
        samples = [
            {"id": 1, "epoch": 1, "completed_at": f"2025-01-01T00:00:0{second}Z"}
            for second in (3, 7, 5)
        ]
        assert end_time_ms(header, summary(*samples)) == start_time_ms(header) + 7_000
        assert end_time_ms(header, summary()) == start_time_ms(header)


class TestUsage:
    def test_by_model_in_both_families_and_in_total(self) -> None:
        stats = EvalStats(
            model_usage={
                "openai/gpt": ModelUsage(
                    input_tokens=10, output_tokens=5, total_tokens=15, total_cost=0.25
                ),
                "ollama/llama3:8b": ModelUsage(input_tokens=1, output_tokens=2, total_tokens=3),
            }
        )
        values, _, _ = closing(log(stats=stats))
        assert values["usage/openai/gpt/input_tokens"] == 10
        assert values["inspect.usage.openai/gpt.output_tokens"] == 5
        assert values["usage/ollama/llama3:8b/total_tokens"] == 3
        assert values["inspect.tokens.total_tokens"] == 18
        assert values["inspect.cost.total"] == 0.25
        assert values["usage/openai/gpt/total_cost"] == 0.25
        assert "usage/openai/gpt/reasoning_tokens" not in values

    def test_without_a_price_there_is_no_cost(self) -> None:
        stats = EvalStats(model_usage={"m": ModelUsage(input_tokens=1)})
        values, _, _ = closing(log(stats=stats))
        assert "inspect.cost.total" not in values

    def test_what_the_samples_used_is_kept_beside_it(self) -> None:
        used = {"m": {"input_tokens": 4}, "n": {"input_tokens": 5}}
        values, _, _ = closing(log(), summary({"id": 1, "epoch": 1, "model_usage": used}))
        assert values["inspect.samples_usage.input_tokens"] == 9

    def test_numbers_beyond_all_bounds_are_left_out(self) -> None:
        usage = ModelUsage(input_tokens=10**400, output_tokens=1, total_cost=math.inf)
        values, _, _ = closing(log(stats=EvalStats(model_usage={"m": usage})))
        assert "inspect.tokens.input_tokens" not in values
        assert "inspect.cost.total" not in values
        assert values["inspect.tokens.output_tokens"] == 1


class TestParams:
    def test_the_specification_is_flattened_and_masked(self) -> None:
        header = log()
        header.eval.task_args = {"n": 1, "nested": {"a": [1, 2]}, "empty": {}}
        header.eval.model_args = {"api_key": "sk-abcdefghijklmnopqrstuvwxyz123456"}
        names = NameTable()
        params = task_parameters(header.eval, header.plan, names)
        assert params["task"] == "arith"
        assert params["task_arg.n"] == "1"
        assert params["task_arg.nested.a"] == "[1,2]"
        assert params["config.epochs"] == "2"
        assert params["dataset.samples"] == "3"
        assert "task_arg.empty" not in params
        assert "sk-abc" not in str(params)

    def test_a_long_value_says_what_was_cut(self) -> None:
        header = log()
        header.eval.task_args = {"prompt": "x" * 10_000}
        text = task_parameters(header.eval, None, NameTable())["task_arg.prompt"]
        assert len(text) <= 6_000
        assert "of 10000 characters" in text

    def test_each_log_file_is_named_once(self) -> None:
        first = log_file_parameters({}, "/logs/a.eval")
        assert first == {"inspect.log_file": "/logs/a.eval"}
        assert log_file_parameters(first, "/logs/a.eval") == {}
        second = log_file_parameters(first, "/logs/a-scored.eval")
        assert second == {"inspect.log_file_2": "/logs/a-scored.eval"}
        assert log_file_parameters({**first, **second}, "/logs/a-scored.eval") == {}

    def test_credentials_in_the_place_of_a_log_are_masked(self) -> None:
        params = log_file_parameters({}, "ftp://me:s3cr3t-Pa55word@host/a.eval")
        assert "s3cr3t" not in str(params)
