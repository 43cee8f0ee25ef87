"""What an assessment tells besides its value: texts by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._scan import Row
from ._texts import (
    ANSWER_CHARACTERS,
    METADATA_CHARACTERS,
    NAME_CHARACTERS,
    PARAMS_CHARACTERS,
    REFERENCES_CHARACTERS,
    bounded_text,
    leading_items,
    masked_json,
)
from ._values import Finding

if TYPE_CHECKING:
    from ._feedback import ScanFacts

__all__ = ["TRANSCRIPT_ID", "finding_metadata", "row_metadata"]

TRANSCRIPT_ID = "scout.transcript_id"
"""Tells apart the samples in the trace of a whole evaluation."""


def row_metadata(row: Row, facts: ScanFacts) -> dict[str, str]:
    """What the assessments of a row have in common."""
    scanner = facts.scanner
    whole = row.get("input_type") in (None, "transcript")
    return _given(
        {
            "scout.scan_id": facts.scan_id,
            "scout.scanner": bounded_text(scanner.name, NAME_CHARACTERS),
            "scout.scanner_version": str(scanner.version),
            "scout.scanner_package_version": scanner.package_version,
            "scout.scanner_params": masked_json(scanner.params, PARAMS_CHARACTERS),
            "scout.git_commit": facts.git_commit,
            TRANSCRIPT_ID: row.get("transcript_id"),
            "scout.input_type": None if whole else row.get("input_type"),
            "scout.input_ids": None if whole else _text(row.get("input_ids")),
            "scout.result_uuid": row.get("uuid"),
            "scout.validation_result": _text(row.get("validation_result")),
            "scout.validation_predicate": _text(row.get("validation_predicate")),
            "scout.validation_split": _text(row.get("validation_split")),
        }
    )


def finding_metadata(finding: Finding) -> dict[str, str]:
    """What belongs to one result alone."""
    references, left_out = leading_items(finding.references, REFERENCES_CHARACTERS)
    return _given(
        {
            "scout.result_uuid": finding.uuid,
            "scout.label": bounded_text(finding.label, NAME_CHARACTERS),
            "scout.answer": bounded_text(finding.answer, ANSWER_CHARACTERS),
            "scout.metadata": masked_json(finding.metadata, METADATA_CHARACTERS),
            "scout.references": references if finding.references else None,
            "scout.references_left_out": str(left_out) if left_out else None,
        }
    )


def _text(value: Any) -> str:
    return bounded_text(value, NAME_CHARACTERS) if isinstance(value, str) else ""


def _given(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
