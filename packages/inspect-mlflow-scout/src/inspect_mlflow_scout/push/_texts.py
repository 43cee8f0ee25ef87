"""Texts within the bounds of an MLflow store, where what was cut is said in place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from inspect_mlflow_core.conversion import cut_text, mask_secrets, stored_text

__all__ = [
    "ANSWER_CHARACTERS",
    "ERROR_CHARACTERS",
    "METADATA_CHARACTERS",
    "NAME_CHARACTERS",
    "PARAMS_CHARACTERS",
    "RATIONALE_CHARACTERS",
    "REFERENCES_CHARACTERS",
    "bounded_text",
    "bounded_value",
    "json_text",
    "leading_items",
    "masked_json",
]

RATIONALE_CHARACTERS: Final = 16_000
"""Fits MySQL's TEXT (65,535 bytes) in any script."""

VALUE_CHARACTERS: Final = 5_000
"""Fits TEXT as MLflow stores values: as JSON in ASCII, up to twelve bytes for a character."""

ERROR_CHARACTERS: Final = 4_000
ANSWER_CHARACTERS: Final = 1_000
PARAMS_CHARACTERS: Final = 1_000
METADATA_CHARACTERS: Final = 1_500
REFERENCES_CHARACTERS: Final = 1_000
NAME_CHARACTERS: Final = 250
"""All of the metadata of an assessment is one column of JSON in ASCII, like a value."""


def json_text(value: Any) -> str:
    """A value as JSON, in which what is no JSON value is text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def bounded_text(text: str | None, limit: int) -> str:
    """A text as a store takes it; `""` for none."""
    return stored_text(text, limit) if text else ""


def bounded_value(value: Any) -> Any:
    """A value as a store takes it: a text, list or object that is too long becomes a cut text."""
    if isinstance(value, str):
        return stored_text(value, VALUE_CHARACTERS)
    if isinstance(value, (list, tuple, Mapping)):
        text = json_text(value)
        return value if len(text) <= VALUE_CHARACTERS else cut_text(text, VALUE_CHARACTERS)
    return value


def masked_json(value: Mapping[str, Any], limit: int) -> str:
    """An object as JSON without credentials; `""` for an empty one."""
    return stored_text(json_text(mask_secrets(value)), limit) if value else ""


def leading_items(items: Sequence[Any], limit: int) -> tuple[str, int]:
    """As many items as fit, as a JSON list, and how many are left out."""
    texts: list[str] = []
    room = limit - 2
    for item in items:
        text = json_text(item)
        room -= len(text) + 2
        if room < 0:
            break
        texts.append(text)
    return f"[{', '.join(texts)}]", len(items) - len(texts)
