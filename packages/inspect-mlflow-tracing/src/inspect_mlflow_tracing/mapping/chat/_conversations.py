"""What the model spans of a trace have shown, so that none repeats it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any, Final

from ._messages import message_list

__all__ = ["Conversations", "omission_note"]

_DIGEST_BYTES: Final = 16
# Conversations that go on at the same time; one beyond these is only slower to recognize.
_MOST_REMEMBERED: Final = 256


def omission_note(count: int) -> dict[str, Any]:
    """A message, in Inspect's form, that stands for messages which other spans show.

    Args:
        count: How many they are.
    """
    messages = "1 message" if count == 1 else f"{count:,} messages"
    return {"role": "system", "content": f"[{messages} shown by earlier model calls]"}


@dataclass(frozen=True, slots=True)
class _Call:
    messages: Sequence[Any]
    counts: dict[bytes, int]


class Conversations:
    """What earlier model spans of a trace have shown.

    Messages are the same when they look the same: role, content, tool calls. Their ids are no
    help, because agents keep the id of a message that they edit, and give a new one to a message
    that they build again. A message that occurs several times in a conversation, such as
    "continue", is shown as often.

    A call costs as much as its new messages, apart from a comparison of pointers: messages that
    calls have in common should be the same objects, as `sample_events` pools them.
    """

    def __init__(self) -> None:
        self._shown: dict[bytes, int] = {}
        self._keys: dict[int, tuple[Any, bytes]] = {}
        # By identity of the last message, oldest first.
        self._calls: dict[int, _Call] = {}

    def new_messages(self, messages: Sequence[Any], output: Any = None) -> tuple[int, list[Any]]:
        """Finds what a model call shows for the first time.

        Args:
            messages: Input of the call, `ChatMessage`s as raw JSON.
            output: Its `ModelOutput` as raw JSON, if the span shows that too: the next call of
                the conversation will not show it again.

        Returns:
            How many leading messages earlier calls have shown, and the new ones after them. Where
            shown messages lie between or behind new ones, as after a compaction, an
            `omission_note` stands for them.
        """
        listed = message_list(messages)
        call = self._continued(listed)
        known = len(call.messages)
        new: list[Any] = []
        left_out = 0
        for message in listed[known:]:
            if self._show(message, call.counts):
                new += [omission_note(left_out), message] if left_out else [message]
                left_out = 0
            elif new:
                left_out += 1
            else:
                known += 1
        if left_out:
            new.append(omission_note(left_out))
        self._show_output(output, call.counts)
        self._remember(_Call(listed, call.counts))
        return known, new

    def _continued(self, messages: Sequence[Any]) -> _Call:
        """The call whose whole input these messages begin with, the longest of them."""
        for length in range(len(messages), 0, -1):
            last = id(messages[length - 1])
            call = self._calls.get(last)
            if (
                call is not None
                and len(call.messages) == length
                and all(map(is_, call.messages, messages))
            ):
                return self._calls.pop(last)
        return _Call((), {})

    def _remember(self, call: _Call) -> None:
        if call.messages:
            # A copy: whoever owns the list may go on with it.
            self._calls[id(call.messages[-1])] = _Call(tuple(call.messages), call.counts)
        if len(self._calls) > _MOST_REMEMBERED:
            del self._calls[next(iter(self._calls))]

    def _show(self, message: Any, counts: dict[bytes, int]) -> bool:
        """Counts a message of a conversation; whether no call has shown it before."""
        key = self._key(message)
        counts[key] = occurrence = counts.get(key, 0) + 1
        if occurrence <= self._shown.get(key, 0):
            return False
        self._shown[key] = occurrence
        return True

    def _show_output(self, output: Any, counts: dict[bytes, int]) -> None:
        choices = output.get("choices") if isinstance(output, dict) else None
        for choice in choices if isinstance(choices, list | tuple) else ():
            if isinstance(choice, dict) and isinstance(choice.get("message"), dict):
                # Not counted yet: the conversation may go on with another choice.
                key = self._key(choice["message"])
                self._shown[key] = max(self._shown.get(key, 0), counts.get(key, 0) + 1)

    def _key(self, message: Any) -> bytes:
        # The message is kept with its key: its identity could otherwise pass to another one.
        known = self._keys.get(id(message))
        if known is None:
            known = self._keys[id(message)] = (message, _digest(message))
        return known[1]


def _digest(message: Any) -> bytes:
    try:
        text = json.dumps(_looks(message))
    except (TypeError, ValueError, RecursionError):
        text = f"object {id(message)}"
    return hashlib.blake2b(text.encode("ascii"), digest_size=_DIGEST_BYTES).digest()


def _looks(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    calls = message.get("tool_calls")
    return [
        message.get("role"),
        message.get("content"),
        [_call_looks(call) for call in calls] if isinstance(calls, list | tuple) else calls,
        message.get("tool_call_id"),
        message.get("error"),
    ]


def _call_looks(call: Any) -> Any:
    if not isinstance(call, dict):
        return call
    return [call.get("id"), call.get("function"), call.get("arguments")]
