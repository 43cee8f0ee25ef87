"""What real scans of a real evaluation find stands on the traces of its samples."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessageAssistant,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import match
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import Tool, tool
from inspect_scout import (
    Reference,
    RefusalError,
    Result,
    Scanner,
    Transcript,
    ValidationCase,
    ValidationSet,
    grep_scanner,
    llm_scanner,
    scan,
    scanner,
    transcripts_db,
    transcripts_from,
)

from inspect_mlflow_core.connection import SpanRecord, TraceRecord, open_trace_store
from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_scout import import_mlflow_traces
from inspect_mlflow_scout.exceptions import ScanIncompleteError, ScanReadError
from inspect_mlflow_scout.push import PushReport, push_scan_results
from inspect_mlflow_tracing import sync_traces

USAGE = ModelUsage(input_tokens=3, output_tokens=4, total_tokens=7)


@tool
def add() -> Tool:
    async def execute(a: int, b: int) -> int:
        """Add two numbers.

        Args:
            a: The first.
            b: The second.
        """
        return a + b

    return execute


def said(*texts: str) -> Model:
    outputs = [ModelOutput.from_content("mockllm/model", text) for text in texts]
    return mock(outputs)


def mock(outputs: Sequence[ModelOutput]) -> Model:
    for output in outputs:
        output.usage = USAGE
    return get_model("mockllm/model", custom_outputs=list(outputs))


@dataclass(frozen=True)
class Evaluated:
    """An evaluation of two samples and its traces.

    Args:
        logs: Directory of its log.
        database: A store with a trace for each sample.
        uuids: Inspect's uuids of the samples, by their ids.
    """

    logs: Path
    database: Path
    uuids: dict[str, str]


@pytest.fixture(scope="module")
def evaluated(
    settings_of_machine_removed: None, store_template: Path, tmp_path_factory: Any
) -> Evaluated:
    directory = tmp_path_factory.mktemp("evaluated")
    call = {"a": 1, "b": 1}
    outputs = [
        ModelOutput.for_tool_call("mockllm/model", "add", call),
        ModelOutput.from_content("mockllm/model", "the secret is 2"),
        ModelOutput.for_tool_call("mockllm/model", "add", call),
        ModelOutput.from_content("mockllm/model", "I will not say"),
    ]
    samples = [Sample("1+1?", target="2", id=name) for name in ("open", "closed")]
    task = Task(dataset=samples, solver=[use_tools(add()), generate()], scorer=match(), name="sums")
    (log,) = eval(
        task,
        model=mock(outputs),
        log_dir=str(directory / "logs"),
        display="none",
        max_samples=1,
    )
    assert log.status == "success"
    uri = copy_store(store_template, directory)
    assert sync_traces(log.location, tracking_uri=uri).complete
    uuids = {str(sample.id): str(sample.uuid) for sample in log.samples or ()}
    return Evaluated(directory / "logs", directory / "mlflow.db", uuids)


@pytest.fixture
def uri(evaluated: Evaluated, tmp_path: Path) -> str:
    """A store with the traces of the evaluation."""
    shutil.copyfile(evaluated.database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def scanned(
    evaluated: Evaluated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Scans the log; returns the location of the scan."""
    monkeypatch.setenv("SCOUT_SCANBUFFER_DIR", str(tmp_path / "buffer"))

    def scan_log(*scanners: Scanner[Any], **options: Any) -> str:
        status = scan(
            list(scanners),
            transcripts=options.pop("transcripts", None) or transcripts_from(str(evaluated.logs)),
            scans=str(tmp_path / "scans"),
            max_processes=1,
            display="none",
            **options,
        )
        return status.location

    return scan_log


def findings(version: int = 1, value: Any = True) -> Scanner[Transcript]:
    @scanner(messages="all", events="all", name="findings", version=version)
    def findings() -> Scanner[Transcript]:
        async def execute(transcript: Transcript) -> list[Result]:
            answer = transcript.messages[-1]
            called = next(event for event in transcript.events if event.event == "tool")
            result = next(message for message in transcript.messages if message.role == "tool")
            return [
                Result(value=value, label="answer", references=[reference("message", answer.id)]),
                Result(value=0.5, label="call", references=[reference("event", called.uuid)]),
                Result(value="x", label="call", references=[reference("message", result.id)]),
                Result(value=None, label="nothing"),
            ]

        return execute

    return findings()


def reference(kind: Any, identifier: str | None) -> Reference:
    return Reference(type=kind, id=identifier or "")


def whole(value: Any, name: str = "whole", error: Exception | None = None) -> Scanner[Transcript]:
    @scanner(messages="all", name=name)
    def whole() -> Scanner[Transcript]:
        async def execute(transcript: Transcript) -> Result:
            if error is not None:
                raise error
            return Result(value=value, explanation="because")

        return execute

    return whole()


def judge() -> Scanner[Transcript]:
    @scanner(messages="all", name="judge")
    def judge() -> Scanner[Transcript]:
        async def execute(transcript: Transcript) -> Result:
            output = await get_model().generate("Did it refuse?")
            return Result(value=output.completion == "yes", answer=output.completion)

        return execute

    return judge()


def answers() -> Scanner[ChatMessageAssistant]:
    @scanner(messages=["assistant"], name="answers")
    def answers() -> Scanner[ChatMessageAssistant]:
        async def execute(message: ChatMessageAssistant) -> Result:
            return Result(value=len(message.tool_calls or ()))

        return execute

    return answers()


def traces(uri: str, experiment: str = "inspect_ai") -> dict[str, Any]:
    """All traces of an experiment, by the ids of samples."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return {
        trace.info.tags.get("inspect.sample_id", "run"): trace
        for trace in client.search_traces(locations=[found.experiment_id])
    }


def scout_assessments(trace: Any) -> list[Any]:
    own = [each for each in trace.info.assessments if each.name.startswith("scout/")]
    return sorted(own, key=lambda each: (each.name, str(each.value)))


def told(trace: Any) -> list[tuple[str, Any]]:
    return [(each.name, each.value) for each in scout_assessments(trace)]


def span_of(trace: Any, assessment: Any) -> Any:
    return next((s for s in trace.data.spans if s.span_id == assessment.span_id), None)


def actions(report: PushReport) -> list[str]:
    return [each.action for each in report.results]


def test_findings_stand_on_the_right_traces_and_spans(
    uri: str, scanned: Callable[..., str]
) -> None:
    location = scanned(findings(), grep_scanner("secret"))

    report = push_scan_results(location, tracking_uri=uri)

    assert report.complete
    assert set(actions(report)) == {"created"}
    assert report.written == 8
    found = traces(uri)
    for trace, hits in ((found["open"], 1), (found["closed"], 0)):
        answer, call, result, grep = scout_assessments(trace)
        assert (answer.name, answer.value) == ("scout/findings/answer", True)
        assert (call.name, call.value) == ("scout/findings/call", 0.5)
        assert (result.name, result.value) == ("scout/findings/call/2", "x")
        assert (grep.name, grep.value) == ("scout/grep_scanner", hits)
        assert span_of(trace, answer).span_type == "CHAT_MODEL"
        assert span_of(trace, answer).attributes["inspect.stop_reason"] == "stop"
        assert span_of(trace, call).name == span_of(trace, result).name == "add"
        assert (span_of(trace, grep) is not None) == bool(hits)
        assert (call.source.source_type, call.source.source_id) == ("CODE", "findings@1")


def test_scores_and_their_targets_stay(uri: str, scanned: Callable[..., str]) -> None:
    before = traces(uri)

    push_scan_results(scanned(whole(True)), tracking_uri=uri)

    for name, trace in traces(uri).items():
        others = [each for each in trace.info.assessments if not each.name.startswith("scout/")]
        assert others == before[name].info.assessments
        assert trace.info.tags == before[name].info.tags
        assert trace.info.trace_metadata == before[name].info.trace_metadata


def test_pushed_twice_they_are_there_once(uri: str, scanned: Callable[..., str]) -> None:
    location = scanned(findings())
    push_scan_results(location, tracking_uri=uri)
    before = {name: scout_assessments(trace) for name, trace in traces(uri).items()}

    report = push_scan_results(location, tracking_uri=uri)

    assert set(actions(report)) == {"unchanged"}
    assert (report.written, report.removed, report.unchanged) == (0, 0, 6)
    assert {name: scout_assessments(trace) for name, trace in traces(uri).items()} == before


def test_a_newer_version_replaces_what_the_scanner_said(
    uri: str, scanned: Callable[..., str]
) -> None:
    first = scanned(findings(version=1), whole(3, "other"))
    second = scanned(findings(version=2, value=None))
    push_scan_results(first, tracking_uri=uri)

    report = push_scan_results(second, tracking_uri=uri)

    assert set(actions(report)) == {"updated"}
    for trace in traces(uri).values():
        assert told(trace) == [
            ("scout/findings/call", 0.5),
            ("scout/findings/call/2", "x"),
            ("scout/other", 3),
        ]
        versions = [each.metadata["scout.scanner_version"] for each in scout_assessments(trace)]
        assert versions == ["2", "2", "0"]


def test_an_earlier_scan_does_not_replace_a_later_one(
    uri: str, scanned: Callable[..., str]
) -> None:
    earlier, later = scanned(whole("old")), scanned(whole("new"))
    push_scan_results(later, tracking_uri=uri)

    report = push_scan_results(earlier, tracking_uri=uri)

    assert set(actions(report)) == {"superseded"}
    assert told(traces(uri)["open"]) == [("scout/whole", "new")]


def test_a_dry_run_tells_and_writes_nothing(uri: str, scanned: Callable[..., str]) -> None:
    location = scanned(findings())

    report = push_scan_results(location, tracking_uri=uri, dry_run=True)

    assert set(actions(report)) == {"would create"}
    assert report.written == 6
    assert all(told(trace) == [] for trace in traces(uri).values())
    assert "6 assessments would be written" in report.summary()


def test_a_scanner_that_asks_a_model_is_a_judge(uri: str, scanned: Callable[..., str]) -> None:
    push_scan_results(scanned(judge(), model=said("yes", "no")), tracking_uri=uri)

    found = [each for trace in traces(uri).values() for each in scout_assessments(trace)]
    assert {each.value for each in found} == {True, False}
    assert {each.rationale for each in found} == {"Answer: yes", "Answer: no"}
    assert {each.source.source_type for each in found} == {"LLM_JUDGE"}
    assert {each.source.source_id for each in found} == {"mockllm/model"}


def test_a_scanner_of_messages_speaks_of_their_spans(uri: str, scanned: Callable[..., str]) -> None:
    push_scan_results(scanned(answers()), tracking_uri=uri)

    trace = traces(uri)["open"]
    found = scout_assessments(trace)
    assert [(each.name, each.value) for each in found] == [
        ("scout/answers", 0),
        ("scout/answers", 1),
    ]
    reasons = [span_of(trace, each).attributes["inspect.stop_reason"] for each in found]
    assert reasons == ["stop", "tool_calls"]


def test_errors_and_refusals_are_feedback_without_a_value(
    uri: str, scanned: Callable[..., str]
) -> None:
    location = scanned(
        whole(0, "broken", ValueError("no way")), whole(0, "refused", RefusalError("I cannot"))
    )

    with pytest.raises(ScanIncompleteError) as refused:
        push_scan_results(location, tracking_uri=uri)
    report = push_scan_results(location, tracking_uri=uri, force=True)

    assert "\n" not in str(refused.value)
    assert "4 scans failed" in str(refused.value)
    assert (report.complete_scan, report.failed_scans) == (False, 4)
    broken, refusal = scout_assessments(traces(uri)["open"])
    assert (broken.error.error_code, broken.value) == ("SCAN_ERROR", None)
    assert "no way" in broken.error.error_message
    assert refusal.error.error_code == "REFUSAL"


def test_missing_transcripts_are_counted(uri: str, scanned: Callable[..., str]) -> None:
    calls: list[str] = []

    @scanner(messages="all", name="once")
    def once() -> Scanner[Transcript]:
        async def execute(transcript: Transcript) -> Result:
            calls.append(transcript.transcript_id)
            if len(calls) > 1:
                raise ValueError("no more")
            return Result(value=True)

        return execute

    location = scanned(once(), fail_on_error=True)

    with pytest.raises(ScanIncompleteError, match="1 transcripts missing"):
        push_scan_results(location, tracking_uri=uri)
    report = push_scan_results(location, tracking_uri=uri, force=True)

    assert report.missing_transcripts == 1
    assert len(report.results) == 1


def test_a_target_of_a_validation_set_is_an_expectation(
    uri: str, scanned: Callable[..., str], evaluated: Evaluated
) -> None:
    cases = ValidationSet(cases=[ValidationCase(id=evaluated.uuids["open"], target=False)])

    push_scan_results(scanned(whole(True), validation={"whole": cases}), tracking_uri=uri)

    found = traces(uri)
    assert told(found["closed"]) == [("scout/whole", True)]
    assert told(found["open"]) == [("scout/whole", False), ("scout/whole", True)]
    expectation, feedback = scout_assessments(found["open"])
    assert expectation.expectation is not None
    assert feedback.metadata["scout.validation_result"] == "false"


def test_odd_values_leave_traces_searchable(uri: str, scanned: Callable[..., str]) -> None:
    location = scanned(
        whole({"a": [1, None]}, "object"), whole(float("inf"), "endless"), whole(0, "zero")
    )

    push_scan_results(location, tracking_uri=uri)

    endless, found, zero = scout_assessments(traces(uri)["open"])
    assert found.value == {"a": [1, None]}
    assert (endless.value, endless.error.error_code) == (None, "NOT_FINITE")
    assert zero.value == 0


def test_feedback_can_be_searched_for(uri: str, scanned: Callable[..., str]) -> None:
    from mlflow import MlflowClient

    push_scan_results(scanned(judge(), model=said("yes", "no")), tracking_uri=uri)

    found = MlflowClient(uri).search_traces(
        locations=["1"], filter_string="feedback.`scout/judge` = 'true'"
    )
    assert len(found) == 1


def test_only_the_scanners_that_were_asked_for(uri: str, scanned: Callable[..., str]) -> None:
    location = scanned(whole(1, "one"), whole(2, "two"))

    push_scan_results(location, tracking_uri=uri, scanners=["two"])

    assert told(traces(uri)["open"]) == [("scout/two", 2)]


def test_transcripts_without_a_trace_are_told(
    store_uri: str, scanned: Callable[..., str], evaluated: Evaluated
) -> None:
    report = push_scan_results(scanned(whole(True)), tracking_uri=store_uri)

    assert not report.complete
    assert set(actions(report)) == {"unmatched"}
    assert {each.transcript_id for each in report.unmatched} == set(evaluated.uuids.values())
    assert report.experiments == ("Default",)
    assert "no trace has this transcript" in report.summary()


def test_samples_in_the_trace_of_their_evaluation(
    store_uri: str, evaluated: Evaluated, scanned: Callable[..., str]
) -> None:
    os.environ["INSPECT_MLFLOW_TRACE_SCOPE"] = "run"
    assert sync_traces(evaluated.logs, tracking_uri=store_uri).complete

    location = scanned(findings(), whole(True))
    first = push_scan_results(location, tracking_uri=store_uri)
    again = push_scan_results(location, tracking_uri=store_uri)

    assert first.complete
    assert set(actions(again)) == {"unchanged"}
    trace = traces(store_uri)["run"]
    wholes = [each for each in scout_assessments(trace) if each.name == "scout/whole"]
    own = {span_of(trace, each).attributes["inspect.sample_id"] for each in wholes}
    assert own == {"open", "closed"}
    calls = [each for each in scout_assessments(trace) if each.name == "scout/findings/call"]
    assert len({each.span_id for each in calls}) == 2
    assert {span_of(trace, each).name for each in calls} == {"add"}


def test_the_same_log_in_two_experiments(
    uri: str, evaluated: Evaluated, scanned: Callable[..., str]
) -> None:
    sync_traces(evaluated.logs, tracking_uri=uri, experiment_name="second")
    location = scanned(whole(True))

    push_scan_results(location, tracking_uri=uri, experiment_name="second")

    assert told(traces(uri, "second")["open"]) == [("scout/whole", True)]
    assert told(traces(uri)["open"]) == []


def test_traces_of_another_experiment_are_found(
    store_uri: str, evaluated: Evaluated, scanned: Callable[..., str]
) -> None:
    sync_traces(evaluated.logs, tracking_uri=store_uri, experiment_name="elsewhere")

    report = push_scan_results(scanned(whole(True)), tracking_uri=store_uri)

    assert report.complete
    assert "elsewhere" in report.experiments
    assert told(traces(store_uri, "elsewhere")["open"]) == [("scout/whole", True)]


def test_through_a_server(
    shared_server: str, evaluated: Evaluated, scanned: Callable[..., str]
) -> None:
    sync_traces(evaluated.logs, tracking_uri=shared_server)
    location = scanned(findings(), whole(True))

    first = push_scan_results(location, tracking_uri=shared_server)
    again = push_scan_results(location, tracking_uri=shared_server)

    assert set(actions(first)) == {"created"}
    assert set(actions(again)) == {"unchanged"}
    trace = traces(shared_server)["open"]
    assert told(trace) == [
        ("scout/findings/answer", True),
        ("scout/findings/call", 0.5),
        ("scout/findings/call/2", "x"),
        ("scout/whole", True),
    ]
    assert span_of(trace, scout_assessments(trace)[1]).name == "add"


def test_transcripts_that_came_from_mlflow(
    uri: str, scanned: Callable[..., str], tmp_path: Path
) -> None:
    add_foreign_trace(uri)
    imported = tmp_path / "transcripts"
    anyio.run(import_all, str(imported), uri)

    location = scanned(ends(), transcripts=transcripts_from(str(imported)))
    report = push_scan_results(location, tracking_uri=uri)

    assert report.complete
    found = traces(uri)
    for name in ("open", "closed", "run"):
        (assessment,) = scout_assessments(found[name])
        assert assessment.value == len(found[name].search_spans(span_type="CHAT_MODEL"))
        assert span_of(found[name], assessment).span_type == "CHAT_MODEL"


def ends() -> Scanner[Transcript]:
    """A scanner that speaks of the last message, and of the first call of a model."""

    @scanner(messages="all", events=["model"], name="ends")
    def ends() -> Scanner[Transcript]:
        async def execute(transcript: Transcript) -> Result:
            last = reference("message", transcript.messages[-1].id)
            first = reference("event", transcript.events[0].uuid)
            return Result(value=len(transcript.events), references=[last, first])

        return execute

    return ends()


def sees_the_secret(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    """Answers from nothing but what the scanner shows of the conversation."""
    shown = "the secret is 2" in str(messages)
    text = f"It says{'' if shown else ' not'} so. [M4]\n\nANSWER: {'yes' if shown else 'no'}"
    output = ModelOutput.from_content("mockllm/model", text)
    output.usage = USAGE
    return output


def test_scouts_llm_scanner_reads_imported_transcripts(
    uri: str, scanned: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anyio.run(import_all, str(tmp_path / "transcripts"), uri)
    model = get_model("mockllm/model", custom_outputs=sees_the_secret, memoize=False)

    async def count_tokens(_self: Any, input: Any, *_rest: Any) -> int:
        return len(str(input))  # The real tokenizer is downloaded.

    monkeypatch.setattr(type(model.api), "count_tokens", count_tokens)
    asks = llm_scanner(question="Does the assistant tell the secret?", answer="boolean", name="ask")
    location = scanned(
        asks, transcripts=transcripts_from(str(tmp_path / "transcripts")), model=model
    )

    report = push_scan_results(location, tracking_uri=uri)

    assert report.complete
    found = {name: scout_assessments(trace) for name, trace in traces(uri).items()}
    assert {name: [each.value for each in all_of] for name, all_of in found.items()} == {
        "open": [True],
        "closed": [False],
    }
    (told_so,) = found["open"]
    assert told_so.name == "scout/ask" and told_so.source.source_type == "LLM_JUDGE"
    assert "It says so." in told_so.rationale


async def import_all(directory: str, uri: str) -> None:
    async with transcripts_db(directory) as database:
        await database.insert(import_mlflow_traces(tracking_uri=uri))


def add_foreign_trace(uri: str) -> None:
    """A trace as MLflow's autologging of OpenAI leaves it, below a span of the user's own."""
    store = open_trace_store(uri)
    trace_id, start_ns = "f" * 32, 1_790_000_000 * 10**9
    end_ns = start_ns + 10**9
    call = SpanRecord(
        trace_id,
        "2" * 16,
        "1" * 16,
        "Completions",
        "CHAT_MODEL",
        start_ns,
        end_ns,
        attributes={
            "mlflow.message.format": "openai",
            "mlflow.spanInputs": {
                "model": "gpt",
                "messages": [{"role": "user", "content": "hello"}],
            },
            "mlflow.spanOutputs": {
                "model": "gpt",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": "hi"},
                    }
                ],
            },
        },
    )
    root = SpanRecord(trace_id, "1" * 16, None, "agent", "AGENT", start_ns, end_ns)
    trace = TraceRecord(
        trace_id, "1", "OK", start_ns // 10**6, 1000, "hello", "hi", spans=(root, call)
    )
    store.start_trace(trace)
    store.log_spans(trace)


def test_what_is_no_scan_is_told_in_one_line(tmp_path: Path, store_uri: str) -> None:
    with pytest.raises(ScanReadError, match="no scan") as caught:
        push_scan_results(tmp_path, tracking_uri=store_uri)

    assert "\n" not in str(caught.value)
