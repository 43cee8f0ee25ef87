"""Finds runs by their tags and creates them at most once."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping

from inspect_mlflow_core.exceptions import RetryableError

from ._records import RunRecord, TrackingStore

_CREATION_ATTEMPTS = 5
# Long against the one request with which another process takes its run back.
_PAUSE_SECONDS = 1.0


def tag_filter(tags: Mapping[str, str]) -> str:
    """Return MLflow's filter text for runs that carry all these tags.

    Args:
        tags: Names and exact values; an empty value is not supported by MLflow's filter.

    Returns:
        Text for `search_runs`, quoted by MLflow's rules
        (https://mlflow.org/docs/latest/search-runs/). A value with both kinds of quotes or
        with a backslash cannot be written down there, so that runs with another character in
        such a place match too.
    """
    return " and ".join(f"tags.`{name}` {_comparison(value)}" for name, value in tags.items())


def _comparison(value: str) -> str:
    # MLflow's filter language has no escape: a text with one kind of quote stands in the other,
    # and a backslash before the end may hide it.
    if "\\" not in value and "'" not in value:
        return f"= '{value}'"
    if "\\" not in value and '"' not in value:
        return f'= "{value}"'
    pattern = re.sub(r"['\\]", "_", value)
    return f"LIKE '{pattern}'"


def find_run(
    store: TrackingStore, experiment_id: str, identity: Mapping[str, str]
) -> RunRecord | None:
    """Return the oldest active run that carries the identifying tags.

    Args:
        store: Where to look.
        experiment_id: In which experiment.
        identity: Tags that identify the run, for example `{"inspect.eval_id": ...}`.

    Returns:
        The run, or None.
    """
    return min(_matching(store, experiment_id, identity), key=_age, default=None)


def create_run_once(
    store: TrackingStore,
    experiment_id: str,
    identity: Mapping[str, str],
    *,
    name: str,
    start_time_ms: int,
    tags: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[RunRecord, bool]:
    """Return the run with these identifying tags, created if it was missing.

    MLflow's create call takes no id and is not idempotent: a request whose answer was lost, or
    two processes that work on one log, would leave two runs. So the run is looked up before and
    after a creation. Whoever then sees a second run takes its own back: the other one may have
    looked before there were two, and goes on. Should both have done so, both try again after
    pauses of different length, neither so short that it could find, and take for its own, the run
    that the other one is about to take back.

    Args:
        store: Where to look and create.
        experiment_id: In which experiment.
        identity: Tags that identify the run.
        name: Display name of a new run.
        start_time_ms: Start of a new run, milliseconds since the epoch.
        tags: Further tags of a new run.
        sleep: Pauses for so many seconds.

    Returns:
        The run, and whether this call created it.
    """
    shortest_seconds = _PAUSE_SECONDS
    for attempt in range(_CREATION_ATTEMPTS):
        if attempt:
            sleep(shortest_seconds * random.uniform(1, 1 + attempt))
        existing = find_run(store, experiment_id, identity)
        if existing is not None:
            return existing, False
        began_seconds = time.monotonic()
        created = store.create_run(
            experiment_id, name=name, start_time_ms=start_time_ms, tags={**tags, **identity}
        )
        found = _matching(store, experiment_id, identity)
        if all(run.run_id == created.run_id for run in found):
            return created, True
        store.delete_run(created.run_id)
        # Where three requests took longer than that, one may, too.
        shortest_seconds = max(_PAUSE_SECONDS, time.monotonic() - began_seconds)
    raise RetryableError("several processes are creating the same run", cause="run_creation_race")


def _matching(
    store: TrackingStore, experiment_id: str, identity: Mapping[str, str]
) -> list[RunRecord]:
    found = store.search_runs([experiment_id], tag_filter(identity), max_results=100)
    # Patterns match more, and so do databases whose comparison ignores case.
    return [run for run in found if identity.items() <= run.tags.items()]


def _age(run: RunRecord) -> tuple[int, str]:
    return run.start_time_ms, run.run_id
