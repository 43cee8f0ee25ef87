"""Ids of traces, spans and assessments: hashes, so that every write may be repeated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["SpanIds", "assessment_id", "span_id", "trace_id"]

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_ASSESSMENT_ID_BYTES: Final = 16


def trace_id(experiment_id: str, eval_id: str, sample: Mapping[str, Any]) -> str:
    """Id of the trace of a sample, the same whenever and by whatever it is written.

    MLflow's experiment is part of it because a server moves or refuses a trace that another
    experiment has already.

    Args:
        experiment_id: MLflow's experiment.
        eval_id: Inspect's id of the evaluation.
        sample: Raw JSON of the sample. Logs before Inspect 0.3.70 name no `uuid`: then `id`
            (as text, the form in which Inspect compares ids) and `epoch` stand for it.

    Returns:
        32 hexadecimal digits.
    """
    uuid = sample.get("uuid")
    identity = uuid if isinstance(uuid, str) and uuid else _sample_key(sample)
    return _digest([experiment_id, eval_id, identity], _TRACE_ID_BYTES)


def span_id(trace_id: str, key: str) -> str:
    """Id of a span.

    Args:
        trace_id: 32 hexadecimal digits.
        key: Names the span within the trace: Inspect's id of the span or event.

    Returns:
        16 hexadecimal digits.
    """
    text = f"{trace_id}\0{key}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).digest()[:_SPAN_ID_BYTES].hex()


def assessment_id(trace_id: str, kind: str, name: str) -> str:
    """Id of an assessment, unique in a whole MLflow store.

    Args:
        trace_id: 32 hexadecimal digits.
        kind: Feedback or expectation.
        name: Name of the assessment.

    Returns:
        `a-` and 32 hexadecimal digits.
    """
    return "a-" + _digest([trace_id, kind, name], _ASSESSMENT_ID_BYTES)


class SpanIds:
    """Gives out the ids of one trace's spans, each only once.

    A damaged log may repeat the id of a span or event; the second one gets another id, always the
    same for the same log.

    Args:
        trace_id: 32 hexadecimal digits.
    """

    def __init__(self, trace_id: str) -> None:
        self._trace_id = trace_id
        self._given: set[str] = set()
        self._repetitions: dict[str, int] = {}

    def new(self, key: str) -> str:
        """The id for the next span with this key: `span_id(trace_id, key)` for the first."""
        identifier = span_id(self._trace_id, key)
        while identifier in self._given:
            number = self._repetitions[key] = self._repetitions.get(key, 0) + 1
            identifier = span_id(self._trace_id, f"{key}\0{number}")
        self._given.add(identifier)
        return identifier


def _sample_key(sample: Mapping[str, Any]) -> list[Any]:
    return [str(sample.get("id")), sample.get("epoch") or 1]


def _digest(parts: list[Any], size_bytes: int) -> str:
    # JSON keeps the parts apart, whatever characters they have.
    text = json.dumps(parts, default=str).encode("ascii")
    return hashlib.sha256(text).digest()[:size_bytes].hex()
