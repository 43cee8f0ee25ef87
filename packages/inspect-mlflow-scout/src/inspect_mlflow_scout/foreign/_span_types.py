"""What the beginning of a span says of it, in Inspect's terms."""

from __future__ import annotations

from typing import Any, Final

from inspect_mlflow_core.conversion import mask_secrets
from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["begin_metadata", "begin_name", "begin_type", "own_values"]

_PHASES: Final = frozenset({"init", "solvers", "scorers"})
"""Names of top spans by which `timeline_build` knows an Inspect evaluation: it would leave out all
that is beside them."""

_ROLE_TYPES: Final = {"agent": "agent", "tool": "tool", "scorer": "scorer", "model": "model"}
_CONTAINERS: Final = frozenset({"AGENT", "CHAIN", "WORKFLOW", "TASK", "UNKNOWN"})
"""Spans that are there for those below them."""

_CONTENT_ATTRIBUTES: Final = (
    "mlflow.",
    "input.",
    "output.",
    "llm.",
    "gen_ai.input.",
    "gen_ai.output.",
    "gen_ai.prompt",
    "gen_ai.completion",
    "traceloop.entity.input",
    "traceloop.entity.output",
)
"""Beginnings of names of attributes that repeat what a span was given or returned, or that only
MLflow needs."""


def begin_type(span: SourceSpan) -> str:
    """The type of Inspect's span, on which timelines are built.

    `"agent"` for agents, `"handoff"` where one agent hands over to another (the OpenAI Agents SDK
    has spans for that, which MLflow names `Handoff`), `"tool"`, `"scorer"`; else MLflow's type in
    lower case.
    """
    from inspect_mlflow_scout.normalization import span_role

    role = span_role(span)
    if role in _ROLE_TYPES:
        return _ROLE_TYPES[role]
    if span.name.casefold().startswith("handoff"):
        return "handoff"
    return span.span_type.lower()


def begin_name(span: SourceSpan, *, is_root: bool) -> str:
    """The name of Inspect's span; never one by which a timeline would know an evaluation."""
    return f"{span.name} (span)" if is_root and span.name in _PHASES else span.name


def begin_metadata(span: SourceSpan) -> dict[str, Any]:
    """The attributes that say more than inputs, outputs and MLflow's own do, without credentials.

    MLflow's description of a span is among them as `description`, which timelines show.
    """
    kept = {
        name: value
        for name, value in span.attributes.items()
        if not name.startswith(_CONTENT_ATTRIBUTES)
    }
    description = span.attributes.get("mlflow.spanDescription")
    if isinstance(description, str):
        kept.setdefault("description", description)
    masked: dict[str, Any] = mask_secrets(kept)
    return masked


def own_values(span: SourceSpan, *, is_root: bool, calls_below: bool) -> dict[str, Any]:
    """What of inputs and outputs the calls of models in a trace do not tell; empty for nothing.

    A root has the request and the reply of the whole, and what retrieves, ranks, embeds, parses
    or checks has values of its own. But chains and agents repeat the conversation of the calls
    below them, at every level once more, and graphs (LangGraph) hand all of it to each node.

    Args:
        span: The span.
        is_root: Whether nothing is above it.
        calls_below: Whether a model was called below it.
    """
    if span.inputs is None and span.outputs is None:
        return {}
    if is_root or span.span_type not in _CONTAINERS:
        return {"inputs": span.inputs, "outputs": span.outputs}
    if calls_below:
        return {}
    if _is_conversation(span.inputs):
        return {"outputs": span.outputs}
    return {"inputs": span.inputs, "outputs": span.outputs}


def _is_conversation(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("messages"), list)
