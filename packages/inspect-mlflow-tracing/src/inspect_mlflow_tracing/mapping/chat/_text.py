"""Texts that stand in a chat for what it has no form for; never fails on odd values."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from inspect_mlflow_core.conversion import clean_text, cut_text

__all__ = ["code_block", "json_text", "readable", "shortened"]

_EXCERPT_CHARACTERS: Final = 2_000
_UNREADABLE: Final = "(a value that cannot be written as JSON)"
_BACKTICKS: Final = re.compile("`+")
_strict_json: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def readable(value: Any) -> str:
    """A text as it is, None as nothing, anything else as JSON."""
    if isinstance(value, str):
        return clean_text(value)
    return "" if value is None else json_text(value)


def json_text(value: Any) -> str:
    """JSON that a browser parses too: NaN and infinities are the strings of their names.

    Args:
        value: Anything; what JSON has no form for stands as its `str`.
    """
    try:
        text = _strict_json.encode(value)
    except (TypeError, ValueError, RecursionError):
        try:
            text = _strict_json.encode(_plain(value))
        except (ValueError, RecursionError):
            text = json.dumps(_UNREADABLE)
    return clean_text(text)


def shortened(value: Any, characters: int = _EXCERPT_CHARACTERS) -> str:
    """At most so many characters of the readable value; what is missing is said."""
    return cut_text(readable(value), characters)


def code_block(text: str) -> str:
    """Markdown that shows a text letter by letter, whatever backticks it holds."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, str | int | float) else str(value)
