"""What the hooks remember of one evaluation, on the event loop."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.current_log import current_log_location
from inspect_mlflow_core.delivery import (
    DeferredExporter,
    FlushResult,
    Record,
    delivery_worker,
    register_exit_callback,
    unregister_exit_callback,
)
from inspect_mlflow_core.reporting import say

from ._progress import TracingProgress
from ._records import SampleLogged, TraceRunEnded, TraceTaskEnded
from .running import Rounds, RunningSample, RunningTask, running_task

if TYPE_CHECKING:
    from inspect_ai.log import EvalSampleSummary, EvalSpec

    from inspect_mlflow_core.config import MLflowSettings

    from ._exporter import TracingExporter

_progress = TracingProgress()


def _make_exporter() -> TracingExporter:
    # Not at the top: hooks import this module, and would keep the evaluation waiting.
    from ._exporter import TracingExporter

    return TracingExporter(_progress)


_exporter = DeferredExporter("tracing", _make_exporter)
# What a record weighs in the queue: the sample itself is read from the log.
_RECORD_BYTES = 200
_PURPOSE = "traces"


@dataclass(slots=True)
class TracedEvaluation:
    """One `eval()` call.

    Args:
        run_id: Inspect's run id.
        settings: Settings as they were when it began.
        locations: Where the log of each open task lies, by eval id; None while unknown.
    """

    run_id: str
    settings: MLflowSettings
    locations: dict[str, str | None] = field(default_factory=dict)
    _ended: dict[str, str | None] = field(default_factory=dict)
    _shown_tasks: dict[str, RunningTask] = field(default_factory=dict)
    _rounds: Rounds = field(init=False)
    _began_seconds: float = field(default_factory=time.monotonic, init=False)

    def __post_init__(self) -> None:
        """Let the process end this evaluation should it exit in the middle."""
        self._rounds = Rounds(_progress.running, lambda due: self._submit(self.run_id, due))
        delivery_worker(_PURPOSE).queue_bytes = self.settings.queue_bytes
        register_exit_callback(self.end)

    def start_task(self, spec: EvalSpec) -> None:
        """Take note of a task whose samples are to be shown while they run.

        Args:
            spec: What Inspect says of it.
        """
        task = running_task(spec, self.settings)
        # In the trace of its run, a sample appears when it is complete.
        if task is not None and task.settings.trace_scope == "sample":
            self._shown_tasks[spec.eval_id] = task

    def start_sample(self, eval_id: str, uuid: str, summary: EvalSampleSummary) -> None:
        """Take note of a sample that begins here; nothing of it is read yet.

        Args:
            eval_id: Inspect's eval id.
            uuid: Id of the sample.
            summary: What Inspect tells of it.
        """
        self.learn_location(eval_id)
        task = self._shown_tasks.get(eval_id)
        if task is None:
            return
        from inspect_ai.log import transcript

        sample = RunningSample(
            uuid=uuid,
            key=(summary.id, summary.epoch),
            task=task,
            location=self.locations.get(eval_id),
            input=summary.input,
            started_at=datetime.now(UTC).isoformat(),
            transcript=transcript(),
        )
        _progress.running.start(sample)
        self._rounds.start()

    def learn_location(self, eval_id: str) -> None:
        """Take note of where the log of the sample lies that is running here."""
        if self.locations.get(eval_id) is None and eval_id not in self._ended:
            self.locations[eval_id] = current_log_location()

    def finish_sample(self, eval_id: str, uuid: str, sample_id: str | int, epoch: int) -> None:
        """Enqueue that a sample is complete.

        Args:
            eval_id: Inspect's eval id.
            uuid: Id of the sample.
            sample_id: Its id in the dataset.
            epoch: Its epoch.
        """
        _progress.running.end(uuid)
        self.learn_location(eval_id)
        location = self.locations.get(eval_id)
        if location is not None:
            payload = SampleLogged(location, self.settings, self._began_seconds)
            self._submit(eval_id, payload, reference=(eval_id, sample_id, epoch))

    def end_task(self, eval_id: str, location: str | None) -> None:
        """End a task, once.

        Args:
            eval_id: Inspect's eval id.
            location: Where its log lies; None to use what is known.
        """
        if eval_id in self._ended:
            return
        _progress.running.end_task(eval_id)
        location = location or self.locations.pop(eval_id, None)
        self.locations.pop(eval_id, None)
        self._ended[eval_id] = location
        self._submit(eval_id, TraceTaskEnded(location, self.settings))

    def drop_task(self, eval_id: str) -> None:
        """End an attempt that a later one has replaced; its finished samples stay."""
        _progress.running.end_task(eval_id)
        location = self.locations.pop(eval_id, None)
        if eval_id not in self._ended:
            self._submit(eval_id, TraceTaskEnded(location, self.settings, superseded=True))

    def end(self) -> None:
        """End whatever is still open, and the evaluation itself."""
        unregister_exit_callback(self.end)
        self._rounds.stop()
        for eval_id in list(self.locations):
            self.end_task(eval_id, None)
        if self._ended:
            self._submit(self.run_id, TraceRunEnded())

    async def deliver(self) -> None:
        """Wait until everything is delivered, at most `flush_timeout` seconds, and say so."""
        if not self._ended:
            return
        worker = delivery_worker(_PURPOSE)
        result = await worker.flush_async(self.settings.flush_timeout)
        if result.reason == "unreachable":
            _progress.left.update([self.run_id, *self._ended])
            worker.hurry()
        self._say(result)

    def _say(self, result: FlushResult) -> None:
        complete = {
            eval_id: count
            for eval_id in self._ended
            if (count := _progress.complete.pop(eval_id, None)) is not None
        }
        where, total = mask_uri(self.settings.tracking_uri or ""), _traces(complete)
        missing = [self._ended[eval_id] for eval_id in self._ended if eval_id not in complete]
        if not missing:
            if total:
                say(f"{total} {'trace' if total == 1 else 'traces'} complete in {where}")
            return
        logs = " ".join(shlex.quote(location) for location in missing if location)
        reason = result.last_cause or ("still sending" if result.pending else "refused")
        say(
            f"traces are not complete in {where} ({reason}); the log holds everything, "
            f"later run: inspect-mlflow sync-traces {logs}"
        )

    def _submit(
        self, key: str, payload: Any, reference: tuple[str, str | int, int] | None = None
    ) -> None:
        size_bytes = 0 if reference is None else _RECORD_BYTES
        delivery_worker(_PURPOSE).submit(Record(_exporter, key, payload, size_bytes, reference))


def _traces(samples: Mapping[str, int]) -> int:
    """How many traces the samples of some tasks are in, by eval id."""
    runs = {eval_id: _progress.run_traces.pop(eval_id, None) for eval_id in samples}
    alone = sum(count for eval_id, count in samples.items() if runs[eval_id] is None)
    return alone + len({trace_id for trace_id in runs.values() if trace_id is not None})
