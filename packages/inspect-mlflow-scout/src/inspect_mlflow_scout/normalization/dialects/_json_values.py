"""Looking at JSON whose shape nobody has promised."""

from __future__ import annotations

import ast
import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "as_base64",
    "as_count",
    "as_list",
    "as_mapping",
    "as_text",
    "decoded",
    "first",
    "json_text",
    "listed",
    "only_of",
    "without_none",
]

_UNSHOWN = "(no JSON text can show this value)"
_OPENING = ("{", "[", '"')


def decoded(value: Any) -> Any:
    """What a text says if it is the JSON of an object, a list or a text; else the value itself.

    OpenTelemetry's attributes hold no objects, so that instrumentations write these as JSON.
    """
    if not isinstance(value, str) or not value.lstrip().startswith(_OPENING):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def json_text(value: Any) -> str:
    """A text as it is, nothing as no text, and everything else as compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (ValueError, TypeError, RecursionError):
        return _UNSHOWN


def as_mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, or the JSON of one; else an empty object."""
    value = decoded(value)
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> Sequence[Any]:
    """Like `listed`, after decoding what is JSON; not for what people say, which may be JSON."""
    return listed(decoded(value))


def listed(value: Any) -> Sequence[Any]:
    """The value if it is a list, nothing as an empty list, else a list of it alone.

    A lone thing where the rule wants a list is what many programs write for a list of one.
    """
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def as_text(value: Any) -> str | None:
    """The value if it is a text that says something, numbers as texts; else None."""
    if isinstance(value, str):
        return value or None
    return json_text(value) if isinstance(value, (int, float)) else None


def as_count(value: Any) -> int | None:
    """A whole number of something, also one that came as text; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) else None


def first(fields: Mapping[str, Any], *names: str) -> Any:
    """The first field among `names` that is there and not None; None without one."""
    for name in names:
        value = fields.get(name)
        if value is not None:
            return value
    return None


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value is not None}


def only_of(fields: Mapping[str, Any], *names: str) -> Any:
    """The value of an object's single field, if its name is among `names`; else None."""
    said = without_none(fields)
    if len(said) != 1:
        return None
    ((name, value),) = said.items()
    return value if name in names else None


def as_base64(value: Any) -> str:
    """Bytes, in whichever way a program made them JSON, as base64.

    MLflow's encoder writes bytes as Python shows them (`b'...'`); others use base64, also the
    one for addresses, or a list of numbers.
    """
    if isinstance(value, (list, tuple)):
        return _base64_of_numbers(value)
    text = json_text(value)
    if text[:2] in ("b'", 'b"'):
        try:
            shown = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        return base64.b64encode(shown).decode() if isinstance(shown, bytes) else text
    return text.replace("-", "+").replace("_", "/") if _is_base64(text) else text


def _base64_of_numbers(numbers: Sequence[Any]) -> str:
    try:
        return base64.b64encode(bytes(numbers)).decode()
    except (TypeError, ValueError):
        return json_text(numbers)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        return False
    return True
