"""Files that hold eval logs: where they are, how large, and how to get them here."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from inspect_mlflow_core.exceptions import LogReadError

__all__ = [
    "LogFile",
    "canonical_location",
    "copy_here",
    "is_remote",
    "local_log_file",
    "one_line_reason",
    "remote_log_file",
]

_COPY_BYTES: Final = 1 << 20
_REASON_CHARACTERS: Final = 200
_FILE_SCHEME: Final = "file://"
_CREDENTIALS_IN_URL: Final = re.compile(r"(?<=://)[^/\s@]*@")
_QUERY_IN_URL: Final = re.compile(r"(://[^\s?'\"]*)\?[^\s'\"]*")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file that may be an eval log.

    Args:
        location: Absolute local path (without `file://`), or the URI as given.
        size_bytes: Its size.
        modified_ms: When it was last written, in milliseconds since the epoch; None where the
            file system does not tell.
    """

    location: str
    size_bytes: int
    modified_ms: int | None


def canonical_location(location: str | os.PathLike[str]) -> str:
    """The form in which locations are compared: an absolute local path, or the URI as given."""
    text = os.fspath(location)
    if text.startswith(_FILE_SCHEME):
        text = _path_of_file_uri(text)
    return text if is_remote(text) else os.path.abspath(text)


def is_remote(location: str) -> bool:
    """Whether a location is the URI of a file system other than the local one."""
    return "://" in location and not location.startswith(_FILE_SCHEME)


def local_log_file(path: str) -> LogFile:
    """Describes a local file.

    Raises:
        OSError: It cannot be looked at.
    """
    status = os.stat(path)
    return LogFile(path, status.st_size, int(status.st_mtime * 1000))


def remote_log_file(uri: str) -> LogFile:
    """Describes a file that is reached through fsspec.

    Raises:
        LogReadError: It does not exist, is a directory, or cannot be looked at.
    """
    from inspect_ai._util.file import filesystem

    try:
        info = filesystem(uri).info(uri)
    # Each file system fails with error classes of its own.
    except Exception as error:
        raise LogReadError(one_line_reason(error)) from error
    if info.type == "directory":
        raise LogReadError("a directory, not a log file")
    return LogFile(uri, info.size, None if info.mtime is None else int(info.mtime))


def copy_here(uri: str) -> Path:
    """Copies a remote file to a new temporary directory, piece by piece.

    Returns:
        The copy, which keeps the name of the file. Its directory belongs to the caller.

    Raises:
        LogReadError: The file cannot be read.
    """
    from inspect_ai._util.file import filesystem

    name = uri.rstrip("/").rsplit("/", 1)[-1].split("?", 1)[0] or "log"
    directory = Path(tempfile.mkdtemp(prefix="inspect-mlflow-"))
    try:
        with (
            filesystem(uri).fs.open(uri, "rb") as source,
            (directory / name).open("wb") as copy,
        ):
            shutil.copyfileobj(source, copy, _COPY_BYTES)
    # Each file system fails with error classes of its own.
    except Exception as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise LogReadError(one_line_reason(error)) from error
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return directory / name


def one_line_reason(error: Exception) -> str:
    """Says in one line why a file cannot be read, without what URLs hold of secrets."""
    match error:
        case FileNotFoundError():
            return "no such file"
        case IsADirectoryError():
            return "a directory, not a log file"
        case PermissionError():
            return "permission denied"
        case OSError(strerror=str(reason)) if reason:
            return reason
    lines = str(error).strip().splitlines() or [""]
    text = _CREDENTIALS_IN_URL.sub("", _QUERY_IN_URL.sub(r"\1", lines[0]))
    return f"{type(error).__name__}: {text}"[:_REASON_CHARACTERS].rstrip(": ")


def _path_of_file_uri(uri: str) -> str:
    """Local path of a `file://` URI, which may or may not have been percent-encoded."""
    path = uri.removeprefix(_FILE_SCHEME)
    if os.name == "nt":
        path = path.lstrip("/")
    return path if os.path.exists(path) else unquote(path)
