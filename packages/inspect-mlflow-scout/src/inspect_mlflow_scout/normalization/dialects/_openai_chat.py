"""OpenAI's chat and text completions, and what others have that speak its language.

MLflow's autologging of OpenAI, Groq and Mistral stores requests and responses as they are, and so
does LiteLLM's own callback for MLflow, which tells the name of the model in an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._call_ids import with_call_ids
from ._function_tools import tool_choice_of, tools_of
from ._json_values import as_mapping, as_text, decoded, first
from ._openai_choices import choices_of_openai, response_of_openai, with_stream
from ._openai_messages import are_openai_messages, messages_of_openai, reply_of_openai
from ._openai_usage import openai_usage
from ._parameters import config_in
from ._plain_outputs import plain_choices
from ._span_attributes import message_format

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["FORMATS", "read"]

FORMATS = frozenset({"openai", "openai-agent", "groq", "mistral", "litellm"})


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of chat or text completions.

    Args:
        span: Any span.

    Returns:
        None if neither inputs nor outputs are of this dialect, or if one of them is of none that
        it knows, unless MLflow says that the dialect is this.
    """
    declared = message_format(span) in FORMATS
    inputs, outputs = decoded(span.inputs), decoded(span.outputs)
    request, response = as_mapping(inputs), with_stream(response_of_openai(outputs), span)
    messages = _conversation(inputs, declared)
    choices = None if response is None else choices_of_openai(response)
    if choices is None and (declared or outputs is None or isinstance(outputs, str)):
        choices = _untold(span.outputs)
    if messages is None or choices is None or not (messages or response):
        return None
    told = response or {}
    form = ChatForm(
        messages=messages,
        choices=choices,
        model=as_text(request.get("model")) or as_text(span.attributes.get("model")),
        provider=as_text(first(span.attributes, "mlflow.llm.provider", "custom_llm_provider")),
        tools=tools_of(first(request, "tools", "functions")),
        tool_choice=tool_choice_of(first(request, "tool_choice", "function_call")),
        config=config_in(request),
        usage=openai_usage(told.get("usage")),
        response_id=as_text(told.get("id")),
        response_model=as_text(told.get("model")),
    )
    return with_call_ids(form)


def _conversation(inputs: Any, declared: bool) -> list[dict[str, Any]] | None:
    """The messages that went in; None if they are in no place where this dialect has them."""
    if inputs is None:
        return []
    if isinstance(inputs, Mapping):
        if are_openai_messages(decoded(inputs.get("messages"))) or (
            declared and inputs.get("messages") is not None
        ):
            return messages_of_openai(decoded(inputs["messages"]))
        prompt = inputs.get("prompt") if "model" in inputs else None
        prompts = prompt if isinstance(prompt, list) else [prompt]
        if prompts and all(isinstance(text, str) for text in prompts):
            return messages_of_openai(prompts)
    return messages_of_openai(inputs) if are_openai_messages(inputs) else None


def _untold(outputs: Any) -> list[dict[str, Any]]:
    if not are_openai_messages(outputs):
        return plain_choices(outputs)
    return [{"message": reply_of_openai(output), "finish_reason": None} for output in outputs]
