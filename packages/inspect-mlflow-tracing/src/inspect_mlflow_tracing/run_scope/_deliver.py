"""Delivers samples of a log that is being written; made to run in a process of its own."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from inspect_mlflow_core.connection import ConcurrentCalls
from inspect_mlflow_core.exceptions import DeliveryError, LogReadError, RetryableError
from inspect_mlflow_core.logs import SampleKey, SampleVersion, written_samples
from inspect_mlflow_tracing.traces import SampleOutcome, TraceContent, opened_trace_store

from ._facts import SampleFacts, TaskFacts, unwritten
from ._groups import sample_groups
from ._run_sample import RunSample, run_sample
from ._run_task import RunTask
from ._task_span import open_facts
from ._writer import RunTraceWriter

__all__ = ["RunJob", "RunSampleOutcome", "deliver_run_samples"]


@dataclass(frozen=True, slots=True)
class RunJob:
    """Samples of one log that are to become part of the trace of their run.

    Args:
        tracking_uri: Where the trace goes.
        location: Path of a local `.eval` log.
        run: Its task.
        content: What traces may hold.
        known: The samples that are there already.
        others: What is known of the other tasks of the run.
    """

    tracking_uri: str
    location: str
    run: RunTask
    content: TraceContent = "full"
    known: Mapping[SampleVersion, SampleFacts] = field(default_factory=dict)
    others: Mapping[str, TaskFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunSampleOutcome(SampleOutcome):
    """What became of one sample.

    Args:
        facts: What the end of the task needs to know of it.
    """

    facts: SampleFacts | None = None


def deliver_run_samples(job: RunJob) -> list[RunSampleOutcome]:
    """Write the samples that a log holds into the trace of their run, apart from known ones.

    After the first failure that trying again can mend, no further ones are written.

    Args:
        job: What to deliver.

    Returns:
        One outcome for each sample that was tried; none when the log cannot be read at this
        moment. Opened stores are kept for the next call.
    """
    store = opened_trace_store(job.tracking_uri)
    so_far = open_facts(job.run, list(job.known.values()))
    writer = RunTraceWriter(store, job.run, job.others, so_far)
    delivery = _Delivery(writer, job)
    with (
        suppress(LogReadError, OSError, zipfile.BadZipFile),
        ConcurrentCalls(store.concurrency) as calls,
    ):
        for group in sample_groups(delivery.samples()):
            calls.start(partial(delivery.write, group))
    return delivery.outcomes


class _Delivery:
    """Outcomes of one job, collected from several threads."""

    def __init__(self, writer: RunTraceWriter, job: RunJob) -> None:
        self._writer, self._job = writer, job
        self.outcomes: list[RunSampleOutcome] = []
        self._stopped = False
        self._lock = threading.Lock()
        self._read: dict[str, tuple[SampleKey, SampleVersion]] = {}

    def samples(self) -> Iterator[RunSample]:
        """Read and map what is new."""
        for written in written_samples(Path(self._job.location), self._job.known.keys()):
            if self._stopped:
                return
            sample = run_sample(written.content, self._job.run, content=self._job.content)
            self._read[sample.facts.trace_id] = written.key, written.version
            yield sample

    def write(self, samples: Sequence[RunSample]) -> None:
        """Write some samples, and take note of what became of them."""
        try:
            written = self._writer.write(samples)
        except DeliveryError as error:
            self._stopped = self._stopped or isinstance(error, RetryableError)
            outcomes = [self._outcome(sample, error) for sample in samples]
        else:
            outcomes = [self._outcome(sample, error) for sample, error in written]
        with self._lock:
            self.outcomes += outcomes

    def _outcome(self, sample: RunSample, error: DeliveryError | None) -> RunSampleOutcome:
        facts = sample.facts if error is None else unwritten(sample.facts)
        return RunSampleOutcome(*self._read[sample.facts.trace_id], error, facts)
