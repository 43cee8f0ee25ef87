"""Which traces are imported, and what becomes of those that cannot be."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import mlflow
import pytest
from inspect_scout import Transcript

from inspect_mlflow_core import reporting
from inspect_mlflow_core.connection import (
    SpanRecord,
    TraceRecord,
    ensure_experiment,
    open_trace_store,
    open_tracking_store,
)
from inspect_mlflow_core.exceptions import ConfigurationError, RetryableError
from inspect_mlflow_core.testing.evaluations import evaluate
from inspect_mlflow_scout import (
    ImportReport,
    TraceImportError,
    import_mlflow_traces,
    traces_request_time,
)
from inspect_mlflow_scout.reading import SourceTrace
from inspect_mlflow_tracing import sync_traces

Answer = TypeVar("Answer")

FIRST_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINUTE_MS = 60_000


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    # Not `asyncio.run`: once Inspect has patched that, it leaves its event loops open.
    with asyncio.Runner() as runner:
        return runner.run(work)


def imported(*arguments: Any, **options: Any) -> list[Transcript]:
    async def collect() -> list[Transcript]:
        return [each async for each in import_mlflow_traces(*arguments, **options)]

    return run(collect())


class Store:
    """A store to put traces in, each a minute after the last."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._traces, self._runs = open_trace_store(uri), open_tracking_store(uri)
        self._count = 0

    def experiment(self, name: str) -> str:
        return ensure_experiment(self._runs, name)

    def run(self, experiment_id: str) -> str:
        made = self._runs.create_run(experiment_id, name="run", start_time_ms=1, tags={})
        return made.run_id

    def add(
        self,
        text: str = "hello",
        *,
        experiment: str = "inspect_ai",
        state: Any = "OK",
        tags: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        spans: bool = True,
    ) -> str:
        """Adds a trace of one call of a model, and returns its id."""
        self._count += 1
        identifier, start_ms = f"{self._count:032x}", FIRST_MS + self._count * MINUTE_MS
        span = SpanRecord(
            trace_id=identifier,
            span_id="1" * 16,
            # What is complete of an unfinished trace lies below a root that is to come.
            parent_id="2" * 16 if state == "IN_PROGRESS" else None,
            name="ask",
            span_type="CHAT_MODEL",
            start_time_ns=start_ms * 1_000_000,
            end_time_ns=(start_ms + 500) * 1_000_000,
            attributes={
                "mlflow.spanInputs": {"messages": [{"role": "user", "content": text}]},
                "mlflow.spanOutputs": {
                    "choices": [{"message": {"role": "assistant", "content": f"{text}!"}}]
                },
                "mlflow.spanType": "CHAT_MODEL",
            },
        )
        trace = TraceRecord(
            trace_id=identifier,
            experiment_id=self.experiment(experiment),
            state=state,
            request_time_ms=start_ms,
            execution_duration_ms=None if state == "IN_PROGRESS" else 500,
            request_preview=text if spans else "",
            response_preview="",
            tags=dict(tags or {}),
            metadata=dict(metadata or {}),
            spans=(span,) if spans else (),
        )
        self._traces.start_trace(trace)
        if spans:
            self._traces.log_spans(trace)
        return trace.mlflow_trace_id

    def break_trace(self, mlflow_trace_id: str) -> None:
        """Damages the spans of a trace, as a failed migration or a full disk would."""
        with closing(sqlite3.connect(self.uri.removeprefix("sqlite:///"))) as database, database:
            database.execute(
                "UPDATE spans SET content = '{broken' WHERE trace_id = ?", (mlflow_trace_id,)
            )


@pytest.fixture
def store(store_uri: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    return Store(store_uri)


@pytest.fixture(autouse=True)
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What the user is told, from the start."""
    reporting.reset()
    reporting.logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING, logger=reporting.logger.name):
        yield caplog
    reporting.logger.removeHandler(caplog.handler)


def ids(transcripts: list[Transcript]) -> list[str]:
    return [each.transcript_id for each in transcripts]


def test_traces_become_transcripts_newest_first(store: Store) -> None:
    first, second = store.add("one"), store.add("two")
    found = imported()
    assert ids(found) == [second, first]
    assert [message.text for message in found[0].messages] == ["two", "two!"]
    assert found[0].source_type == "mlflow"


def test_the_server_and_the_experiment_can_be_named(store: Store, store_uri: str) -> None:
    store.add()
    there = store.add(experiment="elsewhere")
    os.environ.pop("MLFLOW_TRACKING_URI")
    assert ids(imported("elsewhere", store_uri)) == [there]


def test_experiments_can_be_named_by_id(store: Store) -> None:
    wanted = [store.add(experiment=name) for name in ("one", "two")]
    store.add(experiment="three")
    names = ("one", "two")
    found = imported(experiment_ids=[store.experiment(name) for name in names])
    assert sorted(ids(found)) == sorted(wanted)
    assert {each.task_set for each in found} == set(names)


@pytest.mark.parametrize("limit", [0, 1, 10, 11, 25, 40])
def test_the_limit_is_met_exactly(store: Store, limit: int) -> None:
    made = [store.add() for _ in range(25)]
    found = imported(None, None, limit)
    assert ids(found) == made[::-1][:limit]


def test_traces_of_no_use_do_not_count_towards_the_limit(store: Store) -> None:
    wanted = [store.add(), store.add()]
    store.break_trace(store.add())
    report = ImportReport()
    assert ids(imported(limit=2, report=report)) == wanted[::-1]
    assert report.to_dict()["transcripts"] == 2 and len(report.failed) == 1


def test_a_negative_limit_is_an_error(store: Store) -> None:
    with pytest.raises(TraceImportError, match="limit is -1; use 0 or more"):
        imported(limit=-1)


def test_more_traces_than_a_page_come_once_each(store: Store) -> None:
    made = [store.add() for _ in range(215)]
    assert ids(imported()) == made[::-1]


def test_conditions_narrow_the_import(store: Store) -> None:
    experiment = store.experiment("inspect_ai")
    run_id, other = store.run(experiment), store.run(experiment)
    plain = store.add()
    tagged = store.add(tags={"kind": 'it\'s a "test"'})
    in_session = store.add(metadata={"mlflow.trace.session": "chat-1"})
    of_run = store.add(metadata={"mlflow.sourceRun": run_id})
    of_other = store.add(metadata={"mlflow.sourceRun": other})
    failed = store.add(state="ERROR")
    assert ids(imported(tags={"kind": 'it\'s a "test"'})) == [tagged]
    assert ids(imported(session="chat-1")) == [in_session]
    assert ids(imported(run_ids=run_id)) == [of_run]
    assert sorted(ids(imported(run_ids=[run_id, other]))) == sorted([of_run, of_other])
    assert ids(imported(trace_ids=[plain, failed])) == [plain, failed]
    assert ids(imported(filter="trace.status = 'ERROR'")) == [failed]
    assert ids(imported(filter="trace.status = 'ERROR'", session="chat-1")) == []
    assert ids(imported(trace_ids=[plain, tagged], session="chat-1")) == []


def test_times_are_from_inclusive_to_exclusive(store: Store) -> None:
    made = [store.add() for _ in range(4)]
    second = datetime.fromtimestamp((FIRST_MS + 2 * MINUTE_MS) / 1000, UTC)
    fourth = datetime.fromtimestamp((FIRST_MS + 4 * MINUTE_MS) / 1000, UTC)
    assert ids(imported(from_time=second, to_time=fourth)) == [made[2], made[1]]
    naive = second.replace(tzinfo=None)
    assert ids(imported(from_time=naive)) == made[:0:-1]


def test_a_filter_that_mlflow_does_not_understand_is_an_error(store: Store) -> None:
    store.add()
    with pytest.raises(TraceImportError, match="does not understand the filter 'nonsense'"):
        imported(filter="nonsense")


def test_unfinished_traces_are_left_out_unless_asked_for(store: Store) -> None:
    done, running = store.add(), store.add(state="IN_PROGRESS")
    assert ids(imported()) == [done]
    assert ids(imported(trace_ids=[done, running])) == [done]
    assert set(ids(imported(include_in_progress=True))) == {done, running}


def test_a_broken_trace_is_named_once_and_the_others_come(
    store: Store, warnings: pytest.LogCaptureFixture
) -> None:
    made = [store.add() for _ in range(5)]
    store.break_trace(made[2])
    report = ImportReport()
    assert ids(imported(report=report)) == [made[4], made[3], made[1], made[0]]
    assert list(report.failed) == [made[2]]
    assert report.summary() == "4 transcripts from 5 traces, 1 trace unreadable"
    imported()
    told = [line for line in warnings.messages if made[2] in line]
    assert len(told) == 1 and told[0].startswith(f"trace {made[2]} cannot be imported: ")


def test_with_strict_a_broken_trace_is_an_error(store: Store) -> None:
    broken = store.add()
    store.break_trace(broken)
    with pytest.raises(TraceImportError, match=f"trace {broken} cannot be imported"):
        imported(strict=True)


def test_a_kept_sample_that_is_damaged_is_named(store: Store, tmp_path: Any) -> None:
    log = evaluate("plain", tmp_path / "logs")
    assert sync_traces(log.location, tracking_uri=store.uri).complete
    with closing(sqlite3.connect(store.uri.removeprefix("sqlite:///"))) as database, database:
        (content,) = database.execute(
            "SELECT content FROM spans WHERE content LIKE '%inspect.sample.0%'"
        ).fetchone()
        head, mark, rest = content.partition("v1;1;")
        assert mark
        damaged = head + mark + rest.replace("A", "B")
        database.execute(
            "UPDATE spans SET content = ? WHERE content LIKE '%inspect.sample.0%'", (damaged,)
        )
    report = ImportReport()
    assert imported(report=report) == []
    (reason,) = report.failed.values()
    assert "the Inspect sample in this trace is damaged" in reason


def test_a_trace_without_spans_makes_no_transcript(store: Store) -> None:
    store.add(spans=False)
    report = ImportReport()
    assert imported(report=report) == []
    assert report.transcripts == 0 and report.empty + len(report.failed) == 1


def test_without_such_an_experiment_nothing_comes_and_the_user_is_told(
    store: Store, warnings: pytest.LogCaptureFixture
) -> None:
    report = ImportReport()
    assert imported("nowhere", report=report) == []
    assert not report.experiment_found
    assert any("there is no experiment 'nowhere'" in line for line in warnings.messages)
    with pytest.raises(TraceImportError, match="there is no experiment 'nowhere'"):
        imported("nowhere", strict=True)


def test_transcripts_that_are_known_are_not_loaded_again(
    store: Store, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inspect_mlflow_scout.reading import TraceReader

    log = evaluate("plain", tmp_path / "logs")
    assert sync_traces(log.location, tracking_uri=store.uri).complete
    foreign = store.add()
    known = set(ids(imported()))
    assert len(known) == 2
    new = store.add()
    loaded: list[str] = []
    load = TraceReader.load

    def counting(self: TraceReader, trace_ids: Any) -> Any:
        loaded.extend(trace_ids)
        return load(self, trace_ids)

    monkeypatch.setattr(TraceReader, "load", counting)
    report = ImportReport()
    assert ids(imported(known_ids=known, report=report)) == [new]
    assert loaded == [new] and foreign not in loaded
    assert report.summary() == "1 transcript from 1 trace, 2 there already"


def test_without_a_server_the_variable_is_named(store_uri: str) -> None:
    with pytest.raises(ConfigurationError, match="set MLFLOW_TRACKING_URI"):
        imported()


def test_a_server_that_is_not_there_is_told_of_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(RetryableError) as raised:
        imported(None, f"http://user:secret@127.0.0.1:{port}")
    assert "secret" not in str(raised.value)
    assert time.monotonic() - start < 30


def test_mlflow_is_left_as_it_was(store: Store) -> None:
    before = (mlflow.get_tracking_uri(), dict(os.environ))
    store.add()
    assert imported()
    assert (mlflow.get_tracking_uri(), dict(os.environ)) == before
    assert mlflow.active_run() is None


def test_the_event_loop_goes_on_while_traces_are_loaded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call of MLflow is made on another thread than that of the loop."""
    from inspect_mlflow_scout.reading import TraceReader

    store.add()
    threads: set[int] = set()
    asked = TraceReader._retried

    def noting(self: TraceReader, call: Any) -> Any:
        threads.add(threading.get_ident())
        return asked(self, call)

    monkeypatch.setattr(TraceReader, "_retried", noting)
    assert imported()
    assert threads and threading.get_ident() not in threads


def test_an_import_can_be_left_early(store: Store) -> None:
    for _ in range(30):
        store.add()

    async def first() -> str:
        found = import_mlflow_traces()
        try:
            async for transcript in found:
                return transcript.transcript_id
        finally:
            await found.aclose()  # type: ignore[attr-defined]
        return ""

    assert run(first())
    assert not [each for each in threading.enumerate() if each.name.startswith("mlflow-traces")]


def test_a_request_time_is_told_in_utc() -> None:
    trace = SourceTrace("tr-1", "1", "one", "OK", request_time_ms=FIRST_MS + 1)
    assert traces_request_time(trace) == "2026-01-01T00:00:00.001000+00:00"
    assert traces_request_time(replace(trace, request_time_ms=None)) is None
    assert traces_request_time(replace(trace, request_time_ms=10**30)) is None
    assert traces_request_time(object()) is None


def test_a_request_time_is_taken_from_what_mlflow_gives(store: Store) -> None:
    store.add()
    (trace,) = mlflow.MlflowClient(store.uri).search_traces(
        locations=[store.experiment("inspect_ai")]
    )
    wanted = datetime.fromtimestamp((FIRST_MS + MINUTE_MS) / 1000, UTC).isoformat()
    assert traces_request_time(trace) == traces_request_time(trace.info) == wanted
