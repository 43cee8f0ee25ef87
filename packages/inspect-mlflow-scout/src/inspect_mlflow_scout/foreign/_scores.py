"""Scores and targets from assessments.

What Scout does with `score`: its database keeps a number, a truth value or a text as text, a dict
as JSON, and its filters compare the one (`c.score == "yes"`) and reach into the other
(`c["score.correctness"]`). Hence the value itself where there is one feedback, and a dict by name
where there are several: none of MLflow's feedbacks is the main one, and to pick one would hide
the others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from inspect_mlflow_core.conversion import mask_secrets, score_to_numeric
from inspect_mlflow_scout.reading import SourceAssessment

from ._identity import event_uuid
from ._moments import moment, seconds_between

if TYPE_CHECKING:
    from inspect_ai.event import ScoreEvent

__all__ = ["TraceScores", "assessments_as_json", "score_events", "trace_scores"]

_FROM_SCANS: Final = "scout/"
"""How the names of assessments begin that Scout's scans left: findings, not scores."""

_VERDICTS: Final = {"pass": True, "passed": True, "fail": False, "failed": False}
"""Words for success that Inspect's `value_to_float` does not know."""

_TARGETS: Final = ("expected_response", "expected_output", "ground_truth")
"""MLflow's names for the expected answer (`expected_response` in its evaluation datasets), and
those that people use for it."""


@dataclass(frozen=True, slots=True)
class TraceScores:
    """How a trace was judged.

    Args:
        score: The value of the only feedback, or values by name; None without any.
        explanation: Its rationale, or one per line after its name.
        success: Whether it succeeded; None when unknown, or when feedbacks disagree.
        target: The expected answer.
        expectations: Everything that was expected, by name.
    """

    score: Any = None
    explanation: str | None = None
    success: bool | None = None
    target: str | list[str] | None = None
    expectations: Mapping[str, Any] | None = None


def trace_scores(assessments: Sequence[SourceAssessment], root_ids: Collection[str]) -> TraceScores:
    """How a trace was judged.

    Feedback on a root span is about the trace (`mlflow.genai.evaluate` puts it there); that on
    other spans is not. Of several with one name the latest counts. What has an error or no value
    is not scored.

    Args:
        assessments: In the order of their creation.
        root_ids: Ids of the root spans.
    """
    counted = {
        feedback.name: feedback
        for feedback in _scored(assessments)
        if feedback.span_id is None or feedback.span_id in root_ids
    }
    expectations = {
        expectation.name: expectation.value
        for expectation in _counted(assessments)
        if expectation.kind == "expectation"
    }
    return TraceScores(
        score=_score(counted),
        explanation=_explanation(counted),
        success=_agreed(_is_success(feedback.value) for feedback in counted.values()),
        target=_target(expectations),
        expectations=expectations or None,
    )


def score_events(
    trace_id: str,
    assessments: Sequence[SourceAssessment],
    target: str | list[str] | None,
    *,
    start_ns: int,
    end_ns: int,
) -> list[ScoreEvent]:
    """An event for each feedback that has a value, as it came after the spans.

    Feedback on a span has that span's id.

    Args:
        trace_id: The trace.
        assessments: In the order of their creation.
        target: The expected answer.
        start_ns: When the trace began, nanoseconds since the epoch.
        end_ns: When it was over: the time of feedback that tells none.
    """
    from inspect_ai.event import ScoreEvent
    from inspect_ai.scorer import Score

    events: list[ScoreEvent] = []
    for number, feedback in enumerate(_scored(assessments)):
        created_ms = feedback.create_time_ms
        time_ns = end_ns if created_ms is None else created_ms * 1_000_000
        event = ScoreEvent(
            uuid=event_uuid(trace_id, "score", feedback.assessment_id or str(number)),
            timestamp=moment(time_ns),
            working_start=seconds_between(start_ns, time_ns),
            score=Score(
                value=_inspect_value(feedback.value),
                explanation=feedback.rationale,
                metadata=_score_metadata(feedback),
            ),
            target=target,
            scorer=feedback.name,
        )
        event.span_id = feedback.span_id
        events.append(event)
    return events


def assessments_as_json(assessments: Iterable[SourceAssessment]) -> list[dict[str, Any]]:
    """Every assessment that counts, those with an error and on spans included."""
    return [
        {
            name: value
            for name, value in (
                ("name", assessment.name),
                ("kind", assessment.kind),
                ("value", assessment.value),
                ("error_code", assessment.error_code),
                ("error_message", assessment.error_message),
                ("rationale", assessment.rationale),
                ("source_type", assessment.source_type),
                ("source_id", assessment.source_id),
                ("span_id", assessment.span_id),
                ("assessment_id", assessment.assessment_id),
                ("metadata", dict(assessment.metadata) or None),
            )
            if value is not None
        }
        for assessment in _counted(assessments)
    ]


def _counted(assessments: Iterable[SourceAssessment]) -> Iterable[SourceAssessment]:
    """Without overridden ones and without what scans left."""
    return (
        assessment
        for assessment in assessments
        if assessment.valid and not assessment.name.startswith(_FROM_SCANS)
    )


def _scored(assessments: Iterable[SourceAssessment]) -> Iterable[SourceAssessment]:
    return (
        assessment
        for assessment in _counted(assessments)
        if assessment.kind == "feedback"
        and assessment.value is not None
        and assessment.error_code is None
        and assessment.error_message is None
    )


def _score(counted: Mapping[str, SourceAssessment]) -> Any:
    values = {name: feedback.value for name, feedback in counted.items()}
    if len(values) > 1:
        return values
    return next(iter(values.values()), None)


def _explanation(counted: Mapping[str, SourceAssessment]) -> str | None:
    rationales = {name: feedback.rationale for name, feedback in counted.items()}
    told = {name: rationale for name, rationale in rationales.items() if rationale}
    if len(counted) == 1:
        return next(iter(told.values()), None)
    return "\n".join(f"{name}: {rationale}" for name, rationale in told.items()) or None


def _is_success(value: Any) -> bool | None:
    """Whether a value is a success: a number above zero, or a word that says so."""
    if isinstance(value, str) and value.strip().lower() in _VERDICTS:
        return _VERDICTS[value.strip().lower()]
    number = score_to_numeric(value)
    return None if number is None else number > 0


def _agreed(verdicts: Iterable[bool | None]) -> bool | None:
    told = {verdict for verdict in verdicts if verdict is not None}
    return told.pop() if len(told) == 1 else None


def _target(expectations: Mapping[str, Any]) -> str | list[str] | None:
    named = [expectations[name] for name in _TARGETS if name in expectations]
    if not named and len(expectations) == 1:
        named = list(expectations.values())
    if not named:
        return None
    target = named[0]
    return [_text(part) for part in target] if isinstance(target, list) else _text(target)


def _inspect_value(value: Any) -> Any:
    """A score's value as Inspect has them: a scalar, a list or a dict of scalars."""
    if isinstance(value, dict):
        return {name: _scalar(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_text(part) if part is None else _scalar(part) for part in value]
    return value


def _scalar(value: Any) -> Any:
    return _text(value) if isinstance(value, dict | list) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _score_metadata(feedback: SourceAssessment) -> dict[str, Any]:
    metadata: dict[str, Any] = mask_secrets(dict(feedback.metadata))
    return {
        **metadata,
        "mlflow_assessment_id": feedback.assessment_id,
        "mlflow_source_type": feedback.source_type,
        "mlflow_source_id": feedback.source_id,
    }
