"""Tells whether an unfinished log is still being written, or was left behind."""

from __future__ import annotations

import glob
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._files import is_remote

if TYPE_CHECKING:
    from ._reader import EvalLogReader

__all__ = ["RECENTLY_WRITTEN_SECONDS", "is_being_written"]

RECENTLY_WRITTEN_SECONDS: Final = 600
"""How long after its last change an unfinished log without any trace of its writer on this
machine still counts as being written. Samples of agents can take long, and a log is written
only when some are finished; much longer would leave runs of killed evaluations open for hours."""

_CLOCK_TOLERANCE_SECONDS: Final = 2.0


def is_being_written(reader: EvalLogReader) -> bool:
    """Whether the evaluation of a log still runs, as far as this machine can tell.

    While an evaluation runs, Inspect keeps a buffer database for its log, whose name ends in the
    id of the process. A living process means yes; buffers of dead processes only mean that the
    evaluation was killed. Without a buffer (another machine, or an evaluation without realtime
    log) the log counts as being written for `RECENTLY_WRITTEN_SECONDS` after its last change.
    """
    if reader.finished:
        return False
    buffers = _buffer_databases(reader.location)
    if buffers:
        return any(_has_living_writer(buffer) for buffer in buffers)
    modified_ms = reader.file.modified_ms
    if modified_ms is None:
        return False
    return time.time() - modified_ms / 1000 < RECENTLY_WRITTEN_SECONDS


def _buffer_databases(location: str) -> list[Path]:
    from inspect_ai._util.file import filesystem
    from inspect_ai.log._recorders.buffer.database import location_dir_and_file, resolve_db_dir

    locations = {location}
    if not is_remote(location):
        # The directory's name is a hash of the path by which the evaluation knew its log.
        locations.add(os.path.realpath(location))
    buffers: list[Path] = []
    for known_as in locations:
        directory, name = location_dir_and_file(filesystem(known_as).path_as_uri(known_as))
        buffers.extend((resolve_db_dir() / directory).glob(f"{glob.escape(name)}.*.db"))
    return buffers


def _has_living_writer(buffer: Path) -> bool:
    """Whether the process that a buffer is named after lives and can have made it."""
    import psutil

    process_id = buffer.name.rsplit(".", 2)[1]
    if not process_id.isdigit():
        return False
    try:
        process = psutil.Process(int(process_id))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A process that started after the last change has only been given the same id.
        return process.create_time() <= buffer.stat().st_mtime + _CLOCK_TOLERANCE_SECONDS
    except psutil.AccessDenied:
        return True  # it exists, and belongs to someone else
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
