"""`sync`: brings MLflow to the state that eval logs describe."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from inspect_mlflow_core.connection import TrackingStore, open_tracking_store
from inspect_mlflow_core.exceptions import (
    ConfigurationError,
    DeliveryError,
    LogReadError,
    RetryableError,
)
from inspect_mlflow_core.logs import (
    EvalLogReader,
    LogFile,
    discover_logs,
    is_being_written,
)

from ._log_headers import LogHeader, chosen_logs, read_log_header
from .runs import TaskResult, TrackingTarget, write_task_log

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings

Action = Literal[
    "created",
    "updated",
    "unchanged",
    "would sync",
    "superseded",
    "disabled",
    "unreadable",
    "failed",
]
Progress = Callable[[str, int, int], None]
Result = TypeVar("Result")

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


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
    action: Action
    eval_id: str = ""
    task: str = ""
    model: str = ""
    run_id: str = ""
    status: str = ""
    samples: int = 0
    reason: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync has done.

    Args:
        tracking_uri: Where runs went, free of credentials.
        results: One for each file, in the order in which the evaluations began.
    """

    tracking_uri: str
    results: tuple[LogResult, ...] = field(default_factory=tuple)

    @property
    def failed(self) -> tuple[LogResult, ...]:
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
    settings = _settings(tracking_uri, experiment_name)
    paths = [log] if isinstance(log, (str, Path)) else list(log)
    report = progress or (lambda _what, _done, _total: None)
    assert settings.tracking_uri is not None
    target = TrackingTarget(open_tracking_store(settings.tracking_uri))
    if not dry_run:
        with_retries(target.store.check)
    work = _Sync(target, settings, dry_run, report)
    return SyncReport(_shown(target.store), tuple(work.results(paths)))


def _settings(tracking_uri: str | None, experiment_name: str | None) -> MLflowSettings:
    from inspect_mlflow_core.config import MLflowSettings

    given = {"tracking_uri": tracking_uri, "experiment_name": experiment_name}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    # Who asks for a sync wants it, also where hooks are switched off; only a task's own metadata
    # keeps it out.
    settings = MLflowSettings(enabled=True, **chosen)
    if settings.tracking_uri is None:
        raise ConfigurationError(
            "no tracking URI: set INSPECT_MLFLOW_TRACKING_URI, or give --tracking-uri"
        )
    return settings


def _shown(store: TrackingStore) -> str:
    from inspect_mlflow_core.conversion import mask_uri

    return mask_uri(store.tracking_uri)


@dataclass(slots=True)
class _Sync:
    target: TrackingTarget
    settings: MLflowSettings
    dry_run: bool
    report: Progress

    def results(self, paths: Sequence[str | Path]) -> Iterator[LogResult]:
        headers: list[LogHeader] = []
        found = list(discover_logs(paths))
        for position, candidate in enumerate(found):
            self.report("reading headers", position, len(found))
            if not isinstance(candidate, LogFile):
                yield LogResult(candidate.location, "unreadable", reason=candidate.reason)
                continue
            try:
                headers.append(read_log_header(candidate))
            except LogReadError as error:
                yield LogResult(candidate.location, "unreadable", reason=str(error))
        chosen, superseded = chosen_logs(headers)
        for header, by in superseded:
            reason = f"another copy of the same evaluation is newer: {by.location}"
            yield self._result(header, "superseded", reason=reason)
        for position, header in enumerate(chosen):
            self.report(header.task, position, len(chosen))
            yield self._log(header)
        self.report("parent runs", len(chosen), len(chosen))
        if self.dry_run:
            return
        try:
            with_retries(self.target.settle_parents)
        except DeliveryError as error:
            yield LogResult("(parent runs)", "failed", reason=str(error))

    def _log(self, header: LogHeader) -> LogResult:
        try:
            settings = self.settings.for_task(header.metadata)
        except ConfigurationError as error:
            return self._result(header, "failed", reason=str(error))
        if not settings.enabled:
            reason = "the task's metadata switches tracking off"
            return self._result(header, "disabled", reason=reason)
        if self.dry_run:
            reason = f"into experiment {settings.experiment_name}"
            return self._result(header, "would sync", reason=reason)
        try:
            with EvalLogReader.open(header.location) as reader:
                result = self._written(reader, settings)
        except LogReadError as error:
            return self._result(header, "unreadable", reason=str(error))
        except DeliveryError as error:
            return self._result(header, "failed", reason=str(error))
        return self._result(
            header,
            result.action,
            run_id=result.run_id,
            status=result.status,
            samples=result.samples,
            problems=tuple(result.problems),
        )

    def _written(self, reader: EvalLogReader, settings: MLflowSettings) -> TaskResult:
        being_written = reader.header.status == "started" and is_being_written(reader)
        return with_retries(
            lambda: write_task_log(self.target, reader, settings, being_written=being_written)
        )

    def _result(self, header: LogHeader, action: Action, **more: Any) -> LogResult:
        return LogResult(
            header.location,
            action,
            eval_id=header.candidate.eval_id,
            task=header.task,
            model=header.model,
            **more,
        )


def with_retries(
    operation: Callable[[], Result],
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Try an idempotent operation again while that can help.

    Exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog,
    2015); a pause that the server asks for counts instead.

    Args:
        operation: What to do.
        attempts: How often at most.
        sleep: Pauses for so many seconds.

    Returns:
        Its result.

    Raises:
        RetryableError: Every attempt failed.
    """
    pause_seconds = FIRST_PAUSE_SECONDS
    for _ in range(attempts - 1):
        try:
            return operation()
        except RetryableError as error:
            asked = error.retry_after_seconds
            wait_seconds = random.uniform(0, pause_seconds) if asked is None else asked
            sleep(min(wait_seconds, LONGEST_PAUSE_SECONDS))
            pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
    return operation()
