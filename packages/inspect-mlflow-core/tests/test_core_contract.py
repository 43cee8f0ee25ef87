"""The documented names, signatures and defaults of `config` and `util`, written out."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from inspect_mlflow_core import config, util
from inspect_mlflow_core._variables import ALL_VARIABLES
from inspect_mlflow_core.config import MLflowSettings, load_settings

DOCUMENTED_FIELDS = {
    "tracking_uri": None,
    "experiment_name": "inspect_ai",
    "tracing_enabled": False,
    "log_artifacts": True,
    "autolog_enabled": True,
    "autolog_models": ["openai", "anthropic", "langchain", "litellm"],
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ALL_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    # Both packages together, where tracing is off by default.
    monkeypatch.setattr(config, "_is_installed", lambda module: True)


def test_settings_begin_with_the_documented_fields() -> None:
    assert list(MLflowSettings.model_fields)[:6] == list(DOCUMENTED_FIELDS)
    keywords = [name for name in inspect.signature(MLflowSettings).parameters if name[0] != "_"]
    assert keywords[:6] == list(DOCUMENTED_FIELDS)


@pytest.mark.parametrize("make", [MLflowSettings, load_settings])
def test_settings_have_the_documented_defaults(make: Any) -> None:
    settings = make()
    assert {name: getattr(settings, name) for name in DOCUMENTED_FIELDS} == DOCUMENTED_FIELDS


def test_further_defaults() -> None:
    settings = load_settings()
    assert settings.enabled is True
    assert settings.run_name is None
    assert settings.accuracy_scorer is None
    assert settings.trace_scope == "sample"
    assert settings.trace_content == "full"
    assert settings.flush_timeout == 30.0
    assert settings.queue_bytes == 67_108_864
    assert settings.trace_running_samples is True


def test_documented_keywords_are_usable() -> None:
    given: dict[str, Any] = {
        "tracking_uri": "http://localhost:5000",
        "experiment_name": "mine",
        "tracing_enabled": True,
        "log_artifacts": False,
        "autolog_enabled": False,
        "autolog_models": ["bedrock"],
    }
    settings = MLflowSettings(**given)
    assert {name: getattr(settings, name) for name in given} == given


def test_load_settings_needs_no_argument() -> None:
    parameters = inspect.signature(load_settings).parameters.values()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    assert isinstance(load_settings(), MLflowSettings)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("safe_log_params", [("mlflow", None), ("params", None)]),
        ("score_to_numeric", [("value", None)]),
        ("truncate", [("text", None), ("max_len", 200)]),
    ],
)
def test_signatures_of_util(function: str, expected: list[tuple[str, Any]]) -> None:
    parameters = inspect.signature(getattr(util, function)).parameters.values()
    found = [
        (parameter.name, None if parameter.default is parameter.empty else parameter.default)
        for parameter in parameters
    ]
    assert found == expected
    assert all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (0.25, 0.25),
        (True, 1.0),
        (False, 0.0),
        ("C", 1.0),
        ("correct", 1.0),
        ("I", 0.0),
        ("incorrect", 0.0),
        ("P", 0.5),
        ("partial", 0.5),
        ("something else", None),
        (None, None),
        ([1], None),
        ({"a": 1}, None),
    ],
)
def test_score_to_numeric_as_documented(value: Any, expected: float | None) -> None:
    assert util.score_to_numeric(value) == expected


def test_truncate_as_documented() -> None:
    assert util.truncate("x" * 300) == "x" * 197 + "..."
    assert util.truncate("x" * 200) == "x" * 200


def test_safe_log_params_as_documented() -> None:
    class Logged:
        params: dict[str, str] = {}

        def log_params(self, params: dict[str, str]) -> None:
            self.params.update(params)

    logged = Logged()
    util.safe_log_params(logged, {"short": "a", "long": "b" * 501, "number": 5})
    assert logged.params["short"] == "a"
    assert logged.params["number"] == "5"
    assert len(logged.params["long"]) <= 500
