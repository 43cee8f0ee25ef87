"""Keeps the writes of one trace apart."""

from __future__ import annotations

from threading import Lock

_COUNT = 64


class TraceLocks:
    """Locks by trace.

    MLflow's databases lock rows of a trace in an order that depends on the request, so that two
    requests for one trace at the same time can end in a deadlock
    (https://github.com/mlflow/mlflow/issues/24332).
    """

    def __init__(self) -> None:
        self._locks = tuple(Lock() for _ in range(_COUNT))

    def of(self, trace_id: str) -> Lock:
        """Return the lock of a trace, which now and then is that of another one too.

        Args:
            trace_id: Any form of the id, always the same.
        """
        return self._locks[hash(trace_id) % _COUNT]
