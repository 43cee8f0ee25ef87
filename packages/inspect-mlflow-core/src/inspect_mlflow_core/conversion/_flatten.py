"""Nested configuration as the flat params of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from ._limits import clean_text

_DEEPEST_KEY = 6
"""How many levels become parts of a key; what lies deeper becomes JSON."""

_DEEPEST_JSON = 32
"""How many levels JSON may have; what lies deeper is left out and shown as `…`."""


def flatten_parameters(prefix: str, mapping: Mapping[str, Any]) -> dict[str, str]:
    """Params from nested settings: `{"a": {"b": 1}}` becomes `{"prefix.a.b": "1"}`.

    Lists, and dicts deeper than six levels, become compact JSON with sorted keys. Booleans and
    numbers are written as Python writes them (`True`, `0.5`), as MLflow's own `log_params` does.
    None and what is empty (text, dict, list) is left out. Pydantic models, dataclasses, enums and
    dates are taken apart; of other objects `str` is used.

    Values have only characters that every store takes (`clean_text`), but names and lengths are
    not yet MLflow's, and nothing is masked: see `NameTable`, `cut_text`, `mask_secrets`.

    Args:
        prefix: What all keys begin with; may be empty.
        mapping: The settings.

    Returns:
        The params in the order of the settings. Of two values with one key (`{"a.b": 1,
        "a": {"b": 2}}`) the second gets `.2` at the end of its key.
    """
    parameters: dict[str, str] = {}
    for key, value in _flattened(prefix, _json_like(mapping), 0):
        parameters[_free_key(key, parameters)] = _to_text(value)
    return parameters


def _flattened(key: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if value is None or (isinstance(value, str | dict | list) and not value):
        return
    if isinstance(value, dict) and depth < _DEEPEST_KEY:
        for name, element in value.items():
            yield from _flattened(f"{key}.{name}" if key else name, element, depth + 1)
    else:
        yield key, value


def _free_key(key: str, taken: Mapping[str, str]) -> str:
    free, number = key, 1
    while free in taken:
        number += 1
        free = f"{key}.{number}"
    return free


def _to_text(value: Any) -> str:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return clean_text(str(value))


def _json_like(value: Any, around: tuple[int, ...] = ()) -> Any:
    """The value out of dicts with text for keys, lists, text, numbers, booleans and None.

    `around` are the ids of the structures that it lies in, by which one that holds itself ends.
    """
    if isinstance(value, Enum):
        return _json_like(value.value, around)
    if value is None or isinstance(value, bool | str | int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if id(value) in around or len(around) >= _DEEPEST_JSON:
        return "…"
    parts, around = _parts(value), (*around, id(value))
    if isinstance(parts, Mapping):
        return {str(name): _json_like(element, around) for name, element in parts.items()}
    if isinstance(parts, list):
        return [_json_like(element, around) for element in parts]
    return str(value)


def _parts(value: Any) -> Mapping[Any, Any] | list[Any] | None:
    """What a structure holds; None for what has no parts."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Set):
        return sorted(value, key=repr)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return list(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        dumped = dump(exclude_none=True)
        return dumped if isinstance(dumped, Mapping) else [dumped]
    return None
