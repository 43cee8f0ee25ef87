"""What a row of scan results becomes, without a store."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_core.connection import AssessmentRecord, KeptAssessment
from inspect_mlflow_scout.push._feedback import (
    MOST_ASSESSMENTS,
    Mapped,
    ScanFacts,
    row_time_ms,
    scan_assessments,
)
from inspect_mlflow_scout.push._plan import PREFIX_CHARACTERS, Plan, group_prefix, push_plan
from inspect_mlflow_scout.push._references import EMPTY_INDEX, SpanIndex
from inspect_mlflow_scout.push._scan import ScannerInfo

SCANNER = ScannerInfo("refusals", "refusal_scanner", 3, "1.2", {"pattern": "no"})
FACTS = ScanFacts("scan-1", SCANNER, git_commit="abc123", model="mockllm/model")
TIME = "2026-01-02T03:04:05.678+00:00"
TIME_MS = 1_767_323_045_678


def row(**columns: Any) -> dict[str, Any]:
    return {
        "transcript_id": "t1",
        "input_type": "transcript",
        "input_ids": '["t1"]',
        "uuid": "u1",
        "value": "true",
        "value_type": "boolean",
        "metadata": "{}",
        "message_references": "[]",
        "event_references": "[]",
        "scan_total_tokens": 0,
        "scan_model_usage": "{}",
        "timestamp": TIME,
        **columns,
    }


def result_set(*members: dict[str, Any]) -> dict[str, Any]:
    return row(value=json.dumps(members), value_type="resultset")


def mapped(
    *rows: dict[str, Any], facts: ScanFacts = FACTS, spans: SpanIndex = EMPTY_INDEX
) -> Mapped:
    return scan_assessments(rows, facts, spans)


def only(*rows: dict[str, Any], **options: Any) -> AssessmentRecord:
    (record,) = mapped(*rows, **options).records
    return record


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("boolean", "true", True),
        ("boolean", "False", False),
        ("number", "3", 3),
        ("number", "0.5", 0.5),
        ("number", "1e3", 1000.0),
        ("string", "true", "true"),
        ("string", "", ""),
        ("array", '[1, "a", true]', [1, "a", True]),
        ("object", '{"a": {"b": null}}', {"a": {"b": None}}),
        ("verdict", '{"score": 1}', {"score": 1}),
        ("verdict", "not json", "not json"),
    ],
)
def test_a_value_keeps_its_type(kind: str, text: str, value: Any) -> None:
    record = only(row(value=text, value_type=kind))

    assert record.value == value
    assert type(record.value) is type(value)
    assert record.kind == "feedback"
    assert record.error_code is None


@pytest.mark.parametrize(
    ("text", "name"), [("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity")]
)
def test_a_number_that_no_database_holds_is_an_error(text: str, name: str) -> None:
    record = only(row(value=text, value_type="number"))

    assert record.value is None
    assert record.error_code == "NOT_FINITE"
    assert name in (record.error_message or "")


def test_nothing_found_is_no_assessment() -> None:
    found = mapped(row(value=None, value_type="null"))

    assert found.records == ()
    assert found.without_value == 1


def test_a_result_tells_who_said_it_and_when() -> None:
    record = only(row())

    assert (record.name, record.source_type) == ("scout/refusals", "CODE")
    assert record.source_id == "refusal_scanner@3"
    assert record.create_time_ms == record.last_update_time_ms == TIME_MS
    assert record.metadata == {
        "scout.scan_id": "scan-1",
        "scout.scanner": "refusal_scanner",
        "scout.scanner_version": "3",
        "scout.scanner_package_version": "1.2",
        "scout.scanner_params": '{"pattern": "no"}',
        "scout.git_commit": "abc123",
        "scout.transcript_id": "t1",
        "scout.result_uuid": "u1",
    }


def test_a_scanner_that_asked_a_model_is_a_judge() -> None:
    usage = json.dumps({"openai/gpt-x": {"total_tokens": 7}})

    record = only(row(scan_total_tokens=7, scan_model_usage=usage))

    assert (record.source_type, record.source_id) == ("LLM_JUDGE", "openai/gpt-x")


def test_the_model_of_the_scan_stands_in_for_an_unnamed_one() -> None:
    record = only(row(scan_total_tokens=7, scan_model_usage=None))

    assert (record.source_type, record.source_id) == ("LLM_JUDGE", "mockllm/model")


@pytest.mark.parametrize(
    ("answer", "explanation", "rationale"),
    [
        (None, None, None),
        (None, "because", "because"),
        ("yes", "because", "because\n\nAnswer: yes"),
        ("yes", None, "Answer: yes"),
        ("because", "because", "because"),
    ],
)
def test_a_rationale_is_the_explanation_and_the_answer(
    answer: str | None, explanation: str | None, rationale: str | None
) -> None:
    record = only(row(answer=answer, explanation=explanation))

    assert record.rationale == rationale
    assert record.metadata.get("scout.answer") == answer


def test_an_answer_that_is_the_value_is_not_told_twice() -> None:
    assert only(row(value="B", value_type="string", answer="B")).rationale is None


def test_members_of_a_result_set_keep_their_types_and_labels() -> None:
    found = mapped(
        result_set(
            {"uuid": "a", "value": True, "label": "lie"},
            {"uuid": "b", "value": 0.5, "label": "lie"},
            {"uuid": "c", "value": 1, "label": "2"},
            {"uuid": "d", "value": "x"},
            {"uuid": "e", "value": None, "label": "quiet"},
        )
    )

    told = [(each.name, each.value, each.metadata["scout.result_uuid"]) for each in found.records]
    assert told == [
        ("scout/refusals/lie", True, "a"),
        ("scout/refusals/lie/2", 0.5, "b"),
        ("scout/refusals/2", 1, "c"),
        ("scout/refusals", "x", "d"),
    ]
    assert type(found.records[2].value) is int
    assert found.without_value == 1


def test_an_empty_result_set_says_nothing() -> None:
    assert mapped(result_set()).records == ()


def test_a_scan_error_is_feedback_without_a_value() -> None:
    record = only(
        row(
            value=None,
            value_type="null",
            scan_error="no way: https://me:secret@host/x",
            scan_error_type=None,
        )
    )

    assert (record.name, record.value, record.error_code) == ("scout/refusals", None, "SCAN_ERROR")
    assert "no way" in (record.error_message or "")
    assert "secret" not in (record.error_message or "")


def test_a_refusal_is_told_from_other_errors() -> None:
    record = only(row(value=None, scan_error="I cannot", scan_error_type="refusal"))

    assert record.error_code == "REFUSAL"


@pytest.mark.parametrize("target", [True, "yes", 0, {"lie": False}, [1]])
def test_a_validation_case_is_an_expectation(target: Any) -> None:
    expectation, feedback = mapped(
        row(validation_target=json.dumps(target), validation_result="false")
    ).records

    assert (expectation.kind, expectation.name) == ("expectation", "scout/refusals")
    assert expectation.value == target
    assert expectation.source_type == "HUMAN"
    assert feedback.kind == "feedback"
    assert feedback.metadata["scout.validation_result"] == "false"


def test_the_first_reference_with_a_span_says_where() -> None:
    spans = SpanIndex({"e2": "span of e2"}, {"m1": "span of m1"})
    events = json.dumps([{"type": "event", "id": "e1"}, {"type": "event", "id": "e2"}])
    messages = json.dumps([{"type": "message", "id": "m1", "cite": "[M1]"}])

    both = only(row(event_references=events, message_references=messages), spans=spans)
    message = only(row(message_references=messages), spans=spans)
    none = only(row(message_references='[{"type": "message", "id": "m9"}]'), spans=spans)

    assert both.span_id == "span of e2"
    assert message.span_id == "span of m1"
    assert none.span_id is None
    assert json.loads(message.metadata["scout.references"])[0]["cite"] == "[M1]"


def test_what_was_scanned_says_where_a_result_without_references_belongs() -> None:
    spans = SpanIndex({}, {"m1": "span of m1"})

    record = only(row(input_type="message", input_ids='["m1"]'), spans=spans)

    assert record.span_id == "span of m1"
    assert record.metadata["scout.input_ids"] == '["m1"]'


def test_a_transcript_within_a_trace_is_the_span_of_its_sample() -> None:
    spans = SpanIndex({"e": "span of e"}, {}, own="span of the sample")

    assert only(row(), spans=spans).span_id == "span of the sample"
    event = only(row(event_references='[{"type": "event", "id": "e"}]'), spans=spans)
    assert event.span_id == "span of e"


def test_results_about_several_messages_have_one_name() -> None:
    rows = [row(input_type="message", input_ids=f'["m{n}"]', uuid=f"u{n}") for n in range(3)]

    names = {record.name for record in mapped(*rows).records}

    assert names == {"scout/refusals"}


def test_a_trace_gets_only_so_many_of_one_scanner() -> None:
    rows = [row(input_type="message", uuid=f"u{n}") for n in range(MOST_ASSESSMENTS + 7)]

    found = mapped(*rows)

    assert len(found.records) == MOST_ASSESSMENTS
    assert found.left_out == 7


def test_credentials_of_a_scanner_stay_here() -> None:
    scanner = replace(SCANNER, params={"api_key": "sk-1234567890", "n": 1})

    record = only(row(), facts=replace(FACTS, scanner=scanner))

    assert json.loads(record.metadata["scout.scanner_params"]) == {"api_key": "***", "n": 1}


@pytest.mark.parametrize(
    "columns",
    [
        {"value": "x" * 100_000, "value_type": "string"},
        {"value": json.dumps(["x" * 100_000]), "value_type": "array"},
        {"explanation": "x" * 100_000},
        {"answer": "x" * 100_000},
        {"metadata": json.dumps({"a": "x" * 100_000})},
        {"scan_error": "x" * 100_000},
    ],
    ids=["text", "list", "explanation", "answer", "metadata", "error"],
)
def test_what_is_cut_is_said_in_place(columns: dict[str, Any]) -> None:
    record = only(row(**columns))

    texts = [record.value, record.rationale, record.error_message, *record.metadata.values()]
    cut = [text for text in texts if isinstance(text, str) and "[cut " in text]
    assert cut
    assert all(len(text) <= 16_000 for text in texts if isinstance(text, str))


def test_references_that_do_not_fit_are_counted() -> None:
    references = [{"type": "message", "id": f"message-{n}", "cite": f"[M{n}]"} for n in range(99)]

    record = only(row(message_references=json.dumps(references)))

    kept = json.loads(record.metadata["scout.references"])
    assert kept == references[: len(kept)]
    assert int(record.metadata["scout.references_left_out"]) == 99 - len(kept) > 0


@pytest.mark.parametrize("text", [None, "", "yesterday", 7])
def test_a_row_without_a_time_has_none(text: Any) -> None:
    assert row_time_ms({"timestamp": text}) == 0


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    value=JSON_VALUES,
    kind=st.sampled_from(["boolean", "number", "string", "array", "object", "resultset", "x"]),
    columns=st.dictionaries(
        st.sampled_from(
            [
                "input_type",
                "input_ids",
                "answer",
                "explanation",
                "metadata",
                "message_references",
                "event_references",
                "validation_target",
                "scan_model_usage",
                "timestamp",
            ]
        ),
        JSON_VALUES.map(json.dumps) | st.text(),
    ),
)
def test_odd_rows_never_fail(value: Any, kind: str, columns: dict[str, str]) -> None:
    found = mapped(row(value=json.dumps(value), value_type=kind, **columns))

    numbers = [each.value for each in found.records if isinstance(each.value, float)]
    assert all(map(math.isfinite, numbers))


def planned(
    records: tuple[AssessmentRecord, ...], kept: list[KeptAssessment], latest_ms: int = TIME_MS
) -> Plan:
    return push_plan(PREFIX, records, {PREFIX: kept} if kept else {}, latest_ms)


PREFIX = group_prefix("tr-1", "t1", "refusals", "refusal_scanner")


def stored(records: tuple[AssessmentRecord, ...]) -> list[KeptAssessment]:
    return [
        KeptAssessment(each.assessment_id, each.name, each.kind, each.create_time_ms)
        for each in records
    ]


def test_what_is_there_is_not_written_again() -> None:
    records = mapped(result_set({"value": 1}, {"value": 2})).records
    first = planned(records, [])

    again = planned(records, stored(first.create))

    assert len(first.create) == 2
    assert all(each.assessment_id.startswith(PREFIX) for each in first.create)
    assert all(len(each.assessment_id) <= 50 for each in first.create)
    assert len(PREFIX) == PREFIX_CHARACTERS
    assert (again.create, again.delete, again.unchanged) == ((), (), 2)


def test_another_version_replaces_what_the_scanner_said() -> None:
    first = planned(mapped(row()).records, [])
    newer = replace(FACTS, scanner=replace(SCANNER, version=4))

    plan = planned(mapped(row(), facts=newer).records, stored(first.create))

    assert len(plan.create) == 1
    assert plan.delete == (first.create[0].assessment_id,)


def test_what_a_later_scan_does_not_find_goes() -> None:
    first = planned(mapped(row()).records, [])

    plan = planned((), stored(first.create), latest_ms=TIME_MS + 1)

    assert plan.create == ()
    assert plan.delete == (first.create[0].assessment_id,)


def test_an_earlier_scan_replaces_nothing() -> None:
    first = planned(mapped(row()).records, [])

    plan = planned(mapped(row(value="false")).records, stored(first.create), latest_ms=TIME_MS - 1)

    assert plan.superseded
    assert (plan.create, plan.delete) == ((), ())


def test_scanners_transcripts_and_traces_keep_out_of_each_others_way() -> None:
    prefixes = {
        group_prefix("tr-1", "t1", "refusals", "refusal_scanner"),
        group_prefix("tr-2", "t1", "refusals", "refusal_scanner"),
        group_prefix("tr-1", "t2", "refusals", "refusal_scanner"),
        group_prefix("tr-1", "t1", "refusals_2", "refusal_scanner"),
        group_prefix("tr-1", "t1", "refusals", "grep_scanner"),
    }

    assert len(prefixes) == 5
