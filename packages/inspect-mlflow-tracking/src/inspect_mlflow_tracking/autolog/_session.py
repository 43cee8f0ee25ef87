"""Autolog for the time of an evaluation, and afterwards as it was found."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.reporting import warn_once

from ._providers import available_providers, imported_providers, switch_off, switch_on
from ._suppression import suppression_is_possible

_LOOK_SECONDS = 0.2

_lock = threading.Lock()
# Sessions that use a provider which some session switched on, and how it had stood before.
_users: Counter[str] = Counter()
_found_as: dict[str, dict[str, Any]] = {}


class AutologSession:
    """Switches providers on at the start of an evaluation and restores them at its end.

    A provider that the user's own code has switched on is left alone, with its own settings.

    MLflow's autolog belongs to MLflow's fluent interface: it writes to MLflow's process-wide
    tracking URI and experiment. So it stays off when that URI is another one than the
    evaluation's; nothing of MLflow's global state is changed for it.

    Args:
        models: Names of providers.
        tracking_uri: Where the evaluation is tracked.
        suppressing: Whether calls of Inspect's own models must not be traced, because the
            evaluation's own traces hold them already.
    """

    def __init__(
        self, models: Iterable[str], *, tracking_uri: str | None, suppressing: bool = False
    ) -> None:
        self._models = tuple(models)
        self._tracking_uri = tracking_uri
        self._suppressing = suppressing
        self._providers: list[str] = []
        self._tried: set[str] = set()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Switch on the providers whose SDK is imported by now; never raises.

        An SDK that nobody has imported makes no calls, and to trace it MLflow and the SDK would
        have to be imported, which takes seconds of processor time beside the evaluation.
        """
        new = [name for name in imported_providers(self._models) if name not in self._tried]
        if not new or not self._is_possible():
            self._tried.update(new)
            return
        self._tried.update(new)
        for provider in available_providers(new):
            with _lock:
                if self._stopped.is_set():
                    return
                if _enter(provider):
                    self._providers.append(provider)

    def follow(self) -> None:
        """Switch providers on as their SDKs are imported, until `stop`; for a thread."""
        self.start()
        while not self._stopped.wait(_LOOK_SECONDS):
            self.start()

    def stop(self) -> None:
        """Put everything back; also keeps a start that is still under way from going on."""
        self._stopped.set()
        with _lock:
            while self._providers:
                _leave(self._providers.pop())

    def _is_possible(self) -> bool:
        own_uri = _own_tracking_uri()
        if own_uri.rstrip("/") != (self._tracking_uri or "").rstrip("/"):
            warn_once(
                "autolog.tracking_uri",
                f"autolog is off: MLflow's own tracking URI is {mask_uri(own_uri) or 'not set'}; "
                "set MLFLOW_TRACKING_URI to the same value to switch it on, or "
                "INSPECT_MLFLOW_AUTOLOG_ENABLED=false to do without",
            )
            return False
        if self._suppressing and not suppression_is_possible():
            warn_once(
                "autolog.suppression",
                "autolog is off: this version of MLflow cannot keep it from tracing model calls "
                "a second time",
            )
            return False
        return True


def _own_tracking_uri() -> str:
    """Return the URI that MLflow's fluent interface would use, empty for its default.

    MLflow takes a second of processor time to import, right when the evaluation begins. As long as
    nobody has imported it, nothing but the environment can have set its URI.
    """
    if "mlflow" not in sys.modules:
        return os.environ.get("MLFLOW_TRACKING_URI", "")
    import mlflow

    return str(mlflow.get_tracking_uri())


def _enter(provider: str) -> bool:
    """Switch a provider on unless it is on already; say whether it is to be left again."""
    if _users[provider]:
        _users[provider] += 1
        return True
    configuration = _configuration(provider)
    if configuration and not configuration.get("disable", True):
        return False
    if not switch_on(provider):
        return False
    _found_as[provider] = configuration
    _users[provider] = 1
    return True


def _leave(provider: str) -> None:
    _users[provider] -= 1
    if _users[provider]:
        return
    if switch_off(provider):
        from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

        # Switching off leaves a record of it, by which a later `mlflow.autolog()` would pass
        # the provider over.
        AUTOLOGGING_INTEGRATIONS[provider] = _found_as.pop(provider, {})


def _configuration(provider: str) -> dict[str, Any]:
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    return dict(AUTOLOGGING_INTEGRATIONS.get(provider) or {})
