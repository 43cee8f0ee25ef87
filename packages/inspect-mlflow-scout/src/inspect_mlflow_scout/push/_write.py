"""Writes the assessments of one scanner on one trace."""

from __future__ import annotations

import threading
from functools import partial

from inspect_mlflow_core.connection import AssessmentStore
from inspect_mlflow_core.exceptions import DeliveryError, RetryableError
from inspect_mlflow_core.sync import with_retries

from ._plan import Plan

__all__ = ["AssessmentWriter"]


class AssessmentWriter:
    """Writes plans; may be used from several threads.

    Args:
        store: Where to.
    """

    def __init__(self, store: AssessmentStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._given_up: str | None = None

    def write(self, trace_id: str, plan: Plan) -> str:
        """Write what is missing, then take away what it replaces.

        In this order a trace is never without what a scanner said of it, and what is interrupted
        is mended by the next push.

        Args:
            trace_id: MLflow's id.
            plan: What to do.

        Returns:
            Why it failed, in one line; `""` on success.
        """
        if self._given_up is not None:
            return self._given_up
        try:
            for record in plan.create:
                with_retries(partial(self._store.log_assessment, trace_id, record))
            for identifier in plan.delete:
                with_retries(partial(self._store.delete_assessment, trace_id, identifier))
        except DeliveryError as error:
            self._note(error)
            return str(error)
        return ""

    def _note(self, error: DeliveryError) -> None:
        """After a server is gone, thousands of traces would each wait for it again."""
        if isinstance(error, RetryableError) and error.unreachable:
            with self._lock:
                self._given_up = str(error)
