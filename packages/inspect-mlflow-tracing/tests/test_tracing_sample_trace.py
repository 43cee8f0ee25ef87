"""The trace of a sample as a whole: by real evaluations, in a real store, and from nonsense."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspect_ai import Epochs, Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import (
    EvalLog,
    ProvenanceData,
    edit_score,
    invalidate_samples,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import ScoreEdit, match, model_graded_qa
from inspect_ai.solver import Generate, Solver, TaskState, solver

from inspect_mlflow_core.connection import TraceRecord, open_trace_store
from inspect_mlflow_core.conversion import TRACE_PREVIEW_CHARACTERS
from inspect_mlflow_core.exceptions import TraceReadError
from inspect_mlflow_core.kept_sample import (
    KEPT_EVALUATION,
    KEPT_SAMPLE_PREFIX,
    rebuild_sample,
    unpacked_evaluation,
)
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracing.mapping import (
    TRACE_DIGEST,
    TracedTask,
    request_preview,
    response_preview,
    sample_trace,
    trace_id,
    traced_task,
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORD = "rhubarb"
"""Is in every text of the evaluation, and must be nowhere without content."""

LONG_TEXT = f"a {WORD} of more than a hundred characters, which the log keeps once " * 5
IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 50
KEY = "sk-proj-4fKq81ZpLmW0xTn7Rb2c"
TASK = TracedTask("1", "run1", "eval1", "arithmetic", "mockllm/model")


@solver
def behave() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.sample_id == "turns":
            for _ in range(40):
                state.messages.append(ChatMessageUser(content=LONG_TEXT))
                state = await generate(state)
            return state
        state = await generate(state)
        if state.sample_id == "fails":
            raise RuntimeError(LONG_TEXT)
        return state

    return solve


def model_output(messages: Sequence[Any], *_: Any) -> ModelOutput:
    graded = "GRADE" in messages[-1].text
    text = f"GRADE: P {WORD}" if graded else f"4 {WORD} {LONG_TEXT}"
    output = ModelOutput.from_content("mockllm/model", text)
    output.usage = ModelUsage(
        input_tokens=3, output_tokens=2, total_tokens=9, input_tokens_cache_read=4
    )
    return output


@pytest.fixture(scope="module")
def log_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = ChatMessageUser(content=[ContentImage(image=IMAGE), ContentText(text=LONG_TEXT)])
    task = Task(
        name="arithmetic",
        dataset=MemoryDataset(
            [
                Sample(id=1, input=f"2 + 2? {WORD}", target=f"4 {WORD}", metadata={"a": WORD}),
                Sample(id="fails", input=LONG_TEXT, target=WORD),
                Sample(id="turns", input=LONG_TEXT, target=WORD),
                Sample(id="picture", input=[ChatMessageSystem(content=WORD), picture], target=WORD),
            ],
            name="sums",
        ),
        solver=behave(),
        scorer=[match(location="begin"), model_graded_qa(partial_credit=True)],
        epochs=Epochs(2, "mean"),
        token_limit=300,
        config=GenerateConfig(extra_headers={"Authorization": f"Bearer {KEY}"}),
    )
    [log] = eval(
        task,
        model=get_model("mockllm/model", custom_outputs=model_output, memoize=False),
        model_roles={"grader": get_model("mockllm/g", custom_outputs=model_output, memoize=False)},
        log_dir=str(tmp_path_factory.mktemp("logs")),
        fail_on_error=False,
        display="none",
    )
    return Path(log.location.removeprefix("file://"))


def read_all(path: Path) -> tuple[TracedTask, dict[tuple[Any, int], dict[str, Any]]]:
    with EvalLogReader.open(path) as reader:
        task = traced_task(
            reader.header, experiment_id="7", run_id="run1", location=reader.location
        )
        return task, {(sample["id"], sample["epoch"]): sample for sample in reader.samples()}


def read_by_inspect(path: Path) -> EvalLog:
    with warnings.catch_warnings():
        # Some versions of Inspect leave the closing of the file to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        return read_eval_log(str(path))


def test_the_header_tells_of_the_task(log_path: Path) -> None:
    task, _ = read_all(log_path)
    spec = read_by_inspect(log_path).eval

    assert task == TracedTask(
        experiment_id="7",
        run_id="run1",
        eval_id=spec.eval_id,
        task="arithmetic",
        model="mockllm/model",
        created_ms=task.created_ms,
        inspect_run_id=spec.run_id,
        task_id=spec.task_id,
        log_location=str(log_path),
        source=spec.task_file or "arithmetic",
        dataset="sums",
        epochs=2,
        judges={"model_graded_qa": "mockllm/g"},
        header=task.header,
    )
    assert task.created_ms > 1_600_000_000_000
    told = task.header["eval"]
    assert (told["eval_id"], told["task"], told["model"]) == (
        spec.eval_id,
        "arithmetic",
        "mockllm/model",
    )
    assert task.header["location"] == str(log_path)


def test_metadata_of_any_kind_keeps_no_task_from_being_traced(log_path: Path) -> None:
    header = read_by_inspect(log_path)
    circle: dict[str, Any] = {}
    circle["itself"] = circle
    for metadata, kept in (
        ({"function": print, "lone": "\ud83d", "n": 1}, {"lone": "\ud83d", "n": 1}),
        (circle, None),
    ):
        header.eval.metadata = metadata
        task = traced_task(header, experiment_id="7", run_id=None, location="a.eval")
        told = task.header["eval"]
        assert (told["task"], told["model"]) == ("arithmetic", "mockllm/model")
        found = told.get("metadata")
        assert (found and {name: found[name] for name in kept}) == kept if kept else found is None


def test_a_trace_keeps_the_header_unless_it_may_hold_no_text(log_path: Path) -> None:
    task, samples = read_all(log_path)
    sample = samples[1, 2]
    full, bare = sample_trace(sample, task), sample_trace(sample, task, content="none")
    assert unpacked_evaluation(full.spans[0].attributes[KEPT_EVALUATION]) == task.header
    assert all(KEPT_EVALUATION not in span.attributes for span in (*full.spans[1:], *bare.spans))
    other = sample_trace(sample, replace(task, header={"eval": {"tags": ["new"]}}))
    assert other.tags[TRACE_DIGEST] != full.tags[TRACE_DIGEST]


def test_fields_of_a_finished_sample(log_path: Path) -> None:
    task, samples = read_all(log_path)
    sample = samples[1, 2]

    trace = sample_trace(sample, task)

    assert trace.trace_id == trace_id("7", task.eval_id, sample)
    assert trace.experiment_id == "7"
    assert trace.state == "OK"
    assert trace.client_request_id == sample["uuid"]
    root = trace.spans[0]
    assert trace.request_time_ms == root.start_time_ns // 1_000_000
    assert trace.execution_duration_ms == root.end_time_ns // 1_000_000 - trace.request_time_ms
    tags = dict(trace.tags)
    assert len(tags.pop(TRACE_DIGEST)) == 64
    assert tags == {
        "mlflow.traceName": root.name,
        "inspect.task": "arithmetic",
        "inspect.model": "mockllm/model",
        "inspect.eval_id": task.eval_id,
        "inspect.run_id": task.inspect_run_id,
        "inspect.task_id": task.task_id,
        "inspect.log_location": str(log_path),
        "inspect.sample_id": "1",
        "inspect.epoch": "2",
        "inspect.sample_uuid": sample["uuid"],
        "inspect.status": "success",
        "inspect.invalidated": "false",
    }
    assert trace.metadata == {
        "mlflow.trace_schema.version": "3",
        "mlflow.sourceRun": "run1",
        "mlflow.source.name": task.source,
        "mlflow.source.type": "LOCAL",
        "mlflow.trace.tokenUsage": json.dumps(
            {
                # One call of each of the two models; tokens from a cache are input too.
                "input_tokens": 14,
                "output_tokens": 4,
                "total_tokens": 18,
                "cache_read_input_tokens": 8,
            }
        ),
    }
    assert trace.request_preview == f"2 + 2? {WORD}\n[sample 1, epoch 2]"
    assert trace.response_preview.startswith(f"4 {WORD}")


def test_scores_of_a_real_evaluation(log_path: Path) -> None:
    task, samples = read_all(log_path)

    trace = sample_trace(samples[1, 1], task)

    assert [(a.name, a.value, a.source_type, a.source_id) for a in trace.assessments] == [
        ("expected_response", f"4 {WORD}", "HUMAN", "sums"),
        ("match", True, "CODE", "match"),
        ("model_graded_qa", 0.5, "LLM_JUDGE", "mockllm/g"),
    ]
    spans = {span.span_id: span for span in trace.spans}
    for assessment in trace.assessments[1:]:
        evaluator = spans[assessment.metadata["inspect.span_id"]]
        assert (evaluator.span_type, evaluator.name) == ("EVALUATOR", assessment.name)


def test_errors_and_limits(log_path: Path) -> None:
    task, samples = read_all(log_path)

    failed = sample_trace(samples["fails", 1], task)
    limited = sample_trace(samples["turns", 1], task)

    assert (failed.state, failed.tags["inspect.status"]) == ("ERROR", "error")
    assert (limited.state, limited.tags["inspect.status"]) == ("OK", "limit")
    assert limited.tags["inspect.limit"] == "token"
    cancelled = {**samples["fails", 1], "error": {"message": "CancelledError()"}}
    assert sample_trace(cancelled, task).tags["inspect.status"] == "cancelled"


def test_every_sample_can_be_rebuilt(log_path: Path) -> None:
    task, samples = read_all(log_path)
    expected = read_by_inspect(log_path).samples
    assert expected is not None

    for full in expected:
        trace = sample_trace(samples[full.id, full.epoch], task)
        rebuilt = rebuild_sample(trace)

        assert KEY in repr(full)
        assert KEY not in repr(trace)
        masked = repr(full.model_dump()).replace(f"Bearer {KEY}", "***")
        assert repr(rebuilt.model_dump()) == masked


def test_spans_that_are_not_drawn_are_kept_all_the_same(log_path: Path) -> None:
    task, samples = read_all(log_path)
    sample = samples["turns", 1]

    whole, cut = sample_trace(sample, task), sample_trace(sample, task, most_spans=10)

    assert (len(whole.spans) > 30, len(cut.spans)) == (True, 10)
    assert cut.tags["inspect.left_out_spans"] == str(len(whole.spans) - 10)
    assert rebuild_sample(cut).model_dump() == rebuild_sample(whole).model_dump()
    assert [a.source_type for a in cut.assessments] == [a.source_type for a in whole.assessments]


def test_left_out_scores_are_counted() -> None:
    trace = sample_trace({"id": 1, "scores": {"s": {"value": [1] * 203}}}, TASK)

    assert trace.tags["inspect.left_out_scores"] == "3"


def test_traces_do_not_depend_on_when_they_are_made(log_path: Path) -> None:
    task, samples = read_all(log_path)

    for sample in samples.values():
        before = json.dumps(sample)
        assert sample_trace(sample, task) == sample_trace(copy.deepcopy(sample), task)
        assert json.dumps(sample) == before, "the sample must not be changed"


def test_the_digest_changes_with_whatever_the_trace_says(log_path: Path) -> None:
    task, samples = read_all(log_path)
    sample = samples[1, 1]
    changed = [
        {**sample, "target": "5"},
        {**sample, "store": {"x": 1}},
        {**sample, "scores": {}},
        {**sample, "error": {"message": "no", "traceback": "", "traceback_ansi": ""}},
        {**sample, "invalidation": {"author": "ann"}},
        {**sample, "messages": sample["messages"][:1]},
    ]
    traces = [sample_trace(each, task) for each in [sample, *changed]]
    traces.append(sample_trace(sample, replace(task, run_id="run2")))
    traces.append(sample_trace(sample, task, content="none"))

    assert len({trace.tags[TRACE_DIGEST] for trace in traces}) == len(traces)
    assert len({trace.trace_id for trace in traces}) == 1
    reordered = {name: sample[name] for name in sorted(sample)}
    assert sample_trace(reordered, task).spans[0].attributes.keys() == (
        traces[0].spans[0].attributes.keys()
    )


def test_edits_and_invalidation_of_a_log(log_path: Path, tmp_path: Path) -> None:
    log = read_by_inspect(log_path)
    assert log.samples is not None
    provenance = ProvenanceData(author="ann", reason=f"wrong {WORD}")
    edit_score(log, 1, "match", ScoreEdit(value="I", provenance=provenance), epoch=1)
    uuid = log.samples[0].uuid
    assert uuid is not None
    log = invalidate_samples(log, [uuid], provenance)
    edited_path = tmp_path / "edited.eval"
    write_eval_log(log, str(edited_path))
    task, before = read_all(log_path)
    _, after = read_all(edited_path)

    old, new = sample_trace(before[1, 1], task), sample_trace(after[1, 1], task)

    assert new.trace_id == old.trace_id
    assert [a.assessment_id for a in new.assessments] == [a.assessment_id for a in old.assessments]
    assert (old.assessments[1].value, new.assessments[1].value) == (True, False)
    assert new.assessments[1].metadata["inspect.edit_author"] == "ann"
    assert new.assessments[1].metadata["inspect.original_value"] == "C"
    assert new.tags["inspect.edited"] == new.tags["inspect.invalidated"] == "true"
    assert new.tags["inspect.invalidated_reason"] == f"wrong {WORD}"
    assert old.tags["inspect.invalidated"] == "false"
    assert WORD not in repr(sample_trace(after[1, 1], task, content="none"))


def test_without_content_there_is_no_text_of_the_sample(log_path: Path) -> None:
    task, samples = read_all(log_path)

    for sample in samples.values():
        trace, full = sample_trace(sample, task, content="none"), sample_trace(sample, task)

        assert WORD in repr(full)
        assert WORD not in repr(trace)
        assert KEPT_SAMPLE_PREFIX not in repr(trace)
        assert trace.attachments == ()
        assert [(s.span_id, s.start_time_ns, s.end_time_ns) for s in trace.spans] == [
            (s.span_id, s.start_time_ns, s.end_time_ns) for s in full.spans
        ]
        assert trace.metadata == full.metadata
        assert trace.request_preview == f"sample {sample['id']}, epoch {sample['epoch']}"
        with pytest.raises(TraceReadError, match="trace_content=none"):
            rebuild_sample(trace)


def test_a_store_gives_back_what_was_written(log_path: Path, store_uri: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store_uri)
    experiment_id = client.create_experiment("traces")
    task, samples = read_all(log_path)
    task = replace(task, experiment_id=experiment_id, run_id=None)
    store = open_trace_store(store_uri)
    traces = {key: sample_trace(sample, task) for key, sample in samples.items()}
    for trace in [*traces.values(), traces[1, 1]]:
        store.start_trace(trace)
        store.log_spans(trace)

    stored = {trace.info.trace_id: trace for trace in search(client, experiment_id)}

    assert stored.keys() == {trace.mlflow_trace_id for trace in traces.values()}
    for trace in traces.values():
        found = stored[trace.mlflow_trace_id]
        assert rebuild_sample(found).model_dump() == rebuild_sample(trace).model_dump()
        assert trace.tags.items() <= found.info.tags.items()
        assert trace.metadata.items() <= found.info.trace_metadata.items()
        assert found.info.request_preview == trace.request_preview
        assert found.info.execution_duration == trace.execution_duration_ms
        assert {a.name: a.value for a in found.info.assessments} == {
            a.name: a.value for a in trace.assessments
        }
    conditions: dict[str, list[Any]] = {
        "feedback.model_graded_qa = '0.5' AND tags.`inspect.epoch` = '2'": [1, "picture", "turns"],
        "feedback.match = 'true' AND tags.`inspect.epoch` = '1'": [1],
        "tags.`inspect.status` = 'error'": ["fails", "fails"],
    }
    for condition, keys in conditions.items():
        tags = [t.info.tags["inspect.sample_id"] for t in search(client, experiment_id, condition)]
        assert sorted(tags) == [str(key) for key in keys]


def search(client: Any, experiment_id: str, condition: str | None = None) -> list[Any]:
    return list(client.search_traces(locations=[experiment_id], filter_string=condition))


def asked(content: Any, **fields: Any) -> dict[str, Any]:
    return {"id": 1, "epoch": 1, "input": content, **fields}


def shown(preview: str) -> Any:
    question, _, identity = preview.rpartition("\n[sample ")
    assert identity.endswith("]")
    return question


def test_the_last_question_of_a_conversation_is_shown() -> None:
    image = {"type": "image", "image": "attachment://abc"}
    text = {"type": "text", "text": "attachment://def"}
    messages = [
        {"role": "system", "content": "be nice"},
        {"role": "user", "content": "first"},
        {"role": "user", "content": [text, image]},
        {"role": "assistant", "content": "hm"},
    ]
    sample = asked(messages, attachments={"abc": IMAGE, "def": "what is this?"})

    assert shown(request_preview(sample, with_text=True)) == "what is this?\n[image]"
    assert shown(request_preview(asked(messages[:1]), with_text=True)) == "be nice"
    assert shown(request_preview(asked([]), with_text=True)) == ""


@unhurried
@given(
    text=st.text(st.characters(codec=None), max_size=3000)
    | st.sampled_from(["\0" * 3000, '"' * 3000, "中" * 3000, "😀" * 3000, "ab" * 3000]),
    identifier=st.integers() | st.text(st.characters(codec=None), max_size=400),
    epoch=st.integers(min_value=1, max_value=100),
)
def test_request_previews_fit_and_tell_samples_apart(
    text: str, identifier: Any, epoch: int
) -> None:
    sample = {"id": identifier, "epoch": epoch, "input": text}

    preview = request_preview(sample, with_text=True)

    assert len(preview) <= TRACE_PREVIEW_CHARACTERS
    assert preview.endswith(f", epoch {epoch}]")
    others = [{**sample, "epoch": epoch + 1}, {**sample, "id": f"{identifier}x"}]
    assert len({preview, *(request_preview(other, with_text=True) for other in others)}) == 3


def test_long_questions_are_cut() -> None:
    preview = request_preview(asked("x" * 5000), with_text=True)

    assert 950 < len(preview) <= TRACE_PREVIEW_CHARACTERS
    assert shown(preview).endswith("of 5000 characters]")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"completion": "4"}, "4"),
        ({"completion": "attachment://abc"}, "a long answer"),
        ({"completion": "", "choices": [{"message": {"content": "5"}}]}, "5"),
        (
            {
                "choices": [
                    {
                        "message": {
                            "content": [
                                {"type": "reasoning", "reasoning": "hm"},
                                {"type": "text", "text": "6"},
                            ]
                        }
                    }
                ]
            },
            "6",
        ),
        ({}, ""),
        (None, ""),
        ("text", ""),
        ({"choices": [None]}, ""),
    ],
)
def test_response_previews(output: Any, expected: str) -> None:
    assert response_preview({"output": output, "attachments": {"abc": "a long answer"}}) == expected


def test_long_answers_are_cut() -> None:
    preview = response_preview({"output": {"completion": "x" * 5000}})

    assert len(preview) == TRACE_PREVIEW_CHARACTERS
    assert preview.endswith("of 5000 characters]")


def test_costs_are_summed_over_models() -> None:
    usage = {"input_tokens": 10, "output_tokens": 10, "total_tokens": 20, "total_cost": 0.1}
    sample = asked("x", model_usage={"a": usage, "b": {**usage, "total_cost": 0.2}, "c": None})

    cost = json.loads(sample_trace(sample, TASK).metadata["mlflow.trace.cost"])

    assert cost == {
        "input_cost": pytest.approx(0.15),
        "output_cost": pytest.approx(0.15),
        "total_cost": pytest.approx(0.3),
    }


def test_samples_of_old_logs_have_the_time_of_their_task() -> None:
    trace = sample_trace(asked("x"), replace(TASK, created_ms=1_700_000_000_000))

    assert trace.request_time_ms == 1_700_000_000_000
    assert trace.execution_duration_ms == 0
    assert trace.client_request_id is None
    assert trace.state == "OK"


def test_json_that_is_nested_too_deeply_to_be_kept_is_said() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]

    trace = sample_trace(asked("x", store={"deep": deep}), TASK)

    assert trace.tags["inspect.sample_kept"] == "false"
    assert len(trace.spans) == 1


FIELDS = [
    *("id", "epoch", "input", "target", "choices", "messages", "output", "scores", "metadata"),
    *("store", "events", "model_usage", "started_at", "completed_at", "total_time", "uuid"),
    *("invalidation", "error", "error_retries", "attachments", "events_data", "limit"),
]
ODD_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event", "id", "message", "role", "content", "type", "value"]), inner
        )
    ),
    max_leaves=12,
)


@unhurried
@given(sample=st.dictionaries(st.sampled_from(FIELDS), ODD_VALUES), content=st.booleans())
def test_odd_samples_never_fail(sample: dict[str, Any], content: bool) -> None:
    trace = sample_trace(sample, TASK, content="full" if content else "none")

    assert_fits(trace)


def assert_fits(trace: TraceRecord) -> None:
    assert len(trace.request_preview) <= TRACE_PREVIEW_CHARACTERS
    assert len(trace.response_preview) <= TRACE_PREVIEW_CHARACTERS
    assert trace.client_request_id is None or len(trace.client_request_id) <= 50
    assert all(len(text) <= 4096 for text in trace.tags.values())
    assert all(len(text) <= 250 for text in trace.metadata.values())
    assert trace.execution_duration_ms is not None
    assert trace.execution_duration_ms >= 0
    assert trace.request_time_ms >= 0
