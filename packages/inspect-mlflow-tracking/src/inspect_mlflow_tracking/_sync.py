"""`sync`: brings MLflow to the state that eval logs describe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.connection import open_tracking_store
from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import DeliveryError
from inspect_mlflow_core.logs import EvalLogReader, is_being_written
from inspect_mlflow_core.sync import (
    LogReport,
    LogSync,
    Progress,
    SyncAction,
    sync_settings,
    with_retries,
)

from .finished_tasks import write_task_log
from .runs import TrackingTarget

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings


@dataclass(frozen=True, slots=True)
class LogResult:
    """What became of one file.

    Args:
        location: Where it lies.
        action: What was done; `"superseded"` for an older copy of an evaluation of which another
            file was synced, `"disabled"` when the task's metadata switches tracking off.
        eval_id: Inspect's eval id, as far as the file could be read.
        task: Task name.
        model: Model name.
        run_id: MLflow's run id.
        status: MLflow's run status.
        samples: Samples written.
        reason: One line that says why, for everything but created, updated and unchanged.
        problems: One line for each part of the log that could not be read or written.
    """

    location: str
    action: SyncAction
    eval_id: str = ""
    task: str = ""
    model: str = ""
    run_id: str = ""
    status: str = ""
    samples: int = 0
    reason: str = ""
    problems: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """What there is to say besides the action."""
        if self.action == "unchanged":
            return self.status
        return self.reason or f"{self.status}, {self.samples} samples"


@dataclass(frozen=True, slots=True)
class SyncReport(LogReport[LogResult]):
    """What a sync has done.

    Args:
        tracking_uri: Where runs went, free of credentials.
        results: One for each file, in the order in which the evaluations began.
    """


def sync(
    log: str | Path | Sequence[str | Path],
    *,
    tracking_uri: str | None = None,
    experiment_name: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> SyncReport:
    """Bring MLflow to the state that eval logs describe.

    Writes are idempotent: a run is found by its eval id, and only what is missing or different is
    sent. Old and damaged logs are taken as far as they can be read. One sample is held in memory
    at a time.

    Args:
        log: A `.eval` or `.json` log, a directory (searched with its subdirectories), an fsspec
            URL, or several of them.
        tracking_uri: Where to; default from the settings.
        experiment_name: Which experiment; default from the settings. Task metadata wins.
        dry_run: Only say what would be done; nothing is sent.
        progress: Called with (what, done, total) as the work goes on.

    Returns:
        One result for each file found.

    Raises:
        ConfigurationError: No tracking URI, or a setting has a wrong value.
        DeliveryError: The server cannot be reached or refuses the credentials.
    """
    settings = sync_settings(tracking_uri, experiment_name)
    return RunSync(settings, dry_run=dry_run, progress=progress).report(log)


class RunSync(LogSync[LogResult]):
    """Makes runs of logs.

    Args:
        settings: Settings of the whole sync, with a tracking URI.
        dry_run: Only say what would be done.
        progress: Called as the work goes on.
    """

    def __init__(
        self, settings: MLflowSettings, *, dry_run: bool = False, progress: Progress | None = None
    ) -> None:
        super().__init__(settings, dry_run=dry_run, progress=progress)
        assert settings.tracking_uri is not None
        self._target = TrackingTarget(open_tracking_store(settings.tracking_uri))

    def report(self, log: str | Path | Sequence[str | Path]) -> SyncReport:
        """Sync logs; see `sync`."""
        if not self.dry_run:
            with_retries(self._target.store.check)
        shown = mask_uri(self._target.store.tracking_uri)
        return SyncReport(shown, tuple(self.results(log)))

    def outcome(self, location: str, action: SyncAction, **more: Any) -> LogResult:
        """See `LogSync.outcome`."""
        return LogResult(location, action, **more)

    def switched_off(self, settings: MLflowSettings) -> str | None:
        """See `LogSync.switched_off`."""
        return None if settings.enabled else "the task's metadata switches tracking off"

    def write(
        self, reader: EvalLogReader, settings: MLflowSettings, outcome: Callable[..., LogResult]
    ) -> LogResult:
        """See `LogSync.write`."""
        being_written = reader.header.status == "started" and is_being_written(reader)
        result = with_retries(
            lambda: write_task_log(self._target, reader, settings, being_written=being_written)
        )
        return outcome(
            result.action,
            run_id=result.run_id,
            status=result.status,
            samples=result.samples,
            problems=tuple(result.problems),
        )

    def finish(self) -> Iterator[LogResult]:
        """Close the parent runs whose tasks are all over."""
        self.progress("parent runs", 1, 1)
        try:
            with_retries(self._target.settle_parents)
        except DeliveryError as error:
            yield LogResult("(parent runs)", "failed", reason=str(error))
