"""Delivers samples of a log that is being written; made to run in a process of its own."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from pathlib import Path

from inspect_mlflow_core.connection import ConcurrentCalls, TraceRecord
from inspect_mlflow_core.exceptions import DeliveryError, LogReadError
from inspect_mlflow_core.logs import SampleKey, SampleVersion, WrittenSample, written_samples
from inspect_mlflow_tracing._trace_job import SampleOutcome, TraceJob
from inspect_mlflow_tracing.mapping import sample_trace

from ._batches import TraceBatches
from ._stores import opened_trace_store


def deliver_samples(job: TraceJob) -> list[SampleOutcome]:
    """Write the traces of the samples that a log holds, apart from those that are known.

    Several are written at a time, so that a distant server costs little. After the first failure
    that trying again can mend, no further one begins.

    Args:
        job: What to deliver.

    Returns:
        One outcome for each sample that was tried; none when the log cannot be read at this
        moment. Opened stores are kept for the next call.
    """
    delivery = _Delivery(job)
    store = opened_trace_store(job.tracking_uri)
    with ConcurrentCalls(store.concurrency) as calls:
        batches = TraceBatches(store, calls, delivery.written)
        with suppress(LogReadError, OSError, zipfile.BadZipFile):
            for sample in written_samples(Path(job.location), job.known):
                if batches.stopped:
                    break
                batches.add(delivery.trace(sample))
        batches.flush()
    return delivery.outcomes


class _Delivery:
    """Outcomes of one job, collected from several threads."""

    def __init__(self, job: TraceJob) -> None:
        self._job = job
        self._samples: dict[str, tuple[SampleKey, SampleVersion]] = {}
        self.outcomes: list[SampleOutcome] = []

    def trace(self, sample: WrittenSample) -> TraceRecord:
        """Map a sample."""
        trace = sample_trace(sample.content, self._job.task, content=self._job.content)
        self._samples[trace.trace_id] = (sample.key, sample.version)
        return trace

    def written(self, trace: TraceRecord, error: DeliveryError | None) -> None:
        """Take note of what became of a trace."""
        self.outcomes.append(SampleOutcome(*self._samples[trace.trace_id], error))
