"""The few facts of a finished sample that metrics are made of.

They are taken from the finished `EvalSample` during an evaluation and from the sample's JSON when
a log is read; both give the same facts, so that both give the same metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inspect_mlflow_core.conversion import metric_value, numeric_scores

from ._times import milliseconds


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """What the metrics need to know of one sample in one epoch.

    Args:
        id: Sample id of the dataset.
        epoch: 1 for the first.
        completed_ms: When it ended, milliseconds since the epoch; None in old logs.
        scores: Number of each scored value by (scorer,) or (scorer, key).
        score_names: Names of all scorers that left a score, unscored ones included.
        unscored: How many score values carry no number.
        total_time_seconds: Wall time of the sample.
        errored: True when it ended with an error.
        limited: True when a limit ended it.
        model_calls: Completed calls of a model.
        tool_calls: Completed calls of a tool.
        model_call_seconds: Duration of each model call that tells it.
        usage: Tokens by model and field, as the sample counts them.
    """

    id: str | int
    epoch: int
    completed_ms: int | None
    scores: Mapping[tuple[str, ...], float]
    score_names: tuple[str, ...]
    unscored: int
    total_time_seconds: float | None
    errored: bool
    limited: bool
    model_calls: int
    tool_calls: int
    model_call_seconds: tuple[float, ...] = ()
    usage: Mapping[str, Mapping[str, float]] | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Identify the sample within a log: Inspect compares ids as text."""
        return str(self.id), self.epoch


def sample_facts(sample: Any) -> SampleFacts:
    """Take the facts from a finished sample.

    Args:
        sample: An `EvalSample`, or the JSON of one as a log file holds it.

    Returns:
        The facts.
    """
    scores = _field(sample, "scores") or {}
    numbers = numeric_scores(scores)
    calls = _CallCounter()
    calls.count(_field(sample, "events") or ())
    return SampleFacts(
        id=_field(sample, "id"),
        epoch=int(_field(sample, "epoch") or 1),
        completed_ms=milliseconds(_field(sample, "completed_at")),
        scores=numbers.values,
        score_names=tuple(scores),
        unscored=len(numbers.unscored),
        total_time_seconds=_not_negative(_field(sample, "total_time")),
        errored=bool(_field(sample, "error")),
        limited=bool(_field(sample, "limit")),
        model_calls=calls.model_calls,
        tool_calls=calls.tool_calls,
        model_call_seconds=tuple(calls.model_call_seconds),
        usage=_usage(_field(sample, "model_usage")),
    )


class _CallCounter:
    """Counts calls of models and tools; an event that is delivered twice counts once."""

    def __init__(self) -> None:
        self.model_calls = 0
        self.tool_calls = 0
        self.model_call_seconds: list[float] = []
        self._seen: set[str] = set()

    def count(self, events: Iterable[Any]) -> None:
        for event in events:
            kind = _field(event, "event")
            if kind not in ("model", "tool") or _field(event, "pending"):
                continue
            uuid = _field(event, "uuid")
            if uuid is not None:
                if uuid in self._seen:
                    continue
                self._seen.add(uuid)
            if kind == "tool":
                self.tool_calls += 1
            else:
                self.model_calls += 1
                seconds = _model_call_seconds(event)
                if seconds is not None:
                    self.model_call_seconds.append(seconds)


def _model_call_seconds(event: Any) -> float | None:
    # A cached answer took no time of the model's, so it says nothing about latency.
    if _field(event, "cache") == "read":
        return None
    start, end = _field(event, "timestamp"), _field(event, "completed")
    start_ms, end_ms = milliseconds(start), milliseconds(end)
    if start_ms is not None and end_ms is not None:
        return max(0.0, (end_ms - start_ms) / 1000)
    return _not_negative(_field(_field(event, "output"), "time"))


def _usage(model_usage: Any) -> dict[str, dict[str, float]]:
    return {
        str(model): usage_fields(usage)
        for model, usage in (model_usage or {}).items()
        if usage is not None
    }


USAGE_FIELDS = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "input_tokens_cache_write",
    "input_tokens_cache_read",
    "reasoning_tokens",
    "total_cost",
)


def usage_fields(usage: Any) -> dict[str, float]:
    """Return the numbers of a `ModelUsage` that are set.

    Args:
        usage: A `ModelUsage`, or its JSON.

    Returns:
        Field name to finite number; `total_cost` is in the currency of the user's price table.
    """
    fields = {name: _field(usage, name) for name in USAGE_FIELDS}
    return {name: value for name, value in fields.items() if metric_value(value) is not None}


def _not_negative(seconds: Any) -> float | None:
    # Inspect before 0.3.281 could log a negative working time for concurrent waits.
    number = metric_value(seconds)
    return None if number is None else max(0.0, number)


def _field(source: Any, name: str) -> Any:
    # Not `Mapping`: that takes several times as long to ask, a hundred times a sample.
    return source.get(name) if isinstance(source, dict) else getattr(source, name, None)
