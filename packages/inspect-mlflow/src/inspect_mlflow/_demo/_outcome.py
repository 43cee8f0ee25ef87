"""What the demo left behind, and how to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspect_mlflow_core.conversion import mask_uri

if TYPE_CHECKING:
    from inspect_mlflow_core.connection import RunRecord

_LOCAL_ADDRESS = "http://127.0.0.1:5000"


@dataclass(frozen=True, slots=True)
class DemoTraces:
    """How many samples MLflow has as traces.

    Args:
        complete: Traces that are there with all their spans.
        expected: Samples of the evaluation.
        absent_because: Why there can be none, in one line: tracing is switched off, or the server
            is too old.
    """

    complete: int
    expected: int
    absent_because: str = ""

    def __str__(self) -> str:
        """The line of the report."""
        if self.absent_because:
            return f"none: {self.absent_because}"
        return str(self.complete) if self.landed else f"{self.complete} of {self.expected}"

    @property
    def landed(self) -> bool:
        """Whether all are there that can be."""
        return bool(self.absent_because) or self.complete == self.expected


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the demo left behind.

    Args:
        tracking_uri: Where run and traces were sent.
        experiment_name: In which experiment.
        log_path: The eval log.
        log_status: Inspect's status of the evaluation.
        run: The task's run as MLflow has it, or None when it is not there.
        traces: The traces of its samples.
        problem: Why the run is not there, in one line.
    """

    tracking_uri: str
    experiment_name: str
    log_path: str
    log_status: str
    run: RunRecord | None
    traces: DemoTraces
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether the evaluation went through and MLflow has its finished run and its traces."""
        finished = self.run is not None and self.run.status == "FINISHED"
        return self.log_status == "success" and finished and self.traces.landed

    def report(self) -> str:
        """What landed, where the log is and how to look at it, for a terminal."""
        shown_uri = mask_uri(self.tracking_uri)
        if self.run is None:
            problem = self.problem or "the run is not there"
            return (
                f"Nothing landed in MLflow ({shown_uri}): {problem}\n"
                f"The evaluation is complete in its log: {self.log_path}\n"
                f"When MLflow is well again: {self._sync_command}"
            )
        landed = [f"  {name:<9} {value}" for name, value in _facts(self.run, self.traces)]
        missing = [] if self.traces.landed else [f"  the others: {self._sync_command}"]
        return "\n".join(
            [
                "",
                f"In MLflow ({shown_uri}), experiment {self.experiment_name}:",
                *landed,
                *missing,
                "",
                f"Log: {self.log_path}",
                "",
                *_how_to_look(self.tracking_uri, self.run, self.traces),
            ]
        )

    @property
    def _sync_command(self) -> str:
        option = "" if self.traces.absent_because else "--traces "
        return f"inspect-mlflow sync {option}{self.log_path}"


def _facts(run: RunRecord, traces: DemoTraces) -> list[tuple[str, object]]:
    metrics = run.metrics
    correct, scored = metrics.get("inspect.samples_correct"), metrics.get("inspect.samples_scored")
    return [
        ("run", run.name),
        ("status", run.status),
        (
            "accuracy",
            f"{_number(metrics.get('inspect.accuracy'))} "
            f"({_number(correct)} of {_number(scored)} answers correct)",
        ),
        ("samples", _number(metrics.get("completed_samples"))),
        ("tokens", _number(metrics.get("inspect.tokens.total_tokens"))),
        ("traces", traces),
    ]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _how_to_look(tracking_uri: str, run: RunRecord, traces: DemoTraces) -> Iterator[str]:
    shown_uri = mask_uri(tracking_uri)
    address = shown_uri.rstrip("/")
    if not tracking_uri.startswith(("http://", "https://")):
        address = _LOCAL_ADDRESS
        yield "To look at it:"
        yield f"  mlflow ui --backend-store-uri {shown_uri}"
        yield "and open"
    else:
        yield "To look at it, open"
    experiment = f"{address}/#/experiments/{run.experiment_id}"
    yield f"  {experiment}/runs/{run.run_id}"
    yield "    the run: scores, tokens, tables, the log"
    if traces.complete:
        yield f"  {experiment}/traces"
        yield "    a trace of every answer: each call of the model and the tool, and the scores"
