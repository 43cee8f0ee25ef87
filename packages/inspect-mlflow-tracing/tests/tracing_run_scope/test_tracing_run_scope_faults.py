"""One trace for a whole `eval()`, on servers that fail, and written by several at once."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from inspect_mlflow_core.connection import TraceStore, open_trace_store
from inspect_mlflow_core.exceptions import RejectedError, RetryableError
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracing import _evaluation, _task_log
from inspect_mlflow_tracing.run_scope import _deliver, _groups, write_log_run

from .evaluations import picture, run, sums, unlogged
from .interrupted_store import Interrupted, task_of, written_by
from .stored_traces import assert_synced_equals, contents, mlflow_trace, only, spans, written


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

    exporter = _evaluation._exporter.exporter
    monkeypatch.setattr(exporter, "_unsupported", set())
    old = Old(open_trace_store(live), 0, done=False)
    monkeypatch.setattr(_task_log, "open_trace_store", lambda _: old)
    logs = run(tmp_path / "logs", sums(), sums("more"))
    assert {log.status for log in logs} == {"success"}
    said = capfd.readouterr().err
    assert said.count("tracing is off: this is MLflow 3.0") == 1
    assert "sync-traces" not in said
    assert contents(live) == {}


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
