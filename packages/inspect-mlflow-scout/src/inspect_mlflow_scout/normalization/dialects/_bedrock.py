"""Amazon Bedrock: MLflow's autologging of `converse`, `converse_stream` and `invoke_model`.

The shapes are those of "Converse", "ConverseStream" and "InvokeModel" in AWS's Bedrock API
reference. `invoke_model` takes and returns what the model's maker has; its bodies are read by
their words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._any_form import form_of
from ._bedrock_blocks import pieces_of_bedrock_block
from ._bedrock_stream import streamed_body, streamed_message
from ._function_tools import tool_choice_of, tools_of
from ._json_values import as_mapping, as_text, decoded, first, listed
from ._parameters import config_in, usage_in
from ._pieces import Piece, Result, messages_of, role_of
from ._span_attributes import completed, message_format

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["read"]

_STREAMED_BODY = "EventStream"


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of Bedrock.

    Args:
        span: Any span.

    Returns:
        The call, with stop reasons as Bedrock writes them; None when the span holds neither a
        conversation nor a body of Bedrock's.
    """
    asked, answered = as_mapping(span.inputs), as_mapping(span.outputs)
    if not asked.get("modelId") and message_format(span) != "bedrock":
        return None
    if "messages" in asked:
        form = _conversed(asked, answered, span)
    elif asked.get("body") is not None:
        form = _invoked(asked, answered, span)
    else:
        return None
    return completed(replace(form, response_id=_response_id(answered) or form.response_id), span)


def _response_id(answered: Mapping[str, Any]) -> str | None:
    return as_text(as_mapping(answered.get("ResponseMetadata")).get("RequestId"))


def _model(asked: Mapping[str, Any]) -> str | None:
    return as_text(asked.get("modelId"))


def _conversed(asked: Mapping[str, Any], answered: Mapping[str, Any], span: SourceSpan) -> ChatForm:
    tools = as_mapping(asked.get("toolConfig"))
    return ChatForm(
        messages=[*_system(asked), *_conversation(asked)],
        choices=_choices(answered, span),
        model=_model(asked),
        tools=_tools(tools),
        tool_choice=tool_choice_of(tools.get("toolChoice")),
        config=_config(asked),
        usage=usage_in(as_mapping(answered.get("usage"))),
    )


def _tools(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    tools = (as_mapping(tool) for tool in listed(config.get("tools")))
    # The mark of a cache stands among the tools.
    return tools_of([tool for tool in tools if "cachePoint" not in tool])


def _config(asked: Mapping[str, Any]) -> dict[str, Any]:
    more = as_mapping(asked.get("additionalModelRequestFields"))
    thinking = {"thinking": first(more, "thinking", "reasoning_config")}
    return config_in({**more, **thinking, **as_mapping(asked.get("inferenceConfig"))})


def _system(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    pieces = list(_pieces(asked.get("system")))
    return messages_of("system", pieces) if pieces else []


def _conversation(asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for message in listed(asked.get("messages")):
        fields = message if isinstance(message, Mapping) else {"content": message}
        yield from messages_of(role_of(fields.get("role")), _pieces(fields.get("content")))


def _pieces(blocks: Any) -> Iterator[Piece]:
    for block in listed(blocks):
        yield from pieces_of_bedrock_block(block)


def _choices(answered: Mapping[str, Any], span: SourceSpan) -> list[dict[str, Any]]:
    message = streamed_message(span.events) or as_mapping(
        as_mapping(answered.get("output")).get("message")
    )
    reason = as_text(answered.get("stopReason"))
    if not message and reason is None:
        return []
    pieces = [one for one in _pieces(message.get("content")) if not isinstance(one, Result)]
    return [{"message": messages_of("assistant", pieces)[-1], "finish_reason": reason}]


def _invoked(asked: Mapping[str, Any], answered: Mapping[str, Any], span: SourceSpan) -> ChatForm:
    request, response = decoded(asked["body"]), decoded(answered.get("body"))
    if response == _STREAMED_BODY:
        response = streamed_body(span.events)
    if _is_conversation(request):
        form = _conversed(request, as_mapping(response), span)
    else:
        form = form_of(request, response)
    return replace(form, model=_model(asked) or form.model)


def _is_conversation(body: Any) -> bool:
    """Whether a body is one of Amazon's own models, which take what `converse` takes."""
    fields = as_mapping(body)
    return "messages" in fields and ("inferenceConfig" in fields or "schemaVersion" in fields)
