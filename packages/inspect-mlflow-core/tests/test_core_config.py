from __future__ import annotations

import importlib.util
import pickle
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_core.config import (
    SUPPORTED_AUTOLOG_MODELS,
    MLflowSettings,
    load_settings,
    unknown_overrides,
)
from inspect_mlflow_core.exceptions import ConfigurationError, InspectMlflowError

URI = "INSPECT_MLFLOW_TRACKING_URI"


def settings_of(**environment: str) -> MLflowSettings:
    return load_settings(environment=environment)


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ((URI, "MLFLOW_TRACKING_URI"), "tracking_uri"),
        (
            (
                "INSPECT_MLFLOW_EXPERIMENT_NAME",
                "INSPECT_MLFLOW_EXPERIMENT",
                "MLFLOW_EXPERIMENT_NAME",
            ),
            "experiment_name",
        ),
        (("INSPECT_MLFLOW_RUN_NAME",), "run_name"),
        (("INSPECT_MLFLOW_ACCURACY_SCORER",), "accuracy_scorer"),
    ],
)
def test_the_first_variable_that_is_set_wins(variables: tuple[str, ...], field: str) -> None:
    for position, expected in enumerate(variables):
        environment = {name: f"value-{name}" for name in variables[position:]}
        # Empty counts as unset, and so do spaces.
        environment |= dict.fromkeys(variables[:position], " ")
        settings = load_settings(environment=environment)
        assert getattr(settings, field) == f"value-{expected}"
        assert settings.sources()[field] == expected


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        (
            (
                "INSPECT_MLFLOW_TRACING_ENABLED",
                "INSPECT_MLFLOW_LOG_TRACES",
                "MLFLOW_INSPECT_TRACING",
            ),
            "tracing_enabled",
        ),
        (("INSPECT_MLFLOW_LOG_ARTIFACTS", "MLFLOW_INSPECT_LOG_ARTIFACTS"), "log_artifacts"),
        (("INSPECT_MLFLOW_AUTOLOG_ENABLED",), "autolog_enabled"),
        (("INSPECT_MLFLOW_ENABLED",), "enabled"),
        (("INSPECT_MLFLOW_TRACE_RUNNING_SAMPLES",), "trace_running_samples"),
    ],
)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("TRUE", True),
        ("1", True),
        ("Yes", True),
        (" on ", True),
        ("false", False),
        ("False", False),
        ("0", False),
        ("no", False),
        ("OFF", False),
    ],
)
def test_booleans(variables: tuple[str, ...], field: str, text: str, expected: bool) -> None:
    for position, variable in enumerate(variables):
        opposite = dict.fromkeys(variables[position + 1 :], "false" if expected else "true")
        assert getattr(settings_of(**{variable: text}, **opposite), field) is expected


@pytest.mark.parametrize(
    ("variable", "value", "accepted"),
    [
        ("INSPECT_MLFLOW_ENABLED", "maybe", "true, false, 1, 0, yes, no, on or off"),
        ("MLFLOW_INSPECT_LOG_ARTIFACTS", "2", "true, false"),
        ("INSPECT_MLFLOW_LOG_TRACES", "t", "true, false"),
        ("INSPECT_MLFLOW_TRACE_SCOPE", "task", "sample or run"),
        ("INSPECT_MLFLOW_TRACE_CONTENT", "some", "full or none"),
        ("INSPECT_MLFLOW_FLUSH_TIMEOUT", "30s", "seconds"),
        ("INSPECT_MLFLOW_FLUSH_TIMEOUT", "-1", "zero or more"),
        ("INSPECT_MLFLOW_FLUSH_TIMEOUT", "nan", "seconds"),
        ("INSPECT_MLFLOW_FLUSH_TIMEOUT", "inf", "seconds"),
        ("INSPECT_MLFLOW_QUEUE_BYTES", "64MB", "whole number of bytes"),
        ("INSPECT_MLFLOW_QUEUE_BYTES", "0", "above zero"),
        ("INSPECT_MLFLOW_QUEUE_BYTES", "1.5", "whole number"),
        ("INSPECT_MLFLOW_AUTOLOG_MODELS", "openai,opnai", "litellm, mistral, groq, cohere"),
        ("INSPECT_MLFLOW_AUTOLOG_MODELS", '["openai"', "JSON array"),
        ("INSPECT_MLFLOW_AUTOLOG_MODELS", "[1]", "JSON array"),
        ("INSPECT_MLFLOW_EXPERIMENT", "x" * 257, "at most 256"),
        (URI, "http://", "host"),
        (URI, "http://host:port", "cannot be read"),
        (URI, "http://host:99999", "cannot be read"),
        (URI, "http://ho\nst", "control character"),
    ],
)
def test_a_wrong_value_names_the_variable_and_what_is_accepted(
    variable: str, value: str, accepted: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(**{variable: value})
    message = str(caught.value)
    assert message.startswith(variable)
    assert accepted in message
    assert "\n" not in message
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, InspectMlflowError)


def test_all_wrong_values_are_named_in_one_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(INSPECT_MLFLOW_ENABLED="x", INSPECT_MLFLOW_QUEUE_BYTES="y")
    message = str(caught.value)
    assert "INSPECT_MLFLOW_ENABLED" in message
    assert "INSPECT_MLFLOW_QUEUE_BYTES" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "environment",
    [
        {URI: "http://me:hunter2@host:nonsense"},
        {URI: "http://me:hunter2@host:5000\n"[:-1] + "\x00"},
        {URI: "http://me:hunter2@host:5000", "INSPECT_MLFLOW_ENABLED": "maybe"},
        {"INSPECT_MLFLOW_ENABLED": "https://me:hunter2@host"},
    ],
)
def test_no_error_holds_a_password(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment=environment)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_no_repr_holds_a_password() -> None:
    settings = settings_of(
        INSPECT_MLFLOW_TRACKING_URI="https://me:hunter2@host/x?token=abcdef",
        INSPECT_MLFLOW_RUN_NAME="sk-ant-api03-abcdefghijklmnop",
    )
    assert settings.tracking_uri == "https://me:hunter2@host/x?token=abcdef"
    for text in (repr(settings), str(settings), f"{settings}"):
        assert "hunter2" not in text
        assert "abcdef" not in text
        assert "tracking_uri='https://***@host/x?token=***'" in text


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:5000",
        "https://me:secret@host/path",
        "http://[::1]:5000",
        "databricks",
        "databricks://profile",
        "sqlite:///my runs/mlflow.db",
        "postgresql+psycopg2://u:p@h/db",
        "./mlruns",
        "file:///tmp/mlruns",
        "/some where/mlruns",
    ],
)
def test_tracking_uris_of_every_kind(uri: str) -> None:
    assert settings_of(MLFLOW_TRACKING_URI=uri).tracking_uri == uri


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openai", ["openai"]),
        ("OpenAI, bedrock ,,openai", ["openai", "bedrock"]),
        ('["gemini", "groq"]', ["gemini", "groq"]),
        ("[]", []),
        ("", ["openai", "anthropic", "langchain", "litellm"]),
        (",".join(SUPPORTED_AUTOLOG_MODELS), list(SUPPORTED_AUTOLOG_MODELS)),
    ],
)
def test_autolog_models(text: str, expected: list[str]) -> None:
    assert settings_of(INSPECT_MLFLOW_AUTOLOG_MODELS=text).autolog_models == expected


def test_default_autolog_models_are_not_shared() -> None:
    settings_of().autolog_models.append("groq")
    assert "groq" not in settings_of().autolog_models


def test_numbers_and_choices() -> None:
    settings = settings_of(
        INSPECT_MLFLOW_FLUSH_TIMEOUT="0.5",
        INSPECT_MLFLOW_QUEUE_BYTES="1048576",
        INSPECT_MLFLOW_TRACE_SCOPE="RUN",
        INSPECT_MLFLOW_TRACE_CONTENT="None",
    )
    assert settings.flush_timeout == 0.5
    assert settings.queue_bytes == 1048576
    assert (settings.trace_scope, settings.trace_content) == ("run", "none")


def test_keywords_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URI, "http://environment:5000")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "environment")
    settings = MLflowSettings(tracking_uri="http://keyword:5000", autolog_models="groq")
    assert settings.tracking_uri == "http://keyword:5000"
    assert settings.autolog_models == ["groq"]
    assert settings.experiment_name == "environment"
    sources = settings.sources()
    assert sources["tracking_uri"] == "argument"
    assert sources["experiment_name"] == "MLFLOW_EXPERIMENT_NAME"
    assert sources["log_artifacts"] == "default"
    assert MLflowSettings(tracking_uri=None).tracking_uri is None


def test_a_wrong_or_unknown_keyword_is_named() -> None:
    with pytest.raises(ConfigurationError, match="argument log_artifacts has the value 'x'"):
        MLflowSettings(log_artifacts="x")
    with pytest.raises(ConfigurationError, match="no setting named 'tracking_url'"):
        MLflowSettings(tracking_url="http://host")


def test_an_environment_that_is_passed_in_replaces_the_real_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_EXPERIMENT_NAME", "real")
    assert settings_of().experiment_name == "inspect_ai"
    assert load_settings().experiment_name == "real"


def test_sources_name_every_field_in_order() -> None:
    sources = settings_of(INSPECT_MLFLOW_ENABLED="no").sources()
    assert list(sources) == list(MLflowSettings.model_fields)
    assert sources.pop("enabled") == "INSPECT_MLFLOW_ENABLED"
    assert set(sources.values()) == {"default"}


def test_settings_do_not_change_and_survive_pickling() -> None:
    settings = settings_of(MLFLOW_TRACKING_URI="http://host:5000")
    with pytest.raises(ValueError, match="frozen"):
        settings.enabled = False
    copy = pickle.loads(pickle.dumps(settings))
    assert copy == settings
    assert copy.sources() == settings.sources()


class TestTracingDefault:
    @pytest.fixture(params=["tracing", "tracking", "both", "none"])
    def installed(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
        parts = {"both": ("tracing", "tracking"), "none": ()}
        chosen = parts.get(request.param, (request.param,))
        names = {f"inspect_mlflow_{part}" for part in chosen}
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: object() if name in names else None
        )
        return str(request.param)

    def test_is_on_only_without_tracking(self, installed: str) -> None:
        settings = settings_of()
        assert settings.tracing_enabled is (installed == "tracing")
        assert settings.sources()["tracing_enabled"].startswith("default")

    def test_any_value_wins_over_it(self, installed: str) -> None:
        assert settings_of(INSPECT_MLFLOW_TRACING_ENABLED="no").tracing_enabled is False
        assert settings_of(MLFLOW_INSPECT_TRACING="yes").tracing_enabled is True


class TestForTask:
    base = load_settings(
        environment={
            URI: "http://host:5000",
            "INSPECT_MLFLOW_EXPERIMENT_NAME": "from-environment",
            "INSPECT_MLFLOW_RUN_NAME": "from-environment",
        }
    )

    def test_metadata_wins_and_the_rest_stays(self) -> None:
        settings = self.base.for_task(
            {
                "inspect_mlflow_enabled": False,
                "inspect_mlflow_experiment": "mine",
                "inspect_mlflow_log_traces": "on",
                "inspect_mlflow_accuracy_scorer": "exact",
                "inspect_mlflow_log_artifacts": 0,
                "inspect_mlflow_trace_scope": "run",
                "inspect_mlflow_trace_content": "none",
                "inspect_mlflow_trace_running_samples": "off",
                "note": "not ours",
                7: "not even text",
            }
        )
        assert settings.enabled is False
        assert settings.experiment_name == "mine"
        assert settings.tracing_enabled is True
        assert settings.accuracy_scorer == "exact"
        assert settings.log_artifacts is False
        assert (settings.trace_scope, settings.trace_content) == ("run", "none")
        assert settings.trace_running_samples is False
        assert settings.run_name == "from-environment"
        assert settings.tracking_uri == "http://host:5000"
        sources = settings.sources()
        assert sources["experiment_name"] == "task metadata inspect_mlflow_experiment"
        assert sources["run_name"] == "INSPECT_MLFLOW_RUN_NAME"
        assert sources["queue_bytes"] == "default"
        assert self.base.enabled is True

    @pytest.mark.parametrize("reverse", [False, True])
    def test_the_full_name_wins_over_the_older_one(self, reverse: bool) -> None:
        entries = [
            ("inspect_mlflow_experiment", "older"),
            ("inspect_mlflow_experiment_name", "full"),
        ]
        metadata = dict(reversed(entries) if reverse else entries)
        assert self.base.for_task(metadata).experiment_name == "full"

    @pytest.mark.parametrize("metadata", [None, {}, {"a": 1}, {"inspect_mlflow_run_name": ""}])
    def test_without_overrides_nothing_changes(self, metadata: dict[str, object] | None) -> None:
        assert self.base.for_task(metadata) == self.base

    @pytest.mark.parametrize(
        ("field", "variable"),
        [
            ("tracking_uri", "INSPECT_MLFLOW_TRACKING_URI"),
            ("autolog_enabled", "INSPECT_MLFLOW_AUTOLOG_ENABLED"),
            ("autolog_models", "INSPECT_MLFLOW_AUTOLOG_MODELS"),
            ("flush_timeout", "INSPECT_MLFLOW_FLUSH_TIMEOUT"),
            ("queue_bytes", "INSPECT_MLFLOW_QUEUE_BYTES"),
        ],
    )
    def test_what_holds_for_the_whole_run_is_refused(self, field: str, variable: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            self.base.for_task({f"inspect_mlflow_{field}": "http://u:hunter2@host"})
        assert f"inspect_mlflow_{field}" in str(caught.value)
        assert variable in str(caught.value)
        assert "hunter2" not in str(caught.value)

    def test_a_wrong_value_names_the_key(self) -> None:
        with pytest.raises(
            ConfigurationError, match=r"^task metadata inspect_mlflow_log_traces has the value '5'"
        ):
            self.base.for_task({"inspect_mlflow_log_traces": 5})
        with pytest.raises(ConfigurationError, match=r"inspect_mlflow_run_name is of type list"):
            self.base.for_task({"inspect_mlflow_run_name": ["x"]})

    def test_the_environment_is_not_read_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("INSPECT_MLFLOW_LOG_ARTIFACTS", "nonsense")
        assert self.base.for_task({"inspect_mlflow_run_name": "x"}).run_name == "x"

    def test_unknown_keys_are_left_alone_but_known_of(self) -> None:
        metadata = {"inspect_mlflow_runname": "x", "inspect_mlflow_enabled": True, "other": 1}
        assert self.base.for_task(metadata).run_name == "from-environment"
        assert unknown_overrides(metadata) == ("inspect_mlflow_runname",)
        assert unknown_overrides(None) == ()


@given(
    st.dictionaries(
        st.sampled_from(
            ["INSPECT_MLFLOW_ENABLED", URI, "INSPECT_MLFLOW_AUTOLOG_MODELS"]
            + ["INSPECT_MLFLOW_FLUSH_TIMEOUT", "INSPECT_MLFLOW_QUEUE_BYTES"]
            + ["INSPECT_MLFLOW_EXPERIMENT_NAME", "INSPECT_MLFLOW_TRACE_SCOPE"]
        ),
        st.text(max_size=30) | st.text(string.printable, max_size=30),
    )
)
def test_any_environment_gives_settings_or_one_line(environment: dict[str, str]) -> None:
    try:
        settings = load_settings(environment=environment)
    except ConfigurationError as error:
        assert any(str(error).startswith(variable) for variable in environment)
        assert len(str(error).splitlines()) == 1
    else:
        assert settings.queue_bytes > 0
        assert settings.flush_timeout >= 0
        assert settings.experiment_name
