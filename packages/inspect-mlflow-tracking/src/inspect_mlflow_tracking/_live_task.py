"""The run of a task while the task is going on; lives on the worker thread."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from inspect_mlflow_core.active_runs import ActiveRun, enter_active_run
from inspect_mlflow_core.connection import MetricPoint
from inspect_mlflow_core.conversion import NameTable

from .mapping import (
    RunningMetrics,
    RunningSample,
    SampleFacts,
    SamplePositions,
    accuracy_scorer,
    completion_order,
    dataset_input,
    dataset_order,
    expected_samples,
    milliseconds,
    running_sample,
    sample_points,
    task_parameters,
)
from .runs import PreparedSamples, RunWriter, TrackingTarget

if TYPE_CHECKING:
    from inspect_ai.log import EvalPlan, EvalSpec

    from inspect_mlflow_core.background_process import BackgroundProcess
    from inspect_mlflow_core.config import MLflowSettings

# Inspect stamps a sample's completion before it writes the sample and calls the hooks, so samples
# arrive slightly out of order. Held back this long, they enter the running metrics in order.
SETTLING_MS = 2000


def as_logged(spec: EvalSpec) -> EvalSpec:
    """Return a specification as the log will hold it: objects without a JSON form are left out.

    Args:
        spec: As a hook delivers it; it may hold functions and other live objects.

    Returns:
        A copy that gives the same params as the log's header.
    """
    plain = spec.model_dump(mode="json", exclude_none=True, fallback=lambda _: None)
    return type(spec).model_validate(plain)


class LiveTask:
    """Opens the run of a task and adds samples to it as they finish.

    Args:
        spec: Specification of the task.
        plan: Its plan, if Inspect told it.
        settings: Settings with the task's own overrides applied.
        background: Where samples are made ready for the end of the task.
        now_ms: Clock, milliseconds since the epoch.
    """

    def __init__(
        self,
        spec: EvalSpec,
        plan: EvalPlan | None,
        settings: MLflowSettings,
        background: BackgroundProcess,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.spec, self.plan, self.settings = as_logged(spec), plan, settings
        self.writer: RunWriter | None = None
        self.prepared = PreparedSamples(background, eval_id=spec.eval_id, task_name=spec.task)
        self._now_ms = now_ms
        self._created_ms = milliseconds(spec.created) or 0
        self._scorer = accuracy_scorer(settings.accuracy_scorer, spec.scorers)
        self._running = RunningMetrics(expected_samples(spec))
        self._positions = SamplePositions(dataset_order(spec.dataset.sample_ids, ()))
        self._names = NameTable()
        self._arrived: dict[tuple[str, int], int | None] = {}
        self._settling: list[tuple[tuple[int, str, int], RunningSample]] = []
        self._outbox: list[MetricPoint] = []

    def open(self, target: TrackingTarget) -> RunWriter:
        """Open the run and write what is known at the start.

        Args:
            target: Where the run goes.

        Returns:
            The run's writer.
        """
        if self.writer is None:
            self.writer = target.open_task_run(self.spec, self.settings)
        writer = self.writer
        writer.log_start(task_parameters(self.spec, self.plan, NameTable()), {})
        writer.log_dataset(dataset_input(self.spec))
        run = ActiveRun(writer.run.run_id, writer.run.experiment_id, target.store.tracking_uri)
        enter_active_run(self.spec.eval_id, run)
        return writer

    def add(self, facts: SampleFacts) -> None:
        """Take a finished sample; one that comes again (a repeated batch) changes nothing.

        Args:
            facts: The sample.
        """
        if self._arrived.get(facts.key, -1) == facts.completed_ms:
            return
        self._arrived[facts.key] = facts.completed_ms
        if facts.id in self._positions:
            step = self._positions.step(facts.id, facts.epoch)
            self._outbox += sample_points(facts, step, self._created_ms, self._names)
        # The others were added while the evaluation runs: the log tells their order at the end.
        sample = running_sample(facts, self._scorer, self._created_ms)
        if sample is not None:
            heapq.heappush(self._settling, (completion_order(sample), sample))

    def deliver(self) -> None:
        """Write the points of the samples that have settled."""
        if self.writer is None:
            return
        settled_ms = self._now_ms() - SETTLING_MS
        while self._settling and self._settling[0][1].completed_ms <= settled_ms:
            self._outbox += self._running.add(heapq.heappop(self._settling)[1])
        if self._outbox:
            self.writer.log_points(self._outbox)
            self._outbox = []
