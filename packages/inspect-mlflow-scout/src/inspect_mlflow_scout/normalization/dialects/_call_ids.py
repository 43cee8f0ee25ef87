"""Ids for calls of tools in dialects that have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

__all__ = ["with_call_ids"]


def with_call_ids(form: ChatForm) -> ChatForm:
    """The same, with an id for every call, and every result referring to its call.

    The ids count the calls of a function from the beginning of the conversation, so that a call
    has the same id in what comes out of a model and in what goes into it next. A result without
    an id answers the oldest unanswered call of its function, or of any, if it names none.
    """
    if not any(map(_lacks_ids, [*form.messages, *(each["message"] for each in form.choices)])):
        return form
    conversation = _Conversation()
    messages = [conversation.numbered(message) for message in form.messages]
    choices = []
    for choice in form.choices:
        # Each is another continuation of the same conversation.
        told = replace(conversation, calls=Counter(conversation.calls), open=[*conversation.open])
        choices.append({**choice, "message": told.numbered(choice["message"])})
    return replace(form, messages=messages, choices=choices)


def _lacks_ids(message: Mapping[str, Any]) -> bool:
    if message["role"] == "tool":
        return not message.get("tool_call_id")
    return any(not call.get("id") for call in message.get("tool_calls") or ())


@dataclass(slots=True)
class _Conversation:
    calls: Counter[str] = field(default_factory=Counter)
    open: list[tuple[str, str]] = field(default_factory=list)

    def numbered(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        if message["role"] == "tool":
            return self._result(message)
        calls: Sequence[Mapping[str, Any]] = message.get("tool_calls") or ()
        return {**message, "tool_calls": [self._call(call) for call in calls]} if calls else message

    def _call(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        name = call["function"]["name"]
        self.calls[name] += 1
        call_id = call.get("id") or f"call_{name}_{self.calls[name]}"
        self.open.append((name, call_id))
        return {**call, "id": call_id}

    def _result(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        said, name = message.get("tool_call_id"), message.get("name")
        for place, (function, call_id) in enumerate(self.open):
            if said == call_id or (not said and name in (None, function)):
                del self.open[place]
                return {**message, "tool_call_id": call_id}
        return message
