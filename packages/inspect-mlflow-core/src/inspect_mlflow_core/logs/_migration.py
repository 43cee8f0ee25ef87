"""Brings raw samples of every version of the log format to the current shape.

Mirrors what the validators of Inspect's own models do when they read an old log (`EvalSample`,
`Score`, `ChatMessageTool`, `ChatCompletionChoice`, `ModelOutput`), for the fields that are
written to MLflow. Values that are already in the current shape are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

__all__ = ["current_sample", "sample_from_summary"]

# inspect_ai.log._log.SCORER_PLACEHOLDER: the scorer of a sample whose log named none beside it.
_SCORER_PLACEHOLDER: Final = "88F74D2C"
_UNNAMED_SCORER: Final = "score"

_DEFAULTS: Final[dict[str, Callable[[], Any]]] = {
    "epoch": lambda: 1,
    "input": str,
    "target": str,
    "messages": list,
    "output": dict,
    "metadata": dict,
    "store": dict,
    "events": list,
    "model_usage": dict,
    "role_usage": dict,
    "attachments": dict,
}
_OPTIONAL: Final = (
    "choices",
    "scores",
    "events_data",
    "started_at",
    "completed_at",
    "total_time",
    "working_time",
    "uuid",
    "invalidation",
    "error",
    "error_retries",
    "limit",
)
_LIMIT_FIELDS: Final = {"token": "token_limit", "message": "message_limit", "time": "time_limit"}
_SUMMARY_ONLY: Final = frozenset({"completed", "retries", "message_count", "limit_reason"})


def current_sample(sample: dict[str, Any], scorer: str | None = None) -> dict[str, Any]:
    """Changes a raw sample in place to the current shape.

    Every field named in `inspect_ai.log.EvalSample` that a mapping reads is there afterwards:
    empty collections for missing ones, None for a missing value.

    Args:
        sample: Raw JSON of a sample, of any version.
        scorer: Name for the only score of a sample from before scores had names.

    Returns:
        The same object.
    """
    _unpack_transcript(sample)
    _name_single_score(sample, scorer or _UNNAMED_SCORER)
    for field, default in _DEFAULTS.items():
        if sample.get(field) is None:
            sample[field] = default()
    for field in _OPTIONAL:
        sample.setdefault(field, None)
    for field in ("started_at", "completed_at"):
        sample[field] = _utc(sample[field])
    if isinstance(sample["error"], str):
        sample["error"] = _error(sample["error"])
    _migrate_sandbox(sample)
    _migrate_scores(sample["scores"])
    _migrate_messages(sample["messages"])
    _migrate_output(sample["output"])
    for event in sample["events"]:
        if isinstance(event, dict) and event.get("event") == "model":
            _migrate_output(event.get("output"))
    return sample


def sample_from_summary(summary: dict[str, Any]) -> dict[str, Any]:
    """The sample as far as its summary knows it: no messages, output, events or attachments.

    Args:
        summary: Raw JSON of an `EvalSampleSummary`; long texts in it are already cut.
    """
    sample = {name: value for name, value in summary.items() if name not in _SUMMARY_ONLY}
    limit = summary.get("limit")
    if isinstance(limit, str):
        value = summary.get(_LIMIT_FIELDS.get(limit, ""))
        sample["limit"] = {"type": limit, "limit": value, "reason": summary.get("limit_reason")}
    return sample


def _unpack_transcript(sample: dict[str, Any]) -> None:
    transcript = sample.pop("transcript", None)
    if isinstance(transcript, dict):
        sample["events"] = transcript.get("events")
        sample["attachments"] = transcript.get("content")


def _name_single_score(sample: dict[str, Any], scorer: str) -> None:
    score = sample.pop("score", None)
    if score is not None and not sample.get("scores"):
        sample["scores"] = {scorer: score}
    scores = sample.get("scores")
    if isinstance(scores, dict) and _SCORER_PLACEHOLDER in scores:
        scores[scorer] = scores.pop(_SCORER_PLACEHOLDER)


def _migrate_sandbox(sample: dict[str, Any]) -> None:
    match sample.get("sandbox"):
        case [kind, config]:
            sample["sandbox"] = {"type": kind, "config": config}


def _migrate_scores(scores: object) -> None:
    for score in scores.values() if isinstance(scores, dict) else ():
        if not isinstance(score, dict) or score.get("reason") is not None:
            continue
        metadata = score.get("metadata")
        if isinstance(metadata, dict) and metadata.get("unscored_reason") is not None:
            score["reason"] = metadata["unscored_reason"]


def _migrate_messages(messages: list[Any]) -> None:
    for message in messages:
        if isinstance(message, dict) and message.get("tool_error") and not message.get("error"):
            message["error"] = {"type": "unknown", "message": message["tool_error"]}


def _migrate_output(output: object) -> None:
    if not isinstance(output, dict):
        return
    choices = [choice for choice in output.get("choices") or () if isinstance(choice, dict)]
    for choice in choices:
        if choice.get("stop_reason") == "length":
            choice["stop_reason"] = "max_tokens"
    if choices and not output.get("completion"):
        output["completion"] = _text(choices[0].get("message"))


def _text(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, dict))
        return "\n".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")
    return content if isinstance(content, str) else ""


def _error(message: str) -> dict[str, str]:
    return {"message": message, "traceback": "", "traceback_ansi": ""}


def _utc(moment: object) -> object:
    """An ISO 8601 time in UTC; without an offset it is UTC already; anything else unchanged."""
    if not isinstance(moment, str):
        return moment
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
