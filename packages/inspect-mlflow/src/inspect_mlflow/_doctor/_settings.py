"""Checks of the settings: which are wrong, what the others are and where they come from."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from inspect_mlflow._doctor._check import Check
from inspect_mlflow_core.config import MLflowSettings, load_settings
from inspect_mlflow_core.connection import tracking_uri_kind
from inspect_mlflow_core.conversion import mask_text, mask_uri
from inspect_mlflow_core.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_PREFIX = "INSPECT_MLFLOW_"
_TRACING_MODULE = "inspect_mlflow_tracing"
_TRACING_PACKAGE = "inspect-mlflow-tracing"
_PREFIXES = (_PREFIX, "MLFLOW_")
_KINDS = {
    "http": "an HTTP server",
    "databricks": "Databricks",
    "database": "a database that is opened directly",
}


def usable_settings(environment: Mapping[str, str]) -> tuple[MLflowSettings, dict[str, str]]:
    """The settings without the variables that cannot be used.

    Args:
        environment: Variables and their values.

    Returns:
        What the other variables describe, and for each wrong one what is wrong.
    """
    usable, problems = dict(environment), dict[str, str]()
    while True:
        try:
            return load_settings(environment=usable), problems
        except ConfigurationError as error:
            found = _wrong_variables(usable, str(error))
            if not found:
                raise
            problems.update(found)
            usable = {name: value for name, value in usable.items() if name not in found}


def setting_checks(
    settings: MLflowSettings,
    problems: Mapping[str, str],
    environment: Mapping[str, str],
    dotenv_variables: AbstractSet[str],
) -> Iterator[Check]:
    """Tell each setting, each wrong variable and each variable that looks misspelt.

    Args:
        settings: From `usable_settings`.
        problems: From `usable_settings`.
        environment: Variables and their values.
        dotenv_variables: Those that a `.env` file brought.
    """
    for variable, problem in problems.items():
        advice = "until it is mended or unset, evaluations are not tracked"
        yield Check(variable, "fail", _without_name(problem, variable), advice)
    yield from _misspelt(environment)
    sources = settings.sources()
    for field in type(settings).model_fields:
        source = sources[field]
        origin = f"{source} in .env" if source in dotenv_variables else source
        yield _setting(settings, field, origin)
    if settings.tracking_uri is not None:
        yield _kind(settings.tracking_uri)


def _wrong_variables(environment: Mapping[str, str], message: str) -> dict[str, str]:
    """Which variables a message about all of them speaks of, found by reading each alone."""
    found = {}
    for name, value in environment.items():
        problem = _problem_of(name, value)
        if problem is not None and problem in message:
            found[name] = problem
    return found


def _problem_of(name: str, value: str) -> str | None:
    if not name.startswith(_PREFIXES):
        return None
    try:
        load_settings(environment={name: value})
    except ConfigurationError as error:
        return str(error)
    return None


def _without_name(problem: str, variable: str) -> str:
    return problem.removeprefix(variable).strip()


def _misspelt(environment: Mapping[str, str]) -> Iterator[Check]:
    known = [_PREFIX + field.upper() for field in MLflowSettings.model_fields]
    for name in sorted(environment):
        if not name.startswith(_PREFIX) or _is_setting(name):
            continue
        close = difflib.get_close_matches(name, known, n=1)
        advice = f"did you mean {close[0]}?" if close else "unset it"
        yield Check(name, "warn", "is the name of no setting", advice)


def _is_setting(name: str) -> bool:
    try:
        return name in load_settings(environment={name: "1"}).sources().values()
    except ConfigurationError:
        return True


def _setting(settings: MLflowSettings, field: str, origin: str) -> Check:
    value = getattr(settings, field)
    if field == "tracking_uri" and value is None:
        advice = "export MLFLOW_TRACKING_URI=http://localhost:5000 (or sqlite:///mlflow.db)"
        return Check(field, "fail", "not set: evaluations are not tracked", advice)
    if field == "enabled" and not value:
        detail = f"False ({origin}): evaluations are not tracked"
        return Check(field, "warn", detail, "unset it to track them")
    if field == "tracing_enabled":
        return _tracing(settings, origin)
    return Check(field, "ok", f"{_shown(field, value)} ({origin})")


def _tracing(settings: MLflowSettings, origin: str) -> Check:
    detail = f"{settings.tracing_enabled} ({origin})"
    if not settings.tracing_enabled:
        advice = f"export {_PREFIX}TRACING_ENABLED=true for a trace of every sample"
        return Check("tracing_enabled", "ok", f"{detail}: no traces", advice)
    if find_spec(_TRACING_MODULE) is None:
        detail += f", but {_TRACING_PACKAGE} is not installed: no traces"
        return Check("tracing_enabled", "warn", detail, f"install {_TRACING_PACKAGE}")
    content = "" if settings.trace_content == "full" else ", without prompts and outputs"
    return Check("tracing_enabled", "ok", f"{detail}: a trace of every sample{content}")


def _shown(field: str, value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return mask_uri(str(value)) if field == "tracking_uri" else mask_text(str(value))


def _kind(tracking_uri: str) -> Check:
    kind = tracking_uri_kind(tracking_uri)
    if kind == "other":
        detail = "a directory, or the scheme of a plugin"
        advice = "newer MLflow does not write to directories; use sqlite:///mlflow.db or a server"
        return Check("store kind", "warn", detail, advice)
    if kind == "http" and mask_uri(tracking_uri) != tracking_uri:
        advice = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead"
        return Check("store kind", "warn", f"{_KINDS[kind]}, with credentials in its URI", advice)
    return Check("store kind", "ok", _KINDS[kind])
