"""How many requests a server is sent at a time: as many as it answers sooner for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import fmean
from typing import Final, TypeAlias

from inspect_mlflow_core.exceptions import RetryableError

# Of the time that a request takes alone, over the time it takes among others: 1 where they do not
# disturb each other, 1/n where a server deals with n of them one after the other.
_RAISE_ABOVE: Final = 0.8
_LOWER_BELOW: Final = 0.6
_REQUESTS_UNTIL_NEXT_TRY: Final = 16
# How long a request takes alone is asked again from time to time, as servers and networks change.
_ALONE_EVERY_SECONDS: Final = 10.0
_ALONE_REQUESTS: Final = 2
_ALONE_WEIGHT: Final = 0.3


class AdaptiveConcurrency:
    """Finds how many requests at a time a server is quickest with.

    One that is far away answers twelve of them as soon as one. One on this machine, or with a
    single worker, takes turns with them and loses time at that. As TCP Vegas does
    (L. Brakmo and L. Peterson, "TCP Vegas: End to End Congestion Avoidance on a Global Internet",
    IEEE Journal on Selected Areas in Communications 13(8), 1995), the time that a request takes
    is held against what one takes alone: the rest it has waited for others. Doubling at first,
    then in steps of one.

    Args:
        most: The largest limit, at least 1.
        clock: Seconds that never go back; replaced in tests.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._limit = 1
        self._under_way = 0
        self._round: list[float] = []
        self._doubling = True
        self._until_next_try = _ALONE_REQUESTS
        # The first request opens the connection and tells nothing.
        self._connected = False
        self._alone_seconds: float | None = None
        self._alone_left = _ALONE_REQUESTS
        self._next_alone_at = clock() + _ALONE_EVERY_SECONDS

    def __repr__(self) -> str:
        """Tell the limits."""
        return f"AdaptiveConcurrency(limit={self._limit}, most={self.most})"

    @property
    def limit(self) -> int:
        """Requests that may be under way at this moment, from 1 to `most`."""
        return 1 if self._alone_left else self._limit

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Take the time of a request; for those only that give a server about the same work.

        One that gets no answer, or that the server cannot take now, halves the limit.
        """
        with self._lock:
            self._under_way += 1
            under_way = self._under_way
        began = self._clock()
        try:
            yield
        except RetryableError:
            with self._lock:
                self._lower_to(self._limit // 2)
            raise
        else:
            with self._lock:
                self._take(self._clock() - began, under_way)
        finally:
            with self._lock:
                self._under_way -= 1

    def _take(self, seconds: float, under_way: int) -> None:
        if not self._connected:
            self._connected = True
            return
        if under_way == self.limit == 1:
            self._take_alone(seconds)
        if under_way >= self._limit:
            self._until_next_try -= 1
            self._round.append(seconds)
            if len(self._round) >= self._limit:
                self._end_round()
        if self._clock() >= self._next_alone_at:
            self._alone_left = _ALONE_REQUESTS

    def _take_alone(self, seconds: float) -> None:
        before = seconds if self._alone_seconds is None else self._alone_seconds
        self._alone_seconds = before + _ALONE_WEIGHT * (seconds - before)
        self._alone_left = max(0, self._alone_left - 1)
        self._next_alone_at = self._clock() + _ALONE_EVERY_SECONDS

    def _end_round(self) -> None:
        seconds = fmean(self._round)
        self._round.clear()
        undisturbed = (self._alone_seconds or 0.0) / seconds if seconds > 0.0 else 1.0
        if self._limit > 1 and undisturbed < _LOWER_BELOW:
            self._lower_to(self._limit - 1)
        elif self._until_next_try <= 0 and (self._limit == 1 or undisturbed > _RAISE_ABOVE):
            self._limit = min(self.most, self._limit * 2 if self._doubling else self._limit + 1)
            self._until_next_try = 0 if self._doubling else _REQUESTS_UNTIL_NEXT_TRY

    def _lower_to(self, limit: int) -> None:
        self._doubling = self._doubling and self._limit == 1
        self._limit = max(1, limit)
        self._until_next_try = _REQUESTS_UNTIL_NEXT_TRY
        self._round.clear()


Concurrency: TypeAlias = int | AdaptiveConcurrency
"""Requests that may be under way at a time; 0 where the caller had better make them itself."""
