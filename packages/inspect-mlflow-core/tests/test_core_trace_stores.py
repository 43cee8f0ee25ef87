"""A trace written to a database and through a real server is the same trace."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.connection import (
    AssessmentRecord,
    AttachmentRecord,
    SpanEventRecord,
    SpanRecord,
    TraceRecord,
    TraceStore,
    ensure_experiment,
    open_trace_store,
    open_tracking_store,
)
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
from inspect_mlflow_core.testing import faulty_proxy, trace_contents
from inspect_mlflow_core.testing.marks import needs_traces

START_NS = 1_790_000_000_123_456_789
START_MS = START_NS // 1_000_000
SECOND = 1_000_000_000
ROOT = "1" * 16
PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
UPPER_CASE_UUID = str(uuid.UUID(int=10)).upper()
USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
COST = {"input_cost": 0.5, "output_cost": 0.25, "total_cost": 0.75}
MESSAGES = [
    {"role": "user", "content": "What is 2+2? ü 日本 \N{GRINNING FACE}"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "function": {"name": "add", "arguments": '{"a": 2}'}}],
    },
]


pytestmark = needs_traces


@pytest.fixture(params=["sqlite", "server"])
def store(request: pytest.FixtureRequest) -> TraceStore:
    return open_trace_store(request.getfixturevalue(f"{request.param}_uri"))


@pytest.fixture
def experiment_id(store: TraceStore) -> str:
    return new_experiment(store)


def new_experiment(store: TraceStore) -> str:
    return ensure_experiment(open_tracking_store(store.tracking_uri), f"traces {uuid.uuid4()}")


def new_span(trace_id: str, number: int, **changes: Any) -> SpanRecord:
    fields: dict[str, Any] = {
        "trace_id": trace_id,
        "span_id": f"{number:x}" * 16 if number < 16 else f"{number:016x}",
        "parent_id": None if number == 1 else ROOT,
        "name": f"span {number}",
        "span_type": "CHAIN",
        "start_time_ns": START_NS + number,
        "end_time_ns": START_NS + SECOND,
    }
    return SpanRecord(**{**fields, **changes})


def usage_span(trace_id: str, number: int, **attributes: Any) -> SpanRecord:
    fields = {
        "mlflow.chat.tokenUsage": USAGE,
        "mlflow.llm.model": "model-of-nobody",
        "mlflow.llm.provider": "mockllm",
        **attributes,
    }
    return new_span(trace_id, number, span_type="CHAT_MODEL", attributes=fields)


def new_trace(experiment_id: str, *spans: SpanRecord, **changes: Any) -> TraceRecord:
    trace_id = changes.pop("trace_id", None) or (spans[0].trace_id if spans else uuid.uuid4().hex)
    fields: dict[str, Any] = {
        "trace_id": trace_id,
        "experiment_id": experiment_id,
        "state": "OK",
        "request_time_ms": START_MS,
        "execution_duration_ms": 1000,
        "request_preview": "question",
        "response_preview": "answer",
        "spans": spans or (new_span(trace_id, 1),),
    }
    return TraceRecord(**{**fields, **changes})


def rich_trace(experiment_id: str, trace_id: str) -> TraceRecord:
    def assessment(name: str, value: Any, **changes: Any) -> AssessmentRecord:
        fields: dict[str, Any] = {
            "assessment_id": f"a-{uuid.uuid5(uuid.UUID(trace_id), name + experiment_id).hex}",
            "kind": "feedback",
            "source_type": "CODE",
            "source_id": "scorer",
            "create_time_ms": START_MS,
            "last_update_time_ms": START_MS + 7,
        }
        return AssessmentRecord(name=name, value=value, **{**fields, **changes})

    root = new_span(
        trace_id,
        1,
        span_type="AGENT",
        status="ERROR",
        status_message="it failed",
        attributes={
            "mlflow.spanInputs": {"messages": MESSAGES},
            "mlflow.spanOutputs": "4",
            "inspect.sample.0": "eJyrVspMUbJSMDQwAAAPNAKn" * 100,
            "inspect.epoch": 1,
            "inspect.total_time": 1.5,
            "inspect.flag": False,
            "inspect.json": '{"a": 1}',
            "inspect.nothing": None,
            "inspect.blank": "",
            "inspect.number": "12",
        },
        events=(
            SpanEventRecord("inspect.info", START_NS + 5, {"data": '{"x": 1}'}),
            SpanEventRecord(
                "exception",
                START_NS + 6,
                {"exception.type": "ValueError", "exception.message": "no\nway"},
            ),
        ),
    )
    model = usage_span(
        trace_id,
        2,
        **{
            "mlflow.llm.cost": COST,
            "mlflow.chat.messages": MESSAGES,
            "mlflow.spanOutputs": {"choices": [{"message": MESSAGES[1], "logprobs": None}]},
        },
    )
    tool = new_span(trace_id, 3, parent_id="2" * 16, span_type="TOOL", status="UNSET")
    return new_trace(
        experiment_id,
        root,
        model,
        tool,
        state="ERROR",
        client_request_id="sample",
        tags={"mlflow.traceName": "task", "inspect.epoch": "1"},
        metadata={
            "mlflow.sourceRun": "f" * 32,
            "mlflow.trace_schema.version": "3",
            "mlflow.trace.tokenUsage": json.dumps(USAGE),
            "mlflow.trace.cost": json.dumps(COST),
        },
        assessments=(
            assessment("match", True, rationale="equal", metadata={"answer": "C"}),
            assessment("grade", 0.5, source_type="LLM_JUDGE", span_id="2" * 16),
            assessment("count", 3),
            assessment("letter", "I"),
            assessment("parts", {"a": [1, None, "x"], "b": False}),
            assessment("unscored", None, error_code="NaN", error_message="not a number"),
            assessment("expected_response", "4", kind="expectation", source_type="HUMAN"),
            assessment("targets", ["4", 4], kind="expectation"),
            assessment("nothing", None, kind="expectation"),
        ),
    )


def version(store: TraceStore) -> tuple[int, ...]:
    return tuple(int(number) for number in store.check().split(".")[:2])


def write(store: TraceStore, trace: TraceRecord) -> str:
    location = store.start_trace(trace)
    store.log_spans(trace)
    return location


def read(store: TraceStore, trace: TraceRecord) -> dict[str, Any]:
    """Everything that MLflow's client tells of a trace."""
    from mlflow import MlflowClient

    found = MlflowClient(tracking_uri=store.tracking_uri).get_trace(trace.mlflow_trace_id)
    info: dict[str, Any] = found.info.to_dict()
    info["assessments"] = sorted(
        (assessment.to_dictionary() for assessment in found.info.assessments),
        key=lambda assessment: str(assessment["assessment_name"]),
    )
    for assessment in info["assessments"]:
        # Over HTTP, MLflow's client does not tell it of expectations.
        assert assessment.pop("valid", True)
    info["tags"] = {k: v for k, v in info["tags"].items() if k != "mlflow.artifactLocation"}
    info["usage"], info["cost"] = found.info.token_usage, getattr(found.info, "cost", None)
    info["spans"] = {
        span.span_id: {
            "parent": span.parent_id,
            "name": span.name,
            "type": span.span_type,
            "times": (span.start_time_ns, span.end_time_ns),
            "status": (span.status.status_code.value, span.status.description),
            "attributes": dict(span.attributes),
            "events": [(e.name, e.timestamp, dict(e.attributes)) for e in span.events],
        }
        for span in found.data.spans
    }
    return info


def read_attributes(store: TraceStore, trace: TraceRecord, span_id: str = ROOT) -> dict[str, Any]:
    attributes: dict[str, Any] = read(store, trace)["spans"][span_id]["attributes"]
    return attributes


def test_the_version_is_told(store: TraceStore) -> None:
    assert store.check().startswith("3.")


class TestOneTrace:
    def test_a_database_and_a_server_hold_the_same(self, sqlite_uri: str, server_uri: str) -> None:
        trace_id, traces = uuid.uuid4().hex, []
        for uri in (sqlite_uri, server_uri):
            store = open_trace_store(uri)
            trace = rich_trace(new_experiment(store), trace_id)
            write(store, trace)
            contents = read(store, trace)
            contents.pop("trace_location")
            for assessment in contents["assessments"]:
                assessment.pop("assessment_id")
            traces.append(contents)
        assert traces[0] == traces[1]

    def test_every_field_is_what_was_written(self, store: TraceStore, experiment_id: str) -> None:
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        found = read(store, trace)
        assert found["trace_location"]["mlflow_experiment"]["experiment_id"] == experiment_id
        assert (found["state"], found["execution_duration_ms"]) == ("ERROR", 1000)
        assert found["request_time"] == "2026-09-21T14:13:20.123Z"
        previews = found["request_preview"], found["response_preview"]
        assert previews == ("question", "answer")
        assert found["client_request_id"] == "sample"
        assert found["tags"].items() >= trace.tags.items()
        assert found["trace_metadata"].items() >= trace.metadata.items()
        assert set(found["spans"]) == {span.span_id for span in trace.spans}
        for span in trace.spans:
            stored = found["spans"][span.span_id]
            assert stored["name"] == span.name
            assert (stored["parent"], stored["type"]) == (span.parent_id, span.span_type)
            assert stored["times"] == (span.start_time_ns, span.end_time_ns)
            assert stored["status"] == (span.status, span.status_message)
            wanted = {k: v for k, v in span.attributes.items() if v is not None}
            assert stored["attributes"].items() >= wanted.items()
            events = [(e.name, e.timestamp_ns, dict(e.attributes)) for e in span.events]
            assert stored["events"] == events

    def test_assessments_are_what_was_written(self, store: TraceStore, experiment_id: str) -> None:
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        stored = {a["assessment_name"]: a for a in read(store, trace)["assessments"]}
        assert set(stored) == {a.name for a in trace.assessments} - {"nothing"}
        for wanted in trace.assessments:
            if wanted.name == "nothing":
                continue
            found = stored[wanted.name]
            assert found["assessment_id"] == wanted.assessment_id
            source = {"source_type": wanted.source_type, "source_id": wanted.source_id}
            assert found["source"] == source
            assert found["create_time"] == "2026-09-21T14:13:20.123Z"
            assert found["last_update_time"] == "2026-09-21T14:13:20.130Z"
            assert found.get("span_id") == wanted.span_id
            assert found.get("rationale") == wanted.rationale
            assert found.get("metadata", {}) == wanted.metadata
            value = found[wanted.kind]
            if "serialized_value" in value:
                value = {"value": json.loads(value["serialized_value"]["value"])}
            assert value.get("value") == wanted.value
        error = stored["unscored"]["feedback"]["error"]
        assert error == {"error_code": "NaN", "error_message": "not a number"}

    def test_writing_again_changes_nothing(self, store: TraceStore, experiment_id: str) -> None:
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        before = read(store, trace)
        write(store, trace)
        assert read(store, trace) == before
        store.log_spans(trace)
        assert read(store, trace) == before
        store.start_trace(trace)
        assert read(store, trace) == before

    def test_the_order_of_the_two_writes_does_not_matter(
        self, store: TraceStore, experiment_id: str
    ) -> None:
        first, second = (new_trace(experiment_id, usage_span(uuid.uuid4().hex, 1)) for _ in "12")
        write(store, first)
        store.log_spans(second)
        store.start_trace(second)
        found = [read(store, first), read(store, second)]
        for contents in found:
            contents.pop("trace_id")
            contents["spans"][ROOT]["attributes"].pop("mlflow.traceRequestId")
        assert found[0] == found[1]

    def test_what_others_add_in_between_stays(self, store: TraceStore, experiment_id: str) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import AssessmentSource, Feedback

        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        client = MlflowClient(tracking_uri=store.tracking_uri)
        for name in ("reviewed", "queue"):
            client.set_trace_tag(trace.mlflow_trace_id, name, "yes")
        feedback = Feedback("human", "good", source=AssessmentSource("HUMAN", "me"))
        feedback.trace_id = trace.mlflow_trace_id
        client._tracking_client.store.create_assessment(feedback)
        before = read(store, trace)
        write(store, trace)
        after = read(store, trace)
        assert after["tags"].items() >= {"reviewed": "yes", "queue": "yes"}.items()
        assert after["assessments"] == before["assessments"]
        assert len(after["assessments"]) == len(trace.assessments)

    def test_a_trace_is_seen_while_it_runs(self, store: TraceStore, experiment_id: str) -> None:
        whole = rich_trace(experiment_id, uuid.uuid4().hex)
        opened = dataclasses.replace(
            whole, state="IN_PROGRESS", execution_duration_ms=None, assessments=(), spans=()
        )
        store.start_trace(opened)
        store.log_spans(opened)
        store.log_spans(dataclasses.replace(opened, spans=whole.spans[1:]))
        running = read(store, opened)
        assert (running["state"], len(running["spans"])) == ("IN_PROGRESS", 2)
        write(store, whole)
        at_once = rich_trace(new_experiment(store), uuid.uuid4().hex)
        write(store, at_once)
        assert _comparable(read(store, whole)) == _comparable(read(store, at_once))

    def test_an_assessment_is_updated_by_its_id(
        self, store: TraceStore, experiment_id: str
    ) -> None:
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        edited = dataclasses.replace(trace.assessments[0], value=False, rationale="edited")
        store.start_trace(dataclasses.replace(trace, assessments=(edited,)))
        stored = read(store, trace)["assessments"]
        assert len(stored) == len(trace.assessments) - 1
        (match,) = (a for a in stored if a["assessment_name"] == "match")
        assert (match["feedback"]["value"], match["rationale"]) == (False, "edited")


def _comparable(contents: dict[str, Any]) -> dict[str, Any]:
    contents.pop("trace_id")
    contents.pop("trace_location")
    for assessment in contents["assessments"]:
        assessment.pop("assessment_id")
        assessment.pop("trace_id")
    for span in contents["spans"].values():
        span["attributes"].pop("mlflow.traceRequestId")
    return contents


class TestRemovedAssessments:
    def test_the_others_stay(self, store: TraceStore, experiment_id: str) -> None:
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        by_name = {assessment.name: assessment for assessment in trace.assessments}
        gone = {"match", "expected_response"}
        for name in gone:
            store.delete_assessment(trace.trace_id, by_name[name].assessment_id)
        names = [found["assessment_name"] for found in read(store, trace)["assessments"]]
        assert set(names) == set(by_name) - gone - {"nothing"}
        assert len(read(store, trace)["spans"]) == 3

    def test_what_is_not_there_counts_as_removed(
        self, store: TraceStore, experiment_id: str
    ) -> None:
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        before = read(store, trace)
        identifier = trace.assessments[0].assessment_id
        for trace_id, wanted in (
            (trace.trace_id, f"a-{uuid.uuid4().hex}"),
            (trace.trace_id, "no id at all?"),
            (uuid.uuid4().hex, identifier),
        ):
            store.delete_assessment(trace_id, wanted)
        assert read(store, trace) == before
        for _ in range(2):
            store.delete_assessment(trace.trace_id, identifier)
        assert len(read(store, trace)["assessments"]) == len(before["assessments"]) - 1

    def test_they_can_be_written_again(self, store: TraceStore, experiment_id: str) -> None:
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        before = read(store, trace)
        store.delete_assessment(trace.trace_id, trace.assessments[0].assessment_id)
        write(store, trace)
        assert read(store, trace) == before


class TestTotals:
    def test_tokens_and_cost_are_summed(self, store: TraceStore, experiment_id: str) -> None:
        trace_id = uuid.uuid4().hex
        spans = [usage_span(trace_id, number, **{"mlflow.llm.cost": COST}) for number in (2, 3)]
        trace = new_trace(experiment_id, new_span(trace_id, 1), *spans)
        write(store, trace)
        if version(store) >= (3, 12):
            write(store, trace)
        found = read(store, trace)
        assert found["usage"] == {"input_tokens": 20, "output_tokens": 10, "total_tokens": 30}
        # MLflow has costs since 3.10.
        wanted = {"input_cost": 1.0, "output_cost": 0.5, "total_cost": 1.5}
        assert found["cost"] == (wanted if version(store) >= (3, 10) else None)

    def test_totals_of_the_trace_itself_are_kept(
        self, store: TraceStore, experiment_id: str
    ) -> None:
        usage = {"input_tokens": 7, "output_tokens": 8, "total_tokens": 15}
        trace_id = uuid.uuid4().hex
        trace = new_trace(
            experiment_id,
            new_span(trace_id, 1),
            usage_span(trace_id, 2),
            metadata={"mlflow.trace.tokenUsage": json.dumps(usage)},
        )
        write(store, trace)
        write(store, trace)
        assert read(store, trace)["usage"] == usage

    def test_an_unknown_cost_is_not_zero(self, store: TraceStore, experiment_id: str) -> None:
        trace = new_trace(experiment_id, usage_span(uuid.uuid4().hex, 1))
        write(store, trace)
        found = read(store, trace)
        assert found["usage"]["total_tokens"] == 15
        assert found["cost"] is None

    def test_an_unknown_cost_is_no_difference_between_stores(self, store_uri: str) -> None:
        store = open_trace_store(store_uri)
        trace_id = uuid.uuid4().hex
        trace = new_trace(new_experiment(store), new_span(trace_id, 1), usage_span(trace_id, 2))
        write(store, trace)
        (told,) = trace_contents(store_uri).values()
        attributes = told["spans"]["2" * 16]["attributes"]
        assert attributes["mlflow.chat.tokenUsage"] == USAGE
        assert "mlflow.llm.cost" not in attributes

    def test_prices_are_not_looked_for_on_the_network(
        self, sqlite_uri: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = open_trace_store(sqlite_uri)
        with ScriptedServer({}) as catalog:
            monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", catalog.uri)
            monkeypatch.setitem(sys.modules, "litellm", None)
            model = {"mlflow.llm.model": "gpt-4o", "mlflow.llm.provider": "openai"}
            trace = new_trace(new_experiment(store), usage_span(uuid.uuid4().hex, 1, **model))
            write(store, trace)
            assert catalog.requests == []
        assert read(store, trace)["cost"] is None

    @pytest.mark.parametrize(
        "poison",
        [
            {"mlflow.llm.cost": None},
            {"mlflow.llm.cost": {"total_cost": None, "input_cost": math.nan}},
            {"mlflow.chat.tokenUsage": {"input_tokens": None, "output_tokens": 5}},
            {"mlflow.chat.tokenUsage": None},
            {"mlflow.chat.tokenUsage": [1]},
            {"mlflow.llm.model": None},
            {"mlflow.llm.model": {"a": 1}, "mlflow.llm.provider": 5},
        ],
    )
    def test_odd_usage_does_not_lose_the_trace(
        self, store: TraceStore, experiment_id: str, poison: dict[str, Any]
    ) -> None:
        trace = new_trace(experiment_id, usage_span(uuid.uuid4().hex, 1, **poison))
        write(store, trace)
        assert set(read(store, trace)["spans"]) == {ROOT}


class TestOddContent:
    def test_values_that_have_no_json_form(self, store: TraceStore, experiment_id: str) -> None:
        deep: Any = "bottom"
        for _ in range(200):
            deep = {"a": deep}
        values = {
            "nan": math.nan,
            "infinite": {"scores": [math.inf, -math.inf]},
            "half": "a\ud83d",
            "null": "a\0b",
            "huge": {"seed": 2**70},
            "digits": 10**5000,
            "deep": deep,
            "": "no name",
            "na\ud800me": 1,
        }
        trace = new_trace(
            experiment_id,
            new_span(
                uuid.uuid4().hex,
                1,
                name="na\ud800me\0",
                attributes={**values, "mlflow.spanInputs": values},
                events=(SpanEventRecord("e\ud800", START_NS, {"k\ud800": "v\udfff"}),),
            ),
            request_preview="p\ud800" * 1000,
            response_preview="p\0" * 1000,
            client_request_id="c" * 100,
            tags={"t\ud800": "v\0" * 5000},
            metadata={"m": "\ud800" * 500},
            assessments=(
                AssessmentRecord(
                    f"a-{uuid.uuid4().hex}",
                    "s" * 300,
                    "feedback",
                    {"v": [math.nan, "\ud800"]},
                    "CODE",
                    "s\0",
                    START_MS,
                    START_MS,
                    rationale="r\ud800\0",
                    metadata={"k": "\ud800"},
                ),
            ),
        )
        write(store, trace)
        found = read(store, trace)
        attributes = found["spans"][ROOT]["attributes"]
        assert attributes["nan"] == "NaN"
        assert attributes["infinite"] == {"scores": ["Infinity", "-Infinity"]}
        assert (attributes["half"], attributes["null"]) == ("a\ufffd", "a\0b")
        assert attributes["huge"] == {"seed": str(2**70)}
        assert attributes["na\ufffdme"] == 1
        assert attributes["mlflow.spanInputs"]["infinite"] == attributes["infinite"]
        assert found["spans"][ROOT]["name"] == "na\ufffdme\ufffd"
        assert found["spans"][ROOT]["events"] == [("e\ufffd", START_NS, {"k\ufffd": "v\ufffd"})]
        (assessment,) = found["assessments"]
        assert assessment["feedback"]["value"] == {"v": ["NaN", "\ufffd"]}

    def test_empty_values(self, store: TraceStore, experiment_id: str) -> None:
        attributes = {"list": [], "mapping": {}, "text": "", "zero": 0, "inner": {"a": [], "b": {}}}
        span = new_span(uuid.uuid4().hex, 1, attributes={**attributes, "nothing": None})
        trace = new_trace(experiment_id, span)
        write(store, trace)
        found = read_attributes(store, trace)
        assert "nothing" not in found
        if store.concurrency and version(store) < (3, 7):
            # MLflow 3.6 loses empty lists and mappings when it reads from a server.
            attributes = {"text": "", "zero": 0}
        assert found.items() >= attributes.items()

    def test_texts_that_hold_json_stay_texts(self, store: TraceStore, experiment_id: str) -> None:
        texts = ['{"a": 1}', "[1]", '"quoted"', " \n{}", "{no JSON", "12", "null", "true"]
        attributes = {f"inspect.{number}": text for number, text in enumerate(texts)}
        trace = new_trace(experiment_id, new_span(uuid.uuid4().hex, 1, attributes=attributes))
        write(store, trace)
        assert read_attributes(store, trace).items() >= attributes.items()

    def test_a_span_of_5_mb(self, store: TraceStore, experiment_id: str) -> None:
        trace_id = uuid.uuid4().hex
        text = os.urandom(2_500_000).hex()
        big = new_span(trace_id, 2, attributes={"mlflow.spanOutputs": text})
        trace = new_trace(experiment_id, new_span(trace_id, 1), big, new_span(trace_id, 3))
        write(store, trace)
        assert len(read(store, trace)["spans"]) == 3
        assert read_attributes(store, trace, "2" * 16)["mlflow.spanOutputs"] == text

    def test_many_spans(self, store: TraceStore, experiment_id: str) -> None:
        trace_id = uuid.uuid4().hex
        spans = [new_span(trace_id, number) for number in range(1, 652)]
        trace = new_trace(experiment_id, *spans)
        write(store, trace)
        assert len(read(store, trace)["spans"]) == 651
        with ScriptedServer({}) as server:
            open_trace_store(server.uri).log_spans(trace)
            assert [path for path, _ in server.requests] == ["/v1/traces"] * 3

    def test_a_trace_without_spans(self, store: TraceStore, experiment_id: str) -> None:
        trace = dataclasses.replace(new_trace(experiment_id), spans=())
        write(store, trace)
        (found,) = store.search_traces(experiment_id, "")
        assert found.trace_id == trace.trace_id


class TestAttachments:
    @pytest.fixture
    def attachment(self) -> AttachmentRecord:
        return AttachmentRecord(str(uuid.uuid4()), "image/png", PIXEL)

    def test_mlflow_finds_them(
        self, store: TraceStore, experiment_id: str, attachment: AttachmentRecord
    ) -> None:
        from mlflow import MlflowClient
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        trace = new_trace(experiment_id)
        location = write(store, trace)
        for _ in range(2):
            store.upload_trace_attachment(location, attachment)
        info = MlflowClient(tracking_uri=store.tracking_uri).get_trace(trace.mlflow_trace_id).info
        assert info.tags["mlflow.artifactLocation"] == location
        repository = get_artifact_repository(location, tracking_uri=store.tracking_uri)
        path = f"attachments/{attachment.attachment_id}"
        assert Path(repository.download_artifacts(path)).read_bytes() == PIXEL

    def test_the_pages_of_a_server_find_them(
        self, server_uri: str, attachment: AttachmentRecord
    ) -> None:
        import requests

        store = open_trace_store(server_uri)
        trace = new_trace(new_experiment(store))
        store.upload_trace_attachment(write(store, trace), attachment)
        response = requests.get(
            f"{server_uri}/ajax-api/3.0/mlflow/get-trace-artifact",
            {"request_id": trace.mlflow_trace_id, "path": attachment.attachment_id},
            timeout=10,
        )
        # MLflow shows attachments since 3.11.
        assert (response.content == PIXEL) is (version(store) >= (3, 11))

    def test_the_reference_is_the_one_that_mlflow_writes(
        self, attachment: AttachmentRecord
    ) -> None:
        attachments = pytest.importorskip("mlflow.tracing.attachments")
        parsed = attachments.Attachment.parse_ref(attachment.reference("tr-1"))
        assert parsed["attachment_id"] == attachment.attachment_id
        assert (parsed["content_type"], parsed["trace_id"]) == ("image/png", "tr-1")
        assert parsed.get("size", len(PIXEL)) == len(PIXEL)

    @pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 36, UPPER_CASE_UUID])
    def test_only_canonical_ids_are_taken(
        self, store: TraceStore, tmp_path: Path, name: str
    ) -> None:
        for location in (tmp_path.as_uri(), "mlflow-artifacts:/1/traces"):
            with pytest.raises(RejectedError):
                record = AttachmentRecord(name, "image/png", PIXEL)
                store.upload_trace_attachment(location, record)
        assert list(tmp_path.iterdir()) == []

    def test_there_must_be_a_place(self, store: TraceStore, attachment: AttachmentRecord) -> None:
        with pytest.raises(RejectedError) as caught:
            store.upload_trace_attachment("", attachment)
        assert caught.value.cause == "artifact_store"


class TestSearch:
    def test_every_page_is_read(
        self, store: TraceStore, experiment_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("inspect_mlflow_core.connection._trace_info._PAGE", 2)
        traces = [
            new_trace(
                experiment_id,
                request_time_ms=START_MS + number,
                tags={"inspect.eval_id": f"e{number % 2}"},
                metadata={"mlflow.sourceRun": "f" * 32},
            )
            for number in range(5)
        ]
        for trace in traces:
            store.start_trace(trace)
        found = store.search_traces(experiment_id, "")
        assert [trace.trace_id for trace in found] == [trace.trace_id for trace in traces]
        assert all(trace.state == "OK" for trace in found)
        assert all(trace.metadata["mlflow.sourceRun"] == "f" * 32 for trace in found)
        some = store.search_traces(experiment_id, "tags.`inspect.eval_id` = 'e0'")
        assert [trace.trace_id for trace in some] == [trace.trace_id for trace in traces[::2]]
        assert some[0].tags["inspect.eval_id"] == "e0"

    def test_assessments_are_told_also_those_of_others(
        self, store: TraceStore, experiment_id: str
    ) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import AssessmentSource, Feedback

        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        added = Feedback("match", False, source=AssessmentSource("HUMAN", "me"))
        added.trace_id = trace.mlflow_trace_id
        client = MlflowClient(tracking_uri=store.tracking_uri)
        written = client._tracking_client.store.create_assessment(added)
        (found,) = store.search_traces(experiment_id, "")
        expected = {
            (assessment.assessment_id, assessment.name, assessment.kind)
            for assessment in trace.assessments
            if assessment.name != "nothing"
        }
        expected.add((written.assessment_id, "match", "feedback"))
        told = [(each.assessment_id, each.name, each.kind) for each in found.assessments]
        assert sorted(told) == sorted(expected)

    def test_a_trace_without_assessments(self, store: TraceStore, experiment_id: str) -> None:
        write(store, new_trace(experiment_id))
        (found,) = store.search_traces(experiment_id, "")
        assert found.assessments == ()

    def test_scores_tokens_and_spans_can_be_searched(
        self, store: TraceStore, experiment_id: str
    ) -> None:
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        write(store, trace)
        write(store, new_trace(experiment_id))
        for filter_string in (
            "feedback.match = 'true'",
            "metadata.`mlflow.sourceRun` = '" + "f" * 32 + "'",
            "trace.status = 'ERROR'",
            "span.type = 'CHAT_MODEL'",
        ):
            (found,) = store.search_traces(experiment_id, filter_string)
            assert found.trace_id == trace.trace_id

    def test_a_wrong_filter_is_rejected(self, store: TraceStore, experiment_id: str) -> None:
        with pytest.raises(RejectedError):
            store.search_traces(experiment_id, "nonsense !!")


class TestSeveralTraces:
    def test_together_they_are_as_written_one_by_one(self, store: TraceStore) -> None:
        identifiers = [uuid.uuid4().hex for _ in range(4)]
        experiments = [new_experiment(store), new_experiment(store)]
        traces = [rich_trace(experiments[i % 2], each) for i, each in enumerate(identifiers)]
        for trace in traces:
            store.start_trace(dataclasses.replace(trace, state="IN_PROGRESS"))
        store.log_spans(*traces)
        together = [read(store, trace) for trace in traces]
        for trace in traces:
            write(store, trace)
        assert [read(store, trace) for trace in traces] == together
        for trace, contents in zip(traces, together, strict=True):
            assert contents["trace_location"]["mlflow_experiment"]["experiment_id"] == (
                trace.experiment_id
            )
            assert set(contents["spans"]) == {span.span_id for span in trace.spans}
            assert contents["usage"]["total_tokens"] == USAGE["total_tokens"]

    def test_they_share_requests_of_bounded_size(
        self, server_uri: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from inspect_mlflow_core.connection import _trace_encoding

        with faulty_proxy(server_uri) as (uri, state):
            store = open_trace_store(uri)
            experiment_id = new_experiment(store)
            traces = [rich_trace(experiment_id, uuid.uuid4().hex) for _ in range(5)]
            store.log_spans(*traces)
            assert state.paths.count("/v1/traces") == 1
            monkeypatch.setattr(_trace_encoding, "REQUEST_SPANS", 4)
            store.log_spans(*traces)
            assert state.paths.count("/v1/traces") == 1 + 4
        for trace in traces:
            found = read(open_trace_store(server_uri), trace)
            assert set(found["spans"]) == {span.span_id for span in trace.spans}

    def test_none_and_those_without_spans_are_no_request(self, server_uri: str) -> None:
        with faulty_proxy(server_uri) as (uri, state):
            store = open_trace_store(uri)
            trace = dataclasses.replace(new_trace(new_experiment(store)), spans=())
            state.paths.clear()
            store.log_spans()
            store.log_spans(trace)
            assert [path for path in state.paths if path != "/version"] == []


class TestSideEffects:
    def test_the_global_state_of_mlflow_is_left_alone(
        self,
        store: TraceStore,
        experiment_id: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        import mlflow
        from mlflow.tracking import fluent

        def state() -> tuple[Any, ...]:
            runs = mlflow.active_run(), mlflow.last_active_run()
            span = mlflow.get_current_active_span()
            return mlflow.get_tracking_uri(), runs, fluent._active_experiment_id, span

        monkeypatch.chdir(tmp_path)
        before, environment = state(), dict(os.environ)
        trace = rich_trace(experiment_id, uuid.uuid4().hex)
        thread = threading.Thread(target=write, args=(store, trace))
        thread.start()
        thread.join()
        write(store, trace)
        store.search_traces(experiment_id, "")
        assert state() == before
        assert dict(os.environ) == environment
        assert list(tmp_path.iterdir()) == []

    def test_a_server_is_written_to_without_mlflow(self, server_uri: str) -> None:
        store = open_trace_store(server_uri)
        program = (
            "import sys\n"
            "from inspect_mlflow_core.connection import SpanRecord, TraceRecord, open_trace_store\n"
            "uri, experiment_id, trace_id = sys.argv[1:]\n"
            f"span = SpanRecord(trace_id, {ROOT!r}, None, 'n', 'AGENT', 1, 2)\n"
            "trace = TraceRecord(trace_id, experiment_id, 'OK', 0, 1, 'q', 'a', spans=(span,))\n"
            "store = open_trace_store(uri)\n"
            "store.start_trace(trace)\n"
            "store.log_spans(trace)\n"
            "loaded = {'mlflow', 'pandas', 'numpy', 'inspect_ai'} & set(sys.modules)\n"
            "assert not loaded, loaded\n"
        )
        arguments = [server_uri, new_experiment(store), uuid.uuid4().hex]
        subprocess.run([sys.executable, "-c", program, *arguments], check=True, timeout=60)


class TestRefusals:
    def test_a_missing_experiment(self, store: TraceStore) -> None:
        with pytest.raises(RejectedError) as caught:
            store.start_trace(new_trace("987654321"))
        assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
        with pytest.raises(DeliveryError):
            store.log_spans(new_trace("987654321"))

    def test_a_value_that_no_request_can_hold(self, store: TraceStore, experiment_id: str) -> None:
        trace = new_trace(experiment_id)
        with pytest.raises(RejectedError):
            store.log_spans(
                dataclasses.replace(trace, spans=(new_span(trace.trace_id, 1, start_time_ns=-5),))
                if store.concurrency
                else dataclasses.replace(trace, spans=(new_span("no hexadecimal", 1),))
            )
        with pytest.raises(RejectedError):
            store.start_trace(dataclasses.replace(trace, request_time_ms=10**30))

    def test_databricks(self) -> None:
        for uri in ("databricks", "databricks://profile"):
            with pytest.raises(RejectedError) as caught:
                open_trace_store(uri)
            assert caught.value.cause == "traces_unsupported"

    def test_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        store = open_trace_store(str(tmp_path / "runs"))
        for call in (store.start_trace, store.log_spans):
            with pytest.raises(RejectedError) as caught:
                call(new_trace("0"))
            assert caught.value.cause == "traces_unsupported"

    def test_reprs_hold_no_credentials(self) -> None:
        store = open_trace_store("http://name:s3cr3t@127.0.0.1:1")
        assert "s3cr3t" not in repr(store) and "127.0.0.1" in repr(store)


Scripted = tuple[int, str, str]


class ScriptedServer:
    """Answers each path with one status, content type and body, after the version."""

    def __init__(self, answers: dict[str, Scripted], version: str = "3.17.2") -> None:
        self.requests: list[tuple[str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path == "/version":
                    self.reply(200, "text/plain", version)
                    return
                outer.requests.append((self.path, body))
                self.reply(*answers.get(self.path, (200, "application/json", "{}")))

            def reply(self, status: int, content_type: str, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *arguments: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def error_json(code: str, message: str = "m") -> str:
    return json.dumps({"error_code": code, "message": message})


class TestAnswers:
    def test_two_writers_at_one_trace(self) -> None:
        met = (400, "application/json", error_json("BAD_REQUEST", "UNIQUE constraint failed: t.k"))
        with ScriptedServer({"/api/3.0/mlflow/traces": met}) as server:
            with pytest.raises(RetryableError) as caught:
                open_trace_store(server.uri).start_trace(new_trace("1"))
            assert caught.value.cause == "database_locked"

    @pytest.mark.parametrize(
        ("answer", "kind", "cause"),
        [
            ((501, "application/json", "{}"), RejectedError, "traces_unsupported"),
            ((404, "text/html", "not found"), RejectedError, "traces_unsupported"),
            ((405, "application/json", "{}"), RejectedError, "traces_unsupported"),
            (
                (404, "application/json", error_json("RESOURCE_DOES_NOT_EXIST")),
                RejectedError,
                "http_404",
            ),
            ((422, "application/json", '{"detail": "bad"}'), RejectedError, "http_422"),
            (
                (422, "application/json", '{"detail": "database is locked"}'),
                RetryableError,
                "database_locked",
            ),
            (
                (400, "application/json", error_json("BAD_REQUEST", "psycopg2 UniqueViolation")),
                RetryableError,
                "database_locked",
            ),
            ((413, "text/html", "too large"), RejectedError, "http_413"),
            ((503, "text/html", "later"), RetryableError, "http_503"),
            ((200, "text/html", "<html>log in</html>"), RetryableError, "not_mlflow"),
        ],
    )
    def test_to_spans(self, answer: Scripted, kind: type[DeliveryError], cause: str) -> None:
        with ScriptedServer({"/v1/traces": answer}) as server:
            with pytest.raises(kind) as caught:
                open_trace_store(server.uri).log_spans(new_trace("1"))
            assert caught.value.cause == cause

    @pytest.mark.parametrize("code", ["ALREADY_EXISTS", "RESOURCE_ALREADY_EXISTS"])
    def test_what_is_there_already_is_written(self, code: str) -> None:
        answer = (400, "application/json", error_json(code))
        with ScriptedServer({"/api/3.0/mlflow/traces": answer}) as server:
            assert open_trace_store(server.uri).start_trace(new_trace("1")) == ""

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ((404, "application/json", error_json("RESOURCE_DOES_NOT_EXIST")), None),
            ((404, "text/html", "not found"), RejectedError),
            ((403, "application/json", error_json("PERMISSION_DENIED")), RejectedError),
            ((500, "application/json", error_json("INTERNAL_ERROR")), RetryableError),
            (
                (400, "application/json", error_json("BAD_REQUEST", "database is locked")),
                RetryableError,
            ),
        ],
    )
    def test_to_the_removal_of_an_assessment(
        self, answer: Scripted, kind: type[DeliveryError] | None
    ) -> None:
        path = f"/api/3.0/mlflow/traces/tr-{'1' * 32}/assessments/a-2%2F3"
        with ScriptedServer({path: answer}) as server:
            store = open_trace_store(server.uri)
            if kind is None:
                store.delete_assessment("1" * 32, "a-2/3")
            else:
                with pytest.raises(kind):
                    store.delete_assessment("1" * 32, "a-2/3")
            assert server.requests == [(path, b"")]

    def test_another_experiment_of_the_trace_is_an_error(self) -> None:
        text = error_json("INVALID_PARAMETER_VALUE", "already exists in another experiment")
        answer = (400, "application/json", text)
        with (
            ScriptedServer({"/api/3.0/mlflow/traces": answer}) as server,
            pytest.raises(RejectedError),
        ):
            open_trace_store(server.uri).start_trace(new_trace("1"))

    @pytest.mark.parametrize("version", ["2.22.0", "3.5.1"])
    def test_an_old_server_gets_nothing(self, version: str) -> None:
        with ScriptedServer({}, version) as server:
            store = open_trace_store(server.uri)
            assert store.check() == version
            for call in (store.start_trace, store.log_spans):
                with pytest.raises(RejectedError, match=version) as caught:
                    call(new_trace("1"))
                assert caught.value.cause == "traces_unsupported"
            assert server.requests == []

    def test_an_old_mlflow_here_writes_nothing(
        self, store_uri: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import mlflow

        monkeypatch.setattr(mlflow, "__version__", "3.5.1")
        store = open_trace_store(store_uri)
        for call in (store.start_trace, store.log_spans):
            with pytest.raises(RejectedError, match="3.5.1") as caught:
                call(new_trace("0"))
            assert caught.value.cause == "traces_unsupported"

    def test_a_server_that_does_not_answer_is_asked_again(self) -> None:
        with ScriptedServer({}) as server:
            uri = server.uri
        store = open_trace_store(uri)
        for _ in range(2):
            with pytest.raises(RetryableError):
                store.log_spans(new_trace("1"))

    def test_requests_that_are_too_large_for_a_proxy_are_halved(self) -> None:
        answer = (413, "text/html", "")
        with ScriptedServer({"/v1/traces": answer}) as server:
            trace_id = uuid.uuid4().hex
            trace = new_trace("1", *(new_span(trace_id, number) for number in range(1, 9)))
            with pytest.raises(RejectedError):
                open_trace_store(server.uri).log_spans(trace)
            sizes = [len(body) for _, body in server.requests]
            assert len(sizes) == 4 and sizes == sorted(sizes, reverse=True)

    def test_totals_are_written_last_where_spans_would_change_them(self) -> None:
        trace = new_trace("1")
        with ScriptedServer({}, "3.6.0") as server:
            open_trace_store(server.uri).log_spans(trace)
            paths = [path for path, _ in server.requests]
            info = "/api/3.0/mlflow/traces"
            assert set(paths) == {"/v1/traces", f"{info}/{trace.mlflow_trace_id}", info}
            assert (paths[0], paths[-1]) == ("/v1/traces", info)
