"""Parameters and usage of a call in whichever dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._json_values import as_count, as_list, as_mapping, as_text, first, without_none

__all__ = ["PARAMETER_NAMES", "config_in", "told_usage", "usage_in"]

_CONFIG = {
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP", "p"),
    "top_k": ("top_k", "topK", "k"),
    "max_tokens": (
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"),
        *("maxTokens", "maxOutputTokens", "max_tokens_to_sample", "max_gen_len"),
        *("maxTokenCount", "num_predict", "max_tokens_to_generate"),
    ),
    "stop": ("stop", "stop_sequences", "stopSequences"),
    "seed": ("seed", "random_seed"),
    "frequency_penalty": ("frequency_penalty", "frequencyPenalty"),
    "presence_penalty": ("presence_penalty", "presencePenalty"),
    "n": ("n", "num_generations"),
    "logprobs": ("logprobs",),
    "top_logprobs": ("top_logprobs",),
    "reasoning_effort": ("reasoning_effort",),
    "parallel_tool_calls": ("parallel_tool_calls",),
    "response_format": ("response_format",),
}
# Objects within which programs keep parameters.
_GROUPS = (
    *("options", "inferenceConfig", "inference_config", "generation_config", "generationConfig"),
    *("model_settings", "textGenerationConfig", "parameters", "model_kwargs", "config"),
    "invocation_params",
)
_OTHERS = (
    *("model", "model_name", "modelId", "stream", "stream_options", "user", "metadata", "tools"),
    *("tool_choice", "toolChoice", "functions", "function_call", "timeout", "extra_body"),
    *("extra_headers", "http_headers", "self", "kwargs", "args", "callbacks", "best_of", "echo"),
    *("system", "system_prompt", "instructions", "available_functions", "anthropic_version"),
    *(
        "reasoning",
        "thinking",
        "store",
        "service_tier",
        "keep_alive",
        "format",
        "raw",
        "logit_bias",
    ),
)
PARAMETER_NAMES = frozenset({name for names in _CONFIG.values() for name in names}).union(
    _GROUPS, _OTHERS
)

_USAGE = {
    "input_tokens": (
        *("input_tokens", "inputTokens", "prompt_tokens", "promptTokens", "prompt_token_count"),
        *("request_tokens", "inputTextTokenCount", "prompt_eval_count", "inputTokenCount"),
    ),
    "output_tokens": (
        *("output_tokens", "outputTokens", "completion_tokens", "completionTokens"),
        *("generation_token_count", "response_tokens", "eval_count", "outputTokenCount"),
    ),
    "total_tokens": ("total_tokens", "totalTokens", "total_token_count"),
    "cache_read_input_tokens": (
        *("cache_read_input_tokens", "cacheReadInputTokens", "cacheReadInputTokenCount"),
        *("cache_read_tokens", "cachedInputTokens"),
    ),
    "cache_creation_input_tokens": (
        *("cache_creation_input_tokens", "cacheWriteInputTokens", "cacheWriteInputTokenCount"),
        "cache_write_tokens",
    ),
    "reasoning_tokens": ("reasoning_tokens", "reasoningTokens"),
}
# Providers that count the tokens of caches apart say so by these names, with one of those.
_INPUT_WITHOUT_CACHE = {"input_tokens", "inputTokens", "inputTokenCount"}
_CACHE_COUNTED_APART = {
    *("cache_read_input_tokens", "cache_creation_input_tokens", "cacheReadInputTokens"),
    *("cacheWriteInputTokens", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"),
}


def config_in(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters among fields, and in the objects where programs keep them.

    What stands among the fields themselves wins.
    """
    groups = [fields, *(as_mapping(fields.get(name)) for name in _GROUPS)]
    config: dict[str, Any] = {}
    for group in filter(None, reversed(groups)):
        found = {name: _simple(name, first(group, *names)) for name, names in _CONFIG.items()}
        config |= without_none(found)
    thinking = first(fields, "thinking", "reasoning")
    budget = as_count(as_mapping(thinking).get("budget_tokens"))
    effort = as_text(as_mapping(thinking).get("effort"))
    return (
        config
        | without_none({"reasoning_tokens": budget})
        | ({"reasoning_effort": effort} if effort and "reasoning_effort" not in config else {})
    )


def _simple(name: str, value: Any) -> Any:
    if name == "stop":
        return None if value is None else list(as_list(value))
    if name == "response_format":
        return value if isinstance(value, Mapping) else None
    return value if isinstance(value, (str, int, float)) else None


def usage_in(fields: Mapping[str, Any]) -> dict[str, int] | None:
    """The counts of tokens among fields; None when nothing tells.

    Anthropic and Bedrock count what came from or went to a cache beside the input; MLflow, and so
    the chat form, within it.
    """
    counts = {
        name: next((n for key in names if (n := as_count(fields.get(key))) is not None), None)
        for name, names in _USAGE.items()
    }
    details = as_mapping(
        first(fields, "output_tokens_details", "completion_tokens_details", "output_token_details")
    )
    if counts["reasoning_tokens"] is None:
        counts["reasoning_tokens"] = as_count(first(details, "reasoning_tokens", "reasoning"))
    cached = as_mapping(
        first(fields, "input_tokens_details", "prompt_tokens_details", "input_token_details")
    )
    if counts["cache_read_input_tokens"] is None:
        counts["cache_read_input_tokens"] = as_count(first(cached, "cached_tokens", "cache_read"))
    apart_of_input = _INPUT_WITHOUT_CACHE & fields.keys() and _CACHE_COUNTED_APART & fields.keys()
    if counts["input_tokens"] is not None and apart_of_input:
        apart = [counts["cache_read_input_tokens"], counts["cache_creation_input_tokens"]]
        if beside := sum(count or 0 for count in apart):
            counts["input_tokens"] += beside
            # Whether the reported total has them, no provider tells.
            counts["total_tokens"] = None
    return told_usage(counts)


def told_usage(counts: Mapping[str, int | None]) -> dict[str, int] | None:
    """The counts that are there, with the total of input and output; None without any."""
    told = {name: count for name, count in counts.items() if count is not None}
    if "total_tokens" not in told and {"input_tokens", "output_tokens"} <= told.keys():
        told["total_tokens"] = told["input_tokens"] + told["output_tokens"]
    return told or None
