"""Why a model stopped, in the words of every provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai.model import StopReason

__all__ = ["stop_reason"]

# The providers' words, with underscores and in lower case, as their API references list them.
_WORDS: dict[StopReason, tuple[str, ...]] = {
    "stop": (
        *("stop", "end_turn", "stop_sequence", "stop_sequences", "complete", "completed"),
        *("eos", "eos_token", "finish", "finished", "end", "done"),
    ),
    "max_tokens": ("length", "max_tokens", "max_output_tokens", "max_completion_tokens"),
    "model_length": (
        *("model_length", "model_context_window_exceeded", "context_length_exceeded"),
        "error_limit",
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"),
    "content_filter": (
        *("content_filter", "content_filtered", "guardrail_intervened", "refusal", "error_toxic"),
        *("safety", "recitation", "blocklist", "prohibited_content", "spii", "image_safety"),
    ),
}
_REASONS: dict[str, StopReason] = {
    word: reason for reason, words in _WORDS.items() for word in words
}


def stop_reason(said: Any, *, calls_tools: bool = False) -> StopReason:
    """Inspect's stop reason for a provider's finish reason.

    Args:
        said: The provider's word; enumerations written as Python shows them
            (`FinishReason.STOP`) count too.
        calls_tools: Whether the message calls tools, which tells when the provider does not.

    Returns:
        `"unknown"` when nothing tells.
    """
    if not isinstance(said, str) or not said:
        return "tool_calls" if calls_tools else "unknown"
    word = said.rpartition(".")[2].strip().lower().replace("-", "_").replace(" ", "_")
    return _REASONS.get(word, "unknown")
