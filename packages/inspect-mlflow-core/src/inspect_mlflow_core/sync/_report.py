"""What a sync tells of the files that it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

SyncAction = Literal[
    "created",
    "updated",
    "unchanged",
    "would sync",
    "superseded",
    "disabled",
    "unreadable",
    "failed",
]
"""What was done with one file; a package may leave some of these out."""


class LogOutcome(Protocol):
    """What became of one file; implemented by frozen dataclasses."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def location(self) -> str:
        """Where it lies."""
        ...

    @property
    def action(self) -> SyncAction:
        """What was done; `"unreadable"` and `"failed"` when it could not be."""
        ...

    @property
    def task(self) -> str:
        """Task name, as far as the file could be read."""
        ...

    @property
    def model(self) -> str:
        """Model name."""
        ...

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each part that could not be read or written."""
        ...

    @property
    def detail(self) -> str:
        """What there is to say besides the action."""
        ...


Outcome = TypeVar("Outcome", bound=LogOutcome)


@dataclass(frozen=True, slots=True)
class LogReport(Generic[Outcome]):
    """What a sync has done.

    Args:
        tracking_uri: Where things went, free of credentials.
        results: One for each file, in the order in which the evaluations began.
    """

    tracking_uri: str
    results: tuple[Outcome, ...] = field(default_factory=tuple)

    subject: ClassVar[str] = ""
    """What the lines are about, where that is not the log itself (`"traces"`)."""

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Files that could not be read or written, in whole or in part."""
        return tuple(
            result
            for result in self.results
            if result.action in ("unreadable", "failed") or result.problems
        )

    @property
    def complete(self) -> bool:
        """True when every file is in MLflow."""
        return not self.failed

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "tracking_uri": self.tracking_uri,
            "complete": self.complete,
            "results": [asdict(result) for result in self.results],
        }

    def lines(self) -> Iterator[str]:
        """Yield the report for people: a line for each file and problem, and the counts."""
        about = f"{self.subject} of " if self.subject else ""
        for result in self.results:
            what = f"{about}{result.task} ({result.model})  " if result.task else ""
            yield f"{result.action:<10}  {what}{result.location}: {result.detail}"
            for problem in result.problems:
                yield f"            {problem}"
        counts = Counter(result.action for result in self.results)
        told = ", ".join(f"{count} {action}" for action, count in counts.items())
        label = f"{self.subject}: " if self.subject else ""
        yield f"{label}{told or 'no logs found'} ({self.tracking_uri})"
