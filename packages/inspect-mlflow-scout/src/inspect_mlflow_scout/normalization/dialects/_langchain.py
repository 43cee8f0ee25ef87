"""LangChain's chat models and LLMs, as MLflow's autologging and LangChain itself write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._call_ids import with_call_ids
from ._function_tools import tool_choice_of, tools_of
from ._json_values import as_list, as_mapping, as_text, decoded, first
from ._langchain_messages import (
    is_langchain_message,
    messages_of_langchain,
    reply_of_langchain,
    unwrapped,
)
from ._openai_choices import choices_of_openai, response_of_openai
from ._openai_usage import openai_usage
from ._parameters import config_in, told_usage, usage_in
from ._plain_outputs import plain_choices
from ._span_attributes import message_format

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["FORMATS", "read"]

FORMATS = frozenset({"langchain"})
_FINISHES = ("finish_reason", "stop_reason", "done_reason", "stopReason")


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of one of LangChain's models.

    The calls of a batch, which share a span, are read as one, in their order.

    Args:
        span: Any span.

    Returns:
        None if neither inputs nor outputs are of this dialect.
    """
    declared = message_format(span) in FORMATS
    inputs, outputs = decoded(span.inputs), decoded(span.outputs)
    asked = decoded(inputs.get("messages")) if isinstance(inputs, Mapping) else inputs
    if not declared and not (_is_conversation(asked) or _is_result(outputs)):
        return None
    generations = list(_generations(outputs))
    invocation = as_mapping(span.attributes.get("invocation_params"))
    llm_output = as_mapping(as_mapping(outputs).get("llm_output"))
    said = [as_mapping(unwrapped(generation.get("message"))) for generation in generations]
    response = [as_mapping(message.get("response_metadata")) for message in said]
    form = ChatForm(
        messages=_asked(inputs, asked),
        choices=_choices(generations, span.outputs),
        model=_model([invocation, as_mapping(span.attributes.get("metadata"))]),
        provider=as_text(span.attributes.get("mlflow.llm.provider")),
        tools=tools_of(first(invocation, "tools", "functions")),
        tool_choice=tool_choice_of(invocation.get("tool_choice")),
        config=config_in(invocation),
        usage=_usage(said, llm_output),
        response_id=next((found for r in response if (found := as_text(r.get("id")))), None),
        response_model=_model([*response, llm_output]),
    )
    return with_call_ids(form) if form.messages or form.choices else None


def _is_conversation(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    inner = value[0] if isinstance(value[0], list) else value
    return bool(inner) and all(map(is_langchain_message, inner))


def _is_result(outputs: Any) -> bool:
    return is_langchain_message(outputs) or isinstance(as_mapping(outputs).get("generations"), list)


def _asked(inputs: Any, asked: Any) -> list[dict[str, Any]]:
    if asked is not None:
        return messages_of_langchain(asked)
    return messages_of_langchain(inputs) if inputs else []


def _generations(outputs: Any) -> Iterator[Mapping[str, Any]]:
    """What was generated: each an object with a `message` or a `text`."""
    if is_langchain_message(outputs):
        yield {"message": outputs}
        return
    for generation in as_list(as_mapping(outputs).get("generations")):
        for one in generation if isinstance(generation, list) else [generation]:
            fields = unwrapped(one)
            yield fields if isinstance(fields, Mapping) else {"text": fields}


def _choices(generations: list[Mapping[str, Any]], outputs: Any) -> list[dict[str, Any]]:
    if generations:
        return [_choice(generation) for generation in generations]
    response = response_of_openai(decoded(outputs))
    return plain_choices(outputs) if response is None else choices_of_openai(response)


def _choice(generation: Mapping[str, Any]) -> dict[str, Any]:
    message = first(generation, "message")
    told = message if message is not None else {"content": generation.get("text")}
    response = as_mapping(as_mapping(unwrapped(message)).get("response_metadata"))
    info = as_mapping(generation.get("generation_info"))
    reason = first(info, *_FINISHES) or first(response, *_FINISHES)
    return {"message": reply_of_langchain(told), "finish_reason": as_text(reason)}


def _model(places: list[Mapping[str, Any]]) -> str | None:
    names = ("model_name", "model", "ls_model_name", "model_id")
    return next((name for place in places if (name := as_text(first(place, *names)))), None)


def _usage(
    messages: list[Mapping[str, Any]], llm_output: Mapping[str, Any]
) -> dict[str, int] | None:
    """The sum over what was generated, else what the provider told of it all."""
    each = [counts for message in messages if (counts := _message_usage(message))]
    if not each:
        told = first(llm_output, "token_usage", "usage")
        return openai_usage(told) or usage_in(as_mapping(told))
    names = dict.fromkeys(name for counts in each for name in counts)
    return told_usage({name: sum(counts.get(name, 0) for counts in each) for name in names})


def _message_usage(message: Mapping[str, Any]) -> dict[str, int] | None:
    """From `usage_metadata`, whose input includes cached tokens (LangChain's `UsageMetadata`)."""
    usage = as_mapping(message.get("usage_metadata"))
    inputs = as_mapping(usage.get("input_token_details"))
    outputs = as_mapping(usage.get("output_token_details"))
    details = {
        "prompt_tokens_details": {
            "cached_tokens": inputs.get("cache_read"),
            "cache_write_tokens": inputs.get("cache_creation"),
        },
        "completion_tokens_details": {"reasoning_tokens": outputs.get("reasoning")},
    }
    return openai_usage({**usage, **details})
