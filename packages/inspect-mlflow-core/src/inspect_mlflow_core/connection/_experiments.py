"""Finds, creates or restores the experiment that runs go to."""

from __future__ import annotations

from inspect_mlflow_core.exceptions import RejectedError

from ._records import Experiment, TrackingStore


def ensure_experiment(store: TrackingStore, name: str) -> str:
    """Return the id of the active experiment of that name.

    A missing experiment is created, a deleted one is taken out of the trash (MLflow keeps its
    name reserved, so that nothing could be logged under it otherwise). When another process
    creates it at the same moment, the loser uses the winner's.

    Args:
        store: Where to look.
        name: Name of the experiment.

    Returns:
        MLflow's experiment id.

    Raises:
        RetryableError: The server cannot be reached now.
        RejectedError: The server refuses, for example for lack of rights.
    """
    experiment = store.get_experiment_by_name(name)
    if experiment is None:
        try:
            return store.create_experiment(name)
        except RejectedError as error:
            experiment = store.get_experiment_by_name(name)
            if experiment is None:
                raise error
    return _active(store, experiment)


def _active(store: TrackingStore, experiment: Experiment) -> str:
    if not experiment.deleted:
        return experiment.experiment_id
    try:
        store.restore_experiment(experiment.experiment_id)
    except RejectedError:
        # Someone else may have restored it in between: only a still deleted one is an error.
        again = store.get_experiment_by_name(experiment.name)
        if again is None or again.deleted:
            raise
    return experiment.experiment_id
