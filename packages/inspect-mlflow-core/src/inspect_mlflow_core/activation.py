"""Whether a hook is on: see `Activation`."""

from ._activation import Activation
from ._traced_tasks import any_task_traced, enter_traced_task, forget_traced_tasks

__all__ = ["Activation", "any_task_traced", "enter_traced_task", "forget_traced_tasks"]
