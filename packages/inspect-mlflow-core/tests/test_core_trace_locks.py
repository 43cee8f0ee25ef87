"""Writes of one trace wait for each other, those of different traces do not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from inspect_mlflow_core.connection._trace_locks import TraceLocks

PATIENCE_SECONDS = 20


def test_writes_of_other_traces_do_not_wait() -> None:
    locks = TraceLocks()
    with locks.of("a", "b"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(_held, locks, "c", "d").result(PATIENCE_SECONDS) == ("c", "d")


def test_a_write_waits_for_every_trace_of_it() -> None:
    locks = TraceLocks()
    entered = threading.Event()

    def wait() -> None:
        with locks.of("c", "b"):
            entered.set()

    thread = threading.Thread(target=wait)
    with locks.of("a", "b"):
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(PATIENCE_SECONDS)
    thread.join()


def test_crossing_writes_never_overlap_nor_stop_each_other() -> None:
    locks = TraceLocks()
    inside: list[str] = []
    overlaps: list[str] = []

    def write(*names: str) -> None:
        for _ in range(300):
            with locks.of(*names):
                overlaps.extend(set(inside) & set(names))
                inside.extend(names)
                for name in names:
                    inside.remove(name)

    with ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(write, *names) for names in ("ab", "bc", "ca")]
        for task in tasks:
            task.result(PATIENCE_SECONDS)
    assert not overlaps


def test_an_error_releases_the_locks() -> None:
    locks = TraceLocks()
    try:
        with locks.of("a", "a"):
            raise OSError
    except OSError:
        pass
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_held, locks, "a").result(PATIENCE_SECONDS) == ("a",)


def _held(locks: TraceLocks, *names: str) -> tuple[str, ...]:
    with locks.of(*names):
        return names
