from __future__ import annotations

from inspect_mlflow_core.testing.fixtures import (
    restored_environment,
    settings_of_machine_removed,
    store_template,
    store_uri,
)

__all__ = ["restored_environment", "settings_of_machine_removed", "store_template", "store_uri"]
