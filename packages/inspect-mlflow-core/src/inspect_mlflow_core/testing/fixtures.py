"""Fixtures of pytest for tests against real stores; a `conftest.py` imports those it wants."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ._environment import clean_environment
from ._servers import running_server
from ._stores import copy_store, make_store_template

__all__ = [
    "restored_environment",
    "server_uri",
    "settings_of_machine_removed",
    "sqlite_uri",
    "store_template",
    "store_uri",
]


@pytest.fixture(scope="session", autouse=True)
def settings_of_machine_removed() -> Iterator[None]:
    """Run all tests without the settings of Inspect and MLflow that this machine has."""
    before = dict(os.environ)
    _replace_environment(clean_environment())
    yield
    _replace_environment(before)


@pytest.fixture(autouse=True)
def restored_environment(settings_of_machine_removed: None) -> Iterator[None]:
    """Undo what a test, or a library in it, does to the environment."""
    before = dict(os.environ)
    yield
    _replace_environment(before)


@pytest.fixture(scope="session")
def store_template(
    settings_of_machine_removed: None, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return an empty SQLite store to copy; made once, because that takes seconds."""
    return make_store_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def store_uri(store_template: Path, tmp_path: Path) -> str:
    """Return the tracking URI of an empty SQLite store of this test's own."""
    directory = tmp_path / "store"
    directory.mkdir()
    return copy_store(store_template, directory)


@pytest.fixture(scope="module")
def sqlite_uri(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the tracking URI of a SQLite store of a module's own, empty at its beginning."""
    return copy_store(store_template, tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="module")
def server_uri(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the tracking URI of a server of a module's own, empty at its beginning."""
    directory = tmp_path_factory.mktemp("server")
    copy_store(store_template, directory)
    with running_server(directory / "mlflow.db", directory) as server:
        yield server.uri


def _replace_environment(wanted: dict[str, str]) -> None:
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
