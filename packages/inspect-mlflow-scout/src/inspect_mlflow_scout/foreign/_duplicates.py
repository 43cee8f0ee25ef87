"""Calls of models, each counted once however many spans tell of it.

A framework's span around a provider's span (LangChain's `ChatOpenAI` around OpenAI's own
instrumentation, LiteLLM around an SDK) tells of one call twice. Told apart by nesting: a model
span below another, with no agent, tool or scorer between them, is a second telling, unless both
report their own usage and their own answer. Model spans that follow each other are calls of
their own.

With more than one model span below, the outer one retried or combined calls:

* Attempts that failed before a good one stay, as calls with an error; the good one and the outer
  span are one call.
* Several good ones are several calls, and the outer span is a span around them, no call.
* An outer span that failed although a call below was good is one around it too: what failed came
  after the call.
* An outer span that succeeded although all below failed made a call of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inspect_mlflow_scout.reading import SourceSpan

from ._tree import SpanTree

if TYPE_CHECKING:
    from inspect_mlflow_scout.normalization import ModelCall

__all__ = ["CountedCalls", "counted_calls", "has_answer"]

_BORDERS = frozenset({"agent", "tool", "scorer"})
"""Who calls a model below one of these does so on its own account."""


@dataclass(frozen=True, slots=True)
class CountedCalls:
    """The calls of models in a trace.

    Args:
        calls: By the id of the span that tells most of the call, in the order of the tree.
        duplicates: The span that tells of a call again, and the one that stands for both.
    """

    calls: Mapping[str, ModelCall]
    duplicates: Mapping[str, str]


def counted_calls(tree: SpanTree) -> CountedCalls:
    """Every call of a model in a trace, once."""
    from inspect_mlflow_scout.normalization import model_call, span_role

    counting = _Counting()
    # Per open span the calls below it that nobody else claims.
    open_calls: list[list[str]] = [[]]
    for step, span in tree.walk():
        if step == "enter":
            open_calls.append([])
            continue
        below = open_calls.pop()
        role = span_role(span)
        if role == "model":
            below = counting.count(span, model_call(span), below)
        open_calls[-1].extend([] if role in _BORDERS else below)
    return CountedCalls(
        calls={
            span.span_id: counting.calls[span.span_id]
            for span in tree.in_order()
            if span.span_id in counting.calls
        },
        duplicates={span_id: counting.stands_for(span_id) for span_id in counting.duplicates},
    )


def has_answer(call: ModelCall) -> bool:
    """Whether the model said anything or called a tool."""
    if call.output.empty:
        return False
    message = call.output.choices[0].message
    return bool(message.content) or bool(message.tool_calls)


@dataclass(slots=True)
class _Counting:
    calls: dict[str, ModelCall] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    duplicates: dict[str, str] = field(default_factory=dict)

    def count(self, span: SourceSpan, call: ModelCall, below: list[str]) -> list[str]:
        """Take in a model span; gives the calls that a span around it may tell of again."""
        has_failed = span.status == "ERROR"
        good = [span_id for span_id in below if span_id not in self.failed]
        same = below[-1:] if has_failed and not good else good
        if len(same) > 1 or (has_failed and good):
            return good
        if len(same) == 1 and not _are_two_calls(call, self.calls[same[0]]):
            return [self._merge(span.span_id, call, same[0])]
        self.calls[span.span_id] = call
        if has_failed:
            self.failed.add(span.span_id)
        return [span.span_id]

    def stands_for(self, span_id: str) -> str:
        """The span whose call a duplicate tells of."""
        while span_id in self.duplicates:
            span_id = self.duplicates[span_id]
        return span_id

    def _merge(self, outer_id: str, outer: ModelCall, inner_id: str) -> str:
        inner = self.calls.pop(inner_id)
        # When both tell as much, the provider's own record is the nearer one.
        if _telling(outer) > _telling(inner):
            kept_id, kept, other_id, other = outer_id, outer, inner_id, inner
        else:
            kept_id, kept, other_id, other = inner_id, inner, outer_id, outer
        self.calls[kept_id] = _completed(kept, other)
        self.duplicates[other_id] = kept_id
        if inner_id in self.failed:
            self.failed.add(kept_id)
        return kept_id


def _telling(call: ModelCall) -> tuple[int, int, bool, bool, int]:
    """How much a span tells of a call: messages, tools, usage, answer, characters."""
    return (
        len(call.input),
        len(call.tools),
        call.output.usage is not None,
        has_answer(call),
        sum(len(message.text) for message in call.input),
    )


def _are_two_calls(outer: ModelCall, inner: ModelCall) -> bool:
    if outer.output.usage is None or inner.output.usage is None:
        return False
    return (
        outer.output.usage.output_tokens != inner.output.usage.output_tokens
        and outer.output.completion != inner.output.completion
    )


def _completed(kept: ModelCall, other: ModelCall) -> ModelCall:
    """What the better telling lacks of usage and tools, from the other one."""
    output = kept.output
    if output.usage is None and other.output.usage is not None:
        output = output.model_copy(update={"usage": other.output.usage})
    return dataclasses.replace(kept, tools=kept.tools or other.tools, output=output)
