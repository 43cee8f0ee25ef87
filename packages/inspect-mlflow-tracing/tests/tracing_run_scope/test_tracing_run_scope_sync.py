"""One trace for a whole `eval()`, made of its logs, in any order and state."""

from __future__ import annotations

import os
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.log import ProvenanceData, edit_score, read_eval_log, write_eval_log
from inspect_ai.scorer import ScoreEdit
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback

from inspect_mlflow_core.active_runs import ActiveRun, enter_active_run, leave_active_run
from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import ensure_experiment, open_trace_store, open_tracking_store
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracing import TraceLogResult, sync_traces
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.run_scope import begin_run_task, end_run_task

from .evaluations import picture, run, sums, unlogged
from .interrupted_store import task_of, written_by
from .stored_traces import contents, only, spans, written


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
