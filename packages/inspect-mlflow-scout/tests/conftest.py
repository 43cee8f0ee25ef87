from __future__ import annotations

from collections.abc import Iterator
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


@dataclass(frozen=True)
class Served:
    """What a server serves.

    Args:
        uri: Its tracking URI.
    """

    uri: str


@pytest.fixture(scope="session")
def served_to_all(
    store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server that several modules fill; each with experiments of its own."""
    directory = tmp_path_factory.mktemp("served")
    copy_store(store_template, directory)
    with running_server(directory / "mlflow.db", directory) as found:
        yield Served(found.uri)


@pytest.fixture(scope="module")
def module_server(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tracking URI of a server for all tests of a module, empty at its beginning."""
    directory = tmp_path_factory.mktemp("served")
    copy_store(store_template, directory)
    with running_server(directory / "mlflow.db", directory) as found:
        yield found.uri
