from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai.log import EvalLog, EvalMetric, EvalResults, EvalScore
from scipy import stats
from statsmodels.stats.multitest import multipletests

from inspect_mlflow_compare import CompareError, GateThresholds, compare_evals

Make = Callable[..., Any]


def grades(seed: int, ids: int, accuracy: float) -> dict[int, str]:
    chance = random.Random(seed)
    return {id: "C" if chance.random() < accuracy else "I" for id in range(ids)}


def test_two_real_evaluations(evaluated: tuple[EvalLog, EvalLog]) -> None:
    result = compare_evals(*evaluated)
    assert (result.baseline_task, result.candidate_task) == ("sums", "sums")
    assert (result.baseline_model, result.candidate_model) == (
        "mockllm/model-2",
        "mockllm/model-3",
    )
    assert result.baseline_log.endswith(".eval")
    metrics = {metric.scorer: metric for metric in result.metrics}
    assert set(metrics) == {"match", "grades.tone", "grades.style", "choice"}
    match = metrics["match"]
    assert (match.name, match.ids, match.delta) == ("accuracy", 6, pytest.approx(-1 / 3))
    assert (match.baseline_logged, match.candidate_logged) == (pytest.approx(2 / 3), 1 / 3)
    assert (match.wins, match.ties, match.losses) == (2, 0, 4)
    tone = metrics["grades.tone"]
    assert (tone.name, tone.ids, tone.delta) == ("mean", 5, 3.0)
    assert (tone.baseline_logged, tone.candidate_logged) == (1.0, 4.0)
    assert metrics["choice"].kind == "label"
    assert len(result.samples) == 4 * 12
    assert result.aligned_count == 12
    unscored = [sample for sample in result.samples if sample.bucket == "unscored"]
    assert {(sample.scorer, sample.id) for sample in unscored} == {
        ("grades.tone", 3),
        ("grades.style", 3),
    }
    assert all(sample.baseline_uuid for sample in result.samples)
    cost = next(one for one in result.resources if one.name == "cost")
    assert (cost.baseline_mean, cost.candidate_mean) == (pytest.approx(0.02), pytest.approx(0.03))


def test_one_binary_epoch_is_mcnemar_with_tango(make_log: Make) -> None:
    before, after = grades(1, 200, 0.7), grades(2, 200, 0.6)
    metric = compare_evals(make_log(before), make_log(after)).metrics[0]
    assert (metric.method, metric.interval, metric.kind) == ("mcnemar-midp", "tango", "binary")
    lost = sum(before[id] == "C" and after[id] == "I" for id in before)
    won = sum(before[id] == "I" and after[id] == "C" for id in before)
    assert (metric.wins, metric.ties, metric.losses) == (won, 200 - won - lost, lost)
    less = min(won, lost)
    exact = stats.binomtest(less, won + lost).pvalue
    assert metric.p_value == pytest.approx(exact - stats.binom.pmf(less, won + lost, 0.5))
    assert metric.delta == pytest.approx((won - lost) / 200)
    assert metric.effect_size == pytest.approx(won / (won + lost) - 0.5)
    assert metric.flips is not None
    assert metric.flips.only_baseline_right == lost
    assert metric.variance is None and metric.planning == ()
    assert metric.minimum_detectable_effect is not None
    assert metric.ids_needed is not None


def test_continuous_scores_are_a_paired_t_test(make_log: Make) -> None:
    chance = random.Random(3)
    before = {id: chance.gauss(5, 1) for id in range(40)}
    after = {id: value + chance.gauss(0.2, 0.5) for id, value in before.items()}
    metric = compare_evals(make_log(before), make_log(after)).metrics[0]
    oracle = stats.ttest_rel(list(after.values()), list(before.values()))
    interval = oracle.confidence_interval()
    assert metric.p_value == pytest.approx(oracle.pvalue)
    assert (metric.ci_lower, metric.ci_upper) == (
        pytest.approx(interval.low),
        pytest.approx(interval.high),
    )
    assert (metric.method, metric.effect_size_name) == ("paired-t", "d_z")
    assert metric.correlation == pytest.approx(
        stats.pearsonr(list(before.values()), list(after.values())).statistic
    )


def test_epochs_are_averaged_and_not_counted(make_log: Make) -> None:
    """Copying every epoch four times must not make anything more certain."""
    before, after = grades(4, 60, 0.7), grades(5, 60, 0.55)
    once = compare_evals(make_log(before), make_log(after)).metrics[0]
    copied = compare_evals(
        make_log({id: [value] * 5 for id, value in before.items()}, epochs=5),
        make_log({id: [value] * 5 for id, value in after.items()}, epochs=5),
    ).metrics[0]
    assert (copied.ids, copied.baseline_epochs, copied.candidate_epochs) == (60, 5.0, 5.0)
    assert copied.p_value == pytest.approx(once.p_value)
    assert copied.delta == pytest.approx(once.delta)
    assert copied.standard_error == pytest.approx(once.standard_error)


def test_uneven_epochs_are_averaged_over_what_there_is(make_sample: Make, make_log: Make) -> None:
    before = make_log([make_sample(1, 1.0), make_sample(1, 0.0, epoch=2), make_sample(2, 1.0)])
    after = make_log(
        [
            make_sample(1, 1.0),
            make_sample(1, math.nan, epoch=2),
            make_sample(1, 1.0, epoch=3),
            make_sample(2, None),
        ]
    )
    result = compare_evals(before, after)
    item = result.items[0]
    assert (item.baseline_scores, item.candidate_scores) == ((1.0, 0.0), (1.0, 1.0))
    assert (item.baseline_mean, item.candidate_mean, item.delta) == (0.5, 1.0, 0.5)
    assert len(result.items) == 1
    buckets = {(sample.id, sample.epoch): sample.bucket for sample in result.samples}
    assert buckets == {(1, 1): "unchanged", (1, 2): "unscored", (1, 3): "new", (2, 1): "unscored"}


def test_changes_of_single_ids_are_confirmed_by_their_epochs(make_log: Make) -> None:
    before = {id: ["C"] * 6 for id in range(10)}
    after = {**before, 3: ["I"] * 6, 4: ["I", "I", "C", "C", "C", "C"]}
    items = compare_evals(make_log(before, epochs=6), make_log(after, epochs=6)).items
    assert [item.id for item in items if item.confirmed] == [3]
    assert items[4].bucket == "regressed" and items[4].q_value is not None
    one_epoch = compare_evals(make_log({1: "C", 2: "C"}), make_log({1: "I", 2: "C"})).items
    assert all(item.p_value is None and not item.confirmed for item in one_epoch)


def test_epochs_tell_where_the_uncertainty_comes_from(make_log: Make) -> None:
    chance = random.Random(6)
    logs = [
        make_log({id: [chance.choice("CI") for _ in range(4)] for id in range(50)}, epochs=4)
        for _ in range(2)
    ]
    metric = compare_evals(*logs).metrics[0]
    assert metric.variance is not None
    assert metric.variance.baseline_within_ids == pytest.approx(0.25, abs=0.05)
    assert metric.flips is not None and metric.flips.expected == pytest.approx(0.5, abs=0.1)
    assert {(one.ids, one.epochs) for one in metric.planning} >= {(50, 1), (250, 10)}
    assert metric.fixed_ci_lower is not None


def test_delta_and_interval_come_from_the_same_rows(make_log: Make) -> None:
    """Ids of one log only, and the aggregate of the log, have no part in the difference."""
    before = make_log({**grades(7, 30, 0.5), 100: "I", 101: "I"}, metrics={"accuracy": 0.01})
    after = make_log({**grades(8, 30, 0.5), 200: "C"}, metrics={"accuracy": 0.99})
    result = compare_evals(before, after)
    metric = result.metrics[0]
    assert metric.ids == 30
    assert metric.delta == pytest.approx(metric.candidate_value - metric.baseline_value)
    assert metric.ci_lower is not None and metric.ci_upper is not None
    assert metric.ci_lower <= metric.delta <= metric.ci_upper
    assert (metric.baseline_logged, metric.candidate_logged) == (0.01, 0.99)
    assert (result.missing_count, result.new_count) == (2, 1)
    assert [sample.direction for sample in result.samples[-3:]] == ["missing", "missing", "new"]


def test_a_filter_acts_on_everything(make_sample: Make, make_log: Make) -> None:
    def log(seed: int) -> EvalLog:
        return make_log(
            [
                make_sample(id, value, tokens=id + 1, error=None if id % 2 else "x")
                for id, value in grades(seed, 40, 0.5).items()
            ]
        )

    before, after = log(1), log(2)
    result = compare_evals(before, after, sample_filter=lambda sample: sample.id < 10)
    assert result.metrics[0].ids == 10
    assert len(result.samples) == len(result.items) == 10
    assert result.baseline is not None
    assert (result.baseline.samples, result.baseline.errors) == (10, 5)
    assert result.resources[0].baseline_total == sum(range(1, 11))
    nothing = compare_evals(before, after, sample_filter=lambda sample: False)
    assert nothing.samples == []
    assert nothing.gate is not None and nothing.gate.outcome == "inconclusive"


def test_the_threshold_acts_on_samples_ids_and_wins(make_log: Make) -> None:
    before = make_log({1: 0.0, 2: 0.5, 3: 0.5, 4: 0.5})
    after = make_log({1: 0.1 + 0.2, 2: 0.9, 3: 0.1, 4: 0.5})
    result = compare_evals(before, after, regression_threshold=0.3)
    assert [sample.bucket for sample in result.samples] == [
        "unchanged",
        "improved",
        "regressed",
        "unchanged",
    ]
    assert [item.bucket for item in result.items] == [sample.bucket for sample in result.samples]
    metric = result.metrics[0]
    assert (metric.wins, metric.ties, metric.losses) == (1, 2, 1)
    assert result.win_rate == 0.25
    assert metric.delta == pytest.approx(0.075)


def test_lower_is_better_turns_verdicts_and_not_signs(make_log: Make) -> None:
    before = make_log({id: 5 + id % 3 for id in range(30)})
    after = make_log({id: 4 + id % 2 for id in range(30)})
    plain = compare_evals(before, after).metrics[0]
    turned_result = compare_evals(before, after, metric_directions={"match": "lower"})
    turned = turned_result.metrics[0]
    assert (plain.verdict, turned.verdict) == ("regressed", "improved")
    assert plain.delta == turned.delta < 0
    assert (plain.wins, plain.losses) == (turned.losses, turned.wins)
    assert turned.better == "lower"
    assert plain.probability_improvement is not None and turned.probability_improvement is not None
    assert plain.probability_improvement < 0.01 < 0.99 < turned.probability_improvement
    assert turned_result.passed
    assert len(turned_result.improvements) == turned.wins
    every = compare_evals(before, after, metric_directions={"*": "lower"}).metrics[0]
    assert every == turned


def test_directions_go_by_series_then_by_scorer(make_log: Make) -> None:
    log = make_log({id: {"a": 1, "b": 2} for id in range(3)}, scorer="judge")
    directions = {"judge": "lower", "judge.b": "higher"}
    metrics = compare_evals(log, log, metric_directions=directions).metrics
    assert [metric.better for metric in metrics] == ["lower", "higher"]
    with pytest.raises(ValueError, match="no.*'jugde'|'jugde'"):
        compare_evals(log, log, metric_directions={"jugde": "lower"})


def test_several_scorers_are_adjusted_for(make_sample: Make, make_log: Make) -> None:
    def log(seed: int) -> EvalLog:
        columns = {f"s{n}": grades(100 * seed + n, 80, 0.5 + 0.02 * n * seed) for n in range(4)}
        return make_log(
            [
                make_sample(id, scores={name: column[id] for name, column in columns.items()})
                for id in range(80)
            ]
        )

    before, after = log(1), log(9)
    raw = [metric.p_value for metric in compare_evals(before, after).metrics]
    oracles = {
        "holm": multipletests(raw, method="holm")[1].tolist(),
        "bh": stats.false_discovery_control(raw).tolist(),
        "none": raw,
    }
    for correction, adjusted in oracles.items():
        result = compare_evals(before, after, correction=correction)
        assert result.correction == correction
        assert [metric.p_value for metric in result.metrics] == raw
        assert [metric.p_adjusted for metric in result.metrics] == pytest.approx(adjusted)
        for metric in result.metrics:
            assert metric.correction == correction
            assert metric.significant == (metric.p_adjusted < 0.05)


def test_a_finding_lost_to_the_adjustment_is_explained(make_sample: Make, make_log: Make) -> None:
    chance = random.Random(1)

    def log(shift: int) -> EvalLog:
        noise = {f"n{k}": lambda _: chance.choice("CI") for k in range(5)}
        return make_log(
            [
                make_sample(
                    id,
                    scores={
                        "a": "C" if id < 10 + shift else "I",
                        **{name: draw(id) for name, draw in noise.items()},
                    },
                )
                for id in range(40)
            ]
        )

    metric = compare_evals(log(0), log(6)).metrics[0]
    assert metric.p_value is not None and metric.p_value < 0.05
    assert not metric.significant
    assert any("not after adjusting" in note for note in metric.notes)


def test_clusters_widen_the_interval(make_sample: Make, make_log: Make) -> None:
    chance = random.Random(2)
    shifts = [chance.gauss(0.1, 0.5) for _ in range(25)]

    def log(shifted: bool) -> EvalLog:
        return make_log(
            [
                make_sample(
                    id,
                    chance.gauss(0, 0.2) + (shifts[id % 25] if shifted else 0),
                    metadata={"topic": f"t{id % 25}"},
                )
                for id in range(200)
            ]
        )

    before, after = log(False), log(True)
    plain = compare_evals(before, after).metrics[0]
    result = compare_evals(before, after, cluster="topic")
    clustered = result.metrics[0]
    assert clustered.clusters == 25
    assert result.cluster == "topic"
    assert {item.cluster for item in result.items} == {f"t{n}" for n in range(25)}
    assert clustered.delta == plain.delta
    assert clustered.standard_error is not None and plain.standard_error is not None
    assert clustered.standard_error > 2 * plain.standard_error
    with pytest.raises(ValueError, match="no sample has 'subject' in its metadata"):
        compare_evals(before, after, cluster="subject")


def test_ids_without_a_cluster_and_ids_that_moved_are_told(
    make_sample: Make, make_log: Make
) -> None:
    before = make_log([make_sample(id, metadata={"k": "a"} if id else {}) for id in range(4)])
    after = make_log([make_sample(id, metadata={"k": "b" if id == 1 else "a"}) for id in range(4)])
    result = compare_evals(before, after, cluster="k")
    assert any("1 ids have another 'k' in the candidate" in line for line in result.warnings)
    assert [item.cluster for item in result.items] == ["a"] * 4
    bare = make_log([make_sample(id, metadata={"k": "a"} if id else {}) for id in range(4)])
    alone = compare_evals(before, bare, cluster="k").metrics[0]
    assert alone.clusters == 2
    assert any("1 ids without a cluster" in note for note in alone.notes)


def reduced(*reducers: str | None) -> EvalResults:
    """Results of a scorer with one entry for each reducer, valued by their position."""
    return EvalResults(
        scores=[
            EvalScore(
                name="match",
                scorer="match",
                reducer=reducer,
                metrics={"accuracy": EvalMetric(name="accuracy", value=0.1 * position)},
            )
            for position, reducer in enumerate(reducers, start=1)
        ]
    )


def test_of_several_reducers_the_mean_stands_beside_ours(make_log: Make) -> None:
    scores = {1: ["C", "I"], 2: ["C", "C"]}
    log = make_log(scores, epochs=2, results=reduced("max", "mean", "pass_at_2"))
    metric = compare_evals(log, log).metrics[0]
    assert metric.baseline_logged == pytest.approx(0.2)
    assert metric.baseline_value == 0.75
    other = make_log(scores, epochs=2, results=reduced("max"))
    metric = compare_evals(log, other).metrics[0]
    assert metric.candidate_logged == pytest.approx(0.1)
    assert any("candidate's log reduces epochs by max" in note for note in metric.notes)


def test_what_the_logs_state_of_a_key_is_found(make_log: Make) -> None:
    results = EvalResults(
        scores=[
            EvalScore(
                name=key,
                scorer="judge",
                metrics={"mean": EvalMetric(name="mean", value=value)},
            )
            for key, value in (("a", 1.5), ("b", math.nan))
        ]
    )
    log = make_log({1: {"a": 1, "b": 2}, 2: {"a": 2, "b": 2}}, scorer="judge", results=results)
    metrics = compare_evals(log, log).metrics
    assert [(metric.name, metric.baseline_logged) for metric in metrics] == [
        ("mean", 1.5),
        ("mean", None),
    ]


def test_buckets_tell_a_crash_from_no_change(make_sample: Make, make_log: Make) -> None:
    before = make_log(
        [
            make_sample(1, "C"),
            make_sample(2, "C"),
            make_sample(3, "C"),
            make_sample(4, None, error="x"),
            make_sample(5, None, error="x"),
            make_sample(6, "C", limit="token"),
            make_sample(7, "C"),
            make_sample(8, None),
        ]
    )
    after = make_log(
        [
            make_sample(1, None, error="crashed"),
            make_sample(2, None, limit="time"),
            make_sample(3, "I", limit="message"),
            make_sample(4, None, error="x"),
            make_sample(5, "C"),
            make_sample(6, "C"),
            make_sample(7, None),
            make_sample(8, None, error="x"),
        ]
    )
    result = compare_evals(before, after)
    assert {sample.id: (sample.bucket, sample.direction) for sample in result.samples} == {
        1: ("newly_failing", "missing"),
        2: ("newly_failing", "missing"),
        3: ("regressed", "regressed"),
        4: ("unscored", "missing"),
        5: ("unscored", "new"),
        6: ("unchanged", "unchanged"),
        7: ("unscored", "missing"),
        8: ("newly_failing", "missing"),
    }
    assert [sample.candidate_failure for sample in result.newly_failing] == [
        "error",
        "time",
        "error",
    ]
    assert result.samples[2].candidate_failure == "message"
    assert result.aligned_count == 2
    assert result.metrics[0].ids == 2
    assert any("3 samples newly failing in the candidate" in warning for warning in result.warnings)
    facts = result.candidate
    assert facts is not None and (facts.errors, facts.limits) == (3, 2)


def test_missing_scores_count_as_the_worst_when_wanted(make_sample: Make, make_log: Make) -> None:
    before = make_log({id: "C" for id in range(10)})
    after = make_log(
        [
            make_sample(id, "C" if id < 6 else None, error="x" if id == 6 else None)
            for id in range(8)
        ]
    )
    dropped = compare_evals(before, after).metrics[0]
    assert (dropped.ids, dropped.delta) == (6, 0.0)
    assert "ids left out: 4 scored in the baseline only, 0 in the candidate only" in dropped.notes
    result = compare_evals(before, after, missing="worst")
    worst = result.metrics[0]
    assert (worst.ids, worst.candidate_value) == (10, 0.6)
    assert any("count as 0" in note for note in worst.notes)
    # The samples themselves are shown as what they are.
    assert [sample.bucket for sample in result.samples[6:]] == [
        "newly_failing",
        "unscored",
        "missing",
        "missing",
    ]


@pytest.mark.parametrize(
    ("scores", "better", "worst"),
    [
        ({1: 3, 2: 5, 3: 4}, "higher", 3),
        ({1: 3, 2: 5, 3: 4}, "lower", 5),
        ({1: 0.2, 2: 0.4, 3: 0.3}, "higher", 0),
        ({1: 0.2, 2: 0.4, 3: 0.3}, "lower", 1),
    ],
    ids=str,
)
def test_the_worst_is_the_bad_end_of_the_scale(
    make_sample: Make, make_log: Make, scores: dict[int, float], better: Any, worst: float
) -> None:
    after = make_log([make_sample(1, scores[1]), make_sample(2, None), make_sample(3, scores[3])])
    result = compare_evals(
        make_log(scores), after, missing="worst", metric_directions={"match": better}
    )
    assert result.items[1].candidate_scores == (worst,)


def test_a_mended_crash_is_to_the_credit_of_the_candidate(
    make_sample: Make, make_log: Make
) -> None:
    before = make_log([make_sample(1, None, error="x"), make_sample(2, None), make_sample(3, "C")])
    after = make_log({1: "C", 2: "C", 3: "C", 4: "C"})
    result = compare_evals(before, after, missing="worst")
    assert [(item.id, item.delta) for item in result.items] == [(1, 1.0), (3, 0.0)]


def test_a_scorer_that_the_candidate_does_not_have_is_not_failed(
    make_sample: Make, make_log: Make
) -> None:
    before = make_log([make_sample(id, scores={"a": "C", "b": "C"}) for id in range(8)])
    after = make_log([make_sample(id, scores={"a": "C"}) for id in range(8)])
    metrics = {m.scorer: m for m in compare_evals(before, after, missing="worst").metrics}
    assert metrics["b"].verdict == "not_testable"
    assert math.isnan(metrics["b"].delta)
    assert metrics["a"].ids == 8
    result = compare_evals(before, after)
    assert any("b: only the baseline has scores of it" in line for line in result.warnings)


def test_no_common_ids_is_said_loudly_and_tested_unpaired(make_log: Make) -> None:
    before = make_log({f"a{id}": value for id, value in grades(1, 100, 0.8).items()})
    after = make_log({f"b{id}": value for id, value in grades(2, 100, 0.5).items()})
    thresholds = GateThresholds(margin={"*": 0.05})
    result = compare_evals(before, after, thresholds=thresholds)
    metric = result.metrics[0]
    assert result.warnings[0].startswith("NO COMMON SAMPLE IDS")
    assert metric.method.startswith("unpaired")
    assert metric.verdict == "regressed"
    assert metric.non_inferiority is not None and metric.non_inferiority.outcome == "fail"
    assert result.items == []
    assert {sample.bucket for sample in result.samples} == {"missing", "new"}
    assert (result.missing_count, result.new_count, result.win_rate) == (100, 100, None)


def test_an_unscored_log_is_said_to_be_one(make_sample: Make, make_log: Make) -> None:
    scored = make_log(grades(1, 10, 0.5))
    unscored = make_log([make_sample(id, None) for id in range(10)])
    result = compare_evals(unscored, scored)
    assert any("the baseline is unscored" in warning for warning in result.warnings)
    assert result.gate is not None
    assert (result.gate.outcome, result.passed) == ("inconclusive", False)
    assert result.metrics[0].verdict == "not_testable"
    assert {sample.bucket for sample in result.samples} == {"unscored"}


def test_a_candidate_that_crashes_throughout_does_not_pass(
    make_sample: Make, make_log: Make
) -> None:
    before = make_log(grades(1, 20, 0.9))
    after = make_log([make_sample(id, None, error="crash") for id in range(20)], status="error")
    result = compare_evals(before, after)
    assert not result.passed
    assert len(result.newly_failing) == 20
    assert compare_evals(before, after, missing="worst").metrics[0].verdict == "regressed"
    thresholds = GateThresholds(error_rate=0.1)
    gate = compare_evals(before, after, thresholds=thresholds).gate
    assert gate is not None and gate.outcome == "fail"


def test_one_evaluation_with_itself(make_log: Make) -> None:
    log = make_log(grades(1, 50, 0.7))
    result = compare_evals(log, log)
    metric = result.metrics[0]
    assert (metric.delta, metric.p_value, metric.verdict) == (0.0, 1.0, "no_detectable_change")
    assert any("same evaluation" in warning for warning in result.warnings)
    assert result.passed
    assert len(result.unchanged) == 50


def test_progress_is_told(make_log: Make, written: Callable[..., Any]) -> None:
    lines: list[str] = []
    path = written(make_log({1: "C"}), "one.eval")
    compare_evals(path, make_log({1: "C"}), progress=lines.append)
    assert lines == ["reading one.eval", "reading a log in memory", "comparing a log in memory"]


SCORES = st.dictionaries(
    st.integers(0, 12),
    st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=3, max_size=3),
    min_size=1,
)


@settings(max_examples=30)
@given(SCORES, SCORES)
def test_swapping_the_evaluations_mirrors_the_result(
    make_log: Make, left: dict[int, list[float]], right: dict[int, list[float]]
) -> None:
    before, after = make_log(left, epochs=3), make_log(right, epochs=3)
    one, other = compare_evals(before, after), compare_evals(after, before)
    here, there = one.metrics[0], other.metrics[0]
    if not math.isnan(here.delta):
        assert here.delta == pytest.approx(-there.delta, abs=1e-12)
    if here.p_value is not None and there.p_value is not None:
        assert here.p_value == pytest.approx(there.p_value)
    if here.ci_lower is not None and there.ci_upper is not None:
        assert here.ci_lower == pytest.approx(-there.ci_upper, abs=1e-9)
    assert (here.wins, here.losses) == (there.losses, there.wins)
    assert (one.missing_count, one.new_count) == (other.new_count, other.missing_count)
    assert len(one.improvements) == len(other.regressions)
    if here.p_value is not None and here.ci_lower is not None and here.ci_upper is not None:
        assert (here.p_value < 0.05) == (here.ci_lower > 0 or here.ci_upper < 0)


def test_a_metric_of_its_own_kind_is_compared_by_its_mean(make_log: Make) -> None:
    scores = {id: 0.1 * (id % 7) for id in range(30)}
    before = make_log(scores, metrics={"f1": 0.9})
    after = make_log({id: value + 0.02 * (id % 3) for id, value in scores.items()})
    metric = compare_evals(before, after).metrics[0]
    assert (metric.name, metric.baseline_logged) == ("mean", None)
    assert metric.p_value is not None and metric.verdict == "improved"


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(make_log: Make, enabled: bool) -> None:
    was = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        compare_evals(make_log({1: "C"}), make_log({1: "C"}))
        assert gc.isenabled() is enabled
        with pytest.raises(CompareError):
            compare_evals(make_log({1: "C"}), "missing.eval")
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if was else gc.disable()


LEAVES = st.one_of(
    st.sampled_from(["C", "I", "P", "N", "yes", "no", "", "A", "B", "nan", "1e3"]),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(width=16),
    st.just(10**400),
)
VALUES = st.one_of(
    LEAVES,
    st.dictionaries(st.sampled_from(["a", "b", ""]), st.one_of(LEAVES, st.none())),
    st.lists(LEAVES, max_size=2),
)
SAMPLES = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 5), st.sampled_from(["0", "1", "01", ""])),
        st.integers(1, 3),
        st.dictionaries(st.sampled_from(["s", "t", "s.a"]), VALUES),
        st.sampled_from([None, "error", "limit"]),
    ),
    unique_by=lambda sample: (type(sample[0]), sample[0], sample[1]),
    max_size=14,
)


@settings(max_examples=60)
@given(SAMPLES, SAMPLES, st.sampled_from(["drop", "worst"]), st.sampled_from(["higher", "lower"]))
def test_nothing_in_a_log_stops_a_comparison(
    make_sample: Make, make_log: Make, left: Any, right: Any, missing: Any, better: Any
) -> None:
    logs = [
        make_log(
            [
                make_sample(
                    id,
                    epoch=epoch,
                    scores=scores,
                    error="x" if failure == "error" else None,
                    limit="time" if failure == "limit" else None,
                )
                for id, epoch, scores, failure in side
            ]
        )
        for side in (left, right)
    ]
    result = compare_evals(
        *logs,
        missing=missing,
        metric_directions={"*": better},
        thresholds=GateThresholds(margin={"*": 0.1}, error_rate=0.5, missing_share=0.5),
    )
    names = [metric.scorer for metric in result.metrics]
    assert len(set(names)) == len(names)
    cells = {(repr(sample.id), sample.epoch, sample.scorer) for sample in result.samples}
    assert len(cells) == len(result.samples)
    for metric in result.metrics:
        items = [item for item in result.items if item.scorer == metric.scorer]
        assert metric.wins + metric.ties + metric.losses == len(items)
        if metric.verdict != "not_testable":
            assert math.isfinite(metric.delta)
            assert metric.p_adjusted is not None and 0 <= metric.p_adjusted <= 1
        for bound in (metric.ci_lower, metric.ci_upper, metric.standard_error, metric.p_value):
            assert bound is None or math.isfinite(bound)
        assert metric.significant == (metric.verdict in ("improved", "regressed"))
