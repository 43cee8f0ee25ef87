"""Asks every few seconds that running samples be sent."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ._samples import RunningSamples

__all__ = ["LOOK_EVERY_SECONDS", "Rounds", "RunningSamplesDue"]

LOOK_EVERY_SECONDS: Final = 2.5


@dataclass(slots=True, eq=False)
class RunningSamplesDue:
    """Something of the running samples should be sent.

    Args:
        done: Whether it was; until then there is no use in asking again.
    """

    done: bool = False


class Rounds:
    """A thread that looks whether running samples are due, and asks for them to be sent.

    It never touches the event loop, and sleeps nearly all the time. It starts with the first
    sample.

    Args:
        samples: The running samples.
        submit: Enqueues a request; never more than one at a time.
    """

    def __init__(
        self, samples: RunningSamples, submit: Callable[[RunningSamplesDue], None]
    ) -> None:
        self._samples = samples
        self._submit = submit
        self._request = RunningSamplesDue(done=True)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it has been started."""
        if self._thread is not None:
            return
        # An empty context: nothing of the sample that happens to begin first may be seen there.
        run = contextvars.Context().run
        self._thread = threading.Thread(
            target=run, args=(self._look,), name="inspect-mlflow-running", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:
            return  # The interpreter is shutting down: there is nothing left to show.

    def stop(self) -> None:
        """Ask no more; the thread ends by itself."""
        self._stopped.set()

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_SECONDS):
            if self._request.done and self._samples.any_due():
                self._request = RunningSamplesDue()
                self._submit(self._request)
