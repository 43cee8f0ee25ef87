"""The samples that are running in this process, as far as they are to be shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ._task import RunningTask

if TYPE_CHECKING:
    from inspect_ai.log import Transcript

    from inspect_mlflow_core.logs import SampleKey

__all__ = [
    "LONGEST_SHARE",
    "RUNNING_AFTER_SECONDS",
    "SEND_EVERY_SECONDS",
    "RunningSample",
    "RunningSamples",
]

RUNNING_AFTER_SECONDS: Final = 5.0
"""A sample that is over sooner is only shown when it is."""

SEND_EVERY_SECONDS: Final = 10.0
"""How often what is new of a sample is sent."""

LONGEST_SHARE: Final = 0.25
"""The most of the worker's time that samples which run may take from those that are complete."""


@dataclass(slots=True, eq=False)
class RunningSample:
    """A sample that runs.

    Args:
        uuid: Its id, unique for each time that it is run.
        key: Its id in the dataset and its epoch.
        task: Its task.
        location: Where its log lies; None while nobody knows.
        input: What it asks: text or messages, as Inspect's summary of the sample has it.
        started_at: When it began, ISO 8601.
        transcript: Its events. Only references are kept; the sample itself holds them anyway.
        due_seconds: When to send something of it next, on the clock of `RunningSamples`.
    """

    uuid: str
    key: SampleKey
    task: RunningTask
    location: str | None
    input: Any
    started_at: str
    transcript: Transcript
    due_seconds: float = 0.0


class RunningSamples:
    """The running samples of this process.

    Hooks enter and leave them on the event loop, which takes microseconds; the worker asks which
    of them are due. A sample that has left is never written as running again by the thread that
    asks, which is the one that writes complete traces too.

    Args:
        clock: Monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: dict[str, RunningSample] = {}
        self._rest_until_seconds = 0.0

    def start(self, sample: RunningSample) -> None:
        """Enter a sample that begins now."""
        sample.due_seconds = self._clock() + RUNNING_AFTER_SECONDS
        with self._lock:
            self._samples[sample.uuid] = sample

    def end(self, uuid: str) -> None:
        """Leave out a sample that is over, if it is known."""
        with self._lock:
            self._samples.pop(uuid, None)

    def end_written(self, eval_id: str, key: SampleKey) -> None:
        """Leave out a sample that is in its log: its complete trace is about to be written.

        Args:
            eval_id: Inspect's eval id.
            key: Its id in the dataset and its epoch.
        """
        self._leave_out(lambda s: s.task.spec.eval_id == eval_id and s.key == key)

    def end_task(self, eval_id: str) -> None:
        """Leave out all samples of a task.

        Args:
            eval_id: Inspect's eval id.
        """
        self._leave_out(lambda sample: sample.task.spec.eval_id == eval_id)

    def due(self) -> list[RunningSample]:
        """The samples of which something should be sent now, those that wait longest first."""
        now = self._clock()
        with self._lock:
            if now < self._rest_until_seconds:
                return []
            due = [sample for sample in self._samples.values() if sample.due_seconds <= now]
        return sorted(due, key=lambda sample: sample.due_seconds)

    def any_due(self) -> bool:
        """Whether `due` has something to say."""
        return bool(self.due())

    def sent(self, sample: RunningSample) -> None:
        """Take note that what was new of a sample has been sent, or cannot be."""
        sample.due_seconds = self._clock() + SEND_EVERY_SECONDS

    def rest(self, round_seconds: float) -> None:
        """Leave the worker to complete samples for a while.

        Args:
            round_seconds: How long the round took that has just ended.
        """
        with self._lock:
            self._rest_until_seconds = self._clock() + round_seconds * (1 / LONGEST_SHARE - 1)

    def __contains__(self, uuid: object) -> bool:
        """Whether a sample is running."""
        with self._lock:
            return uuid in self._samples

    def _leave_out(self, over: Callable[[RunningSample], bool]) -> None:
        with self._lock:
            for uuid in [uuid for uuid, sample in self._samples.items() if over(sample)]:
                del self._samples[uuid]
