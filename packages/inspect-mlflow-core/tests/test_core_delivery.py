"""Delivery of records: order, batches, shedding, retries, rejections, counts."""

from __future__ import annotations

import contextvars
import logging
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspect_mlflow_core import reporting
from inspect_mlflow_core.delivery import DeferredExporter, DeliveryWorker, Record, RetryPolicy
from inspect_mlflow_core.exceptions import RejectedError, RetryableError

THREAD_NAME = "inspect-mlflow-delivery"
DEADLINE_SECONDS = 30.0


class VirtualClock:
    """Time that passes only while the worker has nothing to do, and then at once."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, condition: threading.Condition, timeout_seconds: float | None) -> None:
        if threading.current_thread().name != THREAD_NAME or timeout_seconds is None:
            condition.wait(DEADLINE_SECONDS)
        elif not condition.wait(0.001):
            self.pauses.append(timeout_seconds)
            self.time += timeout_seconds


class MemoryExporter:
    """Keeps what it gets; `fail` may raise before a batch is kept."""

    def __init__(
        self, name: str = "tracking", fail: Callable[[Sequence[Record]], None] | None = None
    ) -> None:
        self.name = name
        self.fail = fail
        self.attempts = 0
        self.batches: list[list[Record]] = []

    def export(self, records: Sequence[Record]) -> None:
        self.attempts += 1
        if self.fail is not None:
            self.fail(records)
        self.batches.append(list(records))

    @property
    def payloads(self) -> list[object]:
        return [record.payload for batch in self.batches for record in batch]


def sample(
    exporter: MemoryExporter, number: int, key: str = "eval", size_bytes: int = 10
) -> Record:
    return Record(exporter, key, number, size_bytes, reference=(key, number, 1))


def control(exporter: MemoryExporter, payload: object, key: str = "eval") -> Record:
    return Record(exporter, key, payload, size_bytes=10)


def first(count: int, error: Callable[[], Exception]) -> Callable[[Sequence[Record]], None]:
    """Fail the first `count` attempts."""
    remaining = iter(range(count))

    def fail(records: Sequence[Record]) -> None:
        if next(remaining, None) is not None:
            raise error()

    return fail


def unavailable(retry_after_seconds: float | None = None) -> RetryableError:
    return RetryableError(
        "503 Service Unavailable", cause="http_503", retry_after_seconds=retry_after_seconds
    )


def refused() -> RetryableError:
    return RetryableError("connection refused", cause="connection", unreachable=True)


@pytest.fixture(autouse=True)
def warnings() -> Iterator[list[str]]:
    """What the user is told, instead of standard error."""
    lines: list[str] = []

    class Capture(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler = Capture()
    reporting.reset()
    reporting.logger.addHandler(handler)
    yield lines
    reporting.logger.removeHandler(handler)
    reporting.reset()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def test_everything_submitted_is_delivered_in_order() -> None:
    exporter = MemoryExporter()
    worker = DeliveryWorker(batch_count=7)
    for number in range(100):
        worker.submit(sample(exporter, number, key=f"eval-{number % 3}"))
    result = worker.flush(DEADLINE_SECONDS)
    assert (result.delivered, result.pending, result.reason) == (True, 0, "delivered")
    assert exporter.payloads == list(range(100))
    assert max(len(batch) for batch in exporter.batches) == 7


def test_batches_are_bounded_by_bytes_and_a_large_record_goes_alone() -> None:
    gate = threading.Event()
    exporter = MemoryExporter(fail=lambda records: _wait(gate))
    worker = DeliveryWorker(batch_bytes=100, batch_age_seconds=0.0)
    worker.submit(control(exporter, "start"))
    for size_bytes in (40, 40, 40, 500, 40, 60):
        worker.submit(sample(exporter, size_bytes, size_bytes=size_bytes))
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert [[record.payload for record in batch] for batch in exporter.batches] == [
        ["start"],
        [40, 40],
        [40],
        [500],
        [40, 60],
    ]


def test_a_record_waits_for_company_until_it_is_old_enough(clock: VirtualClock) -> None:
    exporter = MemoryExporter()
    arrived = threading.Event()
    exporter.fail = lambda records: arrived.set()
    worker = DeliveryWorker(batch_age_seconds=3.0, clock=clock)
    worker.submit(sample(exporter, 1))
    assert arrived.wait(DEADLINE_SECONDS)
    assert clock.pauses == [3.0]


def test_only_the_first_record_waits_for_the_start(clock: VirtualClock) -> None:
    exporter = MemoryExporter()
    arrivals = threading.Semaphore(0)
    exporter.fail = lambda records: arrivals.release()
    worker = DeliveryWorker(start_delay_seconds=0.25, clock=clock)
    for payload in ("begin", "end"):
        worker.submit(control(exporter, payload))
        assert arrivals.acquire(timeout=DEADLINE_SECONDS)
    assert exporter.payloads[:1] == ["begin"]
    assert clock.pauses == [0.25]


def test_a_flush_does_not_wait_for_the_start() -> None:
    exporter = MemoryExporter()
    worker = DeliveryWorker(start_delay_seconds=3600.0)
    worker.submit(control(exporter, "begin"))
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert exporter.payloads == ["begin"]


def test_a_control_record_ends_the_batch_and_goes_at_once() -> None:
    exporter = MemoryExporter()
    arrived = threading.Event()
    exporter.fail = lambda records: arrived.set() if len(records) == 3 else None
    worker = DeliveryWorker(batch_age_seconds=3600.0)
    worker.submit(sample(exporter, 1))
    worker.submit(sample(exporter, 2))
    worker.submit(control(exporter, "end"))
    assert arrived.wait(DEADLINE_SECONDS)
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert [[record.payload for record in batch] for batch in exporter.batches] == [[1, 2, "end"]]


def test_interleaved_exporters_still_form_batches() -> None:
    gate = threading.Event()
    tracking = MemoryExporter("tracking", fail=lambda records: _wait(gate))
    tracing = MemoryExporter("tracing")
    worker = DeliveryWorker()
    worker.submit(control(tracking, "start"))
    for number in range(20):
        worker.submit(sample(tracking, number))
        worker.submit(sample(tracing, number))
    worker.submit(control(tracking, "end"))
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert tracking.payloads == ["start", *range(20), "end"]
    assert [[record.payload for record in batch] for batch in tracing.batches] == [list(range(20))]


@given(
    plan=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["a", "b"]), st.integers(0, 6)), max_size=60
    ),
    batch_count=st.integers(1, 5),
)
@settings(max_examples=40, deadline=None)
def test_order_is_kept_per_key_and_around_control_records(
    plan: list[tuple[int, str, int]], batch_count: int
) -> None:
    arrived: list[Record] = []
    exporters = [MemoryExporter(f"exporter-{index}", fail=arrived.extend) for index in range(3)]
    worker = DeliveryWorker(batch_count=batch_count)
    submitted: list[Record] = []
    for number, (exporter, key, kind) in enumerate(plan):
        make = control if kind == 0 else sample
        submitted.append(make(exporters[exporter], number, key))
        worker.submit(submitted[-1])
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert sorted(map(_number, arrived)) == list(range(len(plan)))
    place = {_number(record): index for index, record in enumerate(arrived)}
    for later in submitted:
        for earlier in submitted[: _number(later)]:
            same = earlier.exporter is later.exporter and earlier.key == later.key
            if same or earlier.is_control or later.is_control:
                assert place[_number(earlier)] < place[_number(later)]


def test_payloads_past_the_bound_are_shed_and_their_references_delivered() -> None:
    gate = threading.Event()
    exporter = MemoryExporter(fail=lambda records: _wait(gate))
    worker = DeliveryWorker(queue_bytes=100, batch_age_seconds=0.0)
    worker.submit(control(exporter, "start"))
    for number in range(20):
        worker.submit(sample(exporter, number))
    worker.submit(control(exporter, "end"))
    statistics = worker.statistics()
    assert statistics.shed == 11
    assert statistics.held_bytes == 110  # 9 samples, and both control records
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert exporter.payloads == ["start", *range(9), *[None] * 11, "end"]
    references = [record.reference for batch in exporter.batches for record in batch]
    assert references == [None, *(("eval", number, 1) for number in range(20)), None]
    assert all(record.size_bytes == 10 for batch in exporter.batches for record in batch)
    assert worker.statistics().held_bytes == 0


def test_the_bound_can_be_changed_and_frees_up_with_delivery() -> None:
    exporter = MemoryExporter()
    worker = DeliveryWorker(queue_bytes=0)
    worker.submit(sample(exporter, 1))
    worker.queue_bytes = 10
    for number in (2, 3):
        worker.submit(sample(exporter, number))
        assert worker.flush(DEADLINE_SECONDS).delivered
    assert worker.queue_bytes == 10
    assert exporter.payloads == [None, 2, 3]


def test_retries_back_off_exponentially_until_the_server_is_back(clock: VirtualClock) -> None:
    exporter = MemoryExporter(fail=first(10, unavailable))
    worker = DeliveryWorker(clock=clock, retry=RetryPolicy(random=lambda: 1.0))
    worker.submit(control(exporter, "start"))
    _wait_until_delivered(worker, 1)
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    statistics = worker.statistics()
    assert statistics.retries == {"http_503": 10}
    assert statistics.last_cause is None
    assert exporter.payloads == ["start"]


def test_the_pause_that_the_server_asks_for_is_kept_within_bounds(clock: VirtualClock) -> None:
    pauses = iter([7.0, 9999.0, 0.0])
    exporter = MemoryExporter(fail=first(3, lambda: unavailable(next(pauses))))
    worker = DeliveryWorker(clock=clock, retry=RetryPolicy(random=lambda: 0.5))
    worker.submit(control(exporter, "start"))
    _wait_until_delivered(worker, 1)
    assert clock.pauses == [7.0, 120.0, 1.0]


@given(failures=st.integers(1, 10**6), jitter=st.floats(0, 1, exclude_max=True))
def test_every_pause_is_between_zero_and_the_maximum(failures: int, jitter: float) -> None:
    delay = RetryPolicy(random=lambda: jitter).delay_seconds(failures)
    assert 0.0 <= delay <= 60.0


def test_a_batch_that_keeps_failing_is_halved(clock: VirtualClock) -> None:
    def too_large(records: Sequence[Record]) -> None:
        if len(records) > 3:
            raise RetryableError("timed out", cause="timeout", unreachable=True)

    exporter = MemoryExporter(fail=too_large)
    worker = DeliveryWorker(clock=clock)
    for number in range(10):
        worker.submit(sample(exporter, number))
    _wait_until_delivered(worker, 10)
    assert exporter.payloads == list(range(10))
    assert len(exporter.batches) <= 5


def test_rejection_isolates_the_culprits_and_delivers_the_rest(warnings: list[str]) -> None:
    culprits = {3, 50, 51, 99}

    def refuse(records: Sequence[Record]) -> None:
        if culprits & {record.payload for record in records}:
            raise RejectedError("value too long", cause="http_400")

    exporter = MemoryExporter(fail=refuse)
    worker = DeliveryWorker(batch_count=100, batch_age_seconds=3600.0)
    for number in range(100):
        worker.submit(sample(exporter, number))
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert exporter.payloads == [number for number in range(100) if number not in culprits]
    assert exporter.attempts < 60
    statistics = worker.statistics().exporters["tracking"]
    assert (statistics.delivered, statistics.rejected) == (96, {"http_400": 4})
    assert len(warnings) == 1
    assert "value too long" in warnings[0]
    assert reporting.suppressed_counts() == {"delivery.http_400": 3}


def test_missing_permission_is_not_asked_for_record_by_record() -> None:
    def deny(records: Sequence[Record]) -> None:
        raise RejectedError("not allowed", cause="http_401")

    exporter = MemoryExporter(fail=deny)
    worker = DeliveryWorker(batch_age_seconds=3600.0)
    for number in range(100):
        worker.submit(sample(exporter, number))
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert exporter.attempts == 1
    assert worker.statistics().rejected == {"http_401": 100}


def test_one_warning_per_cause(warnings: list[str], clock: VirtualClock) -> None:
    errors = iter([unavailable(), refused(), unavailable(), refused(), unavailable()])
    exporter = MemoryExporter(fail=first(5, lambda: next(errors)))
    worker = DeliveryWorker(clock=clock)
    worker.submit(control(exporter, "start"))
    _wait_until_delivered(worker, 1)
    assert [line.split(" (")[0] for line in warnings] == [
        "tracking: 503 Service Unavailable",
        "tracking: connection refused",
    ]
    assert worker.statistics().retries == {"http_503": 3, "connection": 2}


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt, MemoryError])
def test_a_mistake_in_an_exporter_costs_its_record_only(
    error: type[BaseException], warnings: list[str]
) -> None:
    def stumble(records: Sequence[Record]) -> None:
        if any(record.payload == 5 for record in records):
            raise error("token=hunter2")

    exporter = MemoryExporter(fail=stumble)
    worker = DeliveryWorker(batch_age_seconds=3600.0)
    for number in range(10):
        worker.submit(sample(exporter, number))
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert exporter.payloads == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert worker.statistics().rejected == {error.__name__: 1}
    assert len(warnings) == 1
    assert f"{error.__name__} at test_core_delivery.py:" in warnings[0]
    assert " in stumble" in warnings[0]
    assert "hunter2" not in warnings[0]


def test_submit_never_raises(warnings: list[str]) -> None:
    worker = DeliveryWorker()
    worker.submit(None)  # type: ignore[arg-type]
    assert len(warnings) == 1
    assert worker.statistics().submitted == 0


def test_submitting_is_cheap_and_wakes_the_worker_rarely() -> None:
    """Ten thousand records make no more attempts than full batches, the first and the last."""
    gate = threading.Event()
    exporter = MemoryExporter(fail=lambda records: _wait(gate))
    worker = DeliveryWorker(batch_count=1000, batch_age_seconds=3600.0)
    for number in range(10_000):
        worker.submit(sample(exporter, number))
    assert exporter.attempts <= 1
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert exporter.attempts == 10
    assert worker.statistics().worker_cpu_seconds > 0


def test_nothing_is_lost_between_several_threads() -> None:
    luck = random.Random(0)
    arrived: list[Record] = []

    def stumble(records: Sequence[Record]) -> None:
        draw = luck.random()
        if draw < 0.2:
            raise unavailable()
        if draw < 0.3:
            raise RejectedError("unlucky", cause="http_400")
        arrived.extend(records)

    exporters = [MemoryExporter(name, fail=stumble) for name in ("tracking", "tracing")]
    worker = DeliveryWorker(
        queue_bytes=2000,
        batch_count=10,
        batch_age_seconds=0.0,
        retry=RetryPolicy(initial_seconds=0.0001, maximum_seconds=0.0002),
    )

    def produce(thread: int) -> None:
        for number in range(300):
            record = sample(exporters[number % 2], number, key=f"eval-{thread}")
            worker.submit(control(exporters[0], number) if number % 50 == 0 else record)
            statistics = worker.statistics()
            assert statistics.submitted == statistics.delivered + statistics.pending + sum(
                statistics.rejected.values()
            )

    threads = [threading.Thread(target=produce, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worker.flush(DEADLINE_SECONDS).delivered
    statistics = worker.statistics()
    assert statistics.submitted == 6 * 300
    assert statistics.pending == 0
    assert statistics.held_bytes == 0
    assert statistics.oldest_age_seconds is None
    assert len(arrived) == statistics.delivered
    assert statistics.delivered + sum(statistics.rejected.values()) == 6 * 300
    for producer in range(6):
        numbers = [
            record.reference[1]
            for record in arrived
            if record.exporter is exporters[0]
            and record.reference
            and record.key == f"eval-{producer}"
        ]
        assert all(int(a) < int(b) for a, b in pairwise(numbers))


def test_statistics_by_exporter_with_age_and_since(clock: VirtualClock) -> None:
    gate = threading.Event()
    slow = MemoryExporter("tracing", fail=lambda records: _wait(gate))
    worker = DeliveryWorker(clock=clock)
    worker.submit(control(MemoryExporter("tracking"), "start"))
    assert worker.flush(DEADLINE_SECONDS).delivered
    earlier = worker.statistics()
    worker.submit(control(slow, "start"))
    clock.time += 5.0
    statistics = worker.statistics()
    assert statistics.pending == 1
    assert statistics.oldest_age_seconds == 5.0
    assert statistics.exporters["tracking"].oldest_age_seconds is None
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).delivered
    added = worker.statistics().since(earlier)
    assert {name: counts.delivered for name, counts in added.exporters.items()} == {
        "tracking": 0,
        "tracing": 1,
    }
    assert added.delivered == added.submitted == 1


def test_the_thread_sees_nothing_of_the_context_that_submits() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("active_sample")
    variable.set("sample")
    seen: list[str | None] = []
    exporter = MemoryExporter(fail=lambda records: seen.append(variable.get(None)))
    worker = DeliveryWorker()
    worker.submit(control(exporter, "start"))
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert seen == [None]
    assert threading.current_thread().name != THREAD_NAME


def test_an_exporter_may_submit_further_records() -> None:
    exporter = MemoryExporter()
    worker = DeliveryWorker()

    def follow_up(records: Sequence[Record]) -> None:
        if records[0].payload == "start":
            worker.submit(control(exporter, "end"))

    exporter.fail = follow_up
    worker.submit(control(exporter, "start"))
    _wait_until_delivered(worker, 2)
    assert exporter.payloads == ["start", "end"]


def _number(record: Record) -> int:
    assert isinstance(record.payload, int)
    return record.payload


def _wait(gate: threading.Event) -> None:
    assert gate.wait(DEADLINE_SECONDS)


def _wait_until_delivered(worker: DeliveryWorker, count: int) -> None:
    """Wait without a flush, which would cut the pauses short."""
    tick = threading.Event()
    for _ in range(int(DEADLINE_SECONDS / 0.005)):
        if worker.statistics().delivered == count:
            return
        tick.wait(0.005)
    raise AssertionError(worker.statistics())


def test_a_deferred_exporter_is_made_once_and_by_the_worker() -> None:
    made: list[tuple[MemoryExporter, str]] = []

    def make() -> MemoryExporter:
        made.append((MemoryExporter(), threading.current_thread().name))
        return made[-1][0]

    deferred = DeferredExporter("tracking", make)
    assert deferred.name == "tracking" and not made
    worker = DeliveryWorker()
    for number in range(3):
        worker.submit(Record(deferred, "eval", number))
        assert worker.flush(DEADLINE_SECONDS).delivered
    ((exporter, thread),) = made
    assert thread == THREAD_NAME
    assert exporter.payloads == [0, 1, 2]
    assert deferred.exporter is exporter


def test_an_exporter_that_cannot_be_made_is_told_of_and_tried_again(warnings: list[str]) -> None:
    exporter = MemoryExporter()
    failures = iter([ImportError("no module named requests")])

    def make() -> MemoryExporter:
        for failure in failures:
            raise failure
        return exporter

    deferred = DeferredExporter("tracking", make)
    worker = DeliveryWorker()
    worker.submit(Record(deferred, "eval", "first"))
    worker.flush(DEADLINE_SECONDS)
    worker.submit(Record(deferred, "eval", "second"))
    worker.flush(DEADLINE_SECONDS)
    assert exporter.payloads == ["second"]
    assert worker.statistics().rejected == {"ImportError": 1}
    (warning,) = warnings
    assert "tracking" in warning and "no module named requests" in warning
