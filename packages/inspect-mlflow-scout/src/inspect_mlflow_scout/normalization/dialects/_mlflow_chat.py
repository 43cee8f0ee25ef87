"""Messages that MLflow's older versions kept in an attribute of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._call_ids import with_call_ids
from ._json_values import as_list, as_mapping, as_text
from ._openai_messages import are_openai_messages, messages_of_openai
from ._parameters import config_in

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["read"]


def read(span: SourceSpan) -> ChatForm | None:
    """The span as MLflow 2's `mlflow.chat.messages` tells it, in OpenAI's chat form.

    Args:
        span: Any span.

    Returns:
        None without the attribute.
    """
    told = as_list(span.attributes.get("mlflow.chat.messages"))
    if not are_openai_messages(told):
        return None
    messages = messages_of_openai(told)
    # What came out follows what went in, without a mark between them.
    answered = span.outputs is not None and messages[-1]["role"] == "assistant"
    request = as_mapping(span.inputs)
    form = ChatForm(
        messages=messages[:-1] if answered else messages,
        choices=[{"message": messages[-1], "finish_reason": None}] if answered else [],
        model=as_text(request.get("model")),
        config=config_in(request),
        response_model=as_text(as_mapping(span.outputs).get("model")),
    )
    return with_call_ids(form)
