from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inspect_mlflow_core.testing import copy_store


@pytest.fixture(autouse=True)
def one_trace_for_a_run(
    without_tracking: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_SCOPE", "run")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    # MLflow looks prices up on the network unless it is told not to.
    monkeypatch.setenv("MLFLOW_MODEL_CATALOG_URI", "")


@pytest.fixture
def new_store(tmp_path: Path, store_template: Path) -> Callable[[], str]:
    numbers = iter(range(1000))

    def new() -> str:
        directory = tmp_path / f"store {next(numbers)}"
        directory.mkdir()
        return copy_store(store_template, directory)

    return new


@pytest.fixture
def live(new_store: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    uri = new_store()
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", uri)
    return uri
