"""One trace for a whole `eval()`, written while it runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Epochs, eval_set
from mlflow import MlflowClient

from inspect_mlflow_core.active_runs import ActiveRun
from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.connection import ensure_experiment, open_tracking_store
from inspect_mlflow_core.kept_sample import rebuild_sample, rebuild_samples
from inspect_mlflow_tracing import _destination, _exporter

from .evaluations import MODEL, SECRET, mock_model, picture, run, sums
from .stored_traces import (
    Contents,
    assert_rebuilt,
    assert_synced_equals,
    contents,
    mlflow_trace,
    only,
    spans,
    written,
)


def test_two_tasks_are_one_tree(
    live: str, new_store: Callable[[], str], tmp_path: Path, capfd: Any
) -> None:
    logs = run(tmp_path / "logs", sums(), sums("more", count=2, fails=True), max_tasks=1)
    assert "1 trace complete" in capfd.readouterr().err
    trace = assert_synced_equals(tmp_path / "logs", live, new_store())
    ((root_id, root),) = spans(trace, "eval_run").items()
    assert (root["parent"], root["type"], root["status"]) == (None, "CHAIN", ("OK", ""))
    tasks = spans(trace, "task: ")
    assert sorted(span["name"] for span in tasks.values()) == ["task: more", "task: sums"]
    for log in logs:
        ((task_id, task),) = spans(trace, f"task: {log.eval.task}").items()
        assert (task["parent"], task["type"], task["status"][0]) == (root_id, "CHAIN", "OK")
        told = task["attributes"]
        assert told["inspect.eval_id"] == log.eval.eval_id
        assert (told["inspect.status"], told["inspect.model"]) == ("success", MODEL)
        assert log.results is not None
        assert told["inspect.samples"] == log.results.total_samples
        accuracy = log.results.scores[0].metrics["accuracy"].value
        assert told["inspect.metric.match/accuracy"] == accuracy
        assert told["mlflow.spanOutputs"]["match/accuracy"] == accuracy
        below = [span for span in trace["spans"].values() if span["parent"] == task_id]
        names = sorted(span["name"] for span in below)
        assert names == [f"sample: {i}" for i in range(1, len(below) + 1)]
        assert len(below) == log.results.total_samples
        for span in (*below, task):
            assert root["start_time_ns"] <= span["start_time_ns"] <= span["end_time_ns"]
            assert span["end_time_ns"] <= root["end_time_ns"]
            assert span is task or span["end_time_ns"] <= task["end_time_ns"]
    failed = [span for span in spans(trace, "sample: 2").values() if span["status"][0] == "ERROR"]
    assert len(failed) == 1
    assert failed[0]["attributes"]["inspect.status"] == "error"
    assert_rebuilt(live, logs)


def test_what_the_trace_itself_says(live: str, tmp_path: Path) -> None:
    logs = run(tmp_path / "logs", sums(), sums("more", count=1))
    trace = only(contents(live))
    tags = trace["tags"]
    assert tags["mlflow.traceName"] == "eval_run"
    assert tags["inspect.run_id"] == logs[0].eval.run_id == trace["client_request_id"]
    assert tags["inspect.trace_scope"] == "run"
    assert (tags["inspect.tasks"], tags["inspect.models"]) == ("more, sums", MODEL)
    assert tags["inspect.status"] == "success"
    # By which traces of single samples are found.
    assert "inspect.eval_id" not in tags
    (trace_id,) = contents(live)
    assert mlflow_trace(live, trace_id).info.token_usage == {
        "input_tokens": 4 * 2 * 3,
        "output_tokens": 4 * 2,
        "total_tokens": 4 * 2 * 4,
    }
    assert "sums (mockllm/model)" in trace["request_preview"]
    assert "sums: match/accuracy 0.667" in trace["response_preview"]
    starts = [span["start_time_ns"] for span in spans(trace, "task: ").values()]
    ends = [span["end_time_ns"] for span in spans(trace, "task: ").values()]
    assert trace["request_time"] == min(starts) // 1_000_000
    assert trace["execution_duration"] == max(ends) // 1_000_000 - min(starts) // 1_000_000


def test_scores_stand_at_the_span_of_their_sample(live: str, tmp_path: Path) -> None:
    run(tmp_path / "logs", sums(), sums("more"))
    trace = only(contents(live))
    assert len(trace["assessments"]) == 2 * 3 * 3  # Two scores and a target each.
    for assessment in trace["assessments"].values():
        sample = trace["spans"][assessment["span_id"]]
        said = assessment["metadata"]
        assert sample["name"] == f"sample: {said['inspect.sample_id']}"
        assert trace["spans"][sample["parent"]]["name"] == f"task: {said['inspect.task']}"
        if assessment["assessment_name"] == "match":
            right = int(said["inspect.sample_id"]) % 2 == 1
            assert assessment["feedback"]["value"] is right
            assert trace["spans"][said["inspect.span_id"]]["type"] == "EVALUATOR"


def test_epochs_and_errors(live: str, new_store: Callable[[], str], tmp_path: Path) -> None:
    task = sums(fails=True)
    logs = run(tmp_path / "logs", task, epochs=Epochs(2, "mean"))
    trace = assert_synced_equals(tmp_path / "logs", live, new_store())
    names = sorted(span["name"] for span in spans(trace, "sample: ").values())
    assert names == [f"sample: {i} epoch {e}" for i in (1, 2, 3) for e in (1, 2)]
    assert sum(span["status"][0] == "ERROR" for span in spans(trace, "sample: ").values()) == 2
    assert trace["state"] == "OK"
    assert_rebuilt(live, logs)


def test_a_task_that_fails(live: str, new_store: Callable[[], str], tmp_path: Path) -> None:
    tasks = sums(fails=True), sums("more", count=1)
    (failed, _) = run(tmp_path / "logs", *tasks, fail_on_error=True, max_samples=1, max_tasks=1)
    assert failed.status == "error"
    trace = assert_synced_equals(tmp_path / "logs", live, new_store())
    assert (trace["state"], trace["tags"]["inspect.status"]) == ("ERROR", "error")
    (task,) = spans(trace, "task: sums").values()
    assert task["status"][0] == "ERROR" and "out of order" in task["status"][1]
    assert [name for name, *_ in task["events"]] == ["exception"]
    (other,) = spans(trace, "task: more").values()
    assert other["status"][0] == "OK"


def test_a_long_evaluation_is_written_by_another_process_while_it_runs(
    live: str, new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []
    delivered: list[int] = []
    call = BackgroundProcess.call

    def counted(self: BackgroundProcess, function: Any, *arguments: Any) -> Any:
        result = call(self, function, *arguments)
        assert function.__name__ == "deliver_run_samples"
        delivered.append(sum(outcome.delivered for outcome in result))
        trace = only(contents(live))
        seen.append((trace["state"], len(spans(trace, "sample: "))))
        return result

    monkeypatch.setattr(BackgroundProcess, "call", counted)
    monkeypatch.setattr(_exporter, "BACKGROUND_AFTER_SECONDS", 0.0)
    run(
        tmp_path / "logs",
        sums(count=8),
        model=mock_model(seconds=0.2),
        max_samples=1,
        log_buffer=1,
    )
    assert sum(delivered) == 8
    assert {state for state, _ in seen} == {"IN_PROGRESS"}
    assert seen[0][1] < 8
    trace = assert_synced_equals(tmp_path / "logs", live, new_store())
    assert trace["state"] == "OK"
    assert trace["metadata"]["mlflow.trace.tokenUsage"] == json.dumps(
        {"input_tokens": 48, "output_tokens": 16, "total_tokens": 64}
    )


@pytest.mark.parametrize("log_format", ["json", "eval"])
def test_tasks_that_run_at_the_same_time(
    live: str, new_store: Callable[[], str], tmp_path: Path, log_format: str
) -> None:
    tasks = [sums(f"task {number}", count=2) for number in range(4)]
    run(tmp_path / "logs", *tasks, max_tasks=4, log_format=log_format)
    trace = assert_synced_equals(tmp_path / "logs", live, new_store())
    assert len(spans(trace, "task: ")) == 4
    assert trace["state"] == "OK"


def test_through_a_server(
    server: str, new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", server)
    logs = run(tmp_path / "logs", sums(fails=True), picture(), epochs=Epochs(2, "mean"))
    trace = assert_synced_equals(tmp_path / "logs", server, new_store())
    assert len(trace["attachments"]) == 1
    assert_rebuilt(server, logs)


def test_images_belong_to_the_trace_of_the_run(live: str, tmp_path: Path) -> None:
    run(tmp_path / "logs", picture())
    ((trace_id, trace),) = contents(live).items()
    told = json.dumps(trace["spans"])
    assert "mlflow-attachment://" in told
    for part in told.split("mlflow-attachment://")[1:]:
        assert f"trace_id={trace_id}&" in part.split('"')[0]
    # Both samples show the same one.
    assert len(trace["attachments"]) == 1


def test_without_content_no_text_leaves_the_evaluation(
    live: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_CONTENT", "none")
    tasks = sums(fails=True), picture()
    (failed, _) = run(tmp_path / "logs", *tasks, fail_on_error=True, max_samples=1)
    assert failed.status == "error"
    trace = only(contents(live))
    assert len(spans(trace, "sample: ")) >= 3
    assert SECRET not in json.dumps(trace)
    assert "out of order" not in json.dumps(trace)
    assert trace["attachments"] == {}
    with pytest.raises(ValueError, match="holds no Inspect sample"):
        rebuild_samples(mlflow_trace(live, next(iter(contents(live)))))


def test_each_task_may_have_its_own_scope(
    live: str, new_store: Callable[[], str], tmp_path: Path
) -> None:
    alone = sums("alone", metadata={"inspect_mlflow_trace_scope": "sample"})
    logs = run(tmp_path / "logs", sums(), alone)
    other = new_store()
    assert sorted(written(tmp_path / "logs", other)) == [3, 3]
    found = contents(live)
    assert contents(other) == found
    by_name = sorted(trace["tags"]["mlflow.traceName"] for trace in found.values())
    assert by_name == ["eval_run"] + [f"sample {i} epoch 1" for i in (1, 2, 3)]
    (trace,) = [t for t in found.values() if t["tags"]["mlflow.traceName"] == "eval_run"]
    assert [span["name"] for span in spans(trace, "task: ").values()] == ["task: sums"]
    assert trace["tags"]["inspect.run_id"] == logs[1].eval.run_id
    assert written(tmp_path / "logs", live) == [0, 0]


FACTS = "inspect.task_facts."


def test_live_traces_belong_to_the_run_above_as_well(
    live: str, new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with tracking, which opens the runs of each task while it is running."""
    other = new_store()

    def opened(uri: str, eval_id: str) -> ActiveRun:
        experiment_id = ensure_experiment(open_tracking_store(uri), "inspect_ai")
        client = MlflowClient(uri)
        parents = client.search_runs([experiment_id], "tags.role = 'parent'")
        parent = (
            parents[0] if parents else client.create_run(experiment_id, tags={"role": "parent"})
        )
        tags = {"inspect.eval_id": eval_id, "mlflow.parentRunId": parent.info.run_id}
        child = client.create_run(experiment_id, tags=tags)
        return ActiveRun(child.info.run_id, experiment_id, uri)

    def with_run(eval_id: str) -> ActiveRun:
        if eval_id not in runs:
            runs[eval_id] = opened(live, eval_id)
        return runs[eval_id]

    runs: dict[str, ActiveRun] = {}
    monkeypatch.setattr(_destination, "active_run", with_run)
    run(tmp_path / "logs", sums(), sums("more"))
    monkeypatch.undo()
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_SCOPE", "run")
    for eval_id in runs:
        opened(other, eval_id)
    written(tmp_path / "logs", other)
    assert without_runs(contents(live)) == without_runs(contents(other))
    for uri in (live, other):
        assert written(tmp_path / "logs", uri) == [0, 0]
        source = only(contents(uri))["metadata"]["mlflow.sourceRun"]
        assert source == "task "  # What a run without an eval id is called here.


def without_runs(found: Contents) -> Contents:
    """What stores tell apart from the ids of their runs, which differ."""
    for trace in found.values():
        for name, text in trace["tags"].items():
            if name.startswith(FACTS):
                kept = json.loads(text)
                assert kept["run_id"] and kept["digest"]
                trace["tags"][name] = {**kept, "run_id": None, "digest": None}
    return found


TASK_FILE = """
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate, solver


@solver
def breaks_once():
    async def solve(state, generate):
        if state.sample_id == 2 and not Path("broken").exists():
            Path("broken").touch()
            raise ValueError("out of order")
        return await generate(state)

    return solve


def answer(*_):
    output = ModelOutput.from_content("mockllm/model", "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


def task_of(solver):
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    samples = [Sample(id=number, input="1+1", target="2") for number in (1, 2, 3)]
    return Task(dataset=samples, solver=solver, scorer=match(), model=model)


@task
def flaky():
    return task_of(breaks_once())


@task
def steady():
    return task_of(generate())
"""


@pytest.mark.parametrize("immediate", [True, False])
@pytest.mark.parametrize("cleanup", [True, False])
def test_an_eval_set_that_tries_again(
    live: str,
    new_store: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    immediate: bool,
    cleanup: bool,
) -> None:
    (tmp_path / "run_scope_tasks.py").write_text(TASK_FILE)
    monkeypatch.chdir(tmp_path)
    success, logs = eval_set(
        ["run_scope_tasks.py@flaky", "run_scope_tasks.py@steady"],
        log_dir=str(tmp_path / "logs"),
        retry_immediate=immediate,
        retry_cleanup=cleanup,
        retry_wait=0.01,
        max_samples=1,
        display="none",
    )
    assert success
    other = new_store()
    written(tmp_path / "logs", other)
    found, synced = contents(live), contents(other)
    if not cleanup:
        assert found == synced
    runs = {log.eval.run_id for log in logs}
    standing = [t for t in found.values() if t["tags"]["inspect.run_id"] in runs]
    assert {trace["state"] for trace in found.values()} <= {"OK", "ERROR"}
    if immediate:
        # The attempt that failed is in the same trace.
        (trace,) = standing
        assert (trace["state"], trace["tags"]["inspect.status"]) == ("OK", "success")
        statuses = [span["status"][0] for span in spans(trace, "task: flaky").values()]
        assert sorted(statuses) == ["ERROR", "OK"]
    assert set(written(tmp_path / "logs", live)) == {0}
    assert contents(live) == found


def test_a_trace_of_several_samples_names_the_function_for_them(live: str, tmp_path: Path) -> None:
    run(tmp_path / "logs", sums(), picture())
    (trace_id,) = contents(live)
    with pytest.raises(ValueError, match="holds 5 samples; rebuild_samples gives all of them"):
        rebuild_sample(mlflow_trace(live, trace_id))
