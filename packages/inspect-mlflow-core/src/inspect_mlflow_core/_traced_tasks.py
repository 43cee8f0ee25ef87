"""Tasks whose own metadata switches tracing on.

A hook of Inspect is asked whether it is enabled before it is told of any task. So whoever reads
the metadata of tasks anyway leaves word here.
"""

from __future__ import annotations

_eval_ids: set[str] = set()


def enter_traced_task(eval_id: str) -> None:
    """Remember that a task wants traces.

    Args:
        eval_id: Inspect's eval id.
    """
    _eval_ids.add(eval_id)


def forget_traced_tasks() -> None:
    """Forget all tasks, at the beginning of an evaluation: the end of one is told to all hooks."""
    _eval_ids.clear()


def any_task_traced() -> bool:
    """Say whether some task of this process wants traces."""
    return bool(_eval_ids)
