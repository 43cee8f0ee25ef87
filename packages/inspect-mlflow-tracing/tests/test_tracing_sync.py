"""`sync_traces` of logs: whole, edited, scored again, damaged, unfinished, copied."""

from __future__ import annotations

import json
import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from inspect_ai import Task, eval, score
from inspect_ai.dataset import Sample
from inspect_ai.log import (
    EvalLog,
    ProvenanceData,
    edit_score,
    invalidate_samples,
    read_eval_log,
    read_eval_log_sample,
    write_eval_log,
)
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import ScoreEdit, includes, match
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import tool

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import (
    TraceRecord,
    TraceStore,
    ensure_experiment,
    open_trace_store,
    open_tracking_store,
)
from inspect_mlflow_core.exceptions import (
    ConfigurationError,
    DeliveryError,
    RejectedError,
    RetryableError,
)
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import FaultyStore, copy_store, trace_contents
from inspect_mlflow_tracing import TraceLogResult, _sync, rebuild_sample, sync_traces
from inspect_mlflow_tracing._command import sync_traces_command
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.traces import write_log_traces

PROVENANCE = ProvenanceData(author="reviewer", reason="a wrong target")
Traces = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def no_look_up_of_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", "")


@pytest.fixture
def uri(tmp_path: Path, store_template: Path) -> str:
    directory = tmp_path / "store"
    directory.mkdir()
    return copy_store(store_template, directory)


@tool
def add() -> Any:
    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: First number.
            y: Second number.
        """
        return str(x + y)

    return execute


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    if messages[-1].role == "tool":
        output = ModelOutput.from_content("mockllm/model", "2")
    else:
        output = ModelOutput.for_tool_call("mockllm/model", "add", {"x": 1, "y": 1})
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


def evaluate(directory: Path, *, samples: int = 4, **options: Any) -> Path:
    dataset = [
        Sample(id=i, input=f"1+1 ({i})", target="2" if i % 2 else "3")
        for i in range(1, samples + 1)
    ]
    solver = [use_tools(add()), generate()]
    task = Task(name="sums", dataset=dataset, solver=solver, scorer=match(), **options)
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    (log,) = eval(task, model=model, log_dir=str(directory), display="none")
    return Path(log.location)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of four samples, two of them right."""
    return evaluate(tmp_path_factory.mktemp("original"))


@pytest.fixture
def log_path(original: Path, tmp_path: Path) -> Path:
    path = tmp_path / "logs" / original.name
    path.parent.mkdir()
    shutil.copy2(original, path)
    return path


def only_result(log: Path, uri: str, **options: Any) -> TraceLogResult:
    (result,) = sync_traces(log, tracking_uri=uri, **options).results
    return result


def tell(log: EvalLog, path: Path) -> None:
    write_eval_log(log, str(path))


def of_sample(traces: Traces, sample_id: int) -> dict[str, Any]:
    (found,) = [t for t in traces.values() if t["tags"]["inspect.sample_id"] == str(sample_id)]
    return found


def feedback(trace: dict[str, Any], name: str) -> Any:
    (found,) = [a for a in trace["assessments"].values() if a["assessment_name"] == name]
    return found["feedback"]["value"]


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Copy an `.eval` file; None leaves a member out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)


def test_every_sample_becomes_a_trace_that_holds_it(log_path: Path, uri: str) -> None:
    from mlflow import MlflowClient

    result = only_result(log_path, uri)
    assert (result.action, result.traces, result.written) == ("created", 4, 4)
    found = MlflowClient(tracking_uri=uri).search_traces(locations=[result.experiment_id])
    for trace in found:
        sample = rebuild_sample(trace)
        logged = read_eval_log_sample(str(log_path), sample.id, sample.epoch)
        assert sample.model_dump() == logged.model_dump()
    assert len(found) == 4


def test_second_sync_writes_nothing(log_path: Path, uri: str) -> None:
    only_result(log_path, uri)
    before = trace_contents(uri)
    result = only_result(log_path, uri)
    assert (result.action, result.traces, result.written) == ("unchanged", 4, 0)
    assert trace_contents(uri) == before


def test_server_holds_what_an_embedded_store_holds(log_path: Path, uri: str, server: str) -> None:
    only_result(log_path, uri)
    assert only_result(log_path, server).action == "created"
    over_http = trace_contents(server)
    assert over_http == trace_contents(uri)
    assert only_result(log_path, server).action == "unchanged"
    assert trace_contents(server) == over_http


def test_edited_score_updates_the_trace_of_its_sample(log_path: Path, uri: str) -> None:
    only_result(log_path, uri)
    before = trace_contents(uri)
    log = read_eval_log(str(log_path))
    edit_score(
        log, sample_id=2, score_name="match", edit=ScoreEdit(value="C", provenance=PROVENANCE)
    )
    tell(log, log_path)
    result = only_result(log_path, uri)
    assert (result.action, result.traces, result.written) == ("updated", 4, 1)
    after = trace_contents(uri)
    assert set(after) == set(before)
    old, new = of_sample(before, 2), of_sample(after, 2)
    assert (feedback(old, "match"), feedback(new, "match")) == (False, True)
    assert set(old["assessments"]) == set(new["assessments"])
    assert new["tags"]["inspect.edited"] == "true"
    assert of_sample(after, 1) == of_sample(before, 1)
    assert only_result(log_path, uri).action == "unchanged"
    assert trace_contents(uri) == after


def test_invalidated_sample_is_marked_and_unmarked(log_path: Path, uri: str) -> None:
    log = read_eval_log(str(log_path))
    assert log.samples is not None
    tell(invalidate_samples(log, [str(log.samples[0].uuid)], PROVENANCE), log_path)
    only_result(log_path, uri)
    assert of_sample(trace_contents(uri), 1)["tags"]["inspect.invalidated"] == "true"
    tell(log, log_path)
    assert only_result(log_path, uri).written == 1
    assert of_sample(trace_contents(uri), 1)["tags"]["inspect.invalidated"] == "false"


def test_scored_copy_updates_the_same_traces(log_path: Path, uri: str) -> None:
    only_result(log_path, uri)
    before = trace_contents(uri)
    rescored = score(read_eval_log(str(log_path)), includes(), action="append", display="none")
    copy = log_path.with_name(log_path.stem + "-scored.eval")
    tell(rescored, copy)
    report = sync_traces(log_path.parent, tracking_uri=uri)
    actions = {Path(result.location).name: result.action for result in report.results}
    assert actions == {copy.name: "updated", log_path.name: "superseded"}
    after = trace_contents(uri)
    assert set(after) == set(before)
    for key, trace in after.items():
        assert set(before[key]["assessments"]) < set(trace["assessments"])
        assert feedback(trace, "includes") == feedback(trace, "match")
    assert sync_traces(log_path.parent, tracking_uri=uri).results[-1].action == "unchanged"
    assert trace_contents(uri) == after


def scored_anew(path: Path) -> None:
    """Do to a log what `inspect score --action overwrite` does."""
    log = read_eval_log(str(path))
    tell(score(log, includes(), action="overwrite", display="none"), path)


def names(trace: dict[str, Any]) -> list[str]:
    return sorted(found["assessment_name"] for found in trace["assessments"].values())


@pytest.mark.parametrize("kind", ["database", "server"])
def test_scores_that_are_no_longer_in_the_log_are_removed_and_no_others(
    log_path: Path, uri: str, request: pytest.FixtureRequest, kind: str
) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import AssessmentSource, Feedback

    target = uri if kind == "database" else request.getfixturevalue("server")
    found = only_result(log_path, target)
    client = MlflowClient(tracking_uri=target)
    traces = client.search_traces(locations=[found.experiment_id])
    (ours,) = [a for a in traces[0].info.assessments if a.name == "match"]
    added = [
        Feedback("match", "C", source=AssessmentSource("HUMAN", "me")),
        Feedback("tone", "dry", source=AssessmentSource("LLM_JUDGE", "judge")),
        Feedback("match", False, source=AssessmentSource("HUMAN", "she")),
    ]
    added[2].overrides = ours.assessment_id
    for assessment in added:
        assessment.trace_id = traces[0].info.trace_id
        client._tracking_client.store.create_assessment(assessment)
    scored_anew(log_path)
    assert only_result(log_path, target).written == 4
    after = trace_contents(target)
    reviewed = after.pop(traces[0].info.trace_id)
    assert names(reviewed) == ["expected_response", "includes", "match", "match", "tone"]
    assert ours.assessment_id not in reviewed["assessments"]
    assert len(after) == 3
    assert all(names(trace) == ["expected_response", "includes"] for trace in after.values())
    assert only_result(log_path, target).action == "unchanged"


def test_removal_that_was_interrupted_is_taken_up_again(
    log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_result(log_path, uri)
    scored_anew(log_path)

    def stop(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "delete_assessment":
            raise KeyboardInterrupt

    stumble(monkeypatch, stop)
    with pytest.raises(KeyboardInterrupt):
        only_result(log_path, uri)
    monkeypatch.undo()
    assert only_result(log_path, uri).action == "updated"
    traces = trace_contents(uri).values()
    assert all(names(trace) == ["expected_response", "includes"] for trace in traces)
    assert {trace["state"] for trace in traces} == {"OK"}


def test_removal_that_is_refused_is_named_and_the_trace_is_complete(
    log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_result(log_path, uri)
    scored_anew(log_path)

    def refuse(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "delete_assessment":
            raise RejectedError("you may not remove it", cause="http_403")

    stumble(monkeypatch, refuse)
    result = only_result(log_path, uri)
    assert len(result.problems) == 4
    assert all("you may not remove it" in problem for problem in result.problems)
    for trace in trace_contents(uri).values():
        assert trace["state"] == "OK"
        assert names(trace) == ["expected_response", "includes", "match"]
    monkeypatch.undo()
    assert only_result(log_path, uri).problems == ()
    for trace in trace_contents(uri).values():
        assert names(trace) == ["expected_response", "includes"]
    assert only_result(log_path, uri).action == "unchanged"


def test_json_and_eval_of_one_log_give_the_same_traces(log_path: Path, uri: str) -> None:
    only_result(log_path, uri)
    ids = set(trace_contents(uri))
    tell(read_eval_log(str(log_path)), log_path.with_suffix(".json"))
    report = sync_traces([log_path.with_suffix(".json")], tracking_uri=uri)
    assert report.complete
    assert set(trace_contents(uri)) == ids
    both = sync_traces(log_path.parent, tracking_uri=uri)
    assert "superseded" in [result.action for result in both.results]


def test_one_damaged_sample_does_not_hide_the_others(log_path: Path, uri: str) -> None:
    damaged = log_path.with_name("damaged.eval")
    rewritten(
        log_path,
        damaged,
        lambda name, content: b'{"id": 1, "epo' if name.startswith("samples/1_") else content,
    )
    result = only_result(damaged, uri)
    assert result.traces == 4
    (problem,) = result.problems
    assert "sample 1 epoch 1" in problem and "\n" not in problem
    assert len(trace_contents(uri)) == 4


def test_unfinished_log_gives_the_traces_of_its_finished_samples(log_path: Path, uri: str) -> None:
    unfinished = log_path.parent / "unfinished" / log_path.name
    unfinished.parent.mkdir()
    left_out = ("header.json", "summaries.json", "reductions.json", "samples/3_", "samples/4_")
    rewritten(
        log_path,
        unfinished,
        lambda name, content: None if name.startswith(left_out) else content,
    )
    result = only_result(unfinished, uri)
    assert (result.action, result.traces) == ("created", 2)
    result = only_result(log_path, uri)
    assert (result.action, result.traces) == ("updated", 4)
    assert len(trace_contents(uri)) == 4


def test_unreadable_files_are_named_and_the_rest_goes_on(log_path: Path, uri: str) -> None:
    (log_path.parent / "broken.eval").write_bytes(log_path.read_bytes()[:500])
    (log_path.parent / "empty.eval").write_bytes(b"")
    report = sync_traces(log_path.parent, tracking_uri=uri)
    assert not report.complete
    reasons = {Path(result.location).name: result.reason for result in report.failed}
    assert set(reasons) == {"broken.eval", "empty.eval"}
    assert all(reason and "\n" not in reason for reason in reasons.values())
    assert len(trace_contents(uri)) == 4


def test_traces_belong_to_the_run_of_their_evaluation(log_path: Path, uri: str) -> None:
    assert only_result(log_path, uri).run_id == ""
    store = open_tracking_store(uri)
    eval_id = read_eval_log(str(log_path), header_only=True).eval.eval_id
    experiment_id = ensure_experiment(store, "inspect_ai")
    run = store.create_run(
        experiment_id, name="sums", start_time_ms=1, tags={"inspect.eval_id": eval_id}
    )
    result = only_result(log_path, uri)
    assert (result.action, result.written, result.run_id) == ("updated", 4, run.run_id)
    for trace in trace_contents(uri).values():
        assert trace["metadata"]["mlflow.sourceRun"] == f"task {eval_id}"
    assert only_result(log_path, uri).action == "unchanged"


def test_whoever_asks_gets_traces_though_hooks_are_off(
    log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "false")
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "false")
    assert only_result(log_path, uri).action == "created"


@pytest.mark.parametrize("key", ["tracing_enabled", "log_traces", "enabled"])
def test_task_keeps_its_traces_out(tmp_path: Path, uri: str, key: str) -> None:
    path = evaluate(tmp_path / "logs", metadata={f"inspect_mlflow_{key}": False})
    result = only_result(path, uri)
    assert (result.action, result.problems) == ("disabled", ())
    assert "metadata" in result.reason
    assert trace_contents(uri) == {}


def test_wrong_override_of_a_task_is_named(tmp_path: Path, uri: str) -> None:
    path = evaluate(tmp_path / "logs", metadata={"inspect_mlflow_trace_content": "some"})
    result = only_result(path, uri)
    assert result.action == "failed"
    assert "inspect_mlflow_trace_content" in result.reason


def test_task_chooses_its_experiment(tmp_path: Path, uri: str) -> None:
    path = evaluate(tmp_path / "logs", metadata={"inspect_mlflow_experiment": "own"})
    only_result(path, uri, experiment_name="given")
    assert {trace["experiment"] for trace in trace_contents(uri).values()} == {"own"}


def test_content_none_sends_no_text(
    log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_CONTENT", "none")
    only_result(log_path, uri)
    told = trace_contents(uri)
    assert "1+1" not in json.dumps(told)
    assert all(len(trace["spans"]) > 3 for trace in told.values())
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_CONTENT", "full")
    assert only_result(log_path, uri).written == 4
    assert "1+1" in json.dumps(trace_contents(uri))
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_CONTENT", "none")
    assert only_result(log_path, uri).written == 4
    assert all(names(trace) == ["match"] for trace in trace_contents(uri).values())


def test_dry_run_sends_nothing(log_path: Path, uri: str) -> None:
    result = only_result(log_path, uri, dry_run=True)
    assert (result.action, result.reason) == ("would sync", "into experiment inspect_ai")
    assert trace_contents(uri) == {}


def test_progress_is_told(log_path: Path, uri: str) -> None:
    told: list[tuple[str, int, int]] = []
    only_result(log_path, uri, progress=lambda *step: told.append(step))
    assert ("sums: samples", 4, 4) in told
    assert all(0 <= done <= total for _, done, total in told)


def test_fsspec_url(log_path: Path, uri: str) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe(f"/sync-traces/{log_path.name}", log_path.read_bytes())
    try:
        report = sync_traces("memory://sync-traces", tracking_uri=uri)
        assert [result.written for result in report.results] == [4]
    finally:
        memory.rm("/sync-traces", recursive=True)


def test_nothing_but_traces_changes_in_the_process(log_path: Path, uri: str) -> None:
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.active_run(), dict(os.environ)
    only_result(log_path, uri)
    assert (mlflow.get_tracking_uri(), mlflow.active_run(), dict(os.environ)) == before


def test_no_tracking_uri_says_what_to_do(log_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="INSPECT_MLFLOW_TRACKING_URI"):
        sync_traces(log_path)


def stumble(monkeypatch: pytest.MonkeyPatch, fail: Callable[[str, tuple[Any, ...]], None]) -> None:
    monkeypatch.setattr(
        _sync, "open_trace_store", lambda uri: FaultyStore(open_trace_store(uri), fail)
    )


def test_passing_faults_lose_nothing(
    log_path: Path, uri: str, tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[Any] = set()

    def fail_each_call_once(name: str, arguments: tuple[Any, ...]) -> None:
        first = arguments[0] if arguments else None
        key = name, first.trace_id if isinstance(first, TraceRecord) else first
        if key not in seen:
            seen.add(key)
            raise RetryableError("busy", cause="http_503", retry_after_seconds=0)

    stumble(monkeypatch, fail_each_call_once)
    result = only_result(log_path, uri)
    assert (result.action, result.written, result.problems) == ("created", 4, ())
    monkeypatch.undo()
    other = tmp_path / "other"
    other.mkdir()
    other_uri = copy_store(store_template, other)
    only_result(log_path, other_uri)
    assert trace_contents(uri) == trace_contents(other_uri)
    scored_anew(log_path)
    seen.clear()
    stumble(monkeypatch, fail_each_call_once)
    assert only_result(log_path, uri).problems == ()
    assert "delete_assessment" in {name for name, _ in seen}
    traces = trace_contents(uri).values()
    assert all(names(trace) == ["expected_response", "includes"] for trace in traces)


def test_refused_sample_is_named_and_the_rest_goes_on(
    log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_one(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "start_trace" and arguments[0].tags["inspect.sample_id"] == "2":
            raise RejectedError("too large", cause="http_413")

    stumble(monkeypatch, refuse_one)
    result = only_result(log_path, uri)
    assert (result.action, result.traces) == ("created", 3)
    (problem,) = result.problems
    assert "too large" in problem
    monkeypatch.undo()
    assert only_result(log_path, uri).written == 1


def test_interrupted_sync_goes_on_from_there(
    log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "log_spans":
            raise KeyboardInterrupt

    stumble(monkeypatch, stop)
    with pytest.raises(KeyboardInterrupt):
        only_result(log_path, uri)
    monkeypatch.undo()
    assert only_result(log_path, uri).traces == 4
    after = trace_contents(uri)
    assert len(after) == 4
    assert all(trace["tags"]["inspect.trace_digest"] for trace in after.values())
    assert only_result(log_path, uri).action == "unchanged"


def test_the_rest_of_the_log_is_not_read_for_a_server_that_takes_nothing(
    tmp_path: Path, uri: str
) -> None:
    def fail(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "start_trace":
            raise RetryableError("busy", cause="http_503")

    begun: list[int] = []
    log_path = evaluate(tmp_path, samples=120)
    with EvalLogReader.open(str(log_path)) as reader:
        task = TraceDestination(uri).task(reader.header, MLflowSettings(), reader.location)
        with pytest.raises(RetryableError, match="busy"):
            write_log_traces(
                cast(TraceStore, FaultyStore(open_trace_store(uri), fail)),
                reader,
                task,
                progress=lambda done, total: begun.append(done),
            )
    # As many as share a request.
    assert 10 < len(begun) < 60


@pytest.fixture
def old_server() -> Iterator[str]:
    """Something that answers like a server of MLflow 3.5."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = b"3.5.1" if self.path == "/version" else b"OK"
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            return

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield f"http://me:pa55word@127.0.0.1:{listener.server_address[1]}"
    finally:
        listener.shutdown()
        listener.server_close()


def test_old_server_is_refused_with_one_line(log_path: Path, old_server: str) -> None:
    with pytest.raises(RejectedError, match="3.5.1; traces need 3.6 or newer") as caught:
        sync_traces(log_path, tracking_uri=old_server)
    assert caught.value.cause == "traces_unsupported"
    assert "\n" not in str(caught.value) and "pa55word" not in str(caught.value)


def test_unreachable_server_is_named_without_its_password(
    log_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspect_mlflow_core.sync._retries.FIRST_PAUSE_SECONDS", 0.0)
    with pytest.raises(DeliveryError, match="127.0.0.1:9") as caught:
        sync_traces(log_path, tracking_uri="http://me:pa55word@127.0.0.1:9")
    assert "pa55word" not in str(caught.value)


def test_command_reports_and_exits_by_outcome(
    log_path: Path, uri: str, old_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspect_mlflow_core.sync._retries.FIRST_PAUSE_SECONDS", 0.0)
    runner = CliRunner()
    arguments = [str(log_path), "--tracking-uri", uri]
    would = runner.invoke(sync_traces_command, [*arguments, "--dry-run", "--experiment", "other"])
    assert would.exit_code == 0
    assert "would sync  traces of sums (mockllm/model)" in would.output
    assert "into experiment other" in would.output
    done = runner.invoke(sync_traces_command, arguments)
    assert done.exit_code == 0, done.output
    assert "4 traces, 4 written" in done.output and "traces: 1 created" in done.output
    (log_path.parent / "broken.eval").write_bytes(b"no zip")
    partly = runner.invoke(sync_traces_command, [str(log_path.parent), *arguments[1:], "--json"])
    assert partly.exit_code == 1
    report = json.loads(partly.output)
    assert report["complete"] is False
    assert [result["action"] for result in report["results"]] == ["unreadable", "unchanged"]
    for away in ("http://127.0.0.1:9", old_server):
        failed = runner.invoke(sync_traces_command, [str(log_path), "--tracking-uri", away])
        assert failed.exit_code == 2
        assert failed.output.startswith("inspect-mlflow: ") and failed.output.count("\n") == 1
    assert runner.invoke(sync_traces_command, []).exit_code == 2
    assert "Exit codes" in runner.invoke(sync_traces_command, ["--help"]).output
