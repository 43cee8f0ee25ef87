"""What a transcript's metadata tells of a trace that is no message, event or score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from inspect_mlflow_scout._metadata import transcript_metadata
from inspect_mlflow_scout.reading import SourceTrace

from ._duplicates import CountedCalls
from ._scores import TraceScores, assessments_as_json
from ._tree import SpanTree

__all__ = ["token_usage", "trace_metadata"]

_TOKEN_USAGE: Final = "mlflow.trace.tokenUsage"
_USER: Final = "mlflow.trace.user"
_SESSION: Final = "mlflow.trace.session"
_RUN: Final = "mlflow.sourceRun"
# OpenTelemetry's and OpenInference's, which MLflow's older versions leave to the spans.
_SESSIONS_OF_SPANS: Final = ("gen_ai.conversation.id", "session.id")

_INTERNAL: Final = frozenset(
    {
        _USER,
        _SESSION,
        _RUN,
        "mlflow.artifactLocation",
        "mlflow.trace.spansLocation",
        "mlflow.trace.archiveLocation",
        "mlflow.trace.archivalFailure",
        "mlflow.trace.infoFinalized",
        "mlflow.trace.sizeBytes",
        "mlflow.trace.sizeStats",
        "mlflow.trace_schema.version",
        "mlflow.traceInputs",
        "mlflow.traceOutputs",
        "mlflow.traceName",
    }
)
"""Tags and trace metadata by which MLflow finds its own things, or that stand elsewhere in the
transcript (`mlflow.tracing.constant` of MLflow 3)."""


def trace_metadata(
    trace: SourceTrace, tree: SpanTree, calls: CountedCalls, scores: TraceScores
) -> dict[str, Any]:
    """The metadata of a trace's transcript, without credentials.

    Tags and trace metadata are one dict each, for their names are anybody's: filters reach into
    them (`c["tags.environment"]`).
    """
    damages = {
        "missing_parents": tree.orphans,
        "circles": tree.circles,
        "repeated_span_ids": tree.repeated,
    }
    return transcript_metadata(
        (
            ("experiment_id", trace.experiment_id),
            ("experiment_name", trace.experiment_name),
            ("state", trace.state),
            ("session", trace.session or trace.metadata.get(_SESSION) or _session(tree)),
            ("user", trace.metadata.get(_USER)),
            ("run_id", trace.metadata.get(_RUN)),
            ("tags", _told(trace.tags) or None),
            ("trace_metadata", _told(trace.metadata) or None),
            ("target", scores.target),
            ("expectations", scores.expectations),
            ("assessments", assessments_as_json(trace.assessments) or None),
            ("duplicate_spans", dict(calls.duplicates) or None),
            ("lost_attachments", trace.lost_attachments or None),
            ("damaged_spans", {name: count for name, count in damages.items() if count} or None),
        )
    )


def _session(tree: SpanTree) -> str | None:
    told = (root.attributes.get(name) for root in tree.roots for name in _SESSIONS_OF_SPANS)
    return next((session for session in told if isinstance(session, str) and session), None)


def token_usage(trace: SourceTrace) -> int | None:
    """All tokens of a trace, as MLflow counted them; None when it tells none."""
    usage = _decoded(trace.metadata.get(_TOKEN_USAGE, ""))
    if not isinstance(usage, dict):
        return None
    total = _count(usage.get("total_tokens"))
    parts = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    if total is None and None not in parts:
        return sum(part for part in parts if part is not None)
    return total


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None


def _told(texts: Mapping[str, str]) -> dict[str, Any]:
    return {name: _decoded(text) for name, text in texts.items() if name not in _INTERNAL}


def _decoded(text: Any) -> Any:
    """JSON objects and lists decoded; other texts as they are, for `007` is no number."""
    if not isinstance(text, str) or not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
