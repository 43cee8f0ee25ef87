"""What came out of a model, from outputs of which only the words are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._any_messages import is_message, message_list, messages_in, reply_in
from ._any_parts import are_parts
from ._json_values import as_list, as_mapping, as_text, first, only_of, without_none
from ._parameters import usage_in
from ._pieces import messages_of, text_part
from ._pydantic_ai import is_pydantic_ai_message

__all__ = ["choices_in", "finish_reason_in", "usage_of_outputs"]

_FINISHES = (
    *("finish_reason", "finishReason", "stop_reason", "stopReason", "completionReason"),
    "done_reason",
)
# Lists with one object for every choice.
_LISTS = ("choices", "generations", "results", "completions", "outputs")
_OWN_CONTENT = ("content", "text", "tool_calls", "toolCalls")
_TEXTS = (
    *("outputText", "output_text", "completion", "generation", "generated_text"),
    *("response", "generated_response"),
)
# Names that say it all only when nothing but facts about the answer is beside them.
_ANSWERS = ("answer", "output", "result", "reply", "prediction", "value", "data", "object")
_FACTS = {
    *_FINISHES,
    *("usage", "model", "id", "object", "created", "metadata", "raw", "role", "timestamp"),
    *("type", "response_metadata", "usage_metadata", "logprobs", "latency", "cost"),
}
_DEEPEST_WRAPPING = 6


def choices_in(outputs: Any) -> list[dict[str, Any]]:
    """Choices of the chat form; outputs of which no name says what was answered become JSON."""
    return _read(outputs, _DEEPEST_WRAPPING)


def finish_reason_in(fields: Mapping[str, Any]) -> str | None:
    """Why the model stopped, in the words of the provider."""
    more = as_mapping(first(fields, "generation_info", "response_metadata"))
    return as_text(first(fields, *_FINISHES)) or as_text(first(more, *_FINISHES))


def usage_of_outputs(outputs: Any) -> dict[str, int] | None:
    """The counts of tokens, from where providers and frameworks keep them in what they return."""
    if isinstance(outputs, list) and len(outputs) == 2:
        # Pydantic AI's model returns its response and its usage.
        outputs = {**as_mapping(outputs[0]), "usage": outputs[1]}
    fields = as_mapping(outputs)
    usage = as_mapping(first(fields, "usage", "token_usage", "usage_metadata"))
    nested = (
        usage,
        as_mapping(usage.get("tokens")),
        as_mapping(as_mapping(fields.get("meta")).get("tokens")),
        as_mapping(as_mapping(fields.get("raw")).get("usage")),
        as_mapping(as_mapping(fields.get("llm_output")).get("token_usage")),
        _titan_usage(fields),
        fields,
    )
    return next((found for place in nested if (found := usage_in(place))), None)


def _titan_usage(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The counts of Amazon Titan, that of the output in its only result."""
    results = [as_mapping(result) for result in as_list(fields.get("results"))]
    if len(results) != 1 or "tokenCount" not in results[0]:
        return {}
    return {**fields, "outputTokenCount": results[0]["tokenCount"]}


def _choice(message: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": message, "finish_reason": finish_reason_in(fields)}


def _text_choice(value: Any, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return _choice(messages_of("assistant", [text_part(value)])[0], fields or {})


def _read(value: Any, depth: int) -> list[dict[str, Any]]:
    if value is None or value in ([], {}):
        return []
    if isinstance(value, list) and depth:
        return _of_list(value, depth)
    if isinstance(value, Mapping) and depth:
        return _of_fields(value, depth) or [_text_choice(value)]
    return [_text_choice(value)]


def _of_list(values: list[Any], depth: int) -> list[dict[str, Any]]:
    if all(isinstance(value, str) for value in values):
        return [_text_choice(value) for value in values]
    if (messages := message_list(values)) is not None:
        return _of_messages(messages)
    if isinstance(values[0], Mapping) and is_pydantic_ai_message(values[0]):
        return _of_messages(values[:1])
    if len(values) == 1 and isinstance(values[0], list):
        return _of_list(values[0], depth - 1) if values[0] and depth else [_text_choice(values)]
    if are_parts(values):
        return [_choice(reply_in({"content": values}), {})]
    each = [_of_fields(as_mapping(value), depth - 1) for value in values]
    return (
        [choice for choices in each for choice in choices] if all(each) else [_text_choice(values)]
    )


def _of_messages(messages: Any) -> list[dict[str, Any]]:
    """Each message of the model when there is none of others; else the last one."""
    read = messages_in(messages)
    own = [message for message in read if message["role"] == "assistant"]
    reasons = [finish_reason_in(as_mapping(message)) for message in messages]
    if own and len(own) < len(read):
        return [{"message": own[-1], "finish_reason": reasons[-1]}]
    reasons = reasons if len(reasons) == len(own) else [None] * len(own)
    return [
        {"message": message, "finish_reason": reason}
        for message, reason in zip(own, reasons, strict=True)
    ] or [_text_choice(messages)]


def _of_fields(fields: Mapping[str, Any], depth: int) -> list[dict[str, Any]]:
    if depth <= 0:
        return []
    for name in _LISTS:
        if isinstance(fields.get(name), list) and fields[name]:
            return _with_reason(_read(fields[name], depth - 1), fields)
    if is_message(fields):
        return [_choice(reply_in(_sole(fields)), fields)]
    if (message := first(fields, "message", "delta")) is not None:
        return [_choice(reply_in(_sole(message)), fields)]
    for name in ("messages", "output"):
        if (messages := message_list(fields.get(name))) is not None:
            return _with_reason(_of_messages(messages), fields)
    if any(name in fields for name in _OWN_CONTENT):
        return [_choice(reply_in(fields), fields)]
    if (text := first(fields, *_TEXTS)) is not None:
        return [_choice(reply_in({**_thoughts(fields), "content": text}), fields)]
    return _answer(fields, depth)


def _sole(message: Any) -> Any:
    """A message whose parts are of many speakers as the chat form has it."""
    if isinstance(message, Mapping) and is_pydantic_ai_message(message):
        return messages_in([message])[-1]
    return message


def _thoughts(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in ("reasoning", "thinking") if name in fields}


def _with_reason(choices: list[dict[str, Any]], fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    reason = finish_reason_in(fields)
    return [{**choice, "finish_reason": choice["finish_reason"] or reason} for choice in choices]


def _answer(fields: Mapping[str, Any], depth: int) -> list[dict[str, Any]]:
    said = {name: value for name, value in without_none(fields).items() if name not in _FACTS}
    if (answer := only_of(said, *_ANSWERS)) is None:
        return []
    if isinstance(answer, Mapping):
        found = _of_fields(answer, depth - 1) or [_text_choice(answer)]
        return _with_reason(found, fields)
    return _with_reason(
        [_text_choice(as_list(answer)[0] if _is_single(answer) else answer)], fields
    )


def _is_single(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)
