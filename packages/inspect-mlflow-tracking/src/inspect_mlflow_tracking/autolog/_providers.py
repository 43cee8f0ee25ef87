"""Which provider SDKs MLflow can trace here."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

from inspect_mlflow_core.reporting import warn_once

FindSpec = Callable[[str], Any]
ImportModule = Callable[[str], Any]

# The SDK's module; where there are several, any of them will do.
_SDK_MODULES: Final[dict[str, tuple[str, ...]]] = {
    "openai": ("openai",),
    "anthropic": ("anthropic",),
    "langchain": ("langchain_core", "langchain"),
    "litellm": ("litellm",),
    "mistral": ("mistralai",),
    "groq": ("groq",),
    "cohere": ("cohere",),
    "gemini": ("google.genai", "google.generativeai"),
    "bedrock": ("boto3", "botocore"),
}
# Given to a flavour that knows them. Notes on tested versions would stand in the middle of the
# evaluation's display; OpenAI's own tracing of agents would be gone for good.
_CONSIDERATE_OPTIONS: Final = {"silent": True, "disable_openai_agent_tracer": False}
SUPPORTED_PROVIDERS: Final = tuple(_SDK_MODULES)


def enable_autolog(
    models: list[str],
    *,
    find_spec: FindSpec = importlib.util.find_spec,
    import_module: ImportModule = importlib.import_module,
) -> bool:
    """Switch MLflow's autolog on for the given providers.

    A provider is switched on when both MLflow's flavour module and the provider's SDK are
    installed; others are passed over. A provider that fails is reported once and passed over, so
    that an evaluation never breaks over it.

    Args:
        models: Names among `SUPPORTED_PROVIDERS`.
        find_spec: Finds a module without importing it.
        import_module: Imports a module.

    Returns:
        True if at least one provider was switched on.
    """
    enabled = [
        provider
        for provider in available_providers(models, find_spec)
        if switch_on(provider, import_module)
    ]
    return bool(enabled)


def available_providers(
    models: Iterable[str], find_spec: FindSpec = importlib.util.find_spec
) -> list[str]:
    """Return the providers whose SDK and MLflow flavour are both installed.

    Args:
        models: Names; unknown ones are reported once and left out.
        find_spec: Finds a module without importing it.

    Returns:
        Names in the given order, each once.
    """
    found = []
    for model in dict.fromkeys(name.strip().lower() for name in models):
        if model not in _SDK_MODULES:
            warn_once(
                f"autolog.unknown.{model}",
                f"autolog knows no provider {model!r}, only {', '.join(SUPPORTED_PROVIDERS)}",
            )
        elif _is_available(model, find_spec):
            found.append(model)
    return found


def imported_providers(models: Iterable[str]) -> list[str]:
    """Return the providers whose SDK this process has imported.

    Args:
        models: Names; unknown ones have no SDK.

    Returns:
        Names in the given order, each once.
    """
    names = dict.fromkeys(name.strip().lower() for name in models)
    return [name for name in names if any(map(_is_imported, _SDK_MODULES.get(name, ())))]


def switch_on(provider: str, import_module: ImportModule = importlib.import_module) -> bool:
    """Call `mlflow.<provider>.autolog()`.

    Args:
        provider: A provider that is available.
        import_module: Imports a module.

    Returns:
        Whether it went well.
    """
    return _call_autolog(provider, import_module)


def switch_off(provider: str, import_module: ImportModule = importlib.import_module) -> bool:
    """Call `mlflow.<provider>.autolog(disable=True)`.

    Args:
        provider: A provider that was switched on.
        import_module: Imports a module.

    Returns:
        Whether it went well.
    """
    return _call_autolog(provider, import_module, disable=True)


def _call_autolog(provider: str, import_module: ImportModule, **options: Any) -> bool:
    try:
        autolog = getattr(import_module(f"mlflow.{provider}"), "autolog", None)
        if not callable(autolog):
            return False
        known = _parameters(autolog)
        considerate = {key: value for key, value in _CONSIDERATE_OPTIONS.items() if key in known}
        autolog(**considerate, **options)
    except Exception as error:  # A flavour can fail in any way that its SDK can.
        _report_failure(provider, error)
        return False
    return True


def _report_failure(provider: str, error: Exception) -> None:
    warn_once(
        f"autolog.failed.{provider}",
        f"autolog for {provider} failed ({type(error).__name__}); its calls are not traced",
    )


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()


def _is_imported(module: str) -> bool:
    found = sys.modules.get(module)
    # While its own import still runs, a flavour would find half of it.
    return found is not None and not getattr(
        getattr(found, "__spec__", None), "_initializing", False
    )


def _is_available(provider: str, find_spec: FindSpec) -> bool:
    try:
        return _installed(_SDK_MODULES[provider], find_spec) and _installed(
            (f"mlflow.{provider}",), find_spec
        )
    except Exception as error:  # Finding a submodule imports its parents, which may be broken.
        _report_failure(provider, error)
        return False


def _installed(modules: Iterable[str], find_spec: FindSpec) -> bool:
    return any(_found(module, find_spec) for module in modules)


def _found(module: str, find_spec: FindSpec) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        # A missing parent package ("google" of "google.genai"), or a module without a spec.
        return False
