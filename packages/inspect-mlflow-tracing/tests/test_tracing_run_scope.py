"""One trace for a whole `eval()`: live, synced, in any order, interrupted."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai import Epochs, Task, eval, eval_set
from inspect_ai._util.registry import registry_info
from inspect_ai.dataset import Sample
from inspect_ai.log import (
    EvalLog,
    ProvenanceData,
    edit_score,
    read_eval_log,
    read_eval_log_sample,
    write_eval_log,
)
from inspect_ai.model import (
    ChatMessageUser,
    ContentImage,
    ContentText,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import ScoreEdit, includes, match
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import Tool, tool
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback, Trace

from inspect_mlflow_core.active_runs import ActiveRun, enter_active_run, leave_active_run
from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import (
    SpanRecord,
    TraceStore,
    ensure_experiment,
    open_trace_store,
    open_tracking_store,
)
from inspect_mlflow_core.exceptions import RejectedError, RetryableError
from inspect_mlflow_core.kept_sample import rebuild_sample, rebuild_samples
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import copy_store, trace_contents
from inspect_mlflow_tracing import (
    TraceLogResult,
    _destination,
    _evaluation,
    _exporter,
    _task_log,
    sync_traces,
)
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.mapping import TracedTask, traced_task
from inspect_mlflow_tracing.run_scope import (
    RunSample,
    RunTask,
    SampleFacts,
    TaskFacts,
    _deliver,
    _groups,
    _run_task,
    begin_run_task,
    end_run_task,
    run_sample,
    run_task,
    write_log_run,
)
from inspect_mlflow_tracing.run_scope._facts import facts_in_tags, facts_tag
from inspect_mlflow_tracing.run_scope._groups import sample_groups
from inspect_mlflow_tracing.run_scope._run_trace import run_trace

Contents = dict[str, dict[str, Any]]
FACTS = "inspect.task_facts."
IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 50
MODEL = "mockllm/model"
SECRET = "rhubarb"
"""Is in every text of an evaluation."""


@pytest.fixture(autouse=True)
def one_trace_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inspect_ai._util.entrypoints import ensure_entry_points
    from inspect_ai.hooks._hooks import get_all_hooks

    ensure_entry_points()
    for hook in get_all_hooks():
        if registry_info(hook).name.startswith("inspect_mlflow_tracking/"):
            monkeypatch.setattr(hook, "enabled", lambda: False)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_SCOPE", "run")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    # MLflow looks prices up on the network unless it is told not to.
    monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", "")


@pytest.fixture
def new_store(tmp_path: Path, store_template: Path) -> Callable[[], str]:
    numbers = iter(range(1000))

    def new() -> str:
        directory = tmp_path / f"store {next(numbers)}"
        directory.mkdir()
        return copy_store(store_template, directory)

    return new


@pytest.fixture
def live(new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    uri = new_store()
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    return uri


@tool
def add() -> Tool:
    async def execute(x: int, y: int) -> str:
        """Add two numbers, and think of rhubarb.

        Args:
            x: First.
            y: Second.
        """
        return f"{SECRET} {x + y}"

    return execute


def mock_model(seconds: float = 0.0, turns: int = 1) -> Model:
    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        await anyio.sleep(seconds)
        if "number 2" in messages[0].text and "fails" in messages[0].text:
            raise RuntimeError(f"the model is out of order: {SECRET}")
        if sum(message.role == "tool" for message in messages) < turns and tools:
            output = ModelOutput.for_tool_call(MODEL, "add", {"x": 1, "y": 1})
        else:
            output = ModelOutput.from_content(MODEL, f"{SECRET} 2")
        output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
        return output

    return get_model(MODEL, custom_outputs=answer, memoize=False)


def sums(name: str = "sums", count: int = 3, *, fails: bool = False, **options: Any) -> Task:
    text = f"1+1 {'fails' if fails else ''} {SECRET}"
    dataset = [
        Sample(id=i, input=f"number {i}: {text}", target=f"{SECRET} 2" if i % 2 else "3")
        for i in range(1, count + 1)
    ]
    solver = [use_tools(add()), generate()]
    settings: dict[str, Any] = {"scorer": [match(), includes()], **options}
    return Task(name=name, dataset=dataset, solver=solver, **settings)


def picture(name: str = "picture") -> Task:
    asked = ChatMessageUser(content=[ContentImage(image=IMAGE), ContentText(text=SECRET)])
    dataset = [Sample(id=number, input=[asked], target="2") for number in (1, 2)]
    return Task(name=name, dataset=dataset, scorer=includes())


def run(logs: Path, *tasks: Task, **options: Any) -> list[EvalLog]:
    settings: dict[str, Any] = {"model": mock_model(), "fail_on_error": False, **options}
    return eval(list(tasks), log_dir=str(logs), display="none", **settings)


def unlogged(monkeypatch: pytest.MonkeyPatch, logs: Path, *tasks: Task, **options: Any) -> None:
    """Evaluate without any hook of ours."""
    with monkeypatch.context() as patch:
        patch.setenv("INSPECT_MLFLOW_ENABLED", "false")
        run(logs, *tasks, **options)


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


def test_logs_may_come_in_any_order(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums(fails=True), sums("more"), picture())
    logs = sorted((tmp_path / "logs").iterdir())
    together = new_store()
    assert sorted(written(logs, together)) == [2, 3, 3]
    expected = contents(together)
    for order in (logs, logs[::-1], [logs[1], logs[2], logs[0]]):
        uri = new_store()
        for log in order:
            assert written(log, uri) > [0]
            assert only(contents(uri))["state"] == "OK"
        assert contents(uri) == expected
        assert written(logs, uri) == [0, 0, 0]
        assert contents(uri) == expected


def test_what_each_sync_of_a_log_reports(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums())
    uri = new_store()

    def result() -> TraceLogResult:
        (found,) = sync_traces(tmp_path / "logs", tracking_uri=uri).results
        return found

    assert (result().action, result().action) == ("created", "unchanged")
    found = result()
    assert (found.traces, found.written, found.scope) == (3, 0, "run")
    assert found.detail == "3 samples in the trace of their run, 0 written"


def test_an_edited_log_updates_its_task(
    live: str, new_store: Callable[[], str], tmp_path: Path
) -> None:
    (log, _) = run(tmp_path / "logs", sums(), sums("more"), max_tasks=1)
    (trace_id,) = contents(live)
    client = MlflowClient(live)
    source = AssessmentSource(source_type="HUMAN", source_id="me")
    opinion = Feedback(name="opinion", value=True, source=source, trace_id=trace_id)
    client._tracing_client.store.create_assessment(opinion)
    before = only(contents(live))
    full = read_eval_log(log.location)
    edit = ScoreEdit(value="I", provenance=ProvenanceData(author="me", reason="wrong"))
    edit_score(full, 1, "match", edit)
    assert full.samples is not None and full.samples[2].scores is not None
    del full.samples[2].scores["includes"]
    write_eval_log(full, log.location)

    assert sorted(written(tmp_path / "logs", live)) == [0, 3]
    after = only(contents(live))
    gone = before["assessments"].keys() - after["assessments"].keys()
    assert [before["assessments"][i]["assessment_name"] for i in gone] == ["includes"]
    changed = [
        i
        for i, found in after["assessments"].items()
        if found.get("feedback") != before["assessments"][i].get("feedback")
    ]
    (match_id,) = changed
    assert after["assessments"][match_id]["feedback"]["value"] is False
    assert any(a["assessment_name"] == "opinion" for a in after["assessments"].values())
    assert written(tmp_path / "logs", live) == [0, 0]
    other = new_store()
    written(tmp_path / "logs", other)
    expected = only(contents(other))
    assert after["spans"] == expected["spans"]
    assert after["tags"] == expected["tags"]


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


def test_the_scope_of_a_log_may_change(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums())
    uri = new_store()
    for scope, traces in (("sample", 3), ("run", 4), ("sample", 4)):
        monkeypatch.setenv("INSPECT_MLFLOW_TRACE_SCOPE", scope)
        written(tmp_path / "logs", uri)
        assert len(contents(uri)) == traces
        assert all(trace["assessments"] for trace in contents(uri).values())


def test_the_trace_belongs_to_the_run_above_those_of_the_tasks(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums(), sums("more"))
    uri = new_store()
    experiment_id = ensure_experiment(open_tracking_store(uri), "inspect_ai")
    client = MlflowClient(uri)
    parent = client.create_run(experiment_id).info.run_id
    for log in sorted((tmp_path / "logs").iterdir()):
        eval_id = read_eval_log(str(log), header_only=True).eval.eval_id
        tags = {"inspect.eval_id": eval_id, "mlflow.parentRunId": parent}
        client.create_run(experiment_id, tags=tags)
    written(tmp_path / "logs", uri)
    (trace,) = client.search_traces(locations=[experiment_id])
    assert trace.info.trace_metadata["mlflow.sourceRun"] == parent
    linked = {a.metadata["mlflow.assessment.sourceRunId"] for a in trace.info.assessments}
    assert linked == {parent}
    with EvalLogReader.open(log) as reader:
        settings = MLflowSettings(tracking_uri=uri, trace_scope="run")
        child = client.create_run(experiment_id, tags={"mlflow.parentRunId": parent}).info.run_id
        enter_active_run(reader.header.eval.eval_id, ActiveRun(child, experiment_id, uri))
        task = TraceDestination(uri).task(reader.header, settings, reader.location)
        leave_active_run(reader.header.eval.eval_id)
    assert task.run_id == parent


def test_a_server_that_fails_now_and_then_costs_nothing(
    live: str, new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([1, 2, 2, 3, 4])

    def unsteady(uri: str) -> Any:
        return Interrupted(open_trace_store(uri), next(failures, 10**6), done=True)

    monkeypatch.setattr(_task_log, "open_trace_store", unsteady)
    monkeypatch.setattr(_deliver, "opened_trace_store", unsteady)
    run(tmp_path / "logs", sums())
    assert next(failures, None) is None
    assert assert_synced_equals(tmp_path / "logs", live, new_store())["state"] == "OK"


def test_a_server_that_is_away_costs_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_store: Callable[[], str], capfd: Any
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", closed)
        (log,) = run(tmp_path / "logs", sums())
    assert log.status == "success"
    assert f"inspect-mlflow sync-traces {log.location}" in capfd.readouterr().err
    assert written(tmp_path / "logs", new_store()) == [3]


def test_a_server_without_traces_is_told_of_once(
    live: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    class Old(Interrupted):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("_") or name in ("tracking_uri", "concurrency"):
                return super().__getattribute__(name)
            raise RejectedError("this is MLflow 3.0", cause="traces_unsupported")

    exporter = _evaluation._exporter
    monkeypatch.setattr(exporter, "_unsupported", set())
    old = Old(open_trace_store(live), 0, done=False)
    monkeypatch.setattr(_task_log, "open_trace_store", lambda _: old)
    logs = run(tmp_path / "logs", sums(), sums("more"))
    assert {log.status for log in logs} == {"success"}
    said = capfd.readouterr().err
    assert said.count("tracing is off: this is MLflow 3.0") == 1
    assert "sync-traces" not in said
    assert contents(live) == {}


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


class Interrupted:
    """A trace store of which every operation may be the last.

    Args:
        store: Does the work.
        left: How many operations are still done.
        done: Whether the one that fails is done all the same, only its answer is lost.
    """

    def __init__(self, store: TraceStore, left: int, *, done: bool) -> None:
        self.tracking_uri, self.concurrency = store.tracking_uri, 0
        self._store, self._left, self._done = store, left, done

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or name in ("tracking_uri", "concurrency"):
            return super().__getattribute__(name)
        operation = getattr(self._store, name)

        def guarded(*arguments: Any) -> Any:
            self._left -= 1
            if self._left >= 0:
                return operation(*arguments)
            if self._done:
                operation(*arguments)
            raise RetryableError("the connection is lost", cause="connection")

        return guarded


def written_by(store: Any, log: Path, written: dict[str, Any] | None = None, **options: Any) -> int:
    with EvalLogReader.open(log) as reader:
        result = write_log_run(store, reader, task_of(reader, store), written=written, **options)
    assert not result.problems
    return result.written


def task_of(reader: EvalLogReader, store: TraceStore) -> RunTask:
    settings = MLflowSettings(tracking_uri=store.tracking_uri, trace_scope="run")
    destination = TraceDestination(store.tracking_uri)
    task = destination.task(reader.header, settings, reader.location)
    return run_task(reader.header, task)


@pytest.mark.parametrize("done", [True, False])
def test_what_was_interrupted_is_taken_up_again(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    # One sample at a time, so that there is more to interrupt.
    monkeypatch.setattr(_groups, "_MOST_SAMPLES", 1)
    unlogged(monkeypatch, tmp_path / "logs", picture(), picture("another"))
    logs = sorted((tmp_path / "logs").iterdir())
    complete = new_store()
    written(logs, complete)
    expected = contents(complete)
    uri = new_store()
    store = open_trace_store(uri)
    written_by(store, logs[0])
    before = contents(uri)
    (trace_id,) = expected
    experiment_id = str(mlflow_trace(uri, trace_id).info.experiment_id)
    left = 0
    while True:
        try:
            written_by(Interrupted(store, left, done=done), logs[1])
        except RetryableError:
            left += 1
        else:
            break
        found = contents(uri)
        assert found in (before, expected) or only(found)["state"] == "IN_PROGRESS"
        assert set(written(logs, uri)) <= {0, 2}
        assert contents(uri) == expected
        MlflowClient(uri).delete_traces(experiment_id, trace_ids=[trace_id])
        written_by(store, logs[0])
    # Search, twice trace, image and spans, the task's span, its tag, and the root.
    assert left >= 10


def test_a_call_that_is_repeated_writes_only_what_is_missing(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_groups, "_MOST_SAMPLES", 1)
    unlogged(monkeypatch, tmp_path / "logs", sums(), log_format="json")
    (log,) = (tmp_path / "logs").iterdir()
    store, known = open_trace_store(new_store()), dict[str, Any]()
    with pytest.raises(RetryableError):
        written_by(Interrupted(store, 5, done=False), log, known)
    assert len(known) == 2
    assert written_by(store, log, known) == 1
    assert only(contents(store.tracking_uri))["state"] == "OK"


class Refusing(Interrupted):
    """A store that refuses spans of one sample, or every removal."""

    def __init__(self, store: TraceStore, refused: str) -> None:
        super().__init__(store, 10**6, done=False)
        self._refused = refused

    def __getattribute__(self, name: str) -> Any:
        if name != "log_spans":
            return super().__getattribute__(name)

        def log_spans(trace: Any) -> None:
            if any(span.name == self._refused for span in trace.spans):
                raise RejectedError("this cannot be stored", cause="http_400")
            self._store.log_spans(trace)

        return log_spans


def test_one_sample_that_is_refused_keeps_no_other_out(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums())
    (log,) = (tmp_path / "logs").iterdir()
    store = open_trace_store(new_store())
    with EvalLogReader.open(log) as reader:
        refusing: Any = Refusing(store, "sample: 2")
        result = write_log_run(refusing, reader, task_of(reader, store))
    assert (result.written, result.samples) == (2, 2)
    assert result.problems == ["sample: 2: this cannot be stored"]
    trace = only(contents(store.tracking_uri))
    assert sorted(span["name"] for span in spans(trace, "sample: ").values()) == [
        "sample: 1",
        "sample: 3",
    ]
    assert trace["state"] == "OK"
    # The next time, all is tried again.
    assert written_by(store, log) == 3
    assert written_by(store, log) == 0


def test_a_log_that_is_being_written_and_one_that_was_left(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums(), sums("more", count=1))
    logs = sorted((tmp_path / "logs").iterdir(), key=lambda log: "_more_" in log.name)
    finished = tmp_path / "finished.eval"
    shutil.copy(logs[0], finished)
    _without_end(logs[0])
    uri = new_store()
    for expected in ([3, 1], [0, 0]):
        assert sorted(written(logs, uri), reverse=True) == expected
        trace = only(contents(uri))
        assert trace["state"] == "IN_PROGRESS"
        assert trace["tags"]["inspect.status"] == "running"
        (task,) = spans(trace, "task: sums").values()
        assert task["status"][0] == "UNSET"
    # Nobody has changed it for long.
    hour_ago = time.time() - 3600
    os.utime(logs[0], (hour_ago, hour_ago))
    written(logs, uri)
    trace = only(contents(uri))
    assert (trace["state"], trace["tags"]["inspect.status"]) == ("ERROR", "cancelled")
    (task,) = spans(trace, "task: sums").values()
    assert task["status"] == ("ERROR", "cancelled")
    shutil.copy(finished, logs[0])
    written(logs, uri)
    assert only(contents(uri))["state"] == "OK"
    other = new_store()
    written(logs, other)
    assert contents(other) == contents(uri)


def _without_end(log: Path) -> None:
    """Leave a log as it is while its evaluation runs: without header and summaries."""
    whole = log.with_suffix(".whole")
    log.rename(whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(log, "w") as new:
        for name in old.namelist():
            if name not in ("header.json", "summaries.json", "reductions.json"):
                new.writestr(name, old.read(name))
    whole.unlink()


def test_a_task_without_any_sample(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums())
    (log,) = (tmp_path / "logs").iterdir()
    empty = read_eval_log(str(log))
    empty.samples, empty.status, empty.results = [], "cancelled", None
    write_eval_log(empty, str(log))
    uri = new_store()
    results = [sync_traces(log, tracking_uri=uri).results[0].action for _ in range(2)]
    assert results == ["created", "unchanged"]
    trace = only(contents(uri))
    assert (trace["state"], len(trace["spans"])) == ("ERROR", 2)


def test_an_attempt_that_was_replaced_ends(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums(), sums("more"))
    first, second = sorted((tmp_path / "logs").iterdir())
    store = open_trace_store(new_store())
    with EvalLogReader.open(first) as reader:
        replaced = task_of(reader, store)
        assert begin_run_task(store, replaced) == {}
    written_by(store, second)
    assert only(contents(store.tracking_uri))["state"] == "IN_PROGRESS"
    end_run_task(store, replaced, [])
    trace = only(contents(store.tracking_uri))
    assert (trace["state"], trace["tags"]["inspect.status"]) == ("ERROR", "cancelled")
    assert len(spans(trace, "task: ")) == 2


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


def test_who_ends_at_the_same_time_does_not_leave_an_older_state(
    new_store: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlogged(monkeypatch, tmp_path / "logs", sums(), sums("more"))
    first, second = sorted((tmp_path / "logs").iterdir())
    store = open_trace_store(new_store())
    expected = new_store()
    written([first, second], expected)

    class Slow(Interrupted):
        """Another task is written between its looking and its writing of the root."""

        searches = 0

        def __getattribute__(self, name: str) -> Any:
            if name == "search_traces":
                Slow.searches += 1
            elif name == "start_trace" and Slow.searches == 2:
                Slow.searches += 1
                written_by(store, second)
            return super().__getattribute__(name)

    written_by(Slow(store, 10**6, done=False), first)
    assert contents(store.tracking_uri) == contents(expected)


@pytest.mark.parametrize(("samples", "turns"), [(1, 60), (4, 30), (40, 2)])
def test_the_whole_stays_near_the_bound(
    samples: int, turns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run_task, "MOST_SPANS", 100)
    unlogged(monkeypatch, tmp_path / "logs", sums(count=1), model=mock_model(turns=turns))
    (log,) = (tmp_path / "logs").iterdir()
    with EvalLogReader.open(log) as reader:
        header = reader.header
        header.eval.dataset.sample_ids = list(range(samples))
        task = traced_task(header, experiment_id="1", run_id=None, location=str(log))
        (sample,) = reader.samples()
        mapped = run_sample(sample, run_task(header, task))
    in_all = len(mapped.spans) * samples
    # The sample, two scorers, and the span around them, are never left out.
    assert in_all <= max(100, 4 * samples)
    assert mapped.spans[0].name == "sample: 1"
    assert [span.span_type for span in mapped.spans].count("EVALUATOR") == 3
    assert mapped.facts.left_out_spans > 0
    assert mapped.spans[0].attributes["inspect.folded_spans"] == mapped.facts.left_out_spans
    (rebuilt,) = rebuild_samples(SimpleNamespace(spans=mapped.spans))
    assert rebuilt.model_dump() == read_eval_log_sample(str(log), 1, 1).model_dump()


def test_a_trace_of_several_samples_names_the_function_for_them(live: str, tmp_path: Path) -> None:
    run(tmp_path / "logs", sums(), picture())
    (trace_id,) = contents(live)
    with pytest.raises(ValueError, match="holds 5 samples; rebuild_samples gives all of them"):
        rebuild_sample(mlflow_trace(live, trace_id))


def test_samples_are_written_together_within_bounds() -> None:
    def sample(count: int, characters: int = 0) -> RunSample:
        attributes = {"inspect.sample.0": "x" * characters}
        own = SpanRecord("t", "s", None, "sample", "CHAIN", 1, 1, attributes=attributes)
        return RunSample(SampleFacts("t", "d", 1, 1), "s", (own,) * count, (), ())

    def sizes(*samples: RunSample) -> list[int]:
        return [len(group) for group in sample_groups(samples)]

    assert sizes() == []
    assert sizes(*[sample(1)] * 120) == [50, 50, 20]
    assert sizes(*[sample(100)] * 7) == [3, 3, 1]
    assert sizes(sample(1), sample(900), sample(1)) == [1, 1, 1]
    assert sizes(sample(1), sample(1, 2_000_000), sample(1)) == [1, 1, 1]


TEXTS = st.text(max_size=400)
NUMBERS = st.dictionaries(st.sampled_from(["input_tokens", "total_cost"]), st.integers(0, 10**9))
FACTS_OF_TASKS = st.builds(
    TaskFacts,
    task=TEXTS,
    model=TEXTS,
    status=st.sampled_from(["success", "error", "cancelled", "running", "other"]),
    start_ns=st.integers(1, 2**62),
    end_ns=st.integers(1, 2**62),
    run_id=st.none() | st.just("0" * 32),
    samples=st.integers(0, 10**6),
    tokens=NUMBERS,
    cost=NUMBERS,
    result=TEXTS,
    digest=st.none() | st.just("0" * 64),
)


@given(FACTS_OF_TASKS)
def test_facts_survive_in_a_tag(facts: TaskFacts) -> None:
    assert len(facts.text) <= 4096
    found = facts_in_tags({facts_tag("abc"): facts.text, "inspect.run_id": "{}"})
    assert found.keys() == {"abc"}
    kept = found["abc"]
    assert (kept.status, kept.start_ns, kept.digest) == (
        facts.status,
        facts.start_ns,
        facts.digest,
    )


@given(st.text(max_size=50) | st.sampled_from(["null", "{}", "[]", '{"task": 1}', "NaN"]))
def test_a_tag_that_somebody_changed_is_no_facts(text: str) -> None:
    assert facts_in_tags({facts_tag("abc"): text}) == {}


@given(st.lists(FACTS_OF_TASKS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_what_follows_from_the_tasks_does_not_depend_on_their_order(
    tasks: list[TaskFacts], random: Any
) -> None:
    task = TracedTask("1", None, "e", "t", "m")
    run_of_task = RunTask(task, "r", "0" * 32, 1, 1_000)
    named = [(f"task {number}", facts) for number, facts in enumerate(tasks)]
    first = run_trace(run_of_task, dict(named))
    random.shuffle(named)
    assert run_trace(run_of_task, dict(named)) == first
    running = any(facts.status == "running" for facts in tasks)
    assert (first.state == "IN_PROGRESS") is running
    assert bool(first.spans) is not running
