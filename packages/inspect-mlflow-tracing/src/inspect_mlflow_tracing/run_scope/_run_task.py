"""A task as a part of the trace of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inspect_mlflow_tracing.mapping import MOST_SPANS, TracedTask

from ._identity import root_span_id, run_trace_id, task_span_id

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSpec

__all__ = ["RunTask", "run_task"]

_OWN_SPANS: Final = 2
"""Those of the run and of the task."""

_SPANS_AROUND_SCORERS: Final = 2
"""That of the sample, and the one that Inspect puts around all scorers."""


@dataclass(frozen=True, slots=True)
class RunTask:
    """A task whose samples are drawn in the trace of its run.

    Args:
        task: What its header says.
        run_id: Inspect's id of the run; the eval id where an old log has none.
        trace_id: Of the trace, 32 hexadecimal digits.
        planned_samples: How many samples the task has, epochs counted.
        most_spans: The most spans of each sample.
    """

    task: TracedTask
    run_id: str
    trace_id: str
    planned_samples: int
    most_spans: int

    @property
    def span_id(self) -> str:
        """Id of the span of the task."""
        return task_span_id(self.trace_id, self.task.eval_id)

    @property
    def root_span_id(self) -> str:
        """Id of the span of the run."""
        return root_span_id(self.trace_id)


def run_task(header: EvalLog, task: TracedTask) -> RunTask:
    """Takes what the trace of a run needs to know of one of its tasks.

    The bound of spans depends on nothing but the header of the task's own log, so that a sample
    looks the same whenever and by whatever it is written, and whatever else the run does.

    Args:
        header: The log without samples.
        task: The same, as `traced_task` gives it.
    """
    run_id = task.inspect_run_id or task.eval_id
    planned = _planned_samples(header)
    least = _SPANS_AROUND_SCORERS + max(len(header.eval.scorers or ()), 1)
    return RunTask(
        task=task,
        run_id=run_id,
        trace_id=run_trace_id(task.experiment_id, run_id),
        planned_samples=planned,
        most_spans=max((MOST_SPANS - _OWN_SPANS) // planned, least),
    )


def _planned_samples(header: EvalLog) -> int:
    total = header.results.total_samples if header.results is not None else 0
    return _dataset_samples(header.eval) * (header.eval.config.epochs or 1) or total or 1


def _dataset_samples(spec: EvalSpec) -> int:
    """How many samples of the dataset the task takes, which may be fewer than it has."""
    return len(spec.dataset.sample_ids or ()) or spec.dataset.samples or 0
