"""Traces out of one MLflow store, a batch at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from inspect_mlflow_core.connection import MlflowTrackingStore, find_run, open_tracking_store
from inspect_mlflow_core.conversion import mask_text, mask_uri
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
from inspect_mlflow_scout.exceptions import TraceImportError

from ._attachments import AttachmentReader
from ._convert import source_trace
from ._query import TraceQuery
from ._records import SourceTrace

__all__ = ["TraceReader", "UnreadableTrace"]

_Answer = TypeVar("_Answer")

_PAGE: Final = 100
_LOG_STATUS: Final = "inspect.log_status"
_PAUSES_SECONDS: Final = (0.5, 2.0, 8.0)


@dataclass(frozen=True, slots=True)
class UnreadableTrace:
    """A trace that MLflow lists but cannot give.

    Args:
        trace_id: MLflow's id.
        reason: One line.
    """

    trace_id: str
    reason: str


class TraceReader:
    """Reads traces without touching MLflow's global state; may be used from several threads.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
        sleep: Waits between attempts, given seconds.
    """

    def __init__(self, tracking_uri: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.tracking_uri = tracking_uri
        self._store = MlflowTrackingStore(tracking_uri)
        self._sleep = sleep
        self._attachments = AttachmentReader(tracking_uri, sleep=sleep)
        self._names: dict[str, str] = {}
        self._statuses: dict[tuple[str, str], str | None] = {}

    @property
    def concurrency(self) -> int:
        """How many batches may be loaded at a time: a server answers several at once."""
        return 4 if urlsplit(self.tracking_uri).scheme in ("http", "https") else 1

    def check(self) -> None:
        """Asks one short question, so that a wrong address shows at once.

        Raises:
            RetryableError: Nothing answers.
            RejectedError: The answer is no.
        """
        open_tracking_store(self.tracking_uri).check()

    def experiment_id(self, name: str) -> str | None:
        """The id of an experiment that is not deleted.

        Args:
            name: Its name.

        Raises:
            RetryableError: The store does not answer.
            RejectedError: The store refuses.
        """
        found = self._asked(lambda store: store.get_experiment_by_name(name))
        if found is None or found.lifecycle_stage == "deleted":
            return None
        self._names[str(found.experiment_id)] = found.name
        return str(found.experiment_id)

    def experiment_of_run(self, run_id: str) -> str:
        """The id of the experiment that a run belongs to.

        Args:
            run_id: MLflow's id.

        Raises:
            RetryableError: The store does not answer.
            RejectedError: There is no such run.
        """
        return str(self._asked(lambda store: store.get_run(run_id)).info.experiment_id)

    def evaluation_status(self, experiment_id: str, eval_id: str) -> str | None:
        """How an Inspect evaluation ended, as its run tells; asked once for each evaluation.

        Args:
            experiment_id: MLflow's experiment.
            eval_id: Inspect's id.

        Returns:
            Inspect's status; None without a run of the evaluation.

        Raises:
            RetryableError: The store does not answer.
            RejectedError: The store refuses.
        """
        key = (experiment_id, eval_id)
        if key not in self._statuses:
            if not eval_id:
                return None
            store = open_tracking_store(self.tracking_uri)
            wanted = {"inspect.eval_id": eval_id}
            run = self._retried(lambda: find_run(store, experiment_id, wanted))
            self._statuses[key] = run.tags.get(_LOG_STATUS) if run is not None else None
        return self._statuses[key]

    def find(
        self, query: TraceQuery, is_wanted: Callable[[str, Mapping[str, str]], bool]
    ) -> Iterator[str]:
        """Finds the ids of the traces that match, newest first, each once.

        Of several runs, the traces come run after run.

        Args:
            query: Conditions, with at least one experiment.
            is_wanted: Says of a trace that matches, by its id and tags, whether to yield it.

        Raises:
            TraceImportError: MLflow does not understand the filter.
            RetryableError: The store does not answer.
            RejectedError: The store refuses.
        """
        for each in query.of_single_runs():
            yield from self._find(each, is_wanted)

    def _find(
        self, query: TraceQuery, is_wanted: Callable[[str, Mapping[str, str]], bool]
    ) -> Iterator[str]:
        # What is written meanwhile moves the pages: the end of one comes again on the next.
        seen: list[str] = []
        token: str | None = None
        while True:
            infos, token = self._page(query, token)
            for info in infos:
                if info.trace_id in seen or not _matches(query, info):
                    continue
                if is_wanted(info.trace_id, info.tags or {}):
                    yield info.trace_id
            seen = [*seen[-_PAGE * 9 :], *(info.trace_id for info in infos)]
            if not token:
                return

    def load(self, trace_ids: Sequence[str]) -> list[SourceTrace | UnreadableTrace]:
        """Loads traces with their spans.

        Args:
            trace_ids: MLflow's ids, at most some ten.

        Returns:
            One for each id, in their order.

        Raises:
            RetryableError: The store does not answer.
        """
        try:
            traces = self._asked(lambda store: store.batch_get_traces(list(trace_ids), None))
        except DeliveryError as error:
            if not _is_about_data(error):
                raise
            traces = []  # One of them is broken; alone, each of the others can be had.
        loaded = {trace.info.trace_id: self._converted(trace) for trace in traces}
        return [loaded.get(each) or self._load_alone(each) for each in trace_ids]

    def _page(self, query: TraceQuery, token: str | None) -> tuple[Sequence[Any], str | None]:
        try:
            infos, following = self._asked(
                lambda store: store.search_traces(
                    locations=list(query.experiment_ids),
                    filter_string=query.search_filter() or None,
                    max_results=_PAGE,
                    order_by=["timestamp_ms DESC"],
                    page_token=token,
                )
            )
        except RejectedError as error:
            if query.filter_string and error.cause == "invalid_parameter_value":
                raise TraceImportError(
                    f"MLflow does not understand the filter {query.filter_string!r}: {error}"
                ) from None
            raise
        return infos, following or None

    def _load_alone(self, trace_id: str) -> SourceTrace | UnreadableTrace:
        """Loads one trace as MLflow's client does, which also knows those that lie in files."""

        def get(_store: Any) -> Any:
            from mlflow import MlflowClient

            return MlflowClient(self.tracking_uri).get_trace(trace_id, display=False)

        try:
            return self._converted(self._asked(get))
        except DeliveryError as error:
            if not _is_about_data(error):
                raise
            return UnreadableTrace(trace_id, str(error))

    def _converted(self, trace: Any) -> SourceTrace | UnreadableTrace:
        identifier = str(trace.info.trace_id)
        experiment_id = str(trace.info.experiment_id or "")
        try:
            converted = source_trace(
                trace,
                experiment_name=self._experiment_name(experiment_id),
                uri=self._uri(experiment_id, identifier),
            )
            return self._attachments.filled(converted)
        # Any program may have written it: what its attributes decode to is anyone's guess.
        except Exception as error:
            reason = mask_text(" ".join(f"{type(error).__name__}: {error}".split()))[:300]
            return UnreadableTrace(identifier, reason)

    def _experiment_name(self, experiment_id: str) -> str:
        if experiment_id not in self._names:
            try:
                found = self._asked(lambda store: store.get_experiment(experiment_id))
                self._names[experiment_id] = str(found.name)
            except RejectedError:
                self._names[experiment_id] = experiment_id
        return self._names[experiment_id]

    def _uri(self, experiment_id: str, trace_id: str) -> str | None:
        if urlsplit(self.tracking_uri).scheme not in ("http", "https"):
            return None
        server = mask_uri(self.tracking_uri).rstrip("/")
        return (
            f"{server}/#/experiments/{experiment_id}/traces?selectedEvaluationId={quote(trace_id)}"
        )

    def _asked(self, question: Callable[[Any], _Answer]) -> _Answer:
        def ask() -> _Answer:
            with self._store.calls() as store:
                return question(store)

        return self._retried(ask)

    def _retried(self, call: Callable[[], _Answer]) -> _Answer:
        """Calls again after a pause where that can help."""
        for pause_seconds in _PAUSES_SECONDS:
            try:
                return call()
            except RetryableError as error:
                if _is_about_data(error):
                    raise
                self._sleep(error.retry_after_seconds or pause_seconds)
        return call()


def _is_about_data(error: DeliveryError) -> bool:
    """Whether an error tells of what is stored: MLflow calls a trace without data internal."""
    return isinstance(error, RejectedError) or error.cause == "internal_error"


def _matches(query: TraceQuery, info: Any) -> bool:
    return query.matches(
        state=str(getattr(info.state, "value", info.state)),
        request_time_ms=info.request_time,
        tags=info.tags or {},
        metadata=info.trace_metadata or {},
    )
