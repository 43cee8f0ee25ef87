"""Brings what a whole log says up to date in the trace of its run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from inspect_mlflow_core.connection import ConcurrentCalls, SpanRecord, TraceStore
from inspect_mlflow_core.logs import is_being_written
from inspect_mlflow_tracing.traces import LogTraces, TraceContent

from ._facts import SampleFacts, TaskFacts, unwritten
from ._groups import sample_groups
from ._run_sample import RunSample, run_sample
from ._run_task import RunTask
from ._task_span import open_facts, task_digest, task_facts, task_span
from ._writer import RunTraceWriter, StoredRun, stored_run

if TYPE_CHECKING:
    from inspect_mlflow_core.logs import EvalLogReader, SampleVersion

__all__ = ["end_run_task", "write_log_run"]

_NOTHING: Final[Mapping[Any, SampleFacts]] = MappingProxyType({})


def write_log_run(
    store: TraceStore,
    reader: EvalLogReader,
    run: RunTask,
    *,
    content: TraceContent = "full",
    delivered: Mapping[SampleVersion, SampleFacts] = _NOTHING,
    written: dict[str, SampleFacts] | None = None,
    superseded: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> LogTraces:
    """Write what a log says into the trace of its run, unless it is there already.

    Args:
        store: Where to.
        reader: The open log.
        run: Its task; see `run_task`.
        content: What traces may hold.
        delivered: Samples that are known to be there, which are not read.
        written: Facts of the samples that an earlier call, which failed later on, has written, by
            `SampleFacts.trace_id`; this one adds its own.
        superseded: Whether nobody writes the log any more, although it may look so.
        progress: Called with (samples done, samples in all).

    Returns:
        What was done, counted in samples.

    Raises:
        RetryableError: The server cannot take it now; calling again goes on from there.
        RejectedError: The server takes no traces at all (cause `"traces_unsupported"`), or not
            this one.
    """
    over = superseded or not is_being_written(reader)
    stored = stored_run(store, run)
    before = stored.tasks.get(run.task.eval_id)
    log = _LogRun(reader, run, content, delivered, over)
    if before is not None and before.digest is not None and log.is_in(stored, before, progress):
        RunTraceWriter(store, run, stored.tasks).settle(stored)
        return LogTraces(unchanged=len(log.samples), before=1, problems=list(reader.problems))
    writing = _Writing(store, stored, log, {} if written is None else written)
    return writing.result(before, progress)


def end_run_task(store: TraceStore, run: RunTask, samples: Collection[SampleFacts]) -> None:
    """End a task whose log cannot be read any more.

    Args:
        store: Where to.
        run: The task.
        samples: Those of its samples that were written.

    Raises:
        DeliveryError: The store does not take it.
    """
    facts = open_facts(run, samples, over=True)
    others = stored_run(store, run).tasks
    RunTraceWriter(store, run, others).end(facts, task_span(run, facts))


class _LogRun:
    """What a log adds to the trace of its run."""

    def __init__(
        self,
        reader: EvalLogReader,
        run: RunTask,
        content: TraceContent,
        delivered: Mapping[SampleVersion, SampleFacts],
        over: bool,
    ) -> None:
        self.reader = reader
        self.run = run
        self.samples: dict[str, SampleFacts] = {}
        self._content: TraceContent = content
        self._delivered = delivered
        self._over = over
        self._all_read = True
        self._assessment_ids: set[str] = set()

    def mapped(self, progress: Callable[[int, int], None]) -> Iterator[RunSample]:
        """Read and map the samples, apart from those that were delivered."""
        total = len(self.reader.sample_keys())
        for done, sample in enumerate(self.reader.samples(self._delivered.get)):
            progress(done, total)
            if isinstance(sample, SampleFacts):
                self._all_read = False
                self.samples[sample.trace_id] = sample
                continue
            part = run_sample(sample, self.run, content=self._content)
            self.samples[part.facts.trace_id] = part.facts
            self._assessment_ids |= {each.assessment_id for each in part.assessments}
            yield part
        progress(total, total)

    def is_in(
        self, stored: StoredRun, facts: TaskFacts, progress: Callable[[int, int], None]
    ) -> bool:
        """Whether a trace holds all of the log.

        Args:
            stored: The trace.
            facts: What it says of the task.
            progress: Called with (samples done, samples in all).
        """
        for _ in self.mapped(progress):
            pass
        return self.outcome()[0].digest == facts.digest and not self.stale_in(stored)

    def outcome(self) -> tuple[TaskFacts, SpanRecord]:
        """The facts of the task and its span, once all samples are known."""
        run, header, samples = self.run, self.reader.header, self.samples.values()
        facts = task_facts(run, header, samples, over=self._over)
        span = task_span(run, facts, header, samples, content=self._content)
        return replace(facts, digest=task_digest(run, span, facts, samples)), span

    def stale_in(self, stored: StoredRun) -> set[str]:
        """Ids of assessments of the task that are in a trace and not in the log any more."""
        return stored.assessments_of(self.run) - self._assessment_ids if self._all_read else set()


class _Writing:
    """Writes a log into the trace of its run."""

    def __init__(
        self, store: TraceStore, stored: StoredRun, log: _LogRun, written: dict[str, SampleFacts]
    ) -> None:
        self._concurrency = store.concurrency
        self._writer = RunTraceWriter(store, log.run, stored.tasks)
        self._stored = stored
        self._log = log
        self._earlier = dict(written)
        self._written = written
        # Changed by several threads, one step at a time.
        self._refused: set[str] = set()
        self._now: set[str] = set()
        self._problems: list[str] = []

    def result(self, before: TaskFacts | None, progress: Callable[[int, int], None]) -> LogTraces:
        """Do it.

        Args:
            before: What the trace said of the task.
            progress: Called with (samples done, samples in all).
        """
        with ConcurrentCalls(self._concurrency) as calls:
            for group in sample_groups(self._missing(progress)):
                if calls.failed:
                    break  # Else the rest of the log would be read for nothing.
                calls.start(partial(self._write, group))
        if not self._now and (before is None or before.digest is not None):
            self._writer.write([])
        for identifier in self._refused:
            self._log.samples[identifier] = unwritten(self._log.samples[identifier])
        self._problems += self._writer.remove(self._log.stale_in(self._stored))
        self._writer.end(*self._log.outcome())
        return LogTraces(
            written=len(self._now),
            unchanged=len(self._log.samples) - len(self._now) - len(self._refused),
            before=int(before is not None),
            problems=[*self._problems, *self._log.reader.problems],
        )

    def _missing(self, progress: Callable[[int, int], None]) -> Iterator[RunSample]:
        for sample in self._log.mapped(progress):
            facts = sample.facts
            if facts.digest is None or self._earlier.get(facts.trace_id) != facts:
                yield sample

    def _write(self, group: Sequence[RunSample]) -> None:
        for sample, error in self._writer.write(group):
            identifier = sample.facts.trace_id
            if error is None:
                self._now.add(identifier)
                self._written[identifier] = sample.facts
            else:
                self._refused.add(identifier)
                self._problems.append(f"{sample.name}: {error}")
