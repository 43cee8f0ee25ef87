"""What a push of scan results has done, or would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

__all__ = ["PushAction", "PushReport", "PushResult"]

PushAction = Literal[
    "created",
    "updated",
    "unchanged",
    "would create",
    "would update",
    "superseded",
    "no value",
    "unmatched",
    "failed",
]
"""What was done with what a scanner found in a transcript."""

_MOST_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of what one scanner found in one transcript, on one trace.

    Args:
        scanner: Name of the scanner within the scan.
        transcript_id: Scout's id.
        action: What was done; `"superseded"` when the trace has what a later scan said,
            `"no value"` when the scanner had nothing to say.
        trace_id: MLflow's id; `""` without a trace.
        written: Assessments that were missing or different (or would be written).
        removed: Assessments of an earlier scan that were (or would be) taken away.
        unchanged: Assessments that were there already.
        without_value: Results with a null value, for which there is none.
        left_out: Results beyond the most that a trace gets of one scanner.
        reason: One line, for what is unmatched or failed.
    """

    scanner: str
    transcript_id: str
    action: PushAction
    trace_id: str = ""
    written: int = 0
    removed: int = 0
    unchanged: int = 0
    without_value: int = 0
    left_out: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PushReport:
    """What a push has done.

    Args:
        tracking_uri: Where results went, free of credentials.
        location: Where the scan lies.
        scan_id: Scout's id of it.
        scan_name: Its name.
        complete_scan: Whether every transcript was scanned.
        missing_transcripts: How many transcripts have no result of some scanner, of a scan that is
            not complete.
        failed_scans: How many scans of a transcript ended with an error; their feedback says so.
        experiments: In which experiments traces were looked for.
        dry_run: Whether nothing was to be written.
        results: For each scanner, each transcript in it, and each trace of that.
    """

    tracking_uri: str
    location: str
    scan_id: str
    scan_name: str
    complete_scan: bool
    missing_transcripts: int
    failed_scans: int
    experiments: tuple[str, ...]
    dry_run: bool
    results: tuple[PushResult, ...] = ()

    @property
    def matched(self) -> tuple[PushResult, ...]:
        """What belongs to a trace."""
        return tuple(each for each in self.results if each.action != "unmatched")

    @property
    def unmatched(self) -> tuple[PushResult, ...]:
        """What has no trace."""
        return tuple(each for each in self.results if each.action == "unmatched")

    @property
    def failed(self) -> tuple[PushResult, ...]:
        """What could not be written, in whole or in part."""
        return tuple(each for each in self.results if each.action == "failed")

    @property
    def complete(self) -> bool:
        """True when everything has a trace and is (or would be) there."""
        return not self.unmatched and not self.failed

    @property
    def written(self) -> int:
        """How many assessments were (or would be) written."""
        return sum(each.written for each in self.results)

    @property
    def removed(self) -> int:
        """How many assessments of earlier scans were (or would be) taken away."""
        return sum(each.removed for each in self.results)

    @property
    def unchanged(self) -> int:
        """How many assessments were there already."""
        return sum(each.unchanged for each in self.results)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        counts = {
            name: getattr(self, name) for name in ("complete", "written", "removed", "unchanged")
        }
        actions: Counter[str] = Counter(each.action for each in self.results)
        return {**asdict(self), **counts, "actions": dict(actions)}

    def summary(self) -> str:
        """Return the report for people: what was done, and what was not and why."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from self._counted()
        yield f"looked for traces in: {', '.join(self.experiments) or 'no experiment'}"
        if not self.complete_scan:
            missing, failed = self.missing_transcripts, self.failed_scans
            yield f"the scan is not complete: transcripts missing {missing}, scans failed {failed}"
        troubles = (*self.failed, *self.unmatched)
        for each in troubles[:_MOST_LINES]:
            yield f"{each.action}: {each.scanner} of {each.transcript_id}: {each.reason}"
        if len(troubles) > _MOST_LINES:
            yield f"... and {len(troubles) - _MOST_LINES} more"

    def _counted(self) -> Iterator[str]:
        would = "would be " if self.dry_run else ""
        yield (
            f"{self.scan_name} {self.scan_id}: {self.written} assessments {would}written,"
            f" {self.removed} {would}removed, {self.unchanged} unchanged ({self.tracking_uri})"
        )
        by_scanner: dict[str, Counter[str]] = {}
        for each in self.results:
            by_scanner.setdefault(each.scanner, Counter())[each.action] += 1
        for scanner, actions in by_scanner.items():
            told = ", ".join(f"{count} {action}" for action, count in actions.items())
            yield f"  {scanner}: {told}"
        left_out = sum(each.left_out for each in self.results)
        if left_out:
            yield f"  {left_out} results left out: a trace gets only so many of one scanner"
