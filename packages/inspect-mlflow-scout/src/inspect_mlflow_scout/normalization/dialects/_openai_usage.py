"""Counts of tokens as OpenAI tells them, and those who speak its language."""

from __future__ import annotations

from typing import Any

from ._json_values import as_count, as_mapping, first
from ._parameters import told_usage

__all__ = ["openai_usage"]


def openai_usage(usage: Any) -> dict[str, int] | None:
    """The counts of a response of chat completions or of Responses; None without any.

    Both include in their input what was read from a cache ("Prompt caching" in OpenAI's guides).
    DeepSeek and LiteLLM tell the cached tokens beside the others.
    """
    fields = as_mapping(usage)
    inputs = as_mapping(first(fields, "prompt_tokens_details", "input_tokens_details"))
    outputs = as_mapping(first(fields, "completion_tokens_details", "output_tokens_details"))
    read = first(inputs, "cached_tokens")
    beside = first(fields, "cache_read_input_tokens", "prompt_cache_hit_tokens")
    written = first(inputs, "cache_write_tokens", "cache_creation_tokens")
    return told_usage(
        {
            "input_tokens": as_count(first(fields, "prompt_tokens", "input_tokens")),
            "output_tokens": as_count(first(fields, "completion_tokens", "output_tokens")),
            "total_tokens": as_count(fields.get("total_tokens")),
            "cache_read_input_tokens": as_count(beside if read is None else read),
            "cache_creation_input_tokens": as_count(
                first(fields, "cache_creation_input_tokens") if written is None else written
            ),
            "reasoning_tokens": as_count(outputs.get("reasoning_tokens")),
        }
    )
