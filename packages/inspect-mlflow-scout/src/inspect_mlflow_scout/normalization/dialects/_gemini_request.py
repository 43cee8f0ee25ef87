"""Settings of Gemini's requests ("GenerationConfig" in Google's page "Generating content")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._json_values import as_count, as_list, as_mapping, as_text, first, without_none

__all__ = ["config_of_gemini", "settings_of_gemini", "tool_choice_of_gemini"]

_CONFIG = {
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP"),
    "top_k": ("top_k", "topK"),
    "max_tokens": ("max_output_tokens", "maxOutputTokens"),
    "seed": ("seed",),
    "frequency_penalty": ("frequency_penalty", "frequencyPenalty"),
    "presence_penalty": ("presence_penalty", "presencePenalty"),
    "n": ("candidate_count", "candidateCount"),
    "logprobs": ("response_logprobs", "responseLogprobs"),
    "top_logprobs": ("logprobs",),
}
_SCHEMAS = (*("response_json_schema", "responseJsonSchema", "response_schema", "responseSchema"),)
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none"}


def settings_of_gemini(asked: Mapping[str, Any]) -> dict[str, Any]:
    """All that a request sets, wherever the library keeps it.

    `google-genai` has everything in `config`, REST and the older library the sampling in
    `generationConfig` and the rest beside the contents.
    """
    config = as_mapping(asked.get("config"))
    sampling = as_mapping(first(asked, "generation_config", "generationConfig"))
    return {**without_none(asked), **without_none(sampling), **without_none(config)}


def config_of_gemini(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of the chat form."""
    config = {name: first(settings, *names) for name, names in _CONFIG.items()}
    stop = first(settings, "stop_sequences", "stopSequences")
    thinking = as_mapping(first(settings, "thinking_config", "thinkingConfig"))
    budget = as_count(first(thinking, "thinking_budget", "thinkingBudget"))
    level = as_text(first(thinking, "thinking_level", "thinkingLevel"))
    return without_none(
        config
        | {
            "stop": None if stop is None else list(as_list(stop)),
            # A budget below zero leaves it to the model.
            "reasoning_tokens": budget if budget is not None and budget >= 0 else None,
            "reasoning_effort": level.lower() if level else None,
            "response_format": _response_format(settings),
        }
    )


def _response_format(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    if schema := as_mapping(first(settings, *_SCHEMAS)):
        return {
            "type": "json_schema",
            "json_schema": {"name": "response", "schema": without_none(schema)},
        }
    mime_type = first(settings, "response_mime_type", "responseMimeType")
    return {"type": "json_object"} if mime_type == "application/json" else None


def tool_choice_of_gemini(settings: Mapping[str, Any]) -> Any:
    """The choice among tools in the chat form; None when the request sets none."""
    config = as_mapping(first(settings, "tool_config", "toolConfig"))
    calling = as_mapping(first(config, "function_calling_config", "functionCallingConfig"))
    allowed = as_list(first(calling, "allowed_function_names", "allowedFunctionNames"))
    if len(allowed) == 1 and isinstance(allowed[0], str):
        return {"type": "function", "function": {"name": allowed[0]}}
    mode = as_text(calling.get("mode"))
    return _MODES.get(mode.upper()) if mode else None
