"""Which environment variables and metadata keys hold which setting.

Plain data and nothing imported, so that a hook can ask "is a tracking URI set at all?" without
paying for pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

METADATA_PREFIX: Final = "inspect_mlflow_"
"""How the keys of a task's metadata begin that override a setting for that task."""

FIELD_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "tracking_uri": ("INSPECT_MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_URI"),
        "experiment_name": (
            "INSPECT_MLFLOW_EXPERIMENT_NAME",
            "INSPECT_MLFLOW_EXPERIMENT",
            "MLFLOW_EXPERIMENT_NAME",
        ),
        "tracing_enabled": (
            "INSPECT_MLFLOW_TRACING_ENABLED",
            "INSPECT_MLFLOW_LOG_TRACES",
            "MLFLOW_INSPECT_TRACING",
        ),
        "log_artifacts": ("INSPECT_MLFLOW_LOG_ARTIFACTS", "MLFLOW_INSPECT_LOG_ARTIFACTS"),
        "autolog_enabled": ("INSPECT_MLFLOW_AUTOLOG_ENABLED",),
        "autolog_models": ("INSPECT_MLFLOW_AUTOLOG_MODELS",),
        "enabled": ("INSPECT_MLFLOW_ENABLED",),
        "run_name": ("INSPECT_MLFLOW_RUN_NAME",),
        "accuracy_scorer": ("INSPECT_MLFLOW_ACCURACY_SCORER",),
        "trace_scope": ("INSPECT_MLFLOW_TRACE_SCOPE",),
        "trace_content": ("INSPECT_MLFLOW_TRACE_CONTENT",),
        "flush_timeout": ("INSPECT_MLFLOW_FLUSH_TIMEOUT",),
        "queue_bytes": ("INSPECT_MLFLOW_QUEUE_BYTES",),
        "trace_running_samples": ("INSPECT_MLFLOW_TRACE_RUNNING_SAMPLES",),
    }
)
"""The variables of each setting; the first one that is set and not empty wins."""

PER_TASK_FIELDS: Final = frozenset(
    {
        "enabled",
        "experiment_name",
        "run_name",
        "accuracy_scorer",
        "log_artifacts",
        "tracing_enabled",
        "trace_scope",
        "trace_content",
        "trace_running_samples",
    }
)
"""The settings that a task may override in its metadata."""

METADATA_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {"experiment": "experiment_name", "log_traces": "tracing_enabled"}
)
"""Older metadata keys (without their prefix) and the settings that they stand for."""

TRACKING_URI_VARIABLES: Final = FIELD_VARIABLES["tracking_uri"]
"""With none of these set, every hook is off."""

ALL_VARIABLES: Final = tuple(name for names in FIELD_VARIABLES.values() for name in names)
"""Everything in the environment that the settings depend on."""


def is_unset(raw: object) -> bool:
    """Whether a value counts as not given: None, and text with nothing in it but spaces."""
    return raw is None or (isinstance(raw, str) and not raw.strip())
