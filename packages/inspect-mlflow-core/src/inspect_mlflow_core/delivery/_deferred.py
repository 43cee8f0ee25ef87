"""An exporter that comes into being on the worker thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inspect_mlflow_core.delivery._records import Exporter, Record

__all__ = ["DeferredExporter"]


class DeferredExporter:
    """An exporter that is made when its first records are written.

    What writes to MLflow takes tens of milliseconds to import. Where hooks submit records, on the
    event loop of an evaluation, every sample would wait for that. Only the worker's thread makes
    it, so there is no lock that a fork could leave locked.

    Args:
        name: See `Exporter.name`.
        make: Imports and makes the exporter.
    """

    def __init__(self, name: str, make: Callable[[], Exporter]) -> None:
        self._name = name
        self._make = make
        self._made: Exporter | None = None

    @property
    def name(self) -> str:
        """See `Exporter.name`."""
        return self._name

    @property
    def exporter(self) -> Exporter:
        """The exporter itself, made now if it was not yet."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def export(self, records: Sequence[Record]) -> None:
        """See `Exporter.export`."""
        self.exporter.export(records)
