"""Calls that wait for a distant server at the same time instead of one after the other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from ._adaptive_concurrency import AdaptiveConcurrency, Concurrency


class ConcurrentCalls:
    """Makes calls in threads of their own while the caller goes on.

    As a context manager it ends when all calls have ended, and raises the first error of theirs
    unless the block raised one itself. After an error no further call begins.

    Plain threads and no pool: pools take no more work at the exit of the interpreter, where the
    last runs may still have to be written. Where no thread can be started any more, the caller
    makes the calls itself.

    Args:
        limit: Most calls at a time, which may change meanwhile; at 0 the caller makes every call
            itself. As many again wait for their turn.
    """

    def __init__(self, limit: Concurrency) -> None:
        self._adaptive = limit if isinstance(limit, AdaptiveConcurrency) else None
        self._most = limit.most if isinstance(limit, AdaptiveConcurrency) else limit
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0
        self._errors: list[BaseException] = []

    @property
    def failed(self) -> bool:
        """Whether a call has raised an error, so that no further one begins."""
        return bool(self._errors)

    def start(self, call: Callable[[], None]) -> None:
        """Begin a call as soon as there is room, from the thread that made this object.

        Returns at once, unless so many calls wait for room that the caller had better wait too.
        """
        if self._errors:
            return
        if self._most == 0:
            self._make(call)
            return
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < self._most)
            self._waiting.append(call)
            if self._add_thread():
                return
            self._threads += 1
        self._work()

    def wait(self) -> None:
        """Wait for the calls so far.

        Raises:
            BaseException: What the first of them to fail raised.
        """
        self._wait_for_threads()
        if self._errors:
            raise self._errors[0]

    def _wait_for_threads(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._threads == 0)

    def _room(self) -> int:
        return self._most if self._adaptive is None else self._adaptive.limit

    def _add_thread(self) -> bool:
        """Start one more if there is room; False when there is none at all to make the calls."""
        if self._threads < self._room():
            name = "inspect-mlflow-call"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return self._threads > 0
            self._threads += 1
        return True

    def _work(self) -> None:
        while (call := self._next()) is not None:
            self._make(call)

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            if self._errors:
                self._waiting.clear()
            self._changed.notify_all()
            if not self._waiting or self._threads > self._room():
                self._threads -= 1
                return None
            call = self._waiting.popleft()
            if self._waiting:
                self._add_thread()
            return call

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
        if not isinstance(error, Exception):
            with self._changed:
                self._waiting.clear()  # Who interrupts does not want to wait for them.
        self._wait_for_threads()
