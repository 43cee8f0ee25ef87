"""Writing runs: one task run for each eval log, grouped below parent runs."""

from ._parents import settle_parent
from ._prepared import PreparedSamples
from ._run_writer import RunWriter
from ._target import TrackingTarget, run_name
from ._task_log import TaskResult, write_task_log

__all__ = [
    "PreparedSamples",
    "RunWriter",
    "TaskResult",
    "TrackingTarget",
    "run_name",
    "settle_parent",
    "write_task_log",
]
