"""Whether a hook is on, asked about forty times a sample.

Inspect asks before every emission, from its event loop. An answer therefore costs one look at
the variables it depends on; settings are only built when one of them changed. Without a tracking
URI nothing is imported at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ._variables import ALL_VARIABLES, TRACKING_URI_VARIABLES, is_unset

if TYPE_CHECKING:
    from .config import MLflowSettings

_POSITIONS_OF_URI: Final = tuple(ALL_VARIABLES.index(name) for name in TRACKING_URI_VARIABLES)


class Activation:
    """The settings in force, as long as they say that there is something to do.

    Follows the environment: a variable that changes takes effect at the next question. Never
    raises. A wrong value is warned about once and turns the hook off until it is mended.

    One object may be asked from several threads; at worst two of them build the same settings.

    Args:
        warn: Gets each distinct message once. By default it goes to
            `inspect_mlflow_core.reporting.warn_once`.
    """

    def __init__(self, warn: Callable[[str], None] | None = None) -> None:
        self._warn = warn
        self._warned: set[str] = set()
        # Snapshot and what follows from it are replaced together, in one assignment, so that no
        # thread sees the settings of another snapshot.
        self._known: tuple[tuple[Any, ...] | None, MLflowSettings | None] = (None, None)
        self._environment: Mapping[str, str] | None = None
        self._read: Callable[[Any], Any] = os.environ.get
        self._keys: tuple[Any, ...] = ALL_VARIABLES

    def is_active(self) -> bool:
        """Whether there is a tracking URI, nothing is wrong and nothing switches this off."""
        return self.current_settings() is not None

    def current_settings(self) -> MLflowSettings | None:
        """The settings, or None where there is nothing to do.

        None means that `enabled` is false, that no tracking URI is set, or that a variable has a
        value that cannot be used.
        """
        if self._environment is not os.environ:
            self._attach()
        snapshot = tuple(map(self._read, self._keys))
        known, settings = self._known
        if snapshot == known:
            return settings
        settings = self._settings_of(snapshot)
        self._known = (snapshot, settings)
        return settings

    def _attach(self) -> None:
        """Find the quickest way to read `os.environ`, which a test may have replaced.

        Twenty look-ups through `os.environ` take 11 µs, through the dictionary behind it
        0.5 µs. That dictionary is private to CPython, hence the way without it.
        """
        environment = os.environ
        behind = getattr(environment, "_data", None)
        encode = getattr(environment, "encodekey", None)
        if isinstance(behind, dict) and callable(encode):
            self._read, self._keys = behind.get, tuple(map(encode, ALL_VARIABLES))
        else:
            self._read, self._keys = environment.get, ALL_VARIABLES
        self._environment = environment

    def _settings_of(self, snapshot: tuple[Any, ...]) -> MLflowSettings | None:
        # Raw values are bytes on POSIX; stripped ones are false when empty in either form.
        if not any(
            snapshot[position] and snapshot[position].strip() for position in _POSITIONS_OF_URI
        ):
            return None
        try:
            from .config import load_settings

            settings = load_settings()
        except Exception as error:
            # Whatever it is, even a broken installation of pydantic, the evaluation goes on.
            self._report(_one_line(error))
            return None
        return settings if settings.enabled and not is_unset(settings.tracking_uri) else None

    def _report(self, problem: str) -> None:
        message = f"logging to MLflow is off: {problem}"
        if message in self._warned:
            return
        self._warned.add(message)
        warn = self._warn or _warn_through_reporting
        try:
            warn(message)
        except Exception:
            # There is nowhere left to say it, and a hook that raises here would end the run.
            return


def _one_line(error: Exception) -> str:
    from .exceptions import ConfigurationError

    if isinstance(error, ConfigurationError):
        return str(error)
    return f"the settings cannot be read ({type(error).__name__})"


def _warn_through_reporting(message: str) -> None:
    from .reporting import warn_once

    warn_once(f"settings:{message}", message)
