"""One trace for a whole `eval()`: the run, its tasks, and below each task its samples.

Everything about a sample is mapped as for a trace of its own, then put below the span of its
task. What belongs to the run as a whole (root span, times, totals, state) follows from the facts
of its tasks, which are kept in tags of the trace: see `TaskFacts`.
"""

from ._deliver import RunJob, RunSampleOutcome, deliver_run_samples
from ._facts import SampleFacts, TaskFacts
from ._log_run import end_run_task, write_log_run
from ._run_sample import RunSample, run_sample
from ._run_task import RunTask, run_task
from ._run_trace import RUN_TRACE_NAME, run_trace
from ._writer import begin_run_task

__all__ = [
    "RUN_TRACE_NAME",
    "RunJob",
    "RunSample",
    "RunSampleOutcome",
    "RunTask",
    "SampleFacts",
    "TaskFacts",
    "begin_run_task",
    "deliver_run_samples",
    "end_run_task",
    "run_sample",
    "run_task",
    "run_trace",
    "write_log_run",
]
