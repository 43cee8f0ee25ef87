"""Gives every sample the same place on the x axis in every run of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class SamplePositions:
    """Maps (sample id, epoch) to an MLflow step that does not depend on the order of completion.

    The step is `(epoch - 1) * size of the dataset + position in the dataset`, counted from 1, so
    that the same step is the same sample in every run of the same dataset.

    Args:
        sample_ids: Ids in the order of the dataset.
    """

    def __init__(self, sample_ids: Iterable[str | int]) -> None:
        self._positions: dict[str, int] = {}
        for sample_id in sample_ids:
            self._positions.setdefault(str(sample_id), len(self._positions) + 1)
        self._size = len(self._positions)

    def step(self, sample_id: str | int, epoch: int) -> int:
        """Return the step of a sample; an unknown id gets the next free position.

        Args:
            sample_id: Id of the dataset.
            epoch: 1 for the first.

        Returns:
            A number of at least 1.
        """
        position = self._positions.setdefault(str(sample_id), len(self._positions) + 1)
        return (epoch - 1) * max(self._size, 1) + position


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


def _natural_order(sample_id: str) -> tuple[bool, int, str]:
    is_number = sample_id.isascii() and sample_id.isdigit()
    return not is_number, int(sample_id) if is_number else 0, sample_id
