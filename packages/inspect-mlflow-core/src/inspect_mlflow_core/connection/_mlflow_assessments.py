"""Assessments through MLflow's own store classes: databases and plugins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import DeliveryError

from ._assessment_store import AssessedTrace, KeptAssessment, TracePage
from ._mlflow_store import MlflowTrackingStore
from ._records import Experiment
from ._trace_info import assessment_body, assessment_kind, search_traces_body
from ._trace_locks import TraceLocks
from ._trace_records import AssessmentRecord
from ._trace_versions import traces_supported, traces_unsupported

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

_EXPERIMENTS_PAGE = 1000
_NOT_THERE = "RESOURCE_DOES_NOT_EXIST"


class MlflowAssessmentStore:
    """Implements `AssessmentStore` on MLflow's store object for a URI.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
    """

    # An embedded database has one writer at a time.
    concurrency = 0

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        self._tracking = MlflowTrackingStore(tracking_uri)
        self._locks = TraceLocks()

    def __repr__(self) -> str:
        """Name the store without its credentials."""
        return f"MlflowAssessmentStore({mask_uri(self.tracking_uri)!r})"

    def check(self) -> str:
        """See `AssessmentStore.check`: opens the store and returns MLflow's version here."""
        version = self._tracking.check()
        if not traces_supported(version):
            raise traces_unsupported(self._where, version)
        return version

    def experiments(self) -> list[Experiment]:
        """See `AssessmentStore.experiments`."""
        found: list[Experiment] = []
        page_token = None
        with self._calls() as store:
            while True:
                page = store.search_experiments(
                    max_results=_EXPERIMENTS_PAGE, page_token=page_token
                )
                found += [Experiment(str(each.experiment_id), each.name, False) for each in page]
                page_token = page.token
                if not page_token:
                    return found

    def search_traces(
        self, experiment_ids: Sequence[str], filter_string: str, page_token: str = ""
    ) -> TracePage:
        """See `AssessmentStore.search_traces`."""
        body = search_traces_body(experiment_ids, filter_string, page_token)
        with self._calls() as store:
            traces, token = store.search_traces(
                locations=list(experiment_ids),
                filter_string=filter_string or None,
                max_results=body["max_results"],
                order_by=body["order_by"],
                page_token=page_token or None,
            )
            return TracePage(tuple(map(_assessed_trace, traces)), token or "")

    def log_assessment(self, trace_id: str, assessment: AssessmentRecord) -> None:
        """See `AssessmentStore.log_assessment`."""
        with self._locks.of(trace_id):
            try:
                with self._calls() as store:
                    store.create_assessment(_entity(trace_id, assessment))
            except DeliveryError:
                # MLflow has no code of its own for an id that is taken: it is an error of its
                # database, like any other.
                if not self._is_there(trace_id, assessment.assessment_id):
                    raise

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        """See `AssessmentStore.delete_assessment`."""
        with self._locks.of(trace_id), self._calls() as store:
            from mlflow.exceptions import MlflowException

            try:
                store.delete_assessment(trace_id, assessment_id)
            except MlflowException as error:
                if error.error_code != _NOT_THERE:
                    raise

    def _is_there(self, trace_id: str, assessment_id: str) -> bool:
        try:
            with self._calls() as store:
                store.get_assessment(trace_id, assessment_id)
        except DeliveryError:
            # The first error says more than this one.
            return False
        return True

    @property
    def _where(self) -> str:
        return f"MLflow store {mask_uri(self.tracking_uri)}"

    @contextmanager
    def _calls(self) -> Iterator[Any]:
        with self._tracking.calls() as store:
            try:
                yield store
            except NotImplementedError:
                raise traces_unsupported(self._where) from None


def _entity(trace_id: str, assessment: AssessmentRecord) -> Any:
    from mlflow.entities.assessment import Assessment
    from mlflow.protos.service_pb2 import CreateAssessment
    from mlflow.utils.proto_json_utils import parse_dict

    # As a server reads the request, so that both store the same.
    request = CreateAssessment()
    parse_dict({"assessment": assessment_body(assessment, trace_id)}, request)
    entity = Assessment.from_proto(request.assessment)
    entity.trace_id = trace_id
    return entity


def _assessed_trace(info: TraceInfo) -> AssessedTrace:
    return AssessedTrace(
        trace_id=info.trace_id,
        experiment_id=str(info.experiment_id),
        tags=dict(info.tags),
        assessments=tuple(_kept_assessments(info)),
    )


def _kept_assessments(info: TraceInfo) -> Iterator[KeptAssessment]:
    for each in info.assessments:
        kind = assessment_kind(
            feedback=each.feedback is not None, expectation=each.expectation is not None
        )
        if kind is not None:
            identifier = each.assessment_id or ""
            yield KeptAssessment(identifier, each.name, kind, each.create_time_ms or 0)
