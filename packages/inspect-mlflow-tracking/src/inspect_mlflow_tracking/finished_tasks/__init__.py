"""Completing runs from the logs of their tasks: the same for live evaluations and for `sync`."""

from ._task_log import TaskResult, write_task_log

__all__ = ["TaskResult", "write_task_log"]
