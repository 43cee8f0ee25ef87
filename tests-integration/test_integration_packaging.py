"""The built wheels, as someone finds them who has installed the umbrella and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, distribution, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from conftest import Wheel

UMBRELLA = "inspect-mlflow"
CORE = "inspect-mlflow-core"
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
SCRIPTS = Path(sysconfig.get_path("scripts"))
EXECUTABLE_SUFFIX = ".exe" if os.name == "nt" else ""


def imported_by(statement: str, directory: Path, modules: list[str]) -> list[str]:
    """Return those of `modules` that a fresh Python has imported after `statement`."""
    code = f"{statement}\nimport sys\nprint(*sorted(set({modules!r}) & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    finished = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


def inspect_entry_points() -> list[str]:
    """Return the names of our entry points for Inspect, and check nothing about them."""
    points = entry_points(group="inspect_ai")
    return [point.name for point in points if point.name.startswith("inspect_mlflow")]


def hashes(record: str) -> set[str]:
    """Return the hashed lines of a RECORD: one for each file that the wheel brought."""
    return {line for line in record.splitlines() if ",sha256=" in line}


def test_umbrella_was_installed_from_our_file_and_not_from_the_index(dist: Path) -> None:
    origin = json.loads(distribution(UMBRELLA).read_text("direct_url.json") or "{}")
    assert Path(origin["url"].removeprefix("file://")).parent == dist


def test_every_wheel_is_installed_as_built(wheel: Wheel) -> None:
    installed = distribution(wheel.name)
    assert installed.version == wheel.metadata["Version"]
    assert hashes(wheel.read("RECORD")) <= hashes(installed.read_text("RECORD") or "")


def test_imports_come_from_site_packages(wheel: Wheel) -> None:
    spec = find_spec(wheel.import_name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == SITE_PACKAGES / wheel.import_name


def test_version_attribute_is_the_version_of_the_metadata(wheel: Wheel, tmp_path: Path) -> None:
    code = f"import {wheel.import_name} as package; print(package.__version__)"
    command = [sys.executable, "-c", code]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == wheel.metadata["Version"]


def test_wheel_carries_types_readme_and_license(wheel: Wheel) -> None:
    files = {str(file) for file in distribution(wheel.name).files or []}
    assert f"{wheel.import_name}/py.typed" in files
    assert any(file.endswith("licenses/LICENSE") for file in files)
    assert wheel.metadata["Requires-Python"] == ">=3.11"
    assert wheel.metadata["License-Expression"] == "MIT"
    assert wheel.name in str(wheel.metadata.get_payload())


def test_wheel_holds_nothing_but_its_package(wheel: Wheel) -> None:
    top_level = {file.parts[0] for file in distribution(wheel.name).files or []}
    scripts = {part for part in top_level if part == ".."}
    information = f"{wheel.import_name}-{wheel.metadata['Version']}.dist-info"
    assert top_level - scripts == {wheel.import_name, information}


def test_umbrella_requires_every_sibling_and_full_mlflow(dist: Path) -> None:
    required = {Requirement(line).name for line in distribution(UMBRELLA).requires or []}
    siblings = {path.name.split("-")[0].replace("_", "-") for path in dist.glob("*.whl")}
    assert siblings - {UMBRELLA} <= required
    assert "mlflow" in required


def test_leaf_packages_require_core_alone(wheel: Wheel) -> None:
    if wheel.name in (UMBRELLA, CORE):
        return
    required = {Requirement(line).name for line in distribution(wheel.name).requires or []}
    assert {name for name in required if name.startswith(UMBRELLA)} <= {CORE}


def test_sibling_ranges_admit_the_versions_that_are_built(wheel: Wheel) -> None:
    for line in distribution(wheel.name).requires or []:
        requirement = Requirement(line)
        if requirement.name.startswith(UMBRELLA):
            assert requirement.specifier.contains(distribution(requirement.name).version)


def test_importing_the_umbrella_is_light(tmp_path: Path) -> None:
    heavy = ["mlflow", "inspect_ai", "inspect_scout", "numpy", "pandas"]
    assert imported_by("import inspect_mlflow", tmp_path, heavy) == []


def test_importing_any_package_leaves_mlflow_alone(wheel: Wheel, tmp_path: Path) -> None:
    heavy = ["mlflow", "inspect_scout", "numpy", "pandas"]
    assert imported_by(f"import {wheel.import_name}", tmp_path, heavy) == []


@pytest.mark.parametrize("name", inspect_entry_points())
def test_entry_point_for_inspect_bears_the_name_of_its_distribution(name: str) -> None:
    (point,) = entry_points(group="inspect_ai", name=name)
    owner = point.dist
    assert isinstance(owner, Distribution)
    # Inspect drops the prefix of the hooks' names when these three differ.
    assert point.name == point.module.split(".")[0] == owner.metadata["Name"].replace("-", "_")


@pytest.mark.parametrize("name", ["inspect_mlflow_tracking", "inspect_mlflow_tracing"])
def test_inspect_finds_the_hooks(name: str) -> None:
    assert name in inspect_entry_points()


@pytest.mark.parametrize("name", inspect_entry_points())
def test_registering_hooks_imports_neither_mlflow_nor_pandas(name: str, tmp_path: Path) -> None:
    (point,) = entry_points(group="inspect_ai", name=name)
    assert imported_by(f"import {point.module}", tmp_path, ["mlflow", "pandas"]) == []


def test_commands_of_the_packages_can_be_loaded() -> None:
    points = entry_points(group="inspect_mlflow.commands")
    assert {"compare", "scout", "sync", "sync-traces"} <= points.names
    assert all(callable(point.load()) for point in points)


def test_console_script_names_its_commands(tmp_path: Path) -> None:
    script = SCRIPTS / f"inspect-mlflow{EXECUTABLE_SUFFIX}"
    command = [str(script), "--help"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    names = "compare", "demo", "doctor", "scout", "sync", "sync-traces"
    assert all(name in finished.stdout for name in names)
