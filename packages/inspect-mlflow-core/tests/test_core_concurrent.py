"""Calls at the same time: their order, their errors, and doing without threads."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from inspect_mlflow_core.connection import ConcurrentCalls
from inspect_mlflow_core.exceptions import RetryableError

DEADLINE_SECONDS = 30.0


def wait(what: threading.Barrier | threading.Event) -> None:
    what.wait(DEADLINE_SECONDS)


def test_calls_wait_at_the_same_time() -> None:
    everybody = threading.Barrier(4, timeout=DEADLINE_SECONDS)
    with ConcurrentCalls(3) as calls:
        for _ in range(3):
            calls.start(partial(wait, everybody))
        everybody.wait()


def test_past_the_limit_the_caller_makes_the_call() -> None:
    gate = threading.Event()
    threads: list[threading.Thread] = []
    with ConcurrentCalls(1) as calls:
        calls.start(partial(wait, gate))
        calls.start(lambda: threads.append(threading.current_thread()))
        gate.set()
    assert threads == [threading.current_thread()]


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
