"""Values of results with the types that the scanner gave them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ._scan import Row

__all__ = ["Finding", "findings", "json_value", "unusable_number"]

_RESULT_SET: Final = "resultset"
_TRUE: Final = frozenset({"true", "1"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a scanner.

    Args:
        uuid: Scout's id of the result.
        value: A JSON value; None when the scanner found nothing to say.
        answer: What the model answered.
        explanation: Why.
        metadata: What the scanner added.
        references: Messages and events, `{"type": ..., "id": ..., "cite": ...}`.
        label: Tells apart the members of a result set.
        member: Whether it is one of a result set.
    """

    uuid: str | None = None
    value: Any = None
    answer: str | None = None
    explanation: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[Mapping[str, Any], ...] = ()
    label: str | None = None
    member: bool = False


def findings(row: Row) -> Iterator[Finding]:
    """The results in a row: one, or as many as its result set has.

    Read from the row as Scout keeps it, not from its data frames: those give all members of a
    result set one type.

    Args:
        row: See `Scan.rows`; one without a scan error.
    """
    if row.get("value_type") != _RESULT_SET:
        yield _finding_of_row(row)
        return
    members = json_value(row.get("value"))
    for member in members if isinstance(members, list) else ():
        if isinstance(member, Mapping):
            yield _finding_of_member(member)


def unusable_number(value: Any) -> str | None:
    """The name of a number that MLflow's databases cannot hold, None for any other value."""
    if not isinstance(value, float) or math.isfinite(value):
        return None
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def json_value(text: Any) -> Any:
    """The value that a text in JSON stands for; None for any other text, and for no text."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _finding_of_row(row: Row) -> Finding:
    references = (*_references(row, "event_references"), *_references(row, "message_references"))
    return Finding(
        uuid=_text(row.get("uuid")),
        value=_value(row.get("value"), row.get("value_type")),
        answer=_text(row.get("answer")),
        explanation=_text(row.get("explanation")),
        metadata=_mapping(json_value(row.get("metadata"))),
        references=references,
        label=_text(row.get("label")),
    )


def _finding_of_member(member: Mapping[str, Any]) -> Finding:
    return Finding(
        uuid=_text(member.get("uuid")),
        value=member.get("value"),
        answer=_text(member.get("answer")),
        explanation=_text(member.get("explanation")),
        metadata=_mapping(member.get("metadata")),
        references=_mappings(member.get("references")),
        label=_text(member.get("label")),
        member=True,
    )


def _value(value: Any, kind: Any) -> Any:
    # The column is text, because values of a scanner may be of several types.
    if not isinstance(value, str) or kind == "string":
        return value
    if kind == "null":
        return None
    if kind == "boolean":
        return value.lower() in _TRUE
    if kind == "number":
        return _number(value)
    decoded = json_value(value)
    return value if decoded is None else decoded


def _number(text: str) -> Any:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _references(row: Row, column: str) -> tuple[Mapping[str, Any], ...]:
    return _mappings(json_value(row.get(column)))


def _mappings(values: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(values, list):
        return ()
    return tuple(each for each in values if isinstance(each, Mapping))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
