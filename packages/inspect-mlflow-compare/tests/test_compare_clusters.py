"""Ids that belong together."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats

from inspect_mlflow_compare.statistics import (
    EpochScores,
    minimum_detectable_effect,
    noninferiority_p_value,
    one_sided_bound,
    paired_inference,
)


def data(
    clusters: int, seed: int = 0, *, binary: bool = False, epochs: int = 1
) -> tuple[EpochScores, EpochScores, NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    sizes = generator.integers(2, 9, clusters)
    members = np.repeat(np.arange(clusters), sizes)
    sides = []
    for shift in (0.0, 0.3):
        common = generator.normal(shift, 0.7, clusters)[members]
        scores = common[:, None] + generator.normal(size=(members.size, epochs))
        if binary:
            scores = (scores > -0.5).astype(float)
        sides.append(EpochScores(scores.ravel(), np.full(members.size, epochs)))
    return sides[0], sides[1], members


def test_many_clusters_against_statsmodels() -> None:
    baseline, candidate, members = data(25)
    result = paired_inference(baseline, candidate, clusters=members)
    differences = candidate.means() - baseline.means()
    fit = sm.OLS(differences, np.ones_like(differences)).fit(
        cov_type="cluster", cov_kwds={"groups": members}, use_t=True
    )
    assert (result.method, result.interval, result.clusters) == ("cluster-t", "cluster-t", 25)
    assert result.standard_error == pytest.approx(fit.bse[0])
    assert result.p_value == pytest.approx(fit.pvalues[0])
    assert (result.ci_lower, result.ci_upper) == pytest.approx(tuple(fit.conf_int()[0]))


def test_standard_errors_of_the_sides_are_clustered_too() -> None:
    baseline, candidate, members = data(25)
    result = paired_inference(baseline, candidate, clusters=members)
    for side, found in (
        (baseline, result.baseline_stderr),
        (candidate, result.candidate_stderr),
    ):
        fit = sm.OLS(side.means(), np.ones(side.ids)).fit(
            cov_type="cluster", cov_kwds={"groups": members}
        )
        assert found == pytest.approx(fit.bse[0])


@pytest.mark.parametrize("binary", [False, True])
def test_some_clusters_have_the_signs_of_their_sums_flipped(binary: bool) -> None:
    baseline, candidate, members = data(9, binary=binary)
    result = paired_inference(baseline, candidate, clusters=members)
    sums = np.bincount(members, weights=candidate.means() - baseline.means())
    signs = np.array([[1 - 2 * (row >> bit & 1) for bit in range(9)] for row in range(512)])
    flipped, seen = np.abs(signs @ sums), abs(sums.sum())
    beyond, equal = (flipped > seen + 1e-9).mean(), np.isclose(flipped, seen).mean()
    assert result.method == "cluster-signflip"
    assert result.interval == ("tango-effective" if binary else "cluster-t")
    # Ties are part of the distribution of right and wrong, but not of continuous scores.
    assert result.p_value == pytest.approx(beyond + (0.5 if binary else 1.0) * equal)


@pytest.mark.parametrize("clusters", [1, 2, 5])
@pytest.mark.parametrize("binary", [False, True])
def test_few_clusters_cannot_be_tested(clusters: int, binary: bool) -> None:
    baseline, candidate, members = data(clusters, binary=binary)
    result = paired_inference(baseline, candidate, clusters=members)
    assert result.p_value is None
    assert result.probability_improvement is None
    assert result.method == "not-testable"
    assert (result.ci_lower is None) == (clusters == 1)
    assert any("not testable with fewer than 6" in note for note in result.notes)
    assert one_sided_bound(baseline, candidate, clusters=members) is None
    assert noninferiority_p_value(baseline, candidate, 0.1, clusters=members) is None
    assert minimum_detectable_effect(baseline, candidate, clusters=members) is None


def test_six_clusters_can_be_tested() -> None:
    result = paired_inference(*data(6)[:2], clusters=data(6)[2])
    assert result.p_value is not None
    assert result.p_value >= 2.0**-5


def test_clusters_of_one_id_each_are_none() -> None:
    baseline, candidate, members = data(12, binary=True)
    plain = paired_inference(baseline, candidate)
    alone = paired_inference(baseline, candidate, clusters=np.arange(members.size))
    assert alone.clusters == members.size
    assert (alone.p_value, alone.ci_lower, alone.method) == (
        plain.p_value,
        plain.ci_lower,
        plain.method,
    )


def test_the_names_of_clusters_do_not_matter() -> None:
    baseline, candidate, members = data(25)
    renamed = 7 * (members.max() - members) - 3
    expected = paired_inference(baseline, candidate, clusters=members)
    found = paired_inference(baseline, candidate, clusters=renamed)
    assert found.p_value == pytest.approx(expected.p_value)
    assert found.ci_lower == pytest.approx(expected.ci_lower)


def test_copies_of_an_id_in_its_cluster_add_nothing() -> None:
    generator = np.random.default_rng(4)
    baseline, candidate = generator.normal(size=(2, 30))
    members = np.arange(30).repeat(3)
    copied = paired_inference(
        EpochScores.from_means(baseline.repeat(3)),
        EpochScores.from_means(candidate.repeat(3)),
        clusters=members,
    )
    assert copied.p_value == pytest.approx(stats.ttest_rel(candidate, baseline).pvalue)


def test_effective_size_shrinks_with_clusters() -> None:
    baseline, candidate = (EpochScores.from_means(side) for side in _doubled())
    members = np.arange(40).repeat(2)
    plain = paired_inference(baseline, candidate)
    clustered = paired_inference(baseline, candidate, clusters=members)
    assert clustered.interval == "tango-effective"
    widths = [(result.ci_upper or 0.0) - (result.ci_lower or 0.0) for result in (plain, clustered)]
    # Twice the same scores: half as many independent ones, so wider by the root of two and more.
    assert 1.35 < widths[1] / widths[0] < 1.55


def test_clusters_whose_sums_cancel_show_no_spread() -> None:
    generator = np.random.default_rng(0)
    halves = generator.normal(size=25)
    differences = np.stack([halves, -halves], axis=1).ravel()
    baseline = EpochScores.from_means(np.zeros(50))
    candidate = EpochScores.from_means(differences)
    result = paired_inference(baseline, candidate, clusters=np.arange(50) // 2)
    assert (result.p_value, result.ci_lower, result.standard_error) == (1.0, None, 0.0)


def test_wrong_number_of_cluster_numbers() -> None:
    baseline, candidate, members = data(6)
    with pytest.raises(ValueError, match="cluster numbers"):
        paired_inference(baseline, candidate, clusters=members[:-1])


def _doubled() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    generator = np.random.default_rng(8)
    baseline, candidate = (generator.random((2, 40)) < 0.6).astype(float)
    return baseline.repeat(2), candidate.repeat(2)
