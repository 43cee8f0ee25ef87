"""Flushing: when it ends early, when it waits, and that the event loop goes on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import anyio
import pytest

from inspect_mlflow_core import reporting
from inspect_mlflow_core.delivery import (
    DeliveryWorker,
    FlushResult,
    Record,
    RetryPolicy,
    SystemClock,
)
from inspect_mlflow_core.exceptions import RetryableError

DEADLINE_SECONDS = 30.0
NEVER = RetryPolicy(initial_seconds=3600.0, maximum_seconds=3600.0, random=lambda: 1.0)


class ScriptedExporter:
    """Raises what the script says, attempt by attempt; after its end everything succeeds."""

    name = "tracking"

    def __init__(self, script: Sequence[Exception | threading.Event] = ()) -> None:
        self.script = list(script)
        self.attempts = 0
        self.attempted = threading.Semaphore(0)
        self.payloads: list[object] = []

    def export(self, records: Sequence[Record]) -> None:
        self.attempts += 1
        self.attempted.release()
        step = self.script.pop(0) if self.script else None
        if isinstance(step, threading.Event):
            assert step.wait(DEADLINE_SECONDS)
        elif step is not None:
            raise step
        self.payloads.extend(record.payload for record in records)


class SignallingClock(SystemClock):
    """Tells when the thread of that name has begun to wait."""

    THREAD_NAME = "flusher"

    def __init__(self) -> None:
        self.waiting = threading.Event()

    def wait(self, condition: threading.Condition, timeout_seconds: float | None) -> None:
        if threading.current_thread().name == self.THREAD_NAME:
            self.waiting.set()
        super().wait(condition, timeout_seconds)


def unreachable() -> RetryableError:
    return RetryableError("connection refused", cause="connection", unreachable=True)


def unavailable() -> RetryableError:
    return RetryableError("503 Service Unavailable", cause="http_503")


def start(exporter: ScriptedExporter, retry: RetryPolicy = NEVER) -> DeliveryWorker:
    """A worker that has begun its first attempt."""
    worker = DeliveryWorker(retry=retry)
    worker.submit(Record(exporter, "eval", "start"))
    assert exporter.attempted.acquire(timeout=DEADLINE_SECONDS)
    return worker


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    reporting.reset()
    with reporting.deferred():
        yield
        reporting.reset()


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_nothing_pending_returns_at_once_without_a_thread() -> None:
    worker = DeliveryWorker()
    result = worker.flush(DEADLINE_SECONDS)
    assert (result.delivered, result.pending, result.reason) == (True, 0, "delivered")
    assert worker.statistics().worker_cpu_seconds == 0.0


def test_a_flush_makes_waiting_records_due() -> None:
    exporter = ScriptedExporter()
    worker = DeliveryWorker(batch_age_seconds=3600.0)
    worker.submit(Record(exporter, "eval", 1, reference=("eval", 1, 1)))
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert exporter.payloads == [1]


def test_a_flush_cuts_the_pause_short_and_finds_the_server_back() -> None:
    exporter = ScriptedExporter([unreachable()])
    worker = start(exporter)
    result = worker.flush(DEADLINE_SECONDS)
    assert (result.reason, result.last_cause) == ("delivered", None)
    assert exporter.attempts == 2


def test_one_broken_connection_does_not_end_a_flush() -> None:
    gate = threading.Event()
    exporter = ScriptedExporter([gate, unreachable()])
    worker = start(exporter, RetryPolicy(initial_seconds=0.001))
    worker.submit(Record(exporter, "another", 2))
    # By the time of the failure the flush has lasted longer than it waits for a lost server.
    threading.Timer(0.5, gate.set).start()
    assert worker.flush(DEADLINE_SECONDS).reason == "delivered"
    assert exporter.attempts >= 3


def test_a_flush_gives_up_when_the_server_is_not_there() -> None:
    exporter = ScriptedExporter([unreachable() for _ in range(9)])
    worker = start(exporter)
    for attempts in (2, 3):
        result = worker.flush(DEADLINE_SECONDS)
        assert (result.delivered, result.reason) == (False, "unreachable")
        assert (result.pending, result.last_cause) == (1, "connection")
        assert exporter.attempts == attempts


def test_a_flush_waits_on_when_the_server_answers_with_an_error() -> None:
    exporter = ScriptedExporter([unavailable() for _ in range(6)])
    worker = start(exporter, RetryPolicy(initial_seconds=0.001))
    assert worker.flush(DEADLINE_SECONDS).reason == "delivered"
    assert exporter.attempts == 7
    assert worker.statistics().retries == {"http_503": 6}


def test_the_deadline_of_a_flush_holds_while_the_server_answers_with_errors() -> None:
    exporter = ScriptedExporter([unavailable(), unavailable()])
    worker = start(exporter)
    result = worker.flush(0.05)
    assert (result.reason, result.pending, result.last_cause) == ("timeout", 1, "http_503")
    assert result.waited_seconds >= 0.05


def test_the_deadline_of_a_flush_holds_while_an_exporter_hangs() -> None:
    gate = threading.Event()
    exporter = ScriptedExporter([gate])
    worker = start(exporter)
    assert worker.flush(0.05).reason == "timeout"
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).reason == "delivered"
    assert exporter.attempts == 1


def test_a_flush_does_not_sit_out_a_second_attempt_without_an_answer() -> None:
    gate = threading.Event()
    exporter = ScriptedExporter([unreachable(), gate])
    worker = start(exporter)
    result = worker.flush(DEADLINE_SECONDS)
    assert (result.reason, result.pending, result.last_cause) == ("unreachable", 1, "connection")
    assert result.waited_seconds < DEADLINE_SECONDS / 2
    assert worker.flush(DEADLINE_SECONDS).reason == "unreachable"
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).reason == "delivered"


def test_the_event_loop_does_not_sit_out_a_second_attempt_either(backend: str) -> None:
    gate = threading.Event()
    exporter = ScriptedExporter([unreachable(), gate])
    worker = start(exporter)
    result = anyio.run(worker.flush_async, DEADLINE_SECONDS, backend=backend)
    gate.set()
    assert (result.reason, result.pending) == ("unreachable", 1)
    assert result.waited_seconds < DEADLINE_SECONDS / 2


def test_a_slow_attempt_is_waited_for_once_the_server_has_answered() -> None:
    gate = threading.Event()
    exporter = ScriptedExporter([unreachable(), unavailable(), gate])
    worker = start(exporter, RetryPolicy(initial_seconds=0.001))
    for _ in range(2):
        assert exporter.attempted.acquire(timeout=DEADLINE_SECONDS)
    threading.Timer(0.5, gate.set).start()
    assert worker.flush(DEADLINE_SECONDS).reason == "delivered"


def test_a_flush_does_not_wait_for_what_is_submitted_later() -> None:
    gates = [threading.Event(), threading.Event()]
    exporter = ScriptedExporter(gates)
    clock = SignallingClock()
    worker = DeliveryWorker(clock=clock)
    worker.submit(Record(exporter, "eval", "start"))
    results: list[FlushResult] = []
    flusher = threading.Thread(
        name=SignallingClock.THREAD_NAME,
        target=lambda: results.append(worker.flush(DEADLINE_SECONDS)),
    )
    flusher.start()
    assert clock.waiting.wait(DEADLINE_SECONDS)
    worker.submit(Record(exporter, "eval", "later"))
    gates[0].set()
    flusher.join(DEADLINE_SECONDS)
    assert results[0].delivered
    assert worker.statistics().pending == 1
    gates[1].set()
    assert worker.flush(DEADLINE_SECONDS).delivered


def test_the_event_loop_runs_during_a_flush(backend: str) -> None:
    gate = threading.Event()
    exporter = ScriptedExporter([gate])
    worker = start(exporter)
    steps = 0
    results: list[FlushResult] = []

    async def work() -> None:
        nonlocal steps
        for _ in range(20):
            await anyio.sleep(0.001)
            steps += 1
        gate.set()

    async def flush() -> None:
        results.append(await worker.flush_async(DEADLINE_SECONDS))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            tasks.start_soon(flush)

    anyio.run(main, backend=backend)
    assert results[0].delivered
    assert steps == 20


def test_a_flush_works_in_a_cancelled_scope_when_it_is_shielded(backend: str) -> None:
    gate = threading.Event()
    exporter = ScriptedExporter([gate])
    worker = start(exporter)
    results: list[FlushResult] = []

    async def main() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            with anyio.CancelScope(shield=True):
                threading.Timer(0.02, gate.set).start()
                results.append(await worker.flush_async(DEADLINE_SECONDS))

    anyio.run(main, backend=backend)
    assert results[0].delivered


def test_an_unshielded_flush_ends_with_its_scope(backend: str) -> None:
    gate = threading.Event()
    worker = start(ScriptedExporter([gate]))

    async def main() -> bool:
        with anyio.move_on_after(0.02) as scope:
            await worker.flush_async(DEADLINE_SECONDS)
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).delivered


def test_flush_async_gives_up_and_times_out_like_flush(backend: str) -> None:
    gone = start(ScriptedExporter([unreachable() for _ in range(3)]))
    gate = threading.Event()
    hanging = start(ScriptedExporter([gate]))

    async def main() -> list[FlushResult]:
        return [
            await gone.flush_async(DEADLINE_SECONDS),
            await hanging.flush_async(0.02),
            await DeliveryWorker().flush_async(DEADLINE_SECONDS),
        ]

    results = anyio.run(main, backend=backend)
    assert [result.reason for result in results] == ["unreachable", "timeout", "delivered"]
    gate.set()
