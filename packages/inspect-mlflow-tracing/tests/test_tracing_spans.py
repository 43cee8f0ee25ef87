"""What the spans of a sample hold: by raw events, by real evaluations, and by nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.agent import Agent, AgentState, agent, as_tool, handoff, react
from inspect_ai.approval import ApprovalPolicy, auto_approver
from inspect_ai.dataset import Sample
from inspect_ai.log import transcript
from inspect_ai.model import ChatMessageUser, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.scorer import score as score_now
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver, use_tools
from inspect_ai.tool import Tool, ToolCall, ToolError, tool
from inspect_ai.util import collect, sandbox, span, store, subtask

from inspect_mlflow_core.connection import SpanRecord
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracing.mapping._spans import SpanTree, sample_spans

TRACE_ID = "ab" * 16


def spans_of(*events: Any, content: Any = "full", **fields: Any) -> SpanTree:
    sample = {"id": "s", "epoch": 2, "events": list(events), **fields}
    tree = sample_spans(sample, TRACE_ID, task="task", model="openai/gpt", content=content)
    assert_sound(tree)
    return tree


def only(*events: Any, content: Any = "full", **fields: Any) -> SpanRecord:
    """The span of a single event."""
    tree = spans_of(*events, content=content, **fields)
    assert len(tree.spans) == 2
    return tree.spans[1]


def root(content: Any = "full", **fields: Any) -> SpanRecord:
    return spans_of(content=content, **fields).root


def assert_sound(tree: SpanTree) -> None:
    """Holds of every tree."""
    assert tree.spans[0] is tree.root
    seen: dict[str, SpanRecord] = {}
    for each in tree.spans:
        assert each.span_id not in seen
        assert each.start_time_ns <= each.end_time_ns
        assert "inspect.unread" not in each.attributes
        # MLflow shows these as the text "null", and refuses some of them.
        assert None not in each.attributes.values()
        assert all(isinstance(value, str) for e in each.events for value in e.attributes.values())
        if each is not tree.root:
            parent = seen[each.parent_id or ""]
            assert parent.start_time_ns <= each.start_time_ns
            assert each.end_time_ns <= parent.end_time_ns
        seen[each.span_id] = each


def texts(messages: Any) -> list[str]:
    return [str(message["content"]) for message in messages]


def asked(tree: SpanTree) -> list[list[str]]:
    """Texts of the messages that each model span shows as its input."""
    return [
        texts(each.attributes["mlflow.spanInputs"]["messages"])
        for each in tree.spans
        if each.span_type == "CHAT_MODEL"
    ]


class TestModel:
    OUTPUT: dict[str, Any] = {
        "model": "gpt-2026",
        "choices": [
            {"message": {"role": "assistant", "content": "hi"}, "stop_reason": "max_tokens"}
        ],
        "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
    }
    EVENT = {
        "event": "model",
        "uuid": "u",
        "model": "openai/azure/gpt",
        "role": "grader",
        "input": [{"role": "user", "content": "hello"}],
        "tools": [{"name": "add", "description": "Adds.", "parameters": {"type": "object"}}],
        "tool_choice": {"name": "add"},
        "config": {"temperature": 0.5, "system_message": "Be brief.", "seed": None},
        "output": OUTPUT,
        "retries": 2,
        "cache": "write",
        "request_ids": [{"id": "r"}],
        "working_time": 1.5,
    }

    def test_a_call_is_a_chat(self) -> None:
        called = only(self.EVENT)
        attributes = called.attributes
        assert (called.name, called.span_type) == ("openai/azure/gpt", "CHAT_MODEL")
        assert texts(attributes["mlflow.spanInputs"]["messages"]) == ["hello"]
        assert attributes["mlflow.spanOutputs"]["choices"][0]["message"]["content"] == "hi"
        assert attributes["mlflow.chat.tools"][0]["function"]["name"] == "add"
        assert attributes["mlflow.message.format"] == "openai"

    def test_its_facts_are_attributes(self) -> None:
        expected = {
            "mlflow.llm.model": "azure/gpt",
            "mlflow.llm.provider": "openai",
            "inspect.event": "model",
            "inspect.event_id": "u",
            "inspect.model": "openai/azure/gpt",
            "inspect.response_model": "gpt-2026",
            "inspect.role": "grader",
            "inspect.config": {"temperature": 0.5, "system_message": "Be brief."},
            "inspect.tool_choice": "add",
            "inspect.retries": 2,
            "inspect.cache": "write",
            "inspect.stop_reason": "max_tokens",
            "inspect.request_ids": [{"id": "r"}],
            "inspect.working_time": 1.5,
        }
        attributes = only(self.EVENT).attributes
        assert {name: attributes[name] for name in expected} == expected

    def test_usage_and_cost(self) -> None:
        usage = {**self.OUTPUT["usage"], "input_tokens_cache_read": 10, "total_cost": 0.5}
        attributes = only(self.EVENT | {"output": self.OUTPUT | {"usage": usage}}).attributes
        assert attributes["mlflow.chat.tokenUsage"]["input_tokens"] == 15
        assert attributes["mlflow.llm.cost"]["total_cost"] == 0.5

    def test_without_cost_there_is_no_attribute_that_mlflow_would_refuse(self) -> None:
        assert "mlflow.llm.cost" not in only(self.EVENT).attributes
        assert "mlflow.chat.tokenUsage" not in only({"event": "model"}).attributes

    def test_what_a_cached_call_did_not_cost_is_not_counted(self) -> None:
        attributes = only(self.EVENT | {"cache": "read"}).attributes
        assert "mlflow.chat.tokenUsage" not in attributes
        assert attributes["inspect.cached_usage"]["output_tokens"] == 2

    def test_credentials_of_the_configuration_are_masked(self) -> None:
        config = {"extra_headers": {"Authorization": "Bearer abcdefgh12345678"}}
        assert "abcdefgh" not in repr(only(self.EVENT | {"config": config}))

    def test_an_error_is_an_exception(self) -> None:
        trace = "Traceback (most recent call last):\n  File\nopenai.RateLimitError: slow down"
        failed = only(self.EVENT | {"error": "slow down", "traceback": trace})
        assert failed.status == "ERROR"
        assert failed.status_message == "openai.RateLimitError: slow down"
        [raised] = failed.events
        assert raised.name == "exception"
        assert raised.attributes == {
            "exception.type": "openai.RateLimitError",
            "exception.message": "slow down",
            "exception.stacktrace": trace,
        }

    @pytest.mark.parametrize("source", ["limit", "operator", "system"])
    def test_a_call_that_inspect_cancelled_did_not_fail(self, source: str) -> None:
        stopped = only(self.EVENT | {"error": f"Cancelled by {source}"})
        assert (stopped.status, stopped.events) == ("UNSET", ())
        assert stopped.attributes["inspect.cancelled"] == source


class TestConversation:
    POOL = [{"role": "user", "content": f"message {n}", "id": f"m{n}"} for n in range(6)]

    def call(self, *ranges: list[int], answer: Any = None) -> dict[str, Any]:
        output = {"choices": [{"message": answer}]} if answer else {}
        return {"event": "model", "input": [], "input_refs": list(ranges), "output": output}

    def asked(self, *calls: dict[str, Any]) -> list[list[str]]:
        return asked(spans_of(*calls, events_data={"messages": self.POOL, "calls": []}))

    def test_a_call_shows_what_is_new_in_it(self) -> None:
        first, second, third = self.asked(
            self.call([0, 2]), self.call([0, 3]), self.call([0, 2], [4, 6])
        )
        assert first == ["message 0", "message 1"]
        assert second == ["[2 messages shown by earlier model calls]", "message 2"]
        assert third == ["[2 messages shown by earlier model calls]", "message 4", "message 5"]

    def test_a_call_without_anything_new_says_so(self) -> None:
        assert self.asked(self.call([0, 1]), self.call([0, 1]))[1] == [
            "[1 message shown by earlier model calls]"
        ]

    def test_counts(self) -> None:
        tree = spans_of(self.call([0, 2]), self.call([0, 3]), events_data={"messages": self.POOL})
        counts = [
            (each.attributes["inspect.input_messages"], each.attributes["inspect.earlier_messages"])
            for each in tree.spans[1:]
        ]
        assert counts == [(2, 0), (3, 2)]

    def test_an_answer_is_not_shown_again_unless_it_was_changed(self) -> None:
        answer = {"role": "assistant", "content": "answer", "id": "m1"}
        changed = {**answer, "content": "(left out)"}
        for kept, shown in [(answer, ["message 2"]), (changed, ["(left out)", "message 2"])]:
            tree = spans_of(
                self.call([0, 1], answer=answer),
                self.call([0, 3]),
                events_data={"messages": [self.POOL[0], kept, self.POOL[2]]},
            )
            assert asked(tree)[1][1:] == shown

    @pytest.mark.parametrize(
        "references", [None, 5, [5], [[0]], [["0", "1"]], [[3, 1]], [[-2, 9]], [[7, 9]], [[0, 99]]]
    )
    def test_references_into_nowhere(self, references: Any) -> None:
        called = {"event": "model", "input_refs": references}
        shown = asked(spans_of(called, events_data={"messages": self.POOL}))
        assert len(shown[0]) in (0, 6)

    def test_messages_within_the_events_of_old_logs(self) -> None:
        tree = spans_of(
            {"event": "model", "input": self.POOL[:2]}, {"event": "model", "input": self.POOL[:3]}
        )
        assert asked(tree)[0] == ["message 0", "message 1"]
        assert asked(tree)[1][1:] == ["message 2"]

    def test_each_attempt_shows_its_conversation_from_the_start(self) -> None:
        called = self.call([0, 2])
        retries = [{"message": "x", "events": [called]}, {"message": "x", "events": [called]}]
        tree = spans_of(called, events_data={"messages": self.POOL}, error_retries=retries)
        assert asked(tree) == [["message 0", "message 1"]] * 3

    def test_long_texts_are_put_in_their_place(self) -> None:
        tree = spans_of(
            self.call([0, 1]),
            events_data={"messages": [{"role": "user", "content": "attachment://a"}]},
            attachments={"a": "a long text"},
            messages=[{"role": "user", "content": "attachment://a"}],
            input="attachment://a",
        )
        assert asked(tree) == [["a long text"]]
        assert tree.root.attributes["mlflow.spanInputs"] == {"input": "a long text"}
        assert texts(tree.root.attributes["mlflow.chat.messages"]) == ["a long text"]

    def test_an_image_is_kept_once(self) -> None:
        image = "data:image/png;base64,iVBORw0KGgo="
        message = {"role": "user", "content": [{"type": "image", "image": "attachment://a"}]}
        tree = spans_of(
            {"event": "model", "input": [message]},
            {"event": "tool", "function": "draw", "result": message["content"]},
            attachments={"a": image},
            messages=[message],
        )
        [kept] = tree.attachments
        assert kept.content_type == "image/png"
        drawn = tree.spans[2].attributes["mlflow.spanOutputs"]
        assert kept.attachment_id in json.dumps(drawn)
        assert image not in repr(tree.spans)


class TestTool:
    def test_arguments_and_result(self) -> None:
        called = only(
            {
                "event": "tool",
                "id": "call",
                "function": "bash",
                "arguments": {"cmd": "attachment://a"},
                "result": "done",
                "truncated": [10, 5],
                "message_id": "m",
            },
            attachments={"a": "ls"},
        )
        assert (called.name, called.span_type, called.status) == ("bash", "TOOL", "OK")
        attributes = called.attributes
        assert attributes["mlflow.spanInputs"] == {"cmd": "ls"}
        assert attributes["mlflow.spanOutputs"] == "done"
        assert attributes["inspect.tool_call_id"] == "call"
        assert attributes["inspect.truncated"] == [10, 5]
        assert attributes["inspect.message_id"] == "m"

    @pytest.mark.parametrize("result", [0, False, 1.5, ""])
    def test_any_result_is_kept(self, result: Any) -> None:
        called = only({"event": "tool", "function": "t", "result": result})
        assert called.attributes["mlflow.spanOutputs"] == result

    def test_an_error(self) -> None:
        error = {"type": "timeout", "message": "took too long"}
        failed = only({"event": "tool", "function": "t", "error": error, "failed": True})
        assert (failed.status, failed.status_message) == ("ERROR", "timeout: took too long")
        [raised] = failed.events
        assert raised.attributes == {
            "exception.type": "timeout",
            "exception.message": "took too long",
        }
        assert failed.attributes["inspect.tool_error"] == "timeout"
        assert failed.attributes["inspect.failed"] is True

    @pytest.mark.parametrize("error", [{"type": "unknown"}, {}])
    def test_an_error_in_words_of_the_tool(self, error: dict[str, str]) -> None:
        error = {**error, "message": "add(1, 2) is not known"}
        failed = only({"event": "tool", "function": "t", "error": error})
        [raised] = failed.events
        assert raised.attributes == {
            "exception.type": "ToolError",
            "exception.message": "add(1, 2) is not known",
        }
        assert failed.attributes.get("inspect.tool_error") == error.get("type")

    def test_a_limit_is_no_error(self) -> None:
        error = {"type": "limit", "message": "token limit"}
        stopped = only({"event": "tool", "function": "t", "error": error})
        assert (stopped.status, stopped.events) == ("UNSET", ())
        assert stopped.attributes["mlflow.spanOutputs"] == "token limit"


class TestOtherEvents:
    def test_a_score(self) -> None:
        scored = only(
            {
                "event": "score",
                "scorer": "match",
                "score": {"value": "C", "answer": "4", "explanation": "it is", "metadata": {}},
                "target": "4",
                "intermediate": True,
            }
        )
        assert (scored.name, scored.span_type) == ("match", "EVALUATOR")
        assert scored.attributes["mlflow.spanInputs"] == {"target": "4"}
        assert scored.attributes["mlflow.spanOutputs"] == {
            "value": "C",
            "answer": "4",
            "explanation": "it is",
        }
        assert scored.attributes["inspect.intermediate"] is True

    def test_a_command_in_a_sandbox(self) -> None:
        ran = only(
            {"event": "sandbox", "action": "exec", "cmd": "ls", "result": 1, "output": "no such"}
        )
        assert (ran.name, ran.span_type) == ("sandbox exec", "TASK")
        assert ran.attributes["mlflow.spanInputs"] == {"cmd": "ls"}
        assert ran.attributes["mlflow.spanOutputs"] == {"result": 1, "output": "no such"}

    @pytest.mark.parametrize("kind", ["approval", "review"])
    def test_a_decision(self, kind: str) -> None:
        decided = only(
            {
                "event": kind,
                "message": "I want to",
                "call": {"id": "c", "function": "bash", "arguments": {}},
                "decision": "reject",
                "explanation": "no",
            }
        )
        assert (decided.name, decided.span_type) == (kind, "GUARDRAIL")
        assert decided.attributes["inspect.decision"] == "reject"
        assert decided.attributes["inspect.function"] == "bash"
        assert decided.attributes["mlflow.spanOutputs"] == {
            "decision": "reject",
            "explanation": "no",
        }

    def test_a_compaction(self) -> None:
        event = {"event": "compaction", "type": "trim", "tokens_before": 9, "tokens_after": 3}
        compacted = only(event)
        assert compacted.span_type == "MEMORY"
        assert compacted.attributes["inspect.tokens_before"] == 9
        assert compacted.attributes["inspect.compaction"] == "trim"

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            (
                {"event": "info", "source": "me", "data": {"a": 1}},
                {"source": "me", "content": '{"a": 1}'},
            ),
            (
                {"event": "logger", "message": {"level": "info", "message": "hi", "name": "x"}},
                {"level": "info", "name": "x", "content": "hi"},
            ),
            (
                {"event": "sample_limit", "type": "time", "limit": 5, "message": "no"},
                {"type": "time", "limit": "5", "content": "no"},
            ),
            (
                {"event": "interrupt", "source": "limit", "interrupted": "generate"},
                {"source": "limit", "interrupted": "generate"},
            ),
            ({"event": "store", "changes": []}, {"content": "[]"}),
            ({"event": "sample_init", "sample": {"input": "again"}}, {}),
            ({"event": "input", "input": "typed", "input_ansi": "typed"}, {"content": "typed"}),
            (
                {"event": "brand_new", "uuid": "u", "what": "attachment://a"},
                {"content": '{"what": "a text"}'},
            ),
            ("no event at all", {"content": '{"data": "no event at all"}'}),
        ],
    )
    def test_notes(self, event: Any, expected: dict[str, str]) -> None:
        [note] = spans_of(event, attachments={"a": "a text"}).root.events
        assert note.attributes == expected

    def test_a_long_note_is_cut_and_says_so(self) -> None:
        [note] = spans_of({"event": "info", "data": "x" * 9_000}).root.events
        assert len(note.attributes["content"]) == 2_000
        assert note.attributes["content"].endswith("of 9000 characters]")

    def test_a_long_text_that_a_note_refers_to_is_cut_and_says_so(self) -> None:
        event = {"event": "info", "data": "attachment://a"}
        [note] = spans_of(event, attachments={"a": "x" * 9_000}).root.events
        assert note.attributes["content"].endswith("of 9000 characters]")

    def test_an_error_event_makes_its_span_fail(self) -> None:
        tree = spans_of(
            {"event": "span_begin", "id": "a", "name": "a"},
            {"event": "error", "span_id": "a", "error": {"message": "KeyError('x')"}},
        )
        assert tree.spans[1].status == "ERROR"
        assert tree.spans[1].events[0].attributes["exception.type"] == "KeyError"
        assert tree.root.status == "OK"


class TestRoot:
    SAMPLE = {
        "uuid": "u",
        "input": "What?",
        "choices": ["a", "b"],
        "target": ["b"],
        "output": {"completion": "b", "choices": []},
        "messages": [{"role": "user", "content": "What?"}, {"role": "assistant", "content": "b"}],
        "metadata": {"topic": "letters"},
        "total_time": 2.5,
        "working_time": -1,
    }

    def test_the_sample(self) -> None:
        sample = root(**self.SAMPLE)
        assert (sample.name, sample.status) == ("sample s epoch 2", "OK")
        assert dict(sample.attributes, **{"mlflow.chat.messages": None}) == {
            "mlflow.spanInputs": {"input": "What?", "choices": ["a", "b"]},
            "mlflow.spanOutputs": "b",
            "mlflow.chat.messages": None,
            "inspect.sample_id": "s",
            "inspect.epoch": 2,
            "inspect.sample_uuid": "u",
            "inspect.task": "task",
            "inspect.model": "openai/gpt",
            "inspect.target": ["b"],
            "inspect.metadata": {"topic": "letters"},
            "inspect.total_time": 2.5,
            "inspect.working_time": 0,
        }
        assert texts(sample.attributes["mlflow.chat.messages"]) == ["What?", "b"]

    def test_tokens_are_on_model_spans_only_or_mlflow_would_not_add_them_up(self) -> None:
        assert (
            "mlflow.chat.tokenUsage" not in root(model_usage={"m": {"input_tokens": 1}}).attributes
        )

    def test_a_conversation_as_input(self) -> None:
        sample = root(input=[{"role": "user", "content": "hi"}])
        assert texts(sample.attributes["mlflow.spanInputs"]["messages"]) == ["hi"]

    def test_an_output_without_text(self) -> None:
        message = {"role": "assistant", "content": "", "tool_calls": []}
        sample = root(output={"completion": "", "choices": [{"message": message}]})
        assert "choices" in sample.attributes["mlflow.spanOutputs"]

    def test_an_error(self) -> None:
        error = {"message": "ValueError('bad')", "traceback": "Traceback ..."}
        sample = root(error=error, events=[{"event": "error", "error": error}])
        assert (sample.status, sample.status_message) == ("ERROR", "ValueError: bad")
        [raised] = sample.events
        assert raised.attributes == {
            "exception.type": "ValueError",
            "exception.message": "bad",
            "exception.stacktrace": "Traceback ...",
        }
        assert sample.attributes["inspect.error"] == "ValueError: bad"

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
    def test_an_error_is_told_without_its_class(self, message: str) -> None:
        [raised] = root(error={"message": repr(ValueError(message))}).events
        assert raised.attributes["exception.type"] == "ValueError"
        assert raised.attributes["exception.message"] == message

    @pytest.mark.parametrize(
        ("error", "kind", "message"),
        [
            ({"message": "TimeoutError()"}, "TimeoutError", ""),
            ({"message": "E(" + repr("it's\n\\d") + ")"}, "E", "it's\n\\d"),
            ({"message": "in plain words"}, "Error", "in plain words"),
            ({"message": "Odd('a' 'b')"}, "Odd", "Odd('a' 'b')"),
            (
                {
                    "message": "FileNotFoundError(2, 'No such file')",
                    "traceback": "Traceback\n  ...\nFileNotFoundError: [Errno 2] No such file\n",
                },
                "FileNotFoundError",
                "[Errno 2] No such file",
            ),
            ({"message": "Failure(1, 2)"}, "Failure", "Failure(1, 2)"),
        ],
    )
    def test_errors_of_many_forms(self, error: dict[str, str], kind: str, message: str) -> None:
        [raised] = root(error=error).events
        told = raised.attributes["exception.type"], raised.attributes["exception.message"]
        assert told == (kind, message)

    def test_a_limit_is_no_error(self) -> None:
        sample = root(limit={"type": "token", "limit": 100, "reason": "enough"})
        assert sample.status == "OK"
        assert sample.attributes["inspect.limit"] == "token"
        assert sample.attributes["inspect.limit_value"] == 100
        assert sample.attributes["inspect.limit_reason"] == "enough"

    def test_an_invalidated_sample_is_marked(self) -> None:
        assert root(invalidation={"author": "a"}).attributes["inspect.invalidated"] is True


MARKER = "MARKERTEXT"


def marked_events() -> list[dict[str, Any]]:
    error = {"message": f"ValueError('{MARKER}')", "traceback": MARKER}
    message = {"role": "user", "content": MARKER}
    choices = [{"message": message, "stop_reason": "stop"}]
    call = {"id": "c", "function": "bash", "arguments": {"cmd": MARKER}}
    score = {"value": "C", "answer": MARKER, "explanation": MARKER, "metadata": {"a": MARKER}}
    return [
        {"event": "span_begin", "id": "a", "name": "a", "type": "agent", "metadata": {"m": MARKER}},
        {
            "event": "model",
            "model": "m",
            "input": [message],
            "output": {"choices": choices, "usage": {"input_tokens": 1, "output_tokens": 2}},
            "config": {"temperature": 0.5, "system_message": MARKER, "stop_seqs": [MARKER]},
            "tools": [{"name": "t", "description": MARKER}],
            "error": MARKER,
            "traceback": MARKER,
        },
        {"event": "tool", "function": "t", "arguments": {"a": MARKER}, "result": MARKER},
        {"event": "tool", "function": "t", "result": [{"type": "text", "text": MARKER}]},
        {"event": "tool", "function": "t", "error": {"type": "limit", "message": MARKER}},
        {"event": "tool", "function": "t", "error": {"type": "unknown", "message": MARKER}},
        {"event": "score", "score": score, "target": MARKER, "scorer_args": {"x": MARKER}},
        {"event": "score", "score": {**score, "value": {"good": 1, "text": MARKER}}},
        {"event": "sandbox", "action": "exec", "cmd": MARKER, "output": MARKER, "result": 0},
        {"event": "approval", "message": MARKER, "call": call, "decision": "approve"},
        {"event": "subtask", "name": "s", "input": {"a": MARKER}, "result": MARKER},
        {"event": "info", "data": MARKER},
        {"event": "logger", "message": {"level": "info", "message": MARKER}},
        {"event": "state", "changes": [{"value": MARKER}]},
        {"event": "sample_limit", "type": "time", "message": MARKER},
        {"event": "error", "error": error},
        {"event": "input", "input": MARKER},
        {"event": "score_edit", "edit": {"value": MARKER}},
        {"event": "brand_new", "field": MARKER, "metadata": {"m": MARKER}},
        {"event": MARKER.lower()},
    ]


class TestWithoutContent:
    def tree(self, content: str) -> SpanTree:
        error = {"message": f"ValueError('{MARKER}')", "traceback": MARKER}
        message = {"role": "user", "content": MARKER}
        return spans_of(
            *marked_events(),
            content=content,
            input=MARKER,
            target=MARKER,
            choices=[MARKER],
            messages=[message],
            output={"completion": MARKER},
            metadata={"a": MARKER},
            error=error,
            limit={"type": "token", "limit": 1, "reason": MARKER},
            error_retries=[{**error, "events": marked_events()}],
        )

    def test_no_text_of_the_sample_is_anywhere(self) -> None:
        assert MARKER in repr(self.tree("full"))
        assert MARKER not in repr(self.tree("none"))

    def test_structure_times_tokens_and_scores_are_there(self) -> None:
        full, bare = self.tree("full"), self.tree("none")

        def structure(tree: SpanTree) -> list[Any]:
            return [
                (s.span_id, s.parent_id, s.name, s.span_type, s.status, s.start_time_ns)
                for s in tree.spans
            ]

        assert structure(full) == structure(bare)
        called, scored = bare.spans[2], [s for s in bare.spans if s.span_type == "EVALUATOR"]
        assert called.attributes["mlflow.chat.tokenUsage"]["output_tokens"] == 2
        assert called.attributes["inspect.config"] == {"temperature": 0.5}
        assert [s.attributes["mlflow.spanOutputs"]["value"] for s in scored[:2]] == [
            "C",
            {"good": 1},
        ]
        assert bare.root.events[-1].name.startswith(("inspect.", "exception"))
        assert bare.attachments == ()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
KINDS = [
    *(
        "approval",
        "compaction",
        "error",
        "info",
        "logger",
        "model",
        "sandbox",
        "score",
        "span_begin",
    ),
    *("span_end", "state", "step", "subtask", "tool", "sample_limit", "new"),
]
FIELDS = [
    *("action", "agent", "arguments", "cache", "call", "changes", "completed", "config", "data"),
    *("decision", "error", "events", "function", "id", "input", "input_refs", "intermediate"),
    *("message", "metadata", "model", "name", "output", "parent_id", "pending", "result", "score"),
    *("scorer", "span_id", "target", "timestamp", "tool_choice", "tools", "traceback", "truncated"),
    *("type", "uuid", "working_start", "working_time"),
]
IDS = st.sampled_from(["a", "b", "c"])
EVENTS = st.builds(
    lambda kind, fields, ids: {"event": kind, **fields, **ids},
    st.sampled_from(KINDS) | JSON_VALUES,
    st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=8),
    st.dictionaries(st.sampled_from(["id", "span_id", "parent_id", "uuid", "name", "type"]), IDS),
)
SAMPLES = st.dictionaries(
    st.sampled_from(
        [
            *("id", "epoch", "uuid", "input", "choices", "target", "messages", "output", "events"),
            *("events_data", "metadata", "error", "error_retries", "limit", "attachments"),
            *("started_at", "completed_at", "total_time", "working_time"),
        ]
    ),
    JSON_VALUES,
)


class TestNonsense:
    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(
        sample=SAMPLES,
        events=st.lists(EVENTS | JSON_VALUES, max_size=8),
        content=st.sampled_from(["full", "none"]),
    )
    def test_any_events_become_a_tree(
        self, sample: dict[str, Any], events: list[Any], content: Any
    ) -> None:
        before = repr((sample, events))
        tree = sample_spans(
            {**sample, "events": events}, TRACE_ID, task="t", model="m", content=content
        )
        assert_sound(tree)
        assert repr((sample, events)) == before

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
    @given(sample=SAMPLES, retries=st.lists(EVENTS, max_size=3))
    def test_any_sample_becomes_a_tree(self, sample: dict[str, Any], retries: list[Any]) -> None:
        assert_sound(sample_spans(sample, TRACE_ID, task="", model=""))
        sample = {**sample, "error_retries": [{"events": retries}, None, *retries]}
        assert_sound(sample_spans(sample, TRACE_ID, task="", model=""))

    def test_values_nested_deeper_than_python_goes(self) -> None:
        deep: Any = "x"
        for _ in range(3_000):
            deep = [deep]
        spans_of(
            {"event": "tool", "function": "t", "arguments": {"a": deep}, "result": "r"},
            {"event": "info", "data": deep},
            attachments={"a": "b"},
            metadata={"a": deep},
            input=deep,
            target=deep,
            messages=[{"role": "user", "content": deep}, deep],
            output={"completion": "", "choices": [{"message": {"content": deep}}, deep]},
        )


# Real evaluations.


def answer(text: str, *calls: tuple[str, dict[str, Any]]) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", text)
    output.usage = ModelUsage(input_tokens=3, output_tokens=2, total_tokens=5)
    if calls:
        output.choices[0].stop_reason = "tool_calls"
        output.choices[0].message.tool_calls = [
            ToolCall(id=f"call{n}", function=name, arguments=arguments)
            for n, (name, arguments) in enumerate(calls)
        ]
    return output


@tool
def add() -> Tool:
    async def execute(x: int, y: int) -> int:
        """Add two numbers.

        Args:
            x: One number.
            y: Another.
        """
        if x == 8:
            raise ToolError("no eights")
        if x == 9:
            raise ValueError("no nines")
        async with span(f"adding {x}"):
            transcript().info({"x": x})
        return x + y

    return execute


@agent
def helper() -> Agent:
    async def execute(state: AgentState) -> AgentState:
        """Helps."""
        state.output = await get_model().generate(state.messages)
        state.messages.append(state.output.message)
        return state

    return execute


@subtask
async def look_up(question: str) -> str:
    return (await get_model().generate(question)).completion


@solver
def everything() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        async def branch(number: int) -> None:
            async with span(f"branch {number}"):
                await get_model().generate([ChatMessageUser(content=f"question {number}")])

        await collect(branch(0), branch(1))
        await look_up("what")
        await score_now(state)
        store().set("key", "value")
        await sandbox().exec(["echo", "hello"])
        return state

    return solve


Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture
def evaluate(tmp_path: Path) -> Iterator[Evaluate]:
    def run(task: Task, *answers: ModelOutput, **options: Any) -> dict[str, Any]:
        [log] = inspect_eval(
            task,
            model=get_model("mockllm/model", custom_outputs=list(answers), memoize=False),
            log_dir=str(tmp_path),
            display="none",
            fail_on_error=False,
            **options,
        )
        with EvalLogReader.open(log.location) as reader:
            [sample] = reader.samples()
        return sample

    yield run


def task_of(solver: Any, **options: Any) -> Task:
    return Task([Sample("How much?", target="3")], solver=solver, scorer=includes(), **options)


def tree_of(sample: dict[str, Any]) -> SpanTree:
    tree = sample_spans(sample, TRACE_ID, task="task", model="mockllm/model")
    assert_sound(tree)
    return tree


def paths(tree: SpanTree) -> list[str]:
    """Every span but the root as the names on the way to it."""
    found = {tree.root.span_id: ""}
    for each in tree.spans[1:]:
        found[each.span_id] = f"{found[each.parent_id or '']}/{each.name}"
    return list(found.values())[1:]


class TestEvaluations:
    def test_tools_at_the_same_time(self, evaluate: Evaluate) -> None:
        calls = [("add", {"x": 1, "y": 2}), ("add", {"x": 2, "y": 2}), ("gone", {})]
        sample = evaluate(
            task_of([use_tools(add()), generate()]),
            answer("", *calls, ("add", {"x": 8, "y": 1})),
            answer("3"),
        )
        tree = tree_of(sample)
        assert paths(tree) == [
            "/init",
            "/solvers",
            "/solvers/use_tools",
            "/solvers/generate",
            "/solvers/generate/mockllm/model",
            "/solvers/generate/add",
            "/solvers/generate/add/adding 1",
            "/solvers/generate/add",
            "/solvers/generate/add/adding 2",
            "/solvers/generate/gone",
            "/solvers/generate/add",
            "/solvers/generate/mockllm/model",
            "/scorers",
            "/scorers/includes",
        ]
        tools = [each for each in tree.spans if each.span_type == "TOOL"]
        assert [each.status for each in tools] == ["OK", "OK", "ERROR", "ERROR"]
        assert [each.attributes["inspect.tool_call_id"] for each in tools] == [
            "call0",
            "call1",
            "call2",
            "call3",
        ]
        assert tools[0].attributes["mlflow.spanOutputs"] in (3, "3")
        # A note, and the results of the four tools.
        assert len(asked(tree)[1]) == 5
        assert all(each.start_time_ns > 0 for each in tree.spans)
        assert tree.root.attributes["mlflow.spanOutputs"] == "3"

    def test_agents(self, evaluate: Evaluate) -> None:
        sample = evaluate(
            task_of(react(tools=[handoff(helper()), as_tool(helper())])),
            answer("", ("transfer_to_helper", {})),
            answer("helped"),
            answer("", ("helper", {"input": "x"})),
            answer("helped"),
            answer("", ("submit", {"answer": "3"})),
        )
        tree = tree_of(sample)
        assert tree.root.span_type == "AGENT"
        react_path = "/solvers/react/react"
        assert [p.removeprefix(react_path) for p in paths(tree) if p.startswith(react_path)] == [
            "",
            "/mockllm/model",
            "/helper",
            "/helper/transfer_to_helper",
            "/helper/transfer_to_helper/helper",
            "/helper/transfer_to_helper/helper/mockllm/model",
            "/mockllm/model",
            "/helper",
            "/helper/helper",
            "/helper/helper/mockllm/model",
            "/mockllm/model",
            "/submit",
        ]

    def test_branches_subtasks_sandboxes_and_intermediate_scores(self, evaluate: Evaluate) -> None:
        task = task_of([everything(), generate()], sandbox="local")
        tree = tree_of(evaluate(task, *[answer(str(n)) for n in range(6)]))
        solver_path = "/solvers/everything/"
        below = {p.removeprefix(solver_path) for p in paths(tree) if p.startswith(solver_path)}
        # Branches of a sample run in any order.
        assert sorted(below) == [
            "includes",
            "look_up",
            "look_up/mockllm/model",
            "sandbox exec",
            "task-1",
            "task-1/branch 0",
            "task-1/branch 0/mockllm/model",
            "task-2",
            "task-2/branch 1",
            "task-2/branch 1/mockllm/model",
        ]
        scores = [each for each in tree.spans if "inspect.intermediate" in each.attributes]
        assert [each.attributes["inspect.intermediate"] for each in scores] == [True, False]
        assert [each.name for each in scores] == ["includes", "includes"]
        assert "inspect.span_type" not in scores[0].attributes
        assert scores[1].attributes["inspect.span_type"] == "scorer"
        assert scores[1].attributes["mlflow.spanOutputs"]["value"] == "C"
        ran = [each for each in tree.spans if each.name == "sandbox exec"][-1]
        assert ran.attributes["mlflow.spanInputs"]["cmd"] == "echo hello"
        assert ran.attributes["mlflow.spanOutputs"] == {"result": 0, "output": "hello\n"}

    def test_approval(self, evaluate: Evaluate) -> None:
        policy = [ApprovalPolicy(auto_approver("reject"), "*")]
        task = task_of([use_tools(add()), generate()], approval=policy)
        tree = tree_of(evaluate(task, answer("", ("add", {"x": 1, "y": 2})), answer("3")))
        decided = next(each for each in tree.spans if each.name == "approval")
        assert decided.attributes["inspect.decision"] == "reject"
        refused = next(each for each in tree.spans if each.name == "add")
        assert refused.attributes["inspect.tool_error"] == "approval"

    def test_a_retried_sample(self, evaluate: Evaluate) -> None:
        sample = evaluate(
            task_of([use_tools(add()), generate()]),
            answer("", ("add", {"x": 9, "y": 2})),
            answer("3"),
            retry_on_error=1,
        )
        tree = tree_of(sample)
        assert tree.root.status == "OK"
        attempt = next(each for each in tree.spans if each.name == "attempt 1")
        assert attempt.status == "ERROR"
        raised = next(event for event in attempt.events if event.name == "exception")
        assert raised.attributes["exception.type"] == "ValueError"
        assert "no nines" in raised.attributes["exception.stacktrace"]
        assert "/attempt 1/mockllm/model" in paths(tree)
        assert attempt.start_time_ns < next(
            each.start_time_ns for each in tree.spans if each.name == "solvers"
        )

    def test_a_failed_sample(self, evaluate: Evaluate) -> None:
        sample = evaluate(
            task_of([use_tools(add()), generate()]), answer("", ("add", {"x": 9, "y": 2}))
        )
        tree = tree_of(sample)
        assert tree.root.status == "ERROR"
        assert [event.name for event in tree.root.events].count("exception") == 1
        assert "no nines" in tree.root.attributes["inspect.error"]

    def test_a_limit(self, evaluate: Evaluate) -> None:
        sample = evaluate(
            task_of([use_tools(add()), generate()]),
            *[answer("", ("add", {"x": 1, "y": 2}))] * 9,
            message_limit=4,
        )
        tree = tree_of(sample)
        assert tree.root.status == "OK"
        assert tree.root.attributes["inspect.limit"] == "message"
        assert "inspect.sample_limit" in {e.name for each in tree.spans for e in each.events}

    def test_the_same_sample_gives_the_same_spans(self, evaluate: Evaluate) -> None:
        sample = evaluate(task_of(generate()), answer("3"))
        assert tree_of(sample) == tree_of(sample)
