"""Ids within the trace of a run: hashes, so that every write may be repeated."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from inspect_mlflow_tracing.mapping import span_id

__all__ = [
    "is_assessment_of",
    "root_span_id",
    "run_assessment_id",
    "run_trace_id",
    "task_span_id",
]

_TRACE_ID_BYTES: Final = 16
_TASK_BYTES: Final = 4
_ASSESSMENT_BYTES: Final = 12


def run_trace_id(experiment_id: str, run_id: str) -> str:
    """Id of the trace of a run.

    Args:
        experiment_id: MLflow's experiment; tasks of one run may go to several.
        run_id: Inspect's id of the `eval()` call.

    Returns:
        32 hexadecimal digits.
    """
    return _digest([experiment_id, "run", run_id], _TRACE_ID_BYTES)


def root_span_id(trace_id: str) -> str:
    """Id of the span of the whole run."""
    return span_id(trace_id, "run")


def task_span_id(trace_id: str, eval_id: str) -> str:
    """Id of the span of a task."""
    return span_id(trace_id, f"task/{eval_id}")


def run_assessment_id(
    trace_id: str, eval_id: str, sample_trace_id: str, kind: str, name: str
) -> str:
    """Id of an assessment of a sample on the trace of its run, unique in a whole MLflow store.

    Args:
        trace_id: The trace of the run.
        eval_id: Inspect's eval id of the task.
        sample_trace_id: What the trace of the sample alone would be called.
        kind: Feedback or expectation.
        name: Name of the assessment.

    Returns:
        `a-` and 32 hexadecimal digits, the first of which stand for the task.
    """
    own = _digest([trace_id, sample_trace_id, kind, name], _ASSESSMENT_BYTES)
    return _beginning(trace_id, eval_id) + own


def is_assessment_of(trace_id: str, eval_id: str, assessment_id: str) -> bool:
    """Say whether an assessment was written from a sample of a task.

    Those of people and of other programs have ids by chance.

    Args:
        trace_id: The trace of the run.
        eval_id: Inspect's eval id of the task.
        assessment_id: Of an assessment of that trace.
    """
    return assessment_id.startswith(_beginning(trace_id, eval_id))


def _beginning(trace_id: str, eval_id: str) -> str:
    return "a-" + _digest([trace_id, eval_id], _TASK_BYTES)


def _digest(parts: list[str], size_bytes: int) -> str:
    return hashlib.sha256(json.dumps(parts).encode("ascii")).digest()[:size_bytes].hex()
