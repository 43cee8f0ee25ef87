"""What has to be known of every log before the first is synced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inspect_mlflow_core.logs import EvalLogReader, LogCandidate, LogFile, newest_of_each


@dataclass(frozen=True, slots=True)
class LogHeader:
    """The few fields of a log's header by which logs are chosen and ordered.

    Args:
        candidate: File, eval id and status.
        task: Task name.
        model: Model name.
        created: When the evaluation was created, as ISO 8601 text.
        metadata: The task's metadata, which may hold overrides of settings.
    """

    candidate: LogCandidate
    task: str
    model: str
    created: str
    metadata: Mapping[str, Any] | None

    @property
    def location(self) -> str:
        """Where the file lies."""
        return self.candidate.file.location


def read_log_header(file: LogFile) -> LogHeader:
    """Read the header of a log.

    Args:
        file: The file.

    Returns:
        Its header.

    Raises:
        LogReadError: It cannot be read; the message says why in one line.
    """
    with EvalLogReader.open(file.location) as reader:
        spec = reader.header.eval
        return LogHeader(
            LogCandidate.of(reader), spec.task, spec.model, spec.created, spec.metadata
        )


def chosen_logs(
    headers: Iterable[LogHeader],
) -> tuple[list[LogHeader], list[tuple[LogHeader, LogHeader]]]:
    """Choose one file for each evaluation.

    Args:
        headers: Headers of all files found.

    Returns:
        The chosen ones in the order in which their evaluations were created; and the others, each
        with the one that was chosen instead.
    """
    by_location = {header.location: header for header in headers}
    chosen, superseded = [], []
    for newest in newest_of_each(header.candidate for header in by_location.values()):
        best = by_location[newest.chosen.file.location]
        chosen.append(best)
        superseded += [(by_location[old.file.location], best) for old in newest.superseded]
    chosen.sort(key=lambda header: (header.created, header.location))
    return chosen, superseded
