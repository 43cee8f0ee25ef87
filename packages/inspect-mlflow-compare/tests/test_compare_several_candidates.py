from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from statsmodels.stats.multitest import multipletests

from inspect_mlflow_compare import GateThresholds, compare_evals, compare_many

Make = Callable[..., Any]


@pytest.fixture
def candidate(make_sample: Make, make_log: Make) -> Callable[..., EvalLog]:
    def make(name: str, accuracy: float, ids: int = 150) -> EvalLog:
        chance = random.Random(name)
        samples = [
            make_sample(
                id,
                scores={
                    "match": "C" if chance.random() < accuracy else "I",
                    "judge": accuracy + chance.gauss(0, 0.3),
                },
                metadata={"topic": id % 30},
            )
            for id in range(ids)
        ]
        return make_log(samples, model=f"x/{name}")

    return make


def test_each_candidate_meets_the_baseline(candidate: Callable[..., EvalLog]) -> None:
    logs = [candidate("base", 0.6), candidate("good", 0.9), candidate("same", 0.6)]
    found = compare_many(logs[0], logs[1:])
    assert [one.candidate_model for one in found.comparisons] == ["x/good", "x/same"]
    assert {one.baseline_model for one in found.comparisons} == {"x/base"}
    alone = compare_evals(logs[0], logs[1])
    assert found.comparisons[0].samples == alone.samples
    assert [metric.p_value for metric in found.comparisons[0].metrics] == [
        metric.p_value for metric in alone.metrics
    ]


def test_p_values_are_adjusted_over_candidates_and_scorers(
    candidate: Callable[..., EvalLog],
) -> None:
    base, *others = [candidate(f"c{n}", 0.6 + 0.03 * n) for n in range(5)]
    found = compare_many(base, others)
    metrics = [metric for one in found.comparisons for metric in one.metrics]
    assert len(metrics) == 8
    expected = multipletests([metric.p_value for metric in metrics], method="holm")[1]
    assert [metric.p_adjusted for metric in metrics] == pytest.approx(expected.tolist())


def test_the_ranking_groups_what_cannot_be_told_apart(candidate: Callable[..., EvalLog]) -> None:
    logs = [candidate("base", 0.5), candidate("same", 0.5), candidate("good", 0.95)]
    rankings = {one.scorer: one for one in compare_many(logs[0], logs[1:]).rankings}
    assert set(rankings) == {"match", "judge"}
    match = rankings["match"]
    assert (match.ids, match.correction) == (150, "holm")
    assert match.entries[0].model == "x/good"
    groups = {entry.model: entry.group for entry in match.entries}
    assert groups["x/base"] == groups["x/same"] != groups["x/good"]
    values = [entry.value for entry in match.entries]
    assert values == sorted(values, reverse=True)
    assert all(entry.stderr for entry in match.entries)
    lower = compare_many(logs[0], logs[1:], metric_directions={"match": "lower"}).rankings[0]
    assert lower.entries[-1].model == "x/good"


def test_a_ranking_is_over_the_ids_that_all_have(candidate: Callable[..., EvalLog]) -> None:
    logs = [candidate("base", 0.5), candidate("short", 0.5, 40), candidate("good", 0.95, 90)]
    found = compare_many(logs[0], logs[1:])
    assert [one.ids for one in found.rankings] == [40, 40]
    assert [one.metrics[0].ids for one in found.comparisons] == [40, 90]


def test_a_ranking_heeds_clusters(candidate: Callable[..., EvalLog]) -> None:
    logs = [candidate("base", 0.5), candidate("same", 0.5), candidate("good", 0.95)]
    plain = compare_many(logs[0], logs[1:]).rankings[0]
    clustered = compare_many(logs[0], logs[1:], cluster="topic").rankings[0]
    assert [entry.value for entry in plain.entries] == [entry.value for entry in clustered.entries]
    assert [entry.stderr for entry in plain.entries] != [
        entry.stderr for entry in clustered.entries
    ]


def test_scorers_that_not_all_have_are_not_ranked(
    make_log: Make, candidate: Callable[..., EvalLog]
) -> None:
    plain = make_log({id: "C" for id in range(150)})
    found = compare_many(candidate("base", 0.5), [candidate("good", 0.9), plain])
    assert [one.scorer for one in found.rankings] == ["match"]
    found = compare_many(plain, [candidate("good", 0.9), plain])
    assert [one.scorer for one in found.rankings] == ["match"]


def test_gates_are_single(candidate: Callable[..., EvalLog]) -> None:
    logs = [candidate("base", 0.6), candidate("good", 0.9), candidate("bad", 0.2)]
    thresholds = GateThresholds(margin={"*": 0.05})
    found = compare_many(logs[0], logs[1:], thresholds=thresholds)
    assert [one.passed for one in found.comparisons] == [True, False]


def test_one_candidate_has_no_ranking_and_none_is_an_error(
    candidate: Callable[..., EvalLog],
) -> None:
    log = candidate("base", 0.5)
    assert compare_many(log, [log]).rankings == ()
    with pytest.raises(ValueError, match="no candidates"):
        compare_many(log, [])


def test_nothing_in_common_gives_no_ranking(make_log: Make) -> None:
    logs = [make_log({f"{name}{id}": "C" for id in range(5)}) for name in "abc"]
    assert compare_many(logs[0], logs[1:]).rankings == ()


def test_a_set_passes_when_every_candidate_does(make_log: Make) -> None:
    good = {number: number % 4 != 0 for number in range(60)}
    bad = {number: number % 4 == 0 for number in range(60)}
    log, worse = make_log(good), make_log(bad)
    assert compare_many(log, [log, log]).passed
    mixed = compare_many(log, [log, worse])
    assert not mixed.passed
    assert mixed.comparisons[1].reason in mixed.reason
    assert mixed.summary() and mixed.to_markdown() and mixed.to_html() and mixed.to_dict()
    assert "<" in mixed._repr_html_()
