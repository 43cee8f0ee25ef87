"""How fast the processors of this machine are, and whether they are processors of their own.

Two that are threads of one core, as the two of many virtual machines are, slow each other down:
whatever a server works beside an evaluation then costs the evaluation time, however low its
priority.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_STEPS = 1_500_000
_REPEATS = 3
_ENDLESS = "from processors import work\nwhile True:\n    work()"


def work() -> float:
    """Keep one processor busy for a fixed amount of work; return how many seconds it took."""
    started_seconds = time.perf_counter()
    texts: dict[int, str] = {}
    for step in range(_STEPS):
        texts[step % 5000] = str(step)
    return time.perf_counter() - started_seconds


@dataclass(frozen=True)
class Processors:
    """What the processors of this machine do at a moment; who shares it may change it at the next.

    Args:
        work_seconds: How long a fixed amount of work takes.
        slowed: How much longer it takes while one other process is busy: 1 on processors of their
            own.
    """

    work_seconds: float
    slowed: float


def measure_processors() -> Processors:
    """Measure the processors, by the fastest of a few, as whoever else is there only slows them."""
    alone_seconds, beside_seconds = zip(*(_pair() for _ in range(_REPEATS)), strict=True)
    return Processors(min(alone_seconds), min(beside_seconds) / min(alone_seconds))


def _pair() -> tuple[float, float]:
    alone_seconds = work()
    neighbour = subprocess.Popen([sys.executable, "-c", _ENDLESS], cwd=_HERE)
    try:
        time.sleep(0.2)  # Until it has started.
        return alone_seconds, work()
    finally:
        neighbour.kill()
        neighbour.wait()
