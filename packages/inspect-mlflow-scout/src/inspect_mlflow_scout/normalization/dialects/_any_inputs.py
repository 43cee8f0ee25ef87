"""The conversation that went into a model, from inputs of which only the words are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._any_messages import is_message, message_list, messages_in
from ._any_parts import are_parts, pieces_of
from ._json_values import as_mapping, decoded, first, json_text, without_none
from ._parameters import PARAMETER_NAMES
from ._pieces import messages_of, text_part

__all__ = ["fields_of", "input_messages"]

_SYSTEM = ("system", "system_prompt", "system_instruction", "preamble", "instructions")
_CONVERSATIONS = ("messages", "input_messages", "chat_messages", "items")
_HISTORIES = ("chat_history", "history", "conversation", "conversation_history")
# Names that say that the model was asked nothing else.
_PROMPTS = ("prompt", "prompts", "inputText", "input_text")
# Names that say so only when parameters alone are beside them: a question may come with a context.
_QUESTIONS = (
    *("question", "query", "input", "inputs", "message", "text", "content", "contents"),
    *("user_input", "user_message", "user_prompt", "human_input", "user_query", "request"),
    *("task", "instruction", "chat_ctx", "data", "value", "str_or_query_bundle"),
)
_ASKED_WITH_HISTORY = ("message", "question", "query", "input", "user_input", "prompt")
_DEEPEST_WRAPPING = 6


def fields_of(inputs: Any) -> Mapping[str, Any]:
    """The named inputs, those given to a function as `args` and `kwargs` among them; else none."""
    value = _unwrapped(inputs)
    return value if isinstance(value, Mapping) else {}


def input_messages(inputs: Any) -> list[dict[str, Any]]:
    """Messages of the chat form; what is not a conversation becomes what the user says.

    Inputs of which no name says what the model was asked become their JSON.
    """
    return _read(inputs, _DEEPEST_WRAPPING)


def _read(inputs: Any, depth: int) -> list[dict[str, Any]]:
    value = _unwrapped(inputs)
    if value is None or value in ("", [], {}):
        return []
    if (conversation := message_list(value)) is not None:
        return messages_in(conversation)
    if isinstance(value, Mapping):
        return _of_fields(value, depth)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return [message for text in value for message in _user(text)]
    return _user(value)


def _unwrapped(inputs: Any) -> Any:
    if not isinstance(inputs, Mapping) or not inputs.keys() <= {"args", "kwargs", "self"}:
        return inputs
    arguments, named = inputs.get("args"), inputs.get("kwargs")
    if not arguments and named:
        return named
    if isinstance(arguments, list) and len(arguments) == 1 and not named:
        return arguments[0]
    return inputs


def _user(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list) and not are_parts(value):
        value = json_text(value)
    return messages_of("user", pieces_of(value))


def _of_fields(fields: Mapping[str, Any], depth: int) -> list[dict[str, Any]]:
    if is_message(fields):
        return messages_in([fields])
    asked = _asked(fields, depth)
    if asked is None:
        return messages_of("user", pieces_of(json_text(fields)))
    system = first(fields, *_SYSTEM)
    return (messages_of("system", pieces_of(system)) if system else []) + asked


def _asked(fields: Mapping[str, Any], depth: int) -> list[dict[str, Any]] | None:
    for name in _CONVERSATIONS:
        if (found := message_list(decoded(fields.get(name)))) is not None:
            return messages_in(found)
        if isinstance(fields.get(name), str) and fields[name]:
            return messages_of("user", [text_part(fields[name])])
    for name in _HISTORIES:
        if (found := message_list(decoded(fields.get(name)))) is not None:
            return messages_in(found) + _read(first(fields, *_ASKED_WITH_HISTORY), depth - 1)
    prompt = first(fields, *_PROMPTS)
    if prompt is not None and depth:
        return _read(prompt, depth - 1)
    return _question(fields, depth)


def _question(fields: Mapping[str, Any], depth: int) -> list[dict[str, Any]] | None:
    said = without_none(fields)
    asked = [name for name in said if name in _QUESTIONS and name not in PARAMETER_NAMES]
    beside: Sequence[str] = [name for name in said if name not in {*asked, *PARAMETER_NAMES}]
    beside = [name for name in beside if name not in (*_HISTORIES, *_CONVERSATIONS) or said[name]]
    if len(asked) != 1 or beside or not depth:
        return None
    value = said[asked[0]]
    return _read(as_mapping(value) or value, depth - 1)
