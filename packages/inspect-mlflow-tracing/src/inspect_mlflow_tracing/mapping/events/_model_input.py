"""What a model was asked, without what earlier model spans have shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from inspect_mlflow_tracing.mapping.chat import Conversations

__all__ = ["ModelInputs", "message_pool"]


def message_pool(sample: Mapping[str, Any]) -> list[Any]:
    """The messages that a sample's model events refer to, since Inspect 0.3.195."""
    pools = sample.get("events_data")
    messages = pools.get("messages") if isinstance(pools, Mapping) else None
    return messages if isinstance(messages, list) else []


class ModelInputs:
    """The inputs of the model calls of one sample, in log order.

    Args:
        pool: See `message_pool`. Calls get its messages themselves, never copies: by that the
            messages that they have in common are known, without a look at them.
    """

    def __init__(self, pool: list[Any]) -> None:
        self._pool = pool
        self._conversations = Conversations()
        self._tools: tuple[Any, list[Any]] = (None, [])

    def messages(self, event: Mapping[str, Any]) -> list[Any]:
        """All messages of a model event, with references to attachments."""
        messages = event.get("input")
        if isinstance(messages, list) and messages:
            return messages
        ranges = _ranges(event.get("input_refs"))
        return [message for start, end in ranges for message in self._pool[start:end]]

    def new_messages(self, messages: list[Any], output: Any) -> tuple[int, list[Any]]:
        """The messages of a call that no earlier model span shows.

        Args:
            messages: All messages of the call.
            output: Raw JSON of its output, which its span shows.

        Returns:
            How many leading ones were shown before, and what is new after them.
        """
        return self._conversations.new_messages(messages, output)

    def tools(self, tools: list[Any], convert: Callable[[list[Any]], list[Any]]) -> list[Any]:
        """The tools of a model event, converted once for all calls in a row that have the same."""
        if self._tools[0] != tools:
            self._tools = tools, convert(tools)
        return self._tools[1]


def _ranges(references: object) -> Iterator[tuple[int, int]]:
    for reference in references if isinstance(references, list) else ():
        match reference:
            case [int(start), int(end)] if 0 <= start < end:
                yield start, end
