"""Scores of a log without samples: Inspect keeps one reduced score for each sample id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_mlflow_compare.logs._records import SampleRecord
from inspect_mlflow_compare.logs._scores import Leaf, SeriesKey, leaves, list_length

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSampleReductions

__all__ = ["reduced_records"]


def reduced_records(header: EvalLog) -> tuple[tuple[SampleRecord, ...], str | None]:
    """A record of each sample id, and the reducer by which its epochs were made one."""
    reductions = list(header.reductions or [])
    if not reductions:
        return (), None
    reducer = _reducer(reductions)
    values: dict[int | str, dict[SeriesKey, Leaf]] = {}
    lengths: dict[int | str, dict[str, int]] = {}
    for reduction in reductions:
        if reduction.reducer != reducer:
            continue
        for sample in reduction.samples:
            if sample.sample_id is None:
                continue
            scorer = reduction.scorer
            values.setdefault(sample.sample_id, {}).update(leaves(scorer, sample.value))
            if (length := list_length(sample.value)) is not None:
                lengths.setdefault(sample.sample_id, {})[scorer] = length
    return tuple(
        _record(identifier, scores, lengths.get(identifier, {}))
        for identifier, scores in values.items()
    ), reducer


def _reducer(reductions: list[EvalSampleReductions]) -> str | None:
    """The mean where there is one, which is what epochs are reduced to here."""
    reducers = [reduction.reducer for reduction in reductions]
    for wanted in ("mean", None):
        if wanted in reducers:
            return wanted
    return reducers[0]


def _record(
    identifier: int | str, values: dict[SeriesKey, Leaf], lengths: dict[str, int]
) -> SampleRecord:
    return SampleRecord(
        id=identifier,
        epoch=1,
        uuid=None,
        values=values,
        list_lengths=lengths,
        failure=None,
        input_hash=0,
        target_hash=0,
    )
