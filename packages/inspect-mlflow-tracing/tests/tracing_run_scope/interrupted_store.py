"""Stores that fail, and the writing of one log into them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import TraceStore
from inspect_mlflow_core.exceptions import RetryableError
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.run_scope import RunTask, run_task, write_log_run


class Interrupted:
    """A trace store of which every operation may be the last.

    Args:
        store: Does the work.
        left: How many operations are still done.
        done: Whether the one that fails is done all the same, only its answer is lost.
    """

    def __init__(self, store: TraceStore, left: int, *, done: bool) -> None:
        self.tracking_uri, self.concurrency = store.tracking_uri, 0
        self._store, self._left, self._done = store, left, done

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name in ("tracking_uri", "concurrency"):
            return super().__getattribute__(name)
        operation = getattr(self._store, name)

        def guarded(*arguments: Any) -> Any:
            self._left -= 1
            if self._left >= 0:
                return operation(*arguments)
            if self._done:
                operation(*arguments)
            raise RetryableError("the connection is lost", cause="connection")

        return guarded


def written_by(store: Any, log: Path, written: dict[str, Any] | None = None, **options: Any) -> int:
    with EvalLogReader.open(log) as reader:
        result = write_log_run(store, reader, task_of(reader, store), written=written, **options)
    assert not result.problems
    return result.written


def task_of(reader: EvalLogReader, store: TraceStore) -> RunTask:
    settings = MLflowSettings(tracking_uri=store.tracking_uri, trace_scope="run")
    destination = TraceDestination(store.tracking_uri)
    task = destination.task(reader.header, settings, reader.location)
    return run_task(reader.header, task)
