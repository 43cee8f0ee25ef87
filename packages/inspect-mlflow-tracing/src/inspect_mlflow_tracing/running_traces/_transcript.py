"""Reads what is new in the transcript of a running sample, as raw JSON.

The transcript has the events in the order of the log, also those that go on. What Inspect's
event hook is told comes later and in another order, so that spans could not be told apart by it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from inspect_mlflow_tracing.mapping import MOST_SPANS, first_spans
from inspect_mlflow_tracing.mapping._tree import SPAN_KINDS
from inspect_mlflow_tracing.mapping.chat import omission_note

if TYPE_CHECKING:
    from inspect_ai.event import ModelEvent
    from inspect_ai.log import Transcript
    from inspect_ai.model import ModelUsage

__all__ = ["MOST_SPANS_SHOWN", "TranscriptReader"]

MOST_SPANS_SHOWN: Final = first_spans(MOST_SPANS)
"""Those that the complete trace has as well, however long the sample becomes."""

_MOST_EVENTS_AT_ONCE: Final = 1_000
_MOST_BYTES_AT_ONCE: Final = 8_000_000

# They belong to a span that has begun: without them another event would be taken for theirs.
_PAIRED: Final = frozenset({"subtask", "tool"})
_OF_PENDING: Final = frozenset(
    {"event", "function", "name", "pending", "span_id", "timestamp", "uuid"}
)
_LEFT_OUT: Final = {
    "approval": {"view"},
    "model": {"call", "input", "input_refs", "traceback_ansi"},
    "review": {"view"},
    "subtask": {"events"},
    "tool": {"events", "view"},
}


@dataclass(slots=True, eq=False)
class _Entry:
    """An event that is still to be sent, or whose span is open.

    Args:
        event: Inspect's event.
        identifier: Of the span that begins or ends with it, else of the event.
        json: Its raw JSON, once it is complete.
    """

    event: Any
    identifier: str
    json: bytes | None = None

    @property
    def tells_something(self) -> bool:
        """Whether a span is complete by it."""
        return not self.event.pending and self.event.event != "span_begin"


class TranscriptReader:
    """The events of one running sample that are to be sent.

    Events are written as JSON once, and of the messages that a model is asked only those that no
    earlier call has shown: the whole is linear in the length of the conversation. What happens at
    one moment within a span is left to the complete trace.

    Args:
        transcript: Of the sample; goes on growing in another thread.
        most_spans: The most events that become spans, or begin one.

    Attributes:
        usage: Tokens of the model calls that were read, by model.
    """

    def __init__(self, transcript: Transcript, most_spans: int = MOST_SPANS_SHOWN) -> None:
        self.usage: dict[str, ModelUsage] = {}
        self._transcript = transcript
        self._room = most_spans
        self._position = 0
        # In the order of the log.
        self._entries: dict[int, _Entry] = {}
        self._open: set[str] = set()
        self._messages_shown: set[str] = set()
        self._tools_shown = False

    def read(self) -> list[bytes]:
        """The events to send now, each as raw JSON, in the order of the log.

        Those that `forget` has not been told of come again, so that an attempt that failed may be
        repeated.

        Returns:
            Nothing when no event is complete that was not sent before.
        """
        self._take_new()
        events, size_bytes, anything = [], 0, False
        for position, entry in list(self._entries.items()):
            try:
                data = entry.json or self._json_of(entry)
            # Values of the user's own types may raise anything when they are written, and
            # something may be changed at this very moment. The log has the event.
            except Exception:
                del self._entries[position]
                continue
            if data is None:
                continue
            events.append(data)
            size_bytes += len(data)
            anything = anything or entry.tells_something
            if size_bytes > _MOST_BYTES_AT_ONCE:
                break
        return events if anything else []

    def forget(self, identifiers: Collection[str]) -> None:
        """Drop what has been sent.

        Args:
            identifiers: Inspect's ids of spans and events.
        """
        self._entries = {
            position: entry
            for position, entry in self._entries.items()
            if entry.identifier not in identifiers
        }
        self._open.difference_update(identifiers)

    def _take_new(self) -> None:
        if self._transcript.history.resident_events_truncated:
            return  # Events have been moved out of memory, and positions mean nothing any more.
        new = self._transcript.events[self._position : self._position + _MOST_EVENTS_AT_ONCE]
        for position, event in enumerate(new, self._position):
            identifier = self._identifier(event)
            if identifier is not None:
                self._entries[position] = _Entry(event, identifier)
        self._position += len(new)

    def _identifier(self, event: Any) -> str | None:
        """The id by which an event is known; None for one that is not to be sent.

        A span without an id of Inspect's gets one by its position in the log, which is not known
        here. Versions that have these hooks give every event an id.
        """
        if event.event == "span_end":
            return event.id if event.id in self._open else None
        begins = event.event == "span_begin"
        if not self._room or not (begins or event.event in SPAN_KINDS):
            return None
        identifier = event.id if begins else event.uuid
        if isinstance(identifier, str) and identifier:
            self._room -= 1
            if begins:
                self._open.add(identifier)
            return identifier
        return None

    def _json_of(self, entry: _Entry) -> bytes | None:
        event = entry.event
        if event.pending:
            return _pending_json(event) if event.event in _PAIRED else None
        entry.json = self._model_json(event) if event.event == "model" else _json(event)
        return entry.json

    def _model_json(self, event: ModelEvent) -> bytes:
        left_out = {"tools"} if self._tools_shown else set()
        data = _json(event, left_out)
        new = [message for message in event.input if self._is_new(message)]
        messages = [_message_json(message) for message in new]
        before = len(event.input) - len(new)
        if before:
            messages.insert(0, json.dumps(omission_note(before)).encode())
        for choice in event.output.choices:
            self._is_new(choice.message)  # The next call is asked with it.
        self._count(event)
        self._tools_shown = self._tools_shown or bool(event.tools)
        return b'{"input":[' + b",".join(messages) + b"]," + data[1:]

    def _count(self, event: ModelEvent) -> None:
        usage = event.output.usage
        if usage is not None and event.cache != "read":
            before = self.usage.get(event.model)
            self.usage[event.model] = usage if before is None else before + usage

    def _is_new(self, message: Any) -> bool:
        """Whether no call has shown a message; takes note that one does now."""
        # The transcript holds on to messages, so that none takes the place of another in memory.
        key = message.id or f"object {id(message)}"
        if key in self._messages_shown:
            return False
        self._messages_shown.add(key)
        return True


def _json(event: Any, left_out: Collection[str] = ()) -> bytes:
    return _written(event, exclude={*_LEFT_OUT.get(event.event, ()), *left_out})


def _pending_json(event: Any) -> bytes:
    return _written(event, include=set(_OF_PENDING))


def _message_json(message: Any) -> bytes:
    return _written(message)


def _written(value: Any, **selected: Any) -> bytes:
    text: str = value.model_dump_json(
        **selected, exclude_none=True, warnings=False, fallback=_type_name
    )
    return text.encode()


def _type_name(value: Any) -> str:
    return f"({type(value).__name__})"
