"""The byte-bounded queue: which records wait, which lose their payload, which go out together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from inspect_mlflow_core.delivery._records import Record

__all__ = ["Entry", "RecordQueue"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record in the queue: its place in the order of submission, and when it came."""

    record: Record
    sequence: int
    submitted_at: float


@dataclass(slots=True)
class _Lane:
    """The waiting records of one exporter, oldest first."""

    entries: deque[Entry] = field(default_factory=deque)
    size_bytes: int = 0

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.size_bytes += entry.record.size_bytes

    def pop(self) -> Entry:
        entry = self.entries.popleft()
        self.size_bytes -= entry.record.size_bytes
        return entry


class RecordQueue:
    """Records that wait for the worker. Not thread-safe: the worker guards it with its lock.

    Each exporter has its own lane, so that the interleaved records of two exporters still form
    batches. A control record is a barrier: nothing passes it in either direction.

    When the payloads would exceed the bound, the *incoming* record loses its payload. Any sample
    can be read back from the eval log, so none is worth more than another; taking the newest
    costs nothing to choose, and never touches a payload that an attempt is already using.

    Args:
        queue_bytes: Bound of the payloads that are queued or in flight.
        batch_count: Records in a full batch.
        batch_bytes: Bytes in a full batch (a larger single record is a batch of its own).
        batch_age_seconds: Longest time that a record waits for others to join it.
    """

    def __init__(
        self, queue_bytes: int, batch_count: int, batch_bytes: int, batch_age_seconds: float
    ) -> None:
        self.queue_bytes = queue_bytes
        self._batch_count = max(1, batch_count)
        self._batch_bytes = batch_bytes
        self._batch_age_seconds = batch_age_seconds
        self._lanes: dict[int, _Lane] = {}
        self._barriers: deque[int] = deque()
        self.held_bytes = 0
        self.last_sequence = 0

    def __iter__(self) -> Iterator[Entry]:
        """Everything that waits, in no particular order."""
        for lane in self._lanes.values():
            yield from lane.entries

    def append(self, record: Record, now: float) -> Entry:
        """Take a record in, without its payload when that would exceed the bound."""
        if not record.is_control and self.held_bytes + record.held_bytes > self.queue_bytes:
            record = record.without_payload()
        self.last_sequence += 1
        entry = Entry(record, self.last_sequence, now)
        self._lanes.setdefault(id(record.exporter), _Lane()).append(entry)
        if record.is_control:
            self._barriers.append(entry.sequence)
        self.held_bytes += record.held_bytes
        return entry

    def release(self, entry: Entry) -> None:
        """Give back the bytes of a taken record that is done with."""
        self.held_bytes -= entry.record.held_bytes

    @property
    def oldest_sequence(self) -> int | None:
        """Place of the record that has waited longest, `None` when nothing waits."""
        lane = self._oldest_lane()
        return None if lane is None else lane.entries[0].sequence

    def seconds_until_due(self, now: float, flush_sequence: int) -> float | None:
        """Time until a batch should go out: 0 for at once, `None` when nothing waits."""
        oldest = self._oldest_lane()
        if oldest is None:
            return None
        head = oldest.entries[0]
        if self._barriers or head.sequence <= flush_sequence or self._full_lane() is not None:
            return 0.0
        return max(0.0, head.submitted_at + self._batch_age_seconds - now)

    def take(self, now: float, flush_sequence: int) -> list[Entry]:
        """Remove the batch that is due, empty when none is.

        Args:
            now: The current time, on the clock of `append`.
            flush_sequence: Records up to this place go out without waiting for others.
        """
        if self.seconds_until_due(now, flush_sequence) != 0.0:
            return []
        full = None if self._barriers else self._full_lane()
        lane = full or self._oldest_lane()
        return [] if lane is None else self._take_from(lane)

    def _take_from(self, lane: _Lane) -> list[Entry]:
        exporter_id = id(lane.entries[0].record.exporter)
        batch: list[Entry] = []
        size_bytes = 0
        while lane.entries and len(batch) < self._batch_count:
            entry = lane.entries[0]
            size_bytes += entry.record.size_bytes
            if batch and size_bytes > self._batch_bytes or not self._may_go(entry):
                break
            batch.append(lane.pop())
            if entry.record.is_control:
                self._barriers.popleft()
                break
        if not lane.entries:
            del self._lanes[exporter_id]
        return batch

    def _may_go(self, entry: Entry) -> bool:
        """True when nothing that must come first is still waiting."""
        if not self._barriers or entry.sequence < self._barriers[0]:
            return True
        return entry.sequence == self._barriers[0] == self.oldest_sequence

    def _oldest_lane(self) -> _Lane | None:
        return min(self._lanes.values(), key=lambda lane: lane.entries[0].sequence, default=None)

    def _full_lane(self) -> _Lane | None:
        for lane in self._lanes.values():
            if len(lane.entries) >= self._batch_count or lane.size_bytes >= self._batch_bytes:
                return lane
        return None
