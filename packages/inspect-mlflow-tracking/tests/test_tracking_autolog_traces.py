"""Which traces autolog makes during evaluations, and in which experiment they lie."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.active_runs import ActiveRun, enter_active_run, leave_active_run
from inspect_mlflow_core.testing import clean_environment
from inspect_mlflow_tracking.autolog import ModelCallSuppression

needs_openai = pytest.mark.skipif(find_spec("openai") is None, reason="the SDK is not installed")
needs_contexts = pytest.mark.skipif(
    find_spec("mlflow.tracing.context") is None,
    reason="this MLflow has no destination and no context for the traces of one task",
)

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "2"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


class Provider(BaseHTTPRequestHandler):
    """Speaks OpenAI's chat completions; refuses requests that ask for it."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        refused = b"please refuse" in asked
        body = json.dumps({"error": {"message": "refused"}} if refused else ANSWER).encode()
        self.send_response(401 if refused else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def provider_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


# Tracing counts as on, so that only the calls of user code may be traced.
EVALUATIONS = """
    import json, os
    import anyio
    import mlflow
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.hooks import Hooks, SampleAttemptStart, hooks
    from inspect_ai.model import get_model
    from inspect_ai.scorer import match
    from inspect_ai.solver import solver
    from mlflow.tracking import fluent
    from openai import AsyncOpenAI
    from openai.resources.chat.completions import AsyncCompletions

    # Older versions of Inspect load no hooks of packages once a program has its own.
    import inspect_mlflow_tracking._registry
    from inspect_mlflow_core.active_runs import active_run
    from inspect_mlflow_tracking.autolog import route_to_evaluation

    URL = os.environ["PROVIDER_URL"]
    MODEL = "openai/gpt-4o-mini"
    # MLflow notes that it is on before it replaces the first method.
    UNTRACED = AsyncCompletions.create
    seen = []


    @hooks(name="routing", description="traces of a sample belong to its evaluation")
    class Routing(Hooks):
        async def on_sample_attempt_start(self, data: SampleAttemptStart) -> None:
            seen.append(data.eval_id)
            route_to_evaluation(data.eval_id)


    async def ask(text):
        client = AsyncOpenAI(base_url=URL, api_key="x")
        await client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": text}]
        )


    def is_off():
        return AsyncCompletions.create is UNTRACED


    @solver
    def asks():
        async def solve(state, generate):
            # Before its run is open, an evaluation has no experiment to lead traces to.
            while is_off() or active_run(seen[-1]) is None:
                await anyio.sleep(0.05)
            refusing = get_model(MODEL, base_url=URL, api_key="x")
            try:
                await refusing.generate("by inspect, please refuse")
            except Exception:
                await ask("by the solver after a refusal")
            state = await generate(state)
            await ask("by the solver")
            return state

        return solve


    def state():
        return [mlflow.get_tracking_uri(), fluent._active_experiment_id, mlflow.active_run(),
                {k: v for k, v in os.environ.items() if k.startswith("MLFLOW")}]


    if __name__ == "__main__":
        before = state()
        off = []
        for name in ("first", "second"):
            (log,) = eval(
                Task(name=name, dataset=[Sample(input="by inspect", target="2")],
                     solver=asks(), scorer=match()),
                model=get_model(MODEL, base_url=URL, api_key="x", memoize=False),
                log_dir="logs",
                display="none",
            )
            assert log.status == "success", log.error
            off.append(is_off())
        mlflow.flush_trace_async_logging()
        names = {found.experiment_id: found.name for found in mlflow.search_experiments()}
        traces = mlflow.search_traces(return_type="list", locations=list(names))
        print("RESULT", json.dumps({
            "unchanged": state() == before,
            "off": off,
            "traces": sorted(
                [names[trace.info.experiment_id],
                 json.loads(trace.data.request)["messages"][0]["content"]]
                for trace in traces
                # Those of the tracing package, should it be installed here.
                if "inspect.sample_uuid" not in trace.info.tags
            ),
        }))
"""


@needs_contexts
@needs_openai
def test_calls_of_user_code_lie_in_the_experiment_of_each_evaluation(
    store_uri: str, provider_url: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(EVALUATIONS))
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={
            **clean_environment(),
            "PROVIDER_URL": provider_url,
            "MLFLOW_TRACKING_URI": store_uri,
            "INSPECT_MLFLOW_TRACING_ENABLED": "true",
            "INSPECT_MLFLOW_EXPERIMENT_NAME": "sums",
            "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    result = json.loads(line.removeprefix("RESULT"))
    assert result["unchanged"]
    assert result["off"] == [True, True]
    of_one = [["sums", "by the solver"], ["sums", "by the solver after a refusal"]]
    assert result["traces"] == sorted(of_one * 2), done.stderr


def in_fresh_context(code: Any) -> Any:
    import contextvars

    return contextvars.Context().run(code)


@pytest.fixture
def routed() -> Iterator[str]:
    """An evaluation whose run lies in experiment 7."""
    pytest.importorskip("mlflow.tracing.provider")
    enter_active_run("routed", ActiveRun("run", "7", "sqlite://"))
    yield "routed"
    leave_active_run("routed")


def experiment_of_next_trace(eval_id: str) -> str | None:
    from mlflow.tracing.provider import _MLFLOW_TRACE_USER_DESTINATION

    from inspect_mlflow_tracking.autolog import route_to_evaluation

    route_to_evaluation(eval_id)
    found = _MLFLOW_TRACE_USER_DESTINATION.get()
    return getattr(found, "experiment_id", None)


@needs_contexts
def test_only_the_task_that_was_routed_is_touched(routed: str) -> None:
    from mlflow.tracing.provider import _MLFLOW_TRACE_USER_DESTINATION

    assert in_fresh_context(lambda: experiment_of_next_trace(routed)) == "7"
    assert in_fresh_context(_MLFLOW_TRACE_USER_DESTINATION.get) is None


@needs_contexts
def test_the_run_may_open_later() -> None:
    def code() -> tuple[str | None, str | None]:
        early = experiment_of_next_trace("late")
        enter_active_run("late", ActiveRun("run", "8", "sqlite://"))
        return early, experiment_of_next_trace("late")

    try:
        assert in_fresh_context(code) == (None, "8")
    finally:
        leave_active_run("late")


@needs_contexts
def test_the_users_own_experiment_and_collector_win(
    routed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.entities.trace_location import MlflowExperimentLocation
    from mlflow.tracing.provider import _MLFLOW_TRACE_USER_DESTINATION
    from mlflow.tracking import fluent

    def after_own_destination() -> str | None:
        _MLFLOW_TRACE_USER_DESTINATION.set(MlflowExperimentLocation("9"), context_local=True)
        return experiment_of_next_trace(routed)

    assert in_fresh_context(after_own_destination) == "9"
    with monkeypatch.context() as patched:
        patched.setattr(fluent, "_active_experiment_id", "3")
        assert in_fresh_context(lambda: experiment_of_next_trace(routed)) is None
    with monkeypatch.context() as patched:
        patched.setenv("MLFLOW_EXPERIMENT_ID", "3")
        assert in_fresh_context(lambda: experiment_of_next_trace(routed)) is None
    with monkeypatch.context() as patched:
        patched.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9")
        assert in_fresh_context(lambda: experiment_of_next_trace(routed)) is None
    assert in_fresh_context(lambda: experiment_of_next_trace(routed)) == "7"


@needs_contexts
def test_suppression_holds_during_a_model_call_and_keeps_tags() -> None:
    import mlflow
    from inspect_ai.event import ModelEvent
    from inspect_ai.log._samples import track_active_model_event
    from inspect_ai.model import GenerateConfig, ModelOutput
    from mlflow.tracing.context import _USER_TRACE_CONTEXT

    event = ModelEvent(
        model="mockllm/model",
        input=[],
        tools=[],
        tool_choice="auto",
        config=GenerateConfig(),
        output=ModelOutput(),
    )
    suppression = ModelCallSuppression()

    def is_recorded() -> bool:
        span = mlflow.start_span_no_context("call")
        span.end()
        return span.trace_id != "MLFLOW_NO_OP_SPAN_TRACE_ID"

    def code() -> None:
        with mlflow.tracing.context(tags={"own": "tag"}):
            outside = _USER_TRACE_CONTEXT.get()
            suppression.before_generate()
            with track_active_model_event(event):
                assert not is_recorded()
                # A context that user code opens before the next call does not end it.
                with mlflow.tracing.context(tags={"more": "tags"}):
                    suppression.before_generate()
                    assert not is_recorded()
            suppressed = _USER_TRACE_CONTEXT.get()
            assert suppressed is not None
            assert (suppressed.tags, suppressed.enabled) == ({"own": "tag"}, None)
            suppression.after_generate()
            suppression.after_generate()
            assert _USER_TRACE_CONTEXT.get() is outside

    in_fresh_context(code)
