"""What autolog leaves as it was: the user's own choices, and MLflow's global state."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

from inspect_mlflow_core import reporting
from inspect_mlflow_core.testing import clean_environment
from inspect_mlflow_tracking.autolog import AutologSession, enable_autolog

needs_openai = pytest.mark.skipif(find_spec("openai") is None, reason="the SDK is not installed")


@pytest.fixture(autouse=True)
def fresh_reports() -> None:
    reporting.reset()


@pytest.fixture
def notes(store_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, Any]]]:
    """What MLflow noted of each call of `autolog`, in a process that tracks to a store."""
    pytest.importorskip("openai")
    import mlflow
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    assert mlflow.openai is not None  # its import makes the note
    AUTOLOGGING_INTEGRATIONS["openai"] = {}
    yield AUTOLOGGING_INTEGRATIONS
    mlflow.openai.autolog(disable=True, silent=True)
    AUTOLOGGING_INTEGRATIONS["openai"] = {}


def started(store_uri: str) -> AutologSession:
    session = AutologSession(["openai"], tracking_uri=store_uri)
    session.start()
    return session


@needs_openai
def test_afterwards_it_is_as_if_it_had_never_been_on(
    notes: dict[str, dict[str, Any]], store_uri: str
) -> None:
    session = started(store_uri)
    assert notes["openai"]["disable"] is False
    session.stop()
    assert notes["openai"] == {}


@needs_openai
@pytest.mark.parametrize(
    "own", [{"log_traces": False}, {"exclusive": True}, {"disable": True}], ids=str
)
def test_what_the_user_has_decided_before_holds_throughout(
    own: dict[str, bool], notes: dict[str, dict[str, Any]], store_uri: str
) -> None:
    import mlflow

    mlflow.openai.autolog(silent=True, **own)
    noted = dict(notes["openai"])
    session = started(store_uri)
    assert notes["openai"] == noted
    session.stop()
    assert notes["openai"] == noted


@needs_openai
def test_what_the_user_decides_meanwhile_outlives_the_session(
    notes: dict[str, dict[str, Any]], store_uri: str
) -> None:
    import mlflow

    session = started(store_uri)
    mlflow.openai.autolog(silent=True, exclusive=True)
    session.stop()
    assert (notes["openai"]["disable"], notes["openai"]["exclusive"]) == (False, True)


@needs_openai
def test_autolog_for_everything_holds_throughout(store_uri: str) -> None:
    code = """
import mlflow
mlflow.autolog(exclusive=True, silent=True)
import openai
from inspect_mlflow_tracking.autolog import AutologSession
from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS as notes
session = AutologSession(["openai"], tracking_uri=mlflow.get_tracking_uri())
session.start()
print(notes["openai"]["exclusive"])
session.stop()
print(notes["openai"]["exclusive"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**clean_environment(), "MLFLOW_TRACKING_URI": store_uri},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.split() == ["True", "True"], done.stderr


@needs_openai
def test_global_state_of_mlflow_stays(notes: dict[str, dict[str, Any]], store_uri: str) -> None:
    import mlflow
    from mlflow.tracking import fluent

    def state() -> tuple[Any, ...]:
        run = mlflow.active_run()
        return (
            mlflow.get_tracking_uri(),
            fluent._active_experiment_id,
            run.info.run_id if run is not None else None,
            dict(os.environ),
        )

    before = state()
    session = started(store_uri)
    session.route("an-evaluation")
    assert state() == before
    session.stop()
    assert state() == before


@needs_openai
def test_a_server_that_does_not_answer_keeps_it_off(
    notes: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    uri = "http://me:pa55@127.0.0.1:9"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    session = started(uri)
    assert notes["openai"] == {}
    session.stop()
    said = capsys.readouterr().err
    assert "autolog is off" in said and "pa55" not in said


def test_a_broken_installation_does_not_stop_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    called: list[str] = []

    def broken_anthropic(name: str) -> object:
        if name == "anthropic":
            raise RuntimeError("half installed")
        return object()

    def import_module(name: str) -> Any:
        return SimpleNamespace(autolog=lambda: called.append(name))

    models = ["anthropic", "groq"]
    assert enable_autolog(models, find_spec=broken_anthropic, import_module=import_module)
    assert called == ["mlflow.groq"]
    assert "anthropic failed (RuntimeError)" in capsys.readouterr().err


def test_openais_own_tracing_of_agents_is_not_cleared() -> None:
    given: dict[str, bool] = {}

    def autolog(
        disable: bool = False, silent: bool = False, disable_openai_agent_tracer: bool = True
    ) -> None:
        given.update(silent=silent, clears=disable_openai_agent_tracer, disable=disable)

    assert enable_autolog(
        ["openai"],
        find_spec=lambda name: object(),
        import_module=lambda name: SimpleNamespace(autolog=autolog),
    )
    assert given == {"silent": True, "clears": False, "disable": False}
