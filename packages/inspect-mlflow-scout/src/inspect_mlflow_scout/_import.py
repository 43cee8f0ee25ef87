"""MLflow traces as Scout transcripts."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Callable,
    Container,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from inspect_mlflow_core.conversion import mask_text, mask_uri
from inspect_mlflow_core.exceptions import ConfigurationError, TraceReadError
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
    time_ms,
)

if TYPE_CHECKING:
    from inspect_scout import Transcript

__all__ = ["import_mlflow_traces", "traces_request_time"]

_SAMPLE_UUID: Final = "inspect.sample_uuid"


async def import_mlflow_traces(
    experiment_name: str | None = None,
    tracking_uri: str | None = None,
    limit: int | None = None,
    *,
    experiment_ids: Sequence[str] | None = None,
    run_ids: str | Sequence[str] | None = None,
    trace_ids: str | Sequence[str] | None = None,
    filter: str | None = None,  # Scout's sources call it so.
    tags: Mapping[str, str] | None = None,
    session: str | None = None,
    from_time: datetime | None = None,
    to_time: datetime | None = None,
    include_in_progress: bool = False,
    strict: bool = False,
    source_type: SourceType = "mlflow",
    known_ids: Container[str] = frozenset(),
    report: ImportReport | None = None,
) -> AsyncIterator[Transcript]:
    """Import MLflow traces as Scout transcripts.

    Traces of Inspect evaluations give back the very transcripts that Scout reads from their logs,
    under the same ids, so that a database filled from logs is not filled twice. Every other trace
    becomes one transcript under its trace id.

    Traces are loaded a few at a time, on other threads, the newest first; MLflow's global state
    stays as it is.

    Args:
        experiment_name: Name of the experiment. Defaults to `MLFLOW_EXPERIMENT_NAME` or
            `inspect_ai`, where neither experiments, runs nor traces are named by their ids.
        tracking_uri: The MLflow server or store. Defaults to `MLFLOW_TRACKING_URI`.
        limit: The most traces to import; None for all.
        experiment_ids: MLflow's ids of the experiments.
        run_ids: Only traces that belong to these runs.
        trace_ids: Only these traces.
        filter: Conditions in MLflow's own language for searching traces.
        tags: Only traces that have these tags with these values.
        session: Only traces of this session (`mlflow.trace.session`).
        from_time: Only traces that began then or later; without a zone, in UTC.
        to_time: Only traces that began before.
        include_in_progress: Import unfinished traces too. A Scout database never updates what it
            has, so that such a transcript stays as it was at that moment.
        strict: Raise at the first trace that cannot be read, instead of naming and counting it.
        source_type: What transcripts of Inspect evaluations say of their source: with
            `"eval_log"`, Scout treats them as if they came from the log.
        known_ids: Transcripts that are there already: their traces are not loaded again.
        report: Is kept up to date with what was done.

    Yields:
        Transcripts for `inspect_scout.transcripts_db(...).insert`.

    Raises:
        ConfigurationError: There is no tracking URI, or a wrong one.
        TraceImportError: The question makes no sense to MLflow; or, with `strict`, there is no
            such experiment, or a trace cannot be read.
        RetryableError: MLflow cannot be reached.
        RejectedError: MLflow refuses.
    """
    from anyio import to_thread

    counted = report if report is not None else ImportReport()
    query = TraceQuery(
        experiment_ids=tuple(experiment_ids or ()),
        run_ids=_several(run_ids),
        trace_ids=_several(trace_ids),
        filter_string=filter or "",
        tags=dict(tags or {}),
        session=session,
        from_time_ms=time_ms(from_time),
        to_time_ms=time_ms(to_time),
        include_in_progress=include_in_progress,
    )
    reader = _reader(tracking_uri, experiment_name)
    job = _Import(reader, query, limit, strict, source_type, known_ids, counted)
    batches = job.batches(lambda: _experiment_name(experiment_name, tracking_uri))
    with closing(batches):
        while (batch := await to_thread.run_sync(next, batches, None)) is not None:
            for transcript in batch:
                yield transcript


def traces_request_time(trace: Any) -> str | None:
    """Extract request time from trace info.

    Args:
        trace: An MLflow `Trace` or `TraceInfo`, or a `SourceTrace`.

    Returns:
        When it began, as ISO 8601 in UTC; None when the trace does not tell.
    """
    from datetime import UTC, timedelta

    info = getattr(trace, "info", trace)
    told = getattr(info, "request_time", None)
    told = getattr(info, "request_time_ms", None) if told is None else told
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=told)
    except (OverflowError, ValueError):
        return None
    return moment.isoformat()


class _Import:
    """One import: finds, loads and maps, on whatever thread asks for the next batch."""

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
        self._report.traces += 1
        if isinstance(trace, UnreadableTrace):
            self._failed(trace.trace_id, trace.reason)
            return []
        if not self._is_wanted(trace):
            self._report.traces -= 1
            return []
        try:
            made = self._mapped(trace)
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
        self._report.from_inspect += len(new) if has_kept_sample(trace) else 0
        self._report.lost_attachments += trace.lost_attachments if new else 0
        self._taken += bool(new)
        return new

    def _mapped(self, trace: SourceTrace) -> list[Transcript]:
        if not has_kept_sample(trace):
            from inspect_mlflow_scout.foreign import foreign_transcript

            return [foreign_transcript(trace)]
        status = partial(self._reader.evaluation_status, trace.experiment_id)
        return sample_transcripts(trace, eval_status=status, source_type=self._source_type)

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


def _reader(tracking_uri: str | None, experiment_name: str | None) -> TraceReader:
    settings = _settings(experiment_name, tracking_uri)
    if settings.tracking_uri is None:
        raise ConfigurationError(
            "no tracking URI: set MLFLOW_TRACKING_URI, for example to http://localhost:5000 or"
            " sqlite:///mlflow.db"
        )
    return TraceReader(settings.tracking_uri)


def _experiment_name(experiment_name: str | None, tracking_uri: str | None) -> str:
    return str(_settings(experiment_name, tracking_uri).experiment_name)


def _settings(experiment_name: str | None, tracking_uri: str | None) -> Any:
    from inspect_mlflow_core.config import MLflowSettings

    given: dict[str, Any] = {"experiment_name": experiment_name, "tracking_uri": tracking_uri}
    return MLflowSettings(**{name: value for name, value in given.items() if value is not None})


def _several(identifiers: str | Sequence[str] | None) -> tuple[str, ...]:
    if identifiers is None:
        return ()
    return (identifiers,) if isinstance(identifiers, str) else tuple(identifiers)
