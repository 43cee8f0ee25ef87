"""Token usage of samples: as recorded, or counted from the events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ._values import obj_get

__all__ = [
    "extract_usage_from_events",
    "sample_usage",
    "sum_usage_map",
    "total_cost",
    "unique_events",
    "usage_to_dict",
]

_ALWAYS: Final = ("input_tokens", "output_tokens", "total_tokens")
_WHEN_KNOWN: Final = ("input_tokens_cache_read", "input_tokens_cache_write", "reasoning_tokens")


def usage_to_dict(usage: Any) -> dict[str, int]:
    """Token counts of one usage record.

    Args:
        usage: A `ModelUsage`, its JSON, or None.

    Returns:
        `input_tokens`, `output_tokens` and `total_tokens`, and the counts of cached and
        reasoning tokens where the provider told them. Empty for None. As in Inspect,
        `input_tokens` does not include the tokens read from or written to the cache.
    """
    if usage is None:
        return {}
    counts = {name: _count(obj_get(usage, name)) for name in (*_ALWAYS, *_WHEN_KNOWN)}
    return {
        name: count or 0 for name, count in counts.items() if name in _ALWAYS or count is not None
    }


def _count(value: Any) -> int | None:
    if isinstance(value, int | float) and math.isfinite(value):
        return int(value)
    return None


def sum_usage_map(usage_map: Any) -> dict[str, int]:
    """Token counts summed over the models (or roles) of a usage map.

    Args:
        usage_map: Usage records by model name, or None.

    Returns:
        The counts of `usage_to_dict`, summed; empty when the map is.
    """
    totals: dict[str, int] = {}
    for usage in usage_map.values() if isinstance(usage_map, Mapping) else ():
        _add(totals, usage_to_dict(usage))
    return totals


def _add(totals: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        totals[name] = totals.get(name, 0) + count


def total_cost(usage_map: Any) -> float | None:
    """Cost in dollars summed over a usage map; None when no cost is known."""
    usages = usage_map.values() if isinstance(usage_map, Mapping) else ()
    costs = [cost for usage in usages if (cost := obj_get(usage, "total_cost")) is not None]
    return float(sum(costs)) if costs else None


def sample_usage(sample: Any) -> Mapping[str, Any]:
    """Usage records of a sample by model, counted from its events if it has none."""
    recorded = obj_get(sample, "model_usage")
    if isinstance(recorded, Mapping) and recorded:
        return recorded
    return extract_usage_from_events(sample)


def extract_usage_from_events(sample: Any) -> dict[str, dict[str, int]]:
    """Token counts by model, counted from the model events of a sample.

    Args:
        sample: A sample or its JSON.

    Returns:
        The counts of `usage_to_dict` by model name. An event that is reported twice
        counts once; answers from Inspect's own cache cost nothing and count nothing.
    """
    totals: dict[str, dict[str, int]] = {}
    for event in unique_events(sample):
        usage = obj_get(obj_get(event, "output"), "usage")
        if obj_get(event, "event") != "model" or usage is None:
            continue
        if obj_get(event, "cache") != "read":
            _add(totals.setdefault(str(obj_get(event, "model")), {}), usage_to_dict(usage))
    return totals


def unique_events(sample: Any) -> list[Any]:
    """Events of a sample in order, the last version of each.

    Inspect reports a model call twice, with the same uuid: when it ends, and when its
    timing is known. Events without uuid (old logs) are all kept.
    """
    events: dict[Any, Any] = {}
    for position, event in enumerate(_events(sample)):
        events[obj_get(event, "uuid") or position] = event
    return list(events.values())


def _events(sample: Any) -> Iterator[Any]:
    events = obj_get(sample, "events")
    if events is None:  # logs before 0.3.58
        events = obj_get(obj_get(sample, "transcript"), "events")
    yield from events or ()
