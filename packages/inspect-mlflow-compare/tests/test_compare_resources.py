from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelUsage
from scipy import stats

from inspect_mlflow_compare import compare_evals

Make = Callable[..., Any]
NAMES = ["cost", "input_tokens", "output_tokens", "total_tokens", "total_time", "working_time"]


@pytest.fixture
def costly(make_sample: Make, make_log: Make) -> Callable[[int], EvalLog]:
    def make(seed: int) -> EvalLog:
        chance = random.Random(seed)
        return make_log(
            [
                make_sample(
                    id,
                    tokens=chance.randrange(100, 200),
                    cost=chance.lognormvariate(0, 1),
                    total_time=chance.uniform(1, 9),
                    working_time=chance.uniform(1, 5),
                )
                for id in range(60)
            ]
        )

    return make


def test_differences_and_ratios_are_paired(costly: Callable[[int], EvalLog]) -> None:
    before, after = costly(1), costly(2)
    resources = {one.name: one for one in compare_evals(before, after).resources}
    assert list(resources) == NAMES
    left, right = (
        [sample.model_usage["mockllm/model"].total_cost for sample in log.samples]
        for log in (before, after)
    )
    cost = resources["cost"]
    test = stats.ttest_rel(right, left)
    interval = test.confidence_interval()
    assert (cost.ids, cost.unit) == (60, "USD")
    assert (cost.p_value, cost.ci_lower, cost.ci_upper) == (
        pytest.approx(test.pvalue),
        pytest.approx(interval.low),
        pytest.approx(interval.high),
    )
    logs = stats.ttest_rel(np.log(right), np.log(left)).confidence_interval()
    assert cost.ratio == pytest.approx(stats.gmean(np.array(right) / np.array(left)))
    assert cost.ratio_ci_lower == pytest.approx(math.exp(logs.low))
    assert (cost.baseline_total, cost.candidate_total) == (
        pytest.approx(sum(left)),
        pytest.approx(sum(right)),
    )
    assert cost.candidate_p95 == pytest.approx(np.percentile(right, 95))
    assert resources["total_time"].unit == "s"
    assert resources["total_tokens"].unit == "tokens"


def test_what_one_log_does_not_know_is_not_compared(
    make_sample: Make, make_log: Make, costly: Callable[[int], EvalLog]
) -> None:
    plain = make_log([make_sample(id, tokens=5, working_time=1.0) for id in range(60)])
    names = [one.name for one in compare_evals(costly(1), plain).resources]
    assert names == [*NAMES[1:4], "working_time"]


def test_a_cost_without_a_price_is_no_cost(make_sample: Make, make_log: Make) -> None:
    samples = [make_sample(id, tokens=5, cost=1.0) for id in range(3)]
    samples[0].model_usage["grader"] = ModelUsage(input_tokens=7, total_tokens=7)
    log = make_log(samples)
    resources = {one.name: one for one in compare_evals(log, log).resources}
    assert (resources["cost"].ids, resources["cost"].baseline_total) == (2, 2.0)
    assert resources["input_tokens"].baseline_total == 22


def test_epochs_count_once_in_the_mean_and_fully_in_the_total(
    make_sample: Make, make_log: Make
) -> None:
    before = make_log(
        [make_sample(1, epoch=epoch, total_time=float(epoch)) for epoch in (1, 2, 3)]
        + [make_sample(2, total_time=4.0)]
    )
    after = make_log([make_sample(1, total_time=2.0), make_sample(2, total_time=4.0)])
    found = compare_evals(before, after).resources[0]
    assert (found.name, found.ids, found.baseline_mean, found.baseline_total) == (
        "total_time",
        2,
        3.0,
        10.0,
    )
    assert (found.delta, found.ci_lower, found.ratio) == (0.0, None, 1.0)


def test_negative_times_of_old_logs_count_as_zero(make_sample: Make, make_log: Make) -> None:
    log = make_log([make_sample(id, working_time=-3.0 if id == 0 else 1.0) for id in range(4)])
    found = compare_evals(log, log).resources[0]
    assert (found.baseline_total, found.ratio) == (3.0, None)


def test_without_common_ids_the_means_are_over_each_side(make_sample: Make, make_log: Make) -> None:
    before = make_log([make_sample(f"a{id}", total_time=1.0) for id in range(3)])
    after = make_log([make_sample(f"b{id}", total_time=2.0) for id in range(3)])
    found = compare_evals(before, after).resources[0]
    assert (found.ids, found.delta, found.ci_lower, found.p_value) == (0, 1.0, None, None)
