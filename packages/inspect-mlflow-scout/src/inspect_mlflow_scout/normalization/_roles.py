"""What part a span plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["SpanRole", "span_role"]

SpanRole = Literal["model", "tool", "agent", "scorer", "other"]

_SPAN_TYPES: dict[str, SpanRole] = {
    "CHAT_MODEL": "model",
    "LLM": "model",
    "TOOL": "tool",
    "AGENT": "agent",
    "EVALUATOR": "scorer",
    **dict.fromkeys(("EMBEDDING", "RETRIEVER", "RERANKER", "PARSER", "MEMORY"), "other"),
    **dict.fromkeys(("CHAIN", "WORKFLOW", "TASK", "GUARDRAIL"), "other"),
}
# OpenTelemetry's semantic conventions for generative AI, OpenInference's and OpenLLMetry's.
_ATTRIBUTES: dict[str, dict[str, SpanRole]] = {
    "gen_ai.operation.name": {
        **dict.fromkeys(("chat", "text_completion", "generate_content", "completion"), "model"),
        "execute_tool": "tool",
        "invoke_agent": "agent",
        "create_agent": "agent",
    },
    "openinference.span.kind": {
        "llm": "model",
        "tool": "tool",
        "agent": "agent",
        "evaluator": "scorer",
    },
    "traceloop.span.kind": {"llm": "model", "tool": "tool", "agent": "agent"},
    "llm.request.type": {"chat": "model", "completion": "model"},
}
# MLflow gives these to spans of which it knows little more than that they group others.
_VAGUE_TYPES = {"CHAIN", "WORKFLOW", "TASK"}


def span_role(span: SourceSpan) -> SpanRole:
    """What part a span plays: by MLflow's span type, else by what its attributes say.

    Returns:
        `"other"` for a span that is none of a call of a model, a call of a tool, an agent or a
        scorer, such as a chain or a retrieval.
    """
    known = _SPAN_TYPES.get(span.span_type)
    if known is not None and span.span_type not in _VAGUE_TYPES:
        return known
    for name, roles in _ATTRIBUTES.items():
        said = span.attributes.get(name)
        if isinstance(said, str) and said.lower() in roles:
            return roles[said.lower()]
    return "other"
