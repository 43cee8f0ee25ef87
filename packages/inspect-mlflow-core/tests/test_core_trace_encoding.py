"""Values of any kind become attributes that MLflow takes and gives back."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspect_mlflow_core.connection import (
    AssessmentRecord,
    SpanEventRecord,
    SpanRecord,
    TraceRecord,
    traces_supported,
)
from inspect_mlflow_core.connection._attribute_json import attribute_json
from inspect_mlflow_core.connection._trace_encoding import (
    otlp_request,
    otlp_span,
    request_batches,
    root_last,
    span_attributes,
)
from inspect_mlflow_core.connection._trace_info import start_trace_body
from inspect_mlflow_core.testing.marks import needs_traces

INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)
ODD = st.recursive(
    PLAIN
    | st.floats()
    | st.integers()
    | st.text(st.characters(categories=["Cs"]))
    | st.binary()
    | st.just(object())
    | st.builds(lambda: 10**5000)
    | st.sampled_from([{1: 2}, {None: float("nan")}, (1, {"a": (2,)}), {3}]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


# First examples import MLflow and load tables of characters.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def span(attributes: dict[str, Any], **changes: Any) -> SpanRecord:
    fields: dict[str, Any] = {
        "trace_id": "a" * 32,
        "span_id": "1" * 16,
        "parent_id": None,
        "name": "root",
        "span_type": "AGENT",
        "start_time_ns": 1_000_000_000,
        "end_time_ns": 2_000_000_000,
    }
    return SpanRecord(**{**fields, **changes}, attributes=attributes)


def sent(record: SpanRecord, *, as_text: bool) -> Any:
    """The span as it lies in a request."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    request.ParseFromString(otlp_request([otlp_span(record, as_text=as_text)]))
    (message,) = request.resource_spans[0].scope_spans[0].spans
    return message


def as_mlflow_reads(record: SpanRecord) -> Any:
    """What MLflow's server makes of nested values."""
    from mlflow.entities import Span

    return Span.from_otel_proto(sent(record, as_text=False))


def sent_value(value: Any) -> tuple[str, Any]:
    """Kind and content of an attribute that is sent as text."""
    message = sent(span({"inspect.value": value}), as_text=True)
    (found,) = (a.value for a in message.attributes if a.key == "inspect.value")
    kind = found.WhichOneof("value")
    return kind, getattr(found, kind)


@unhurried
@given(PLAIN)
def test_json_values_are_kept(value: Any) -> None:
    assert json.loads(attribute_json(value)) == value


@unhurried
@given(ODD)
def test_anything_becomes_json_that_fits_into_64_bits_and_utf_8(value: Any) -> None:
    text = attribute_json(value)
    text.encode()

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    def check(item: Any) -> None:
        if isinstance(item, int):
            assert -(2**63) <= item < 2**63
        elif isinstance(item, (list, dict)):
            for inner in item.values() if isinstance(item, dict) else item:
                check(inner)

    check(json.loads(text, parse_constant=refuse))


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (math.nan, "NaN"),
        ({"a": [math.inf, -math.inf]}, {"a": ["Infinity", "-Infinity"]}),
        ({"seed": 2**63}, {"seed": "9223372036854775808"}),
        (-(2**63), -(2**63)),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ({"\ud800": "\udfff"}, {"\ufffd": "\ufffd"}),
        ("\ud83d\ude00", "\N{GRINNING FACE}"),
        ("a\0b", "a\0b"),
        ({1: (2, None)}, {"1": [2, None]}),
        ("", ""),
        ({}, {}),
        ([], []),
        ([[]], [[]]),
    ],
)
def test_values_that_stores_refuse_are_written_otherwise(value: Any, stored: Any) -> None:
    assert json.loads(attribute_json(value)) == stored


def test_what_is_nested_too_deeply_to_be_read_back_becomes_text() -> None:
    value: Any = "bottom"
    for _ in range(50):
        value = {"a": value}
    stored = json.loads(attribute_json(value))
    for _ in range(20):
        stored = stored["a"]
    assert isinstance(stored, str)
    assert stored.count("{") == 30 and "bottom" in stored


def test_a_value_that_holds_itself_ends() -> None:
    value: dict[str, Any] = {}
    value["again"] = [value]
    assert "again" in attribute_json(value)


@needs_traces
@unhurried
@given(PLAIN.filter(lambda value: value is not None))
def test_mlflow_reads_nested_values(value: Any) -> None:
    read = as_mlflow_reads(span({"inspect.value": value}))
    assert read.get_attribute("inspect.value") == value


@unhurried
@given(st.lists(PLAIN) | st.dictionaries(TEXTS, PLAIN))
def test_nested_values_can_go_as_text(value: Any) -> None:
    kind, text = sent_value(value)
    assert (kind, json.loads(text)) == ("string_value", value)


@pytest.mark.parametrize("value", [True, 1, 1.5, "", "text", "12", "null"])
def test_single_values_go_as_they_are(value: Any) -> None:
    assert sent_value(value)[1] == value


@pytest.mark.parametrize("text", ['{"a": 1}', "[1]", '"quoted"', " \n{}", "{no JSON"])
def test_texts_that_mlflow_would_unpack_are_packed(text: str) -> None:
    assert json.loads(sent_value(text)[1]) == text


@needs_traces
def test_a_span_arrives_whole() -> None:
    record = span(
        {"mlflow.spanInputs": {"a": 1}},
        parent_id="2" * 16,
        name="n\ud800\0",
        status="ERROR",
        status_message="why\ud800",
        events=(SpanEventRecord("exception\0", 1_500_000_000, {"exception.type": "E\udfff"}),),
    )
    read = as_mlflow_reads(record)
    assert (read.trace_id, read.span_id, read.parent_id) == ("tr-" + "a" * 32, "1" * 16, "2" * 16)
    assert (read.name, read.span_type, read.inputs) == ("n\ufffd\ufffd", "AGENT", {"a": 1})
    assert (read.start_time_ns, read.end_time_ns) == (1_000_000_000, 2_000_000_000)
    assert (read.status.status_code, read.status.description) == ("ERROR", "why\ufffd")
    (event,) = read.events
    assert (event.name, event.timestamp) == ("exception\ufffd", 1_500_000_000)
    assert event.attributes == {"exception.type": "E\ufffd"}


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("mlflow.llm.cost", None, None),
        ("mlflow.llm.cost", {"total_cost": None}, None),
        ("mlflow.llm.cost", {}, None),
        ("mlflow.llm.cost", {"total_cost": math.nan, "input_cost": 1}, {"input_cost": 1.0}),
        ("mlflow.chat.tokenUsage", "many", None),
        (
            "mlflow.chat.tokenUsage",
            {"input_tokens": 3.0, "output_tokens": None, "total_tokens": True, "x": 2**70},
            {"input_tokens": 3},
        ),
        ("mlflow.spanOutputs", None, None),
        ("mlflow.spanOutputs", {"choices": None}, {"choices": None}),
    ],
)
def test_nothing_is_sent_for_which_mlflow_refuses_the_request(
    name: str, value: Any, sent: Any
) -> None:
    assert span_attributes(span({name: value})).get(name) == sent


def test_requests_are_bounded_and_end_with_the_root() -> None:
    children = [span({}, span_id=f"{i:016x}", parent_id="1" * 16) for i in range(2, 1000)]
    ordered = root_last([span({}), *children])
    assert ordered == [*children, span({})]
    batches = list(request_batches(ordered, lambda _: 1))
    assert [len(batch) for batch in batches] == [300, 300, 300, 99]
    assert [record for batch in batches for record in batch] == ordered
    sizes = [3_000_000, 900_000, 200_000, 5_000_000, 1, 4_000_000]
    assert list(request_batches(sizes, int)) == [
        [3_000_000, 900_000],
        [200_000],
        [5_000_000],
        [1],
        [4_000_000],
    ]
    assert list(request_batches([], int)) == []


def test_texts_of_a_trace_are_cut_to_what_columns_hold() -> None:
    long = "x\0" * 5000
    assessment = AssessmentRecord("a-1", long, "feedback", 1, "CODE", long, 0, 0)
    trace = TraceRecord(
        "a" * 32, "1", "OK", 0, 1, long, long, long, {"t": long}, {"m": long}, (assessment,)
    )
    info = start_trace_body(trace)["trace"]["trace_info"]
    (sent,) = info["assessments"]
    lengths = [len(info[name]) for name in ("request_preview", "response_preview")]
    lengths += [len(info["client_request_id"]), len(info["tags"]["t"])]
    lengths += [len(info["trace_metadata"]["m"]), len(sent["assessment_name"])]
    assert lengths == [1000, 1000, 50, 4096, 250, 250]
    assert "\0" not in json.dumps(info, ensure_ascii=False)


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("3.5.1", False),
        ("2.22.0", False),
        ("3.6.0", True),
        ("3.10.1", True),
        ("3.18.0", True),
        ("4.0.0.dev0", True),
        ("", True),
    ],
)
def test_traces_need_mlflow_3_6(version: str, supported: bool) -> None:
    assert traces_supported(version) is supported
