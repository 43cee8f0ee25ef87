"""One evaluation in a process of its own; `run.py` starts it and reads the JSON that it writes.

Usage: python evaluation.py JOB, where JOB is the JSON text of a `Job`.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import math
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TRACKING_URI_VARIABLE = "INSPECT_MLFLOW_TRACKING_URI"
TRACING_VARIABLE = "INSPECT_MLFLOW_TRACING_ENABLED"
CHILD_EXIT_SECONDS = 10.0
PACKAGE_PREFIX = "inspect_mlflow"


@dataclass(frozen=True)
class Job:
    """What one process is to do.

    Args:
        directory: For logs and the result, `result.json`.
        tracking_uri: Where to; None for an evaluation without the package.
        samples: Samples of the evaluation.
        tool_turns: Tool calls of each sample; there is one model call more.
        model_seconds: How long the mock model takes for an answer.
        concurrency: Samples and connections at a time.
        collector_phase: How far Python's garbage collector has come on its way to a full
            collection when the evaluation begins, from 0 to 1; see `advance_collector`.
        traced: Whether tracing is on besides tracking.
    """

    directory: str
    tracking_uri: str | None
    samples: int
    tool_turns: int
    model_seconds: float
    concurrency: int
    collector_phase: float = 0.0
    traced: bool = False


@dataclass(frozen=True)
class Measurement:
    """What one evaluation cost.

    Args:
        eval_id: Inspect's eval id.
        status: Status of its log.
        evaluation_seconds: Duration of `eval()`, the wait for delivery included.
        flush_seconds: The part of it that was the wait for delivery at the end.
        process_cpu_seconds: CPU time of `eval()` over all threads.
        tracking_cpu_seconds: CPU time of tracking's delivery thread.
        tracing_cpu_seconds: CPU time of tracing's delivery thread.
        child_cpu_seconds: CPU time of the processes that `eval()` started: the one in which
            traces are made, and what Inspect itself asks git.
        delivered: Records delivered.
        pending: Records that were not delivered at the end of `eval()`.
        rejected: Records that were given up.
        full_collections: Full garbage collections until the wait for delivery.
        peak_memory_bytes: Largest resident size of the process, without its children.
    """

    eval_id: str
    status: str
    evaluation_seconds: float
    flush_seconds: float
    process_cpu_seconds: float
    tracking_cpu_seconds: float
    tracing_cpu_seconds: float
    child_cpu_seconds: float
    delivered: int
    pending: int
    rejected: int
    full_collections: int
    peak_memory_bytes: int


def hide_package() -> None:
    """Make Inspect believe that the package is not installed: its hooks are not even imported."""
    installed = importlib.metadata.entry_points

    def entry_points(**selection: Any) -> Any:
        found: Any = installed(**selection)
        if selection.get("group") != "inspect_ai":
            return found
        return importlib.metadata.EntryPoints(
            point for point in found if not point.value.startswith(PACKAGE_PREFIX)
        )

    importlib.metadata.entry_points = entry_points


def evaluate(job: Job, samples: int, model_seconds: float, log_directory: Path) -> Any:
    """Run one evaluation with tools and return its log."""
    import anyio
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate, use_tools
    from inspect_ai.tool import tool

    @tool
    def add() -> Any:
        async def execute(x: int, y: int) -> str:
            """Add two numbers.

            Args:
                x: First number.
                y: Second number.
            """
            return str(x + y)

        return execute

    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        if model_seconds:
            await anyio.sleep(model_seconds)
        turns = sum(message.role == "tool" for message in messages)
        if turns < job.tool_turns:
            arguments = {"x": turns, "y": 1}
            output = ModelOutput.for_tool_call("mockllm/model", "add", arguments)
        else:
            output = ModelOutput.from_content("mockllm/model", f"The sum is {turns}.")
        output.usage = ModelUsage(input_tokens=200, output_tokens=40, total_tokens=240)
        return output

    dataset = [
        Sample(id=number, input=f"Count to {job.tool_turns}, item {number}.", target="5.")
        for number in range(1, samples + 1)
    ]
    task = Task(
        dataset=dataset, solver=[use_tools(add()), generate()], scorer=match(), name="benchmark"
    )
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    (log,) = eval(
        task,
        model=model,
        max_samples=job.concurrency,
        max_connections=job.concurrency,
        log_dir=str(log_directory),
        display="none",
    )
    return log


@dataclass(slots=True)
class FlushTime:
    """How long an evaluation waits for delivery; several deliveries may be waited for at once.

    Args:
        seconds: Time in which at least one was waited for.
        waiting: How many are waited for now.
        since: When the first of these began.
        full_collections: Full garbage collections of the process before the first wait.
    """

    seconds: float = 0.0
    waiting: int = 0
    since: float = 0.0
    full_collections: int | None = None

    def begin(self) -> None:
        """Take note that a wait begins."""
        if self.full_collections is None:
            self.full_collections = full_collections()
        if not self.waiting:
            self.since = time.perf_counter()
        self.waiting += 1

    def end(self) -> None:
        """Take note that a wait ends."""
        self.waiting -= 1
        if not self.waiting:
            self.seconds += time.perf_counter() - self.since


def time_flushes() -> FlushTime:
    """Return what counts every wait for delivery from now on."""
    from inspect_mlflow_core.delivery import DeliveryWorker

    flush_time = FlushTime()
    original = DeliveryWorker.flush_async

    async def flush_async(self: DeliveryWorker, timeout_seconds: float) -> Any:
        flush_time.begin()
        try:
            return await original(self, timeout_seconds)
        finally:
            flush_time.end()

    DeliveryWorker.flush_async = flush_async  # type: ignore[method-assign]  # Only to be timed.
    return flush_time


def full_collections() -> int:
    """Return how many full garbage collections this process has made."""
    return gc.get_stats()[-1]["collections"]


def advance_collector(phase: float) -> None:
    """Bring the garbage collector to a given place on its way to the next full collection.

    A full collection stops the evaluation for 0.2 s and comes every 3 s or so. Whether four or
    five of them fall into an evaluation depends on where the first one is due, and everything that
    is imported brings it forward: left alone, it is at the same place in every process, so that
    each pair would have the same collection too many or too few.

    Args:
        phase: 0 right after a full collection, 1 right before the next.
    """
    gc.collect()
    allocations = math.prod(threshold + 1 for threshold in gc.get_threshold())
    # They count because they are alive together; freed, they are not taken off again.
    alive: list[list[None]] = [[] for _ in range(round(phase * allocations))]
    alive.clear()


def measure(job: Job) -> Measurement:
    """Warm Inspect up without tracking, then time one evaluation."""
    directory = Path(job.directory)
    if job.tracking_uri is None:
        hide_package()
    # Inspect imports much of itself on its first evaluation, which would drown the difference.
    evaluate(job, samples=2, model_seconds=0.0, log_directory=directory / "warm-up")
    flush_time = FlushTime()
    if job.tracking_uri is not None:
        flush_time = time_flushes()
        os.environ[TRACKING_URI_VARIABLE] = job.tracking_uri
        os.environ[TRACING_VARIABLE] = str(job.traced).lower()
    children_started = ended_children_cpu_seconds()
    advance_collector(job.collector_phase)
    collections_started = full_collections()
    cpu_started, started = time.process_time(), time.perf_counter()
    log = evaluate(job, job.samples, job.model_seconds, directory / "logs")
    evaluation_seconds = time.perf_counter() - started
    process_cpu_seconds = time.process_time() - cpu_started
    collections_ended = flush_time.full_collections or full_collections()
    return Measurement(
        eval_id=log.eval.eval_id,
        status=log.status,
        evaluation_seconds=evaluation_seconds,
        flush_seconds=flush_time.seconds,
        process_cpu_seconds=process_cpu_seconds,
        child_cpu_seconds=ended_children_cpu_seconds() - children_started,
        full_collections=collections_ended - collections_started,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        **delivery_counts(tracked=job.tracking_uri is not None),
    )


def delivery_counts(*, tracked: bool) -> dict[str, Any]:
    """Return what the delivery workers say of themselves; zeros when there are none."""
    names = ("tracking_cpu_seconds", "tracing_cpu_seconds", "delivered", "pending", "rejected")
    if not tracked:
        return dict.fromkeys(names, 0)
    from inspect_mlflow_core.delivery import delivery_worker

    runs, traces = (delivery_worker(purpose).statistics() for purpose in ("runs", "traces"))
    return {
        "tracking_cpu_seconds": runs.worker_cpu_seconds,
        "tracing_cpu_seconds": traces.worker_cpu_seconds,
        "delivered": runs.delivered + traces.delivered,
        "pending": runs.pending + traces.pending,
        "rejected": sum(runs.rejected.values()) + sum(traces.rejected.values()),
    }


def ended_children_cpu_seconds() -> float:
    """Wait until every child has ended, and return the CPU time of all since the process began.

    The system counts a child only once it has gone.
    """
    import psutil

    psutil.wait_procs(psutil.Process().children(), timeout=CHILD_EXIT_SECONDS)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    given = Job(**json.loads(sys.argv[1]))
    result = json.dumps(asdict(measure(given)))
    Path(given.directory, "result.json").write_text(result, encoding="utf-8")
