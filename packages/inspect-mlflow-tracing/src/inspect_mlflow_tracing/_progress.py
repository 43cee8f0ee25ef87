"""What the event loop and the delivery thread know together."""

from __future__ import annotations

from dataclasses import dataclass, field

from .running import RunningSamples

__all__ = ["TracingProgress"]


@dataclass(frozen=True, slots=True)
class TracingProgress:
    """How far the traces of this process are.

    Args:
        running: Samples that run, entered and left by hooks.
        complete: Samples whose traces are complete, by eval id; told at the end of a task.
        run_traces: Trace that a task is in, by eval id, where runs are traced as a whole.
        left: Keys of records that are given up, because their server does not answer.
    """

    running: RunningSamples = field(default_factory=RunningSamples)
    complete: dict[str, int] = field(default_factory=dict)
    run_traces: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
