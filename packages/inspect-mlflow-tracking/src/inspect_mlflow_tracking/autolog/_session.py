"""Autolog for the time of an evaluation, and afterwards as it was found."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import DeliveryError
from inspect_mlflow_core.reporting import warn_once

from ._providers import available_providers, imported_providers, switch_off, switch_on
from ._routing import route_to_evaluation
from ._suppression import suppression_is_possible

_LOOK_SECONDS = 0.2

_lock = threading.Lock()
# Sessions that use a provider which some session switched on, and what MLflow noted of that.
_users: Counter[str] = Counter()
_noted: dict[str, Any] = {}


class AutologSession:
    """Switches providers on at the start of an evaluation and restores them at its end.

    A provider that the user's own code has switched on or off, before or meanwhile, is left alone
    with its own settings.

    MLflow's autolog belongs to MLflow's fluent interface: it writes to MLflow's process-wide
    tracking URI. So it stays off when that URI is another one than the evaluation's; nothing of
    MLflow's global state is changed for it. It also stays off when the server does not answer at
    the start, because MLflow would hold up the end of the process for minutes to deliver traces.

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
        self._routes = False
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
        # Not at the top: the event loop imports this module when an evaluation begins.
        from inspect_mlflow_core.connection import tracking_uri_kind

        self._tried.update(new)
        self._routes = tracking_uri_kind(self._tracking_uri or "") != "databricks"
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

    def route(self, eval_id: str) -> None:
        """Send the traces of the calling task to its evaluation's experiment; cheap to repeat.

        To be called in the task that runs a sample: see `route_to_evaluation`. Databricks binds
        experiments to places of its own, so that there MLflow's own experiment remains.

        Args:
            eval_id: Inspect's eval id.
        """
        if self._routes and not self._stopped.is_set():
            route_to_evaluation(eval_id)

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
        if not _answers(own_uri):
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


def _answers(tracking_uri: str) -> bool:
    """Say whether a server is there; a database is opened by the worker, not here a second time."""
    from inspect_mlflow_core.connection import open_tracking_store, tracking_uri_kind

    if tracking_uri_kind(tracking_uri) not in ("http", "databricks"):
        return True
    try:
        open_tracking_store(tracking_uri).check()
    except DeliveryError as error:
        warn_once(
            "autolog.unreachable",
            f"autolog is off: {mask_uri(tracking_uri)} gave no answer ({error.cause})",
        )
        return False
    return True


def _enter(provider: str) -> bool:
    """Switch a provider on unless the user has decided; say whether it is to be left again."""
    if _users[provider]:
        _users[provider] += 1
        return True
    if _note(provider) or not switch_on(provider):
        return False
    _noted[provider] = _note(provider)
    _users[provider] = 1
    return True


def _leave(provider: str) -> None:
    _users[provider] -= 1
    if _users[provider]:
        return
    # Every call of `autolog` makes a note of its own.
    if _noted.pop(provider) is _note(provider) and switch_off(provider):
        from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

        # As it stands after the flavour's import. The note that switching off has left would make
        # a later `mlflow.autolog()` pass the provider over.
        AUTOLOGGING_INTEGRATIONS[provider] = {}


def _note(provider: str) -> Any:
    """Return what MLflow noted when `autolog` was last called; empty if it never was."""
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    return AUTOLOGGING_INTEGRATIONS.get(provider)
