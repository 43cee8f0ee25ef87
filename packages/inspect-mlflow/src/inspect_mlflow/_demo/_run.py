"""Runs the demo and reads back what landed in MLflow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from inspect_mlflow._demo._outcome import DemoOutcome, DemoTraces

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from inspect_mlflow_core.config import MLflowSettings
    from inspect_mlflow_core.connection import RunRecord

_DATABASE = "mlflow.db"
_URI_VARIABLE = "MLFLOW_TRACKING_URI"
_TRACING_VARIABLE = "INSPECT_MLFLOW_TRACING_ENABLED"


def run_demo(directory: Path | None, *, say: Callable[[str], None]) -> DemoOutcome:
    """Run the demo's evaluation with live tracking and tracing.

    Args:
        directory: For the store and the log; None is the current directory.
        say: Gets a line before the evaluation starts.

    Returns:
        What MLflow has of it afterwards.

    Raises:
        ConfigurationError: A setting has a wrong value, or switches tracking off.
    """
    from inspect_mlflow_core.config import load_settings
    from inspect_mlflow_core.exceptions import ConfigurationError

    folder = Path() if directory is None else directory.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with _demo_settings(f"sqlite:///{(folder / _DATABASE).as_posix()}"):
        settings = load_settings()
        if not settings.enabled:
            switch = settings.sources()["enabled"]
            raise ConfigurationError(f"{switch} switches tracking off; unset it for the demo")
        log = _evaluate(folder / "logs", say)
        return _outcome(settings, log)


@contextmanager
def _demo_settings(default_tracking_uri: str) -> Iterator[None]:
    """Give the hooks a tracking URI and tracing, where neither is configured, for the block."""
    from inspect_mlflow_core.config import load_settings

    settings, added = load_settings(), dict[str, str]()
    if settings.tracking_uri is None:
        added[_URI_VARIABLE] = default_tracking_uri
    if settings.sources()["tracing_enabled"].startswith("default"):
        added[_TRACING_VARIABLE] = "true"
    # An empty variable counts as not set, but is there.
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _evaluate(log_directory: Path, say: Callable[[str], None]) -> EvalLog:
    from inspect_ai import eval as evaluate

    from inspect_mlflow._demo._task import EPOCHS, QUESTIONS, arithmetic, mock_model

    say(f"Evaluating {len(QUESTIONS)} questions {EPOCHS} times on Inspect's mock model ...")
    logs = evaluate(
        arithmetic(),
        model=mock_model(),
        log_dir=str(log_directory),
        log_format="eval",
        display="none",
    )
    return logs[0]


def _outcome(settings: MLflowSettings, log: EvalLog) -> DemoOutcome:
    from inspect_mlflow_core.exceptions import DeliveryError

    run, problem, traces = None, "", DemoTraces(0, len(log.samples or []))
    try:
        run = _landed_run(settings, log.eval.eval_id)
        if run is not None:
            traces = _landed_traces(settings, run, log)
    except DeliveryError as error:
        problem = str(error)
    return DemoOutcome(
        tracking_uri=settings.tracking_uri or "",
        experiment_name=settings.experiment_name,
        log_path=_local_path(log.location),
        log_status=log.status,
        run=run,
        traces=traces,
        problem=problem,
    )


def _landed_run(settings: MLflowSettings, eval_id: str) -> RunRecord | None:
    from inspect_mlflow_core.connection import find_run, open_tracking_store

    store = open_tracking_store(settings.tracking_uri or "")
    experiment = store.get_experiment_by_name(settings.experiment_name)
    if experiment is None:
        return None
    return find_run(store, experiment.experiment_id, {"inspect.eval_id": eval_id})


def _landed_traces(settings: MLflowSettings, run: RunRecord, log: EvalLog) -> DemoTraces:
    from inspect_mlflow_core.connection import open_trace_store, tag_filter
    from inspect_mlflow_core.exceptions import RejectedError
    from inspect_mlflow_tracing.mapping import TRACE_DIGEST

    expected = len(log.samples or [])
    if not settings.tracing_enabled:
        switch = settings.sources()["tracing_enabled"]
        return DemoTraces(0, expected, f"{switch} switches tracing off")
    try:
        store = open_trace_store(settings.tracking_uri or "")
        found = store.search_traces(
            run.experiment_id, tag_filter({"inspect.eval_id": log.eval.eval_id})
        )
    except RejectedError as error:
        if error.cause != "traces_unsupported":
            raise
        return DemoTraces(0, expected, str(error))
    return DemoTraces(sum(TRACE_DIGEST in trace.tags for trace in found), expected)


def _local_path(location: str) -> str:
    path = Path(location)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
