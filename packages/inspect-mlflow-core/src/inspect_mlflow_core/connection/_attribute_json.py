"""Attributes of spans as JSON text.

MLflow stores each attribute as JSON text and its client reads it back through OpenTelemetry's
`AnyValue`, so a value must fit both: NaN, integers beyond 64 bits, half surrogate pairs or deep
nesting in one attribute would make the request fail, or the whole trace unreadable.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

# Each level of JSON takes up to three of the hundred levels that protobuf reads.
_LEVELS = 20
_INTEGERS = range(-(2**63), 2**63)


def attribute_json(value: Any) -> str:
    """Return the JSON text under which MLflow stores an attribute.

    Args:
        value: A JSON value, odd ones included.

    Returns:
        JSON text that every store takes: NaN and infinite numbers as `"NaN"`, `"Infinity"` and
        `"-Infinity"`, integers beyond 64 bits as their digits, half surrogate pairs as U+FFFD,
        what lies below 20 levels and what is no JSON value as text.
    """
    plain = value if _is_plain(value, _LEVELS) else _plain_value(value, _LEVELS)
    return unicode_text(json.dumps(plain, ensure_ascii=False))


def _plain_value(value: Any, levels: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _number_name(value)
    if isinstance(value, int):
        return int(value) if value in _INTEGERS else _digits(value)
    if isinstance(value, Mapping):
        if levels == 0:
            return _text_of(value)
        return {str(name): _plain_value(item, levels - 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_value(v, levels - 1) for v in value] if levels else _text_of(value)
    return _text_of(value)


def _is_plain(value: Any, levels: int) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return value in _INTEGERS
    if kind is float:
        return math.isfinite(value)
    if levels == 0:
        return False
    if kind is dict:
        for name, item in value.items():
            if type(name) is not str:
                return False
            if type(item) is not str and not _is_plain(item, levels - 1):
                return False
        return True
    return kind is list and all(_is_plain(item, levels - 1) for item in value)


def _number_name(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses more than some thousand decimal digits.
        return hex(value)


def _text_of(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__}>"


def unicode_text(text: str) -> str:
    """Return a text with U+FFFD for each half of a surrogate pair.

    Unlike `clean_text` it keeps NUL, which JSON escapes.

    Args:
        text: Any text.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
