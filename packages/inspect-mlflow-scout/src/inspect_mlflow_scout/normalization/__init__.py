"""What foreign programs traced, in Inspect's types.

Hub and spokes: each module of `dialects` brings its dialect into one form, and the modules here
bring that form into Inspect's types. Nothing here needs a provider's package, does any I/O or
keeps a state, and no JSON makes it raise: what nobody understands becomes text.
"""

from __future__ import annotations

from ._conversation import conversation
from ._errors import span_error
from ._model_call import ModelCall, model_call
from ._roles import SpanRole, span_role
from ._tool_use import ToolUse, tool_use
from ._values import value_text
from .dialects._langchain_lost_calls import with_lost_tool_calls

__all__ = [
    "ModelCall",
    "SpanRole",
    "ToolUse",
    "conversation",
    "model_call",
    "span_error",
    "span_role",
    "tool_use",
    "value_text",
    "with_lost_tool_calls",
]
