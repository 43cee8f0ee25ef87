from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from inspect_mlflow_core.testing import copy_store, running_server
from inspect_mlflow_core.testing.fixtures import (
    restored_environment,
    settings_of_machine_removed,
    store_template,
    store_uri,
)

__all__ = ["restored_environment", "settings_of_machine_removed", "store_template", "store_uri"]

# How fast a machine makes up input, and how fast it tests it, says nothing about the code.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")


@pytest.fixture
def without_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hooks of tracking stay out, should it be installed."""
    from inspect_ai._util.entrypoints import ensure_entry_points
    from inspect_ai._util.registry import registry_info
    from inspect_ai.hooks._hooks import get_all_hooks

    ensure_entry_points()
    for hook in get_all_hooks():
        if registry_info(hook).name.startswith("inspect_mlflow_tracking/"):
            monkeypatch.setattr(hook, "enabled", lambda: False)


@dataclass(frozen=True)
class Served:
    """What a server serves.

    Args:
        uri: Its tracking URI.
        database: Its SQLite file.
        artifacts: Where its artifacts lie.
    """

    uri: str
    database: Path
    artifacts: Path


@pytest.fixture(scope="session")
def served_to_all(
    store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server takes seconds to start: so there is one for all tests."""
    directory = tmp_path_factory.mktemp("served")
    copy_store(store_template, directory)
    with running_server(directory / "mlflow.db", directory) as found:
        yield Served(found.uri, directory / "mlflow.db", directory / "artifacts")


@pytest.fixture
def served(served_to_all: Served, store_template: Path) -> Served:
    """The server, emptied."""
    from inspect_mlflow_tracing import _evaluation

    with (
        closing(sqlite3.connect(store_template)) as empty,
        closing(sqlite3.connect(served_to_all.database, timeout=60)) as database,
    ):
        empty.backup(database)
    shutil.rmtree(served_to_all.artifacts, ignore_errors=True)
    # The hooks of this process know the experiments that were there.
    _evaluation._exporter.exporter._destinations.clear()
    return served_to_all


@pytest.fixture
def server(served: Served) -> str:
    """The tracking URI of an empty server."""
    return served.uri
