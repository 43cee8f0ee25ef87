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

__all__ = ["MessageIds", "event_uuid"]

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


class MessageIds:
    """Gives the messages of one trace their ids.

    Messages that say the same have the same id wherever they are in a trace; within one
    conversation, the second one's differs from the first one's. (Inspect's pool of messages, and
    with it Scout's database, gives both the first one's, in the input of model events.)

    The same message comes in the history of many calls; it is looked at once, and what is made of
    it is shared.

    Args:
        trace_id: The trace.
    """

    def __init__(self, trace_id: str) -> None:
        self._trace_id = trace_id
        # By `id` of a message, which is kept with the rest, so that no other one gets its `id`.
        self._read: dict[int, tuple[ChatMessage, ChatMessage, str]] = {}
        self._identified: dict[tuple[int, int], ChatMessage] = {}

    def of_messages(self, messages: Iterable[ChatMessage]) -> list[ChatMessage]:
        """Copies of the messages of one conversation, with ids."""
        return self._of_messages(messages, Counter())

    def of_call(self, call: ModelCall) -> ModelCall:
        """The call with ids on its messages and its answers."""
        seen: Counter[str] = Counter()
        messages = self._of_messages(call.input, seen)
        # Each answer is a way in which the same conversation goes on.
        choices = [
            choice.model_copy(update={"message": self._of_message(choice.message, Counter(seen))})
            for choice in call.output.choices
        ]
        output = call.output.model_copy(update={"choices": choices})
        return dataclasses.replace(call, input=tuple(messages), output=output)

    def _of_messages(
        self, messages: Iterable[ChatMessage], seen: Counter[str]
    ) -> list[ChatMessage]:
        return [self._of_message(message, seen) for message in messages]

    def _of_message(self, message: ChatMessage, seen: Counter[str]) -> ChatMessage:
        read = self._read.get(id(message))
        if read is None:
            clean = clean_message(message)
            read = self._read[id(message)] = (message, clean, _content(clean))
        _, clean, content = read
        place = seen[content]
        seen[content] = place + 1
        identified = self._identified.get((id(message), place))
        if identified is None:
            message_id = _digest(self._trace_id, content, str(place))
            identified = clean.model_copy(update={"id": message_id})
            self._identified[id(message), place] = identified
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
