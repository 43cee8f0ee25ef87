"""Which MLflow run belongs to which evaluation of this process.

Tracking enters a run when it has opened it, and tracing looks it up to link its traces: the two
packages do not import each other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

__all__ = ["ActiveRun", "active_run", "enter_active_run", "leave_active_run"]


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """The MLflow run of an evaluation.

    Args:
        run_id: MLflow's run id.
        experiment_id: The experiment that it lies in.
        tracking_uri: The store that holds it.
    """

    run_id: str
    experiment_id: str
    tracking_uri: str


_runs: dict[str, ActiveRun] = {}
_lock = threading.Lock()


def enter_active_run(eval_id: str, run: ActiveRun) -> None:
    """Remember the run of an evaluation.

    Args:
        eval_id: Inspect's eval id.
        run: Its run.
    """
    with _lock:
        _runs[eval_id] = run


def active_run(eval_id: str) -> ActiveRun | None:
    """Return the run of an evaluation, or None while it has none."""
    with _lock:
        return _runs.get(eval_id)


def leave_active_run(eval_id: str) -> None:
    """Forget the run of an evaluation that has ended."""
    with _lock:
        _runs.pop(eval_id, None)
