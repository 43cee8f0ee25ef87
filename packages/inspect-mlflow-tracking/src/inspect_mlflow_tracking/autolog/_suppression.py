"""Keeps autolog from tracing the calls of Inspect's own models."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final

_MODULE: Final = "mlflow.tracing.context"
_ABSENT: Final = object()

# What stood in MLflow's variable before, in the task that is calling a model.
_before: ContextVar[Any] = ContextVar("inspect_mlflow_before_generate", default=_ABSENT)


class ModelCallSuppression:
    """Switches MLflow's tracing off in the task that calls a model, and on again afterwards.

    Inspect awaits the hook before a model call in the very task that then calls the provider, so
    that a context variable set there covers the call and nothing else: tools and solvers run in
    other tasks, or before and after it. When a call fails for good, the variable stays set in that
    task, which ends with its sample or with the next call that succeeds.
    """

    def before_generate(self) -> None:
        """Switch tracing off in this task; does nothing while MLflow is not loaded."""
        variable = _variable()
        if variable is None or _before.get() is not _ABSENT:
            return
        current = variable.get()
        _before.set(current)
        variable.set(_disabled(current))

    def after_generate(self) -> None:
        """Put MLflow's variable back in this task."""
        previous = _before.get()
        variable = _variable()
        if variable is None or previous is _ABSENT:
            return
        variable.set(previous)
        _before.set(_ABSENT)


def suppression_is_possible() -> bool:
    """Say whether this version of MLflow can switch tracing off in one task (3.11 and later)."""
    try:
        if importlib.util.find_spec(_MODULE) is None:
            return False
        importlib.import_module(_MODULE)
    except ImportError:
        return False
    return _variable() is not None


def _variable() -> ContextVar[Any] | None:
    module = sys.modules.get(_MODULE)
    variable = getattr(module, "_USER_TRACE_CONTEXT", None)
    if not isinstance(variable, ContextVar) or not hasattr(_state_class(), "enabled"):
        return None
    return variable


def _state_class() -> Any:
    return getattr(sys.modules.get(_MODULE), "_UserTraceContext", None)


def _disabled(current: Any) -> Any:
    return replace(current, enabled=False) if current is not None else _state_class()(enabled=False)
