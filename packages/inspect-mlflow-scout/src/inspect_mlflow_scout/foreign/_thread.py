"""The main conversation of a trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.reading import SourceTrace

from ._duplicates import has_answer
from ._tree import SpanTree

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant

    from inspect_mlflow_scout.normalization import ModelCall, ToolUse

__all__ = ["RequestAndReply", "main_call", "request_and_reply", "thread"]


@dataclass(frozen=True, slots=True)
class RequestAndReply:
    """A conversation read from what a span was given and what it returned.

    Args:
        request: Messages before the reply.
        replies: The last message, the assistant's; empty when nothing was returned.
    """

    request: tuple[ChatMessage, ...]
    replies: tuple[ChatMessageAssistant, ...]

    @property
    def messages(self) -> tuple[ChatMessage, ...]:
        """All of it."""
        return (*self.request, *self.replies)


def main_call(tree: SpanTree, calls: Mapping[str, ModelCall]) -> str | None:
    """The call that has most of the main agent's conversation.

    It is the one with the longest input; of several the one with an answer, of those the last.
    Calls of sub-agents do not count: those below a tool, or below an agent inside of another
    agent that calls models itself. Neither do a scorer's. Unless there are no others.

    Returns:
        A span id; None when no model was called.
    """
    from inspect_mlflow_scout.normalization import span_role

    roles = {span.span_id: span_role(span) for span in tree.spans.values()}
    ways = {span_id: [span.span_id for span in tree.above(span_id)] for span_id in calls}
    agents = {_nearest_agent(way, roles) for way in ways.values()} - {None}
    unscored = [span_id for span_id, way in ways.items() if "scorer" not in _roles(way, roles)]
    main = [
        span_id
        for span_id in unscored
        if "tool" not in _roles(ways[span_id], roles)
        and sum(above in agents for above in ways[span_id]) <= 1
    ]
    candidates = main or unscored or list(calls)
    # Of equals, the last one.
    return max(reversed(candidates), key=lambda span_id: _length(calls[span_id]), default=None)


def thread(call: ModelCall, uses: Mapping[str, ToolUse]) -> list[ChatMessage]:
    """The conversation that a call shows: its input, its answer and what tools then returned.

    Args:
        call: The call.
        uses: What tools did, by the ids of the tool calls.
    """
    messages: list[ChatMessage] = list(_one_system_prompt(call.input))
    if has_answer(call):
        answer = call.output.message
        messages.append(answer)
        for tool_call in answer.tool_calls or []:
            if tool_call.id in uses:
                messages.append(_tool_message(tool_call.id, uses[tool_call.id]))
    return messages


def request_and_reply(trace: SourceTrace, tree: SpanTree) -> RequestAndReply | None:
    """The conversation of a trace in which no model was called.

    Of the first that has one: a root span, an agent, a tool, the previews of the trace.
    """
    from inspect_mlflow_scout.normalization import span_role

    spans = list(tree.in_order())
    agents = [span for span in spans if span_role(span) == "agent"]
    tools = [span for span in spans if span_role(span) == "tool"]
    for span in (*tree.roots, *agents, *tools):
        found = _of_values(span.inputs, span.outputs)
        if found is not None:
            return found
    return _of_values(trace.request_preview or None, trace.response_preview or None)


def _nearest_agent(way: Iterable[str], roles: Mapping[str, str]) -> str | None:
    return next((above for above in way if roles[above] == "agent"), None)


def _roles(way: Iterable[str], roles: Mapping[str, str]) -> set[str]:
    return {roles[above] for above in way}


def _length(call: ModelCall) -> tuple[int, bool]:
    return len(call.input), has_answer(call)


def _one_system_prompt(messages: Sequence[ChatMessage]) -> Iterable[ChatMessage]:
    """Without system messages that say again what one before them said."""
    told: set[str] = set()
    for message in messages:
        if message.role == "system":
            if message.text in told:
                continue
            told.add(message.text)
        yield message


def _tool_message(call_id: str, use: ToolUse) -> ChatMessage:
    from inspect_ai.model import ChatMessageTool

    return ChatMessageTool(
        content=use.result, tool_call_id=call_id, function=use.function, error=use.error
    )


def _of_values(inputs: Any, outputs: Any) -> RequestAndReply | None:
    from inspect_mlflow_scout.normalization import conversation

    request = [] if inputs in (None, "", {}, []) else conversation(inputs)
    returned = [] if outputs in (None, "", {}, []) else conversation(outputs, speaker="assistant")
    if len(returned) > 1 and any(message.role == "user" for message in returned):
        # A state with the whole conversation in it, the request included.
        request = []
    said = (*request, *returned)
    if not said:
        return None
    if not returned:
        return RequestAndReply(said, ())
    return RequestAndReply(said[:-1], (_as_assistant(said[-1]),))


def _as_assistant(message: ChatMessage) -> ChatMessageAssistant:
    from inspect_ai.model import ChatMessageAssistant

    if isinstance(message, ChatMessageAssistant):
        return message
    return ChatMessageAssistant(content=message.content)
