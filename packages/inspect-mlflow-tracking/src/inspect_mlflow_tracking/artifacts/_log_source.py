"""An eval log to make artifacts of: where its header and its samples come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging import Logger
from pathlib import Path
from typing import Any

from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_core.logs import EvalLogReader

from ._values import obj_get

__all__ = ["LogSource", "open_log"]


@dataclass(frozen=True)
class LogSource:
    """A log opened for making artifacts."""

    header: Any
    """The `EvalLog` (or its JSON); its samples may be unread."""

    local_path: Path | None
    """The log file on this machine, None for a log that is in memory only."""

    samples: Iterable[Any]
    """The samples, one at a time when they come from the file."""

    @property
    def eval_id(self) -> str:
        """Id of the evaluation."""
        return str(obj_get(obj_get(self.header, "eval"), "eval_id"))

    @property
    def task_name(self) -> str:
        """Name of the task."""
        return str(obj_get(obj_get(self.header, "eval"), "task"))

    @property
    def stem(self) -> str:
        """Name of the log file without suffix."""
        return self.local_path.stem if self.local_path else f"{self.task_name}_{self.eval_id}"


@contextmanager
def open_log(log: Any, logger: Logger) -> Iterator[LogSource]:
    """Open a log for making artifacts.

    Args:
        log: A path or URL, an `EvalLog` with its samples, or one without that knows its
            `location`.
        logger: Is told what of the log could not be read.

    Yields:
        The source. Samples that Inspect has not read yet are not read through it.

    Raises:
        LogReadError: There is no such log, or it cannot be read.
    """
    is_path = isinstance(log, str | Path)
    samples = None if is_path else obj_get(log, "samples")
    # Inspect's lazy list would read the whole log into memory, so the file is used.
    loaded = samples if type(samples) is list else None
    reader = _open_file(log if is_path else obj_get(log, "location"), logger, loaded is None)
    if reader is None:
        yield LogSource(log, None, loaded or ())
        return
    with reader:
        header = reader.header if is_path else log
        yield LogSource(header, reader.local_path, reader.samples() if loaded is None else loaded)
        for problem in reader.problems:
            logger.warning("%s: %s", reader.local_path.name, problem)


def _open_file(location: Any, logger: Logger, needed: bool) -> EvalLogReader | None:
    """The log file; None when there is none and the samples are known without it."""
    if not location:
        return None
    try:
        return EvalLogReader.open(location)
    except LogReadError as error:
        if needed:
            raise
        logger.warning("The file of the eval log is left out: %s", error)
        return None
