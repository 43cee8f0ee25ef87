"""The documented names, signatures and defaults; what may be imported when."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import entry_points, version
from typing import Any

import pytest

import inspect_mlflow_scout
from inspect_mlflow_scout import import_mlflow_traces, push_scan_results, traces_request_time

HEAVY = ("anyio", "inspect_ai", "inspect_scout", "mlflow", "numpy", "pandas", "pydantic")

IMPORT_OPTIONS: dict[str, Any] = {
    "experiment_ids": None,
    "run_ids": None,
    "trace_ids": None,
    "filter": None,
    "tags": None,
    "session": None,
    "from_time": None,
    "to_time": None,
    "include_in_progress": False,
    "strict": False,
    "source_type": "mlflow",
    "known_ids": frozenset(),
    "report": None,
}
PUSH_OPTIONS = {
    "experiment_name": None,
    "tracking_uri": None,
    "scanners": None,
    "dry_run": False,
    "force": False,
    "progress": None,
}


def parameters(function: Any, kind: Any) -> dict[str, Any]:
    found = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in found if each.kind is kind}


def test_the_documented_parameters_come_first() -> None:
    documented = parameters(import_mlflow_traces, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    assert list(documented.items()) == [
        ("experiment_name", None),
        ("tracking_uri", None),
        ("limit", None),
    ]
    annotations = inspect.get_annotations(import_mlflow_traces)
    assert [annotations[name] for name in documented] == ["str | None", "str | None", "int | None"]


def test_the_import_takes_what_scouts_sources_take() -> None:
    assert parameters(import_mlflow_traces, inspect.Parameter.KEYWORD_ONLY) == IMPORT_OPTIONS


def test_the_import_is_an_async_generator_of_transcripts() -> None:
    assert inspect.isasyncgenfunction(import_mlflow_traces)
    annotations = inspect.get_annotations(import_mlflow_traces)
    assert annotations["return"] == "AsyncIterator[Transcript]"


def test_scouts_command_line_would_know_the_times_and_the_limit() -> None:
    """`scout import` passes `--limit`, `--from` and `--to` to parameters of these names."""
    annotations = inspect.get_annotations(import_mlflow_traces)
    assert annotations["from_time"] == annotations["to_time"] == "datetime | None"
    assert "int" in annotations["limit"]


def test_the_push_has_its_documented_signature() -> None:
    assert parameters(push_scan_results, inspect.Parameter.KEYWORD_ONLY) == PUSH_OPTIONS
    (first,) = parameters(push_scan_results, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    assert first == "scan_location"


def test_the_request_time_has_its_documented_signature() -> None:
    assert str(inspect.signature(traces_request_time)) == "(trace: 'Any') -> 'str | None'"


@pytest.mark.parametrize("name", inspect_mlflow_scout.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(inspect_mlflow_scout, name)
    assert inspect.getdoc(found)
    assert name in dir(inspect_mlflow_scout)


def test_unknown_names_are_errors() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = inspect_mlflow_scout.nothing


def test_the_version_is_that_of_the_distribution() -> None:
    assert inspect_mlflow_scout.__version__ == version("inspect-mlflow-scout")


def test_the_umbrellas_command_finds_ours() -> None:
    (point,) = entry_points(group="inspect_mlflow.commands", name="scout")
    command = point.load()
    assert command.name == "scout" and set(command.commands) == {"import", "push"}


@pytest.mark.parametrize(
    "module", ["inspect_mlflow_scout", "inspect_mlflow_scout._command", "inspect_mlflow_scout.push"]
)
def test_importing_costs_next_to_nothing(module: str) -> None:
    program = f"import sys, {module}; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    ).stdout.split()
    # Pushing reads settings, which are a model of pydantic.
    allowed = {"pydantic"} if module.endswith("push") else set()
    assert {*HEAVY} & {*loaded} <= allowed
