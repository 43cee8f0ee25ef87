"""Metadata of transcripts, as Scout's database takes them.

Scout makes a column of each key. A key that is the name of one of its own columns makes it refuse
the whole insertion, good transcripts included, and DuckDB, which reads the columns, takes names
that differ in case only for one.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from inspect_mlflow_core.conversion import clean_text, mask_secrets

__all__ = ["json_value", "reserved_names", "transcript_metadata"]

_PREFIX: Final = "mlflow_"
_DEEPEST_VALUE: Final = 64
"""Inspect's serialiser gives up at 255 levels, and events add some of their own."""

_LARGEST_INTEGER: Final = 2**63 - 1
"""What Scout's JSON reader takes."""


@functools.cache
def reserved_names() -> frozenset[str]:
    """The names, case-folded, that no metadata may have.

    These are the columns of `inspect_scout.transcripts_db_schema` and `filename`, which DuckDB
    adds to what it reads.
    """
    from inspect_scout import transcripts_db_schema

    names = transcripts_db_schema("pyarrow").names
    return frozenset(str(name).casefold() for name in (*names, "filename"))


def transcript_metadata(entries: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Metadata that Scout accepts, without credentials.

    A name that Scout reserves, or that a key before it has in another case, gets the prefix
    `mlflow_`, and a number when that is taken as well.

    Args:
        entries: Names and JSON values, in the order in which names are given; None is left out.

    Returns:
        JSON values in which `***` stands for each credential.
    """
    metadata: dict[str, Any] = {}
    taken = set(reserved_names())
    for name, value in entries:
        if value is None:
            continue
        key = _free_name(clean_text(name), taken)
        taken.add(key.casefold())
        # Under its own name, for a name can tell a credential.
        metadata[key] = mask_secrets({name: json_value(value)})[name]
    return metadata


def json_value(value: Any, depth: int = 0) -> Any:
    """A value as every JSON reader takes it.

    NaN, infinities and integers of more than 64 bits become texts, names of members texts, lone
    surrogates (which UTF-8 does not have) replacement characters; what is nested more than 64
    levels deep becomes JSON text.

    Args:
        value: Any value.
        depth: How many levels of something greater there are above it.
    """
    return _json_value(value, depth)


def _free_name(name: str, taken: set[str]) -> str:
    if name and name.casefold() not in taken:
        return name
    prefixed = candidate = _PREFIX + name
    number = 2
    while candidate.casefold() in taken:
        candidate = f"{prefixed}_{number}"
        number += 1
    return candidate


def _json_value(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        return value if -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= _DEEPEST_VALUE:
        return _deep_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(k)): _json_value(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(element, depth + 1) for element in value]
    return clean_text(str(value))


def _deep_text(value: Any) -> str:
    try:
        return clean_text(json.dumps(value, default=str))
    except RecursionError:
        return "(nested too deeply)"
