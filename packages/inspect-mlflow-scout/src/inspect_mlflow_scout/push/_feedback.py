"""Rows of scan results as the assessments of a trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from inspect_mlflow_core.connection import AssessmentRecord, AssessmentSource
from inspect_mlflow_core.conversion import (
    ASSESSMENT_SOURCE_CHARACTERS,
    NameTable,
    mask_text,
    stored_text,
)

from ._references import SpanIndex
from ._result_metadata import finding_metadata, row_metadata
from ._scan import Row, ScannerInfo
from ._texts import ERROR_CHARACTERS, RATIONALE_CHARACTERS, bounded_text, bounded_value
from ._values import Finding, findings, json_value, unusable_number

__all__ = ["MOST_ASSESSMENTS", "Mapped", "ScanFacts", "row_time_ms", "scan_assessments"]

MOST_ASSESSMENTS: Final = 200
"""Of one scanner on one transcript; a scanner of messages may say something of each of them."""

_SCAN_ERROR: Final = "SCAN_ERROR"
_REFUSAL: Final = "REFUSAL"
_NOT_FINITE: Final = "NOT_FINITE"


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """What all results of a scanner in a scan have in common.

    Args:
        scan_id: Scout's id of the scan.
        scanner: The scanner.
        git_commit: What the scanner was at.
        model: The model of the scan.
    """

    scan_id: str
    scanner: ScannerInfo
    git_commit: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of the rows of one scanner on one transcript.

    Args:
        records: Without ids.
        without_value: How many results said nothing, so that there is nothing to record.
        left_out: How many there were beyond `MOST_ASSESSMENTS`.
    """

    records: tuple[AssessmentRecord, ...]
    without_value: int = 0
    left_out: int = 0


def scan_assessments(rows: Iterable[Row], facts: ScanFacts, spans: SpanIndex) -> Mapped:
    """Maps what a scanner found in a transcript; never fails.

    A null value is how a scanner says that it has nothing to say, so there is no assessment for
    it; false, zero and an empty text are findings.

    Args:
        rows: All rows of the scanner for the transcript: one, or one for each message or event
            that a scanner of those looked at.
        facts: Of the scanner.
        spans: Of the trace.
    """
    scanner = _Scanner(facts, spans)
    records: list[AssessmentRecord] = []
    without_value = 0
    for row in rows:
        for record in scanner.records(row):
            if record is None:
                without_value += 1
            else:
                records.append(record)
    left_out = max(0, len(records) - MOST_ASSESSMENTS)
    return Mapped(tuple(records[:MOST_ASSESSMENTS]), without_value, left_out)


def row_time_ms(row: Row) -> int:
    """When a row was recorded, milliseconds since the epoch; 0 when it does not say."""
    try:
        return round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000)
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0


class _Scanner:
    def __init__(self, facts: ScanFacts, spans: SpanIndex) -> None:
        self._facts = facts
        self._spans = spans
        # Assessments have no rule about colons, so names do not depend on the machine.
        self._names = NameTable(colon_accepted=True)

    def records(self, row: Row) -> Iterator[AssessmentRecord | None]:
        """The target of a row, then its results; None for each result that says nothing."""
        shared = _Shared(
            source=self._source(row),
            metadata=row_metadata(row, self._facts),
            time_ms=row_time_ms(row),
            inputs=_inputs(row),
        )
        target = json_value(row.get("validation_target"))
        if target is not None:
            yield self._expectation(target, shared)
        if row.get("scan_error") is not None:
            yield self._error(row, shared)
            return
        labels: Counter[str] = Counter()
        for finding in findings(row):
            labels[finding.label or ""] += 1
            if finding.value is None:
                yield None
            else:
                number = labels[finding.label or ""]
                yield self._feedback(finding, self._name(finding, number), shared)

    def _name(self, finding: Finding, number: int) -> str:
        path = [finding.label] if finding.member and finding.label else []
        if number > 1:
            path.append(str(number))
        return self._names.assign("scout", self._facts.scanner.key, *path)

    def _feedback(self, finding: Finding, name: str, shared: _Shared) -> AssessmentRecord:
        number = unusable_number(finding.value)
        return self._record(
            name,
            shared,
            value=None if number else bounded_value(finding.value),
            error_code=_NOT_FINITE if number else None,
            error_message=f"the value is {number}, which MLflow cannot hold" if number else None,
            rationale=_rationale(finding),
            metadata={**shared.metadata, **finding_metadata(finding)},
            span_id=self._span((*_referred(finding), *shared.inputs)),
        )

    def _error(self, row: Row, shared: _Shared) -> AssessmentRecord:
        refused = row.get("scan_error_type") == "refusal"
        return self._record(
            self._names.assign("scout", self._facts.scanner.key),
            shared,
            error_code=_REFUSAL if refused else _SCAN_ERROR,
            error_message=bounded_text(mask_text(str(row["scan_error"])), ERROR_CHARACTERS),
            span_id=self._span(shared.inputs),
        )

    def _expectation(self, target: Any, shared: _Shared) -> AssessmentRecord:
        number = unusable_number(target)
        return self._record(
            self._names.assign("scout", self._facts.scanner.key),
            shared,
            kind="expectation",
            value=number or bounded_value(target),
            # Somebody wrote the validation set.
            source_type="HUMAN",
            source_id="validation",
            span_id=self._span(shared.inputs),
        )

    def _record(self, name: str, shared: _Shared, **fields: Any) -> AssessmentRecord:
        source_type, source_id = shared.source
        common: dict[str, Any] = {
            "assessment_id": "",
            "name": name,
            "kind": "feedback",
            "value": None,
            "source_type": source_type,
            "source_id": source_id,
            "create_time_ms": shared.time_ms,
            "last_update_time_ms": shared.time_ms,
            "metadata": shared.metadata,
        }
        return AssessmentRecord(**{**common, **fields})

    def _span(self, references: Iterable[tuple[str, str]]) -> str | None:
        for kind, identifier in references:
            span_id = self._spans.span_of(kind, identifier)
            if span_id is not None:
                return span_id
        return self._spans.own

    def _source(self, row: Row) -> tuple[AssessmentSource, str]:
        if (row.get("scan_total_tokens") or 0) > 0:
            usage = json_value(row.get("scan_model_usage"))
            models = ", ".join(usage) if isinstance(usage, Mapping) else ""
            return "LLM_JUDGE", _source_id(models or self._facts.model or "unknown model")
        scanner = self._facts.scanner
        return "CODE", _source_id(f"{scanner.name}@{scanner.version}")


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all results in one row have in common."""

    source: tuple[AssessmentSource, str]
    metadata: Mapping[str, str]
    time_ms: int
    inputs: tuple[tuple[str, str], ...]


def _rationale(finding: Finding) -> str | None:
    parts = [finding.explanation or ""]
    if finding.answer and finding.answer not in (finding.explanation, finding.value):
        parts.append(f"Answer: {finding.answer}")
    return bounded_text("\n\n".join(filter(None, parts)), RATIONALE_CHARACTERS) or None


def _referred(finding: Finding) -> Iterator[tuple[str, str]]:
    for reference in finding.references:
        kind, identifier = reference.get("type"), reference.get("id")
        if isinstance(kind, str) and isinstance(identifier, str):
            yield kind, identifier


def _inputs(row: Row) -> tuple[tuple[str, str], ...]:
    """The message or event that the scanner looked at, if not at the whole transcript."""
    kind, identifiers = row.get("input_type"), json_value(row.get("input_ids"))
    if kind not in ("message", "event") or not isinstance(identifiers, list):
        return ()
    return tuple((kind, each) for each in identifiers if isinstance(each, str))


def _source_id(name: str) -> str:
    return stored_text(name, ASSESSMENT_SOURCE_CHARACTERS)
