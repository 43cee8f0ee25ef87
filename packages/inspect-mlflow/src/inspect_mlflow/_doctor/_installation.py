"""Checks of what is installed: versions that fit, hooks that Inspect finds."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import (
    Distribution,
    EntryPoint,
    PackageNotFoundError,
    distributions,
    entry_points,
    version,
)
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from inspect_mlflow._doctor._check import Check

_PREFIX = "inspect-mlflow"
_COMMANDS = "inspect_mlflow.commands"


def installation_checks() -> Iterator[Check]:
    """Check Python, the packages, what they require, and their entry points."""
    yield Check("python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield from _byte_code()
    yield _version_of("inspect-ai")
    yield _mlflow_version()
    if _installed_version("inspect-scout") is not None:
        # Only transcripts need it, and the line of inspect-mlflow-scout tells when it is missing.
        yield _version_of("inspect-scout")
    for distribution in our_distributions():
        yield _requirements(distribution)
    yield _inspect_executable()
    yield from _hooks()
    yield from _commands()


def our_distributions() -> list[Distribution]:
    """The packages of this project that are installed, sorted by name."""
    found: dict[str, Distribution] = {}
    for distribution in distributions():
        name = str(distribution.metadata["Name"] or "").replace("_", "-").lower()
        if name == _PREFIX or name.startswith(f"{_PREFIX}-"):
            # The first one on the path is the one that is imported.
            found.setdefault(name, distribution)
    return [found[name] for name in sorted(found)]


def unmet_requirements(distribution: Distribution) -> list[str]:
    """The requirements of a package that what is installed does not meet.

    Args:
        distribution: An installed package.

    Returns:
        For each a text such as `inspect-ai>=0.3.263 (found 0.3.100)`.
    """
    unmet = []
    for line in distribution.requires or []:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        installed = _installed_version(requirement.name)
        if installed is None:
            unmet.append(f"{requirement.name}{requirement.specifier} (not installed)")
        elif not requirement.specifier.contains(installed, prereleases=True):
            unmet.append(f"{requirement.name}{requirement.specifier} (found {installed})")
    return unmet


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _byte_code() -> Iterator[Check]:
    if sys.dont_write_bytecode:
        yield Check(
            "byte code",
            "warn",
            "PYTHONDONTWRITEBYTECODE is set: every process may compile MLflow and Inspect anew",
            "unset it, or install with --compile-bytecode",
        )


def _version_of(name: str) -> Check:
    installed = _installed_version(name)
    if installed is None:
        return Check(name, "fail", "not installed", f"pip install {name}")
    return Check(name, "ok", installed)


def _mlflow_version() -> Check:
    full, skinny = _installed_version("mlflow"), _installed_version("mlflow-skinny")
    if full is not None:
        return Check("mlflow", "ok", full)
    if skinny is None:
        return Check("mlflow", "fail", "not installed", "pip install 'mlflow>=3.0,<4'")
    detail = f"only mlflow-skinny {skinny}: enough for a server, not for a database"
    return Check("mlflow", "warn", detail, "pip install 'mlflow>=3.0,<4' for sqlite:///mlflow.db")


def _requirements(distribution: Distribution) -> Check:
    name = str(distribution.metadata["Name"])
    unmet = unmet_requirements(distribution)
    if not unmet:
        return Check(name, "ok", distribution.version)
    detail = f"{distribution.version} needs {', '.join(unmet)}"
    return Check(name, "fail", detail, "install versions that fit together")


def _inspect_executable() -> Check:
    found = shutil.which("inspect")
    if found is None:
        detail = "not on the PATH: evaluations can only be started from Python"
        advice = f"add {Path(sys.executable).parent} to the PATH"
        return Check("inspect command", "warn", detail, advice)
    if Path(found).parent != Path(sys.executable).parent:
        detail = f"{found} belongs to another environment than this one"
        return Check("inspect command", "warn", detail, "install these packages there, too")
    return Check("inspect command", "ok", found)


def _hooks() -> Iterator[Check]:
    points = [
        point
        for point in entry_points(group="inspect_ai")
        if point.name.startswith(_PREFIX.replace("-", "_"))
    ]
    if not points:
        advice = "install inspect-mlflow-tracking"
        yield Check("hooks", "fail", "none is registered: no evaluation is tracked", advice)
    for point in points:
        short_name = point.name.removeprefix("inspect_mlflow_")
        yield _loaded(f"hooks {short_name}", point)


def _commands() -> Iterator[Check]:
    for point in entry_points(group=_COMMANDS):
        yield _loaded(f"command {point.name}", point)


def _loaded(name: str, point: EntryPoint) -> Check:
    try:
        point.load()
    # Importing runs any code of a package; whatever it raises is the finding.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        package = point.dist.name if point.dist is not None else point.value
        return Check(name, "fail", f"cannot be loaded: {reason}", f"reinstall {package}")
    return Check(name, "ok", "registered")
