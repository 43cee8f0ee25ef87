"""An environment without settings of the machine, for every test of the umbrella."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspect_mlflow_core.testing import clean_environment, copy_store, make_store_template


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of Inspect or MLflow, and a working directory that is empty."""
    clean = clean_environment()
    for name in set(os.environ) - set(clean):
        monkeypatch.delenv(name)
    for name, value in clean.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def store_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store."""
    return make_store_template(tmp_path_factory.mktemp("umbrella-template"))


@pytest.fixture
def store_uri(store_template: Path, tmp_path: Path) -> str:
    """The tracking URI of an empty SQLite store of this test."""
    return copy_store(store_template, tmp_path)
