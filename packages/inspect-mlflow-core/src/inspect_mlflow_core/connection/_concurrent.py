"""Calls that wait for a distant server at the same time instead of one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class ConcurrentCalls:
    """Makes calls in threads of their own while the caller goes on.

    As a context manager it ends when all calls have ended, and raises the first error of theirs
    unless the block raised one itself. After an error no further call begins.

    Plain threads and no pool: pools take no more work at the exit of the interpreter, where the
    last runs may still have to be written. Where no thread can be started any more, the caller
    makes the call itself.

    Args:
        limit: Most threads at a time; at 0 the caller makes every call itself.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    @property
    def failed(self) -> bool:
        """Whether a call has raised an error, so that no further one begins."""
        return bool(self._errors)

    def start(self, call: Callable[[], None]) -> None:
        """Begin a call; with `limit` calls under way the caller makes this one itself."""
        if self._errors:
            return
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) < self._limit and self._start_thread(call):
            return
        self._make(call)

    def wait(self) -> None:
        """Wait for the calls so far.

        Raises:
            BaseException: What the first of them to fail raised.
        """
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _start_thread(self, call: Callable[[], None]) -> bool:
        thread = threading.Thread(
            target=self._make, args=(call,), name="inspect-mlflow-call", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            return False
        self._threads.append(thread)
        return True

    def _make(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:  # Raised again by `wait`, in the caller's thread.
            self._errors.append(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.wait()
            return
        for thread in self._threads:
            thread.join()
