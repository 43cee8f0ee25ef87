"""Reads one eval log: the header through Inspect's models, samples as raw JSON one at a time."""

from __future__ import annotations

import hashlib
import shutil
import time
import weakref
import zipfile
from collections.abc import Callable, Iterator
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload

from inspect_mlflow_core.exceptions import LogReadError

from ._content import LogContent, SampleKey, TextKey, text_key
from ._files import (
    LogFile,
    canonical_location,
    copy_here,
    is_remote,
    local_log_file,
    one_line_reason,
    remote_log_file,
)
from ._header import newest_log_version, scorer_of_single_score, validated_header
from ._json_log import JsonLog
from ._migration import current_sample, sample_from_summary
from ._zip_log import SampleVersion, ZipLog

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

__all__ = ["EvalLogReader"]

_RETRY_PAUSE_SECONDS: Final = 0.25
_JUST_WRITTEN_SECONDS: Final = 10
_ZIP_MAGIC: Final = b"PK"


Known = TypeVar("Known")


class EvalLogReader:
    """An open eval log; make one with `open`, and use it as a context manager.

    Samples are plain JSON objects, because Inspect's models take 18 times as long to build and
    refuse a whole sample for one unknown event. Never more than one sample is held here.

    Not for use by several threads at once. Nothing runs in the background and no event loop is
    needed, so that local logs can be read at the interpreter's exit as well (where `inspect_ai`
    has been imported before).

    Attributes:
        location: Absolute local path, or the URI as given.
        file: Location, size and time of modification when the log was opened.
        local_path: The file that is read: the log itself, or a temporary copy of a remote one
            that has the same name and is removed on `close`.
        header: The log without samples and reductions. Status is "started" while the log has
            no header of its own yet: its evaluation runs or was killed.
        problems: One line for each part that could not be read, after it was asked for.
        degraded: Keys of the samples of which no more than the summary could be read.
    """

    def __init__(
        self, file: LogFile, local_path: Path, content: LogContent, header: EvalLog
    ) -> None:
        self.location = file.location
        self.file = file
        self.local_path = local_path
        self.header = header
        self.problems: list[str] = []
        self.degraded: set[SampleKey] = set()
        self._content = content
        self._scorer = scorer_of_single_score(header)
        self._remove_copy: weakref.finalize[..., Any] | None = None
        if is_remote(file.location):
            # Also when the reader is dropped without `close`, or the interpreter exits.
            self._remove_copy = weakref.finalize(self, _remove_directory, local_path.parent)

    @classmethod
    def open(cls, location: str | PathLike[str]) -> Self:
        """Opens a log and reads its header.

        Args:
            location: Path, `file://` URI, or a URI of a file system that fsspec knows.

        Raises:
            LogReadError: There is no such file, it is empty, no eval log, cut off, or of a
                version or with a header that Inspect does not read here.
        """
        location = canonical_location(location)
        if not is_remote(location):
            return cls._open_local(location, Path(location))
        path = copy_here(location)
        try:
            return cls._open_local(location, path)
        except BaseException:
            _remove_directory(path.parent)
            raise

    @property
    def finished(self) -> bool:
        """Whether the log has the final status of its evaluation."""
        return self.header.status != "started"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, in hexadecimal; reads the file once, while the log is open.

        It is that of the content which `samples` reads, also when a running evaluation has
        replaced the file since it was opened.
        """
        self._content.stream.seek(0)
        return hashlib.file_digest(self._content.stream, "sha256").hexdigest()

    def sample_keys(self) -> list[SampleKey]:
        """Ids and epochs of all samples, in the order of `samples`; reads no whole samples."""
        return list(self._keys.values())

    @overload
    def samples(self) -> Iterator[dict[str, Any]]: ...

    @overload
    def samples(
        self, known: Callable[[SampleVersion], Known | None]
    ) -> Iterator[dict[str, Any] | Known]: ...

    def samples(
        self, known: Callable[[SampleVersion], Known | None] = lambda _: None
    ) -> Iterator[dict[str, Any] | Known]:
        """Yields the raw JSON of every sample, one at a time.

        Of several versions of a sample (same id and epoch) the newest is yielded. Fields are
        those of the current log format, whatever the version of the log. Samples are ordered by
        epoch and id, as Inspect's own readers order them. A sample that cannot be read is
        replaced by what its summary tells, and named in `problems`.

        Args:
            known: Asked before a sample is read: what it gives for a version, unless None, is
                yielded in the place of that sample. See `sample_version`.
        """
        self.problems.clear()
        self.degraded.clear()
        for key in self._keys.values():
            version = self.sample_version(key)
            instead = known(version) if version is not None else None
            if instead is not None:
                yield instead
            else:
                # No name holds the sample, so that it is gone before the next one is read.
                yield from self._read_or_degrade(key)
        self.problems.extend(self._content.damage)

    def sample(self, id: str | int, epoch: int) -> dict[str, Any]:
        """Reads one sample, as `samples` would yield it.

        Args:
            id: Its id; numbers and their text are the same.
            epoch: Its epoch, from 1.

        Raises:
            KeyError: The log has no such sample (yet).
            LogReadError: The sample is unreadable and has no summary.
        """
        key = self._keys[text_key((id, epoch))]
        for sample in self._read_or_degrade(key):
            return sample
        raise LogReadError(self.problems[-1])

    def sample_version(self, key: SampleKey) -> SampleVersion | None:
        """Tells which content a sample has, without reading it.

        Args:
            key: One of `sample_keys`.

        Returns:
            Something equal for equal content; None where that cannot be told without reading
            (`.json` logs, samples in pieces).
        """
        if isinstance(self._content, ZipLog):
            return self._content.version(key)
        return None

    def close(self) -> None:
        """Closes the file and removes the copy of a remote log."""
        self._content.close()
        if self._remove_copy is not None:
            self._remove_copy()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def _keys(self) -> dict[TextKey, SampleKey]:
        """Keys of all samples in the order of reading, by the form in which they are compared."""
        return {text_key(key): key for key in self._content.sample_keys()}

    @classmethod
    def _open_local(cls, location: str, path: Path) -> Self:
        try:
            return cls._open_once(location, path)
        except LogReadError:
            if is_remote(location) or not _is_just_written(path):
                raise
        # A log that another process rewrites in place may be inconsistent for a moment.
        time.sleep(_RETRY_PAUSE_SECONDS)
        return cls._open_once(location, path)

    @classmethod
    def _open_once(cls, location: str, path: Path) -> Self:
        try:
            file = remote_log_file(location) if is_remote(location) else local_log_file(location)
            content, newest_version = _open_content(path)
        except zipfile.BadZipFile as error:
            reason = "the file is truncated (a zip archive without its directory at the end)"
            raise LogReadError(reason) from error
        except OSError as error:
            raise LogReadError(one_line_reason(error)) from error
        try:
            header = validated_header(content.header(), location, newest_version=newest_version)
        except BaseException:
            content.close()
            raise
        return cls(file, path, content, header)

    def _read_or_degrade(self, key: SampleKey) -> Iterator[dict[str, Any]]:
        """Yields the sample or what its summary tells; nothing if it has no summary either."""
        try:
            sample, lost = self._content.read(key)
        # Each decompressor fails with an error class of its own.
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            sample, lost = self._from_summary(key, reason)
        self.problems.extend(f"{_name(key)}: {line}" for line in lost)
        if sample:
            yield current_sample(sample, self._scorer)

    def _from_summary(self, key: SampleKey, reason: str) -> tuple[dict[str, Any], list[str]]:
        summary = self._content.summary(key)
        if summary is None:
            return {}, [f"cannot be read ({reason}) and has no summary; left out"]
        self.degraded.add(key)
        return sample_from_summary(summary), [f"cannot be read ({reason}); its summary is used"]


def _open_content(path: Path) -> tuple[LogContent, int | None]:
    """Opens the file in the format that its first bytes tell.

    Returns:
        Its content, and the newest version of that format that can be read (None: all).
    """
    stream = path.open("rb")
    try:
        head = stream.read(512)
        stream.seek(0)
        if not head:
            raise LogReadError("the file is empty")
        if head.startswith(_ZIP_MAGIC):
            return ZipLog(stream), None
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return JsonLog(stream), newest_log_version()
        raise LogReadError("not an eval log (neither a zip archive nor a JSON object)")
    except BaseException:
        stream.close()
        raise


def _is_just_written(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _JUST_WRITTEN_SECONDS
    except OSError:
        return False


def _name(key: SampleKey) -> str:
    return f"sample {key[0]!r} epoch {key[1]}"


def _remove_directory(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
