"""What is in a store, and how it compares with what a sync makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, read_eval_log, read_eval_log_sample
from mlflow import MlflowClient
from mlflow.entities import Trace

from inspect_mlflow_core.kept_sample import rebuild_samples
from inspect_mlflow_core.testing import trace_contents
from inspect_mlflow_tracing import sync_traces

Contents = dict[str, dict[str, Any]]


def contents(uri: str) -> Contents:
    found = trace_contents(uri)
    for trace in found.values():
        for span in trace["spans"].values():
            # Without a price a database holds null, where a server holds nothing.
            if span["attributes"].get("mlflow.llm.cost", 0) is None:
                del span["attributes"]["mlflow.llm.cost"]
    return found


def only(found: Contents) -> dict[str, Any]:
    (trace,) = found.values()
    return trace


def spans(trace: dict[str, Any], prefix: str) -> dict[str, dict[str, Any]]:
    """Spans whose name begins so, by id."""
    return {i: span for i, span in trace["spans"].items() if span["name"].startswith(prefix)}


def written(logs: Path | list[Path], uri: str) -> list[int]:
    report = sync_traces(logs, tracking_uri=uri)
    assert report.complete, report
    return [result.written for result in report.results]


def assert_synced_equals(logs: Path, uri: str, other: str) -> dict[str, Any]:
    """Hold what is there live against a sync, and against syncing again."""
    found = contents(uri)
    assert sum(written(logs, other)) > 0
    assert contents(other) == found
    for synced in (other, uri):
        assert set(written(logs, synced)) == {0}
        assert contents(synced) == found
    return only(found)


def mlflow_trace(uri: str, trace_id: str) -> Trace:
    trace: Trace = MlflowClient(uri).get_trace(trace_id)
    return trace


def assert_rebuilt(uri: str, logs: list[EvalLog]) -> None:
    """Every sample can be had from the trace, exactly."""
    (trace_id,) = contents(uri)
    samples = rebuild_samples(mlflow_trace(uri, trace_id))
    logged = [
        read_eval_log_sample(log.location, summary.id, summary.epoch)
        for log in logs
        for summary in read_eval_log(log.location).samples or ()
    ]
    by_uuid = {sample.uuid: sample.model_dump() for sample in samples}
    assert len(samples) == len(logged)
    assert by_uuid == {sample.uuid: sample.model_dump() for sample in logged}
