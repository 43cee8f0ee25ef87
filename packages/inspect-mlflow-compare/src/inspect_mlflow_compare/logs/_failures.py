"""Reasons in one line, for logs that cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from zipfile import BadZipFile

from inspect_mlflow_compare.exceptions import CompareError, LogUnreadableError

__all__ = ["one_line", "unreadable"]

_LONGEST_REASON: Final = 300
_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^\s/@]+@")


@contextmanager
def unreadable(location: str) -> Iterator[None]:
    """Turns whatever reading a log raises into one kind of error.

    Readers of zip archives, of JSON, of each file system and of each compression have error
    classes of their own, so there is no shorter list than "any".

    Args:
        location: Location of the log, as it may be shown.

    Raises:
        LogUnreadableError: The block raised something else than a `CompareError`.
    """
    try:
        yield
    except CompareError:
        raise
    except Exception as error:
        raise LogUnreadableError(location, one_line(error)) from error


def one_line(error: Exception) -> str:
    """Why reading failed, in words for somebody who has never seen the reader's code."""
    # Inspect puts a message of its own around what its JSON reader says.
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else None
    for candidate in (error, cause):
        if candidate is not None and (known := _known(candidate)) is not None:
            return known
    text = " ".join(str(error).split())
    text = _CREDENTIALS_IN_URL.sub("", text)[:_LONGEST_REASON]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _known(error: Exception) -> str | None:
    text = str(error)
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case IsADirectoryError():
            return "this is a directory; name one log in it"
        case PermissionError():
            return "reading it is not permitted"
        case BadZipFile():
            return "damaged, or still being written: not a complete archive"
        case KeyError() if "start.json" in text:
            return "this is an archive, but not of an evaluation"
        case json.JSONDecodeError():
            return f"damaged: {error.msg} at character {error.pos}"
        case ValueError() if "EOCD" in text:
            return "damaged, or still being written: the archive has no directory at its end"
        case ValueError() if text.startswith("No recorder for location"):
            return "not an eval log: its name ends neither in .eval nor in .json"
        case ValueError() if "EOF while parsing" in text or "Incomplete" in type(error).__name__:
            return "damaged, or still being written: the text ends in the middle"
        case ValueError() if callable(errors := getattr(error, "errors", None)):
            return _invalid_field(errors())
    return None


def _invalid_field(errors: list[dict[str, Any]]) -> str | None:
    """The first thing that Inspect's own model of a log does not accept."""
    if not errors:
        return None
    field = ".".join(str(part) for part in errors[0].get("loc", ()))
    return f"not an eval log that this Inspect can read: {field}: {errors[0].get('msg', '')}"
