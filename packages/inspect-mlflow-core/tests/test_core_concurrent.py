"""Calls at the same time: their order, their errors, and doing without threads."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from inspect_mlflow_core.connection import AdaptiveConcurrency, ConcurrentCalls
from inspect_mlflow_core.exceptions import RetryableError

DEADLINE_SECONDS = 30.0


def wait(what: threading.Barrier | threading.Event) -> None:
    what.wait(DEADLINE_SECONDS)


class Count:
    """Counts calls, and how many were under way at a time."""

    def __init__(self) -> None:
        self.made = self.most = self._now = 0
        self._lock = threading.Lock()

    def call(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.005)
        with self._lock:
            self._now -= 1
            self.made += 1


def test_calls_wait_at_the_same_time() -> None:
    everybody = threading.Barrier(4, timeout=DEADLINE_SECONDS)
    with ConcurrentCalls(3) as calls:
        for _ in range(3):
            calls.start(partial(wait, everybody))
        everybody.wait()


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_calls_than_the_limit_at_a_time(limit: int) -> None:
    count = Count()
    with ConcurrentCalls(limit) as calls:
        for _ in range(10):
            calls.start(count.call)
    assert count.made == 10
    assert count.most == limit


def test_calls_of_one_thread_are_made_in_order() -> None:
    made: list[int] = []
    with ConcurrentCalls(1) as calls:
        for number in range(5):
            calls.start(partial(made.append, number))
    assert made == [0, 1, 2, 3, 4]


def test_the_caller_goes_on_while_as_many_calls_wait_as_may_be_made() -> None:
    gate = threading.Event()
    started: list[int] = []
    with ConcurrentCalls(2) as calls:

        def start_five() -> None:
            for number in range(5):
                calls.start(partial(wait, gate))
                started.append(number)

        starter = threading.Thread(target=start_five)
        starter.start()
        while len(started) < 4:
            time.sleep(0.001)
        time.sleep(0.05)
        assert started == [0, 1, 2, 3]
        gate.set()
        starter.join(DEADLINE_SECONDS)
    assert started == [0, 1, 2, 3, 4]


def test_a_limit_that_grows_holds_for_the_calls_that_wait() -> None:
    limit = AdaptiveConcurrency(4, clock=lambda: 0.0)
    count = Count()

    def call() -> None:
        with limit.measured():
            count.call()

    with ConcurrentCalls(limit) as calls:
        for _ in range(60):
            calls.start(call)
    assert count.made == 60
    # On this clock a request takes as long alone as among others.
    assert limit.limit == count.most == 4


def test_where_no_thread_can_be_started_the_caller_makes_the_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    makers: list[threading.Thread] = []
    with ConcurrentCalls(3) as calls:
        for _ in range(10):
            calls.start(lambda: makers.append(threading.current_thread()))
    assert makers == [threading.current_thread()] * 10


def test_without_threads_calls_are_made_in_order() -> None:
    made: list[int] = []
    with ConcurrentCalls(0) as calls:
        for number in range(5):
            calls.start(partial(made.append, number))
        assert not calls.failed
    assert made == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("limit", [0, 4])
def test_the_first_error_is_raised_and_stops_what_has_not_begun(limit: int) -> None:
    made: list[str] = []

    def fail() -> None:
        raise RetryableError("no answer", cause="timeout", unreachable=True)

    def work() -> None:
        with ConcurrentCalls(limit) as calls:
            calls.start(fail)
            with pytest.raises(RetryableError, match="no answer"):
                calls.wait()
            assert calls.failed
            calls.start(lambda: made.append("late"))

    with pytest.raises(RetryableError, match="no answer"):
        work()
    assert made == []


def test_an_error_of_the_block_itself_waits_for_the_calls() -> None:
    ended = threading.Event()

    def end_late() -> None:
        time.sleep(0.05)
        ended.set()

    def work() -> None:
        with ConcurrentCalls(2) as calls:
            calls.start(end_late)
            raise KeyError("block")

    with pytest.raises(KeyError, match="block"):
        work()
    assert ended.is_set()


def test_calls_that_wait_are_made_when_the_block_itself_fails() -> None:
    count = Count()

    def work() -> None:
        with ConcurrentCalls(1) as calls:
            calls.start(count.call)
            calls.start(count.call)
            raise KeyError("block")

    with pytest.raises(KeyError, match="block"):
        work()
    assert count.made == 2


def test_an_interrupted_block_waits_only_for_what_is_under_way() -> None:
    begun, gate = threading.Event(), threading.Event()
    made: list[str] = []

    def first() -> None:
        begun.set()
        wait(gate)
        made.append("first")

    def work() -> None:
        with ConcurrentCalls(1) as calls:
            calls.start(first)
            calls.start(lambda: made.append("second"))
            wait(begun)
            threading.Timer(0.05, gate.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert made == ["first"]
