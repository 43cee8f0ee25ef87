"""The form in which a sample is kept inside a trace, and the way back."""

from __future__ import annotations

import copy
import gc
import json
import math
import random
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspect_ai import Epochs, Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import EvalSample, read_eval_log, read_eval_log_sample, transcript
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageUser,
    ContentImage,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver, use_tools
from inspect_ai.tool import Tool, tool
from inspect_ai.util import span

from inspect_mlflow_core.connection import SpanRecord, TraceRecord
from inspect_mlflow_core.exceptions import TraceReadError
from inspect_mlflow_core.kept_sample import (
    KEPT_EVALUATION,
    KEPT_SAMPLE_PREFIX,
    evaluation_header,
    kept_attributes,
    kept_samples,
    packed_evaluation,
    packed_sample,
    rebuild_sample,
    rebuild_samples,
    unpacked_evaluation,
    unpacked_sample,
)
from inspect_mlflow_core.logs import EvalLogReader

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LONG_TEXT = "a text of more than a hundred characters, which the log keeps once " * 5
IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 50
KEY = "sk-proj-4fKq81ZpLmW0xTn7Rb2c"
TRACE_ID = "0123456789abcdef" * 2


@tool
def add() -> Tool:
    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: First.
            y: Second.
        """
        return LONG_TEXT + str(x + y)

    return execute


@scorer(metrics=[accuracy()])
def sometimes_unscored() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        value = float("nan") if state.sample_id == "turns" else "C"
        return Score(value=value, answer="é \ud83d", metadata={"infinite": float("inf")})

    return score


@solver
def behave() -> Solver:
    attempts: dict[str, int] = {}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        name = str(state.sample_id)
        attempts[name] = attempts.get(name, 0) + 1
        if name == "turns":
            for turn in range(60):
                state.messages.append(ChatMessageUser(content=f"turn {turn}"))
                state = await generate(state, tool_calls="none")
            return state
        if name == "fails" or (name == "retried" and attempts[name] == 1):
            state = await generate(state, tool_calls="none")
            raise RuntimeError(LONG_TEXT)
        async with span("a part", type="custom"):
            state.store.set("numbers", [1, 2.5, None])
            transcript().info({"note": LONG_TEXT})
            return await generate(state)

    return solve


def model_output(messages: Sequence[Any], *_: Any) -> ModelOutput:
    last = messages[-1]
    if last.role == "user" and "1 + 2" in last.text:
        output = ModelOutput.for_tool_call("mockllm/model", "add", {"x": 1, "y": 2})
    else:
        thought = ContentReasoning(reasoning="I think", signature="abc")
        message = ChatMessageAssistant(content=[thought, ContentText(text=LONG_TEXT)])
        output = ModelOutput.from_message(message)
    output.usage = ModelUsage(input_tokens=3, output_tokens=2, total_tokens=5)
    return output


@pytest.fixture(scope="module", params=["eval", "json"])
def log_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    log_format: Literal["eval", "json"] = request.param
    picture = ChatMessageUser(content=[ContentImage(image=IMAGE), ContentText(text="What?")])
    task = Task(
        name="arithmetic",
        dataset=MemoryDataset(
            [
                Sample(id=1, input="What is 1 + 2?", target="3", metadata={"cluster": "one"}),
                Sample(id="turns", input="begin", target=["3", "three"]),
                Sample(id="fails", input="fails", target="3"),
                Sample(id="retried", input=LONG_TEXT, target="3"),
                Sample(id="ü/ 中", input=[picture], target="3"),
            ]
        ),
        solver=[use_tools(add()), behave()],
        scorer=sometimes_unscored(),
        epochs=Epochs(2, "mean"),
        token_limit=200,
    )
    [log] = eval(
        task,
        model=get_model("mockllm/model", custom_outputs=model_output),
        log_dir=str(tmp_path_factory.mktemp("logs")),
        log_format=log_format,
        fail_on_error=False,
        retry_on_error=1,
        display="none",
    )
    return log.location.removeprefix("file://")


def trace_of(pieces: Sequence[str], span_count: int = 4) -> TraceRecord:
    spans = [
        SpanRecord(
            trace_id=TRACE_ID,
            span_id=f"{number:016x}",
            parent_id=None if number == 0 else f"{0:016x}",
            name=f"span {number}",
            span_type="UNKNOWN",
            start_time_ns=1,
            end_time_ns=2,
            attributes={"mlflow.spanInputs": {"text": "…"}, **kept},
        )
        for number, kept in enumerate(kept_attributes(pieces, span_count))
    ]
    random.Random(0).shuffle(spans)
    return TraceRecord(TRACE_ID, "1", "OK", 1, 1, "", "", spans=tuple(spans))


def mlflow_trace(record: TraceRecord) -> Any:
    """The trace as MLflow's client returns it."""
    from mlflow.entities import Span, TraceData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

    def context(span_id: str) -> SpanContext:
        return SpanContext(int(TRACE_ID, 16), int(span_id, 16), False)

    spans = [
        Span(
            ReadableSpan(
                span.name,
                context=context(span.span_id),
                parent=context(span.parent_id) if span.parent_id else None,
                resource=Resource.get_empty(),
                attributes={name: json.dumps(value) for name, value in span.attributes.items()},
            )
        )
        for span in record.spans
    ]
    # A `Trace` without the information that is not looked at.
    return SimpleNamespace(data=TraceData(spans=spans))


def read_by_inspect(
    path: str, samples: Sequence[dict[str, Any]], **options: Any
) -> list[EvalSample]:
    with warnings.catch_warnings():
        # Some versions of Inspect leave the closing of the file to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        read = [read_eval_log_sample(path, s["id"], s["epoch"], **options) for s in samples]
        gc.collect()
    return read


def dumped(sample: EvalSample) -> str:
    """Every field of a sample; as text, because NaN is not equal to itself."""
    return repr(sample.model_dump())


def raw_sample(**fields: Any) -> dict[str, Any]:
    return {"id": 1, "epoch": 1, "input": "1 + 1?", "target": "2", **fields}


@pytest.mark.parametrize("resolve_attachments", [False, True, "full", "core"])
def test_rebuilt_samples_are_those_that_inspect_reads(
    log_path: str, resolve_attachments: bool | Literal["full", "core"]
) -> None:
    with EvalLogReader.open(log_path) as reader:
        samples = list(reader.samples())
    assert len(samples) == 10
    assert any(sample["error_retries"] for sample in samples)
    assert any(sample["limit"] for sample in samples)
    assert any(sample["error"] for sample in samples)

    expected_samples = read_by_inspect(log_path, samples, resolve_attachments=resolve_attachments)
    for sample, expected in zip(samples, expected_samples, strict=True):
        record = trace_of(packed_sample(sample, piece_characters=500))

        rebuilt = rebuild_sample(record, resolve_attachments=resolve_attachments)

        assert isinstance(rebuilt, EvalSample)
        assert dumped(rebuilt) == dumped(expected)


def test_a_trace_of_mlflow_gives_the_same_sample(log_path: str) -> None:
    with EvalLogReader.open(log_path) as reader:
        sample = reader.sample("ü/ 中", 2)

    rebuilt = rebuild_sample(mlflow_trace(trace_of(packed_sample(sample, piece_characters=300))))

    [expected] = read_by_inspect(log_path, [sample])
    assert dumped(rebuilt) == dumped(expected)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_samples_are_rebuilt_inside_an_event_loop(backend: str) -> None:
    trace = trace_of(packed_sample(raw_sample()))

    async def within() -> EvalSample:
        return rebuild_sample(trace)

    assert anyio.run(within, backend=backend).target == "2"


def test_a_sample_of_an_early_version_of_inspect(tmp_path: Path) -> None:
    choice = {
        "message": {"role": "assistant", "content": "2", "source": "generate"},
        "stop_reason": "length",
    }
    samples = [
        {
            "id": number,
            "epoch": 1,
            "input": "What is 1 + 1?",
            "target": "2",
            "sandbox": ["docker", "compose.yaml"],
            "messages": [
                {"role": "user", "content": "What is 1 + 1?"},
                {"role": "tool", "content": "no", "tool_call_id": "1", "tool_error": "no"},
                choice["message"],
            ],
            "output": {"model": "gpt-4", "choices": [choice]},
            "scores": {"match": {"value": "C", "metadata": {"unscored_reason": "refusal"}}},
            "metadata": {},
            "transcript": {
                "events": [
                    {
                        "event": "info",
                        "timestamp": "2024-05-05T07:59:35-04:00",
                        "working_start": 1.0,
                        "data": "attachment://abc",
                    },
                ],
                "content": {"abc": LONG_TEXT},
            },
        }
        for number in (1, 2)
    ]
    header = {
        "version": 2,
        "status": "success",
        "eval": {
            "task": "arithmetic",
            "task_id": "t1",
            "run_id": "r1",
            "created": "2024-05-05T07:59:35",
            "dataset": {"name": "sums"},
            "model": "openai/gpt-4",
            "config": {},
        },
    }
    path = tmp_path / "log.json"
    path.write_text(json.dumps({**header, "samples": samples}))
    expected = read_eval_log(str(path)).samples
    assert expected is not None

    with EvalLogReader.open(path) as reader:
        for sample, full in zip(reader.samples(), expected, strict=True):
            # Inspect gives such events a new uuid whenever it reads them.
            full.events[0].uuid = None
            assert dumped(rebuild_sample(trace_of(packed_sample(sample)))) == dumped(full)


def test_credentials_of_model_calls_are_masked_and_nothing_else() -> None:
    event = {
        "event": "model",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "working_start": 1.0,
        "model": "mockllm/model",
        "input": [{"role": "user", "content": f"is {KEY} a key?"}],
        "tools": [],
        "tool_choice": "auto",
        "config": {"extra_headers": {"Authorization": f"Bearer {KEY}"}},
        "output": {"model": "m", "choices": []},
    }
    sample = raw_sample(events=[event])
    before = copy.deepcopy(sample)

    kept = unpacked_sample(kept_attributes(packed_sample(sample), 1))

    assert sample == before
    expected = copy.deepcopy(sample)
    expected["events"][0]["config"]["extra_headers"]["Authorization"] = "***"
    assert kept == expected


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))  # lone surrogates included
    | st.sampled_from(["\ud800", "attachment://abc", "\0", "中" * 50]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@unhurried
@given(
    fields=st.dictionaries(st.text(), JSON_VALUES, max_size=5),
    piece_characters=st.integers(min_value=1, max_value=400),
    span_count=st.integers(min_value=1, max_value=30),
    order=st.randoms(use_true_random=False),
)
def test_any_json_comes_back_from_any_pieces(
    fields: dict[str, Any], piece_characters: int, span_count: int, order: random.Random
) -> None:
    pieces = packed_sample(fields, piece_characters=piece_characters)
    attributes = kept_attributes(pieces, span_count)
    order.shuffle(attributes)

    assert json.dumps(unpacked_sample(attributes)) == json.dumps(fields)


@unhurried
@given(piece_count=st.integers(1, 50), span_count=st.integers(1, 50))
def test_pieces_are_spread_evenly_and_begin_on_the_root(piece_count: int, span_count: int) -> None:
    pieces = [f"piece {number}" for number in range(piece_count)]

    attributes = kept_attributes(pieces, span_count)

    assert len(attributes) == span_count
    assert attributes[0][f"{KEPT_SAMPLE_PREFIX}0"] == pieces[0]
    assert max(len(span) for span in attributes) == math.ceil(piece_count / span_count)
    laid = {name: piece for span in attributes for name, piece in span.items()}
    assert laid == {f"{KEPT_SAMPLE_PREFIX}{n}": piece for n, piece in enumerate(pieces)}


def test_a_usual_sample_is_one_piece_on_the_root() -> None:
    messages = [{"role": "user", "content": f"{n}: {random.Random(n).random()}"} for n in range(99)]
    pieces = packed_sample(raw_sample(messages=messages))

    assert len(pieces) == 1
    assert [len(span) for span in kept_attributes(pieces, 3)] == [1, 0, 0]


def test_long_conversations_are_kept_in_proportion_to_their_length() -> None:
    def size(turns: int) -> int:
        messages = [
            {"role": "user", "content": f"{random.Random(n).random()} {LONG_TEXT}"}
            for n in range(turns)
        ]
        return sum(map(len, packed_sample(raw_sample(messages=messages))))

    assert size(1000) < 12 * size(100)


def test_pieces_are_no_json() -> None:
    for piece in packed_sample(raw_sample(), piece_characters=1):
        with pytest.raises(ValueError):
            json.loads(piece)


@pytest.mark.parametrize(
    "attributes", [[], [{}], [{"mlflow.spanInputs": {"a": 1}, "inspect.sample.x": "v1;"}]]
)
def test_a_trace_without_a_sample_says_so(attributes: list[dict[str, Any]]) -> None:
    with pytest.raises(TraceReadError, match="trace holds no Inspect sample .*trace_content=none"):
        unpacked_sample(attributes)


def test_a_missing_piece_is_named() -> None:
    attributes = kept_attributes(packed_sample(raw_sample(), piece_characters=40), 3)
    del attributes[1]

    with pytest.raises(TraceReadError, match=r"incomplete: inspect\.sample\.\d+ of \d+ pieces"):
        unpacked_sample(attributes)


def test_pieces_of_an_older_state_are_passed_over() -> None:
    older = kept_attributes(packed_sample(raw_sample(target="5"), piece_characters=20), 4)
    newer = kept_attributes(packed_sample(raw_sample(), piece_characters=50), 2)

    # Spans that the newer state has are replaced; others are still there.
    assert unpacked_sample([*newer, *older[2:]]) == raw_sample()


@unhurried
@given(data=st.data())
def test_damage_is_noticed(data: st.DataObject) -> None:
    pieces = list(packed_sample(raw_sample(), piece_characters=60))
    number = data.draw(st.integers(0, len(pieces) - 1))
    position = data.draw(st.integers(0, len(pieces[number]) - 1))
    other = data.draw(st.text(max_size=2).filter(lambda text: text != pieces[number][position]))
    pieces[number] = pieces[number][:position] + other + pieces[number][position + 1 :]

    try:
        sample = unpacked_sample(kept_attributes(pieces, 2))
    except TraceReadError as error:
        assert "\n" not in str(error)
    else:
        assert sample == raw_sample()


@pytest.mark.parametrize("text", ["", "v1", "v2;1;2;ab;xyz", "v1;x;2;ab;", "v1;1;9;ab;e30="])
def test_forms_that_are_unknown_or_damaged_are_refused(text: str) -> None:
    with pytest.raises(TraceReadError, match="form|damaged"):
        unpacked_sample([{f"{KEPT_SAMPLE_PREFIX}0": text}])


def test_what_inspect_refuses_is_an_error_of_one_line() -> None:
    trace = trace_of(packed_sample(raw_sample(events=[{"event": "of the future"}])))

    with pytest.raises(TraceReadError, match="^Inspect cannot read the sample") as caught:
        rebuild_sample(trace)
    assert "\n" not in str(caught.value)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="piece_characters is 0"):
        packed_sample({}, piece_characters=0)
    with pytest.raises(ValueError, match="at least one span"):
        kept_attributes(["piece"], 0)


def trace_of_several(samples: Sequence[dict[str, Any]], span_count: int = 3) -> TraceRecord:
    """A trace as that of a whole evaluation: samples below tasks, in no order."""
    spans = [_span("run", None), _span("task 1", "run"), _span("task 2", "run")]
    for number, sample in enumerate(samples):
        pieces = packed_sample(sample, piece_characters=200)
        own = f"sample {number}"
        for place, kept in enumerate(kept_attributes(pieces, span_count)):
            # Each below the one before.
            name = f"{own} span {place}" if place else own
            above = f"{own} span {place - 1}" if place > 1 else own
            parent = above if place else f"task {number % 2 + 1}"
            spans.append(_span(name, parent, kept, start_ns=1_000 - number))
    random.Random(0).shuffle(spans)
    return TraceRecord(TRACE_ID, "1", "OK", 1, 1, "", "", spans=tuple(spans))


def _span(
    name: str, parent: str | None, kept: dict[str, str] | None = None, start_ns: int = 1
) -> SpanRecord:
    attributes = {"mlflow.spanInputs": {"text": name}, **(kept or {})}
    return SpanRecord(TRACE_ID, name, parent, name, "CHAIN", start_ns, 2_000, attributes=attributes)


def test_every_sample_of_a_trace_is_rebuilt(log_path: str) -> None:
    with EvalLogReader.open(log_path) as reader:
        samples = list(reader.samples())
    rebuilt = rebuild_samples(trace_of_several(samples))

    expected = read_by_inspect(log_path, samples)
    # In the order in which they began: the last first.
    assert list(map(dumped, rebuilt)) == list(map(dumped, reversed(expected)))


def test_a_trace_with_one_sample_is_rebuilt_either_way() -> None:
    for trace in (trace_of(packed_sample(raw_sample())), trace_of_several([raw_sample()])):
        (one,) = rebuild_samples(trace)
        assert dumped(rebuild_sample(trace)) == dumped(one)


def test_several_samples_are_not_one() -> None:
    trace = trace_of_several([raw_sample(), raw_sample(epoch=2)])

    with pytest.raises(ValueError, match="holds 2 samples; rebuild_samples") as caught:
        rebuild_sample(trace)
    assert not isinstance(caught.value, TraceReadError)


@pytest.mark.parametrize("lost", ["sample 0 span 1", "sample 0 span 2"])
def test_one_incomplete_sample_among_several_is_an_error(lost: str) -> None:
    samples = [raw_sample(input="".join(random.Random(0).choices("abcdef", k=5_000))), raw_sample()]
    trace = trace_of_several(samples)
    spans = tuple(span for span in trace.spans if span.span_id != lost)

    with pytest.raises(TraceReadError, match="is missing"):
        rebuild_samples(replace(trace, spans=spans))


def test_spans_that_hang_in_a_circle_end_nothing() -> None:
    trace = trace_of_several([raw_sample(), raw_sample(epoch=2)])
    circle = (_span("a", "b"), _span("b", "a"), _span("c", "gone"), _span("d", "d"))

    rebuilt = rebuild_samples(replace(trace, spans=(*circle, *trace.spans)))

    assert [sample.epoch for sample in rebuilt] == [2, 1]


def test_a_trace_without_samples_gives_an_error() -> None:
    for spans in ((), (_span("run", None), _span("task 1", "run"))):
        trace = TraceRecord(TRACE_ID, "1", "OK", 1, 1, "", "", spans=spans)
        for rebuild in (rebuild_sample, rebuild_samples):
            with pytest.raises(TraceReadError, match="holds no Inspect sample"):
                rebuild(trace)


HEADER: dict[str, Any] = {
    "version": 2,
    "eval": {
        "eval_id": "e1",
        "created": "2026-01-02T03:04:05+00:00",
        "task": "package/sums",
        "task_args": {"level": 2, "api_key": KEY},
        "solver": None,
        "model": "mockllm/model",
        "model_args": {"api_key": KEY},
        "model_generate_config": {"temperature": 0.5, "extra_headers": {"Authorization": KEY}},
        "tags": ["a"],
        "metadata": {"owner": "me"},
        "packages": {"inspect_ai": "1"},
        "dataset": {"name": "d"},
    },
    "plan": {"steps": [{"solver": "first"}, {"solver": "last", "params": {"n": 1}}]},
    "results": {"total_samples": 1},
}


def test_of_the_header_is_kept_what_tells_evaluations_apart() -> None:
    assert evaluation_header(HEADER, "file:///logs/a.eval") == {
        "eval": {
            "eval_id": "e1",
            "created": "2026-01-02T03:04:05+00:00",
            "task": "package/sums",
            "task_args": {"level": 2, "api_key": "***"},
            "model": "mockllm/model",
            "model_generate_config": {
                "temperature": 0.5,
                "extra_headers": {"Authorization": "***"},
            },
            "tags": ["a"],
            "metadata": {"owner": "me"},
        },
        "location": "file:///logs/a.eval",
        "plan": {"steps": [{"solver": "last", "params": {"n": 1}}]},
    }


def test_a_solver_that_the_header_names_needs_no_plan() -> None:
    header = {**HEADER, "eval": {**HEADER["eval"], "solver": "mine", "solver_args": {}}}
    kept = evaluation_header(header)
    assert kept["eval"]["solver"] == "mine" and kept["eval"]["solver_args"] == {}
    assert "plan" not in kept and "location" not in kept


def test_of_a_large_header_the_largest_members_are_left_out_and_named() -> None:
    large = {**HEADER["eval"], "metadata": {"text": "x" * 40_000}, "task_args": {"y": "y" * 20_000}}
    kept = evaluation_header({**HEADER, "eval": large})
    assert kept["left_out"] == ["metadata", "task_args"]
    assert kept["eval"]["model"] == "mockllm/model" and kept["eval"]["tags"] == ["a"]
    assert len(json.dumps(kept)) < 16_384


@given(
    st.dictionaries(
        st.sampled_from(["eval", "plan", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["steps", "solver", "task", "metadata", "a"]), inner
                )
            ),
            max_leaves=8,
        ),
    )
)
def test_a_header_of_any_shape_is_kept(header: dict[str, Any]) -> None:
    kept = evaluation_header(header)
    assert set(kept) <= {"eval", "plan", "left_out"} and isinstance(kept["eval"], dict)


def test_a_kept_sample_comes_with_its_evaluation() -> None:
    sample = {"id": 1, "epoch": 1, "input": "?", "target": "!", "messages": [], "events": []}
    kept = kept_attributes(packed_sample(sample), 1)[0]
    header = evaluation_header(HEADER)
    with_header, without = (
        SimpleNamespace(
            spans=[
                SimpleNamespace(
                    span_id="s", parent_id=None, start_time_ns=1, attributes={**kept, **more}
                )
            ]
        )
        for more in ({KEPT_EVALUATION: packed_evaluation(header)}, {})
    )
    (found,) = kept_samples(with_header)
    assert (found.sample.id, found.span_id, found.evaluation) == (1, "s", header)
    assert found.content == sample
    assert kept_samples(without)[0].evaluation == {}


@pytest.mark.parametrize("value", [None, {"eval": {}}, "", "v1;{broken", "v1;[1]", "v2;{}"])
def test_what_is_no_header_is_none(value: Any) -> None:
    assert unpacked_evaluation(value) == {}
