from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from inspect_mlflow_core.testing import clean_environment, copy_store, running_server
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

PROGRAMS = Path(__file__).parent / "programs"
# Beginnings of the names of variables that tell the providers' clients what to do.
OF_CLIENTS = ("OPENAI_", "ANTHROPIC_", "LANGCHAIN_", "LANGSMITH_")
ODD: list[Any] = [None, 7, "x", [], {}, [[]], {"a": [None]}, ["x"]]


@pytest.fixture(scope="session")
def shared_server(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tracking URI of a server that several modules fill, each with experiments of its own."""
    directory = tmp_path_factory.mktemp("served")
    copy_store(store_template, directory)
    with running_server(directory / "mlflow.db", directory) as found:
        yield found.uri


@pytest.fixture(scope="session")
def run_program() -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Runs one of the programs beside the tests, by its file's name, on a job.

    In a process of its own: no patch of autolog's and no state of OpenTelemetry's stays here.
    """

    def run(program: str, job: dict[str, Any]) -> dict[str, Any]:
        variables = clean_environment()
        ended = subprocess.run(
            [sys.executable, str(PROGRAMS / program)],
            check=False,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            env={k: v for k, v in variables.items() if not k.startswith(OF_CLIENTS)},
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
        result: dict[str, Any] = json.loads(ended.stdout)
        return result

    return run


@pytest.fixture(scope="session")
def with_odd_values() -> Callable[[Any], Iterator[Any]]:
    """Gives a value with each of its inner values replaced by an odd one, one at a time."""

    def replaced(value: Any) -> Iterator[Any]:
        if isinstance(value, (dict, list)):
            for key in list(value) if isinstance(value, dict) else range(len(value)):
                for inner in [*ODD, *replaced(value[key])]:
                    changed = copy.copy(value)
                    changed[key] = inner
                    yield changed

    return replaced
