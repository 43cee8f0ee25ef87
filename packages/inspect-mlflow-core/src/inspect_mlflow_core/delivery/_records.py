"""What travels from a hook to the worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

__all__ = ["Exporter", "Record"]


class Exporter(Protocol):
    """Writes batches of records to MLflow, on the worker thread."""

    @property
    def name(self) -> str:
        """Short name shown in statistics and messages, such as `"tracking"`."""
        ...

    def export(self, records: Sequence[Record]) -> None:
        """Write these records, in this order.

        Must be idempotent: after a failure the same records come again, whole or in halves,
        although part of them may have arrived.

        Args:
            records: At least one record; a record whose `payload` is `None` although it has a
                `reference` was shed, and its sample is to be read back from the eval log.

        Raises:
            RetryableError: Trying again later can help; nothing is lost meanwhile.
            RejectedError: The server refuses the content. The batch is halved until the
                records to blame are found; those are counted and given up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """One thing to write to MLflow.

    Order is kept between the records of one exporter and key, and between every record and
    every control record. Sample records of *different* exporters may overtake each other
    between two control records, so that interleaved records still form batches.

    Args:
        exporter: Who writes it.
        key: What it belongs to, usually an `eval_id`.
        payload: What the exporter needs; `None` after shedding.
        size_bytes: Approximate memory that the payload holds, kept after shedding so that
            batches stay within their size when the samples are read back.
        reference: `(eval_id, sample id, epoch)`: what survives shedding. `None` marks a control
            record (start or end of a run), which is never shed.
    """

    exporter: Exporter
    key: str
    payload: object | None
    size_bytes: int = 0
    reference: tuple[str, str | int, int] | None = None

    @property
    def is_control(self) -> bool:
        """True for a record that has no reference and therefore is never shed."""
        return self.reference is None

    @property
    def held_bytes(self) -> int:
        """Bytes that count against the queue's bound: none once the payload is gone."""
        return 0 if self.payload is None else self.size_bytes

    def without_payload(self) -> Record:
        """The record as it is delivered after shedding."""
        return replace(self, payload=None)
