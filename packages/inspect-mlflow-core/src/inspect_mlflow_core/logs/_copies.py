"""Chooses among several files that hold the same evaluation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ._files import LogFile

if TYPE_CHECKING:
    from ._reader import EvalLogReader

__all__ = ["LogCandidate", "NewestLog", "newest_of_each"]

_SUFFIXES: Final = re.compile(r"((?:-scored|-recovered)(?:-\d+)?)+\.(?:eval|json)$")


@dataclass(frozen=True, slots=True)
class LogCandidate:
    """What of a log decides whether it is preferred to others of the same evaluation.

    Args:
        file: The file.
        eval_id: Id of the evaluation.
        status: Status in the log's header.
    """

    file: LogFile
    eval_id: str
    status: str

    @classmethod
    def of(cls, reader: EvalLogReader) -> LogCandidate:
        """The candidate for an open log."""
        return cls(reader.file, reader.header.eval.eval_id, reader.header.status)


@dataclass(frozen=True, slots=True)
class NewestLog:
    """The file that describes an evaluation best, and those it replaces.

    Args:
        chosen: The file to use.
        superseded: Other files of the same evaluation, the better ones first.
    """

    chosen: LogCandidate
    superseded: tuple[LogCandidate, ...]


def newest_of_each(candidates: Iterable[LogCandidate]) -> list[NewestLog]:
    """Groups files by evaluation and chooses one of each group.

    `inspect score`, `inspect log recover` and `inspect log convert` write copies that keep the
    evaluation's id. A finished log is preferred to an unfinished one, an original that finished
    by itself to one recovered from a crash, a `-scored` or `-recovered` copy to a plain one,
    and then the one modified last.

    Returns:
        One entry for each evaluation, in the order in which they first appear.
    """
    groups: dict[str, list[LogCandidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.eval_id, []).append(candidate)
    return [_newest(group) for group in groups.values()]


def _newest(group: list[LogCandidate]) -> NewestLog:
    chosen, *superseded = sorted(group, key=_preference, reverse=True)
    return NewestLog(chosen, tuple(superseded))


def _preference(candidate: LogCandidate) -> tuple[int, bool, int, str]:
    name = candidate.file.location.rsplit("/", 1)[-1]
    found = _SUFFIXES.search(name)
    suffixes = found[0] if found else ""
    if candidate.status == "started":
        completeness = 0
    else:
        # Recovery can be run too early, on a log whose evaluation then went on to its end.
        completeness = 1 if "-recovered" in suffixes and candidate.status == "error" else 2
    modified_ms = candidate.file.modified_ms or 0
    return completeness, bool(suffixes), modified_ms, candidate.file.location
