"""Values of Inspect's objects, or of their JSON, as cells of a table.

Everything here treats an Inspect object and the JSON that Inspect writes for it alike, so
that a table built while the evaluation runs equals one built from its log file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from inspect_mlflow_core.conversion import cut_text

__all__ = [
    "CELL_LIMIT",
    "Cell",
    "clean_text",
    "field_reader",
    "json_text",
    "jsonable",
    "moment",
    "moment_text",
    "obj_get",
    "row_of",
    "rows_to_columns",
    "to_json",
    "to_string",
    "without_nan",
]

CELL_LIMIT: Final = 16_000
"""Characters that a cell holds at most; a longer text is cut and says so in place."""

# pandas reads JSON integers into 64 bits and refuses the whole table over a larger one.
_INTEGER_LIMIT: Final = 2**63

Cell = str | int | float | bool | None


def obj_get(obj: Any, key: str) -> Any:
    """Field `key` of a mapping or of an object.

    Args:
        obj: An Inspect object, its JSON, or None.
        key: Name of the field.

    Returns:
        The value, or None when there is no such field.
    """
    # Tried first because it is several times faster, and this runs for most cells.
    if isinstance(obj, dict):
        return obj.get(key)
    return field_reader(obj)(key)


def field_reader(obj: Any) -> Callable[[str], Any]:
    """A function that gives the fields of a mapping or of an object, None for the others.

    Which of the two it is gets decided once, not again for every field.

    Args:
        obj: An Inspect object, its JSON, or None.
    """
    if isinstance(obj, dict | Mapping):
        return obj.get
    return lambda key: getattr(obj, key, None)


def clean_text(text: str) -> str:
    r"""Text that can be written as UTF-8: a lone surrogate becomes its escape (`\ud800`).

    This is what Inspect does when it writes a log, so both sources give the same text.
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def jsonable(value: Any) -> Any:
    """The JSON form that Inspect would write of a value (NaN stays NaN).

    A value that has none (a cycle, bytes that are not text) becomes a note of its type.
    """
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return to_jsonable_python(value, exclude_none=True, fallback=lambda _: None)
    except (PydanticSerializationError, ValueError, RecursionError):
        return f"({type(value).__name__} without a JSON form)"


def json_text(value: Any) -> str:
    """A value as JSON text; NaN and infinities, which JSON lacks, become null."""
    plain = jsonable(value)
    try:
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(without_nan(plain), ensure_ascii=False, allow_nan=False)
    return clean_text(text)


def without_nan(value: Any) -> Any:
    """JSON with null in place of NaN and infinities, which JSON has no words for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return value


def to_json(value: Any) -> str | int | float | bool | None:
    """A value as a table cell.

    Args:
        value: Anything; containers and objects become JSON text.

    Returns:
        None, a bool, a number, or text of at most `CELL_LIMIT` characters. NaN and
        infinities become None, integers beyond 64 bits become text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if _is_cell(value) else to_string(value)
    if isinstance(value, int):
        return int(value) if -_INTEGER_LIMIT <= value < _INTEGER_LIMIT else str(int(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return to_string(value)


def to_string(value: Any) -> str | None:
    """A value as text: strings as they are, everything else as JSON.

    Args:
        value: Anything.

    Returns:
        Text of at most `CELL_LIMIT` characters, or None for None.
    """
    if value is None:
        return None
    text = clean_text(value) if isinstance(value, str) else json_text(value)
    return cut_text(text, CELL_LIMIT)


def moment(value: Any) -> datetime | None:
    """A point in time in UTC, from a datetime or from ISO 8601 text.

    Naive times are UTC, as Inspect reads them; text that is no time gives None.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


def moment_text(value: Any) -> str | None:
    """A point in time as ISO 8601 text in UTC, always with microseconds."""
    when = moment(value)
    return None if when is None else when.isoformat(timespec="microseconds")


def row_of(columns: Iterable[str], values: Mapping[str, Any]) -> dict[str, Cell]:
    """A row that has exactly these columns, in this order, each value made a cell."""
    row = dict.fromkeys(columns)
    for column, value in values.items():
        if column in row:
            # A call for every cell would take longer than all the rest: see `_is_cell`.
            row[column] = value if value is None or _is_cell(value) else to_json(value)
    return row


def _is_cell(value: Any) -> bool:
    """Whether a value is a cell as it stands; says no to some that are."""
    kind = type(value)
    if kind is str:
        return len(value) <= CELL_LIMIT and value.isascii()
    return kind is bool


def rows_to_columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows turned into columns, the form that `MlflowClient.log_table` takes.

    Args:
        rows: Rows, not necessarily with the same keys.

    Returns:
        One list per key, in the order in which the keys first appear, each as long as
        `rows`; None where a row has no such key.
    """
    columns = dict.fromkeys(key for row in rows for key in row)
    return {column: [row.get(column) for row in rows] for column in columns}
