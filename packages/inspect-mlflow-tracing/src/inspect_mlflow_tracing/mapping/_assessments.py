"""Scores and targets of a sample as the assessments of its trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from inspect_mlflow_core.connection import AssessmentRecord, AssessmentSource
from inspect_mlflow_core.conversion import (
    ASSESSMENT_SOURCE_CHARACTERS,
    NameTable,
    clean_text,
    cut_text,
    score_value,
    stored_text,
)
from inspect_mlflow_core.logs import resolve_references
from inspect_mlflow_tracing._traced_task import TracedTask

from ._assessment_metadata import edit_time_ms, score_metadata
from ._identity import assessment_id
from ._judges import ScorerRun, scorer_runs
from ._score_values import ScoreValue, score_leaves, score_value_of
from .events._values import json_text, mapping, text

__all__ = ["EXPECTED_RESPONSE", "MOST_ASSESSMENTS", "Assessments", "sample_assessments"]

EXPECTED_RESPONSE: Final = "expected_response"
"""The expectation that MLflow's pages label as expected output."""

MOST_ASSESSMENTS: Final = 200
"""A score may hold a value for each of thousands of items."""

_TEXT_CHARACTERS: Final = 16_000
"""Fits MySQL's TEXT in any script; whole texts are in the kept sample."""

_LABEL_CHARACTERS: Final = 1_000
_UNSCORED: Final = "unscored"
_LEFT_OUT: Final = "left_out"

# What Inspect itself says of a score that is none (`inspect_ai.scorer.ScoreReason`).
_REASONS: Final = frozenset(
    {"grader_failed", "invalid_response_format", "no_response", "refusal", "scoring_failed"}
)


@dataclass(frozen=True, slots=True)
class Assessments:
    """The assessments of a trace.

    Args:
        records: The target first, then scores in the order of the sample.
        left_out: How many values of scores have none, because there were too many.
    """

    records: tuple[AssessmentRecord, ...]
    left_out: int = 0


def sample_assessments(
    sample: Mapping[str, Any],
    task: TracedTask,
    trace_id: str,
    *,
    completed_ms: int,
    scored_ms: int,
    evaluator_spans: Mapping[str, str],
    content: Literal["full", "none"] = "full",
) -> Assessments:
    """Maps the final scores and the target of a sample; never fails.

    Scores are about the whole trace, not about the scorer's span: MLflow's page shows an
    assessment of a span only where that span is selected. The span is named in the metadata.

    Args:
        sample: Raw JSON.
        task: Its task.
        trace_id: 32 hexadecimal digits.
        completed_ms: When the sample ended, milliseconds since the epoch.
        scored_ms: When the last of it happened; much later where it was scored again.
        evaluator_spans: Ids of scorers' spans in the trace by their ids in Inspect.
        content: `"none"` leaves out target, explanation and every other text of the sample.
    """
    times = completed_ms, max(completed_ms, scored_ms)
    scores = _Scores(sample, task, trace_id, times, evaluator_spans, content == "full")
    values = list(scores.records())
    records = [*scores.expectation(), *values[:MOST_ASSESSMENTS]]
    return Assessments(tuple(records), max(0, len(values) - MOST_ASSESSMENTS))


class _Scores:
    def __init__(
        self,
        sample: Mapping[str, Any],
        task: TracedTask,
        trace_id: str,
        times: tuple[int, int],
        evaluator_spans: Mapping[str, str],
        full: bool,
    ) -> None:
        self._sample = sample
        self._task = task
        self._trace_id = trace_id
        self._completed_ms, self._scored_ms = times
        self._evaluator_spans = evaluator_spans
        self._full = full
        self._scores = mapping(sample.get("scores"))
        self._events = sample.get("events")
        self._runs = scorer_runs(self._events) if self._scores else {}
        # Assessments have no rule about colons, so names do not depend on the machine.
        self._names = NameTable(colon_accepted=True)

    def expectation(self) -> Iterator[AssessmentRecord]:
        """The target, unless there is none or it must not be told."""
        target = self._resolved(self._sample.get("target"))
        if not self._full or target in (None, "", []):
            return
        if isinstance(target, str):
            target = stored_text(target, _TEXT_CHARACTERS)
        elif len(as_text := json_text(target, _TEXT_CHARACTERS + 1)) > _TEXT_CHARACTERS:
            target = cut_text(as_text, _TEXT_CHARACTERS)
        yield AssessmentRecord(
            assessment_id=assessment_id(self._trace_id, "expectation", EXPECTED_RESPONSE),
            name=EXPECTED_RESPONSE,
            kind="expectation",
            value=target,
            # As MLflow's own evaluation has it: somebody wrote the dataset.
            source_type="HUMAN",
            source_id=_source_id(self._task.dataset or self._task.task),
            create_time_ms=self._completed_ms,
            last_update_time_ms=self._completed_ms,
            metadata=self._run_link(),
        )

    def records(self) -> Iterator[AssessmentRecord]:
        """Feedback for each value of each score."""
        for scorer, score in self._scores.items():
            leaves = list(score_leaves(score_value(score)))
            details = self._details(scorer, mapping(score), len(leaves))
            for path, value in leaves:
                yield self._record((scorer, *path), score_value_of(value), details)

    def _record(
        self, path: tuple[str, ...], value: ScoreValue, details: _Details
    ) -> AssessmentRecord:
        name = self._names.assign(*path)
        code, message = self._error(value, details)
        label = value.value
        if isinstance(label, str):
            label = stored_text(label, _LABEL_CHARACTERS) if self._full else None
        original = {} if value.original is None else {"inspect.value": clean_text(value.original)}
        return AssessmentRecord(
            assessment_id=assessment_id(self._trace_id, "feedback", name),
            name=name,
            kind="feedback",
            value=label,
            error_code=code,
            error_message=message,
            source_type=details.source_type,
            source_id=details.source_id,
            rationale=details.rationale,
            metadata={**original, **details.metadata},
            create_time_ms=self._completed_ms,
            last_update_time_ms=details.updated_ms,
        )

    def _error(self, value: ScoreValue, details: _Details) -> tuple[str | None, str | None]:
        if value.unscored is not None:
            return _UNSCORED, details.reason or value.unscored
        if value.is_label and not self._full:
            return _LEFT_OUT, "a score that is text is left out with trace_content=none"
        return None, None

    def _details(self, scorer: str, score: Mapping[str, Any], leaves: int) -> _Details:
        """What the values of a score have in common; the more there are, the shorter its texts."""
        run = self._runs.get(scorer)
        source_type, source_id = self._source(scorer, run)
        span_id = self._evaluator_spans.get(run.span or "") if run is not None else None
        reason = text(score.get("reason"))
        metadata = score_metadata(
            score,
            self._resolved,
            share=leaves,
            full=self._full,
            invalidated=bool(self._sample.get("invalidation")),
        )
        explanation = self._resolved(score.get("explanation")) if self._full else None
        return _Details(
            source_type=source_type,
            source_id=_source_id(source_id),
            rationale=json_text(explanation, max(200, _TEXT_CHARACTERS // leaves))
            if explanation
            else None,
            reason=stored_text(reason, _LABEL_CHARACTERS)
            if reason and (self._full or reason in _REASONS)
            else None,
            metadata={
                **self._run_link(),
                "inspect.scorer": stored_text(scorer, _LABEL_CHARACTERS),
                **({"inspect.span_id": span_id} if span_id else {}),
                **metadata,
            },
            updated_ms=max(self._scored_ms, edit_time_ms(score)),
        )

    def _source(self, scorer: str, run: ScorerRun | None) -> tuple[AssessmentSource, str]:
        """Events tell for sure; where the sample has none, the task's header is asked."""
        if run is not None:
            judge = ", ".join(run.models)
        else:
            judge = "" if self._events else self._task.judges.get(scorer, "")
        return ("LLM_JUDGE", judge) if judge else ("CODE", scorer)

    def _run_link(self) -> dict[str, str]:
        run_id = self._task.run_id
        return {"mlflow.assessment.sourceRunId": run_id} if run_id else {}

    def _resolved(self, value: Any) -> Any:
        try:
            return resolve_references(value, mapping(self._sample.get("attachments")))
        except RecursionError:
            return f"({type(value).__name__} that is nested too deeply)"


@dataclass(frozen=True, slots=True)
class _Details:
    """What all values of one score have in common."""

    source_type: AssessmentSource
    source_id: str
    rationale: str | None
    reason: str | None
    metadata: Mapping[str, str]
    updated_ms: int


def _source_id(name: str) -> str:
    return stored_text(name, ASSESSMENT_SOURCE_CHARACTERS)
