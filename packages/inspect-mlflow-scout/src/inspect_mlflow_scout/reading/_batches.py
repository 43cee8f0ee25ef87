"""Loading traces ahead of who takes them, never more than are wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final

from ._reader import TraceReader, UnreadableTrace
from ._records import SourceTrace

__all__ = ["load_in_batches"]

_BATCH: Final = 10
"""As many as MLflow's server gives at once (`BatchGetTraces`)."""


def load_in_batches(
    reader: TraceReader, trace_ids: Iterator[str], still_wanted: Callable[[], int | None]
) -> Iterator[Sequence[SourceTrace | UnreadableTrace]]:
    """Loads traces batch by batch, the next ones while the last are being used.

    Args:
        reader: Where from.
        trace_ids: Which; asked for as they are needed.
        still_wanted: How many more are wanted at this moment, of those that were not yielded yet;
            None for all. May fall more slowly than traces are yielded, where some are of no use.

    Yields:
        At most ten traces, in the order of `trace_ids`.

    Raises:
        RetryableError: The store does not answer.
        RejectedError: The store refuses.
    """
    under_way: deque[tuple[int, Future[list[SourceTrace | UnreadableTrace]]]] = deque()
    with ThreadPoolExecutor(reader.concurrency, thread_name_prefix="mlflow-traces") as threads:
        try:
            while True:
                while len(under_way) <= reader.concurrency:
                    wanted = still_wanted()
                    loading = sum(count for count, _ in under_way)
                    room = _BATCH if wanted is None else min(_BATCH, wanted - loading)
                    batch = list(islice(trace_ids, max(0, room)))
                    if not batch:
                        break
                    under_way.append((len(batch), threads.submit(reader.load, batch)))
                if not under_way:
                    return
                yield under_way.popleft()[1].result()
        finally:
            for _, future in under_way:
                future.cancel()
