"""Samples made ready for their run while the evaluation is going on.

Reading a sample and making its table rows takes as much time as a small evaluation can spare, and
all of it would be due at the end, while the caller of `eval()` waits. So it is done as samples
come into the log, in a process of its own, and kept in a file until the end of the task. What is
kept says which content of the log it was made of: if that has changed, it is made again.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import time
import weakref
import zipfile
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from inspect_mlflow_core.background_process import BackgroundProcess, BackgroundProcessError
from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_core.logs import (
    SampleVersion,
    canonical_location,
    is_remote,
    redacted_sample,
    written_samples,
)
from inspect_mlflow_tracking.mapping import SampleFacts, sample_facts

if TYPE_CHECKING:
    from inspect_mlflow_tracking.artifacts import SampleRows

# A task that is over sooner is not worth the start of a process.
FIRST_PAUSE_SECONDS = 2.0
SHORTEST_PAUSE_SECONDS = 1.0
# Looking for new samples takes longer the larger the log; it gets this share of the time.
PAUSE_FOR_EACH_SECOND_OF_WORK = 10.0


@dataclass(frozen=True, slots=True)
class PreparedSample:
    """What a run takes from a sample.

    Args:
        facts: For metrics.
        rows: For tables.
    """

    facts: SampleFacts
    rows: SampleRows


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """Where a prepared sample is kept.

    Args:
        version: The content that it was made of.
        start: Offset in the file.
        size_bytes: Size there.
        harmless: Whether the sample holds no credentials.
    """

    version: SampleVersion
    start: int
    size_bytes: int
    harmless: bool


def prepare_samples(
    location: str, kept_in: str, eval_id: str, task_name: str, known: Set[SampleVersion]
) -> list[PreparedEntry]:
    """Prepare the samples that have come into a log.

    Args:
        location: Path of a local `.eval` log.
        kept_in: Path of the file to which they are appended.
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        known: Samples that are there already.

    Returns:
        One entry for each new sample; none when the log cannot be read at this moment.
    """
    # Not at the top: the evaluation has to wait for what its own process imports.
    from inspect_mlflow_tracking.artifacts import sample_rows

    entries: list[PreparedEntry] = []
    with open(kept_in, "ab") as file, suppress(LogReadError, OSError, zipfile.BadZipFile):
        for sample in written_samples(Path(location), known):
            content = sample.content
            rows = sample_rows(eval_id=eval_id, task_name=task_name, sample=content)
            data = pickle.dumps(PreparedSample(sample_facts(content), rows))
            harmless = redacted_sample(content) is content
            entry = PreparedEntry(sample.version, file.tell(), len(data), harmless)
            file.write(data)
            entries.append(entry)
    return entries


class PreparedSamples:
    """The prepared samples of one task.

    Args:
        background: Where the work is done.
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        background: BackgroundProcess,
        *,
        eval_id: str,
        task_name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._background, self._eval_id, self._task_name = background, eval_id, task_name
        self._clock = clock
        self._next_seconds = clock() + FIRST_PAUSE_SECONDS
        self._entries: dict[SampleVersion, PreparedEntry] = {}
        self._path: str | None = None
        self._file: BinaryIO | None = None

    def prepare(self, location: str) -> None:
        """Look for new samples, unless that was done just now.

        Args:
            location: The log.
        """
        started_seconds = self._clock()
        if started_seconds < self._next_seconds or not self._background.available:
            return
        path = canonical_location(location)
        if is_remote(path) or not path.endswith(".eval"):
            return
        if self._path is None:
            self._path = _empty_file(self)
        names = (self._eval_id, self._task_name)
        try:
            entries = self._background.call(
                prepare_samples, path, self._path, *names, frozenset(self._entries)
            )
        except BackgroundProcessError:
            return  # Nothing is lost: the end of the task reads what was not prepared.
        self._entries.update((entry.version, entry) for entry in entries)
        now_seconds = self._clock()
        worked_seconds = now_seconds - started_seconds
        pause_seconds = max(SHORTEST_PAUSE_SECONDS, worked_seconds * PAUSE_FOR_EACH_SECOND_OF_WORK)
        self._next_seconds = now_seconds + pause_seconds

    @property
    def harmless(self) -> frozenset[SampleVersion]:
        """Samples in which there can be no credentials."""
        return frozenset(version for version, entry in self._entries.items() if entry.harmless)

    def get(self, version: SampleVersion) -> PreparedSample | None:
        """Return the prepared sample of a content, or None if it was not prepared."""
        entry = self._entries.get(version)
        if entry is None or self._path is None:
            return None
        if self._file is None:
            self._file = open(self._path, "rb")  # noqa: SIM115  # Closed by `close`.
        self._file.seek(entry.start)
        sample: PreparedSample = pickle.loads(self._file.read(entry.size_bytes))
        return sample

    def close(self) -> None:
        """Remove what is kept; nothing is prepared any more."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._entries.clear()
        if self._path is not None:
            _remove(self._path)
            self._path = None


def _empty_file(owner: PreparedSamples) -> str:
    """Make a file that is removed with its owner, at the latest at the end of the process."""
    descriptor, path = tempfile.mkstemp(prefix="inspect-mlflow-", suffix=".prepared")
    os.close(descriptor)
    weakref.finalize(owner, _remove, path)
    return path


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
