"""What became of an import."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["ImportReport"]


@dataclass(slots=True)
class ImportReport:
    """Counts of an import, kept up to date while it runs.

    Args:
        traces: Traces that were read.
        transcripts: Transcripts that were made of them.
        from_inspect: Those of them that Inspect's evaluations left, rebuilt as they were.
        known: Transcripts, or traces of them, that were named as there already.
        empty: Traces without messages and events, which make no transcript.
        failed: Why a trace could not be read, in one line, by its id.
        lost_attachments: Files that traces refer to and that could not be had; the references to
            them stay.
        experiment_found: False when there is no experiment of that name.
    """

    traces: int = 0
    transcripts: int = 0
    from_inspect: int = 0
    known: int = 0
    empty: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    lost_attachments: int = 0
    experiment_found: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The counts for machines."""
        return {
            "traces": self.traces,
            "transcripts": self.transcripts,
            "from_inspect": self.from_inspect,
            "known": self.known,
            "empty": self.empty,
            "failed": dict(self.failed),
            "lost_attachments": self.lost_attachments,
        }

    def summary(self) -> str:
        """The counts in one line."""
        parts = [
            f"{_counted(self.transcripts, 'transcript')} from {_counted(self.traces, 'trace')}"
        ]
        if self.from_inspect:
            parts.append(f"{self.from_inspect} of Inspect evaluations")
        if self.known:
            parts.append(f"{self.known:,} there already")
        if self.empty:
            parts.append(f"{_counted(self.empty, 'empty trace')} left out")
        if self.failed:
            parts.append(f"{_counted(len(self.failed), 'trace')} unreadable")
        if self.lost_attachments:
            parts.append(f"{_counted(self.lost_attachments, 'attachment')} missing")
        return ", ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
