"""Paired data made ready: the difference of each id, and what kind of score it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare._types import ScoreKind
from inspect_mlflow_compare.statistics._lattice import is_binary, lattice_differences
from inspect_mlflow_compare.statistics._moments import Clusters
from inspect_mlflow_compare.statistics._scores import (
    EpochScores,
    is_constant,
    snapped_differences,
)


@dataclass(frozen=True, eq=False)
class Pairs:
    """The scores of the same ids in two evaluations.

    Args:
        baseline: Scores of the baseline.
        candidate: Scores of the candidate, ids in the same order.
        clusters: Which ids belong together; None when each stands for itself.
        score_range: Lowest and highest possible score, where known.
    """

    baseline: EpochScores
    candidate: EpochScores
    clusters: Clusters | None = None
    score_range: tuple[float, float] | None = None

    @classmethod
    def of(
        cls,
        baseline: EpochScores,
        candidate: EpochScores,
        clusters: NDArray[np.int64] | None = None,
        score_range: tuple[float, float] | None = None,
    ) -> Pairs:
        """Pair two sides.

        Args:
            baseline: Scores of the baseline.
            candidate: Scores of the candidate, ids in the same order.
            clusters: A number for each id that is the same within a cluster; shape (ids,).
            score_range: Lowest and highest possible score.

        Raises:
            ValueError: If the numbers of ids differ.
        """
        if baseline.ids != candidate.ids:
            raise ValueError(f"{baseline.ids} ids cannot be paired with {candidate.ids}")
        groups = None
        if clusters is not None:
            if clusters.shape != (baseline.ids,):
                raise ValueError(f"{clusters.size} cluster numbers for {baseline.ids} ids")
            groups = Clusters.from_labels(clusters)
            # Clusters of one id each are no clusters.
            groups = None if groups.number == baseline.ids else groups
        return cls(baseline, candidate, groups, score_range)

    @property
    def ids(self) -> int:
        """Number of ids."""
        return self.baseline.ids

    @property
    def units(self) -> int:
        """Number of independent units: clusters, or ids without them."""
        return self.ids if self.clusters is None else self.clusters.number

    @property
    def single_epoch(self) -> bool:
        """Whether no id has more than one score on either side."""
        return self.baseline.single_epoch and self.candidate.single_epoch

    @cached_property
    def baseline_means(self) -> NDArray[np.float64]:
        """Mean of each id in the baseline."""
        return self.baseline.means()

    @cached_property
    def candidate_means(self) -> NDArray[np.float64]:
        """Mean of each id in the candidate."""
        return self.candidate.means()

    @cached_property
    def binary(self) -> bool:
        """Whether all scores are right or wrong."""
        if self.score_range not in (None, (0.0, 1.0)):
            return False
        return is_binary(self.baseline) and is_binary(self.candidate)

    @property
    def limit(self) -> float:
        """Largest absolute value that the mean difference can have."""
        if self.binary:
            return 1.0
        if self.score_range is None:
            return math.inf
        return abs(self.score_range[1] - self.score_range[0])

    @cached_property
    def lattice(self) -> tuple[NDArray[np.int64], int] | None:
        """Differences as integers and the steps in 1, when the scores have a common step."""
        return lattice_differences(self.baseline, self.candidate)

    @property
    def kind(self) -> ScoreKind:
        """What the scores are."""
        if self.binary:
            return "binary"
        return "continuous" if self.lattice is None else "lattice"

    @cached_property
    def epochs(self) -> int:
        """Largest number of scores behind a mean."""
        return max(int(side.counts.max(initial=1)) for side in (self.baseline, self.candidate))

    @cached_property
    def differences(self) -> NDArray[np.float64]:
        """Candidate minus baseline of each id, free of rounding noise; shape (ids,)."""
        if self.lattice is not None:
            integers, steps = self.lattice
            return integers / steps
        return snapped_differences(self.baseline_means, self.candidate_means, self.epochs)

    @cached_property
    def constant(self) -> bool:
        """Whether all ids differ by the same amount."""
        if self.lattice is not None:
            integers, _ = self.lattice
            return integers.size < 2 or int(integers.max()) == int(integers.min())
        return is_constant(self.differences, self.baseline_means, self.candidate_means, self.epochs)

    @cached_property
    def estimate(self) -> float:
        """Mean difference; 0.0 without any id."""
        if not self.ids:
            return 0.0
        if self.lattice is not None:
            integers, steps = self.lattice
            return int(integers.sum()) / (self.ids * steps)
        return float(self.differences.mean())

    @cached_property
    def loss(self) -> float:
        """Share of pairs of epochs that only the baseline got right (binary scores)."""
        right = self.baseline_means * (1.0 - self.candidate_means)
        return float(right.mean()) if self.ids else 0.0

    @cached_property
    def gain(self) -> float:
        """Share of pairs of epochs that only the candidate got right (binary scores)."""
        right = self.candidate_means * (1.0 - self.baseline_means)
        return float(right.mean()) if self.ids else 0.0
