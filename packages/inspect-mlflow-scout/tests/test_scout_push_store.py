"""How traces are looked for, and how assessments are written, beside what stores do."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from inspect_mlflow_core.connection import (
    AssessedTrace,
    AssessmentRecord,
    Experiment,
    KeptAssessment,
    TracePage,
)
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
from inspect_mlflow_scout.push._match import Target, TraceMatcher
from inspect_mlflow_scout.push._plan import Plan
from inspect_mlflow_scout.push._references import SpanIndex, TraceIndex, trace_index
from inspect_mlflow_scout.push._scan import TranscriptKey
from inspect_mlflow_scout.push._write import AssessmentWriter
from inspect_mlflow_scout.reading import SourceSpan, SourceTrace

FIRST, SECOND = Experiment("1", "first", False), Experiment("2", "second", False)
PAGE = 7


@dataclass
class Memory:
    """A store of traces in memory, which searches as MLflow does.

    Args:
        traces: What it holds.
        errors: What the next writes raise; None for a write that succeeds.
    """

    traces: Sequence[AssessedTrace] = ()
    errors: list[DeliveryError | None] = field(default_factory=list)
    tracking_uri: str = "memory:"
    concurrency: int = 4
    searches: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def check(self) -> str:
        return "3.17.0"

    def experiments(self) -> list[Experiment]:
        return [FIRST, SECOND]

    def search_traces(
        self, experiment_ids: Sequence[str], filter_string: str, page_token: str = ""
    ) -> TracePage:
        self.searches.append(filter_string)
        found = [
            trace
            for trace in self.traces
            if trace.experiment_id in experiment_ids and self._matches(trace, filter_string)
        ]
        start = int(page_token or 0)
        more = start + PAGE < len(found)
        return TracePage(tuple(found[start : start + PAGE]), str(start + PAGE) if more else "")

    def log_assessment(self, trace_id: str, assessment: AssessmentRecord) -> None:
        self._fail()
        self.written.append(assessment.assessment_id)

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        self._fail()
        self.removed.append(assessment_id)

    def _fail(self) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    @staticmethod
    def _matches(trace: AssessedTrace, filter_string: str) -> bool:
        listed = re.findall(r"'([^']*)'", filter_string)
        if filter_string.startswith("request_id"):
            return trace.trace_id in listed
        if filter_string.startswith("client_request_id"):
            return trace.tags.get("request") in listed
        return all(name in trace.tags for name in re.findall(r"`([^`]*)`", filter_string))


def sample_trace(uuid: str, experiment_id: str = "1", **more: Any) -> AssessedTrace:
    tags = {"inspect.sample_uuid": uuid, "request": uuid}
    return AssessedTrace(f"tr-{uuid}-{experiment_id}", experiment_id, tags, **more)


def matched(
    store: Memory,
    keys: Sequence[TranscriptKey | str],
    *,
    named: Sequence[Experiment] = (FIRST,),
    others: Sequence[Experiment] = (FIRST, SECOND),
    indexes: dict[str, TraceIndex] | None = None,
) -> dict[str, tuple[Target, ...]]:
    matcher = TraceMatcher(store, (indexes or {}).__getitem__, named, lambda: others)
    asked = [TranscriptKey(key) if isinstance(key, str) else key for key in keys]
    return dict(matcher.match(asked))


def trace_ids(targets: Sequence[Target]) -> list[str]:
    return [target.trace_id for target in targets]


def test_many_transcripts_take_few_searches() -> None:
    uuids = [f"u{number}" for number in range(250)]
    store = Memory([sample_trace(uuid) for uuid in uuids])

    found = matched(store, uuids)

    assert {uuid: trace_ids(targets) for uuid, targets in found.items()} == {
        uuid: [f"tr-{uuid}-1"] for uuid in uuids
    }
    # Pages of seven here, of hundreds in MLflow; a search for ids of traces each time.
    assert len(store.searches) <= 3 + 250 // PAGE + 3


def test_a_trace_is_found_by_its_own_id() -> None:
    store = Memory([AssessedTrace("tr-foreign", "1")])

    (target,) = matched(store, ["tr-foreign"])["tr-foreign"]

    assert (target.trace_id, target.sample_uuid, target.shared) == ("tr-foreign", None, False)


def test_a_client_request_id_of_another_program_is_no_sample() -> None:
    store = Memory([AssessedTrace("tr-1", "1", {"request": "u1"})])

    assert matched(store, ["u1"]) == {"u1": ()}


def test_the_experiment_of_the_settings_goes_first() -> None:
    store = Memory([sample_trace("a", "1"), sample_trace("a", "2"), sample_trace("b", "2")])

    found = matched(store, ["a", "b"])

    assert trace_ids(found["a"]) == ["tr-a-1"]
    assert trace_ids(found["b"]) == ["tr-b-2"]


def test_other_experiments_are_asked_for_only_when_something_is_missing() -> None:
    store = Memory([sample_trace("a")])

    def others() -> Sequence[Experiment]:
        raise AssertionError("not needed")

    matcher = TraceMatcher(store, lambda _: TraceIndex(), [FIRST], others)

    assert [uuid for uuid, _ in matcher.match([TranscriptKey("a")])] == ["a"]
    assert matcher.searched == ("first",)


def test_a_sample_with_several_traces_in_an_experiment_has_several_targets() -> None:
    first = sample_trace("a")
    second = AssessedTrace("tr-2", "1", first.tags)

    assert trace_ids(matched(Memory([first, second]), ["a"])["a"]) == ["tr-a-1", "tr-2"]


def test_refusals_are_not_hidden() -> None:
    class Refusing(Memory):
        def search_traces(self, *_: Any) -> TracePage:
            raise RejectedError("no rights", cause="http_403", error_code="PERMISSION_DENIED")

    with pytest.raises(RejectedError, match="no rights"):
        matched(Refusing(), ["u1"])


def test_ids_that_would_change_the_question_are_not_asked_for() -> None:
    store = Memory([sample_trace("a")])

    assert matched(store, ["a' OR '1' = '1", "x" * 60])["x" * 60] == ()
    assert store.searches == []


def test_a_sample_in_the_trace_of_its_evaluation() -> None:
    tags = {"inspect.trace_scope": "run", "inspect.task_facts.e1": "{}"}
    kept = KeptAssessment("a-" + "0" * 32, "scout/x", "feedback", 1)
    other = KeptAssessment("a-" + "1" * 32, "match", "feedback", 1)
    store = Memory([AssessedTrace("tr-run", "1", tags, (kept, other))])
    index = TraceIndex({"u1": SpanIndex(own="span of u1")})

    found = matched(
        store,
        [TranscriptKey("u1", "e1"), TranscriptKey("u2", "e1"), TranscriptKey("u1b", "e2")],
        indexes={"tr-run": index},
    )

    (target,) = found["u1"]
    assert (target.trace_id, target.sample_uuid, target.shared) == ("tr-run", "u1", True)
    assert [each.assessment_id for group in target.kept.values() for each in group] == [
        kept.assessment_id
    ]
    assert found["u2"] == found["u1b"] == ()


def test_evaluations_traced_as_a_whole_take_one_search() -> None:
    uuids = [f"u{number}" for number in range(50)]
    store = Memory([sample_trace(uuid) for uuid in uuids])

    matched(store, [TranscriptKey(uuid, f"eval of {uuid}") for uuid in uuids])

    assert len([each for each in store.searches if "trace_scope" in each]) == 1


def record(number: int) -> AssessmentRecord:
    return AssessmentRecord(f"a-{number}", "scout/x", "feedback", True, "CODE", "x@0", 1, 1)


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, _high: 0.0)


def test_what_replaces_is_written_before_what_it_replaces_goes() -> None:
    store = Memory(errors=[None, RejectedError("full", cause="http_400")])

    reason = AssessmentWriter(store).write("tr-1", Plan((record(1), record(2)), ("a-old",)))

    assert reason == "full"
    assert (store.written, store.removed) == (["a-1"], [])


@pytest.mark.usefixtures("without_pauses")
def test_a_server_that_stumbles_gets_everything() -> None:
    busy = RetryableError("busy", cause="http_503")
    store = Memory(errors=[busy, busy, None, busy, None, busy])

    reason = AssessmentWriter(store).write("tr-1", Plan((record(1), record(2)), ("a-old",)))

    assert reason == ""
    assert (store.written, store.removed) == (["a-1", "a-2"], ["a-old"])


@pytest.mark.usefixtures("without_pauses")
def test_a_server_that_is_gone_is_not_asked_for_each_trace() -> None:
    gone = RetryableError("gone", cause="connection", unreachable=True)
    store = Memory(errors=[gone] * 5)
    writer = AssessmentWriter(store)

    reasons = [writer.write(f"tr-{number}", Plan((record(number),))) for number in range(50)]

    assert set(reasons) == {"gone"}
    assert (store.errors, store.written) == ([], [])


@pytest.mark.usefixtures("without_pauses")
def test_a_busy_server_is_asked_again_for_the_next_trace() -> None:
    store = Memory(errors=[RetryableError("busy", cause="http_503")] * 5)
    writer = AssessmentWriter(store)

    assert writer.write("tr-1", Plan((record(1),))) == "busy"
    assert writer.write("tr-2", Plan((record(2),))) == ""


def test_several_threads_share_a_writer() -> None:
    store = Memory()
    writer = AssessmentWriter(store)
    threads = [
        threading.Thread(target=writer.write, args=(f"tr-{n}", Plan((record(n),))))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(store.written) == 20


def span(number: int, **attributes: Any) -> SourceSpan:
    return SourceSpan(
        f"{number:016x}",
        None if number == 1 else f"{1:016x}",
        f"span {number}",
        "CHAIN",
        number,
        number + 1,
        attributes=attributes,
    )


def inspect_trace(*spans: SourceSpan) -> SourceTrace:
    return SourceTrace("tr-1", "1", "first", "OK", spans=spans)


def test_a_trace_without_a_kept_sample_tells_of_events_and_tools() -> None:
    index = trace_index(
        inspect_trace(
            span(1, **{"inspect.sample_uuid": "u1"}),
            span(2, **{"inspect.event_id": "e2", "inspect.message_id": "m2"}),
        )
    ).of("u1")

    assert index.span_of("event", "e2") == index.span_of("message", "m2") == f"{2:016x}"
    assert index.span_of("event", "e9") is None
    assert index.own == f"{1:016x}"
    assert index.without_own().own is None


def test_a_trace_without_spans_tells_nothing() -> None:
    assert trace_index(inspect_trace()).of(None).span_of("event", "e1") is None
