"""Which of the models' tool calls a tool's span carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._tree import SpanTree

if TYPE_CHECKING:
    from inspect_mlflow_scout.normalization import ModelCall, ToolUse

__all__ = ["ToolIds", "tool_call_ids"]


@dataclass(frozen=True, slots=True)
class ToolIds:
    """What a use of a tool belongs to.

    Args:
        call_id: The model's tool call.
        message_id: The message that told the model of the result; None when none did.
        agent_span_id: The agent that the tool called; None when it called none.
    """

    call_id: str
    message_id: str | None = None
    agent_span_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Requested:
    """A tool call that a model asked for.

    Args:
        position: When, in the order of the tree.
        call_id: Its id.
        function: Name of the tool.
        arguments: What it is to be given.
    """

    position: int
    call_id: str
    function: str
    arguments: Mapping[str, Any]


def tool_call_ids(
    tree: SpanTree, calls: Mapping[str, ModelCall], uses: Mapping[str, ToolUse]
) -> dict[str, str]:
    """The id of the tool call for each tool span.

    It is the one that the span itself tells; else that of the first call before it that asked
    for the same function with the same arguments and that no other span carried out; else of the
    first one for the same function (programs add arguments of their own); else the span's id.

    Args:
        tree: The spans.
        calls: The calls of models, by span id.
        uses: The uses of tools, by span id.
    """
    positions = {span.span_id: index for index, span in enumerate(tree.in_order())}
    found = {span_id: use.id for span_id, use in uses.items() if use.id}
    told = set(found.values())
    unclaimed = [call for call in _requested(calls, positions) if call.call_id not in told]
    for matches in (_same_call, _same_function):
        for span_id in sorted(uses.keys() - found.keys(), key=positions.__getitem__):
            claimed = _first(unclaimed, uses[span_id], positions[span_id], matches)
            if claimed is not None:
                unclaimed.remove(claimed)
                found[span_id] = claimed.call_id
    return {span_id: found.get(span_id, span_id) for span_id in uses}


def _requested(calls: Mapping[str, ModelCall], positions: Mapping[str, int]) -> list[_Requested]:
    requested: dict[str, _Requested] = {}
    for span_id in sorted(calls, key=positions.__getitem__):
        for choice in calls[span_id].output.choices:
            for call in choice.message.tool_calls or []:
                requested.setdefault(
                    call.id,
                    _Requested(positions[span_id], call.id, call.function, call.arguments),
                )
    return list(requested.values())


def _first(
    unclaimed: list[_Requested],
    use: ToolUse,
    position: int,
    matches: Callable[[_Requested, ToolUse], bool],
) -> _Requested | None:
    return next(
        (call for call in unclaimed if call.position < position and matches(call, use)), None
    )


def _same_function(call: _Requested, use: ToolUse) -> bool:
    return call.function == use.function


def _same_call(call: _Requested, use: ToolUse) -> bool:
    return call.function == use.function and dict(call.arguments) == dict(use.arguments)
