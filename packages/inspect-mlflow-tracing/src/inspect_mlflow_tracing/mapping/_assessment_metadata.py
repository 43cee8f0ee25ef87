"""What is known of a score besides its value, as the flat texts that MLflow keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from inspect_mlflow_core.conversion import (
    KEY_CHARACTERS,
    flatten_parameters,
    mask_secrets,
    mask_text,
    stored_text,
)
from inspect_mlflow_tracing._timestamps import time_ns

from .events._values import json_text, mapping, text

__all__ = ["edit_time_ms", "edits_of", "score_metadata"]

_VALUE_CHARACTERS: Final = 1_000
_LEAST_CHARACTERS: Final = 100
_MOST_ENTRIES: Final = 20
_LONGEST_LOOKED_AT: Final = 1_500
_UNCHANGED: Final = "UNCHANGED"
"""`inspect_ai.scorer.ScoreEdit`'s word for a field that an edit leaves as it is."""


def score_metadata(
    score: Mapping[str, Any],
    resolved: Callable[[Any], Any],
    *,
    share: int,
    full: bool,
    invalidated: bool,
) -> dict[str, str]:
    """The metadata of the assessments of one score.

    Args:
        score: Raw JSON of the score.
        resolved: Puts texts that are stored apart in their place.
        share: How many assessments bear this metadata: the more, the shorter are its texts.
        full: Whether texts of the sample and of its editors may be told.
        invalidated: Whether the sample was declared invalid.

    Returns:
        `inspect.answer`, `inspect.reason`, `inspect.metadata.<name>`; `inspect.edited` and who
        changed the score when and why; `inspect.invalidated`.
    """
    most = max(_LEAST_CHARACTERS, _VALUE_CHARACTERS // max(1, share))
    entries: dict[str, Any] = {"inspect.invalidated": "true" if invalidated else None}
    entries |= _edit_entries(score, full=full)
    if full:
        entries["inspect.answer"] = resolved(score.get("answer"))
        entries["inspect.reason"] = score.get("reason")
    told = {
        name: json_text(value, most) for name, value in entries.items() if value not in (None, "")
    }
    return {**told, **(_own_metadata(score, resolved, most) if full else {})}


def edits_of(score: Any) -> list[Mapping[str, Any]]:
    """The changes that were made to a score afterwards, the last one last."""
    history = mapping(score).get("history")
    edits = history if isinstance(history, list) else []
    # The first entry is the score as the scorer gave it, without provenance.
    return [edit for edit in edits if isinstance(edit, Mapping) and edit.get("provenance")]


def edit_time_ms(score: Any) -> int:
    """When a score was last changed, milliseconds since the epoch; 0 for never."""
    times = [time_ns(mapping(edit.get("provenance")).get("timestamp")) for edit in edits_of(score)]
    return max((time for time in times if time is not None), default=0) // 1_000_000


def _edit_entries(score: Mapping[str, Any], *, full: bool) -> dict[str, Any]:
    edits = edits_of(score)
    if not edits:
        return {}
    provenance = mapping(edits[-1].get("provenance"))
    entries = {
        "inspect.edited": "true",
        "inspect.edits": str(len(edits)),
        "inspect.edit_time": text(provenance.get("timestamp")),
    }
    if not full:
        return entries
    original = mapping(score["history"][0])
    value = original.get("value")
    return {
        **entries,
        "inspect.edit_author": _masked(provenance.get("author")),
        "inspect.edit_reason": _masked(provenance.get("reason")),
        "inspect.original_value": None if value == _UNCHANGED or original in edits else value,
    }


def _own_metadata(
    score: Mapping[str, Any], resolved: Callable[[Any], Any], most: int
) -> dict[str, str]:
    """What the scorer noted, flattened; the prefix keeps it from being taken for MLflow's own."""
    noted = mapping(score.get("metadata"))
    if not noted:
        return {}
    first = {str(name): _bounded(resolved(noted[name])) for name in islice(noted, _MOST_ENTRIES)}
    flat = flatten_parameters("inspect.metadata", mask_secrets(first))
    told = {
        stored_text(name, KEY_CHARACTERS): stored_text(value, most)
        for name, value in islice(flat.items(), _MOST_ENTRIES)
    }
    left_out = len(flat) + len(noted) - len(first) - len(told)
    return {**told, "inspect.left_out_metadata": str(left_out)} if left_out > 0 else told


def _bounded(value: Any) -> Any:
    """The value, or its JSON text cut, where it is too large to look for credentials in it."""
    if isinstance(value, bool | int | float) or value is None:
        return value
    if len(whole := json_text(value, _LONGEST_LOOKED_AT)) < _LONGEST_LOOKED_AT:
        return value
    return whole


def _masked(value: Any) -> str | None:
    return mask_text(value) if isinstance(value, str) else None
