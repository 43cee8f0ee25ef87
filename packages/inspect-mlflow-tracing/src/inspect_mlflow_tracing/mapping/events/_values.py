"""Values of raw JSON that may be missing or of another type than they should be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from inspect_mlflow_core.conversion import clean_text, cut_text

__all__ = ["display_name", "duration", "given", "json_text", "mapping", "number", "plain", "text"]

_NAME_CHARACTERS: Final = 250
_LARGEST_NUMBER: Final = 2**63


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(value: object) -> str | None:
    """The value if it is text with something in it, else None."""
    return value if isinstance(value, str) and value else None


def number(value: object) -> int | float | None:
    """The value if it is a number that other systems know too, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < _LARGEST_NUMBER else None


def duration(value: object) -> int | float | None:
    """Seconds; old logs have negative ones, which count as zero."""
    seconds = number(value)
    return None if seconds is None else max(seconds, 0)


def plain(value: object) -> bool | int | float | str | None:
    """The value if it is text, a number or a boolean, else None."""
    return value if isinstance(value, bool) else number(value) or text(value)


def given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that have a value; MLflow shows the others as the text `null`."""
    return {name: value for name, value in attributes.items() if value is not None}


def display_name(value: object, otherwise: str) -> str:
    """A name that every store takes."""
    name = text(value)
    return clean_text(cut_text(name, _NAME_CHARACTERS)) if name else otherwise


def json_text(value: object, limit: int) -> str:
    """A value as text: itself or compact JSON, cut where it is too long.

    Args:
        value: Any JSON.
        limit: Characters at most.
    """
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False, default=str)
        except (RecursionError, TypeError, ValueError):
            value = f"({type(value).__name__} that is no JSON)"
    return clean_text(cut_text(value, limit))
