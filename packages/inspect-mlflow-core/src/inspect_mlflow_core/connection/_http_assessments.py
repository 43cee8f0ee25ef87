"""Assessments behind MLflow's REST API (https://mlflow.org/docs/latest/rest-api.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError

from ._adaptive_concurrency import AdaptiveConcurrency
from ._assessment_store import AssessedTrace, KeptAssessment, TracePage
from ._http_api import call_api
from ._http_credentials import CONCURRENT_REQUESTS
from ._http_store import server_version
from ._http_transport import Transport
from ._records import Experiment
from ._trace_info import assessment_body, assessment_kind, search_traces_body
from ._trace_locks import TraceLocks
from ._trace_records import AssessmentRecord
from ._trace_versions import traces_supported, traces_unsupported

_TRACES = "/api/3.0/mlflow/traces"
_EXPERIMENTS = "/api/2.0/mlflow/experiments/search"
_EXPERIMENTS_PAGE = 1000
_NOT_THERE = "RESOURCE_DOES_NOT_EXIST"


@dataclass(slots=True)
class HttpAssessmentStore:
    """Implements `AssessmentStore` over HTTP.

    Args:
        tracking_uri: The server's URI as configured.
        transport: Sends the requests.
        concurrency: See `TrackingStore`.
    """

    tracking_uri: str
    transport: Transport
    concurrency: AdaptiveConcurrency = field(
        default_factory=lambda: AdaptiveConcurrency(CONCURRENT_REQUESTS)
    )

    _locks: TraceLocks = field(default_factory=TraceLocks, repr=False)

    def __repr__(self) -> str:
        """Name the server without its credentials."""
        return f"HttpAssessmentStore({mask_uri(self.tracking_uri)!r})"

    def check(self) -> str:
        """See `AssessmentStore.check`."""
        version = server_version(self.transport)
        if not traces_supported(version):
            raise traces_unsupported(f"MLflow server {mask_uri(self.transport.host)}", version)
        return version

    def experiments(self) -> list[Experiment]:
        """See `AssessmentStore.experiments`."""
        body: dict[str, Any] = {"max_results": _EXPERIMENTS_PAGE, "view_type": "ACTIVE_ONLY"}
        found: list[Experiment] = []
        while True:
            answer = self._call("POST", _EXPERIMENTS, "experiments/search", body)
            found += [
                Experiment(str(each["experiment_id"]), each["name"], False)
                for each in answer.get("experiments", [])
            ]
            body["page_token"] = answer.get("next_page_token", "")
            if not body["page_token"]:
                return found

    def search_traces(
        self, experiment_ids: Sequence[str], filter_string: str, page_token: str = ""
    ) -> TracePage:
        """See `AssessmentStore.search_traces`."""
        body = search_traces_body(experiment_ids, filter_string, page_token)
        answer = self._call("POST", f"{_TRACES}/search", "traces/search", body)
        traces = tuple(map(_assessed_trace, answer.get("traces", [])))
        return TracePage(traces, answer.get("next_page_token", ""))

    def log_assessment(self, trace_id: str, assessment: AssessmentRecord) -> None:
        """See `AssessmentStore.log_assessment`."""
        body = {"assessment": assessment_body(assessment, trace_id)}
        with self._locks.of(trace_id):
            try:
                with self.concurrency.measured():
                    self._call("POST", _path(trace_id), "an assessment", body)
            except DeliveryError as error:
                # MLflow has no code of its own for an id that is taken: it is an error of its
                # database, like any other.
                unreachable = getattr(error, "unreachable", False)
                if unreachable or not self._is_there(trace_id, assessment.assessment_id):
                    raise

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        """See `AssessmentStore.delete_assessment`."""
        with self._locks.of(trace_id):
            try:
                path = _path(trace_id, assessment_id)
                self._call("DELETE", path, "the removal of an assessment")
            except RejectedError as error:
                if error.error_code != _NOT_THERE:
                    raise

    def _is_there(self, trace_id: str, assessment_id: str) -> bool:
        try:
            self._call("GET", _path(trace_id, assessment_id), "an assessment")
        except DeliveryError:
            # The first error says more than this one.
            return False
        return True

    def _call(
        self, method: str, path: str, what: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return call_api(self.transport, method, path, what, json=body)


def _path(trace_id: str, assessment_id: str | None = None) -> str:
    path = f"{_TRACES}/{quote(trace_id, safe='')}/assessments"
    return path if assessment_id is None else f"{path}/{quote(assessment_id, safe='')}"


def _assessed_trace(info: Mapping[str, Any]) -> AssessedTrace:
    location = info.get("trace_location", {}).get("mlflow_experiment", {})
    return AssessedTrace(
        trace_id=info["trace_id"],
        experiment_id=str(location.get("experiment_id", "")),
        tags=info.get("tags", {}),
        assessments=tuple(_kept_assessments(info.get("assessments", []))),
    )


def _kept_assessments(assessments: Sequence[Mapping[str, Any]]) -> Iterator[KeptAssessment]:
    for each in assessments:
        kind = assessment_kind(feedback="feedback" in each, expectation="expectation" in each)
        if kind is not None:
            identifier, name = each.get("assessment_id", ""), each.get("assessment_name", "")
            yield KeptAssessment(identifier, name, kind, _time_ms(each.get("create_time")))


def _time_ms(text: str | None) -> int:
    if not text:
        return 0
    return round(datetime.fromisoformat(text).timestamp() * 1000)
