"""Published worked examples, to the digits in which they were printed.

Tables of pairs are (both right, losses, gains, both wrong), and differences are candidate minus
baseline; the papers' tables (n11, n12, n21, n22) with differences (n12 - n21) / N are therefore
entered with n12 as gains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest

from inspect_mlflow_compare._types import VarianceSplit
from inspect_mlflow_compare.statistics import (
    EpochScores,
    benjamini_hochberg,
    bootstrap_ci,
    cohens_d,
    detectable_effect,
    discordant_odds,
    fisher_p_value,
    friedman_test,
    holm,
    mcnemar_p_value,
    mcnemar_sample_size,
    nemenyi_difference,
    paired_inference,
    paired_mean_difference,
    permutation_test,
    required_ids,
    wilcoxon_test,
)
from inspect_mlflow_compare.statistics._effect_size import d_average, hedges_correction
from inspect_mlflow_compare.statistics._proportions import (
    agresti_min_interval,
    bonett_price_interval,
    newcombe_interval,
    paired_newcombe_interval,
    wald_interval,
    wilson_interval,
)
from inspect_mlflow_compare.statistics._rank_tests import iman_davenport
from inspect_mlflow_compare.statistics._tango import TangoScore


class Pairs(NamedTuple):
    both: int
    gains: int
    losses: int
    neither: int

    @property
    def number(self) -> int:
        return sum(self)

    def tango(self, significance: float = 0.05) -> tuple[float, float]:
        score = TangoScore(self.losses / self.number, self.gains / self.number, self.number)
        return score.bounds(significance)

    def newcombe(self, *, corrected: bool = True) -> tuple[float, float]:
        cells = self.both, self.losses, self.gains, self.neither
        return paired_newcombe_interval(*cells, corrected=corrected)

    def scores(self) -> tuple[EpochScores, EpochScores]:
        baseline = [1.0] * self.both + [0.0] * self.gains + [1.0] * self.losses
        candidate = [1.0] * self.both + [1.0] * self.gains + [0.0] * self.losses
        missed = [0.0] * self.neither
        return EpochScores.from_means(baseline + missed), EpochScores.from_means(candidate + missed)


HYPERRESPONSIVENESS = Pairs(1, 1, 7, 12)  # Bentur et al. 2009
COMPLETE_RESPONSE = Pairs(59, 6, 16, 80)  # Cavo et al. 2012
APPROVAL = Pairs(794, 150, 86, 570)  # Agresti, Categorical Data Analysis
ENVIRONMENT = Pairs(227, 132, 107, 678)  # Agresti, Introduction to Categorical Data Analysis

DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
# Student 1908: hours of sleep gained with each of two drugs.
FIRST_DRUG = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND_DRUG = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def printed(value: float | None, digits: str) -> None:
    """Assert that a value rounds to what was printed."""
    assert value is not None
    decimals = len(digits.partition(".")[2])
    # Half a unit of the last digit, and a hair for values on the edge of rounding.
    assert abs(value - float(digits)) <= 0.5 * 10.0**-decimals * (1 + 1e-6), (value, digits)


def printed_bounds(bounds: Sequence[float | None], lower: str, upper: str) -> None:
    printed(bounds[0], lower)
    printed(bounds[1], upper)


@pytest.mark.parametrize(
    ("pairs", "midp", "exact", "asymptotic", "corrected"),
    [
        (HYPERRESPONSIVENESS, "0.0390625", "0.0703125", "0.0338949", "0.0770999"),
        (COMPLETE_RESPONSE, "0.0346897", "0.0524788", "0.0330063", "0.0550088"),
    ],
)
def test_mcnemar_of_fagerland_2013(
    pairs: Pairs, midp: str, exact: str, asymptotic: str, corrected: str
) -> None:
    printed(mcnemar_p_value(pairs.losses, pairs.gains, "mid-p"), midp)
    printed(mcnemar_p_value(pairs.losses, pairs.gains, "exact"), exact)
    printed(mcnemar_p_value(pairs.losses, pairs.gains, "none"), asymptotic)
    printed(mcnemar_p_value(pairs.losses, pairs.gains, "cc"), corrected)


def test_intervals_of_fagerland_2014() -> None:
    few, many = HYPERRESPONSIVENESS, COMPLETE_RESPONSE
    changes = few.losses, few.gains, few.number
    printed_bounds(few.tango(), "-0.517", "-0.026")
    printed_bounds(few.newcombe(), "-0.507", "-0.026")
    printed_bounds(wald_interval(*changes), "-0.5197", "-0.0517")
    printed_bounds(bonett_price_interval(*changes), "-0.5084", "-0.0134")
    printed_bounds(agresti_min_interval(*changes), "-0.4932", "-0.0285")
    printed_bounds(many.newcombe(), "-0.1186", "-0.0046")
    printed_bounds(many.tango(), "-0.1240", "-0.0054")
    printed_bounds(wald_interval(many.losses, many.gains, many.number), "-0.1184", "-0.0058")


def test_conditional_odds_of_fagerland_2014() -> None:
    few = HYPERRESPONSIVENESS
    _, lower, upper = discordant_odds(few.losses, few.gains, midp=True)
    printed_bounds((lower, upper), "0.006", "0.924")
    _, lower, upper = discordant_odds(few.losses, few.gains, midp=False)
    printed_bounds((lower, upper), "0.003", "1.112")


@pytest.mark.parametrize(
    ("pairs", "significance", "lower", "upper"),
    [
        (Pairs(43, 0, 1, 0), 0.10, "-0.096", "0.037"),  # Tango 1998, lens disinfection
        (Pairs(4, 9, 3, 16), 0.05, "-0.027", "0.390"),  # Tango 1998
        (Pairs(53, 16, 8, 9), 0.05, "-0.020", "0.207"),  # Agresti and Min 2005
        (Pairs(8, 3, 1, 2), 0.05, "-0.1670", "0.4327"),  # Tang, Ling, Ling and Tian 2010
        (Pairs(7, 25, 2, 68), 0.05, "0.139", "0.321"),  # Chang et al. 2024
    ],
)
def test_tango(pairs: Pairs, significance: float, lower: str, upper: str) -> None:
    printed_bounds(pairs.tango(significance), lower, upper)


@pytest.mark.parametrize(
    ("pairs", "lower", "upper"),
    [
        (Pairs(20, 12, 2, 16), "0.0562", "0.3292"),  # Newcombe 1998
        (Pairs(8, 3, 1, 2), "-0.1574", "0.4136"),
        (Pairs(7, 25, 2, 68), "0.133", "0.318"),
    ],
)
def test_paired_newcombe(pairs: Pairs, lower: str, upper: str) -> None:
    printed_bounds(pairs.newcombe(), lower, upper)


def test_newcombes_method_8() -> None:
    printed_bounds(Pairs(20, 12, 2, 16).newcombe(corrected=False), "0.0618", "0.3242")


def test_agrestis_approval_ratings() -> None:
    gains, losses, pairs = APPROVAL.gains, APPROVAL.losses, APPROVAL.number
    printed((gains - losses) ** 2 / (gains + losses), "17.3559")
    printed(mcnemar_p_value(losses, gains, "none"), "0.00003")
    assert mcnemar_p_value(losses, gains, "exact") == pytest.approx(3.7159e-05, abs=5e-10)
    bounds = wald_interval(losses, gains, pairs)
    printed_bounds(bounds, "0.021", "0.059")
    printed((bounds[1] - bounds[0]) / 2 / 1.959964, "0.0095")
    printed(paired_inference(*APPROVAL.scores()).estimate, "0.04")


def test_agrestis_environment_opinions() -> None:
    gains, losses = ENVIRONMENT.gains, ENVIRONMENT.losses
    printed((gains - losses) / math.sqrt(gains + losses), "1.62")
    printed(mcnemar_p_value(losses, gains, "none"), "0.1059")
    printed_bounds(wald_interval(losses, gains, ENVIRONMENT.number), "-0.005", "0.048")


def test_documentation_of_the_r_package_exact2x2() -> None:
    printed(mcnemar_p_value(2, 9, "exact"), "0.0654297")
    assert mcnemar_p_value(2, 9, "exact") == 134 / 2048
    _, lower, upper = discordant_odds(9, 2, midp=False)
    printed_bounds((lower, upper), "0.0234", "1.0736")


@pytest.mark.parametrize(
    ("successes", "trials", "lower", "upper"),
    [(15, 148, "0.0624", "0.1605"), (0, 20, "0.0000", "0.1611"), (1, 29, "0.0061", "0.1718")],
)
def test_wilson_intervals_of_newcombe_1998(
    successes: int, trials: int, lower: str, upper: str
) -> None:
    printed_bounds(wilson_interval(successes, trials), lower, upper)


def test_independent_proportions_of_newcombe_1998() -> None:
    printed_bounds(newcombe_interval((48, 80), (56, 70)), "0.0524", "0.3339")


def test_darwins_maize() -> None:
    nothing = [0] * len(DARWIN)
    exact = permutation_test(nothing, DARWIN)
    assert exact.p_value == 2 * 863 / 32768
    printed(exact.p_value, "0.05267334")
    printed(permutation_test(nothing, DARWIN, midp=True).p_value, "0.05181885")
    printed_bounds((exact.ci_lower, exact.ci_upper), "-0.166667", "41.0")
    _, lower, upper, p_value = paired_mean_difference(np.zeros(15), np.array(DARWIN, dtype=float))
    printed(p_value, "0.0497029")
    printed_bounds((lower, upper), "0.031193", "41.835473")
    ranks = wilcoxon_test(np.array(DARWIN, dtype=float))
    assert min(ranks.positive, ranks.negative) == 24
    printed(ranks.p_value, "0.04125977")


def test_darwins_maize_as_a_comparison() -> None:
    sides = EpochScores.from_means([0.0] * 15), EpochScores.from_means(DARWIN)
    result = paired_inference(*sides)
    printed(result.p_value, "0.05181885")
    assert result.method == "signflip-midp"
    # Student's interval would just exclude zero.
    assert result.ci_lower == 0.0
    printed(result.ci_upper, "41.835473")


def test_students_sleep() -> None:
    first, second = np.array(FIRST_DRUG), np.array(SECOND_DRUG)
    mean, lower, upper, p_value = paired_mean_difference(second, first)
    printed(mean, "-1.58")
    printed(p_value, "0.002832890")
    printed_bounds((lower, upper), "-2.4598858", "-0.7001142")
    exact = permutation_test(FIRST_DRUG, SECOND_DRUG)
    printed(exact.p_value, "0.00390625")
    printed_bounds((exact.ci_lower, exact.ci_upper), "0.8333", "2.4667")
    size = cohens_d(FIRST_DRUG, SECOND_DRUG)
    printed(size, "1.2845576")
    assert size is not None
    printed(size * hedges_correction(9), "1.1739249")
    printed(-size * math.sqrt(10), "-4.062128")
    printed(d_average(first, second), "0.8321811")
    correlation = float(np.corrcoef(first, second)[0, 1])
    printed(size * math.sqrt(2 * (1 - correlation)), "0.8221766")


def test_hedges_correction() -> None:
    printed(hedges_correction(9), "0.9138749")
    printed(1 - 3 / (4 * 9 - 1), "0.9142857")
    # Where the approximation takes over, both agree.
    assert hedges_correction(1000) == pytest.approx(1 - 3 / 3999, rel=1e-6)
    assert hedges_correction(1001) == pytest.approx(hedges_correction(1000), rel=1e-5)


def test_fifteen_p_values_of_benjamini_and_hochberg_1995() -> None:
    first = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p_values = [*first, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    family_wise, false_discovery = holm(p_values), benjamini_hochberg(p_values)
    assert sum(p < 0.05 for p in family_wise) == 3
    assert sum(p <= 0.05 for p in false_discovery) == 4
    for value, digits in zip(family_wise, ("0.0015", "0.0056", "0.0247", "0.114"), strict=False):
        printed(value, digits)
    expected = ("0.0015", "0.0030", "0.0095", "0.035625", "0.0603")
    for value, digits in zip(false_discovery, expected, strict=False):
        printed(value, digits)


# Area under the curve on 14 data sets: C4.5, and C4.5 with the leaf size tuned (table 2).
PLAIN = [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619]
TUNED = [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666]
PLAIN += [0.972, 0.957]
TUNED += [0.981, 0.978]
# Ranks of those two, of C4.5 with the confidence tuned, and with both tuned (table 6).
RANKS = [
    [4.0, 1.0, 4.0, 4.0, 4.0, 1.0, 3.0, 2.5, 4.0, 2.5, 4.0, 3.0, 4.0, 3.0],
    [3.0, 2.0, 1.0, 1.0, 2.0, 2.5, 2.0, 2.5, 3.0, 2.5, 2.5, 2.0, 1.0, 1.0],
    [2.0, 3.0, 2.0, 3.0, 3.0, 4.0, 4.0, 4.0, 2.0, 2.5, 1.0, 4.0, 2.0, 4.0],
    [1.0, 4.0, 3.0, 2.0, 1.0, 2.5, 1.0, 1.0, 1.0, 2.5, 2.5, 1.0, 3.0, 2.0],
]


def test_signed_ranks_of_demsar_2006() -> None:
    differences = np.round(np.array(TUNED) - np.array(PLAIN), 3)
    result = wilcoxon_test(differences, zeros="split")
    assert (result.positive, result.negative) == (93.0, 12.0)


def test_mean_ranks_of_demsar_2006() -> None:
    mean_ranks = friedman_test(-np.array(RANKS).T).mean_ranks
    for value, digits in zip(mean_ranks, ("3.143", "2.000", "2.893", "1.964"), strict=True):
        printed(float(value), digits)
    # He does not correct the statistic for ties.
    chi_square = 12 * 14 / (4 * 5) * (float((mean_ranks**2).sum()) - 4 * 5**2 / 4)
    printed(chi_square, "9.28")
    printed(iman_davenport(chi_square, 14, 4)[0], "3.69")
    printed(nemenyi_difference(14, 4), "1.25")
    printed(nemenyi_difference(14, 4, 0.10), "1.12")


def test_miller_2024() -> None:
    questions_only = VarianceSplit(1 / 9, 0.0, 0.0)
    assert required_ids(questions_only, 0.03, 1, small_sample=False) == 969
    with_noise = VarianceSplit(1 / 9, 1 / 6, 1 / 6)
    once = detectable_effect(with_noise, 198, 1, small_sample=False)
    often = detectable_effect(with_noise, 198, 10, small_sample=False)
    printed(100 * once, "13.27")
    printed(100 * often, "7.57")


def test_connor_1987() -> None:
    assert mcnemar_sample_size(0.30, 0.05) == 940


@pytest.mark.parametrize("pairs", [20, 100])
def test_tango_without_discordant_pairs(pairs: int) -> None:
    square = 1.959963984540054**2
    result = paired_inference(*Pairs(pairs // 2, 0, 0, pairs - pairs // 2).scores())
    assert result.ci_upper == pytest.approx(square / (pairs + square))
    assert result.ci_lower == pytest.approx(-square / (pairs + square))
    printed(result.ci_upper, {20: "0.161", 100: "0.037"}[pairs])


def test_fisher_confirmations() -> None:
    printed(fisher_p_value((5, 5), (0, 5)), "0.0079")
    printed(fisher_p_value((5, 5), (1, 5)), "0.048")


def test_bootstrap_of_darwins_maize_widens_with_hesterbergs_correction() -> None:
    nothing = [0] * len(DARWIN)
    plain = bootstrap_ci(nothing, DARWIN, method="percentile")
    expanded = bootstrap_ci(nothing, DARWIN)
    for result in (plain, expanded):
        assert result.ci_lower is not None and result.ci_upper is not None
    assert expanded.ci_lower < plain.ci_lower
    assert expanded.ci_upper > plain.ci_upper
