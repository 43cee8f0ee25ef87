"""OpenLLMetry (Traceloop): attributes `gen_ai.prompt.0.role` and so on.

"GenAI Semantic Conventions" of OpenLLMetry's documentation; the flattened lists are what its
instrumentations write. Spans of workflows have JSON in `traceloop.entity.input` and `.output`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._any_form import form_of
from ._any_messages import messages_in, reply_in
from ._any_parts import written_content
from ._flattened import nested_items
from ._function_tools import tools_of
from ._json_values import as_mapping, as_text, decoded, first, json_text
from ._pieces import content_of, reasoning_part, text_part
from ._span_attributes import completed

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["entity_arguments", "entity_result", "read"]

# The later prefixes are those of versions before OpenTelemetry had conventions.
_PROMPTS = ("gen_ai.prompt", "llm.prompts")
_COMPLETIONS = ("gen_ai.completion", "llm.completions")
_SPOKEN = {"role", "content", "tool_calls", "user", "refusal", "finish_reason"}


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of a model.

    Args:
        span: Any span.

    Returns:
        The call; None when the span has neither prompts nor completions of OpenLLMetry's, nor the
        inputs and outputs of an entity.
    """
    attributes = span.attributes
    prompts = _items(attributes, _PROMPTS)
    completions = _items(attributes, _COMPLETIONS)
    if not prompts and not completions:
        return _entity(span)
    form = ChatForm(
        messages=messages_in([_message(prompt) for prompt in prompts]),
        choices=_choices(completions),
        tools=tools_of(nested_items(attributes, "llm.request.functions")),
    )
    return completed(form, span)


def _entity(span: SourceSpan) -> ChatForm | None:
    asked = decoded(span.attributes.get("traceloop.entity.input"))
    answered = decoded(span.attributes.get("traceloop.entity.output"))
    if asked is None and answered is None:
        return None
    return completed(form_of(_inner(asked, "inputs"), _inner(answered, "outputs")), span)


def entity_arguments(span: SourceSpan) -> Any:
    """The arguments of a function that OpenLLMetry calls an entity, such as a tool.

    Args:
        span: Any span.

    Returns:
        By name, positional ones as the list `args` before them; whatever else was kept as the
        entity's input as it is; None if the span has none.
    """
    asked = decoded(span.attributes.get("traceloop.entity.input"))
    fields = as_mapping(asked)
    if fields.keys() == {"args", "kwargs"} and isinstance(fields["kwargs"], Mapping):
        return ({"args": fields["args"]} if fields["args"] else {}) | dict(fields["kwargs"])
    if "input_str" in fields:
        return first(fields, "inputs", "input_str")
    return asked


def entity_result(span: SourceSpan) -> Any:
    """What a function that OpenLLMetry calls an entity returned; None if the span has none.

    Args:
        span: Any span.
    """
    answered = span.attributes.get("traceloop.entity.output")
    fields = as_mapping(decoded(answered))
    return fields["output"] if fields.keys() == {"output", "kwargs"} else answered


def _inner(value: Any, name: str) -> Any:
    """LangChain's entities have their inputs and outputs beside what the run was called with."""
    fields = as_mapping(value)
    return fields[name] if fields.keys() > {name} and fields[name] is not None else value


def _items(attributes: Mapping[str, Any], prefixes: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    for prefix in prefixes:
        if not any(name.startswith(f"{prefix}.") for name in attributes):
            continue
        if found := [item for item in nested_items(attributes, prefix) if _SPOKEN & item.keys()]:
            return found
    return ()


def _message(prompt: Mapping[str, Any]) -> dict[str, Any]:
    tool_calls = prompt.get("tool_calls")
    return {
        "role": as_text(prompt.get("role")) or "user",
        "content": written_content(first(prompt, "content", "user")),
        "tool_calls": tool_calls if isinstance(tool_calls, list) else None,
        "tool_call_id": prompt.get("tool_call_id"),
        "name": prompt.get("name"),
    }


def _choices(completions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return list(_spoken(completions))


def _spoken(completions: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each completion, after the thoughts that Anthropic's instrumentation makes one of its own.

    The thoughts then have the finish reason.
    """
    thoughts: list[dict[str, Any]] = []
    reason = None
    for completion in completions:
        reason = as_text(completion.get("finish_reason")) or reason
        if completion.get("role") == "thinking":
            thoughts.append(reasoning_part(completion.get("content")))
            continue
        yield {"message": _reply(thoughts, completion), "finish_reason": reason}
        thoughts, reason = [], None
    if thoughts:
        message = {"role": "assistant", "content": content_of(thoughts)}
        yield {"message": message, "finish_reason": reason}


def _reply(thoughts: Sequence[dict[str, Any]], completion: Mapping[str, Any]) -> dict[str, Any]:
    # Always a text, however much it may look like parts.
    said = {"content": json_text(completion.get("content"))}
    message = reply_in(_message(completion) | said | {"refusal": completion.get("refusal")})
    if not thoughts:
        return message
    content = message["content"]
    parts = [text_part(content)] if isinstance(content, str) and content else content or []
    return {**message, "content": content_of([*thoughts, *parts])}
