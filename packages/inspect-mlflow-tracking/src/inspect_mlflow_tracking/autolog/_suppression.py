"""Keeps autolog from tracing the calls of Inspect's own models."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

_MODULE: Final = "mlflow.tracing.context"


class ModelCallSuppression:
    """Switches MLflow's tracing off in the task that calls a model, and on again afterwards.

    Inspect awaits the hook before a model call in the very task that then calls the provider, so
    that a context variable set there covers the call: tools and solvers run in other tasks, or
    before and after it. What is set is off only while Inspect says that a model call is going on,
    because no hook tells of a call that failed for good.
    """

    def before_generate(self) -> None:
        """Switch tracing off in this task; does nothing while MLflow is not loaded."""
        variable = _variable()
        if variable is None:
            return
        current = variable.get()
        if not isinstance(current, _OffDuringModelCalls):
            variable.set(_OffDuringModelCalls(current))

    def after_generate(self) -> None:
        """Put MLflow's variable back in this task."""
        variable = _variable()
        current = variable.get() if variable is not None else None
        if variable is not None and isinstance(current, _OffDuringModelCalls):
            variable.set(current.before)


class _OffDuringModelCalls:
    """Takes the place of MLflow's `_UserTraceContext`, of which it has every attribute.

    Args:
        before: What stood in the variable; None when nothing did.
    """

    __slots__ = ("before",)

    def __init__(self, before: Any) -> None:
        self.before = before

    @property
    def enabled(self) -> bool | None:
        return False if _in_model_call() else getattr(self.before, "enabled", None)

    @property
    def metadata(self) -> Mapping[str, str]:
        return getattr(self.before, "metadata", {})

    @property
    def tags(self) -> Mapping[str, str]:
        return getattr(self.before, "tags", {})


def suppression_is_possible() -> bool:
    """Say whether this version of MLflow can switch tracing off in one task (3.11 and later)."""
    try:
        # The whole first: Python does not wait for a package that another thread is importing when
        # a part of it is asked for, and both threads would find half of MLflow.
        importlib.import_module("mlflow")
        if importlib.util.find_spec(_MODULE) is None:
            return False
        importlib.import_module(_MODULE)
    except ImportError:
        return False
    return _variable() is not None


def _variable() -> ContextVar[Any] | None:
    module = sys.modules.get(_MODULE)
    variable = getattr(module, "_USER_TRACE_CONTEXT", None)
    state_class = getattr(module, "_UserTraceContext", None)
    if not isinstance(variable, ContextVar) or not hasattr(state_class, "enabled"):
        return None
    return variable


def _in_model_call() -> bool:
    """Say whether this task is inside Inspect's call of a provider.

    An Inspect that does not tell counts as inside: tracing is then off until `after_generate`.
    """
    active = getattr(sys.modules.get("inspect_ai.log._samples"), "_active_model_event", None)
    return active.get(None) is not None if isinstance(active, ContextVar) else True
