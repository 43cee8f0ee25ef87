"""Writes what is new of running samples; made to run in a process of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from inspect_mlflow_core.connection import ConcurrentCalls, TraceStore
from inspect_mlflow_core.exceptions import DeliveryError, RetryableError
from inspect_mlflow_tracing.mapping import TracedTask
from inspect_mlflow_tracing.traces import opened_trace_store

from ._trace import RunningTrace, running_trace

__all__ = ["ROUND_SECONDS", "RunningJob", "RunningOutcome", "RunningPart", "write_running"]

ROUND_SECONDS: Final = 2.0
"""After that no further sample is begun in a round: complete samples come first."""


@dataclass(frozen=True, slots=True)
class RunningPart:
    """What is new of one sample.

    Args:
        uuid: Its id.
        task: Its task.
        content: What traces may hold.
        preview: See `request_preview`.
        sample: Raw JSON text; see `running_trace`.
    """

    uuid: str
    task: TracedTask
    content: Literal["full", "none"]
    preview: str
    sample: bytes


@dataclass(frozen=True, slots=True)
class RunningJob:
    """What is new of several samples.

    Args:
        tracking_uri: Where traces go.
        parts: In the order in which they are sent.
        most_seconds: When no further one is begun.
    """

    tracking_uri: str
    parts: tuple[RunningPart, ...]
    most_seconds: float = ROUND_SECONDS


@dataclass(slots=True)
class RunningOutcome:
    """What became of a part.

    Args:
        uuid: Of its sample.
        finished: Inspect's ids of what has been sent and is complete.
        error: What kept the rest from being sent; None when nothing did.
    """

    uuid: str
    finished: tuple[str, ...] = ()
    error: DeliveryError | None = None

    @property
    def unreachable(self) -> bool:
        """Whether no answer came at all."""
        return isinstance(self.error, RetryableError) and self.error.unreachable


def write_running(job: RunningJob) -> Sequence[RunningOutcome]:
    """Write what is new of running samples.

    Args:
        job: What to write.

    Returns:
        An outcome for each part that was begun. Opened stores are kept for the next call.
    """
    outcomes: list[RunningOutcome] = []
    last_seconds = time.monotonic() + job.most_seconds
    store = opened_trace_store(job.tracking_uri)
    with ConcurrentCalls(store.concurrency) as calls:
        for part in job.parts:
            if time.monotonic() > last_seconds or any(each.unreachable for each in outcomes):
                break
            outcome = RunningOutcome(part.uuid)
            outcomes.append(outcome)
            running = running_trace(
                json.loads(part.sample), part.task, preview=part.preview, content=part.content
            )
            if running.finished:
                calls.start(partial(_write, store, running, outcome))
    return outcomes


def _write(store: TraceStore, running: RunningTrace, outcome: RunningOutcome) -> None:
    trace = running.trace
    try:
        # A trace without spans cannot be opened, and who reads several at once gets none of them.
        store.log_spans(trace)
        location = store.start_trace(trace)
        for attachment in trace.attachments:
            store.upload_trace_attachment(location, attachment)
    except DeliveryError as error:
        outcome.error = error
    else:
        outcome.finished = running.finished
