"""Assessments for traces that another program may be writing at the same moment."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from typing import Any

import pytest

from inspect_mlflow_core.connection import (
    AssessmentRecord,
    AssessmentStore,
    SpanRecord,
    TraceRecord,
    ensure_experiment,
    open_assessment_store,
    open_trace_store,
    open_tracking_store,
)
from inspect_mlflow_core.exceptions import RejectedError, RetryableError
from inspect_mlflow_core.testing.marks import needs_traces

START_MS = 1_790_000_000_123
SAID_MS = START_MS + 5_000

pytestmark = needs_traces


@pytest.fixture(params=["sqlite", "server"])
def store(request: pytest.FixtureRequest) -> AssessmentStore:
    return open_assessment_store(request.getfixturevalue(f"{request.param}_uri"))


@pytest.fixture
def experiment_id(store: AssessmentStore) -> str:
    name = f"assessments {uuid.uuid4()}"
    return ensure_experiment(open_tracking_store(store.tracking_uri), name)


def assessment(name: str = "scout/refusals", value: Any = True, **changes: Any) -> AssessmentRecord:
    fields: dict[str, Any] = {
        "assessment_id": f"a-{uuid.uuid4().hex}",
        "kind": "feedback",
        "source_type": "CODE",
        "source_id": "refusals@1",
        "create_time_ms": SAID_MS,
        "last_update_time_ms": SAID_MS,
    }
    return AssessmentRecord(name=name, value=value, **{**fields, **changes})


def written_trace(store: AssessmentStore, experiment_id: str, **changes: Any) -> TraceRecord:
    trace_id = uuid.uuid4().hex
    span = SpanRecord(
        trace_id, "1" * 16, None, "root", "CHAIN", START_MS * 10**6, START_MS * 10**6 + 10**9
    )
    fields: dict[str, Any] = {
        "state": "OK",
        "request_time_ms": START_MS,
        "execution_duration_ms": 1000,
        "request_preview": "question",
        "response_preview": "answer",
        "client_request_id": trace_id[:20],
        "tags": {"mlflow.traceName": "name", "team": "a"},
        "metadata": {"mlflow.trace.session": "s", "mlflow.trace_schema.version": "3"},
        "spans": (span,),
    }
    trace = TraceRecord(trace_id, experiment_id, **{**fields, **changes})
    writer = open_trace_store(store.tracking_uri)
    writer.start_trace(trace)
    writer.log_spans(trace)
    return trace


def info(store: AssessmentStore, trace: TraceRecord) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store.tracking_uri).get_trace(trace.mlflow_trace_id, display=False).info


def without_assessments(store: AssessmentStore, trace: TraceRecord) -> dict[str, Any]:
    told: dict[str, Any] = info(store, trace).to_dict()
    told.pop("assessments", None)
    return told


@pytest.mark.parametrize(
    "changes",
    [{}, {"state": "IN_PROGRESS", "execution_duration_ms": None, "response_preview": ""}],
    ids=["finished", "running"],
)
def test_nothing_but_assessments_changes(
    store: AssessmentStore, experiment_id: str, changes: dict[str, Any]
) -> None:
    trace = written_trace(store, experiment_id, **changes)
    before = without_assessments(store, trace)

    store.log_assessment(trace.mlflow_trace_id, assessment())

    assert without_assessments(store, trace) == before


def test_an_assessment_is_stored_as_it_is(store: AssessmentStore, experiment_id: str) -> None:
    trace = written_trace(store, experiment_id)
    written = assessment(
        value={"a": [1, True, None]},
        rationale="because\0",
        metadata={"scout.scan_id": "s1"},
        span_id="1" * 16,
        source_type="LLM_JUDGE",
        source_id="mockllm/model",
    )

    store.log_assessment(trace.mlflow_trace_id, written)

    (kept,) = info(store, trace).assessments
    assert (kept.assessment_id, kept.name) == (written.assessment_id, written.name)
    assert kept.value == {"a": [1, True, None]}
    assert kept.rationale == "because\N{REPLACEMENT CHARACTER}"
    assert kept.metadata == {"scout.scan_id": "s1"}
    assert (kept.span_id, kept.create_time_ms) == ("1" * 16, SAID_MS)
    assert (kept.source.source_type, kept.source.source_id) == ("LLM_JUDGE", "mockllm/model")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("nan")], 2**70])
def test_numbers_of_no_database_leave_traces_searchable(
    store: AssessmentStore, experiment_id: str, value: Any
) -> None:
    trace = written_trace(store, experiment_id)

    store.log_assessment(trace.mlflow_trace_id, assessment(value=value))

    (found,) = store.search_traces([experiment_id], "").traces
    assert found.trace_id == trace.mlflow_trace_id
    (kept,) = info(store, trace).assessments
    assert "NaN" in str(kept.value) or "Infinity" in str(kept.value) or kept.value == str(2**70)


def test_an_error_and_an_expectation_are_stored(store: AssessmentStore, experiment_id: str) -> None:
    trace = written_trace(store, experiment_id)
    error = assessment(value=None, error_code="SCAN_ERROR", error_message="no way")
    target = assessment(value=["a"], kind="expectation", source_type="HUMAN")

    for each in (error, target):
        store.log_assessment(trace.mlflow_trace_id, each)

    kept = {each.assessment_id: each for each in info(store, trace).assessments}
    assert kept[error.assessment_id].error.error_code == "SCAN_ERROR"
    assert kept[error.assessment_id].value is None
    assert kept[target.assessment_id].expectation.value == ["a"]


def test_a_repeated_write_changes_nothing(store: AssessmentStore, experiment_id: str) -> None:
    trace = written_trace(store, experiment_id)
    written = assessment()

    for value in (True, False):
        store.log_assessment(trace.mlflow_trace_id, dataclasses.replace(written, value=value))

    (kept,) = info(store, trace).assessments
    assert kept.value is True


def test_a_search_tells_what_is_there(store: AssessmentStore, experiment_id: str) -> None:
    other_id = ensure_experiment(open_tracking_store(store.tracking_uri), f"other {uuid.uuid4()}")
    trace, other = written_trace(store, experiment_id), written_trace(store, other_id)
    written = assessment()
    store.log_assessment(trace.mlflow_trace_id, written)

    both = store.search_traces([experiment_id, other_id], "").traces
    one = store.search_traces(
        [experiment_id, other_id], f"request_id IN ('{trace.mlflow_trace_id}')"
    ).traces

    assert {each.trace_id: each.experiment_id for each in both} == {
        trace.mlflow_trace_id: experiment_id,
        other.mlflow_trace_id: other_id,
    }
    (found,) = one
    assert found.tags["team"] == "a"
    (kept,) = found.assessments
    assert kept.assessment_id == written.assessment_id
    assert (kept.name, kept.kind, kept.create_time_ms) == (written.name, "feedback", SAID_MS)


def test_all_experiments_are_told(store: AssessmentStore, experiment_id: str) -> None:
    assert experiment_id in {each.experiment_id for each in store.experiments()}


def test_an_assessment_is_removed_once(store: AssessmentStore, experiment_id: str) -> None:
    trace = written_trace(store, experiment_id)
    written, other = assessment(), assessment("by a person", source_type="HUMAN")
    for each in (written, other):
        store.log_assessment(trace.mlflow_trace_id, each)

    for _ in range(2):
        store.delete_assessment(trace.mlflow_trace_id, written.assessment_id)

    (kept,) = info(store, trace).assessments
    assert kept.name == "by a person"


def test_a_trace_that_is_not_there_is_an_error(store: AssessmentStore) -> None:
    with pytest.raises(RejectedError):
        store.log_assessment(f"tr-{'0' * 32}", assessment())


def test_several_writers_of_one_trace_lose_nothing(
    store: AssessmentStore, experiment_id: str
) -> None:
    trace = written_trace(store, experiment_id, state="IN_PROGRESS", execution_duration_ms=None)
    errors: list[BaseException] = []

    def assess(number: int) -> None:
        writer = open_assessment_store(store.tracking_uri)
        for part in range(5):
            try:
                record = assessment(f"scout/{number}/{part}")
                writer.log_assessment(trace.mlflow_trace_id, record)
            except RetryableError:  # SQLite has one writer at a time.
                writer.log_assessment(trace.mlflow_trace_id, record)
            except BaseException as error:
                errors.append(error)
                raise

    threads = [threading.Thread(target=assess, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    # Meanwhile its own program ends the trace.
    open_trace_store(store.tracking_uri).start_trace(
        dataclasses.replace(trace, state="OK", execution_duration_ms=2000)
    )
    for thread in threads:
        thread.join()

    told = info(store, trace)
    assert errors == []
    assert len(told.assessments) == 15
    assert (told.state.value, told.execution_duration) == ("OK", 2000)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    store = open_assessment_store("http://user:hunter2@127.0.0.1:9/")

    with pytest.raises(RetryableError) as caught:
        store.log_assessment(f"tr-{'0' * 32}", assessment())

    assert caught.value.unreachable
    assert "hunter2" not in f"{caught.value} {store!r}"


def test_databricks_is_refused() -> None:
    with pytest.raises(RejectedError, match="not supported"):
        open_assessment_store("databricks")
