"""How much fits into the fields of an MLflow store, and making values fit.

Source of the numbers: `mlflow/utils/validation.py` and the columns in
`mlflow/store/tracking/dbmodels/models.py` of MLflow 3.17, the smaller of the two where they
differ, or the number of an older server where that is smaller still. SQLite takes more than its
columns say; PostgreSQL, MySQL and SQL Server refuse the whole request.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, Final

KEY_CHARACTERS: Final = 250
"""Names of metrics, params and tags."""

PARAM_VALUE_CHARACTERS: Final = 6000
"""Values of params in MLflow 3."""

OLD_PARAM_VALUE_CHARACTERS: Final = 500
"""Values of params on servers of MLflow 1 and early MLflow 2."""

TAG_VALUE_CHARACTERS: Final = 5000
"""Values of run and experiment tags; 3.x takes 8000, servers before that 5000."""

RUN_NAME_CHARACTERS: Final = 250
EXPERIMENT_NAME_CHARACTERS: Final = 256

DATASET_NAME_CHARACTERS: Final = 500
DATASET_DIGEST_CHARACTERS: Final = 36
DATASET_SOURCE_TYPE_CHARACTERS: Final = 36
DATASET_SOURCE_CHARACTERS: Final = 65_535
DATASET_SCHEMA_CHARACTERS: Final = 1_048_575
DATASET_PROFILE_CHARACTERS: Final = 16_777_215
INPUT_TAG_KEY_CHARACTERS: Final = 255
INPUT_TAG_VALUE_CHARACTERS: Final = 500

TRACE_TAG_VALUE_CHARACTERS: Final = 4096
"""Beyond that MLflow's client cuts without a word."""

TRACE_METADATA_VALUE_CHARACTERS: Final = 250
"""Beyond that MLflow's client cuts without a word."""

TRACE_PREVIEW_CHARACTERS: Final = 1000
TRACE_ID_CHARACTERS: Final = 50
ASSESSMENT_NAME_CHARACTERS: Final = 250
ASSESSMENT_SOURCE_CHARACTERS: Final = 250

METRICS_PER_BATCH: Final = 1000
PARAMS_PER_BATCH: Final = 100
TAGS_PER_BATCH: Final = 100
ENTITIES_PER_BATCH: Final = 1000
"""Metrics, params and tags of one batch together."""

BATCH_BYTES: Final = 1_000_000
"""The JSON of one batch."""

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def cut_text(text: str, limit: int) -> str:
    """At most `limit` characters of `text`; what is missing is said at the end.

    `"abcdef..."` becomes `"abc… [cut 1234 of 1237 characters]"`. Where even the note has no room,
    an ellipsis alone marks the cut. A pair of surrogates is never torn apart.

    Args:
        text: The text, best already through `clean_text`.
        limit: The most characters that the result may have.

    Raises:
        ValueError: The limit is negative.
    """
    if limit < 0:
        raise ValueError(f"limit is {limit}; use zero or more characters")
    if len(text) <= limit:
        return text
    kept, note = limit, ""
    # The note names how much is missing, which depends on the length of the note: the second
    # round is right unless it gains a digit, the third always is.
    for _ in range(3):
        note = f"… [cut {len(text) - kept} of {len(text)} characters]"
        kept = max(0, limit - len(note))
    kept = _before_pair(text, kept)
    note = f"… [cut {len(text) - kept} of {len(text)} characters]"
    if kept + len(note) > limit:
        return text[: _before_pair(text, limit - 1)] + "…" if limit else ""
    return text[:kept] + note


def clean_text(text: str) -> str:
    """Text that every store takes: NUL and lone surrogates become U+FFFD.

    PostgreSQL refuses NUL, and UTF-8 has no bytes for half a surrogate pair. Whole pairs become
    the character that they stand for.
    """
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", _REPLACEMENT)


def stored_text(text: str, limit: int) -> str:
    """The text as a store takes it: without what stores refuse, and cut where it is too long.

    Args:
        text: Any text.
        limit: Characters at most.

    Returns:
        See `clean_text` and `cut_text`.
    """
    return cut_text(clean_text(text), limit)


def metric_value(value: Any) -> float | None:
    """A number as MLflow can store it, or None.

    None for what is no number, NaN, infinite, or too large for a double.
    """
    if not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _before_pair(text: str, position: int) -> int:
    """`position`, or one less where it would separate two halves of a surrogate pair."""
    if 0 < position < len(text):
        torn = "\ud800" <= text[position - 1] <= "\udbff" and "\udc00" <= text[position] <= "\udfff"
        return position - 1 if torn else position
    return position
