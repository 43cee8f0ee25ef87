"""Ids that are the same at every import of a trace.

Inspect's `stable_message_ids` gives equal messages equal ids, but new ones each time, and takes
an answer for another message than its copy in the next call's history, which names no model.
Here both are derived from what is said.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ._cleaning import clean_message

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

    from inspect_mlflow_scout.normalization import ModelCall

__all__ = ["call_with_ids", "event_uuid", "with_ids"]

_ID_BYTES: Final = 16
_SAID_ELSEWHERE: Final = frozenset({"id", "source", "model", "metadata"})


def event_uuid(trace_id: str, kind: str, part_id: str) -> str:
    """The `uuid` of an event.

    Args:
        trace_id: MLflow's id of the trace.
        kind: `"model"`, `"tool"`, `"span_begin"`, ..., the `event` of Inspect's events.
        part_id: The span's id, or the assessment's.

    Returns:
        32 hexadecimal digits.
    """
    return _digest(trace_id, kind, part_id)


def with_ids(trace_id: str, messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Copies of the messages of one conversation, with ids.

    Messages that say the same have the same id wherever they are in a trace; within one
    conversation, the second one's differs from the first one's. (Inspect's pool of messages, and
    with it Scout's database, gives both the first one's, in the input of model events.)
    """
    return _with_ids(trace_id, messages, Counter())


def call_with_ids(trace_id: str, call: ModelCall) -> ModelCall:
    """The call with ids on its messages and its answers."""
    seen: Counter[str] = Counter()
    messages = _with_ids(trace_id, call.input, seen)
    # Each answer is a way in which the same conversation goes on.
    answers = [
        _with_ids(trace_id, [choice.message], Counter(seen))[0] for choice in call.output.choices
    ]
    choices = [
        choice.model_copy(update={"message": answer})
        for choice, answer in zip(call.output.choices, answers, strict=True)
    ]
    output = call.output.model_copy(update={"choices": choices})
    return dataclasses.replace(call, input=tuple(messages), output=output)


def _with_ids(
    trace_id: str, messages: Iterable[ChatMessage], seen: Counter[str]
) -> list[ChatMessage]:
    identified: list[ChatMessage] = []
    for message in map(clean_message, messages):
        content = _content(message)
        message_id = _digest(trace_id, content, str(seen[content]))
        seen[content] += 1
        identified.append(message.model_copy(update={"id": message_id}))
    return identified


def _content(message: ChatMessage) -> str:
    if type(message).__name__ == "ChatMessageUser" and isinstance(message.content, str):
        # Most of what is said, and the costly dump tells no more of it.
        return json.dumps([message.role, message.content])
    said = message.model_dump(exclude=set(_SAID_ELSEWHERE), exclude_none=True)
    said["content"] = _plain(message.content, said["content"])
    return json.dumps(said, sort_keys=True, default=str)


def _plain(content: Any, dumped: Any) -> Any:
    """A lone part of text is that text: histories have it in either form."""
    if isinstance(content, list) and len(content) == 1 and content[0].type == "text":
        return content[0].text
    return dumped


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=_ID_BYTES).hexdigest()
