"""MLflow traces as Scout transcripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.exceptions import ConfigurationError
from inspect_mlflow_scout._import_job import ImportJob
from inspect_mlflow_scout._report import ImportReport
from inspect_mlflow_scout.from_inspect import SourceType
from inspect_mlflow_scout.reading import TraceQuery, TraceReader, time_ms

if TYPE_CHECKING:
    from inspect_scout import Transcript

__all__ = ["import_mlflow_traces", "traces_request_time"]


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
    job = ImportJob(reader, query, limit, strict, source_type, known_ids, counted)
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
