"""`rebuild_sample` of a trace that MLflow gives back is the sample that its log holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from inspect_ai.event import Event
from inspect_ai.log import EvalSample, read_eval_log, write_eval_log
from mlflow import MlflowClient
from mlflow.entities import Trace

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import open_trace_store
from inspect_mlflow_core.kept_sample import rebuild_sample
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_core.testing.evaluations import CASES, IMAGE, LONG_TEXT, MODEL, evaluate
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.traces import write_log_traces


class Store:
    """A store, and the logs whose traces it holds."""

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(uri)
        self._settings = MLflowSettings(tracking_uri=uri)
        self._destination = TraceDestination(uri)
        self._store = open_trace_store(uri)

    def add(self, location: str) -> str:
        """Write the traces of a log, and return the id of the evaluation."""
        with EvalLogReader.open(location) as reader:
            task = self._destination.task(reader.header, self._settings, reader.location)
            result = write_log_traces(self._store, reader, task)
        assert not result.problems
        return task.eval_id

    def traces(self, eval_id: str) -> list[Trace]:
        experiments = [found.experiment_id for found in self._client.search_experiments()]
        return list(
            self._client.search_traces(
                locations=experiments, filter_string=f"tags.`inspect.eval_id` = '{eval_id}'"
            )
        )

    def rebuilt(self, eval_id: str, **options: Any) -> dict[Any, EvalSample]:
        samples = [rebuild_sample(trace, **options) for trace in self.traces(eval_id)]
        return {(sample.id, sample.epoch): sample for sample in samples}


@pytest.fixture(scope="module")
def store_in_database(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(copy_store(store_template, tmp_path_factory.mktemp("rebuilt")))


def assert_rebuilt(store: Store, location: str, **options: Any) -> list[EvalSample]:
    """Every sample of the log comes back whole."""
    rebuilt = store.rebuilt(store.add(location), **options)
    logged = read_eval_log(location, **options).samples
    assert logged is not None and len(rebuilt) == len(logged) > 0
    for sample in logged:
        # As text: NaN is not equal to itself.
        assert dump(rebuilt[sample.id, sample.epoch]) == dump(sample)
    return logged


def dump(sample: EvalSample) -> str:
    fields = sample.model_dump()
    assert len(fields["events"]) == len(sample.events)
    return repr(fields)


@pytest.mark.parametrize("name", CASES)
def test_samples_come_back_from_a_database(
    store_in_database: Store, tmp_path: Path, name: str
) -> None:
    log = evaluate(name, tmp_path)
    assert log.status == "success"
    logged = assert_rebuilt(store_in_database, log.location)
    assert_is_what_it_says(name, logged)


def assert_is_what_it_says(name: str, samples: list[EvalSample]) -> None:
    """The evaluation did what the case is there for."""
    (first, *others) = samples
    events = [event.event for event in first.events]
    agents = [e.name for e in first.events if e.event == "span_begin" and e.type == "agent"]
    told = {
        "epochs": len(others) == 5,
        "tools": events.count("tool") == 1,
        "failing tools": events.count("tool") == 3,
        "parallel tools": events.count("tool") == 3,
        "reasoning": "reasoning" in str(first.messages[-1]),
        "react": "submit" in str(first.messages),
        "handoff": agents.count("expert") == 1,
        "agent as tool": agents.count("expert") == 1,
        "retried": first.error is None and len(first.error_retries or ()) == 1,
        "errors": first.error is not None,
        "limits": first.limit is not None and first.limit.type == "message",
        "images": len(first.attachments) > 0,
        "notes": {"store", "info"} <= set(events),
        "200 turns": len(first.messages) > 400,
    }
    assert told.get(name, True), (name, events)


def test_attachments_are_resolved_on_demand(store_in_database: Store, tmp_path: Path) -> None:
    log = evaluate("images", tmp_path)
    (sample,) = assert_rebuilt(store_in_database, log.location, resolve_attachments=True)
    assert IMAGE in str(sample.messages)


CALL = {"id": "call", "function": "add", "arguments": {"x": 1, "y": [None, "é"]}}
VIEW = {"title": "Add", "format": "markdown", "content": "*1 + 3*"}
MESSAGE = {"id": "m1", "role": "user", "content": LONG_TEXT, "source": "input"}
OUTPUT = {
    "model": "m",
    "choices": [{"message": {"id": "m2", "role": "assistant", "content": "4"}}],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
}
CHANGES = [{"op": "replace", "path": "/a", "value": {"b": [1]}, "replaced": None}]
SNAPSHOT = {"snapshot_id": "s", "size_bytes": 1, "duration_ms": 2}
MOMENT = "2026-03-04T05:06:07.089000+00:00"
USAGE = {MODEL: OUTPUT["usage"]}

# For every kind of event what an event of it may hold, as JSON.
EVENTS: dict[str, list[dict[str, Any]]] = {
    "sample_init": [{"sample": {"id": 1, "input": LONG_TEXT, "target": "4"}, "state": {"a": 1}}],
    "sample_limit": [{"type": "token", "message": "too many", "limit": 12.0}],
    "sandbox": [
        {
            "action": "exec",
            "cmd": "ls",
            "options": {"cwd": "/"},
            "result": 1,
            "output": LONG_TEXT,
            "completed": MOMENT,
        },
        {"action": "write_file", "file": "a.txt", "input": LONG_TEXT},
    ],
    "state": [{"changes": CHANGES}],
    "store": [{"changes": CHANGES}],
    "model": [
        {
            "model": MODEL,
            "role": "grader",
            "input": [MESSAGE],
            "tools": [{"name": "add", "description": "Add."}],
            "tool_choice": {"name": "add"},
            "config": {"temperature": 0.5, "stop_seqs": ["."]},
            "output": OUTPUT,
            "retries": 2,
            "cache": "write",
            "call": {"request": {"messages": [LONG_TEXT]}, "response": {"id": 1}, "time": 0.5},
            "completed": MOMENT,
            "working_time": 0.25,
        },
        {
            "model": MODEL,
            "input": [MESSAGE],
            "tools": [],
            "tool_choice": "auto",
            "config": {},
            "output": {"model": MODEL, "choices": []},
            "error": "out of order",
            "traceback": LONG_TEXT,
        },
    ],
    "tool": [
        {
            **CALL,
            "view": VIEW,
            "result": [{"type": "text", "text": LONG_TEXT}, {"type": "image", "image": IMAGE}],
            "truncated": [10, 5],
            "completed": MOMENT,
            "agent": "expert",
            "failed": False,
            "message_id": "m3",
        },
        {**CALL, "error": {"type": "timeout", "message": "too slow"}, "failed": True},
    ],
    "anchor": [{"anchor_id": "a1", "source": "me"}],
    "branch": [{"from_anchor": "a1"}],
    "approval": [
        {
            "message": "?",
            "call": CALL,
            "view": {"call": VIEW},
            "approver": "human",
            "decision": "modify",
            "modified": CALL,
            "explanation": "é",
        }
    ],
    "review": [{"message": "?", "call": CALL, "reviewer": "human", "decision": "continue"}],
    "sentinel": [
        {
            "factory": "f",
            "function": "check",
            "path": "p",
            "step_id": "1",
            "conversation": "c",
            "stage": "tool_call",
            "kind": "decision",
            "status": "reported",
            "action": "modify",
            "modified": CALL,
        }
    ],
    "checkpoint": [
        {
            "checkpoint_id": 1,
            "trigger": "turn",
            "turn": 2,
            "created_at": MOMENT,
            "duration_ms": 3,
            "size_bytes": 4,
            "host": SNAPSHOT,
            "sandboxes": {"default": SNAPSHOT},
        }
    ],
    "compaction": [{"type": "trim", "tokens_before": 100, "tokens_after": 10}],
    "input": [{"input": "yes", "input_ansi": "\x1b[1myes\x1b[0m"}],
    "interrupt": [
        {"source": "limit", "interrupted": "tool_call", "interrupted_tool_call_id": "call"}
    ],
    "score": [
        {"score": {"value": "C", "explanation": LONG_TEXT}, "target": ["4"], "model_usage": USAGE},
        {"score": {"value": {"a": 0.5, "b": None}}, "intermediate": True, "scorer": "s"},
    ],
    "score_edit": [
        {
            "score_name": "includes",
            "edit": {"value": "I", "provenance": {"timestamp": MOMENT, "author": "me"}},
        }
    ],
    "error": [{"error": {"message": "é", "traceback": LONG_TEXT, "traceback_ansi": "\x1b[31m"}}],
    "logger": [{"message": {"level": "warning", "message": LONG_TEXT, "created": 1.5}}],
    "info": [{"source": "me", "data": {"a": [LONG_TEXT, None, 1e300]}}],
    "span_begin": [{"id": "s1", "type": "agent", "name": "expert"}],
    "span_end": [{"id": "s1"}],
    "step": [
        {"action": "begin", "type": "solver", "name": "generate"},
        {"action": "end", "type": "solver", "name": "generate"},
    ],
    "subtask": [{"name": "think", "input": {"a": 1}, "result": LONG_TEXT, "completed": MOMENT}],
}


def known_events() -> dict[str, Any]:
    """The classes of all events that this version of Inspect has, by the name of the event."""
    union = get_args(Event)[0] if get_origin(Event) is Annotated else Event
    members = [get_args(m)[0] if get_origin(m) is Annotated else m for m in get_args(union)]
    return {member.model_fields["event"].default: member for member in members}


def test_events_of_every_kind_come_back(store_in_database: Store, tmp_path: Path) -> None:
    known, log = known_events(), evaluate("plain", tmp_path / "made")
    assert set(known) <= set(EVENTS), "a new event of Inspect needs an example here"
    raw = [
        {"event": name, "uuid": f"e-{name}-{number}", "timestamp": MOMENT, "working_start": 1.5}
        | fields
        for name in known
        for number, fields in enumerate(EVENTS[name])
    ]
    events: list[Event] = [known[str(fields["event"])].model_validate(fields) for fields in raw]
    whole = read_eval_log(log.location)
    assert whole.samples is not None
    whole.samples[0].events = [*whole.samples[0].events, *events]
    path = tmp_path / "every.eval"
    write_eval_log(whole, str(path))
    (sample,) = assert_rebuilt(store_in_database, str(path))
    assert {event.event for event in sample.events} == set(known)
