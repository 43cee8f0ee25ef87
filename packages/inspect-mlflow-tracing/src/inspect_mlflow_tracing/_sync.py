"""`sync_traces`: brings the traces in MLflow to the state that eval logs describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from inspect_mlflow_core.connection import open_trace_store, traces_supported, traces_unsupported
from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.sync import (
    LogReport,
    LogSync,
    Progress,
    SyncAction,
    sync_settings,
    with_retries,
)

from ._destination import TraceDestination
from ._retrying_store import RetryingTraceStore
from .run_scope import run_task, write_log_run
from .traces import LogTraces, write_log_traces

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings

    from .mapping import TracedTask


@dataclass(frozen=True, slots=True)
class TraceLogResult:
    """What became of the traces of one file.

    Args:
        location: Where it lies.
        action: What was done; `"superseded"` for an older copy of an evaluation of which another
            file was synced, `"disabled"` when the task's metadata switches tracing off.
        eval_id: Inspect's eval id, as far as the file could be read.
        task: Task name.
        model: Model name.
        experiment_id: MLflow's id of the experiment that holds the traces.
        run_id: MLflow's id of the run that they belong to; `""` without one.
        traces: Samples that are in MLflow, as traces or in the trace of their run.
        written: Those of them that were missing or different.
        reason: One line that says why, for everything but created, updated and unchanged.
        problems: One line for each sample that could not be read or written.
        scope: `"run"` when the samples are in one trace, together with the other tasks of the
            same `eval()`.
    """

    location: str
    action: SyncAction
    eval_id: str = ""
    task: str = ""
    model: str = ""
    experiment_id: str = ""
    run_id: str = ""
    traces: int = 0
    written: int = 0
    reason: str = ""
    problems: tuple[str, ...] = ()
    scope: Literal["sample", "run"] = "sample"

    @property
    def detail(self) -> str:
        """What there is to say besides the action."""
        what = "traces" if self.scope == "sample" else "samples in the trace of their run"
        return self.reason or f"{self.traces} {what}, {self.written} written"


@dataclass(frozen=True, slots=True)
class TraceSyncReport(LogReport[TraceLogResult]):
    """What a sync of traces has done.

    Args:
        tracking_uri: Where traces went, free of credentials.
        results: One for each file, in the order in which the evaluations began.
    """

    subject: ClassVar[str] = "traces"


def sync_traces(
    log: str | Path | Sequence[str | Path],
    *,
    tracking_uri: str | None = None,
    experiment_name: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> TraceSyncReport:
    """Bring the traces in MLflow to the state that eval logs describe.

    Writes are idempotent: every sample has one trace, found again by its id, and only those that
    are missing or different are sent. Old and damaged logs are taken as far as they can be read,
    and of a log that is still being written the samples that are finished. Traces belong to the
    run of their evaluation where there is one. A few requests' worth of samples is held in memory.

    With `trace_scope=run` all samples of an `eval()` are in one trace, to which each log adds its
    task: a task is written as a whole when something in its log has changed.

    Args:
        log: A `.eval` or `.json` log, a directory (searched with its subdirectories), an fsspec
            URL, or several of them.
        tracking_uri: Where to; default from the settings.
        experiment_name: Which experiment; default from the settings. Task metadata wins.
        dry_run: Only say what would be done; nothing is sent.
        progress: Called with (what, done, total) as the work goes on.

    Returns:
        One result for each file found. Tasks whose metadata switches tracing off are left out;
        that the environment does so for live evaluations does not matter here.

    Raises:
        ConfigurationError: No tracking URI, or a setting has a wrong value.
        DeliveryError: The server cannot be reached, refuses the credentials, or is too old for
            traces (cause `"traces_unsupported"`).
    """
    settings = sync_settings(tracking_uri, experiment_name, tracing_enabled=True)
    return _TraceSync(settings, dry_run=dry_run, progress=progress).report(log)


class _TraceSync(LogSync[TraceLogResult]):
    """Makes traces of logs."""

    fatal_causes = frozenset({"traces_unsupported"})

    def __init__(
        self, settings: MLflowSettings, *, dry_run: bool, progress: Progress | None
    ) -> None:
        super().__init__(settings, dry_run=dry_run, progress=progress)
        assert settings.tracking_uri is not None
        self._store = RetryingTraceStore(open_trace_store(settings.tracking_uri))
        self._destination = TraceDestination(settings.tracking_uri)

    def report(self, log: str | Path | Sequence[str | Path]) -> TraceSyncReport:
        """Sync logs; see `sync_traces`."""
        shown = mask_uri(self._store.tracking_uri)
        if not self.dry_run:
            version = self._store.check()
            if not traces_supported(version):
                raise traces_unsupported(f"MLflow at {shown}", version)
        return TraceSyncReport(shown, tuple(self.results(log)))

    def outcome(self, location: str, action: SyncAction, **more: Any) -> TraceLogResult:
        """See `LogSync.outcome`."""
        return TraceLogResult(location, action, **more)

    def switched_off(self, settings: MLflowSettings) -> str | None:
        """See `LogSync.switched_off`."""
        if settings.enabled and settings.tracing_enabled:
            return None
        return "the task's metadata switches tracing off"

    def write(
        self,
        reader: EvalLogReader,
        settings: MLflowSettings,
        outcome: Callable[..., TraceLogResult],
    ) -> TraceLogResult:
        """See `LogSync.write`."""
        header = reader.header
        task = with_retries(partial(self._destination.task, header, settings, reader.location))
        result = self._written(reader, task, settings)
        # The trace of a run has a task without samples too.
        new = settings.trace_scope == "run" and not result.before
        changed = bool(result.written) or new
        action = ("updated" if result.before else "created") if changed else "unchanged"
        return outcome(
            action,
            experiment_id=task.experiment_id,
            run_id=task.run_id or "",
            traces=result.samples,
            written=result.written,
            problems=tuple(result.problems),
            scope=settings.trace_scope,
        )

    def _written(
        self, reader: EvalLogReader, task: TracedTask, settings: MLflowSettings
    ) -> LogTraces:
        content = settings.trace_content
        progress = partial(self.progress, f"{reader.header.eval.task}: samples")
        if settings.trace_scope == "run":
            run = run_task(reader.header, task)
            return write_log_run(self._store, reader, run, content=content, progress=progress)
        return write_log_traces(self._store, reader, task, content=content, progress=progress)
