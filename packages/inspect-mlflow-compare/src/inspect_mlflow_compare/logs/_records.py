"""What a comparison keeps of an evaluation: the header, and a small record of each sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inspect_mlflow_compare.logs._scores import Leaf, SeriesKey, leaves, list_length

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSampleSummary
    from inspect_ai.model import ModelUsage

__all__ = ["Evaluation", "SampleRecord", "record_of"]


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One sample and epoch.

    Args:
        id: Sample id, of the type that the log gives it.
        epoch: From 1.
        uuid: Inspect's id of the run of this sample; None in old logs.
        values: Single values of all scores; None where a sample was left unscored.
        list_lengths: Elements of each list score.
        failure: `"error"`, or the type of the limit that ended the sample.
        input_hash: Equal for equal inputs, within this process.
        target_hash: Equal for equal targets.
        input_tokens: Tokens read by all models together, without those of a cache; None, as in
            all that follows, when the log does not say.
        output_tokens: Tokens written.
        total_tokens: All tokens, those of caches included.
        cost: US dollars; None also when a model has no price.
        total_time: Seconds from start to end.
        working_time: Seconds without waits.
        cluster: Cluster, when one was asked for and the sample has one.
    """

    id: int | str
    epoch: int
    uuid: str | None
    values: Mapping[SeriesKey, Leaf]
    list_lengths: Mapping[str, int]
    failure: str | None
    input_hash: int
    target_hash: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost: float | None = None
    total_time: float | None = None
    working_time: float | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation as its log tells it.

    Args:
        location: Path or URL, without credentials; empty for a log that lives in memory only.
        header: The log without its samples.
        samples: A record of each sample and epoch that takes part.
        invalidated: How many were left out because someone marked them as invalid.
        has_inputs: Whether the records know inputs and targets.
        warnings: One line for everything that could not be read as wanted.
    """

    location: str
    header: EvalLog
    samples: tuple[SampleRecord, ...]
    invalidated: int = 0
    has_inputs: bool = True
    warnings: tuple[str, ...] = ()


_NO_LISTS: Mapping[str, int] = {}


def record_of(summary: EvalSampleSummary, *, cluster: str | None = None) -> SampleRecord:
    """The record of a sample summary."""
    scores = {name: score.value for name, score in (summary.scores or {}).items()}
    lengths = {
        name: length for name, value in scores.items() if (length := list_length(value)) is not None
    }
    usages = list(summary.model_usage.values())
    return SampleRecord(
        id=summary.id,
        epoch=summary.epoch,
        uuid=summary.uuid,
        values={key: leaf for name, value in scores.items() for key, leaf in leaves(name, value)},
        list_lengths=lengths or _NO_LISTS,
        failure="error" if summary.error is not None else summary.limit,
        input_hash=_text_hash(summary.input),
        target_hash=_text_hash(summary.target),
        input_tokens=_sum([usage.input_tokens for usage in usages]),
        output_tokens=_sum([usage.output_tokens for usage in usages]),
        total_tokens=_sum([usage.total_tokens for usage in usages]),
        cost=_cost(usages),
        total_time=_seconds(summary.total_time),
        working_time=_seconds(summary.working_time),
        cluster=cluster,
    )


def _text_hash(content: Any) -> int:
    """Hash of a text, of texts, or of messages by role and text.

    Messages have ids that are new in each evaluation, so they cannot be compared whole. One
    text in a list is that text.
    """
    if isinstance(content, str):
        return hash(content)
    if len(content) == 1 and isinstance(content[0], str):
        return hash(content[0])
    return hash(
        tuple(part if isinstance(part, str) else (part.role, part.text) for part in content)
    )


def _sum(tokens: list[int]) -> int | None:
    return sum(tokens) if tokens else None


def _cost(usages: list[ModelUsage]) -> float | None:
    costs = [usage.total_cost for usage in usages if usage.total_cost is not None]
    return sum(costs) if usages and len(costs) == len(usages) else None


def _seconds(value: float | None) -> float | None:
    """Logs before 0.3.281 can have working times below zero."""
    return None if value is None else max(value, 0.0)
