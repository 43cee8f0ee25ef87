"""Small functions for authors of hooks, as documented for `inspect_mlflow.util`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from .conversion import (
    OLD_PARAM_VALUE_CHARACTERS,
    PARAMS_PER_BATCH,
    NameTable,
    clean_text,
    cut_text,
    mask_secrets,
    score_to_numeric,
)

__all__ = ["safe_log_params", "score_to_numeric", "truncate"]

_ELLIPSIS = "..."


def safe_log_params(mlflow: Any, params: Mapping[str, Any]) -> None:
    """Log params that any MLflow server accepts.

    Values are cut at 500 characters, the limit of the oldest servers, with a note of how much is
    missing. Credentials are masked, and names that MLflow refuses are rewritten.

    Args:
        mlflow: The `mlflow` module, or anything with its `log_params`; called once for each 100
            params, and not at all without any.
        params: The params; values that are not text are converted with `str`.
    """
    names = NameTable()
    entries = iter(
        [
            (names.assign(str(key)), cut_text(clean_text(str(value)), OLD_PARAM_VALUE_CHARACTERS))
            for key, value in mask_secrets(params).items()
        ]
    )
    while batch := dict(islice(entries, PARAMS_PER_BATCH)):
        mlflow.log_params(batch)


def truncate(text: Any, max_len: int = 200) -> str:
    """At most `max_len` characters of a text, the last three of them dots where it was cut.

    Args:
        text: Anything; `str` makes it text, None is empty.
        max_len: The most characters that the result may have; below zero counts as zero.
    """
    full = "" if text is None else str(text)
    limit = max(0, max_len)
    if len(full) <= limit:
        return full
    return (full[: max(0, limit - len(_ELLIPSIS))] + _ELLIPSIS)[:limit]
