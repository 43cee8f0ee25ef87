"""Traces that are written together, and what becomes of them when one of them is in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import open_trace_store
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import FaultyStore, copy_store, faulty_proxy, trace_contents
from inspect_mlflow_tracing._destination import TraceDestination
from inspect_mlflow_tracing.mapping import TracedTask
from inspect_mlflow_tracing.traces import (
    LogTraces,
    SampleOutcome,
    TraceJob,
    _batches,
    _deliver,
    deliver_samples,
    write_log_traces,
)

MODEL = "mockllm/model"
SAMPLES = 60  # Of which some forty fit into a request.
Contents = dict[str, dict[str, Any]]
Fail = Callable[[str, tuple[Any, ...]], None]


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    output = ModelOutput.from_content(MODEL, "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


def evaluate(directory: Path, inputs: list[str]) -> str:
    samples = [Sample(id=number, input=text, target="2") for number, text in enumerate(inputs)]
    (log,) = eval(
        Task(name="sums", dataset=samples, scorer=includes()),
        model=get_model(MODEL, custom_outputs=answer, memoize=False),
        log_dir=str(directory),
        display="none",
    )
    return log.location


@pytest.fixture(scope="module")
def log_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return evaluate(tmp_path_factory.mktemp("logs"), [f"{n}+1?" for n in range(SAMPLES)])


@pytest.fixture
def new_store(tmp_path: Path, store_template: Path) -> Callable[[], str]:
    numbers = iter(range(1000))

    def make() -> str:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        return copy_store(store_template, directory)

    return make


@pytest.fixture
def one_by_one(
    log_path: str, new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> Contents:
    """What a store holds when no traces share a request."""
    uri = new_store()
    with monkeypatch.context() as patch:
        patch.setattr(_batches, "BATCH_SPANS", 0)
        assert write(open_trace_store(uri), log_path).written == SAMPLES
    return trace_contents(uri)


def task_of(reader: EvalLogReader, uri: str) -> TracedTask:
    settings = MLflowSettings(tracking_uri=uri)
    return TraceDestination(uri).task(reader.header, settings, reader.location)


def write(store: Any, log_path: str) -> LogTraces:
    with EvalLogReader.open(log_path) as reader:
        return write_log_traces(store, reader, task_of(reader, store.tracking_uri), shown=False)


def deliver(
    log_path: str, uri: str, monkeypatch: pytest.MonkeyPatch, fail: Fail
) -> tuple[list[SampleOutcome], FaultyStore]:
    """Deliver a log as while its evaluation runs."""
    store = FaultyStore(open_trace_store(uri), fail)
    monkeypatch.setattr(_deliver, "opened_trace_store", lambda _uri: store)
    with EvalLogReader.open(log_path) as reader:
        job = TraceJob(uri, log_path, task_of(reader, uri))
    return deliver_samples(job), store


def refuse(sample_id: int, error: DeliveryError, method: str = "log_spans") -> Fail:
    """A server that does not take one sample, nor anything that comes with it."""

    def fail(name: str, arguments: tuple[Any, ...]) -> None:
        if name == method and any(
            each.tags["inspect.sample_id"] == str(sample_id) for each in arguments
        ):
            raise error

    return fail


def break_after(calls: int) -> Fail:
    """A connection that lets some calls through."""
    made = iter(range(calls))

    def fail(name: str, arguments: tuple[Any, ...]) -> None:
        if next(made, None) is None:
            raise RetryableError("the connection broke", cause="connection")

    return fail


def nothing_fails(name: str, arguments: tuple[Any, ...]) -> None:
    """No call fails."""


def test_traces_share_requests_and_are_the_same(
    log_path: str, new_store: Callable[[], str], one_by_one: Contents
) -> None:
    store = FaultyStore(open_trace_store(new_store()), nothing_fails)
    assert write(store, log_path).written == SAMPLES
    assert trace_contents(store.tracking_uri) == one_by_one
    together = [count for name, count in store.calls if name == "log_spans"]
    assert sum(together) == SAMPLES
    assert len(together) <= SAMPLES / 10
    assert [name for name, _ in store.calls].count("start_trace") == SAMPLES
    assert write(store, log_path).unchanged == SAMPLES


def test_over_http_too(log_path: str, server: str, one_by_one: Contents) -> None:
    with faulty_proxy(server) as (uri, state):
        assert write(open_trace_store(uri), log_path).written == SAMPLES
    paths = [path.partition("?")[0] for path in state.paths]
    assert paths.count("/v1/traces") <= SAMPLES / 10
    # MLflow before 3.12 is told the totals once more.
    assert paths.count("/api/3.0/mlflow/traces") in (SAMPLES, 2 * SAMPLES)
    assert trace_contents(server) == one_by_one


def test_delivery_while_the_evaluation_runs_shares_them_too(
    log_path: str,
    new_store: Callable[[], str],
    one_by_one: Contents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uri = new_store()
    outcomes, store = deliver(log_path, uri, monkeypatch, nothing_fails)
    assert len(outcomes) == SAMPLES
    assert all(outcome.delivered for outcome in outcomes)
    assert {outcome.key for outcome in outcomes} == {(number, 1) for number in range(SAMPLES)}
    assert [name for name, _ in store.calls].count("log_spans") <= SAMPLES / 10
    assert trace_contents(uri) == one_by_one


def test_large_traces_have_requests_of_their_own(
    tmp_path: Path, new_store: Callable[[], str]
) -> None:
    large = "x" * (_batches.BATCH_CHARACTERS // 2)
    log_path = evaluate(tmp_path / "logs", ["a", large, large, "b", "c"])
    store = FaultyStore(open_trace_store(new_store()), nothing_fails)
    assert write(store, log_path).written == 5
    assert [count for name, count in store.calls if name == "log_spans"] == [1, 1, 1, 2]


def test_one_whose_spans_are_refused_does_not_keep_those_beside_it(
    log_path: str, new_store: Callable[[], str], one_by_one: Contents
) -> None:
    uri = new_store()
    failing = refuse(7, RejectedError("not these", cause="http_400"))
    store = FaultyStore(open_trace_store(uri), failing)
    result = write(store, log_path)
    assert result.written == SAMPLES - 1
    (problem,) = result.problems
    assert problem == "trace of sample 7 epoch 1: not these"
    others = {
        key: trace for key, trace in one_by_one.items() if trace["tags"]["inspect.sample_id"] != "7"
    }
    assert trace_contents(uri).items() >= others.items()
    assert write(open_trace_store(uri), log_path).written == 1
    assert trace_contents(uri) == one_by_one


def test_while_the_evaluation_runs_neither(
    log_path: str, new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = refuse(7, RejectedError("not these", cause="http_400"))
    outcomes, _ = deliver(log_path, new_store(), monkeypatch, failing)
    assert len(outcomes) == SAMPLES
    (refused,) = [outcome for outcome in outcomes if not outcome.delivered]
    assert refused.key == (7, 1)
    assert (str(refused.error), refused.retryable) == ("not these", False)


@pytest.mark.parametrize("method", ["start_trace", "log_spans"])
def test_a_server_that_cannot_take_them_now_gets_them_later(
    log_path: str,
    new_store: Callable[[], str],
    one_by_one: Contents,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    uri = new_store()
    busy = RetryableError("busy", cause="http_503", retry_after_seconds=3)
    outcomes, _ = deliver(log_path, uri, monkeypatch, refuse(50, busy, method))
    delivered = {outcome.key for outcome in outcomes if outcome.delivered}
    assert 0 < len(delivered) < SAMPLES and (50, 1) not in delivered
    (late,) = [outcome for outcome in outcomes if outcome.key == (50, 1)]
    assert isinstance(late.error, RetryableError) and late.error.retry_after_seconds == 3
    assert len({outcome.key for outcome in outcomes}) == len(outcomes)
    with pytest.raises(RetryableError, match="busy"):
        write(FaultyStore(open_trace_store(uri), refuse(50, busy, method)), log_path)
    assert write(open_trace_store(uri), log_path).written > 0
    assert trace_contents(uri) == one_by_one


def test_a_server_without_traces_is_asked_no_further(
    log_path: str, new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unsupported = RejectedError("no traces here", cause="traces_unsupported")
    outcomes, store = deliver(log_path, new_store(), monkeypatch, refuse(0, unsupported))
    assert {outcome.error and outcome.error.cause for outcome in outcomes} == {"traces_unsupported"}
    assert [name for name, _ in store.calls].count("log_spans") == 1
    with pytest.raises(RejectedError, match="no traces here"):
        write(store, log_path)


def test_broken_off_after_any_request_it_goes_on_from_there(
    tmp_path: Path, new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_path = evaluate(tmp_path / "logs", [f"{n}+1?" for n in range(5)])
    monkeypatch.setattr(_batches, "BATCH_SPANS", 20)
    whole = new_store()
    assert write(open_trace_store(whole), log_path).written == 5
    expected = trace_contents(whole)
    for allowed in range(100):
        uri = new_store()
        try:
            write(FaultyStore(open_trace_store(uri), break_after(allowed)), log_path)
        except RetryableError:
            write(open_trace_store(uri), log_path)
            assert trace_contents(uri) == expected
        else:
            assert allowed == 9  # A search, five traces, and their spans, by twos.
            return
    raise AssertionError("it never came to its end")


def test_traces_without_their_spans_are_in_progress(
    log_path: str, new_store: Callable[[], str]
) -> None:
    uri = new_store()
    store = open_trace_store(uri)
    busy = RetryableError("busy", cause="http_503")
    with pytest.raises(RetryableError):
        write(FaultyStore(store, refuse(0, busy)), log_path)
    with EvalLogReader.open(log_path) as reader:
        experiment_id = task_of(reader, uri).experiment_id
    states = [trace.state for trace in store.search_traces(experiment_id, "")]
    assert 10 < len(states) < SAMPLES
    assert set(states) == {"IN_PROGRESS"}
