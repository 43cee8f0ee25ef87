"""What has to be written so that a trace says of a scanner what its latest scan says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from inspect_mlflow_core.connection import AssessmentRecord, KeptAssessment

__all__ = ["PREFIX_CHARACTERS", "Plan", "group_prefix", "push_plan"]

_HALF_BYTES: Final = 8

PREFIX_CHARACTERS: Final = 2 + 2 * _HALF_BYTES
"""How long the beginning is that the ids of one scanner's assessments have in common."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between what a trace has and what it should have of one scanner.

    Args:
        create: What is missing.
        delete: Ids of what an earlier scan said.
        unchanged: How many are there already.
        superseded: Whether the trace has what a later scan said, so that nothing is to be done.
    """

    create: tuple[AssessmentRecord, ...] = ()
    delete: tuple[str, ...] = ()
    unchanged: int = 0
    superseded: bool = False


def group_prefix(trace_id: str, transcript_id: str, scanner_key: str, scanner_name: str) -> str:
    """What the ids of all assessments by a scanner of a transcript on a trace begin with.

    Version and arguments of the scanner are no part of it: a scanner that was improved replaces
    what it said before.

    Args:
        trace_id: MLflow's id.
        transcript_id: Scout's id; a trace may hold several transcripts.
        scanner_key: Name of the scanner within its scan, by which assessments are named.
        scanner_name: Name of the scanner itself.
    """
    return "a-" + _digest(["scout", trace_id, transcript_id, scanner_key, scanner_name])


def push_plan(
    prefix: str,
    records: Sequence[AssessmentRecord],
    kept: Mapping[str, Sequence[KeptAssessment]],
    latest_ms: int,
) -> Plan:
    """Compare what a scan says with what a trace has.

    The id of an assessment is a digest of its content. So the same result is never written twice,
    whoever pushes it, and what has another id was said by another scan or another version.

    Args:
        prefix: See `group_prefix`.
        records: What the scan says, without ids.
        kept: What scans have said of the trace before, by the beginnings of ids.
        latest_ms: When the scanner recorded the last of it, milliseconds since the epoch.
    """
    own = kept.get(prefix, ())
    if any(each.create_time_ms > latest_ms for each in own):
        return Plan(superseded=True)
    wanted = _identified(prefix, records)
    there = {each.assessment_id for each in own}
    create = tuple(record for key, record in wanted.items() if key not in there)
    delete = tuple(key for key in sorted(there) if key not in wanted)
    return Plan(create, delete, unchanged=len(wanted) - len(create))


def _identified(prefix: str, records: Sequence[AssessmentRecord]) -> dict[str, AssessmentRecord]:
    identified: dict[str, AssessmentRecord] = {}
    for record in records:
        identifier = prefix + _digest(asdict(record))
        identified[identifier] = replace(record, assessment_id=identifier)
    return identified


def _digest(content: Any) -> str:
    # JSON keeps parts apart, whatever characters they have.
    text = json.dumps(content, sort_keys=True, default=str).encode("ascii")
    return hashlib.sha256(text).digest()[:_HALF_BYTES].hex()
