"""Keeps the writes of one trace apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class TraceLocks:
    """Locks by trace.

    MLflow's databases lock rows of a trace in an order that depends on the request, so that two
    requests for one trace at the same time can end in a deadlock
    (https://github.com/mlflow/mlflow/issues/24332).
    """

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._changed = Condition()

    @contextmanager
    def of(self, *trace_ids: str) -> Iterator[None]:
        """Hold the locks of traces; they are taken all at once, so that nobody waits in a circle.

        Args:
            trace_ids: Any form of the ids, always the same.
        """
        wanted = set(trace_ids)
        with self._changed:
            self._changed.wait_for(lambda: self._held.isdisjoint(wanted))
            self._held |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()
