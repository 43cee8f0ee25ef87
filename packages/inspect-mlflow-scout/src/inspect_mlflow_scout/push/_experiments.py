"""In which experiments traces are looked for."""

from __future__ import annotations

from functools import partial

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import AssessmentStore, Experiment, open_tracking_store
from inspect_mlflow_core.exceptions import ConfigurationError
from inspect_mlflow_core.sync import with_retries

__all__ = ["all_experiments", "first_experiments"]


def first_experiments(settings: MLflowSettings, *, named: bool) -> list[Experiment]:
    """The experiment of the settings, if there is one of that name.

    Args:
        settings: With the tracking URI.
        named: Whether somebody has asked for it, so that nothing else will do.

    Raises:
        ConfigurationError: There is none, and somebody has asked for it.
        DeliveryError: The store cannot be asked.
    """
    store = open_tracking_store(settings.tracking_uri or "")
    name = settings.experiment_name
    found = with_retries(partial(store.get_experiment_by_name, name))
    if found is not None and not found.deleted:
        return [found]
    if named:
        raise ConfigurationError(f"there is no experiment named {name!r}")
    return []


def all_experiments(store: AssessmentStore) -> list[Experiment]:
    """All experiments that are not deleted.

    Raises:
        DeliveryError: The store cannot be asked.
    """
    return with_retries(store.experiments)
