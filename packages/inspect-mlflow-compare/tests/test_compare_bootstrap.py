"""Bootstrap intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from inspect_mlflow_compare._statistics import SignificanceResult, bootstrap_ci
from inspect_mlflow_compare.statistics import _resampling
from inspect_mlflow_compare.statistics._bootstrap import BootstrapMethod

METHODS: tuple[BootstrapMethod, ...] = ("expanded", "percentile", "bca", "t")


def skewed(ids: int = 60, seed: int = 0) -> tuple[list[float], list[float]]:
    generator = np.random.default_rng(seed)
    baseline = generator.normal(size=ids)
    return baseline.tolist(), (baseline + generator.exponential(0.5, ids) - 0.4).tolist()


def bounds(result: SignificanceResult) -> tuple[float, float]:
    assert result.ci_lower is not None and result.ci_upper is not None
    return result.ci_lower, result.ci_upper


def medians(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.median(scores, axis=-1))


@pytest.mark.parametrize(("method", "name"), [("percentile", "percentile"), ("bca", "BCa")])
def test_scipy_agrees(method: BootstrapMethod, name: str) -> None:
    baseline, candidate = skewed()
    oracle = stats.bootstrap(
        (np.array(candidate) - np.array(baseline),),
        np.mean,
        method=name,
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    result = bootstrap_ci(baseline, candidate, method=method, n_resamples=20_000)
    width = oracle.high - oracle.low
    assert bounds(result) == pytest.approx((oracle.low, oracle.high), abs=0.03 * width)


def test_expanded_percentiles_are_close_to_students_interval() -> None:
    generator = np.random.default_rng(2)
    baseline, candidate = generator.normal(size=(2, 12))
    oracle = stats.ttest_rel(candidate, baseline)
    interval = oracle.confidence_interval()
    result = bootstrap_ci(baseline.tolist(), candidate.tolist(), n_resamples=40_000)
    width = interval.high - interval.low
    assert bounds(result) == pytest.approx((interval.low, interval.high), abs=0.06 * width)
    assert result.p_value == pytest.approx(oracle.pvalue, abs=0.03)
    assert (result.method, result.interval, result.resamples) == ("bootstrap", "expanded", 40_000)


def test_the_studentised_bootstrap_leans_with_the_skewness() -> None:
    baseline, candidate = skewed()
    plain = bounds(bootstrap_ci(baseline, candidate, method="percentile"))
    lower, upper = bounds(bootstrap_ci(baseline, candidate, method="t"))
    estimate = float(np.mean(candidate) - np.mean(baseline))
    assert upper - estimate > plain[1] - estimate
    assert (upper - estimate) / (estimate - lower) > 1.05


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(8))
def test_p_value_and_interval_agree(method: BootstrapMethod, seed: int) -> None:
    baseline, candidate = skewed(25, seed)
    for shift in (-0.4, 0.0, 0.2):
        moved = [score + shift for score in candidate]
        result = bootstrap_ci(baseline, moved, method=method, n_resamples=2000)
        lower, upper = bounds(result)
        assert result.significant == (result.p_value < 0.05) == (lower > 0.0 or upper < 0.0)


def test_a_seed_makes_it_reproducible() -> None:
    sides = skewed()
    assert bootstrap_ci(*sides) == bootstrap_ci(*sides)
    assert bootstrap_ci(*sides, seed=1) != bootstrap_ci(*sides, seed=2)
    assert bootstrap_ci(*sides, seed=None) != bootstrap_ci(*sides, seed=None)


@pytest.mark.parametrize("options", [{"method": "t"}, {"statistic": medians}, {}])
def test_the_size_of_blocks_does_not_matter(
    options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = skewed(100)
    whole = bootstrap_ci(*sides, n_resamples=500, **options)  # type: ignore[arg-type]
    monkeypatch.setattr(_resampling, "_BLOCK_VALUES", 700)
    parts = bootstrap_ci(*sides, n_resamples=500, **options)  # type: ignore[arg-type]
    assert parts.p_value == whole.p_value
    assert bounds(parts) == pytest.approx(bounds(whole), rel=1e-12)


def test_few_levels_are_drawn_by_their_counts() -> None:
    generator = np.random.default_rng(0)
    baseline, candidate = generator.integers(0, 2, (2, 400)).astype(float)
    result = bootstrap_ci(baseline.tolist(), candidate.tolist())
    oracle = stats.ttest_rel(candidate, baseline).confidence_interval()
    width = oracle.high - oracle.low
    assert bounds(result) == pytest.approx((oracle.low, oracle.high), abs=0.04 * width)


def test_clusters_are_resampled_whole() -> None:
    generator = np.random.default_rng(0)
    baseline, candidate = generator.normal(size=(2, 60))
    repeated = [side.repeat(4).tolist() for side in (baseline, candidate)]
    clusters = np.arange(60).repeat(4).tolist()
    for method in METHODS:
        once = bootstrap_ci(baseline.tolist(), candidate.tolist(), method=method)
        whole = bootstrap_ci(*repeated, method=method, clusters=clusters)
        naive = bootstrap_ci(*repeated, method=method)
        widths = [upper - lower for lower, upper in map(bounds, (once, whole, naive))]
        assert widths[1] == pytest.approx(widths[0], rel=0.05)
        assert widths[2] == pytest.approx(widths[0] / 2, rel=0.08)


def test_the_median() -> None:
    generator = np.random.default_rng(0)
    baseline = generator.normal(size=80)
    candidate = baseline + 1.0 + 0.1 * generator.normal(size=80)
    candidate[:3] = -1000.0
    sides = baseline.tolist(), candidate.tolist()
    result = bootstrap_ci(*sides, statistic=medians, n_resamples=2000)
    assert result.estimate == pytest.approx(float(np.median(candidate) - np.median(baseline)))
    assert result.significant
    clustered = bootstrap_ci(
        *sides, statistic=medians, n_resamples=200, clusters=[str(k // 4) for k in range(80)]
    )
    assert clustered.estimate == result.estimate


@pytest.mark.parametrize("ids", [1, 2, 7, 50])
def test_the_same_difference_everywhere(ids: int) -> None:
    result = bootstrap_ci([0.5] * ids, [0.6] * ids)
    assert result.p_value == 2.0 ** (1 - ids)
    assert result.ci_lower is result.ci_upper is None
    assert result.significant == (ids > 5)
    assert result.notes == ("all samples differ by the same amount",)


def test_no_difference_and_no_samples() -> None:
    same = bootstrap_ci([0.5, 0.25], [0.5, 0.25])
    assert (same.p_value, same.significant, same.ci_lower) == (1.0, False, None)
    assert same.notes == ("identical scores",)
    nothing = bootstrap_ci([], [])
    assert (nothing.p_value, nothing.significant, nothing.ci_lower) == (1.0, False, None)
    assert nothing.notes == ("no paired samples",)


def test_a_single_cluster_and_a_constant_statistic_have_no_spread() -> None:
    sides = [0.1, 0.5, 0.4], [0.2, 0.9, 0.3]
    for result in (
        bootstrap_ci(*sides, clusters=["a", "a", "a"]),
        bootstrap_ci(*sides, statistic=lambda scores: np.zeros(scores.shape[:-1])),
    ):
        assert (result.p_value, result.ci_lower) == (1.0, None)


def test_bad_arguments() -> None:
    sides = [0.1, 0.5], [0.2, 0.9]
    with pytest.raises(ValueError, match="unknown bootstrap"):
        bootstrap_ci(*sides, method="basic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="resample"):
        bootstrap_ci(*sides, n_resamples=0)
    with pytest.raises(ValueError, match="for means only"):
        bootstrap_ci(*sides, method="bca", statistic=medians)
    with pytest.raises(ValueError, match="clusters"):
        bootstrap_ci(*sides, clusters=[1])
    with pytest.raises(ValueError, match="cannot be paired"):
        bootstrap_ci([0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match="finite"):
        bootstrap_ci([0.1, math.nan], [0.1, 0.2])
    with pytest.raises(ValueError, match="arithmetic"):
        bootstrap_ci([0.1, 1e100], [0.1, 0.2])
    with pytest.raises(ValueError, match="significance"):
        bootstrap_ci(*sides, 1.5)
