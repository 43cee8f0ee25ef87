"""How many requests at a time: what is learned from servers of several kinds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_core.connection import AdaptiveConcurrency
from inspect_mlflow_core.exceptions import RejectedError, RetryableError

MOST = 12


class Server:
    """Answers requests that were sent together after a time that depends on their number."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.concurrency = AdaptiveConcurrency(MOST, clock=lambda: self.now)

    def answer(self, requests: int | None = None) -> int:
        """Send as many requests as allowed, or fewer; returns how many."""
        count = self.concurrency.limit if requests is None else requests
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(self.concurrency.measured())
            self.now += self.seconds(count)
        return count

    def mean_limit(self, rounds: int) -> float:
        """Mean of the limit over requests."""
        counts = [self.answer() for _ in range(rounds)]
        return sum(count * count for count in counts) / sum(counts)


def distant(count: int) -> float:
    """100 ms away; each request keeps one of many workers busy."""
    return 0.116


def one_worker(count: int) -> float:
    """On this machine, where requests take turns."""
    return 0.016 * count


def distant_one_worker(count: int) -> float:
    """100 ms away, and requests take turns there."""
    return max(0.116, 0.016 * count)


def four_workers(count: int) -> float:
    """On this machine, with four processors."""
    return 0.016 * max(1.0, count / 4)


def test_a_distant_server_is_soon_sent_as_many_as_possible() -> None:
    server, sent = Server(distant), 0
    while server.concurrency.limit < MOST:
        sent += server.answer()
    # The first of all, two alone, two pairs; of four, and of eight, as often as they are many.
    assert sent <= 1 + 2 + 2 * 2 + 4 * 4 + 8 * 8


def test_a_server_with_one_worker_is_mostly_sent_one_at_a_time() -> None:
    assert Server(one_worker).mean_limit(500) < 1.3


@pytest.mark.parametrize(
    ("seconds", "least", "most"), [(distant_one_worker, 7, 12), (four_workers, 4, 7)]
)
def test_the_limit_settles_where_more_would_only_wait(
    seconds: Callable[[int], float], least: int, most: int
) -> None:
    server = Server(seconds)
    server.mean_limit(500)
    assert least <= server.mean_limit(500) <= most


def test_a_server_that_has_changed_is_learned_anew() -> None:
    server = Server(one_worker)
    server.mean_limit(200)
    server.seconds = distant
    server.mean_limit(2000)
    assert server.concurrency.limit == MOST
    server.seconds = one_worker
    server.mean_limit(2000)
    assert server.mean_limit(500) < 3


def test_requests_that_do_not_use_the_limit_do_not_raise_it() -> None:
    server = Server(distant)
    while server.concurrency.limit < 4:
        server.answer()
    for _ in range(200):
        server.answer(2)
    assert server.concurrency.limit == 4


def test_a_failure_that_trying_again_can_mend_halves_the_limit() -> None:
    server = Server(distant)
    while server.concurrency.limit < 8:
        server.answer()
    with pytest.raises(RetryableError), server.concurrency.measured():
        raise RetryableError("busy", cause="http_503")
    assert server.concurrency.limit == 4
    with pytest.raises(RejectedError), server.concurrency.measured():
        raise RejectedError("no", cause="http_400")
    assert server.concurrency.limit == 4
    server.mean_limit(200)
    assert server.concurrency.limit == MOST


@given(st.lists(st.tuples(st.integers(1, MOST), st.floats(0.0, 10.0), st.booleans())))
def test_the_limit_stays_between_one_and_the_most(steps: list[tuple[int, float, bool]]) -> None:
    server = Server(distant)
    for count, seconds, failing in steps:
        server.seconds = lambda _count, seconds=seconds: seconds
        if failing:
            with pytest.raises(RetryableError), server.concurrency.measured():
                raise RetryableError("busy", cause="http_503")
        server.answer(count)
        assert 1 <= server.concurrency.limit <= MOST


def test_its_text_tells_the_limits() -> None:
    assert repr(AdaptiveConcurrency(5)) == "AdaptiveConcurrency(limit=1, most=5)"
