"""The header of a log, what is known of an evaluation besides its samples, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from inspect_mlflow_core.logs import redacted_header

from ._values import clean_text, without_nan

__all__ = ["HEADER_DIRECTORY", "header_document", "write_header_file"]

HEADER_DIRECTORY: Final = "eval_logs"
"""Where the header is, below a run's artifacts."""

# What depends on where a log was read from, and what grows with the number of samples.
_LEFT_OUT: Final = frozenset({"samples", "reductions", "location", "etag"})


def header_document(log: Any) -> dict[str, Any]:
    """The JSON of a log without its samples and without credentials.

    Args:
        log: An `EvalLog` or its JSON; samples that are still to be read stay unread.

    Returns:
        The header with credentials masked, and null for NaN and infinities.
    """
    from pydantic_core import to_jsonable_python

    if isinstance(log, Mapping):
        log = {key: value for key, value in log.items() if key not in _LEFT_OUT}
    plain = partial(
        to_jsonable_python, exclude=set(_LEFT_OUT), exclude_none=True, fallback=lambda _: None
    )
    try:
        document = plain(log)
    except UnicodeEncodeError:
        document = plain(_cleaned(log))
    results = document.get("results")
    if results:
        results.pop("sample_reductions", None)
    return redacted_header(without_nan(document))


def _cleaned(value: Any) -> Any:
    # Half of a surrogate pair can be in a log, but pydantic refuses it in the key of a dict.
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(item) for item in value]
    dump = getattr(value, "model_dump", None)
    return _cleaned(dump(exclude=set(_LEFT_OUT))) if callable(dump) else value


def write_header_file(log: Any, directory: Path, stem: str) -> Path:
    """Write `eval_logs/<stem>.json` below a directory.

    Args:
        log: See `header_document`.
        directory: Stands for the run's artifacts.
        stem: Name of the log file without its suffix.

    Returns:
        The file, the same bytes for the same log.
    """
    path = directory / HEADER_DIRECTORY / f"{stem}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(header_document(log), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(clean_text(text) + "\n", encoding="utf-8", newline="\n")
    return path
