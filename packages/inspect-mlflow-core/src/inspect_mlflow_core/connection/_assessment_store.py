"""Assessments for traces that anybody may have written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ._adaptive_concurrency import Concurrency
from ._records import Experiment
from ._trace_records import AssessmentKind, AssessmentRecord


@dataclass(frozen=True, slots=True)
class KeptAssessment:
    """What a search tells of an assessment.

    Args:
        assessment_id: Unique in the whole store.
        name: As MLflow keeps it.
        kind: Feedback or expectation.
        create_time_ms: Milliseconds since the epoch.
    """

    assessment_id: str
    name: str
    kind: AssessmentKind
    create_time_ms: int


@dataclass(frozen=True, slots=True)
class AssessedTrace:
    """What a search tells of a trace that assessments are about.

    Args:
        trace_id: MLflow's own form of the id: `tr-<32 hexadecimal digits>`, or an older one.
        experiment_id: Where it lies.
        tags: All tags.
        assessments: All feedback and expectations.
    """

    trace_id: str
    experiment_id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    assessments: tuple[KeptAssessment, ...] = ()


@dataclass(frozen=True, slots=True)
class TracePage:
    """One page of a search.

    Args:
        traces: Oldest first.
        next_token: Asks for the next page; `""` on the last one.
    """

    traces: tuple[AssessedTrace, ...]
    next_token: str = ""


class AssessmentStore(Protocol):
    """The operations on MLflow that assessing other programs' traces needs.

    Apart from `TraceStore`, whose `start_trace` writes a trace as a whole: state, times, previews
    and tags of a trace that its own program may be writing at this moment are none of the business
    of who assesses it. Here, nothing but assessments changes. Errors as those of `TrackingStore`.

    Attributes:
        tracking_uri: As it was configured.
    """

    tracking_uri: str

    @property
    def concurrency(self) -> Concurrency:
        """See `TrackingStore`."""
        ...

    def check(self) -> str:
        """See `TrackingStore.check`."""
        ...

    def experiments(self) -> list[Experiment]:
        """Return all active experiments."""
        ...

    def search_traces(
        self, experiment_ids: Sequence[str], filter_string: str, page_token: str = ""
    ) -> TracePage:
        """Return one page of the traces that match, without their spans.

        Args:
            experiment_ids: Where to search, at least one.
            filter_string: In MLflow's language; `""` for all.
            page_token: What the page before told; `""` for the first page.
        """
        ...

    def log_assessment(self, trace_id: str, assessment: AssessmentRecord) -> None:
        """Add an assessment to a trace, which is not changed in any other way.

        May be repeated: an assessment of that id that is there already stays as it is.

        Args:
            trace_id: MLflow's own form of the id.
            assessment: With an id that stands for its content.
        """
        ...

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        """Remove an assessment of a trace; one that is not there counts as removed.

        Args:
            trace_id: MLflow's own form of the id.
            assessment_id: MLflow's id.
        """
        ...
