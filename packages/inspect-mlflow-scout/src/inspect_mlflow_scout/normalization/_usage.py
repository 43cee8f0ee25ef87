"""Tokens and costs as Inspect counts them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .dialects._json_values import as_mapping

if TYPE_CHECKING:
    from inspect_ai.model import ModelUsage

    from inspect_mlflow_scout.reading import SourceSpan

    from ._chat_form import ChatForm

__all__ = ["model_usage"]


def model_usage(span: SourceSpan, form: ChatForm) -> ModelUsage | None:
    """The tokens of a call: MLflow's own count first, then what the response tells.

    MLflow's `input_tokens` include those read from and written to a cache; Inspect's leave them
    out (`ModelUsage.input_tokens`).

    Returns:
        None when nothing tells of tokens or costs.
    """
    from inspect_ai.model import ModelUsage

    told = _counts(as_mapping(span.attributes.get("mlflow.chat.tokenUsage")))
    response = _counts(form.usage or {})
    counts = {**response, **_with_caches_in_input(told, response)}
    cost = _total_cost(span)
    if not counts and cost is None:
        return None
    read, written = counts.get("cache_read_input_tokens"), counts.get("cache_creation_input_tokens")
    cached = (read or 0) + (written or 0)
    all_input, output = counts.get("input_tokens", cached), counts.get("output_tokens", 0)
    return ModelUsage(
        input_tokens=all_input - cached if all_input >= cached else all_input,
        output_tokens=output,
        total_tokens=counts.get("total_tokens", max(all_input, cached) + output),
        input_tokens_cache_read=read,
        input_tokens_cache_write=written,
        reasoning_tokens=counts.get("reasoning_tokens"),
        total_cost=cost,
    )


def _with_caches_in_input(
    told: Mapping[str, int], response: Mapping[str, int]
) -> Mapping[str, int]:
    """What MLflow told, corrected if it told the input without the cached tokens.

    MLflow's older versions passed on Anthropic's counts, which leave these out.
    """
    cached = sum(
        {**response, **told}.get(name, 0)
        for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    all_input = response.get("input_tokens")
    if not cached or all_input is None or told.get("input_tokens", 0) + cached != all_input:
        return told
    corrected = {**told, "input_tokens": all_input}
    if "total_tokens" in told:
        corrected["total_tokens"] = told["total_tokens"] + cached
    return corrected


def _counts(usage: Mapping[str, Any]) -> dict[str, int]:
    return {name: count for name, value in usage.items() if (count := _count(value)) is not None}


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if math.isfinite(value) and 0 <= value < 2**53 else None


def _total_cost(span: SourceSpan) -> float | None:
    """In US dollars; LiteLLM's own callback tells it in an attribute of its own."""
    attributes = span.attributes
    cost = as_mapping(attributes.get("mlflow.llm.cost")).get("total_cost")
    cost = attributes.get("response_cost") if cost is None else cost
    if isinstance(cost, bool) or not isinstance(cost, (int, float)):
        return None
    return float(cost) if 0 <= cost < 2**53 else None
