"""The way from the rows of a scan to one result for each transcript and trace."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from inspect_mlflow_core.connection import Concurrency, ConcurrentCalls
from inspect_mlflow_core.exceptions import DeliveryError
from inspect_mlflow_core.sync import Progress

from ._feedback import Mapped, ScanFacts, row_time_ms, scan_assessments
from ._indexes import TraceIndexes
from ._match import Target, TraceMatcher
from ._plan import Plan, group_prefix, push_plan
from ._references import EMPTY_INDEX, SpanIndex
from ._report import PushAction, PushResult
from ._scan import Row, Scan, TranscriptKey
from ._values import findings
from ._write import AssessmentWriter

__all__ = ["ScanPush"]

_NO_TRACE = "no trace has this transcript in the experiments that were searched"


class ScanPush:
    """One push of a scan.

    Args:
        scan: What to push.
        matcher: Finds traces.
        indexes: Reads their spans.
        writer: Writes assessments; None when nothing is to be written.
        progress: Called as the work goes on.
    """

    def __init__(
        self,
        scan: Scan,
        matcher: TraceMatcher,
        indexes: TraceIndexes,
        writer: AssessmentWriter | None,
        progress: Progress | None = None,
    ) -> None:
        self._scan = scan
        self._matcher = matcher
        self._indexes = indexes
        self._writer = writer
        self._progress = progress or (lambda _what, _done, _total: None)
        self._results: dict[int, PushResult] = {}
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0

    def results(
        self, scanners: Sequence[str], *, concurrency: Concurrency
    ) -> tuple[PushResult, ...]:
        """Match all transcripts, then bring each trace up to date.

        Args:
            scanners: Which of the scan.
            concurrency: Most traces at a time.

        Raises:
            ScanReadError: The results cannot be read.
            DeliveryError: Traces cannot be looked for.
        """
        counts, keys = self._contents(scanners)
        targets = self._targets(keys)
        self._total = sum(map(len, counts.values()))
        position = 0
        with ConcurrentCalls(concurrency) as calls:
            for scanner, count in counts.items():
                for transcript_id, rows in self._transcripts(scanner, count):
                    found = targets[transcript_id]
                    for target in found or (None,):
                        call = partial(self._finish, position, scanner, rows, target)
                        calls.start(call)
                        position += 1
        return tuple(self._results[each] for each in sorted(self._results))

    def _contents(
        self, scanners: Sequence[str]
    ) -> tuple[dict[str, Counter[str]], dict[str, TranscriptKey]]:
        """How many rows there are of each transcript, and all transcripts."""
        counts: dict[str, Counter[str]] = {}
        keys: dict[str, TranscriptKey] = {}
        for scanner in scanners:
            counts[scanner] = Counter()
            for key in self._scan.transcripts(scanner):
                counts[scanner][key.transcript_id] += 1
                keys.setdefault(key.transcript_id, key)
        return counts, keys

    def _targets(self, keys: Mapping[str, TranscriptKey]) -> dict[str, tuple[Target, ...]]:
        targets: dict[str, tuple[Target, ...]] = {}
        self._progress("matching", 0, len(keys))
        for transcript_id, found in self._matcher.match(keys.values()):
            targets[transcript_id] = found
            self._progress("matching", len(targets), len(keys))
        return targets

    def _transcripts(
        self, scanner: str, count: Mapping[str, int]
    ) -> Iterator[tuple[str, list[Row]]]:
        """The rows of each transcript together, wherever in the scan they are."""
        gathered: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self._scan.rows(scanner):
            transcript_id = row["transcript_id"]
            gathered[transcript_id].append(row)
            if len(gathered[transcript_id]) == count[transcript_id]:
                yield transcript_id, gathered.pop(transcript_id)
        # Rows that went missing while the scan was read.
        yield from gathered.items()

    def _finish(
        self, position: int, scanner: str, rows: Sequence[Row], target: Target | None
    ) -> None:
        result = self._result(scanner, rows, target)
        with self._lock:
            self._results[position] = result
            self._done += 1
            self._progress(scanner, self._done, max(self._total, self._done))

    def _result(self, scanner: str, rows: Sequence[Row], target: Target | None) -> PushResult:
        transcript_id = rows[0]["transcript_id"]
        if target is None:
            return PushResult(scanner, transcript_id, "unmatched", reason=_NO_TRACE)
        trace_id = target.trace_id
        try:
            spans = self._spans(rows, target)
        except DeliveryError as error:
            return PushResult(scanner, transcript_id, "failed", trace_id, reason=str(error))
        mapped = scan_assessments(rows, self._facts(scanner), spans)
        info = self._scan.scanners[scanner]
        prefix = group_prefix(trace_id, transcript_id, info.key, info.name)
        plan = push_plan(prefix, mapped.records, target.kept, max(map(row_time_ms, rows)))
        problem = self._writer.write(trace_id, plan) if self._writer is not None else ""
        if problem:
            return PushResult(scanner, transcript_id, "failed", trace_id, reason=problem)
        return self._told(scanner, transcript_id, trace_id, plan, mapped)

    def _told(
        self, scanner: str, transcript_id: str, trace_id: str, plan: Plan, mapped: Mapped
    ) -> PushResult:
        return PushResult(
            scanner,
            transcript_id,
            _action(plan, dry_run=self._writer is None),
            trace_id,
            written=len(plan.create),
            removed=len(plan.delete),
            unchanged=plan.unchanged,
            without_value=mapped.without_value,
            left_out=mapped.left_out,
        )

    def _spans(self, rows: Sequence[Row], target: Target) -> SpanIndex:
        # Most results are about a transcript as a whole: its spans need not be read for them.
        if not target.shared and not any(map(_refers, rows)):
            return EMPTY_INDEX
        index = self._indexes.read(target.trace_id).of(target.sample_uuid)
        return index if target.shared else index.without_own()

    def _facts(self, scanner: str) -> ScanFacts:
        scan = self._scan
        return ScanFacts(scan.scan_id, scan.scanners[scanner], scan.git_commit, scan.model)


def _refers(row: Row) -> bool:
    if row.get("input_type") in ("message", "event"):
        return True
    return any(finding.references for finding in findings(row))


def _action(plan: Plan, *, dry_run: bool) -> PushAction:
    if plan.superseded:
        return "superseded"
    if plan.create or plan.delete:
        changed = bool(plan.delete or plan.unchanged)
        if dry_run:
            return "would update" if changed else "would create"
        return "updated" if changed else "created"
    return "unchanged" if plan.unchanged else "no value"
