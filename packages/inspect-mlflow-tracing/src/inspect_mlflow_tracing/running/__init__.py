"""Samples that take longer than a few seconds, shown in MLflow while they run."""

from ._rounds import Rounds, RunningSamplesDue
from ._samples import RunningSample, RunningSamples
from ._task import RunningTask, running_task
from ._traces import RunningTraces

__all__ = [
    "Rounds",
    "RunningSample",
    "RunningSamples",
    "RunningSamplesDue",
    "RunningTask",
    "RunningTraces",
    "running_task",
]
