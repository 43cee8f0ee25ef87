"""The root of a trace, which is the sample, and the attempts at it that failed before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspect_mlflow_core.connection import SpanEventRecord, SpanStatus
from inspect_mlflow_tracing.mapping._nodes import TreeNode
from inspect_mlflow_tracing.mapping.chat import chat_choices, chat_messages

from . import _names as names
from ._context import SpanContent, SpanContext
from ._errors import ErrorFacts, error_facts
from ._values import display_name, duration, given, mapping, plain, text

__all__ = ["attempt_span", "sample_span"]


def sample_span(
    node: TreeNode,
    sample: Mapping[str, Any],
    context: SpanContext,
    *,
    task: str,
    model: str,
    with_agent: bool,
) -> SpanContent:
    """The root span: input, output and the whole conversation of the sample.

    Args:
        node: The root of the tree.
        sample: Raw JSON.
        context: Of the trace.
        task: Name of the task.
        model: Name of the model under evaluation.
        with_agent: Whether an agent ran in the sample.
    """
    facts = _facts(sample)
    number, epoch = facts["inspect.sample_id"], facts["inspect.epoch"]
    name = display_name(f"sample {number} epoch {epoch}", "sample")
    attributes = given({**facts, "inspect.task": task or None, "inspect.model": model or None})
    error = error_facts(sample.get("error"), full=context.full)
    if context.full:
        attributes |= given(_content(sample, context))
        attributes |= given({"inspect.error": error.text if error is not None else None})
    events, status, message = _failure(error, node)
    return SpanContent(
        name, names.AGENT if with_agent else names.CHAIN, attributes, events, status, message
    )


def attempt_span(node: TreeNode, number: int, error: Any, context: SpanContext) -> SpanContent:
    """The span of an attempt that failed, so that Inspect tried once more.

    Args:
        node: Of the attempt.
        number: Counts from 1.
        error: What Inspect noted of it.
        context: Of the attempt.
    """
    facts = error_facts(error, full=context.full) or ErrorFacts("")
    events, status, message = _failure(facts, node)
    attributes = {"inspect.attempt": number}
    return SpanContent(f"attempt {number}", names.CHAIN, attributes, events, status, message)


def _facts(sample: Mapping[str, Any]) -> dict[str, Any]:
    retries, limit = sample.get("error_retries"), sample.get("limit")
    return {
        "inspect.sample_id": plain(sample.get("id")),
        "inspect.epoch": plain(sample.get("epoch")) or 1,
        "inspect.sample_uuid": text(sample.get("uuid")),
        "inspect.limit": text(limit) or text(mapping(limit).get("type")),
        "inspect.limit_value": plain(mapping(limit).get("limit")),
        "inspect.total_time": duration(sample.get("total_time")),
        "inspect.working_time": duration(sample.get("working_time")),
        "inspect.retries": len(retries) if isinstance(retries, list) and retries else None,
        "inspect.invalidated": True if sample.get("invalidation") else None,
    }


def _content(sample: Mapping[str, Any], context: SpanContext) -> dict[str, Any]:
    messages = sample.get("messages")
    conversation = messages if isinstance(messages, list) and messages else None
    return {
        names.INPUTS: _input(sample, context),
        names.OUTPUTS: _output(sample.get("output"), context),
        names.CHAT_MESSAGES: chat_messages(context.resolved(conversation), context.chat)
        if conversation
        else None,
        "inspect.target": context.resolved(sample.get("target")),
        "inspect.limit_reason": text(mapping(sample.get("limit")).get("reason")),
        "inspect.metadata": context.resolved(sample.get("metadata") or None),
    }


def _input(sample: Mapping[str, Any], context: SpanContext) -> dict[str, Any]:
    asked, choices = context.resolved(sample.get("input")), sample.get("choices")
    inputs: dict[str, Any] = (
        {"messages": chat_messages(asked, context.chat)}
        if isinstance(asked, list)
        else {"input": asked}
    )
    return inputs | given({"choices": context.resolved(choices or None)})


def _output(output: Any, context: SpanContext) -> Any:
    completion = text(mapping(output).get("completion"))
    if completion is not None:
        return context.resolved(completion)
    if not mapping(output).get("choices"):
        return None
    return chat_choices(context.resolved(output), context.chat)


def _failure(
    error: ErrorFacts | None, node: TreeNode
) -> tuple[tuple[SpanEventRecord, ...], SpanStatus, str]:
    if error is None:
        return (), "OK", ""
    return (error.at(node.end_ns),), "ERROR", error.status_message
