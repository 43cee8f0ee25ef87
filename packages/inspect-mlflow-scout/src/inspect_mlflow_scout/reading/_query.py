"""Which traces are wanted, in MLflow's search language and as a test of what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from inspect_mlflow_core.connection import tag_filter

__all__ = ["TraceQuery", "time_ms"]

_SESSION = "mlflow.trace.session"
_RUN = "mlflow.sourceRun"
_IN_PROGRESS = "IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Conditions that a trace must meet, all of them.

    The server gets as much of it as its language can say; `matches` tests the rest: the language
    has no escape for quotation marks, so that a search may return too much, never too little.

    Args:
        experiment_ids: MLflow's ids of the experiments to look in.
        run_ids: Runs one of which the trace belongs to; none for any trace.
        trace_ids: The only traces to take; none for any trace.
        filter_string: Conditions in MLflow's own search language.
        tags: Tags that it has, with their exact values.
        session: The session that it belongs to.
        from_time_ms: Earliest beginning, milliseconds since the epoch.
        to_time_ms: The beginning must be before it, milliseconds since the epoch.
        include_in_progress: Whether unfinished traces are wanted.
    """

    experiment_ids: tuple[str, ...] = ()
    run_ids: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()
    filter_string: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    session: str | None = None
    from_time_ms: int | None = None
    to_time_ms: int | None = None
    include_in_progress: bool = False

    def within(self, experiment_ids: Sequence[str]) -> TraceQuery:
        """The same conditions in other experiments.

        Args:
            experiment_ids: MLflow's ids.
        """
        return replace(self, experiment_ids=tuple(experiment_ids))

    def of_single_runs(self) -> list[TraceQuery]:
        """The queries that together ask the same; MLflow's language has no "or" for runs."""
        if len(self.run_ids) < 2:
            return [self]
        return [replace(self, run_ids=(each,)) for each in dict.fromkeys(self.run_ids)]

    def search_filter(self) -> str:
        """The conditions for `search_traces`.

        Source of the language: "Search Traces" in MLflow's documentation.
        """
        terms = [self.filter_string] if self.filter_string.strip() else []
        if self.tags:
            terms.append(tag_filter(self.tags).replace(" and ", " AND "))
        if self.session is not None:
            condition = tag_filter({_SESSION: self.session}).removeprefix("tags.")
            terms.append(f"metadata.{condition}")
        if len(self.run_ids) == 1:
            terms.append(f"trace.run_id = '{self.run_ids[0]}'")
        if self.from_time_ms is not None:
            terms.append(f"trace.timestamp_ms >= {self.from_time_ms}")
        if self.to_time_ms is not None:
            terms.append(f"trace.timestamp_ms < {self.to_time_ms}")
        if not self.include_in_progress:
            terms.append(f"trace.status != '{_IN_PROGRESS}'")
        return " AND ".join(terms)

    def matches(
        self,
        *,
        state: str,
        request_time_ms: int | None,
        tags: Mapping[str, str],
        metadata: Mapping[str, str],
    ) -> bool:
        """Whether a trace meets every condition but those of `filter_string`.

        Args:
            state: MLflow's state of it.
            request_time_ms: When it began, milliseconds since the epoch.
            tags: All tags.
            metadata: All trace metadata.
        """
        return (
            (self.include_in_progress or state != _IN_PROGRESS)
            and all(tags.get(name) == value for name, value in self.tags.items())
            and (self.session is None or metadata.get(_SESSION) == self.session)
            and (not self.run_ids or metadata.get(_RUN) in self.run_ids)
            and self._in_period(request_time_ms)
        )

    def _in_period(self, time_ms: int | None) -> bool:
        if time_ms is None:
            return self.from_time_ms is None and self.to_time_ms is None
        after = self.from_time_ms is None or time_ms >= self.from_time_ms
        return after and (self.to_time_ms is None or time_ms < self.to_time_ms)


def time_ms(moment: datetime | None) -> int | None:
    """Milliseconds since the epoch; a time without a zone is one of UTC, as Scout takes it.

    Args:
        moment: A time, or None.
    """
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
