"""What the exporter remembers of a task while it is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inspect_mlflow_core.exceptions import ConfigurationError
from inspect_mlflow_core.logs import SampleVersion
from inspect_mlflow_core.reporting import warn_once

from ._trace_job import SampleOutcome, TraceJob

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from inspect_mlflow_core.config import MLflowSettings

    from ._traced_task import TracedTask
    from .run_scope import RunJob, RunTask, SampleFacts, TaskFacts

__all__ = ["TracedTaskState"]


@dataclass(slots=True)
class TracedTaskState:
    """A task whose samples become traces.

    Args:
        settings: Settings of the evaluation, from the header on those of the task.
        began_seconds: When its evaluation began, on the monotonic clock.
        header_read: Whether the settings are the task's own.
        task: What traces need to know of it; None until its log was opened.
        run: Its place in the trace of its run, where samples have none of their own.
        others: What was known of the other tasks of the run when this one began.
        delivered: Samples that need not be looked at again; with their facts where `run` is set.
        written: See `write_log_run`.
        problems: One line for each sample that was refused.
    """

    settings: MLflowSettings
    began_seconds: float
    header_read: bool = False
    task: TracedTask | None = None
    run: RunTask | None = None
    others: Mapping[str, TaskFacts] = field(default_factory=dict)
    delivered: dict[SampleVersion, SampleFacts | None] = field(default_factory=dict)
    written: dict[str, SampleFacts] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def tracking_uri(self) -> str:
        """Where its traces go."""
        return self.settings.tracking_uri or ""

    @property
    def delivered_facts(self) -> dict[SampleVersion, SampleFacts]:
        """The facts of the samples that are in the trace of the run."""
        return {v: facts for v, facts in self.delivered.items() if facts is not None}

    def read_header(self, header: EvalLog) -> None:
        """Apply what the task's metadata says; the settings stay as they are where it is wrong.

        Args:
            header: The log without samples.
        """
        self.header_read = True
        try:
            own = self.settings.for_task(header.eval.metadata)
        except ConfigurationError as error:
            warn_once(
                f"tracing.metadata.{header.eval.task}",
                f"{error}; the task's overrides are ignored",
            )
            return
        self.settings = own if own.enabled else own.model_copy(update={"tracing_enabled": False})

    def trace_job(self, task: TracedTask, location: str) -> TraceJob:
        """The job of writing traces of their own for the samples that are in the log now."""
        content, known = self.settings.trace_content, frozenset(self.delivered)
        return TraceJob(self.tracking_uri, location, task, content, known)

    def run_job(self, run: RunTask, location: str) -> RunJob:
        """The job of writing the samples that are in the log now into the trace of their run."""
        # Takes long to import, and is for those who have chosen this scope.
        from .run_scope import RunJob

        content = self.settings.trace_content
        return RunJob(self.tracking_uri, location, run, content, self.delivered_facts, self.others)

    def take(self, outcome: SampleOutcome) -> None:
        """Take note of a sample that need not be tried again."""
        self.delivered[outcome.version] = self._facts(outcome)

    def forget_delivered(self) -> None:
        """Have every sample looked at again."""
        self.delivered.clear()
        self.written.clear()
        self.problems.clear()

    def _facts(self, outcome: SampleOutcome) -> SampleFacts | None:
        if self.run is None:
            return None
        from .run_scope import RunSampleOutcome

        return outcome.facts if isinstance(outcome, RunSampleOutcome) else None
