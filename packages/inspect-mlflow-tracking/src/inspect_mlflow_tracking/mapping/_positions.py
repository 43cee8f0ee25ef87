"""Gives every sample the same place on the x axis in every run of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class SamplePositions:
    """Maps (sample id, epoch) to an MLflow step that does not depend on the order of completion.

    The step is `(epoch - 1) * size of the dataset + position in the dataset`, counted from 1, so
    that the same step is the same sample in every run of the same dataset. Samples that are not
    in the dataset (added while the evaluation runs) have steps below zero, so that they take
    nobody's place however many epochs there are.

    Args:
        sample_ids: Ids in the order of the dataset.
    """

    def __init__(self, sample_ids: Iterable[str | int]) -> None:
        self._positions: dict[str, int] = {}
        for sample_id in sample_ids:
            self._positions.setdefault(str(sample_id), len(self._positions) + 1)
        self._added: dict[str, int] = {}

    def __contains__(self, sample_id: str | int) -> bool:
        """Say whether a sample is in the dataset, so that its step depends on nothing else."""
        return str(sample_id) in self._positions

    def step(self, sample_id: str | int, epoch: int) -> int:
        """Return the step of a sample.

        Args:
            sample_id: Id of the dataset.
            epoch: 1 for the first.

        Returns:
            At least 1 for samples of the dataset, otherwise a negative number that depends on
            the order in which these samples are asked for.
        """
        position = self._positions.get(str(sample_id))
        if position is not None:
            return (epoch - 1) * len(self._positions) + position
        added = self._added.setdefault(str(sample_id), len(self._added))
        return -1 - _paired(added, epoch - 1)


def _paired(first: int, second: int) -> int:
    # Cantor's pairing: another number for each pair, without knowing how many there will be.
    diagonal = first + second
    return diagonal * (diagonal + 1) // 2 + second


def dataset_order(sample_ids: Sequence[str | int] | None, seen: Iterable[str | int]) -> list[str]:
    """Return the sample ids in the order of the dataset.

    Args:
        sample_ids: What the log says of the dataset; None in old logs.
        seen: Ids of the samples that are in the log.

    Returns:
        The dataset's own order, or numbers before texts, each ascending.
    """
    if sample_ids:
        return [str(sample_id) for sample_id in sample_ids]
    return sorted({str(sample_id) for sample_id in seen}, key=_natural_order)


def _natural_order(sample_id: str) -> tuple[bool, int, str, str]:
    is_number = sample_id.isascii() and sample_id.isdigit()
    # Compared as text of one length, because Python refuses to convert very long numbers.
    digits = sample_id.lstrip("0") if is_number else ""
    return not is_number, len(digits), digits, sample_id
