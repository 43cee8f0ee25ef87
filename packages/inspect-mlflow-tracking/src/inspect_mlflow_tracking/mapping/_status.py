"""Translates the outcome of an evaluation into MLflow's run status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspect_mlflow_core.connection import RunStatus

if TYPE_CHECKING:
    from inspect_ai.log import EvalStatus

_FINAL: dict[str, RunStatus] = {"success": "FINISHED", "error": "FAILED", "cancelled": "KILLED"}


def run_status(status: EvalStatus, *, being_written: bool) -> RunStatus:
    """Return the MLflow status of a task run.

    Args:
        status: Status of the eval log.
        being_written: Whether somebody still writes it; counts only for `started` logs, which
            otherwise belong to a killed process.

    Returns:
        FINISHED, FAILED, KILLED or RUNNING.
    """
    return _FINAL.get(status, "RUNNING" if being_written else "KILLED")


def parent_status(children: Iterable[str]) -> RunStatus:
    """Return the status of a parent run from those of its task runs.

    Args:
        children: Status of each task run that has not been superseded.

    Returns:
        RUNNING while one runs, otherwise the worst: FAILED, then KILLED, then FINISHED.
    """
    statuses = set(children)
    order: tuple[RunStatus, ...] = ("RUNNING", "FAILED", "KILLED")
    return next((status for status in order if status in statuses), "FINISHED")
