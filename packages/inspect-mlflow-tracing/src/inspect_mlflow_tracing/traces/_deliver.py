"""Delivers samples of a log that is being written; made to run in a process of its own."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from inspect_mlflow_core.connection import ConcurrentCalls, TraceRecord
from inspect_mlflow_core.exceptions import (
    DeliveryError,
    LogReadError,
    RejectedError,
    RetryableError,
)
from inspect_mlflow_core.logs import SampleKey, SampleVersion, WrittenSample, written_samples
from inspect_mlflow_tracing.mapping import TracedTask, sample_trace

from ._batches import TraceBatches
from ._stores import opened_trace_store

TraceContent = Literal["full", "none"]


@dataclass(frozen=True, slots=True)
class TraceJob:
    """Samples of one log that are to become traces.

    Args:
        tracking_uri: Where traces go.
        location: Path of a local `.eval` log.
        task: Its task.
        content: What traces may hold.
        known: Samples whose traces are there already.
    """

    tracking_uri: str
    location: str
    task: TracedTask
    content: TraceContent = "full"
    known: frozenset[SampleVersion] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class SampleOutcome:
    """What became of one sample.

    Args:
        key: Its id and epoch.
        version: The content that was read.
        reason: One line that says why it was not delivered; None when it was.
        cause: See `DeliveryError`.
        retryable: Whether trying again can help.
        retry_after_seconds: The pause that the server asked for.
        unreachable: Whether no answer came at all.
    """

    key: SampleKey
    version: SampleVersion
    reason: str | None = None
    cause: str = ""
    retryable: bool = False
    retry_after_seconds: float | None = None
    unreachable: bool = False

    @classmethod
    def of(cls, key: SampleKey, version: SampleVersion, error: DeliveryError | None) -> Self:
        """The outcome that an error tells of.

        Args:
            key: Id and epoch of the sample.
            version: The content that was read.
            error: What kept it from being delivered; None when nothing did.
        """
        if error is None:
            return cls(key, version)
        if not isinstance(error, RetryableError):
            return cls(key, version, str(error), error.cause)
        return cls(
            key,
            version,
            str(error),
            error.cause,
            retryable=True,
            retry_after_seconds=error.retry_after_seconds,
            unreachable=error.unreachable,
        )

    @property
    def delivered(self) -> bool:
        """True when the trace is in MLflow."""
        return self.reason is None

    def error(self) -> DeliveryError:
        """The error that kept it from being delivered."""
        assert self.reason is not None
        if self.retryable:
            return RetryableError(
                self.reason,
                cause=self.cause,
                retry_after_seconds=self.retry_after_seconds,
                unreachable=self.unreachable,
            )
        return RejectedError(self.reason, cause=self.cause)


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
        self.outcomes.append(SampleOutcome.of(*self._samples[trace.trace_id], error))
