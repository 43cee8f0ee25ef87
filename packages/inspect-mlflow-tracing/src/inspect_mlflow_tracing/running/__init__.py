"""Samples that take longer than a few seconds, as the hooks know them while they run.

Nothing here takes long to import; `running_traces` writes what MLflow shows of them.
"""

from ._rounds import Rounds, RunningSamplesDue
from ._samples import RunningSample, RunningSamples
from ._task import RunningTask, running_task

__all__ = [
    "Rounds",
    "RunningSample",
    "RunningSamples",
    "RunningSamplesDue",
    "RunningTask",
    "running_task",
]
