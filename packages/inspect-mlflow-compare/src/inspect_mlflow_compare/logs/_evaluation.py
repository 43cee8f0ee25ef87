"""An evaluation from its log: which samples take part, and a record of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspect_mlflow_compare.exceptions import CompareError, LogUnreadableError
from inspect_mlflow_compare.logs._clusters import cluster_name, is_cut
from inspect_mlflow_compare.logs._contents import Contents, read_contents
from inspect_mlflow_compare.logs._locations import LogSource
from inspect_mlflow_compare.logs._records import Evaluation, SampleRecord, record_of
from inspect_mlflow_compare.logs._reductions import reduced_records
from inspect_mlflow_compare.logs._whole_samples import HEAVY_FIELDS, whole_samples

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

    SampleFilter = Callable[[EvalSample], bool]

__all__ = ["read_evaluation"]


def read_evaluation(
    source: LogSource,
    *,
    sample_filter: SampleFilter | None = None,
    cluster: str | None = None,
) -> Evaluation:
    """Reads what a comparison needs of a log.

    The header and the summaries suffice, unless there is a filter, or samples were invalidated,
    or the summaries do not hold the whole value of the cluster key.

    Args:
        source: Path, URL or log in memory.
        sample_filter: Samples for which it is false take no part.
        cluster: Key of the samples' metadata.

    Raises:
        LogUnreadableError: The log cannot be read.
        CompareError: It holds one sample twice, with different content.
    """
    contents = read_contents(source)
    if not contents.summaries:
        return _without_samples(contents, sample_filter)
    selection = _select(contents, sample_filter, cluster)
    columns = zip(contents.summaries, selection.kept, selection.clusters, strict=True)
    records = [record_of(summary, cluster=name) for summary, kept, name in columns if kept]
    return Evaluation(
        location=contents.location,
        header=contents.header,
        samples=_unique(contents.location, records),
        invalidated=selection.invalidated,
        warnings=tuple(selection.warnings),
    )


@dataclass(slots=True)
class _Selection:
    """What is known of the samples, in the order of the summaries."""

    kept: list[bool]
    clusters: list[str | None]
    invalidated: int
    warnings: list[str]


def _select(
    contents: Contents, sample_filter: SampleFilter | None, cluster: str | None
) -> _Selection:
    selection = _from_summaries(contents, cluster)
    cut = cluster is not None and any(
        is_cut(summary.metadata, cluster) for summary in contents.summaries
    )
    in_memory = contents.samples is not None
    if sample_filter is not None:
        _from_samples(selection, contents, cluster, frozenset(), sample_filter)
    elif contents.header.invalidated or cut or in_memory:
        _from_samples(selection, contents, cluster, HEAVY_FIELDS, None)
    return selection


def _from_summaries(contents: Contents, cluster: str | None) -> _Selection:
    clusters = [
        cluster_name(summary.metadata, cluster) if cluster is not None else None
        for summary in contents.summaries
    ]
    return _Selection([True] * len(clusters), clusters, 0, [])


def _from_samples(
    selection: _Selection,
    contents: Contents,
    cluster: str | None,
    without: frozenset[str],
    sample_filter: SampleFilter | None,
) -> None:
    """Corrects a selection by what the whole samples say."""
    unreadable: list[LogUnreadableError] = []
    for position, sample in enumerate(whole_samples(contents, without=without)):
        if isinstance(sample, LogUnreadableError):
            if sample_filter is not None:
                raise sample
            unreadable.append(sample)
            continue
        if sample.invalidation is not None:
            selection.kept[position] = False
            selection.invalidated += 1
        elif sample_filter is not None and not sample_filter(sample):
            selection.kept[position] = False
        if cluster is not None:
            selection.clusters[position] = cluster_name(sample.metadata, cluster)
    if unreadable:
        selection.warnings.append(
            f"{contents.location}: {len(unreadable)} samples could not be read as a whole and are "
            f"taken from their summaries, valid or not ({unreadable[0].reason})"
        )


def _unique(location: str, records: Iterable[SampleRecord]) -> tuple[SampleRecord, ...]:
    """Each sample and epoch once.

    Raises:
        CompareError: Two records of one sample and epoch differ; neither is better than the other.
    """
    found: dict[tuple[int | str, int], SampleRecord] = {}
    for record in records:
        earlier = found.setdefault((record.id, record.epoch), record)
        if earlier is not record and earlier != record:
            raise CompareError(
                f"{location or 'a log in memory'}: sample {record.id!r}, epoch {record.epoch} is "
                "there twice, with different content"
            )
    return tuple(found.values())


def _without_samples(contents: Contents, sample_filter: SampleFilter | None) -> Evaluation:
    """An evaluation whose log has no samples, from the reduced scores if it has those."""
    records, reducer = reduced_records(contents.header)
    warnings = []
    if sample_filter is not None:
        raise CompareError(
            f"{contents.location or 'a log in memory'}: there are no samples to filter in this log"
        )
    if records:
        warnings.append(
            f"{contents.location}: no samples in this log; its scores reduced by "
            f"{reducer or 'mean'} are compared, one for each id"
        )
    else:
        warnings.append(f"{contents.location}: no samples in this log")
    return Evaluation(
        location=contents.location,
        header=contents.header,
        samples=records,
        has_inputs=False,
        warnings=tuple(warnings),
    )
