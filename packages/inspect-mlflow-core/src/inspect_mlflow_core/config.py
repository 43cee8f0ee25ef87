"""The settings of all inspect-mlflow packages, and where each value came from.

A value is taken from the first of these that has one: a task's metadata
(`MLflowSettings.for_task`), a keyword of the constructor, `INSPECT_MLFLOW_*`, older names of the
same variable, the default. An empty string counts as not set.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ._setting_values import (
    SUPPORTED_AUTOLOG_MODELS,
    read_autolog_models,
    read_boolean,
    read_choice,
    read_experiment_name,
    read_seconds,
    read_size_bytes,
    read_text,
    read_tracking_uri,
)
from ._variables import (
    FIELD_VARIABLES,
    METADATA_ALIASES,
    METADATA_PREFIX,
    PER_TASK_FIELDS,
    is_unset,
)
from .conversion import mask_text, mask_uri
from .exceptions import ConfigurationError

__all__ = [
    "SUPPORTED_AUTOLOG_MODELS",
    "MLflowSettings",
    "load_settings",
    "unknown_overrides",
]

_DEFAULT_AUTOLOG_MODELS = ("openai", "anthropic", "langchain", "litellm")
_TRACING_ALONE = "default (tracing is installed without tracking)"


class MLflowSettings(BaseSettings):
    """What to send to which MLflow server.

    Every field can be given as a keyword; what is not given is read from the environment. The
    values do not change afterwards: `for_task` returns other settings.

    Attributes:
        tracking_uri: The MLflow server or store; None keeps all hooks off.
        experiment_name: The experiment that runs and traces belong to.
        tracing_enabled: Whether samples become traces. When it is not set, it is True where
            `inspect-mlflow-tracing` is installed without `inspect-mlflow-tracking`.
        log_artifacts: Whether tables and the eval log are uploaded.
        autolog_enabled: Whether MLflow's own autologging of LLM SDKs is switched on.
        autolog_models: For which providers; see `SUPPORTED_AUTOLOG_MODELS`.
        enabled: Switches everything off, for one task too.
        run_name: Name of a task's run; None stands for `<task>-<short model>-<eval_id>`.
        accuracy_scorer: The scorer behind `inspect.accuracy`; None stands for the task's first.
        trace_scope: `sample` makes one trace per sample and epoch; `run` one per `eval()`, in
            which all samples stand below their tasks.
        trace_content: `none` sends no prompts, outputs or tool data, only structure, timing,
            tokens and scores.
        flush_timeout: How long the end of a run waits for delivery, in seconds.
        queue_bytes: How much the queue of finished samples may hold in memory, in bytes.
        trace_running_samples: Whether samples that take longer than a few seconds have a trace
            while they run, with what is finished of them so far.

    Raises:
        ConfigurationError: A value cannot be used. The message is one line, names the variable,
            keyword or metadata key that held it, and holds no credentials.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    tracking_uri: str | None = None
    experiment_name: str = "inspect_ai"
    tracing_enabled: bool = False
    log_artifacts: bool = True
    autolog_enabled: bool = True
    autolog_models: list[str] = Field(default_factory=lambda: list(_DEFAULT_AUTOLOG_MODELS))
    enabled: bool = True
    run_name: str | None = None
    accuracy_scorer: str | None = None
    trace_scope: Literal["sample", "run"] = "sample"
    trace_content: Literal["full", "none"] = "full"
    flush_timeout: float = 30.0
    queue_bytes: int = 64 * 1024 * 1024
    trace_running_samples: bool = True

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    def __init__(
        self,
        *,
        _environment: Mapping[str, str] | None = None,
        _argument_sources: Mapping[str, str] | None = None,
        **values: Any,
    ) -> None:
        environment = os.environ if _environment is None else _environment
        argument_sources = _argument_sources or {}
        sources = {field: argument_sources.get(field, "argument") for field in values}
        for field, variable in _variables_in_use(environment).items():
            if field not in values:
                values[field], sources[field] = environment[variable], variable
        if "tracing_enabled" not in values and _tracing_is_installed_alone():
            values["tracing_enabled"], sources["tracing_enabled"] = True, _TRACING_ALONE
        try:
            super().__init__(**values)
        except ValidationError as error:
            # Pydantic's own message, and the chain behind it, would quote the values.
            raise ConfigurationError(_explained(error, sources)) from None
        self._sources = sources

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the constructor alone, which has read the environment itself.

        Pydantic's own source can neither tell which of several variables held a value nor pass
        over an empty one to the next.
        """
        return (init_settings,)

    @field_validator(
        "enabled",
        "tracing_enabled",
        "log_artifacts",
        "autolog_enabled",
        "trace_running_samples",
        mode="before",
    )
    @classmethod
    def _read_boolean(cls, raw: Any) -> bool:
        return read_boolean(raw)

    @field_validator("tracking_uri", mode="before")
    @classmethod
    def _read_tracking_uri(cls, raw: Any) -> str | None:
        return None if is_unset(raw) else read_tracking_uri(raw)

    @field_validator("experiment_name", mode="before")
    @classmethod
    def _read_experiment_name(cls, raw: Any) -> str:
        return read_experiment_name(raw)

    @field_validator("run_name", "accuracy_scorer", mode="before")
    @classmethod
    def _read_optional_text(cls, raw: Any) -> str | None:
        return None if is_unset(raw) else read_text(raw)

    @field_validator("autolog_models", mode="before")
    @classmethod
    def _read_autolog_models(cls, raw: Any) -> list[str]:
        return list(_DEFAULT_AUTOLOG_MODELS) if is_unset(raw) else read_autolog_models(raw)

    @field_validator("trace_scope", mode="before")
    @classmethod
    def _read_trace_scope(cls, raw: Any) -> str:
        return read_choice(raw, ("sample", "run"))

    @field_validator("trace_content", mode="before")
    @classmethod
    def _read_trace_content(cls, raw: Any) -> str:
        return read_choice(raw, ("full", "none"))

    @field_validator("flush_timeout", mode="before")
    @classmethod
    def _read_flush_timeout(cls, raw: Any) -> float:
        return read_seconds(raw)

    @field_validator("queue_bytes", mode="before")
    @classmethod
    def _read_queue_bytes(cls, raw: Any) -> int:
        return read_size_bytes(raw)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for field, value in super().__repr_args__():
            mask = mask_uri if field == "tracking_uri" else mask_text
            yield field, mask(value) if isinstance(value, str) else value

    def for_task(self, metadata: Mapping[Any, Any] | None) -> MLflowSettings:
        """These settings with what a task's metadata overrides (`inspect_mlflow_<field>`).

        Empty values count as not set; keys of no setting are left to `unknown_overrides`.

        Raises:
            ConfigurationError: A value cannot be used, or the setting is not one that a single
                task can have for itself. The message names the metadata key.
        """
        keys = _override_keys(metadata or {})
        if not keys:
            return self
        values = {field: getattr(self, field) for field in type(self).model_fields}
        sources = self.sources()
        for field, key in keys.items():
            if field not in PER_TASK_FIELDS:
                raise ConfigurationError(
                    f"task metadata {key} cannot be set for a single task; "
                    f"set {FIELD_VARIABLES[field][0]} for the whole run"
                )
            values[field] = (metadata or {})[key]
            sources[field] = f"task metadata {key}"
        return type(self)(_environment={}, _argument_sources=sources, **values)

    def sources(self) -> dict[str, str]:
        """Where the value of each field came from, in the order of the fields.

        Returns:
            For each field the name of the environment variable that held the value,
            `"argument"`, `"task metadata <key>"`, or a text that begins with `"default"`.
        """
        return {field: self._sources.get(field, "default") for field in type(self).model_fields}


def load_settings(*, environment: Mapping[str, str] | None = None) -> MLflowSettings:
    """The settings that the environment describes.

    Args:
        environment: Read instead of the environment of this process.

    Raises:
        ConfigurationError: A variable has a value that cannot be used; the message names it.
    """
    return MLflowSettings(_environment=environment)


def unknown_overrides(metadata: Mapping[Any, Any] | None) -> tuple[str, ...]:
    """The keys of a task's metadata that look like overrides but name no setting."""
    return tuple(
        key
        for key in metadata or {}
        if isinstance(key, str) and key.startswith(METADATA_PREFIX) and _field_of(key) is None
    )


def _field_of(key: str) -> str | None:
    name = key.removeprefix(METADATA_PREFIX)
    field = METADATA_ALIASES.get(name, name)
    return field if field in FIELD_VARIABLES else None


def _override_keys(metadata: Mapping[Any, Any]) -> dict[str, str]:
    """For each overridden field the metadata key to read; the field's own name goes first."""
    keys: dict[str, str] = {}
    for key, value in metadata.items():
        if not isinstance(key, str) or not key.startswith(METADATA_PREFIX) or is_unset(value):
            continue
        field = _field_of(key)
        if field is not None and (field not in keys or key == METADATA_PREFIX + field):
            keys[field] = key
    return keys


def _variables_in_use(environment: Mapping[str, str]) -> dict[str, str]:
    """For each field that is set in the environment the variable that holds it."""
    in_use: dict[str, str] = {}
    for field, variables in FIELD_VARIABLES.items():
        variable = next((name for name in variables if not is_unset(environment.get(name))), None)
        if variable is not None:
            in_use[field] = variable
    return in_use


def _tracing_is_installed_alone() -> bool:
    return _is_installed("inspect_mlflow_tracing") and not _is_installed("inspect_mlflow_tracking")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        # ValueError: something put a module without a spec in its place.
        return False


def _explained(error: ValidationError, sources: Mapping[str, str]) -> str:
    """One line for all problems: where the value stood, what is wrong, what is accepted."""
    explanations = []
    for problem in error.errors(include_url=False, include_input=False):
        field = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            explanations.append(f"there is no setting named {field!r}")
            continue
        source = sources.get(field, "default")
        name = f"argument {field}" if source == "argument" else source
        cause = problem.get("ctx", {}).get("error", problem["msg"])
        explanations.append(f"{name} {cause}")
    return "; ".join(explanations)
