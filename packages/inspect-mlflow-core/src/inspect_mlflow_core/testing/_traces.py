"""What a store holds of traces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._stores import artifact_digests

_PAGE = 100
_RUN = "mlflow.sourceRun"
_RUN_OF_ASSESSMENT = "mlflow.assessment.sourceRunId"
_LOCATION = "mlflow.artifactLocation"
_DIGEST = "inspect.trace_digest"


def trace_contents(tracking_uri: str) -> dict[str, Any]:
    """Return everything that a store holds of traces, in a form that can be compared.

    Ids are part of it: they are the same in two stores whose experiments have the same ids. Runs
    are named by their eval id, because their own ids differ, and so does the digest that covers
    them: of it there is only whether it is there.

    Args:
        tracking_uri: The store.

    Returns:
        For each trace, by its id, what its info says, tags, metadata, assessments by their ids
        (without the time at which they were written last), spans by their ids with attributes and
        events, and a digest of each attachment.
    """
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri)
    experiments = {e.experiment_id: e.name for e in client.search_experiments()}
    runs = client.search_runs(list(experiments), max_results=10_000)
    names = {run.info.run_id: _run_name(run) for run in runs}
    return {
        trace.info.trace_id: {
            "experiment": experiments[trace.info.experiment_id],
            **_info(trace.info, names),
            "spans": {span.span_id: _span(span) for span in trace.data.spans},
            "attachments": artifact_digests(tracking_uri, trace.info.tags[_LOCATION]),
        }
        for trace in _traces(client, list(experiments))
    }


def _traces(client: Any, experiments: list[str]) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = client.search_traces(locations=experiments, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _run_name(run: Any) -> str:
    return f"task {run.data.tags.get('inspect.eval_id', '')}"


def _info(info: Any, runs: Mapping[str, str]) -> dict[str, Any]:
    tags = {name: value for name, value in info.tags.items() if name != _LOCATION}
    if _DIGEST in tags:
        tags[_DIGEST] = "present"
    return {
        "state": info.state.value,
        "request_time": info.request_time,
        "execution_duration": info.execution_duration,
        "request_preview": info.request_preview,
        "response_preview": info.response_preview,
        "client_request_id": info.client_request_id,
        "tags": tags,
        "metadata": _with_named_run(info.trace_metadata, _RUN, runs),
        "assessments": {a.assessment_id: _assessment(a, runs) for a in info.assessments},
    }


def _assessment(assessment: Any, runs: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = assessment.to_dictionary()
    told.pop("last_update_time", None)
    if told.get("valid"):
        del told["valid"]  # A server tells it of feedback only.
    told["metadata"] = _with_named_run(told.get("metadata") or {}, _RUN_OF_ASSESSMENT, runs)
    return told


def _with_named_run(values: Mapping[str, str], key: str, runs: Mapping[str, str]) -> dict[str, str]:
    return {
        name: runs.get(value, value) if name == key else value for name, value in values.items()
    }


def _span(span: Any) -> dict[str, Any]:
    return {
        "parent": span.parent_id,
        "name": span.name,
        "type": span.span_type,
        "start_time_ns": span.start_time_ns,
        "end_time_ns": span.end_time_ns,
        "status": (span.status.status_code.value, span.status.description),
        # A cost that is not known is null in some stores and absent in others.
        "attributes": {k: value for k, value in span.attributes.items() if value is not None},
        "events": [(event.name, event.timestamp, dict(event.attributes)) for event in span.events],
    }
