"""Finds eval logs in files, directories and remote file systems."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inspect_mlflow_core.exceptions import LogReadError

from ._files import (
    LogFile,
    canonical_location,
    is_remote,
    local_log_file,
    one_line_reason,
)
from ._reader import EvalLogReader
from ._shards import without_merged_shards

__all__ = ["UnreadableLog", "discover_logs"]

_NO_LOGS: Final = frozenset({"eval-set.json", "logs.json", "listing.json"})
_NO_LOG_DIRECTORY: Final = ".checkpoints"
# The name that Inspect gives to logs (inspect_ai.log._file.log_file_pattern).
_LOG_NAME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}[:-]\d{2}[:-]\d{2}.*\.json", re.DOTALL)
_LOG_HEAD: Final = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"(status|eval)"\s*:')
_HEAD_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class UnreadableLog:
    """A place that was asked for and where nothing can be read.

    Args:
        location: Absolute local path, or the URI as given.
        reason: Why, in one line.
    """

    location: str
    reason: str


def discover_logs(paths: Sequence[str | os.PathLike[str]]) -> Iterator[LogFile | UnreadableLog]:
    """Yields the eval logs at some places, each file once.

    A file is taken as it is; whether it is a log, opening it will tell. Directories are searched
    recursively, in the order of names: all `.eval` files, and the `.json` files that have the
    name or the beginning of a log. Hidden files, the other files that Inspect keeps beside logs,
    and shards that their merged log covers are left out.

    Args:
        paths: Files, directories, `file://` URIs and URIs of file systems that fsspec knows.
    """
    seen: set[str] = set()
    for path in paths:
        location = canonical_location(path)
        found = _at_uri(location) if is_remote(location) else _at_path(location)
        for log in found:
            if log.location not in seen:
                seen.add(log.location)
                yield log


def _at_path(path: str) -> Iterator[LogFile | UnreadableLog]:
    try:
        if not os.path.isdir(path):
            yield local_log_file(path)
            return
    except OSError as error:
        yield UnreadableLog(path, one_line_reason(error))
        return
    unreadable: list[UnreadableLog] = []
    files = [file for file in _walk(path, unreadable) if _is_log(file.location, _local_head)]
    yield from _in_order(files)
    yield from unreadable


def _walk(root: str, unreadable: list[UnreadableLog]) -> Iterator[LogFile]:
    def note(error: OSError) -> None:
        unreadable.append(UnreadableLog(str(error.filename), one_line_reason(error)))

    visited: set[str] = set()
    for directory, subdirectories, names in os.walk(root, followlinks=True, onerror=note):
        real = os.path.realpath(directory)
        if real in visited:  # a link that leads back
            subdirectories.clear()
            continue
        visited.add(real)
        subdirectories[:] = [name for name in subdirectories if _may_hold_logs(name)]
        for name in names:
            if _may_be_log(name):
                path = os.path.join(directory, name)
                try:
                    yield local_log_file(path)
                except OSError as error:  # a dangling link, or removed meanwhile
                    unreadable.append(UnreadableLog(path, one_line_reason(error)))


def _at_uri(uri: str) -> Iterator[LogFile | UnreadableLog]:
    # Each file system fails with error classes of its own.
    try:
        files = _remote_files(uri)
    except Exception as error:
        yield UnreadableLog(uri, one_line_reason(error))
        return
    yield from _in_order(files)


def _remote_files(uri: str) -> list[LogFile]:
    from inspect_ai._util.file import filesystem

    system = filesystem(uri)
    root = system.info(uri)
    if root.type != "directory":
        return [LogFile(uri, root.size, None if root.mtime is None else int(root.mtime))]

    def head(location: str) -> bytes:
        return system.read_bytes(location, 0, _HEAD_BYTES)

    return [
        LogFile(info.name, info.size, None if info.mtime is None else int(info.mtime))
        for info in system.ls(uri, recursive=True)
        if info.type != "directory" and _is_below(root.name, info.name) and _is_log(info.name, head)
    ]


def _is_below(root: str, name: str) -> bool:
    """Whether every directory from the root to the file can hold logs, and the file be one."""
    *directories, file = name.removeprefix(root.rstrip("/")).lstrip("/").split("/")
    return _may_be_log(file) and all(_may_hold_logs(directory) for directory in directories)


def _may_hold_logs(directory: str) -> bool:
    return not directory.startswith(".") and not directory.endswith(_NO_LOG_DIRECTORY)


def _may_be_log(name: str) -> bool:
    return name.endswith((".eval", ".json")) and not name.startswith(".") and name not in _NO_LOGS


def _is_log(location: str, head: Callable[[str], bytes]) -> bool:
    if location.endswith(".eval"):
        return True
    name = location.replace("\\", "/").rsplit("/", 1)[-1]
    if _LOG_NAME.fullmatch(name):
        return True
    # Each file system fails with error classes of its own.
    try:
        return _LOG_HEAD.match(head(location)) is not None
    except Exception:
        return False  # neither its name nor its content says that it is a log


def _local_head(path: str) -> bytes:
    with Path(path).open("rb") as stream:
        return stream.read(_HEAD_BYTES)


def _in_order(files: Iterable[LogFile]) -> list[LogFile]:
    ordered = sorted(files, key=lambda file: file.location)
    return without_merged_shards(ordered, _succeeded)


def _succeeded(location: str) -> bool:
    try:
        with EvalLogReader.open(location) as reader:
            return reader.header.status == "success"
    except LogReadError:
        return False
