"""Which test belongs to which data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._families import interval_family
from inspect_mlflow_compare.statistics._mcnemar import mcnemar_p_value
from inspect_mlflow_compare.statistics._moments import standard_error
from inspect_mlflow_compare.statistics._pairs import Pairs
from inspect_mlflow_compare.statistics._sign_flip import (
    ENUMERABLE,
    SignFlipTails,
    enumerated_tails,
    lattice_tails,
)
from inspect_mlflow_compare.statistics._special import student_t_tail

# With fewer units no test at the usual levels can reject, and asymptotics are hopeless.
TESTABLE_CLUSTERS = 6
TINY_SAMPLE = 6
# From here on Student's t is trusted with continuous scores, and with clusters.
T_SAMPLE = 10
T_CLUSTERS = 20
# When one side has so many times the epochs of the other, signs are no longer a matter of chance.
_UNEQUAL_EPOCHS = 1.5


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What a test of paired data says.

    Args:
        p_value: Two-sided; None when nothing can be tested.
        method: Name of the test.
        midp: The p-value that counts ties half, where the test has one.
    """

    p_value: float | None
    method: str
    midp: float | None = None


def run_test(pairs: Pairs) -> PairedTest:
    """Test whether the mean difference is zero.

    Args:
        pairs: The data.

    Returns:
        McNemar's mid-p test for right and wrong with one epoch, the sign-flip test on per-id
        means for scores with a common step, Student's t for others; with clusters, the sign-flip
        test on their sums below 20 of them and the cluster-robust t test from there. Right and
        wrong with far more epochs on one side: the score test that Tango's interval inverts.
    """
    if not pairs.ids:
        return PairedTest(1.0, "not-testable")
    if pairs.clusters is not None and pairs.units < TESTABLE_CLUSTERS:
        return PairedTest(None, "not-testable")
    if pairs.binary and pairs.units >= TINY_SAMPLE and _unequal_epochs(pairs):
        return _score(pairs)
    if pairs.clusters is not None:
        return _clustered(pairs)
    if pairs.binary and pairs.single_epoch:
        return _mcnemar(pairs)
    tails = _lattice_tails(pairs)
    if tails is not None:
        return _named(tails, pairs.ids)
    if pairs.ids < T_SAMPLE:
        return _enumerated(pairs.differences, "signflip-exact")
    return _student(pairs, "paired-t")


def _mcnemar(pairs: Pairs) -> PairedTest:
    losses = int(np.count_nonzero(pairs.differences < 0))
    gains = int(np.count_nonzero(pairs.differences > 0))
    midp = mcnemar_p_value(losses, gains)
    if pairs.ids < TINY_SAMPLE:
        return PairedTest(mcnemar_p_value(losses, gains, "exact"), "mcnemar-exact", midp)
    return PairedTest(midp, "mcnemar-midp", midp)


def _unequal_epochs(pairs: Pairs) -> bool:
    """Say whether a side has so many more epochs that its means are of another shape.

    One epoch gives 0 or 1 and ten give 0.9; their difference is skewed even when both sides are
    equally good, and flipping its sign gives something that could never have been seen.
    """
    sizes = sorted((pairs.baseline.values.size, pairs.candidate.values.size))
    return sizes[1] >= _UNEQUAL_EPOCHS * sizes[0]


def _score(pairs: Pairs) -> PairedTest:
    family = interval_family(pairs)
    assert family is not None
    statistic = abs(family.statistic(0.0))
    return PairedTest(2.0 * student_t_tail(statistic, family.degrees), "score-effective")


def _clustered(pairs: Pairs) -> PairedTest:
    assert pairs.clusters is not None
    if pairs.units >= T_CLUSTERS:
        return _student(pairs, "cluster-t")
    tails = _lattice_tails(pairs)
    if tails is not None:
        return PairedTest(tails.midp, "cluster-signflip", tails.midp)
    return _enumerated(pairs.clusters.sums(pairs.differences), "cluster-signflip")


def _student(pairs: Pairs, method: str) -> PairedTest:
    error = standard_error(pairs.differences, pairs.clusters)
    if pairs.constant or not error:
        # No spread: only the signs speak.
        if not pairs.estimate:
            return PairedTest(1.0, method)
        return PairedTest(2.0 ** (1 - pairs.units), "signflip-exact")
    statistic = abs(pairs.estimate) / error
    return PairedTest(2.0 * student_t_tail(statistic, pairs.units - 1), method)


def _lattice_tails(pairs: Pairs) -> SignFlipTails | None:
    """Return the exact tails of ids or clusters, when the scores have a step."""
    if pairs.lattice is None:
        return None
    integers, _ = pairs.lattice
    if pairs.clusters is not None:
        sums: NDArray[np.float64] = pairs.clusters.sums(integers.astype(np.float64))
        integers = np.rint(sums).astype(np.int64)
    return lattice_tails(integers)


def _named(tails: SignFlipTails, ids: int) -> PairedTest:
    if ids < TINY_SAMPLE:
        return PairedTest(tails.exact, "signflip-exact", tails.midp)
    return PairedTest(tails.midp, "signflip-midp", tails.midp)


def _enumerated(differences: NDArray[np.float64], method: str) -> PairedTest:
    assert differences.size <= ENUMERABLE
    return PairedTest(enumerated_tails(differences).exact, method)
