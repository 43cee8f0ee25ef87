"""The tree of spans: parents by span ids, tools as one span, old logs, bounds, ids."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_core.connection import SpanRecord
from inspect_mlflow_tracing.mapping._identity import assessment_id, span_id, trace_id
from inspect_mlflow_tracing.mapping._span_bound import first_spans
from inspect_mlflow_tracing.mapping._spans import SpanTree, sample_spans

Result = TypeVar("Result")

TRACE_ID = "ab" * 16


def begin(identifier: str, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"event": "span_begin", "id": identifier, "parent_id": parent} | {
        "name": identifier,
        "type": identifier,
        **fields,
    }


def end(identifier: str) -> dict[str, Any]:
    return {"event": "span_end", "id": identifier}


def event(kind: str, span: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"event": kind, "span_id": span, **fields}


def at(second: int) -> str:
    return f"2026-01-01T12:00:{second:02}+00:00"


def model(name: str, span: str | None = None, **fields: Any) -> dict[str, Any]:
    return event("model", span, model=name, **fields)


def tool(name: str, span: str | None = None, **fields: Any) -> dict[str, Any]:
    return event("tool", span, function=name, **fields)


def tool_span(identifier: str, name: str, parent: str | None = None) -> dict[str, Any]:
    return begin(identifier, parent, name=name, type="tool")


def spans_of(*events: Any, most_spans: int = 1_000, **fields: Any) -> SpanTree:
    sample = {"id": "s", "epoch": 2, "events": list(events), **fields}
    tree = sample_spans(sample, TRACE_ID, task="task", model="m", most_spans=most_spans)
    assert_sound(tree)
    return tree


def assert_sound(tree: SpanTree) -> None:
    """Holds of every tree."""
    assert tree.spans[0] is tree.root
    seen: dict[str, SpanRecord] = {}
    for span in tree.spans:
        assert span.span_id not in seen
        assert span.start_time_ns <= span.end_time_ns
        if span is tree.root:
            assert span.parent_id is None
        else:
            parent = seen[span.parent_id or ""]
            assert parent.start_time_ns <= span.start_time_ns
            assert span.end_time_ns <= parent.end_time_ns
        seen[span.span_id] = span


def drawn(tree: SpanTree) -> list[str]:
    """The tree as lines, indented by level, without the root."""
    depth: dict[str | None, int] = {tree.root.span_id: 0}
    for span in tree.spans[1:]:
        depth[span.span_id] = depth[span.parent_id] + 1
    children: dict[str | None, list[SpanRecord]] = {}
    for span in tree.spans:
        children.setdefault(span.parent_id, []).append(span)

    def draw(span: SpanRecord) -> list[str]:
        below = [line for child in children.get(span.span_id, []) for line in draw(child)]
        return ["  " * (depth[span.span_id] - 1) + span.name, *below]

    return [line for child in children.get(tree.root.span_id, []) for line in draw(child)]


def named(tree: SpanTree, name: str) -> SpanRecord:
    [span] = [span for span in tree.spans if span.name == name]
    return span


class TestNesting:
    def test_parents_come_from_span_ids(self) -> None:
        tree = spans_of(
            begin("solvers"),
            begin("one", "solvers"),
            begin("two", "solvers"),
            model("in one", "one"),
            model("in two", "two"),
            end("one"),
            model("still in two", "two"),
            end("two"),
            end("solvers"),
        )
        assert drawn(tree) == [
            "solvers",
            "  one",
            "    in one",
            "  two",
            "    in two",
            "    still in two",
        ]

    def test_what_lies_in_no_known_span_hangs_under_the_root(self) -> None:
        tree = spans_of(model("lost", "gone"), begin("a", "gone"), model("loose"), end("gone"))
        assert drawn(tree) == ["lost", "a", "loose"]

    def test_spans_that_never_ended(self) -> None:
        tree = spans_of(begin("a"), begin("b", "a"), model("m", "b"))
        assert drawn(tree) == ["a", "  b", "    m"]
        assert named(tree, "b").attributes["inspect.unfinished"] is True

    def test_a_span_that_is_its_own_parent(self) -> None:
        assert drawn(spans_of(begin("a", "a"), model("m", "a"))) == ["a", "  m"]

    def test_a_span_id_that_is_used_again(self) -> None:
        tree = spans_of(begin("a"), end("a"), begin("a", name="again"), model("m", "a"))
        assert drawn(tree) == ["a", "again", "  m"]

    @pytest.mark.parametrize(
        ("inspect_type", "mlflow_type"),
        [
            ("init", "TASK"),
            ("solvers", "CHAIN"),
            ("solver", "CHAIN"),
            ("agent", "AGENT"),
            ("tool", "TOOL"),
            ("handoff", "CHAIN"),
            ("subtask", "TASK"),
            ("task", "TASK"),
            ("branch", "CHAIN"),
            ("scorers", "EVALUATOR"),
            ("scorer", "EVALUATOR"),
            ("sentinel", "GUARDRAIL"),
            ("my own", "CHAIN"),
            (None, "CHAIN"),
        ],
    )
    def test_types(self, inspect_type: str | None, mlflow_type: str) -> None:
        span = named(spans_of(begin("x", type=inspect_type)), "x")
        assert span.span_type == mlflow_type
        assert span.attributes.get("inspect.span_type") == inspect_type

    def test_the_root_is_an_agent_when_one_ran(self) -> None:
        assert spans_of(begin("x", type="agent")).root.span_type == "AGENT"
        assert spans_of(begin("x", type="solver")).root.span_type == "CHAIN"

    def test_small_events_are_notes_on_the_span_around_them(self) -> None:
        tree = spans_of(begin("a"), event("info", "a"), event("store"), event("brand_new", "a"))
        assert [e.name for e in named(tree, "a").events] == ["inspect.info", "inspect.brand_new"]
        assert [e.name for e in tree.root.events] == ["inspect.store"]


class TestTools:
    def test_the_event_and_the_span_of_a_tool_are_one(self) -> None:
        tree = spans_of(
            begin("agent"),
            tool_span("t", "bash", "agent"),
            tool("bash", "agent", id="call", arguments={"cmd": "ls"}),
            event("sandbox", "t", action="exec"),
            end("t"),
        )
        assert drawn(tree) == ["agent", "  bash", "    sandbox exec"]
        span = named(tree, "bash")
        assert span.span_type == "TOOL"
        assert span.attributes["mlflow.spanInputs"] == {"cmd": "ls"}
        assert span.attributes["inspect.tool_call_id"] == "call"
        assert span.attributes["inspect.span_id"] == "t"
        assert span.span_id == span_id(TRACE_ID, "t")

    def test_calls_of_one_tool_at_the_same_time(self) -> None:
        tree = spans_of(
            tool_span("first", "bash"),
            tool("bash", id="1"),
            tool_span("second", "bash"),
            tool("bash", id="2"),
            model("in first", "first"),
            model("in second", "second"),
            end("second"),
            end("first"),
        )
        assert drawn(tree) == ["bash", "  in first", "bash", "  in second"]
        calls = [span.attributes.get("inspect.tool_call_id") for span in tree.spans]
        assert calls == [None, "1", "2", None, None]

    def test_an_event_of_another_branch_between_the_two(self) -> None:
        tree = spans_of(tool_span("t", "bash"), event("info"), tool("bash", id="1"))
        assert named(tree, "bash").attributes["inspect.tool_call_id"] == "1"

    def test_a_tool_event_of_another_name_is_a_span_of_its_own(self) -> None:
        tree = spans_of(tool_span("t", "bash"), tool("python", "t"))
        assert drawn(tree) == ["bash", "  python"]

    def test_handoffs_and_agents_as_tools(self) -> None:
        tree = spans_of(
            begin("main", type="agent"),
            begin("h", "main", name="helper", type="handoff"),
            tool_span("t", "transfer_to_helper", "h"),
            tool("transfer_to_helper", "main", agent="helper"),
            begin("sub", "t", type="agent"),
            model("m", "sub"),
            tool_span("t2", "expert", "main"),
            tool("expert", "main", agent_span_id="sub2"),
            begin("sub2", "t2", type="agent"),
        )
        assert drawn(tree) == [
            "main",
            "  helper",
            "    transfer_to_helper",
            "      sub",
            "        m",
            "  expert",
            "    sub2",
        ]
        assert named(tree, "transfer_to_helper").attributes["inspect.agent"] == "helper"

    @pytest.mark.parametrize("intermediate", [True, False])
    def test_a_scorer_and_its_score_are_one(self, intermediate: bool) -> None:
        score = {"value": "C", "explanation": "so it is"}
        tree = spans_of(
            begin("scorers"),
            begin("s", "scorers", name="judge", type="scorer", timestamp=at(1), working_start=1),
            model("m", "s"),
            event("score", "s", scorer="judge", score=score, intermediate=intermediate),
            event("info", "s", data="a note"),
            {**end("s"), "timestamp": at(4), "working_start": 3},
        )
        assert drawn(tree) == ["scorers", "  judge", "    m"]
        judge = named(tree, "judge")
        assert judge.span_id == span_id(TRACE_ID, "s")
        assert judge.span_type == "EVALUATOR"
        assert judge.end_time_ns - judge.start_time_ns == 3 * 10**9
        assert judge.attributes["mlflow.spanOutputs"] == score
        assert judge.attributes["inspect.intermediate"] is intermediate
        assert judge.attributes["inspect.span_type"] == "scorer"
        assert judge.attributes["inspect.working_time"] == 2
        assert "inspect.unfinished" not in judge.attributes
        assert [each.name for each in judge.events] == ["inspect.info"]

    def test_a_scorer_that_is_still_at_it(self) -> None:
        tree = spans_of(begin("s", type="scorer"), event("score", "s", score={"value": 1}))
        assert drawn(tree) == ["s"]
        assert named(tree, "s").attributes["inspect.unfinished"] is True

    def test_several_scores_of_one_scorer_are_told_apart(self) -> None:
        tree = spans_of(
            begin("s", type="scorer"),
            event("score", "s", scorer="half-way", intermediate=True),
            event("score", "s", scorer="final"),
            end("s"),
        )
        assert drawn(tree) == ["s", "  half-way", "  final"]
        told = [span.attributes.get("inspect.intermediate") for span in tree.spans[1:]]
        assert told == [None, True, False]

    def test_a_score_elsewhere_is_a_span_of_its_own(self) -> None:
        tree = spans_of(
            begin("agent", type="agent"), event("score", "agent", scorer="s"), end("agent")
        )
        assert drawn(tree) == ["agent", "  s"]

    def test_a_scorer_of_an_old_log(self) -> None:
        tree = spans_of(
            event("step", action="begin", type="scorer", name="match"),
            event("score", score={"value": "I"}),
            event("step", action="end", type="scorer", name="match"),
        )
        assert drawn(tree) == ["match"]
        assert named(tree, "match").attributes["mlflow.spanOutputs"] == {"value": "I"}

    def test_the_event_and_the_span_of_a_subtask_are_one(self) -> None:
        tree = spans_of(
            begin("x", name="look", type="subtask"),
            event("subtask", "x", name="look", input={"q": 1}, result="found"),
            model("m", "x"),
        )
        assert drawn(tree) == ["look", "  m"]
        assert named(tree, "look").attributes["mlflow.spanOutputs"] == "found"


class TestOldLogs:
    def test_steps_nest_by_order(self) -> None:
        def step(action: str, name: str) -> dict[str, Any]:
            return {"event": "step", "action": action, "name": name, "type": "solver"}

        tree = spans_of(
            step("begin", "outer"),
            step("begin", "inner"),
            model("m"),
            step("end", "inner"),
            model("n"),
            step("end", "never begun"),
            step("end", "outer"),
            model("after"),
        )
        assert drawn(tree) == ["outer", "  inner", "    m", "  n", "after"]

    def test_a_step_that_ends_closes_those_left_open_in_it(self) -> None:
        tree = spans_of(
            {"event": "step", "action": "begin", "name": "outer"},
            {"event": "step", "action": "begin", "name": "inner"},
            {"event": "step", "action": "end", "name": "outer"},
            model("after"),
        )
        assert drawn(tree) == ["outer", "  inner", "after"]

    def test_events_within_events(self) -> None:
        tree = spans_of(
            tool("search", events=[model("m"), event("subtask", name="s", events=[model("n")])]),
            model("after"),
        )
        assert drawn(tree) == ["search", "  m", "  s", "    n", "after"]

    def test_a_step_left_open_within_an_event_does_not_reach_out_of_it(self) -> None:
        tree = spans_of(
            tool("t", events=[{"event": "step", "action": "begin", "name": "open"}]), model("m")
        )
        assert drawn(tree) == ["t", "  open", "m"]

    def test_very_deep_lists(self) -> None:
        inner: list[Any] = [model("deepest")]
        for _ in range(300):
            inner = [tool("t", events=inner)]
        assert spans_of(*inner).spans[-1].name == "deepest"


class TestAttempts:
    def test_earlier_attempts_are_spans_of_their_own(self) -> None:
        tree = spans_of(
            begin("solvers"),
            error_retries=[
                {
                    "message": "ValueError('first')",
                    "traceback": "Traceback:\n  ...\nValueError: first",
                    "events": [begin("solvers"), model("m", "solvers"), model("n", "cut off")],
                },
                {"message": "second"},
            ],
        )
        assert drawn(tree) == ["solvers", "attempt 1", "  solvers", "    m", "  n", "attempt 2"]
        first = named(tree, "attempt 1")
        assert first.status == "ERROR"
        assert first.attributes["inspect.attempt"] == 1
        assert first.events[0].attributes == {
            "exception.type": "ValueError",
            "exception.message": "first",
            "exception.stacktrace": "Traceback:\n  ...\nValueError: first",
        }
        assert tree.root.status == "OK"
        assert tree.root.attributes["inspect.retries"] == 2

    def test_an_agent_of_an_earlier_attempt_does_not_make_the_sample_one(self) -> None:
        attempt = {"message": "no", "events": [begin("x", type="agent")]}
        assert spans_of(error_retries=[attempt]).root.span_type == "CHAIN"


class TestIds:
    def test_a_trace_is_of_experiment_evaluation_and_sample(self) -> None:
        sample = {"uuid": "u", "id": 1, "epoch": 1}
        first = trace_id("1", "eval", sample)
        assert len(first) == 32
        assert int(first, 16)
        assert first == trace_id("1", "eval", {"uuid": "u", "id": 2, "epoch": 7})
        others = [
            trace_id("2", "eval", sample),
            trace_id("1", "other", sample),
            trace_id("1", "eval", {**sample, "uuid": "v"}),
            trace_id("1", "eval", {**sample, "uuid": None}),
        ]
        assert len({first, *others}) == 5

    def test_old_samples_go_by_id_and_epoch(self) -> None:
        assert trace_id("1", "e", {"id": 1, "epoch": 1}) == trace_id("1", "e", {"id": "1"})
        assert trace_id("1", "e", {"id": 1, "epoch": 1}) != trace_id(
            "1", "e", {"id": 1, "epoch": 2}
        )

    @given(
        st.dictionaries(st.sampled_from(["id", "epoch", "uuid"]), st.text() | st.lists(st.none()))
    )
    def test_any_sample_has_one(self, sample: dict[str, Any]) -> None:
        assert len(trace_id("1", "e", sample)) == 32

    def test_assessments(self) -> None:
        first = assessment_id("t", "feedback", "accuracy")
        assert first.startswith("a-")
        assert len(first) == 34
        assert first != assessment_id("t", "expectation", "accuracy")

    def test_the_id_of_a_span_is_that_of_its_event(self) -> None:
        tree = spans_of(begin("a"), model("m", "a", uuid="u"), model("n"))
        assert [span.span_id for span in tree.spans[1:3]] == [
            span_id(TRACE_ID, "a"),
            span_id(TRACE_ID, "u"),
        ]
        assert tree == spans_of(begin("a"), model("m", "a", uuid="u"), model("n"))

    def test_repeated_ids_are_told_apart(self) -> None:
        events = [model("m", uuid="u"), model("m", uuid="u"), begin("u"), model("in", "u")]
        tree = spans_of(*events, error_retries=[{"message": "x", "events": events}])
        assert len(tree.spans) == 10
        assert tree == spans_of(*events, error_retries=[{"message": "x", "events": events}])

    def test_ids_do_not_depend_on_the_bound(self) -> None:
        events = [model("m", uuid="u") for _ in range(5)] + [begin("s")]
        whole = {span.span_id for span in spans_of(*events).spans}
        assert {span.span_id for span in spans_of(*events, most_spans=3).spans} <= whole


class TestBound:
    EVENTS = [
        begin("agent"),
        event("sandbox", "agent", action="exec"),
        model("m1", "agent"),
        tool_span("t1", "bash", "agent"),
        tool("bash", "agent"),
        begin("sub", "t1"),
        model("m2", "sub"),
        event("approval", "sub"),
        event("score", "agent", scorer="half-way", intermediate=True),
        event("score", "agent", scorer="final"),
        event("info", "sub"),
    ]

    def test_the_first_ones_stay_then_scores_then_structure_then_calls(self) -> None:
        assert drawn(spans_of(*self.EVENTS, most_spans=4)) == ["agent", "  sandbox exec", "  final"]
        assert drawn(spans_of(*self.EVENTS, most_spans=7)) == [
            "agent",
            "  sandbox exec",
            "  m1",
            "  bash",
            "    sub",
            "  final",
        ]
        assert drawn(spans_of(*self.EVENTS, most_spans=8)) == [
            "agent",
            "  sandbox exec",
            "  m1",
            "  bash",
            "    sub",
            "      m2",
            "  final",
        ]

    @given(
        st.lists(st.sampled_from(["sandbox", "model", "score", "begin", "end"]), max_size=60),
        st.integers(0, 40),
    )
    def test_what_could_be_shown_while_it_ran_is_in_the_complete_trace(
        self, kinds: list[str], most_spans: int
    ) -> None:
        events: list[dict[str, Any]] = []
        open_spans: list[str] = []
        for number, kind in enumerate(kinds):
            inside = open_spans[-1] if open_spans else None
            if kind == "begin":
                open_spans.append(f"span {number}")
                events.append(begin(open_spans[-1], inside))
            elif kind == "end" and open_spans:
                events.append(end(open_spans.pop()))
            elif kind != "end":
                events.append(event(kind, inside, uuid=f"event {number}"))
        complete = [span.span_id for span in spans_of(*events, most_spans=most_spans).spans[1:]]
        first = spans_of(*events).spans[1 : 1 + first_spans(most_spans)]
        assert [span.span_id for span in first] == complete[: len(first)]
        assert len(complete) <= max(most_spans - 1, 0)

    def test_what_is_left_out_is_counted_where_it_would_hang(self) -> None:
        tree = spans_of(*self.EVENTS, most_spans=5)
        assert tree.folded == 5
        counts = {span.name: span.attributes.get("inspect.folded_spans") for span in tree.spans}
        assert counts == {
            "sample s epoch 2": 5,
            "agent": 2,
            "sandbox exec": None,
            "bash": 3,
            "final": None,
        }

    def test_a_branch_that_is_left_out_counts_with_all_in_it(self) -> None:
        tree = spans_of(begin("a"), *(tool("t", "a", events=[model("m")]),) * 3, most_spans=2)
        assert drawn(tree) == ["a"]
        assert named(tree, "a").attributes["inspect.folded_spans"] == 6

    @pytest.mark.parametrize("most_spans", [0, 1])
    def test_the_root_stays(self, most_spans: int) -> None:
        tree = spans_of(*self.EVENTS, most_spans=most_spans)
        assert [span.name for span in tree.spans] == ["sample s epoch 2"]
        assert tree.folded == 9

    def test_a_parent_still_covers_what_was_left_out(self) -> None:
        late = "2026-01-01T12:00:09+00:00"
        tree = spans_of(begin("a"), model("m", "a", timestamp=late), most_spans=2)
        assert named(tree, "a").end_time_ns == 1_767_268_809 * 10**9

    def test_notes_are_bounded_too(self) -> None:
        tree = spans_of(begin("a"), *[event("info", "a", data=n) for n in range(1_200)])
        span = named(tree, "a")
        assert len(span.events) == 1_000
        assert span.attributes["inspect.folded_events"] == 200


def calls_of(work: Callable[[], Result]) -> tuple[int, Result]:
    """Count the calls that a piece of work makes: the same on every machine, unlike its time."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        result = work()
    finally:
        sys.setprofile(before)
    return calls, result


def test_work_and_size_are_linear_in_the_turns() -> None:
    def conversation(turns: int) -> dict[str, Any]:
        pool: list[Any] = [{"role": "user", "content": "go"}]
        events: list[Any] = [begin("agent", type="agent")]
        for turn in range(turns):
            answer = {"role": "assistant", "content": "think " * 30, "id": f"a{turn}"}
            output = {"choices": [{"message": answer}]}
            events += [
                model("m", "agent", input_refs=[[0, len(pool)]], output=output),
                tool_span(f"t{turn}", "bash", "agent"),
                tool("bash", "agent", result="x" * 200),
                end(f"t{turn}"),
            ]
            pool += [answer, {"role": "tool", "content": "x" * 200, "id": f"r{turn}"}]
        return {"id": 1, "events": events, "messages": pool, "events_data": {"messages": pool}}

    def measure(turns: int) -> tuple[int, int]:
        sample = conversation(turns)
        calls, tree = calls_of(
            lambda: sample_spans(sample, TRACE_ID, task="t", model="m", most_spans=10**6)
        )
        assert len(tree.spans) == 2 * turns + 2
        return calls, sum(len(repr(span.attributes)) for span in tree.spans)

    (few_calls, small), (many_calls, large) = measure(100), measure(1_000)
    assert large < 11 * small
    assert few_calls > 100
    assert many_calls < 11 * few_calls
