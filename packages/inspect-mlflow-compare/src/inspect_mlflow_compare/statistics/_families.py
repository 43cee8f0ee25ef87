"""Which interval belongs to which data; two-sided, one-sided and non-inferiority alike."""

from __future__ import annotations

from inspect_mlflow_compare.statistics._moments import StudentScore, standard_error
from inspect_mlflow_compare.statistics._pairs import Pairs
from inspect_mlflow_compare.statistics._tango import TangoScore

IntervalFamily = TangoScore | StudentScore


def interval_family(pairs: Pairs) -> IntervalFamily | None:
    """Return the score statistic whose inversion gives the interval of the difference.

    Args:
        pairs: The data.

    Returns:
        Tango's for right and wrong, Student's for other scores; None where the data have no
        spread to learn from, and with fewer than two independent units.
    """
    if pairs.binary:
        return _tango(pairs)
    if pairs.units < 2 or pairs.constant:
        return None
    error = standard_error(pairs.differences, pairs.clusters)
    # Clusters whose sums cancel exactly show no spread either.
    if not error:
        return None
    name = "t" if pairs.clusters is None else "cluster-t"
    return StudentScore(pairs.estimate, error, pairs.units - 1, pairs.limit, name)


def effective_size(pairs: Pairs) -> float:
    """Return how many independent pairs of single epochs would be as informative.

    The variance that independent pairs would have, gain + loss - difference squared, over the
    variance that the per-id means (or the clusters) show. One epoch without clusters gives the
    number of ids. Epochs cannot tell more than if each had a question of its own, which bounds
    the size; estimated from few ids it would go astray upwards.

    Args:
        pairs: Binary scores of at least two independent units.
    """
    ids = pairs.ids
    if pairs.single_epoch and pairs.clusters is None:
        return float(ids)
    error = standard_error(pairs.differences, pairs.clusters) or 0.0
    spread = pairs.gain + pairs.loss - pairs.estimate**2
    if pairs.constant or error == 0.0 or spread <= 0.0:
        return float(pairs.units)
    reciprocal = (1.0 / pairs.baseline.counts + 1.0 / pairs.candidate.counts).mean() / 2.0
    return min(spread / error**2 * ids / (ids - 1), ids / float(reciprocal))


def _tango(pairs: Pairs) -> TangoScore | None:
    if pairs.units < 2:
        return None
    if pairs.single_epoch and pairs.clusters is None:
        return TangoScore(pairs.loss, pairs.gain, pairs.ids)
    size = effective_size(pairs)
    return TangoScore(pairs.loss, pairs.gain, size, pairs.units - 1, "tango-effective")
