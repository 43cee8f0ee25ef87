"""One import: finding, loading and mapping traces."""

from __future__ import annotations

from collections.abc import Callable, Container, Generator, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from inspect_mlflow_core.conversion import mask_text, mask_uri
from inspect_mlflow_core.exceptions import TraceReadError
from inspect_mlflow_core.reporting import warn_once
from inspect_mlflow_scout._report import ImportReport
from inspect_mlflow_scout.exceptions import TraceImportError
from inspect_mlflow_scout.from_inspect import SourceType, sample_transcripts
from inspect_mlflow_scout.reading import (
    SourceTrace,
    TraceQuery,
    TraceReader,
    UnreadableTrace,
    has_kept_sample,
    load_in_batches,
)

if TYPE_CHECKING:
    from inspect_scout import Transcript

__all__ = ["ImportJob"]

_SAMPLE_UUID: Final = "inspect.sample_uuid"


class ImportJob:
    """One import, on whatever thread asks for its next batch.

    Args:
        reader: Where traces come from.
        query: Which ones.
        limit: The most traces that give transcripts; None for all.
        strict: Whether a trace that cannot be read ends it.
        source_type: What transcripts of Inspect evaluations say of their source.
        known_ids: Transcripts that are there already.
        report: Is kept up to date with what was done.

    Raises:
        TraceImportError: The limit is negative.
    """

    def __init__(
        self,
        reader: TraceReader,
        query: TraceQuery,
        limit: int | None,
        strict: bool,
        source_type: SourceType,
        known_ids: Container[str],
        report: ImportReport,
    ) -> None:
        if limit is not None and limit < 0:
            raise TraceImportError(f"limit is {limit}; use 0 or more, or None for all")
        self._reader, self._query, self._limit = reader, query, limit
        self._strict, self._source_type, self._report = strict, source_type, report
        self._known_ids = known_ids
        self._taken = 0

    def batches(
        self, default_experiment: Callable[[], str]
    ) -> Generator[list[Transcript], None, None]:
        """The transcripts of a few traces at a time.

        Args:
            default_experiment: Name of the experiment to look in where no id says it.
        """
        self._reader.check()
        identifiers = self._trace_ids(default_experiment)
        for batch in load_in_batches(self._reader, identifiers, self._still_wanted):
            yield [transcript for trace in batch for transcript in self._transcripts(trace)]

    def _still_wanted(self) -> int | None:
        return None if self._limit is None else self._limit - self._taken

    def _trace_ids(self, default_experiment: Callable[[], str]) -> Iterator[str]:
        query = self._query
        if query.trace_ids:
            return (each for each in dict.fromkeys(query.trace_ids) if self._is_new(each, {}))
        experiments = query.experiment_ids or self._experiments_of_runs()
        if not experiments:
            name = default_experiment()
            found = self._reader.experiment_id(name)
            if found is None:
                self._no_experiment(name)
                return iter(())
            experiments = (found,)
        return self._reader.find(query.within(experiments), self._is_new)

    def _is_new(self, trace_id: str, tags: Mapping[str, str]) -> bool:
        known = trace_id in self._known_ids or tags.get(_SAMPLE_UUID) in self._known_ids
        self._report.known += known
        return not known

    def _experiments_of_runs(self) -> tuple[str, ...]:
        found = map(self._reader.experiment_of_run, self._query.run_ids)
        return tuple(dict.fromkeys(found))

    def _no_experiment(self, name: str) -> None:
        self._report.experiment_found = False
        where = mask_uri(self._reader.tracking_uri)
        message = f"there is no experiment {name!r} in {where}; nothing is imported"
        if self._strict:
            raise TraceImportError(message)
        warn_once(f"scout.experiment.{name}", message)

    def _transcripts(self, trace: SourceTrace | UnreadableTrace) -> list[Transcript]:
        if isinstance(trace, UnreadableTrace):
            self._report.traces += 1
            self._failed(trace.trace_id, trace.reason)
            return []
        if not self._is_wanted(trace):
            return []
        self._report.traces += 1
        kept = has_kept_sample(trace)
        try:
            made = self._of_inspect(trace) if kept else self._of_another(trace)
        except TraceReadError as error:
            self._failed(trace.trace_id, str(error))
            return []
        # Inspect's and Scout's models check what any program may have written.
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self._failed(trace.trace_id, mask_text(reason))
            return []
        told = [transcript for transcript in made if transcript.messages or transcript.events]
        new = [each for each in told if each.transcript_id not in self._known_ids]
        self._report.empty += not told
        self._report.known += len(told) - len(new)
        self._report.transcripts += len(new)
        self._report.from_inspect += len(new) if kept else 0
        self._report.lost_attachments += trace.lost_attachments if new else 0
        self._taken += bool(new)
        return new

    def _of_inspect(self, trace: SourceTrace) -> list[Transcript]:
        status = partial(self._reader.evaluation_status, trace.experiment_id)
        return sample_transcripts(trace, eval_status=status, source_type=self._source_type)

    def _of_another(self, trace: SourceTrace) -> list[Transcript]:
        from inspect_mlflow_scout.foreign import foreign_transcript

        return [foreign_transcript(trace)]

    def _is_wanted(self, trace: SourceTrace) -> bool:
        """Traces that were named by their ids have met no condition yet."""
        return not self._query.trace_ids or self._query.matches(
            state=trace.state,
            request_time_ms=trace.request_time_ms,
            tags=trace.tags,
            metadata=trace.metadata,
        )

    def _failed(self, trace_id: str, reason: str) -> None:
        message = f"trace {trace_id} cannot be imported: {reason}"
        if self._strict:
            raise TraceImportError(message)
        self._report.failed[trace_id] = reason
        warn_once(f"scout.trace.{trace_id}", message)
