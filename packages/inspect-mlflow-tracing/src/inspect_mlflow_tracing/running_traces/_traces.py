"""Shows running samples; lives on the thread of the worker."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from inspect_mlflow_core.background_process import BackgroundProcess, BackgroundProcessError
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
from inspect_mlflow_core.logs import canonical_location
from inspect_mlflow_core.reporting import warn_once
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.mapping import TracedTask, request_preview
from inspect_mlflow_tracing.running import RunningSample, RunningSamples

from ._transcript import TranscriptReader
from ._write import RunningJob, RunningOutcome, RunningPart, write_running

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

__all__ = ["RunningTraces"]

_MOST_FAILURES: Final = 3
"""In a row, after which a sample is no longer shown before it is complete."""


@dataclass(slots=True, eq=False)
class _Display:
    """How far the trace of a running sample has come.

    Args:
        sample: The sample.
        preview: See `request_preview`.
        reader: Its events; None when no more of it is shown.
        failures: Attempts in a row that have failed.
    """

    sample: RunningSample
    preview: str
    reader: TranscriptReader | None
    failures: int = 0


class RunningTraces:
    """Writes the finished spans of samples that run, so that they can be watched.

    Nothing here may cost an evaluation its complete traces: a failure is forgotten and the next
    round tries again, apart from a server that does not answer, for which the worker has a way.

    Args:
        samples: The running samples.
        background: Where to map and write.
        destination: Finds experiments and runs in a tracking store, by its URI.
        unsupported: Tracking URIs where there are no traces at all.
        switch_off: Called with such a URI, and a line that says why.
    """

    def __init__(
        self,
        samples: RunningSamples,
        background: BackgroundProcess,
        destination: Callable[[str], TraceDestination],
        unsupported: Container[str],
        switch_off: Callable[[str, str], None],
    ) -> None:
        self._samples = samples
        self._background = background
        self._destination = destination
        self._unsupported = unsupported
        self._switch_off = switch_off
        self._displays: dict[str, _Display] = {}
        self._tasks: dict[str, TracedTask] = {}
        self._begun: set[str] = set()

    def show(self) -> None:
        """Write what is new of the samples that are due.

        Raises:
            RetryableError: The server does not answer.
        """
        self._displays = {
            uuid: display for uuid, display in self._displays.items() if uuid in self._samples
        }
        by_uri: defaultdict[str, list[RunningSample]] = defaultdict(list)
        for sample in self._samples.due():
            uri = sample.task.settings.tracking_uri or ""
            if uri in self._unsupported:
                self._samples.end(sample.uuid)
            else:
                by_uri[uri].append(sample)
        began_seconds = time.monotonic()
        try:
            for uri, samples in by_uri.items():
                self._show_in(uri, samples)
        finally:
            self._samples.rest(time.monotonic() - began_seconds)

    def begun_task(self, eval_id: str) -> TracedTask | None:
        """The task, if a trace of it has been begun before its sample was complete.

        Args:
            eval_id: Inspect's eval id.
        """
        return self._tasks.get(eval_id) if eval_id in self._begun else None

    def end_task(self, eval_id: str) -> None:
        """Forget a task that is over.

        Args:
            eval_id: Inspect's eval id.
        """
        self._samples.end_task(eval_id)
        self._tasks.pop(eval_id, None)
        self._begun.discard(eval_id)

    def _show_in(self, uri: str, samples: Iterable[RunningSample]) -> None:
        parts = []
        for sample in samples:
            try:
                part = self._part(uri, sample)
            except DeliveryError as error:
                self._samples.sent(sample)
                self._raise_for(uri, error)
                return
            if part is None:
                self._samples.sent(sample)
            else:
                parts.append(part)
        if not parts:
            return
        outcomes = self._outcomes(RunningJob(uri, tuple(parts)))
        for outcome in outcomes:
            self._take(outcome)
        for outcome in outcomes:
            self._raise_for(uri, outcome.error)

    def _raise_for(self, uri: str, error: DeliveryError | None) -> None:
        """Let the worker know of a server that does not answer, and of one without traces."""
        if error is not None and error.cause == "traces_unsupported":
            self._switch_off(uri, str(error))
        elif isinstance(error, RetryableError) and error.unreachable:
            raise error

    def _part(self, uri: str, sample: RunningSample) -> RunningPart | None:
        display = self._displays.get(sample.uuid)
        if display is None:
            display = _Display(sample, _preview(sample), TranscriptReader(sample.transcript))
            self._displays[sample.uuid] = display
        reader = display.reader
        events = reader.read() if reader is not None else []
        if reader is None or not events:
            return None
        return RunningPart(
            sample.uuid,
            self._task(uri, sample),
            sample.task.settings.trace_content,
            display.preview,
            _sample_json(sample, reader, events),
        )

    def _task(self, uri: str, sample: RunningSample) -> TracedTask:
        spec = sample.task.spec
        if spec.eval_id not in self._tasks:
            location = canonical_location(sample.location) if sample.location else ""
            self._tasks[spec.eval_id] = self._destination(uri).task(
                _header(sample), sample.task.settings, location
            )
        return self._tasks[spec.eval_id]

    def _outcomes(self, job: RunningJob) -> Sequence[RunningOutcome]:
        if self._background.available:
            try:
                return self._background.call(write_running, job)
            except BackgroundProcessError as error:
                warn_once("tracing.background", f"traces are made in this process: {error}")
        return write_running(job)

    def _take(self, outcome: RunningOutcome) -> None:
        display = self._displays[outcome.uuid]
        # Also when it failed: it may have failed in the middle.
        self._begun.add(display.sample.task.spec.eval_id)
        if display.reader is not None:
            display.reader.forget(set(outcome.finished))
        display.failures = 0 if outcome.error is None else display.failures + 1
        hopeless = isinstance(outcome.error, RejectedError)
        if hopeless or display.failures >= _MOST_FAILURES:
            display.reader = None
        self._samples.sent(display.sample)


def _header(sample: RunningSample) -> EvalLog:
    from inspect_ai.log import EvalLog

    return EvalLog(eval=sample.task.spec, status="started")


def _preview(sample: RunningSample) -> str:
    from pydantic_core import to_jsonable_python

    identifier, epoch = sample.key
    asked = to_jsonable_python(sample.input, fallback=str)
    full = sample.task.settings.trace_content == "full"
    return request_preview({"id": identifier, "epoch": epoch, "input": asked}, with_text=full)


def _sample_json(sample: RunningSample, reader: TranscriptReader, events: Sequence[bytes]) -> bytes:
    from pydantic_core import to_jsonable_python

    identifier, epoch = sample.key
    fields: dict[str, Any] = {
        "id": identifier,
        "epoch": epoch,
        "uuid": sample.uuid,
        "started_at": sample.started_at,
        "model_usage": to_jsonable_python(reader.usage),
    }
    return json.dumps(fields).encode()[:-1] + b',"events":[' + b",".join(events) + b"]}"
