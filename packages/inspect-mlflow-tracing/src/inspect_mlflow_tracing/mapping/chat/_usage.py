"""Token usage and cost of a model call under MLflow's keys."""

from __future__ import annotations

import math
from typing import Any, Final

__all__ = ["token_usage", "usage_cost"]

# The largest that JSON numbers, MLflow's protocol buffers and its columns all take.
_LARGEST: Final = 2**63 - 1


def token_usage(usage: Any) -> dict[str, int] | None:
    """The value of `mlflow.chat.tokenUsage`.

    Inspect counts tokens that were read from or written to a cache apart from the other input;
    MLflow counts them into it, and prices a call on that ground.

    Args:
        usage: `ModelUsage` as raw JSON.

    Returns:
        Numbers only, since MLflow refuses the whole request for a null; None when there is no
        usage.
    """
    if not isinstance(usage, dict):
        return None
    uncached = _count(usage.get("input_tokens"))
    output = _count(usage.get("output_tokens"))
    total = _count(usage.get("total_tokens"))
    if uncached is None and output is None and total is None:
        return None
    cache_read = _count(usage.get("input_tokens_cache_read"))
    cache_write = _count(usage.get("input_tokens_cache_write"))
    tokens = {
        "input_tokens": (uncached or 0) + (cache_read or 0) + (cache_write or 0),
        "output_tokens": output or 0,
    }
    tokens["total_tokens"] = total or sum(tokens.values())
    if cache_read is not None:
        tokens["cache_read_input_tokens"] = cache_read
    if cache_write is not None:
        tokens["cache_creation_input_tokens"] = cache_write
    return tokens


def usage_cost(usage: Any) -> dict[str, float] | None:
    """The value of `mlflow.llm.cost`, in US dollars.

    MLflow's pages show a cost only with all three of its parts, of which Inspect keeps the total
    alone. The total is exact; it is divided between input and output by their tokens.

    Args:
        usage: `ModelUsage` as raw JSON.

    Returns:
        None when Inspect knows no cost.
    """
    total = usage.get("total_cost") if isinstance(usage, dict) else None
    if isinstance(total, bool) or not isinstance(total, int | float):
        return None
    if not 0 <= total <= _LARGEST:
        return None
    tokens = token_usage(usage) or {"input_tokens": 0, "output_tokens": 0}
    counted = tokens["input_tokens"] + tokens["output_tokens"]
    input_cost = float(total) * tokens["input_tokens"] / counted if counted else 0.0
    return {
        "input_cost": input_cost,
        "output_cost": max(0.0, float(total) - input_cost),
        "total_cost": float(total),
    }


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(max(0, int(value)), _LARGEST)
