"""Pure mapping from Inspect's logs to MLflow's runs: no I/O, no clock, no state."""

from ._accuracy import AccuracyCount, AccuracyScorer, accuracy_scorer
from ._dataset import dataset_input
from ._facts import SampleFacts, sample_facts
from ._final import closing_points, end_time_ms, start_time_ms
from ._parameters import log_file_parameters, task_parameters
from ._positions import SamplePositions, dataset_order
from ._running import (
    RunningMetrics,
    RunningSample,
    completion_order,
    expected_samples,
    running_points,
    running_sample,
)
from ._samples import sample_points
from ._status import parent_status, run_status
from ._summary import TaskSummary
from ._times import milliseconds

__all__ = [
    "AccuracyCount",
    "AccuracyScorer",
    "RunningMetrics",
    "RunningSample",
    "SampleFacts",
    "SamplePositions",
    "TaskSummary",
    "accuracy_scorer",
    "closing_points",
    "completion_order",
    "dataset_input",
    "dataset_order",
    "end_time_ms",
    "expected_samples",
    "log_file_parameters",
    "milliseconds",
    "parent_status",
    "run_status",
    "running_points",
    "running_sample",
    "sample_facts",
    "sample_points",
    "start_time_ms",
    "task_parameters",
]
