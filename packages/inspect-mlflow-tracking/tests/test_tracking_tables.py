"""The tables of an evaluation: documented signatures, and rows that do not depend on the source."""

from __future__ import annotations

import gc
import inspect
import json
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai import Epochs, Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.hooks import Hooks, SampleEnd, hooks
from inspect_ai.log import read_eval_log, transcript
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageUser,
    Content,
    ContentAudio,
    ContentDocument,
    ContentImage,
    ContentReasoning,
    ContentText,
    ContentToolUse,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver, use_tools
from inspect_ai.tool import Tool, ToolError, ToolResult, tool
from inspect_ai.util import span, store

from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracking.artifacts import tables

IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 30
LONG_TEXT = "word " * 5_000
KEYS = {"eval_id": "e1", "task_name": "arithmetic"}


@tool
def divide() -> Tool:
    async def execute(dividend: int, divisor: int) -> str:
        """Divide one number by another.

        Args:
            dividend: What is divided.
            divisor: What it is divided by.
        """
        if divisor == 0:
            raise ToolError("division by zero")
        return str(dividend / divisor)

    return execute


@tool
def draw() -> Tool:
    async def execute(what: str) -> ToolResult:
        """Draw something.

        Args:
            what: What to draw.
        """
        return [ContentText(text=f"a {what}"), ContentImage(image=IMAGE)]

    return execute


@solver
def trouble() -> Solver:
    """Fails, runs into a limit or records odd things, as the sample's metadata says."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.metadata.get("fail"):
            raise RuntimeError("broken on purpose")
        async with span("notes", type="custom"):
            transcript().info({"text": LONG_TEXT, "odd": math.nan, "image": IMAGE}, source="test")
        store().set("answer", LONG_TEXT)
        return state

    return solve


@scorer(metrics={"exact": [accuracy()], "length": [mean()]})
def parts() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        exact = "C" if target.text in state.output.completion else "I"
        return Score(
            value={"exact": exact, "length": len(state.output.completion)},
            answer=state.output.completion,
            explanation=LONG_TEXT,
            metadata={"none": None, "odd": math.inf, "tuple": (1, 2)},
        )

    return score


@scorer(metrics=[mean()])
def sometimes() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        if state.epoch == 1:
            return Score.unscored(reason="refusal")
        return Score(value=[0.5, 1.0])

    return score


def _usage(tokens: int) -> ModelUsage:
    return ModelUsage(
        input_tokens=tokens,
        output_tokens=2,
        total_tokens=tokens + 2,
        input_tokens_cache_read=3,
        total_cost=0.25,
    )


def _answer(messages: list[ChatMessage]) -> ModelOutput:
    """Two turns with tools, then an answer with reasoning."""
    asked = messages[-1]
    turn = sum(isinstance(message, ChatMessageAssistant) for message in messages)
    if "forever" in asked.text or (turn and "forever" in messages[0].text):
        output = ModelOutput.for_tool_call("mock", "draw", {"what": "circle"})
    elif turn == 0:
        output = ModelOutput.for_tool_call("mock", "divide", {"dividend": 4, "divisor": 0})
    elif turn == 1:
        output = ModelOutput.for_tool_call("mock", "draw", {"what": "square"})
    else:
        content = [
            ContentReasoning(reasoning="thinking"),
            ContentText(text="the answer is 2 \ud800"),
        ]
        output = ModelOutput.from_content("mock", content)  # type: ignore[arg-type]
    output.usage = _usage(10 * (turn + 1))
    return output


def _model() -> Model:
    return get_model(
        "mockllm/model",
        custom_outputs=lambda input, tools, tool_choice, config: _answer(input),
        memoize=False,
    )


def _dataset() -> list[Sample]:
    pictures: list[Content] = [
        ContentText(text="What is 4 / 2?"),
        ContentImage(image=IMAGE),
        ContentAudio(audio="data:audio/wav;base64,AAAA", format="wav"),
        ContentDocument(document="data:application/pdf;base64,AAAA"),
    ]
    return [
        Sample(id=1, input="What is 4 / 2?", target="2", metadata={"big": 2**70, "none": None}),
        Sample(id="007", input=[ChatMessageUser(content=pictures)], target=["2", "two"]),
        Sample(id="fails", input="hello", target="x", metadata={"fail": True}),
        Sample(id="limit", input="forever", target="x"),
    ]


class _Collector(Hooks):
    samples: list[Any] | None = None

    def enabled(self) -> bool:
        return type(self).samples is not None

    async def on_sample_end(self, data: SampleEnd) -> None:
        samples = type(self).samples
        assert samples is not None
        samples.append(data.sample)


hooks(name="collect_samples", description="Keeps the samples of this test.")(_Collector)


@dataclass(frozen=True)
class Evaluation:
    path: Path
    live: dict[tuple[Any, int], Any]
    raw: dict[tuple[Any, int], Any]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluation]:
    task = Task(
        dataset=_dataset(),
        solver=[use_tools(divide(), draw()), trouble(), generate()],
        scorer=[parts(), sometimes()],
        epochs=Epochs(2, ["mean", "max"]),
        fail_on_error=False,
        message_limit=8,
        name="arithmetic",
    )
    directory = tmp_path_factory.mktemp("logs")
    live: list[Any] = []
    _Collector.samples = live
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Inspect's dependencies warn of is not ours
        (log,) = eval(task, model=_model(), display="none", log_dir=str(directory))
        gc.collect()
    _Collector.samples = None
    assert log.status == "success"
    with EvalLogReader.open(log.location) as reader:
        raw = {(sample["id"], sample["epoch"]): sample for sample in reader.samples()}
        yield Evaluation(reader.local_path, {(s.id, s.epoch): s for s in live}, raw)


def _rows(sample: Any) -> list[tuple[str, Mapping[str, Any]]]:
    rows = list(tables.iter_sample_rows(eval_id="e1", task_name="arithmetic", sample=sample))
    return [(table, dict(row)) for table, row in rows]


def _table(sample: Any, name: str) -> list[Mapping[str, Any]]:
    return [row for table, row in _rows(sample) if table == name]


# Signatures of the API reference.
SIGNATURES = {
    "extract_event_rows": "(*, eval_id: str, task_name: str, sample_id: Any, sample: Any)"
    " -> list[dict[str, Any]]",
    "extract_inspect_table_rows": "(*, eval_id: str, task_name: str, log: Any)"
    " -> dict[str, list[dict[str, Any]]]",
    "extract_message_rows": "(*, eval_id: str, task_name: str, sample_id: Any, sample: Any)"
    " -> list[dict[str, Any]]",
    "extract_model_usage_rows": "(*, eval_id: str, task_name: str, sample_id: Any, sample: Any)"
    " -> list[dict[str, Any]]",
    "extract_sample_score_rows": "(*, eval_id: str, task_name: str, sample_id: Any, scores: Any)"
    " -> list[dict[str, Any]]",
    "extract_usage_from_events": "(sample: Any) -> dict[str, dict[str, int]]",
    "get_sample_output_text": "(sample: Any) -> str | None",
    "obj_get": "(obj: Any, key: str) -> Any",
    "rows_to_columns": "(rows: list[dict[str, Any]]) -> dict[str, list[Any]]",
    "scores_to_dict": "(scores: Any) -> dict[str, Any]",
    "sum_usage_map": "(usage_map: Any) -> dict[str, int]",
    "to_json": "(value: Any) -> str | int | float | bool | None",
    "to_string": "(value: Any) -> str | None",
    "usage_to_dict": "(usage: Any) -> dict[str, int]",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature_is_the_documented_one(name: str) -> None:
    signature = str(inspect.signature(getattr(tables, name))).replace("'", "")
    assert signature == SIGNATURES[name]
    assert name in tables.__all__


def test_live_samples_and_the_log_give_the_same_rows(evaluation: Evaluation) -> None:
    assert evaluation.live.keys() == evaluation.raw.keys()
    assert len(evaluation.raw) == 8
    for key, raw in evaluation.raw.items():
        assert _rows(evaluation.live[key]) == _rows(raw)


@pytest.mark.parametrize("resolve", [False, "core", True, "full"])
def test_samples_that_inspect_read_give_the_same_rows(evaluation: Evaluation, resolve: Any) -> None:
    log = read_eval_log(str(evaluation.path), resolve_attachments=resolve)
    assert log.samples is not None
    for sample in log.samples:
        assert _rows(sample) == _rows(evaluation.raw[(sample.id, sample.epoch)])


def test_every_row_names_evaluation_task_sample_and_epoch(evaluation: Evaluation) -> None:
    for (sample_id, epoch), raw in evaluation.raw.items():
        for table, row in _rows(raw):
            assert tuple(row) == tables.TABLE_COLUMNS[table]
            assert list(row.values())[:4] == ["e1", "arithmetic", sample_id, epoch]


def test_cells_are_json_of_bounded_size(evaluation: Evaluation) -> None:
    cut = 0
    for raw in evaluation.raw.values():
        for _, row in _rows(raw):
            json.dumps(row, allow_nan=False).encode()
            for cell in row.values():
                assert cell is None or isinstance(cell, str | int | float)
                assert not isinstance(cell, str) or len(cell) <= tables.CELL_LIMIT
                assert "base64" not in str(cell)
                cut += isinstance(cell, str) and len(cell) > tables.CELL_LIMIT - 200
    assert cut


def test_samples_table(evaluation: Evaluation) -> None:
    (row,) = _table(evaluation.raw[(1, 2)], "samples")
    assert row["input"] == "What is 4 / 2?"
    assert row["target"] == "2"
    assert row["output"] == "the answer is 2 \\ud800"
    assert (row["input_tokens"], row["output_tokens"], row["total_cost"]) == (60, 6, 0.75)
    assert json.loads(str(row["scores"])) == {
        "parts": {"exact": "C", "length": 22 - 5},
        "sometimes": [0.5, 1.0],
    }
    assert row["message_count"] == 6
    assert row["error"] is None
    assert row["limit"] is None
    assert row["retries"] == 0
    (failed,) = _table(evaluation.raw[("fails", 1)], "samples")
    assert failed["error"] == "RuntimeError('broken on purpose')"
    (limited,) = _table(evaluation.raw[("limit", 1)], "samples")
    assert limited["limit"] == "message"
    (pictured,) = _table(evaluation.raw[("007", 1)], "samples")
    assert pictured["input"] == "What is 4 / 2?\n(image)\n(audio)\n(document: document.pdf)"
    assert pictured["target"] == '["2", "two"]'


def test_messages_table(evaluation: Evaluation) -> None:
    rows = _table(evaluation.raw[("007", 1)], "messages")
    assert [row["role"] for row in rows] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [row["index"] for row in rows] == list(range(6))
    (call,) = json.loads(str(rows[1]["tool_calls"]))
    assert call["function"] == "divide"
    assert call["arguments"] == {"dividend": 4, "divisor": 0}
    assert rows[2]["tool_call_id"] == call["id"]
    assert rows[2]["function"] == "divide"
    assert rows[2]["error"] == "unknown: division by zero"
    assert rows[4]["text"] == "a square\n(image)"
    assert rows[5]["reasoning"] == "thinking"
    assert rows[5]["text"] == "the answer is 2 \\ud800"
    assert rows[5]["model"] == "mock"
    assert rows[5]["source"] == "generate"


def test_scores_table(evaluation: Evaluation) -> None:
    rows = _table(evaluation.raw[(1, 2)], "sample_scores")
    assert [(row["scorer"], row["key"], row["value"], row["numeric"]) for row in rows] == [
        ("parts", "exact", '"C"', 1.0),
        ("parts", "length", "17", 17.0),
        ("sometimes", "0", "0.5", 0.5),
        ("sometimes", "1", "1.0", 1.0),
    ]
    assert json.loads(str(rows[0]["metadata"])) == {"none": None, "odd": None, "tuple": [1, 2]}
    assert not rows[0]["edited"]
    unscored = _table(evaluation.raw[(1, 1)], "sample_scores")[-1]
    assert (unscored["value"], unscored["numeric"], unscored["reason"]) == (None, None, "refusal")
    assert not _table(evaluation.raw[("fails", 1)], "sample_scores")


def test_events_table(evaluation: Evaluation) -> None:
    rows = _table(evaluation.raw[(1, 1)], "events")
    assert [row["index"] for row in rows] == list(range(len(rows)))
    models = [row for row in rows if row["event"] == "model"]
    assert [row["total_tokens"] for row in models] == [12, 22, 32]
    assert models[0]["summary"] == (
        'tool call for tool divide\ndivide({"dividend": 4, "divisor": 0})'
    )
    assert models[0]["name"] == "mockllm/model"
    assert models[0]["span_name"] == "generate"
    divided = next(row for row in rows if row["event"] == "tool")
    assert divided["name"] == "divide"
    assert divided["error"] == "unknown: division by zero"
    info = next(row for row in rows if row["event"] == "info")
    assert (info["span_name"], info["span_type"], info["name"]) == ("notes", "custom", "test")
    for row in rows:
        assert row["duration_seconds"] is None or float(str(row["duration_seconds"])) >= 0
        assert len(str(row["summary"] or "")) <= 500
    begun = {row["span_id"] for row in rows if row["event"] == "span_begin"}
    assert begun == {row["span_id"] for row in rows if row["event"] == "span_end"}
    assert {row["parent_span_id"] for row in rows if row["span_id"] in begun} <= begun | {None}
    error = next(r for r in _table(evaluation.raw[("fails", 1)], "events") if r["event"] == "error")
    assert "broken on purpose" in str(error["summary"])


def test_usage_table_and_usage_from_events_agree(evaluation: Evaluation) -> None:
    raw = evaluation.raw[(1, 1)]
    (row,) = _table(raw, "model_usage")
    counts = tables.extract_usage_from_events(raw)["mockllm/model"]
    assert counts == {
        "input_tokens": 60,
        "output_tokens": 6,
        "total_tokens": 66,
        "input_tokens_cache_read": 9,
    }
    assert counts.items() <= dict(row).items()
    assert (row["model"], row["total_cost"]) == ("mockllm/model", 0.75)
    without_usage = {**raw, "model_usage": {}}
    (counted,) = _table(without_usage, "model_usage")
    assert dict(counted) == {**row, "total_cost": None}


def test_model_call_reported_twice_counts_once(evaluation: Evaluation) -> None:
    raw = evaluation.raw[(1, 1)]
    twice = {**raw, "events": [event for event in raw["events"] for _ in range(2)]}
    assert _rows(twice) == _rows(raw)
    assert tables.extract_usage_from_events(twice) == tables.extract_usage_from_events(raw)


def test_answers_from_the_cache_use_no_tokens() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    event = {"event": "model", "model": "m", "output": {"usage": usage}, "cache": "read"}
    assert tables.extract_usage_from_events({"events": [event]}) == {}


def test_events_table_grows_linearly_with_the_conversation() -> None:
    def size(turns: int) -> int:
        events = [
            {
                "event": "model",
                "uuid": str(turn),
                "timestamp": "2025-01-01T00:00:00+00:00",
                "model": "m",
                "input": [{"role": "user", "content": "text " * 100}] * turn,
                "output": {"choices": [{"message": {"role": "assistant", "content": "ok"}}]},
            }
            for turn in range(turns)
        ]
        rows = tables.extract_event_rows(**KEYS, sample_id=1, sample={"events": events})
        return len(json.dumps(rows))

    assert size(200) < 2.2 * size(100)


def test_whole_log_as_object_and_as_json(evaluation: Evaluation) -> None:
    log = read_eval_log(str(evaluation.path))
    from_object = tables.extract_inspect_table_rows(**KEYS, log=log)
    assert tuple(from_object) == tables.TABLE_NAMES
    assert len(from_object["samples"]) == 8
    raw = json.loads(log.model_dump_json(exclude_none=True))
    assert tables.extract_inspect_table_rows(**KEYS, log=raw) == from_object
    (task,) = from_object["tasks"]
    assert (task["status"], task["model"], task["epochs"]) == ("success", "mockllm/model", 2)
    assert task["total_samples"] == 8
    metrics = {(m["name"], m["reducer"], m["metric"]) for m in json.loads(task["metrics"])}
    assert {("exact", "mean", "accuracy"), ("exact", "max", "accuracy")} <= metrics


def test_log_without_samples_has_a_task_row(evaluation: Evaluation) -> None:
    header = read_eval_log(str(evaluation.path), header_only=True)
    rows = tables.extract_inspect_table_rows(**KEYS, log=header)
    assert len(rows.pop("tasks")) == 1
    assert not any(rows.values())


def test_score_rows_without_a_sample() -> None:
    scores = {"s": Score(value={"a": 1, "b": math.nan}), "bare": "I"}
    rows = tables.extract_sample_score_rows(**KEYS, sample_id="x", scores=scores)
    assert [(row["key"], row["numeric"], row["epoch"]) for row in rows] == [
        ("a", 1.0, None),
        ("b", None, None),
        (None, 0.0, None),
    ]
    assert tables.extract_sample_score_rows(**KEYS, sample_id="x", scores=None) == []


def test_edited_scores_are_marked() -> None:
    edited = {"value": 1, "history": [{"value": 0}, {"value": 1}]}
    (row,) = tables.extract_sample_score_rows(**KEYS, sample_id=1, scores={"s": edited})
    assert row["edited"] is True


def test_output_text() -> None:
    assert tables.get_sample_output_text({}) is None
    assert tables.get_sample_output_text({"output": {"choices": []}}) is None
    called = {"message": {"content": "", "tool_calls": [{"function": "f"}]}}
    assert tables.get_sample_output_text({"output": {"choices": [called]}}) == ""
    said = {"message": {"content": [{"type": "text", "text": "yes"}]}}
    assert tables.get_sample_output_text({"output": {"choices": [said]}}) == "yes"


def test_server_side_tools_and_redacted_reasoning_are_readable() -> None:
    search = ContentToolUse(
        tool_type="web_search", id="1", name="search", arguments='{"q": "x"}', result="found"
    )
    hidden = ContentReasoning(reasoning="c2VjcmV0", summary="in short", redacted=True)
    message = ChatMessageAssistant(content=[hidden, search, ContentText(text="so")])
    (row,) = tables.extract_message_rows(**KEYS, sample_id=1, sample={"messages": [message]})
    assert row["text"] == 'search({"q": "x"}) -> found\nso'
    assert row["reasoning"] == "in short"


def test_old_logs_with_a_single_score_and_a_transcript() -> None:
    sample = {
        "id": 1,
        "epoch": 1,
        "score": {"value": "C"},
        "transcript": {
            "events": [
                {"event": "info", "data": "attachment://a", "timestamp": "2024-05-01T00:00"}
            ],
            "content": {"a": "kept apart"},
        },
    }
    (score,) = _table(sample, "sample_scores")
    assert (score["scorer"], score["numeric"]) == ("score", 1.0)
    (event,) = _table(sample, "events")
    assert event["summary"] == "kept apart"
    assert event["timestamp"] == "2024-05-01T00:00:00.000000+00:00"


def test_durations_are_never_negative() -> None:
    later, sooner = "2025-01-01T00:00:01+00:00", "2025-01-01T00:00:00+00:00"
    events = [
        {"event": "tool", "timestamp": later, "completed": sooner},
        {"event": "model", "timestamp": later, "working_time": -12.0},
        {"event": "span_begin", "id": "s", "timestamp": later},
        {"event": "span_end", "id": "s", "timestamp": sooner},
    ]
    sample = {"events": events, "total_time": 1.0, "working_time": -12.0}
    durations = [row["duration_seconds"] for row in _table(sample, "events")]
    assert durations == [0.0, 0.0, 0.0, None]
    assert _table(sample, "samples")[0]["working_seconds"] == 0.0


def test_usage_sums() -> None:
    usage = ModelUsage(input_tokens=1, output_tokens=2, total_tokens=3, reasoning_tokens=1)
    assert tables.usage_to_dict(usage) == {
        "input_tokens": 1,
        "output_tokens": 2,
        "total_tokens": 3,
        "reasoning_tokens": 1,
    }
    assert tables.usage_to_dict(None) == {}
    total = tables.sum_usage_map({"a": usage, "b": usage.model_dump()})
    assert (total["total_tokens"], total["reasoning_tokens"]) == (6, 2)
    assert tables.sum_usage_map(None) == {}


def test_rows_to_columns_keeps_all_keys() -> None:
    assert tables.rows_to_columns([{"a": 1}, {"b": 2, "a": 3}]) == {"a": [1, 3], "b": [None, 2]}
    assert tables.rows_to_columns([]) == {}


def test_objects_and_mappings_are_read_alike() -> None:
    assert tables.obj_get({"a": 1}, "a") == tables.obj_get(
        ModelUsage(input_tokens=1), "input_tokens"
    )
    assert tables.obj_get(None, "a") is None
    assert tables.scores_to_dict(None) == {}
    assert tables.scores_to_dict({1: "C"}) == {"1": "C"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON | st.binary() | st.complex_numbers() | st.just(object()) | st.sets(st.integers()))
@settings(max_examples=300, deadline=None)
def test_any_value_becomes_a_cell(value: Any) -> None:
    cell = tables.to_json(value)
    assert cell is None or isinstance(cell, str | int | float)
    json.dumps(cell, allow_nan=False, ensure_ascii=False).encode()
    text = tables.to_string(value)
    assert (text is None) == (value is None)
    (text or "").encode()


@given(st.dictionaries(st.text(), _JSON, max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_json_is_taken_for_a_sample(sample: dict[str, Any]) -> None:
    for _, row in _rows(
        {"id": 1, "epoch": 1, "metadata": sample, "scores": sample, "store": sample}
    ):
        json.dumps(row, allow_nan=False, ensure_ascii=False).encode()
