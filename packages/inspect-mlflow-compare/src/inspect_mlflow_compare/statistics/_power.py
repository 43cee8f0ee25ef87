"""What an evaluation of some size can find, and what size it takes to find a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare._types import DetectableEffect, VarianceSplit
from inspect_mlflow_compare.statistics._families import effective_size
from inspect_mlflow_compare.statistics._moments import standard_error
from inspect_mlflow_compare.statistics._paired import check_significance
from inspect_mlflow_compare.statistics._pairs import Pairs
from inspect_mlflow_compare.statistics._scores import EpochScores, spread
from inspect_mlflow_compare.statistics._special import bisect, student_t_critical


def minimum_detectable_effect(
    baseline: EpochScores,
    candidate: EpochScores,
    *,
    significance: float = 0.05,
    power: float = 0.8,
    clusters: NDArray[np.int64] | None = None,
) -> float | None:
    """Return the true difference that a repetition of this comparison would find.

    Right and wrong: Connor's formula (1987, Biometrics 43:207) solved for the difference, with
    the share of ids that changed in the data, or more if the difference itself needs more. Other
    scores: the quantiles of Student's t times the standard error.

    Args:
        baseline: Scores of n ids.
        candidate: Scores of the same ids.
        significance: Level of the two-sided test.
        power: Probability of finding the difference.
        clusters: A number for each id, the same for ids that belong together; shape (ids,).

    Returns:
        The difference in units of the score; None when the data show no spread or are so few
        that nothing could be significant.

    Raises:
        ValueError: If the numbers of ids differ, or a probability is outside (0, 1).
    """
    _check(significance, power)
    pairs = Pairs.of(baseline, candidate, clusters)
    if pairs.units < 2 or 2.0 ** (1 - pairs.units) >= significance:
        return None
    if not pairs.binary:
        error = standard_error(pairs.differences, pairs.clusters)
        # A constant difference shows no spread, whatever rounding makes of it.
        if pairs.constant or not error:
            return None
        return sum(_critical(significance, power, pairs.units - 1)) * error
    size, criticals = _binary_design(pairs, significance, power)
    discordance = pairs.loss + pairs.gain

    def shortage(effect: float) -> float:
        return _connor(max(discordance, effect), effect, criticals) - size

    return bisect(shortage, 1e-9, 1.0) if shortage(1.0) < 0.0 else None


def sample_size(
    baseline: EpochScores,
    candidate: EpochScores,
    effect: float,
    *,
    significance: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Return how many ids, with as many epochs each, it takes to find a difference.

    Args:
        baseline: Scores of n ids.
        candidate: Scores of the same ids.
        effect: The true difference in units of the score; its sign does not matter.
        significance: Level of the two-sided test.
        power: Probability of finding the difference.

    Returns:
        None for no difference, and when the data show no spread.

    Raises:
        ValueError: If the numbers of ids differ, or a probability is outside (0, 1).
    """
    _check(significance, power)
    pairs = Pairs.of(baseline, candidate)
    effect = abs(effect)
    if effect == 0.0 or pairs.ids < 2:
        return None
    if pairs.binary:
        if effect > 1.0:
            return None
        size, criticals = _binary_design(pairs, significance, power)
        discordance = max(pairs.loss + pairs.gain, effect)
        return math.ceil(_connor(discordance, effect, criticals) * pairs.ids / size)
    if pairs.constant:
        return None
    return _required_units(spread(pairs.differences) ** 2, effect, significance, power)


def mcnemar_sample_size(
    discordance: float, effect: float, *, significance: float = 0.05, power: float = 0.8
) -> int:
    """Return how many pairs McNemar's test needs (Connor 1987, Biometrics 43:207).

    Args:
        discordance: Probability that the two sides of a pair differ.
        effect: Difference of the two proportions, not zero, no larger than the discordance.
        significance: Level of the two-sided test.
        power: Probability of finding the difference.

    Raises:
        ValueError: If an argument is out of its range.
    """
    _check(significance, power)
    if not 0.0 < abs(effect) <= discordance <= 1.0:
        raise ValueError("it takes 0 < |effect| <= discordance <= 1")
    return math.ceil(_connor(discordance, abs(effect), _critical(significance, power)))


def detectable_effect(
    split: VarianceSplit,
    ids: int,
    epochs: int,
    *,
    significance: float = 0.05,
    power: float = 0.8,
    small_sample: bool = True,
) -> float:
    """Return the smallest true difference that a design finds (Miller 2024, section 5).

    Args:
        split: Variance between ids and between epochs.
        ids: Sample ids, at least 2.
        epochs: Epochs of each id on both sides.
        significance: Level of the two-sided test.
        power: Probability of finding the difference.
        small_sample: Whether to use quantiles of Student's t; Miller uses the normal ones.

    Raises:
        ValueError: If an argument is out of its range.
    """
    _check(significance, power)
    if ids < 2 or epochs < 1:
        raise ValueError(f"a design has at least 2 ids and 1 epoch, not {ids} and {epochs}")
    degrees = ids - 1 if small_sample else math.inf
    criticals = _critical(significance, power, degrees)
    return sum(criticals) * math.sqrt(_variance_per_id(split, epochs) / ids)


def required_ids(
    split: VarianceSplit,
    effect: float,
    epochs: int,
    *,
    significance: float = 0.05,
    power: float = 0.8,
    small_sample: bool = True,
) -> int:
    """Return how many ids a design needs to find a difference (Miller 2024, section 5).

    Args:
        split: Variance between ids and between epochs.
        effect: The true difference, not zero.
        epochs: Epochs of each id on both sides.
        significance: Level of the two-sided test.
        power: Probability of finding the difference.
        small_sample: As in `detectable_effect`.

    Raises:
        ValueError: If an argument is out of its range.
    """
    _check(significance, power)
    if effect == 0.0 or epochs < 1:
        raise ValueError("it takes an effect other than zero and at least 1 epoch")
    variance = _variance_per_id(split, epochs)
    if small_sample:
        return _required_units(variance, abs(effect), significance, power)
    return math.ceil(sum(_critical(significance, power)) ** 2 * variance / effect**2)


def planning_table(
    split: VarianceSplit,
    ids: Sequence[int],
    epochs: Sequence[int],
    *,
    significance: float = 0.05,
    power: float = 0.8,
) -> tuple[DetectableEffect, ...]:
    """Return the detectable effect of each design, ids in the outer loop.

    Args:
        split: Variance between ids and between epochs.
        ids: Numbers of ids, each at least 2.
        epochs: Numbers of epochs.
        significance: Level of the two-sided test.
        power: Probability of finding the difference.

    Raises:
        ValueError: If an argument is out of its range.
    """
    return tuple(
        DetectableEffect(
            ids=count,
            epochs=repeats,
            effect=detectable_effect(split, count, repeats, significance=significance, power=power),
        )
        for count in ids
        for repeats in epochs
    )


def _binary_design(
    pairs: Pairs, significance: float, power: float
) -> tuple[float, tuple[float, float]]:
    """Return the (effective) number of pairs and the quantiles that go with it."""
    plain = pairs.single_epoch and pairs.clusters is None
    degrees = math.inf if plain else pairs.units - 1
    return effective_size(pairs), _critical(significance, power, degrees)


def _connor(discordance: float, effect: float, criticals: tuple[float, float]) -> float:
    null = criticals[0] * math.sqrt(discordance)
    alternative = criticals[1] * math.sqrt(max(0.0, discordance - effect * effect))
    return float(((null + alternative) / effect) ** 2)


def _required_units(variance: float, effect: float, significance: float, power: float) -> int:
    """Return the smallest number of units whose t quantiles reach far enough."""

    def needed(degrees: float) -> float:
        return float(sum(_critical(significance, power, degrees)) ** 2 * variance / effect**2)

    units = max(2, math.ceil(needed(math.inf)))
    # The normal quantiles fall short by a few units only.
    while units < needed(units - 1):
        units += 1
    return units


def _variance_per_id(split: VarianceSplit, epochs: int) -> float:
    within = split.baseline_within_ids + split.candidate_within_ids
    return split.between_ids + within / epochs


def _critical(significance: float, power: float, degrees: float = math.inf) -> tuple[float, float]:
    return (
        student_t_critical(significance / 2.0, degrees),
        student_t_critical(1.0 - power, degrees),
    )


def _check(significance: float, power: float) -> None:
    check_significance(significance)
    if not 0.0 < power < 1.0:
        raise ValueError(f"power lies between 0 and 1, not at {power}")
