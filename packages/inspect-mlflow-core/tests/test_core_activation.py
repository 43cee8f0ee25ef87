from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from unittest import mock

import pytest

from inspect_mlflow_core._activation import Activation
from inspect_mlflow_core._variables import ALL_VARIABLES, FIELD_VARIABLES

URI = "INSPECT_MLFLOW_TRACKING_URI"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ALL_VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def recorded() -> tuple[Activation, list[str]]:
    warnings: list[str] = []
    return Activation(warnings.append), warnings


def test_off_without_a_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    activation, warnings = recorded()
    assert not activation.is_active()
    monkeypatch.setenv(URI, "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "  ")
    assert not activation.is_active()
    assert activation.current_settings() is None
    assert warnings == []


@pytest.mark.parametrize("variable", [URI, "MLFLOW_TRACKING_URI"])
def test_on_with_one(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    activation, warnings = recorded()
    monkeypatch.setenv(variable, "http://host:5000")
    assert activation.is_active()
    settings = activation.current_settings()
    assert settings is not None
    assert settings.tracking_uri == "http://host:5000"
    assert warnings == []


def test_the_environment_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    activation, _ = recorded()
    answers = []
    monkeypatch.setenv(URI, "http://host:5000")
    answers.append(activation.is_active())
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "off")
    answers.append(activation.is_active())
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "on")
    answers.append(activation.is_active())
    monkeypatch.delenv(URI)
    answers.append(activation.is_active())
    assert answers == [True, False, True, False]
    monkeypatch.setenv(URI, "http://host:5000")
    for name in ("one", "two"):
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
        settings = activation.current_settings()
        assert settings is not None
        assert settings.experiment_name == name


@pytest.mark.parametrize(
    ("field", "variable"),
    [(field, variable) for field, names in FIELD_VARIABLES.items() for variable in names],
)
def test_every_variable_is_watched(
    monkeypatch: pytest.MonkeyPatch, field: str, variable: str
) -> None:
    other = {"autolog_models": "groq", "trace_scope": "run", "trace_content": "none"}
    activation, _ = recorded()
    # The last name of the variable, so that whichever is tried goes before it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    before = activation.current_settings()
    assert before is not None
    assert activation.current_settings() is before
    monkeypatch.setenv(variable, other.get(field, "1"))
    after = activation.current_settings()
    assert after is not None
    assert after.sources()[field] == variable


def test_settings_are_built_once_for_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    activation, _ = recorded()
    monkeypatch.setenv(URI, "http://host:5000")
    first = activation.current_settings()
    with mock.patch("inspect_mlflow_core.config.load_settings", side_effect=AssertionError):
        assert all(activation.current_settings() is first for _ in range(100))


def test_a_wrong_value_warns_once_and_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    activation, warnings = recorded()
    monkeypatch.setenv(URI, "http://me:hunter2@host:5000")
    monkeypatch.setenv("INSPECT_MLFLOW_LOG_ARTIFACTS", "maybe")
    assert not any(activation.is_active() for _ in range(50))
    monkeypatch.setenv("INSPECT_MLFLOW_RUN_NAME", "something else changed")
    assert not activation.is_active()
    assert len(warnings) == 1
    assert "INSPECT_MLFLOW_LOG_ARTIFACTS" in warnings[0]
    assert "hunter2" not in warnings[0]
    monkeypatch.setenv("INSPECT_MLFLOW_LOG_ARTIFACTS", "perhaps")
    assert not activation.is_active()
    assert len(warnings) == 2
    monkeypatch.setenv("INSPECT_MLFLOW_LOG_ARTIFACTS", "no")
    assert activation.is_active()
    assert len(warnings) == 2


def test_wrong_values_do_not_matter_without_a_tracking_uri(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    activation, warnings = recorded()
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "maybe")
    assert not activation.is_active()
    assert warnings == []


def test_it_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(message: str) -> None:
        raise RuntimeError(message)

    monkeypatch.setenv(URI, "http://host:5000")
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "maybe")
    assert Activation(fail).is_active() is False
    monkeypatch.delenv("INSPECT_MLFLOW_ENABLED")
    activation, warnings = recorded()
    with mock.patch("inspect_mlflow_core.config.load_settings", side_effect=ImportError("broken")):
        assert activation.is_active() is False
    assert warnings == ["logging to MLflow is off: the settings cannot be read (ImportError)"]


def test_values_that_are_no_text_in_any_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    activation, warnings = recorded()
    monkeypatch.setenv(URI, "http://host:5000")
    monkeypatch.setenv("INSPECT_MLFLOW_RUN_NAME", os.fsdecode(b"\xff\xfe"))
    assert isinstance(activation.is_active(), bool)
    assert len(warnings) <= 1


def test_an_environment_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    activation, _ = recorded()
    assert not activation.is_active()
    monkeypatch.setattr(os, "environ", {URI: "http://host:5000"})
    assert activation.is_active()
    os.environ["INSPECT_MLFLOW_ENABLED"] = "false"
    assert not activation.is_active()


def test_the_default_warning_goes_through_reporting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URI, "http://host:5000")
    monkeypatch.setenv("INSPECT_MLFLOW_QUEUE_BYTES", "many")
    with mock.patch("inspect_mlflow_core.reporting.warn_once") as warn_once:
        assert not Activation().is_active()
    ((_, message), _) = warn_once.call_args
    assert "INSPECT_MLFLOW_QUEUE_BYTES" in message


@pytest.fixture
def busy_interpreter() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_threads_see_settings_of_one_environment(
    monkeypatch: pytest.MonkeyPatch, busy_interpreter: None
) -> None:
    activation, warnings = recorded()
    monkeypatch.setenv(URI, "http://host:5000")
    seen: list[object] = []

    def ask() -> None:
        for _ in range(200):
            settings = activation.current_settings()
            seen.append(settings and settings.tracking_uri)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {"http://host:5000"}
    assert warnings == []


def test_pydantic_is_imported_only_when_needed() -> None:
    program = f"""
import os, sys
from inspect_mlflow_core._activation import Activation
activation = Activation()
assert not activation.is_active()
heavy = [name for name in sys.modules if name.split(".")[0] in
         ("pydantic", "pydantic_settings", "mlflow", "pandas", "numpy", "inspect_ai")]
assert not heavy, heavy
os.environ["{URI}"] = "http://host:5000"
assert activation.is_active()
assert "pydantic_settings" in sys.modules
assert "mlflow" not in sys.modules and "inspect_ai" not in sys.modules
"""
    environment = {name: value for name, value in os.environ.items() if name not in ALL_VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
