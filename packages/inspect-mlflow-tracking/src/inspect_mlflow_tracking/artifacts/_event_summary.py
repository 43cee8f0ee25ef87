"""What an event says, in a few words: its name and a one-cell summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from inspect_mlflow_core.conversion import cut_text

from ._content import Attachments, content_text, input_text, tool_calls_of
from ._scores import score_value
from ._values import json_text, obj_get

__all__ = ["SUMMARY_LIMIT", "event_error", "event_name", "event_summary"]

SUMMARY_LIMIT: Final = 500
"""Characters of a summary; the full text is in the messages, in the trace and in the log."""

_CHANGES_SHOWN: Final = 10

# The field that names the thing an event is about, by event type.
_NAME_FIELDS: Final[Mapping[str, str]] = {
    "approval": "approver",
    "compaction": "type",
    "info": "source",
    "interrupt": "source",
    "model": "model",
    "review": "reviewer",
    "sample_limit": "type",
    "sandbox": "action",
    "score": "scorer",
    "score_edit": "score_name",
    "sentinel": "factory",
    "span_begin": "name",
    "step": "name",
    "subtask": "name",
    "tool": "function",
}


def event_name(event: Any) -> Any:
    """Name of the model, tool, scorer, span... that an event is about, or None."""
    field = _NAME_FIELDS.get(obj_get(event, "event"))
    return None if field is None else obj_get(event, field)


def event_error(event: Any) -> str | None:
    """Error that an event reports, as `type: message` where there is a type."""
    error = obj_get(event, "error") or obj_get(obj_get(event, "output"), "error")
    if not error or isinstance(error, str):
        return error or None
    kind, message = obj_get(error, "type"), obj_get(error, "message")
    return f"{kind}: {message}" if kind else message


def event_summary(event: Any, attachments: Attachments) -> str | None:
    """Short text of an event, at most `SUMMARY_LIMIT` characters; None when it has none."""
    summarise = _SUMMARIES.get(obj_get(event, "event"))
    text = summarise(event, attachments) if summarise else None
    return cut_text(text, SUMMARY_LIMIT) if text else None


def _inline(value: Any, attachments: Attachments) -> str:
    resolved = attachments.value(value)
    return resolved if isinstance(resolved, str) else json_text(resolved)


def _call(function: Any, arguments: Any, attachments: Attachments) -> str:
    return f"{function}({_inline(arguments, attachments)})"


def _model(event: Any, attachments: Attachments) -> str:
    choices = obj_get(obj_get(event, "output"), "choices") or ()
    message = obj_get(choices[0], "message") if choices else None
    calls = tool_calls_of(message, attachments)
    said = content_text(obj_get(message, "content"), attachments)
    called = [_call(call["function"], call["arguments"], attachments) for call in calls]
    return "\n".join(text for text in (said, *called) if text)


def _tool(event: Any, attachments: Attachments) -> str:
    call = _call(obj_get(event, "function"), obj_get(event, "arguments"), attachments)
    return f"{call} -> {content_text(obj_get(event, 'result'), attachments)}"


def _score(event: Any, _: Attachments) -> str:
    value = json_text(score_value(obj_get(event, "score")))
    return f"{value} (intermediate)" if obj_get(event, "intermediate") else value


def _score_edit(event: Any, attachments: Attachments) -> str:
    return _inline(obj_get(obj_get(event, "edit"), "value"), attachments)


def _sandbox(event: Any, attachments: Attachments) -> str:
    subject = attachments.text(obj_get(event, "cmd") or obj_get(event, "file") or "")
    result = obj_get(event, "result")
    return subject if result is None else f"{subject} -> {result}"


def _changes(event: Any, _: Attachments) -> str:
    changes = obj_get(event, "changes") or ()
    shown = [f"{obj_get(c, 'op')} {obj_get(c, 'path')}" for c in changes[:_CHANGES_SHOWN]]
    more = len(changes) - len(shown)
    return "; ".join(shown) + (f"; {more} more" if more else "")


def _decision(event: Any, _: Attachments) -> str:
    function = obj_get(obj_get(event, "call"), "function")
    explanation = obj_get(event, "explanation")
    text = f"{obj_get(event, 'decision')} {function}"
    return f"{text}: {explanation}" if explanation else text


def _logger(event: Any, _: Attachments) -> str:
    message = obj_get(event, "message")
    return f"{obj_get(message, 'level')}: {obj_get(message, 'message')}"


def _compaction(event: Any, _: Attachments) -> str:
    return f"{obj_get(event, 'tokens_before')} -> {obj_get(event, 'tokens_after')} tokens"


def _field(name: str) -> Callable[[Any, Attachments], str]:
    def summarise(event: Any, attachments: Attachments) -> str:
        value = obj_get(event, name)
        return "" if value is None else _inline(value, attachments)

    return summarise


def _sample_init(event: Any, attachments: Attachments) -> str:
    return input_text(obj_get(obj_get(event, "sample"), "input"), attachments) or ""


def _input(event: Any, attachments: Attachments) -> str:
    return _inline(obj_get(event, "input") or obj_get(event, "message") or "", attachments)


_SUMMARIES: Final[Mapping[str, Callable[[Any, Attachments], str]]] = {
    "anchor": _field("anchor_id"),
    "approval": _decision,
    "branch": _field("from_anchor"),
    "checkpoint": _field("trigger"),
    "compaction": _compaction,
    "error": lambda event, _: obj_get(obj_get(event, "error"), "message") or "",
    "info": _field("data"),
    "input": _input,
    "interrupt": _field("interrupted"),
    "logger": _logger,
    "model": _model,
    "review": _decision,
    "sample_init": _sample_init,
    "sample_limit": _field("message"),
    "sandbox": _sandbox,
    "score": _score,
    "score_edit": _score_edit,
    "sentinel": _field("message"),
    "span_begin": _field("type"),
    "state": _changes,
    "step": _field("action"),
    "store": _changes,
    "subtask": _field("input"),
    "tool": _tool,
}
