"""A call of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inspect_mlflow_core.conversion import mask_secrets
from inspect_mlflow_tracing.mapping._nodes import TreeNode
from inspect_mlflow_tracing.mapping.chat import (
    chat_choices,
    chat_messages,
    chat_tools,
    omission_note,
    token_usage,
    usage_cost,
)

from . import _names as names
from ._context import SpanContent, SpanContext
from ._errors import error_facts
from ._event_attributes import event_attributes
from ._values import display_name, given, mapping, number, text

__all__ = ["model_span"]

_CANCELLED: Final = "Cancelled by "
"""Begins what Inspect notes as error of a call that it cancelled itself (`CANCEL_ERRORS`)."""

_CANCELLED_BY: Final = frozenset({"limit", "operator", "system"})


def model_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of a model event: a chat with what is new in it, the answer, and its price."""
    event = mapping(node.event)
    attributes = event_attributes(node, context) | given(_facts(event) | _usage(event))
    attributes |= given(_settings(event, context)) | _chat(event, context)
    name = display_name(event.get("model"), "model")
    cancelled = _cancelled_by(event.get("error"))
    if cancelled is not None:
        attributes["inspect.cancelled"] = cancelled
        return SpanContent(name, names.CHAT_MODEL, attributes, status="UNSET")
    error = error_facts(
        event.get("error") or mapping(event.get("output")).get("error"),
        full=context.full,
        traceback=event.get("traceback"),
    )
    if error is None:
        return SpanContent(name, names.CHAT_MODEL, attributes)
    raised = (error.at(node.end_ns),)
    return SpanContent(name, names.CHAT_MODEL, attributes, raised, "ERROR", error.status_message)


def _facts(event: Mapping[str, Any]) -> dict[str, Any]:
    output, full_name = mapping(event.get("output")), text(event.get("model"))
    provider, _, model = (full_name or "").partition("/")
    return {
        names.MESSAGE_FORMAT: "openai",
        names.MODEL: model or full_name,
        names.PROVIDER: provider if model else None,
        "inspect.model": full_name,
        "inspect.requested_model": text(event.get("requested_model")),
        "inspect.response_model": _other_than(full_name, text(output.get("model"))),
        "inspect.role": text(event.get("role")),
        "inspect.cache": text(event.get("cache")),
        "inspect.retries": number(event.get("retries")),
        "inspect.stop_reason": _stop_reason(output),
        "inspect.request_ids": event.get("request_ids") or None,
    }


def _usage(event: Mapping[str, Any]) -> dict[str, Any]:
    usage = mapping(event.get("output")).get("usage")
    if event.get("cache") == "read":
        # What an earlier call has paid for: Inspect does not count it either.
        return {"inspect.cached_usage": token_usage(usage)}
    # MLflow refuses the whole request for an empty value of these two.
    return {names.TOKEN_USAGE: token_usage(usage), names.COST: usage_cost(usage)}


def _settings(event: Mapping[str, Any], context: SpanContext) -> dict[str, Any]:
    config = given(mapping(event.get("config")))
    if not context.full:
        # A system message and stop sequences are settings too.
        config = {key: value for key, value in config.items() if number(value) is not None}
    choice = event.get("tool_choice")
    fallback = mapping(event.get("output")).get("fallback")
    return {
        "inspect.config": mask_secrets(config) if config else None,
        "inspect.tool_choice": text(choice) or text(mapping(choice).get("name")),
        "inspect.fallback": context.content(fallback),
    }


def _chat(event: Mapping[str, Any], context: SpanContext) -> dict[str, Any]:
    messages, output = context.inputs.messages(event), event.get("output")
    if not context.full:
        return {"inspect.input_messages": len(messages)}
    before, new = context.inputs.new_messages(messages, output)
    shown = chat_messages(context.resolved(new), context.chat)
    if before:
        shown = [*chat_messages([omission_note(before)], context.chat), *shown]
    chat = {
        names.INPUTS: {"messages": shown},
        "inspect.input_messages": len(messages),
        "inspect.earlier_messages": before,
    }
    tools = event.get("tools")
    if isinstance(tools, list) and tools:
        chat[names.CHAT_TOOLS] = context.inputs.tools(
            tools, lambda asked: chat_tools(context.resolved(asked))
        )
    if mapping(output).get("choices"):
        chat[names.OUTPUTS] = chat_choices(context.resolved(output), context.chat)
    return chat


def _other_than(known: str | None, value: str | None) -> str | None:
    return None if value == known else value


def _stop_reason(output: Mapping[str, Any]) -> str | None:
    choices = output.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return text(mapping(first).get("stop_reason"))


def _cancelled_by(error: object) -> str | None:
    if not isinstance(error, str) or not error.startswith(_CANCELLED):
        return None
    source = error.removeprefix(_CANCELLED)
    return source if source in _CANCELLED_BY else None
