"""A trace without its spans, in the JSON form of MLflow's `StartTraceV3` request.

The same form serves a server and, through the same protobuf messages that a server reads it into,
a database, so that both store the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from inspect_mlflow_core.conversion import (
    ASSESSMENT_NAME_CHARACTERS,
    ASSESSMENT_SOURCE_CHARACTERS,
    KEY_CHARACTERS,
    TRACE_ID_CHARACTERS,
    TRACE_METADATA_VALUE_CHARACTERS,
    TRACE_PREVIEW_CHARACTERS,
    TRACE_TAG_VALUE_CHARACTERS,
    clean_text,
    stored_text,
)

from ._attribute_json import attribute_json
from ._trace_records import (
    AssessmentKind,
    AssessmentRecord,
    StoredAssessment,
    StoredTrace,
    TraceRecord,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PREFIX = "tr-"
_ARTIFACT_LOCATION = "mlflow.artifactLocation"
# Tags that `start_trace` of MLflow's store adds or keeps by itself.
_TAGS_OF_THE_STORE = frozenset({_ARTIFACT_LOCATION, "mlflow.trace.spansLocation"})
# As much as MLflow's server returns at once.
_PAGE = 500


def start_trace_body(trace: TraceRecord) -> dict[str, Any]:
    """Return the request that writes a trace without its spans.

    Args:
        trace: The trace; texts are cut to what columns hold.
    """
    info: dict[str, Any] = {
        "trace_id": trace.mlflow_trace_id,
        "trace_location": trace_location(trace.experiment_id),
        "request_time": _timestamp(trace.request_time_ms),
        "state": trace.state,
        "request_preview": stored_text(trace.request_preview, TRACE_PREVIEW_CHARACTERS),
        "response_preview": stored_text(trace.response_preview, TRACE_PREVIEW_CHARACTERS),
        "trace_metadata": _texts(trace.metadata, TRACE_METADATA_VALUE_CHARACTERS),
        "tags": _texts(trace.tags, TRACE_TAG_VALUE_CHARACTERS),
        "assessments": [
            assessment_body(assessment, trace.mlflow_trace_id)
            for assessment in trace.assessments
            # An expectation of nothing is refused together with the whole trace.
            if assessment.kind == "feedback" or assessment.value is not None
        ],
    }
    if trace.execution_duration_ms is not None:
        seconds, milliseconds = divmod(trace.execution_duration_ms, 1000)
        info["execution_duration"] = f"{seconds}.{milliseconds:03d}s"
    if trace.client_request_id is not None:
        info["client_request_id"] = stored_text(trace.client_request_id, TRACE_ID_CHARACTERS)
    return {"trace": {"trace_info": info}}


def with_additions(body: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request that also holds what was added to a trace since it was written.

    Args:
        body: See `start_trace_body`.
        stored: The trace's `TraceInfoV3` as JSON; empty when there is none yet.
    """
    info = body["trace"]["trace_info"]
    ids = {assessment["assessment_id"] for assessment in info["assessments"]}
    tags, metadata = stored.get("tags", {}), stored.get("trace_metadata", {})
    added = {name: value for name, value in tags.items() if name not in _TAGS_OF_THE_STORE}
    assessments = [
        assessment
        for assessment in stored.get("assessments", [])
        if assessment.get("assessment_id") not in ids
    ]
    merged = {
        **info,
        "tags": {**added, **info["tags"]},
        "trace_metadata": {**metadata, **info["trace_metadata"]},
        "assessments": [*info["assessments"], *assessments],
    }
    return {"trace": {"trace_info": merged}}


def trace_location(experiment_id: str) -> dict[str, Any]:
    """Return how MLflow names the experiment in which a trace lies.

    Args:
        experiment_id: MLflow's id.
    """
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}


def search_traces_body(
    experiment_ids: Sequence[str], filter_string: str, page_token: str
) -> dict[str, Any]:
    """Return the request for one page of a search.

    Args:
        experiment_ids: Where to search.
        filter_string: In MLflow's language; `""` for all.
        page_token: What the page before told; `""` for the first page.
    """
    body = {
        "locations": [trace_location(experiment_id) for experiment_id in experiment_ids],
        "filter": filter_string,
        "max_results": _PAGE,
        # Oldest first, so that traces that arrive meanwhile do not move the pages.
        "order_by": ["timestamp_ms ASC"],
    }
    return {**body, "page_token": page_token} if page_token else body


def stored_trace(
    mlflow_trace_id: str,
    state: str,
    tags: Mapping[str, str],
    metadata: Mapping[str, str],
    assessments: Iterable[tuple[str, str, AssessmentKind | None]],
) -> StoredTrace:
    """Return what a search found.

    Args:
        mlflow_trace_id: `tr-` and 32 hexadecimal digits.
        state: How it stands.
        tags: All tags.
        metadata: All metadata.
        assessments: Id, name and kind of each; those of another kind than ours are left out.
    """
    return StoredTrace(
        mlflow_trace_id.removeprefix(_PREFIX),
        state,
        dict(tags),
        dict(metadata),
        tuple(
            StoredAssessment(identifier, name, kind)
            for identifier, name, kind in assessments
            if kind is not None
        ),
    )


def assessment_kind(*, feedback: bool, expectation: bool) -> AssessmentKind | None:
    """Return the kind of an assessment.

    Args:
        feedback: Whether it has the content of feedback.
        expectation: Whether it has that of an expectation.

    Returns:
        None when it has neither: newer versions of MLflow know more kinds.
    """
    if feedback:
        return "feedback"
    return "expectation" if expectation else None


def artifact_location(tags: Mapping[str, str]) -> str:
    """Return where the attachments of a trace lie, `""` if its tags do not say.

    Args:
        tags: The tags as MLflow returned them.
    """
    return tags.get(_ARTIFACT_LOCATION, "")


def assessment_body(assessment: AssessmentRecord, mlflow_trace_id: str) -> dict[str, Any]:
    """Return the request's form of an assessment.

    Args:
        assessment: The assessment; texts are cut to what columns hold.
        mlflow_trace_id: MLflow's form of the id of its trace.
    """
    message: dict[str, Any] = {
        "assessment_id": assessment.assessment_id,
        "assessment_name": stored_text(assessment.name, ASSESSMENT_NAME_CHARACTERS),
        "trace_id": mlflow_trace_id,
        "source": {
            "source_type": assessment.source_type,
            "source_id": stored_text(assessment.source_id, ASSESSMENT_SOURCE_CHARACTERS),
        },
        "create_time": _timestamp(assessment.create_time_ms),
        "last_update_time": _timestamp(assessment.last_update_time_ms),
        "valid": True,
    }
    feedback = assessment.kind == "feedback"
    message[assessment.kind] = _feedback(assessment) if feedback else _expectation(assessment)
    if assessment.span_id:
        message["span_id"] = assessment.span_id
    if assessment.rationale is not None:
        message["rationale"] = clean_text(assessment.rationale)
    if assessment.metadata:
        message["metadata"] = {
            clean_text(name): clean_text(value) for name, value in assessment.metadata.items()
        }
    return message


def _feedback(assessment: AssessmentRecord) -> dict[str, Any]:
    feedback: dict[str, Any] = {"value": json.loads(attribute_json(assessment.value))}
    if assessment.error_code is not None:
        feedback["error"] = {
            "error_code": clean_text(assessment.error_code),
            "error_message": clean_text(assessment.error_message or ""),
        }
    return feedback


def _expectation(assessment: AssessmentRecord) -> dict[str, Any]:
    text = attribute_json(assessment.value)
    # As MLflow's client: only single values go as they are.
    if text[0] in "{[":
        return {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": text}}
    return {"value": json.loads(text)}


def _texts(values: Mapping[str, str], limit: int) -> dict[str, str]:
    return {
        stored_text(name, KEY_CHARACTERS): stored_text(value, limit)
        for name, value in values.items()
    }


def _timestamp(time_ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
