"""MLflow's autolog during an evaluation: on where it can be, back afterwards, never twice."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inspect_mlflow_core import reporting
from inspect_mlflow_core.testing import clean_environment, copy_store
from inspect_mlflow_tracking.autolog import (
    SUPPORTED_PROVIDERS,
    AutologSession,
    ModelCallSuppression,
    enable_autolog,
)

SDK = {
    "openai": "openai",
    "anthropic": "anthropic",
    "langchain": "langchain_core",
    "litellm": "litellm",
    "mistral": "mistralai",
    "groq": "groq",
    "cohere": "cohere",
    "gemini": "google.genai",
    "bedrock": "boto3",
}

needs_openai = pytest.mark.skipif(find_spec("openai") is None, reason="the SDK is not installed")


@pytest.fixture(autouse=True)
def fresh_reports() -> None:
    reporting.reset()


class Modules:
    """A machine on which certain modules are installed."""

    def __init__(self, *installed: str, failing: tuple[str, ...] = ()) -> None:
        self.installed, self.failing = set(installed), failing
        self.called: list[str] = []

    def find_spec(self, name: str) -> object | None:
        parent = name.partition(".")[0]
        if parent == "google" and name not in self.installed:
            raise ModuleNotFoundError(name="google")
        return object() if name in self.installed else None

    def import_module(self, name: str) -> Any:
        def autolog() -> None:
            if name in self.failing:
                raise RuntimeError("does not fit")
            self.called.append(name)

        return SimpleNamespace(autolog=autolog)

    def enable(self, *models: str) -> bool:
        return enable_autolog(
            list(models), find_spec=self.find_spec, import_module=self.import_module
        )


def test_documented_signature() -> None:
    parameters = inspect.signature(enable_autolog).parameters
    assert list(parameters) == ["models", "find_spec", "import_module"]
    assert [parameters[name].kind.name for name in parameters] == [
        "POSITIONAL_OR_KEYWORD",
        "KEYWORD_ONLY",
        "KEYWORD_ONLY",
    ]
    assert set(SUPPORTED_PROVIDERS) == set(SDK)


@pytest.mark.parametrize("provider", sorted(SDK))
def test_each_provider_needs_flavour_and_sdk(provider: str) -> None:
    flavour = f"mlflow.{provider}"
    complete = Modules(flavour, SDK[provider])
    assert complete.enable(provider)
    assert complete.called == [flavour]
    for partial in (Modules(flavour), Modules(SDK[provider]), Modules()):
        assert not partial.enable(provider)
        assert partial.called == []


def test_a_failing_provider_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    installed = ("mlflow.openai", "openai", "mlflow.groq", "groq")
    modules = Modules(*installed, failing=("mlflow.openai",))
    assert modules.enable("openai", "groq", "openai", "nonsense")
    assert modules.called == ["mlflow.groq"]
    said = capsys.readouterr().err
    assert said.count("openai failed") == 1 and "nonsense" in said


@pytest.fixture
def own_uri(tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import mlflow

    uri = copy_store(store_template, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert mlflow.get_tracking_uri() == uri
    yield uri


@pytest.fixture
def imported_openai() -> None:
    pytest.importorskip("openai")


def openai_is_on() -> bool:
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    configuration = AUTOLOGGING_INTEGRATIONS.get("openai") or {"disable": True}
    return not configuration["disable"]


@needs_openai
def test_switched_on_and_back(own_uri: str) -> None:
    import openai

    before = openai.resources.chat.completions.Completions.create
    for _ in range(2):
        session = AutologSession(["openai"], tracking_uri=own_uri)
        session.start()
        assert openai_is_on()
        session.stop()
        assert not openai_is_on()
    assert openai.resources.chat.completions.Completions.create is before


@needs_openai
def test_overlapping_sessions_leave_it_on_until_the_last_ends(
    own_uri: str, imported_openai: None
) -> None:
    first = AutologSession(["openai"], tracking_uri=own_uri)
    second = AutologSession(["openai"], tracking_uri=own_uri)
    first.start()
    second.start()
    first.stop()
    assert openai_is_on()
    second.stop()
    assert not openai_is_on()


@needs_openai
def test_what_the_user_switched_on_stays_as_it_is(own_uri: str, imported_openai: None) -> None:
    import mlflow
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS, get_autologging_config

    mlflow.openai.autolog(log_traces=False, silent=True)
    try:
        session = AutologSession(["openai"], tracking_uri=own_uri)
        session.start()
        assert get_autologging_config("openai", "log_traces") is False
        session.stop()
        assert openai_is_on()
        assert get_autologging_config("openai", "log_traces") is False
    finally:
        mlflow.openai.autolog(disable=True)
        AUTOLOGGING_INTEGRATIONS["openai"] = {}


@needs_openai
def test_another_tracking_uri_keeps_it_off(
    own_uri: str, imported_openai: None, capsys: pytest.CaptureFixture[str]
) -> None:
    session = AutologSession(["openai"], tracking_uri="http://me:pa55@127.0.0.1:9")
    session.start()
    assert not openai_is_on()
    session.stop()
    said = capsys.readouterr().err
    assert "MLFLOW_TRACKING_URI" in said and "pa55" not in said


def test_an_sdk_that_nobody_imports_costs_nothing() -> None:
    code = """
import sys, os
from inspect_mlflow_tracking.autolog import AutologSession, ModelCallSuppression
os.environ["MLFLOW_TRACKING_URI"] = uri = "http://127.0.0.1:9"
session = AutologSession(["openai", "mistral"], tracking_uri=uri)
session.start(); session.stop()
suppression = ModelCallSuppression()
suppression.before_generate(); suppression.after_generate()
print("mlflow" in sys.modules, "openai" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False False", done.stderr


@needs_openai
def test_an_sdk_that_is_imported_later_is_found(own_uri: str) -> None:
    code = """
import threading, time
from inspect_mlflow_tracking.autolog import AutologSession
session = AutologSession(["openai"], tracking_uri=URI)
thread = threading.Thread(target=session.follow)
thread.start()
time.sleep(0.5)
import openai
from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS as integrations
deadline = time.monotonic() + 60
while not integrations.get("openai") and time.monotonic() < deadline:
    time.sleep(0.05)
print(integrations.get("openai", {}).get("disable"))
session.stop()
thread.join()
print(integrations.get("openai", {}).get("disable"))
"""
    done = subprocess.run(
        [sys.executable, "-c", f"URI = {own_uri!r}\n{code}"],
        env={**clean_environment(), "MLFLOW_TRACKING_URI": own_uri},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == ["False", "None"], done.stderr


@pytest.mark.skipif(
    find_spec("mlflow.tracing.context") is None, reason="this MLflow cannot suppress single traces"
)
def test_suppression_covers_one_task_only(own_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow
    from mlflow.tracing.context import _USER_TRACE_CONTEXT

    # An Inspect that does not say whether a model call is going on.
    monkeypatch.delitem(sys.modules, "inspect_ai.log._samples", raising=False)
    suppression = ModelCallSuppression()
    with mlflow.tracing.context(tags={"own": "tag"}):
        outside = _USER_TRACE_CONTEXT.get()
        suppression.before_generate()
        suppression.before_generate()
        within = _USER_TRACE_CONTEXT.get()
        assert within is not None and within.enabled is False and within.tags == {"own": "tag"}
        suppression.after_generate()
        assert _USER_TRACE_CONTEXT.get() == outside
        suppression.after_generate()
        assert _USER_TRACE_CONTEXT.get() == outside


@pytest.fixture
def provider_url() -> Iterator[str]:
    """A server on loopback that speaks OpenAI's chat completions."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = {
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
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


EVALUATION = """
    import os, sys, threading, time
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import get_model
    from inspect_ai.scorer import match
    from inspect_ai.solver import solver
    from openai import AsyncOpenAI
    from openai.resources.chat.completions import AsyncCompletions

    URL = os.environ["PROVIDER_URL"]
    # MLflow notes that it is on before it replaces the first method.
    UNTRACED = AsyncCompletions.create


    @solver
    def asks_twice():
        async def solve(state, generate):
            import anyio

            while AsyncCompletions.create is UNTRACED:
                await anyio.sleep(0.05)
            state = await generate(state)
            client = AsyncOpenAI(base_url=URL, api_key="x")
            await client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "by the solver"}]
            )
            return state

        return solve


    if __name__ == "__main__":
        samples = [Sample(id=i, input="by inspect", target="2") for i in (1, 2)]
        (log,) = eval(
            Task(name="sums", dataset=samples, solver=asks_twice(), scorer=match()),
            model=get_model("openai/gpt-4o-mini", base_url=URL, api_key="x", memoize=False),
            log_dir="logs",
            display="none",
        )
        assert log.status == "success", log.error
        import mlflow

        mlflow.flush_trace_async_logging()
        client = mlflow.MlflowClient()
        ids = [found.experiment_id for found in client.search_experiments()]
        for trace in client.search_traces(experiment_ids=ids):
            print("TRACE", trace.data.request)
"""


@needs_openai
def test_inspects_own_calls_are_traced_when_nothing_else_holds_them(
    own_uri: str, provider_url: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(EVALUATION))
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={
            **clean_environment(),
            "PROVIDER_URL": provider_url,
            "MLFLOW_TRACKING_URI": own_uri,
            "INSPECT_MLFLOW_TRACING_ENABLED": "false",
            "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    traces = [line for line in done.stdout.splitlines() if line.startswith("TRACE")]
    assert len([line for line in traces if "by the solver" in line]) == 2, done.stdout
    assert len([line for line in traces if "by inspect" in line]) == 2
