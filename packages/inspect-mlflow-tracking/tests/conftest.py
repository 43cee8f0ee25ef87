from __future__ import annotations

from hypothesis import HealthCheck, settings

from inspect_mlflow_core.testing.fixtures import (
    restored_environment,
    server_uri,
    settings_of_machine_removed,
    store_template,
    store_uri,
)

__all__ = [
    "restored_environment",
    "server_uri",
    "settings_of_machine_removed",
    "store_template",
    "store_uri",
]

# How fast a machine makes up input, and how fast it tests it, says nothing about the code.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")
