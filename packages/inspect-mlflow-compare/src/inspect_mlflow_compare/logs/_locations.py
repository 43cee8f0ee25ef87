"""What a caller may give as a log, and how its location is shown."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from inspect_mlflow_compare.exceptions import LogUnreadableError
from inspect_mlflow_compare.logs._failures import unreadable

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

__all__ = ["SCHEMES", "LogSource", "log_format", "resolve", "shown"]

LogSource: TypeAlias = "str | Path | EvalLog"
"""A path, a URL, or a log in memory."""

SCHEMES: Final = "inspect_mlflow_compare.log_schemes"
"""Entry-point group: the name is a URL scheme, the value a callable that gets the URL and returns
the path of a log, or the log itself."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")


def resolve(source: LogSource) -> LogSource:
    """A path or URL that Inspect can read, or a log in memory, for what the caller gave.

    Raises:
        LogUnreadableError: The package that serves the URL's scheme could not get the log.
        TypeError: The source is no path, URL or log.
    """
    match = _SCHEME.match(source) if isinstance(source, str) else None
    for entry in entry_points(group=SCHEMES, name=match[1]) if match else ():
        with unreadable(shown(str(source))):
            fetched: LogSource = entry.load()(source)
            return fetched
    if isinstance(source, str | Path) or hasattr(source, "eval"):
        return source
    raise TypeError(f"a log is a path, a URL or an EvalLog, not {type(source).__name__}")


def shown(location: str) -> str:
    """A location without user, password and query, which may hold credentials."""
    if _SCHEME.match(location) is None:
        return location
    parts = urlsplit(location)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def log_format(location: str) -> Literal["eval", "json"]:
    """Format of a log by the end of its name; a query behind the name does not matter.

    Raises:
        LogUnreadableError: The name has another ending.
    """
    name = urlsplit(location).path if _SCHEME.match(location) else location
    match PurePosixPath(name).suffix.lower():
        case ".eval":
            return "eval"
        case ".json":
            return "json"
    if Path(location).is_dir():
        raise LogUnreadableError(shown(location), "this is a directory; name one log in it")
    raise LogUnreadableError(
        shown(location), "not an eval log: its name ends neither in .eval nor in .json"
    )
