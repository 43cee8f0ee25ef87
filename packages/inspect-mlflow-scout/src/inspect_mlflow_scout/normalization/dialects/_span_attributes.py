"""What attributes of a span tell of a call, whatever the dialect of its messages.

The names are MLflow's (`mlflow.llm.model`, ...), those of OpenTelemetry's semantic conventions for
generative AI ("Gen AI" in its attribute registry, current and older names), and older ones of
OpenLLMetry's page "GenAI Semantic Conventions".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._call_ids import with_call_ids
from ._function_tools import tools_of
from ._json_values import as_count, as_list, as_mapping, as_text, first, without_none
from ._parameters import told_usage

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["completed", "finish_reasons", "message_format"]

_CONFIG = {
    "temperature": ("gen_ai.request.temperature",),
    "top_p": ("gen_ai.request.top_p",),
    "top_k": ("gen_ai.request.top_k", "llm.top_k"),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "seed": ("gen_ai.request.seed", "gen_ai.openai.request.seed"),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", "llm.frequency_penalty"),
    "presence_penalty": ("gen_ai.request.presence_penalty", "llm.presence_penalty"),
    "n": ("gen_ai.request.choice.count",),
    "reasoning_effort": ("gen_ai.request.reasoning_effort",),
}
_STOP = ("gen_ai.request.stop_sequences", "llm.chat.stop_sequences")
_USAGE = {
    "input_tokens": (
        *("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        *("llm.usage.prompt_tokens", "usage.prompt_tokens"),
    ),
    "output_tokens": (
        *("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        *("llm.usage.completion_tokens", "usage.completion_tokens"),
    ),
    "total_tokens": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "usage.total_tokens"),
    "cache_read_input_tokens": (
        *("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
        "gen_ai.usage.details.cache_read_tokens",
    ),
    "cache_creation_input_tokens": (
        *("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    "reasoning_tokens": (
        *("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
        "gen_ai.usage.details.reasoning_tokens",
    ),
}
# MLflow's is the one that was asked for or, where its autologging saw the response, that answered.
_REQUESTED_MODEL = ("gen_ai.request.model", "mlflow.llm.model")
_PROVIDER = ("mlflow.llm.provider", "gen_ai.provider.name", "gen_ai.system", "llm.provider")


def message_format(span: SourceSpan) -> str | None:
    """MLflow's name of the dialect in which its autologging wrote inputs and outputs."""
    return as_text(span.attributes.get("mlflow.message.format"))


def completed(form: ChatForm, span: SourceSpan) -> ChatForm:
    """A form with what the span's attributes tell where the messages' dialect tells nothing.

    MLflow's own counts of tokens win over a provider's, as it has brought these into one form;
    calls of tools get ids where they have none.
    """
    attributes = span.attributes
    told = replace(
        form,
        model=form.model or as_text(first(attributes, *_REQUESTED_MODEL)),
        provider=form.provider or as_text(first(attributes, *_PROVIDER)),
        tools=form.tools or tools_of(_tools(attributes)),
        config=_config(attributes) | dict(form.config),
        usage=_usage(form.usage, attributes),
        response_id=form.response_id or as_text(attributes.get("gen_ai.response.id")),
        response_model=form.response_model or as_text(attributes.get("gen_ai.response.model")),
        choices=_finished(form.choices, attributes),
    )
    return with_call_ids(told)


def finish_reasons(attributes: Mapping[str, Any]) -> list[str | None]:
    """Why each choice ended, in the words of the provider."""
    said = first(attributes, "gen_ai.response.finish_reasons", "gen_ai.response.finish_reason")
    return [as_text(reason) for reason in as_list(said)]


def _tools(attributes: Mapping[str, Any]) -> Any:
    return first(attributes, "mlflow.chat.tools", "gen_ai.tool.definitions", "gen_ai.request.tools")


def _config(attributes: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: first(attributes, *names) for name, names in _CONFIG.items()}
    stop = first(attributes, *_STOP)
    found["stop"] = None if stop is None else list(as_list(stop))
    return without_none(found)


def _usage(own: Mapping[str, int] | None, attributes: Mapping[str, Any]) -> dict[str, int] | None:
    conventional = {
        name: next((n for key in names if (n := as_count(attributes.get(key))) is not None), None)
        for name, names in _USAGE.items()
    }
    normalised = as_mapping(attributes.get("mlflow.chat.tokenUsage"))
    counted = {name: as_count(normalised.get(name)) for name in _USAGE}
    layers = (conventional, own or {}, counted)
    return told_usage({key: n for layer in layers for key, n in without_none(layer).items()})


def _finished(
    choices: Sequence[Mapping[str, Any]], attributes: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    reasons = finish_reasons(attributes)
    reasons += [None] * (len(choices) - len(reasons))
    return [
        {**choice, "finish_reason": choice.get("finish_reason") or reason}
        for choice, reason in zip(choices, reasons, strict=False)
    ]
