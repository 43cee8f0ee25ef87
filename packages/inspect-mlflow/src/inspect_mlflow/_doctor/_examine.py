"""All checks, in the order in which one rests on the other."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable, Iterator

from inspect_mlflow._doctor._check import Check
from inspect_mlflow._doctor._installation import installation_checks
from inspect_mlflow._doctor._settings import setting_checks, usable_settings
from inspect_mlflow._doctor._store import store_checks

# Servers get the short timeouts of our own transport. This is for database drivers, which wait
# for minutes by default; creating the tables of a new database takes some ten seconds.
STEP_SECONDS = 45.0


def examine(*, dotenv_variables: frozenset[str] = frozenset()) -> Iterator[Check]:
    """Check the installation, then the settings, then the store that they name.

    Args:
        dotenv_variables: Variables that a `.env` file brought into the environment.

    Yields:
        Checks, each as soon as it is done. Where no tracking URI can be used the last ones,
        about the store, are left out.
    """
    yield from installation_checks()
    settings, problems = usable_settings(os.environ)
    yield from setting_checks(settings, problems, os.environ, dotenv_variables)
    if settings.tracking_uri is not None:
        yield from within(STEP_SECONDS, store_checks(settings))


def within(step_seconds: float, checks: Iterable[Check]) -> Iterator[Check]:
    """Pass checks on, and give up when one of them takes too long.

    Args:
        step_seconds: How long one check may take.
        checks: Consumed in a daemon thread, which is left behind when it hangs.

    Yields:
        The checks, and after a silence of `step_seconds` one that says so.
    """
    done: queue.SimpleQueue[Check | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            for check in checks:
                done.put(check)
        finally:
            done.put(None)

    threading.Thread(target=work, name="inspect-mlflow-doctor", daemon=True).start()
    while True:
        try:
            check = done.get(timeout=step_seconds)
        except queue.Empty:
            detail = f"no answer within {step_seconds:g} s"
            yield Check("store", "fail", detail, "check its address, and that it is well")
            return
        if check is None:
            return
        yield check
