"""The cluster of a sample, by a key of its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["cluster_name", "is_cut"]

_REMOVED: Final = "Key removed from summary (> 1k)"
_LONGEST: Final = 1024
"""Characters that Inspect keeps of a text in a summary."""

_ELLIPSIS: Final = "..."


def cluster_name(metadata: Mapping[str, Any], key: str) -> str | None:
    """Value of a key as text; None when the sample has none.

    Args:
        metadata: Metadata of the sample.
        key: A key, or the keys of dicts inside of each other with dots between.
    """
    value = _value(metadata, key)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, default=str)


def is_cut(metadata: Mapping[str, Any], key: str) -> bool:
    """Whether the metadata of a summary may hold less than the value that the sample has.

    Inspect shortens texts to a kilobyte at the end of a word, and leaves out larger values.
    """
    if (outer := _outer_key(metadata, key)) is None:
        return False
    value = metadata[outer]
    if not isinstance(value, str):
        return False
    return value == _REMOVED or (
        value.endswith(_ELLIPSIS) and (value == _ELLIPSIS or len(value) > _LONGEST // 2)
    )


def _outer_key(metadata: Mapping[str, Any], key: str) -> str | None:
    for candidate in (key, key.partition(".")[0]):
        if candidate in metadata:
            return candidate
    return None


def _value(metadata: Mapping[str, Any], key: str) -> Any:
    if key in metadata:
        return metadata[key]
    outer, dot, inner = key.partition(".")
    nested = metadata.get(outer)
    return _value(nested, inner) if dot and isinstance(nested, Mapping) else None
