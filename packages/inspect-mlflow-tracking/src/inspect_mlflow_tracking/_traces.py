"""Lets an installed package make traces of the logs whose runs have been synced.

That package is found through the entry points of the group `inspect_mlflow.sync`, because the
packages do not import each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, Protocol

from inspect_mlflow_core.exceptions import DeliveryError, InspectMlflowError

if TYPE_CHECKING:
    from inspect_mlflow_core.sync import LogReport, Progress

    from ._sync import RunSync, SyncReport

SYNC_GROUP: Final = "inspect_mlflow.sync"
_NAME: Final = "traces"
_PACKAGE: Final = "inspect-mlflow-tracing"
_DELIVERED: Final = ("created", "updated", "unchanged", "would sync")


class TraceSync(Protocol):
    """What the entry point names."""

    def __call__(
        self,
        log: Sequence[str],
        *,
        tracking_uri: str | None,
        experiment_name: str | None,
        dry_run: bool,
        progress: Progress | None,
    ) -> LogReport[Any]:
        """Make traces of logs."""
        ...


@dataclass(frozen=True, slots=True)
class TracesPart:
    """What became of the traces in a sync of runs.

    Args:
        report: What was done; None where nothing was asked for or nothing could be done.
        reason: One line that says why nothing could be done.
        failed: Whether that is an error, rather than something to know.
    """

    report: LogReport[Any] | None = None
    reason: str = ""
    failed: bool = False

    @property
    def complete(self) -> bool:
        """True when all traces that were asked for are in MLflow."""
        return not self.failed and (self.report is None or self.report.complete)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; nothing where no traces were asked for."""
        if self.report is not None:
            return {_NAME: self.report.to_dict()}
        return {_NAME: {"complete": False, "reason": self.reason}} if self.reason else {}

    def lines(self) -> Iterator[str]:
        """Yield the report for people."""
        if self.report is not None:
            yield from self.report.lines()


def traces_installed() -> bool:
    """Say whether a package that makes traces is installed."""
    return _NAME in entry_points(group=SYNC_GROUP).names


def sync_traces_too(work: RunSync, report: SyncReport, wanted: bool | None) -> TracesPart:
    """Make traces of the logs whose runs are in MLflow now.

    Args:
        work: The sync of the runs.
        report: What it has done.
        wanted: Whether all of them are to have traces, or none; None for what the settings of
            each task say.
    """
    locations = [] if wanted is False else _locations(work, report, everything=bool(wanted))
    if not locations:
        return TracesPart()
    if not traces_installed():
        reason = f"no traces were made: tracing is on, but {_PACKAGE} is not installed"
        return TracesPart(reason=reason)
    try:
        return TracesPart(
            _loaded()(
                locations,
                tracking_uri=work.settings.tracking_uri,
                experiment_name=work.settings.experiment_name,
                dry_run=work.dry_run,
                progress=work.progress,
            )
        )
    except InspectMlflowError as error:
        # An old server is no fault of a sync that nobody asked for traces in particular.
        unsupported = isinstance(error, DeliveryError) and error.cause == "traces_unsupported"
        return TracesPart(reason=f"no traces: {error}", failed=bool(wanted) or not unsupported)


def _locations(work: RunSync, report: SyncReport, *, everything: bool) -> list[str]:
    """The logs to trace: those with a run, which the traces shall name."""
    return [
        result.location
        for result in report.results
        if result.action in _DELIVERED
        and (everything or work.task_settings[result.location].tracing_enabled)
    ]


def _loaded() -> TraceSync:
    (point, *_) = entry_points(group=SYNC_GROUP, name=_NAME)
    try:
        function: TraceSync = point.load()
    # An import runs any code of another package, and the runs are in MLflow already.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InspectMlflowError(f"{_PACKAGE} cannot be loaded: {reason}") from error
    return function
