"""The chat form of inputs and outputs of which only the words are known."""

from __future__ import annotations

from typing import Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._any_choices import choices_in, usage_of_outputs
from ._any_inputs import fields_of, input_messages
from ._function_tools import tool_choice_of, tools_of
from ._json_values import as_mapping, as_text, first
from ._parameters import config_in

__all__ = ["form_of"]

_MODEL = ("model", "model_name", "modelId", "model_id", "model_version")
_TOOLS = ("tools", "functions", "tool_definitions", "function_tools", "tools_to_call_from")


def form_of(inputs: Any, outputs: Any) -> ChatForm:
    """A call of a model from whatever went in and came out.

    Args:
        inputs: Any JSON value: a text, messages, the named arguments of a function...
        outputs: Any JSON value: a text, a message, the response of a provider...

    Returns:
        A form in which what no name explains stands as compact JSON.
    """
    asked, answered = fields_of(inputs), as_mapping(outputs)
    # Pydantic AI keeps tools apart from messages and settings.
    request = as_mapping(asked.get("model_request_parameters"))
    return ChatForm(
        messages=input_messages(inputs),
        choices=choices_in(outputs),
        model=as_text(first(asked, *_MODEL)),
        tools=tools_of(first(asked, *_TOOLS) or first(request, *_TOOLS)),
        tool_choice=tool_choice_of(first(asked, "tool_choice", "toolChoice")),
        config=config_in(asked),
        usage=usage_of_outputs(outputs),
        response_id=as_text(answered.get("id")),
        response_model=as_text(first(answered, *_MODEL)),
    )
