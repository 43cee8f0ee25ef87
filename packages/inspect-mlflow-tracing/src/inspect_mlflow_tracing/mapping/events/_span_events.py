"""Events that happened at one moment, as notes on the span around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inspect_mlflow_core.connection import SpanEventRecord

from . import _names as names
from ._context import SpanContext
from ._errors import error_facts
from ._values import display_name, mapping, plain

__all__ = ["note"]

# For each kind what tells its circumstances, in words of Inspect or of the code that made it,
# and what was said in it; None for all the rest. Sample inits repeat the input of the root.
_KINDS: Final[Mapping[str, tuple[tuple[str, ...], str | None]]] = {
    "anchor": (("anchor_id",), ""),
    "branch": (("from_anchor",), ""),
    "checkpoint": (("checkpoint_id", "trigger"), None),
    "info": (("source",), "data"),
    "input": (("outcome",), "input"),
    "interrupt": (("source", "interrupted", "interrupted_tool_call_id"), ""),
    "logger": ((), "message"),
    "sample_init": ((), ""),
    "sample_limit": (("type", "limit"), "message"),
    "score_edit": (("score_name",), "edit"),
    "sentinel": (("factory", "stage", "kind", "status", "action"), "explanation"),
    "state": ((), "changes"),
    "store": ((), "changes"),
}
_BASE: Final = frozenset(
    {"event", "metadata", "pending", "span_id", "timestamp", "uuid", "working_start"}
)
_LOGGER: Final = ("level", "name")


def note(event: Mapping[str, Any], timestamp_ns: int, context: SpanContext) -> SpanEventRecord:
    """An event of any kind, its content as text of at most 2,000 characters.

    Args:
        event: Raw JSON.
        timestamp_ns: When it happened.
        context: Of the trace.

    Returns:
        A span event `inspect.<kind>`, or `exception` for an error.
    """
    kind = display_name(event.get("event"), "unknown")
    if kind == "error":
        error = error_facts(event.get("error") or "unknown", full=context.full)
        if error is not None:
            return error.at(timestamp_ns)
    facts, content = _KINDS.get(kind, ((), None))
    attributes = {name: plain(event.get(name)) for name in facts}
    said: Any = _rest(event, facts) if content is None else event.get(content)
    if kind == "logger":
        attributes = {name: plain(mapping(said).get(name)) for name in _LOGGER}
        said = mapping(said).get("message", said)
    texts = {name: context.bounded_text(value) for name, value in attributes.items() if value}
    if context.full and said is not None:
        texts["content"] = context.bounded_text(said)
    return SpanEventRecord(f"{names.OWN}{kind}", timestamp_ns, texts)


def _rest(event: Mapping[str, Any], facts: tuple[str, ...]) -> dict[str, Any] | None:
    left = {name: event[name] for name in event if name not in _BASE and name not in facts}
    return left or None
