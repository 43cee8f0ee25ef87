"""Runs the demo and reads back what landed in MLflow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from inspect_mlflow_core.config import MLflowSettings
    from inspect_mlflow_core.connection import RunRecord

_DATABASE = "mlflow.db"
_URI_VARIABLE = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the demo left behind.

    Args:
        tracking_uri: Where the run was sent.
        experiment_name: In which experiment.
        log_path: The eval log.
        log_status: Inspect's status of the evaluation.
        run: The task's run as MLflow has it, or None when it is not there.
        problem: Why it is not there, in one line.
    """

    tracking_uri: str
    experiment_name: str
    log_path: str
    log_status: str
    run: RunRecord | None
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether the evaluation went through and MLflow has its finished run."""
        finished = self.run is not None and self.run.status == "FINISHED"
        return self.log_status == "success" and finished

    def report(self) -> str:
        """What landed, where the log is and how to look at it, for a terminal."""
        from inspect_mlflow_core.conversion import mask_uri

        shown_uri = mask_uri(self.tracking_uri)
        if self.run is None:
            problem = self.problem or "the run is not there"
            return (
                f"Nothing landed in MLflow ({shown_uri}): {problem}\n"
                f"The evaluation is complete in its log: {self.log_path}\n"
                f"When MLflow is well again: inspect-mlflow sync {self.log_path}"
            )
        landed = [f"  {name:<9} {value}" for name, value in _facts(self.run)]
        return "\n".join(
            [
                "",
                f"In MLflow ({shown_uri}), experiment {self.experiment_name}:",
                *landed,
                "",
                f"Log: {self.log_path}",
                "",
                *_how_to_look(self.tracking_uri, shown_uri, self.experiment_name, self.run.name),
            ]
        )


def run_demo(directory: Path | None, *, say: Callable[[str], None]) -> DemoOutcome:
    """Run the demo's evaluation with live tracking.

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
    with _tracking_uri_set(f"sqlite:///{(folder / _DATABASE).as_posix()}"):
        settings = load_settings()
        if not settings.enabled:
            switch = settings.sources()["enabled"]
            raise ConfigurationError(f"{switch} switches tracking off; unset it for the demo")
        log = _evaluate(folder / "logs", say)
        return _outcome(settings, log)


@contextmanager
def _tracking_uri_set(default: str) -> Iterator[None]:
    """Give the hooks a tracking URI where none is configured, for the time of the block."""
    from inspect_mlflow_core.config import load_settings

    if load_settings().tracking_uri is not None:
        yield
        return
    before = os.environ.get(_URI_VARIABLE)
    os.environ[_URI_VARIABLE] = default
    try:
        yield
    finally:
        if before is None:
            del os.environ[_URI_VARIABLE]
        else:
            os.environ[_URI_VARIABLE] = before


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

    run, problem = None, ""
    try:
        run = _landed_run(settings, log.eval.eval_id)
    except DeliveryError as error:
        problem = str(error)
    return DemoOutcome(
        tracking_uri=settings.tracking_uri or "",
        experiment_name=settings.experiment_name,
        log_path=_local_path(log.location),
        log_status=log.status,
        run=run,
        problem=problem,
    )


def _landed_run(settings: MLflowSettings, eval_id: str) -> RunRecord | None:
    from inspect_mlflow_core.connection import find_run, open_tracking_store

    store = open_tracking_store(settings.tracking_uri or "")
    experiment = store.get_experiment_by_name(settings.experiment_name)
    if experiment is None:
        return None
    return find_run(store, experiment.experiment_id, {"inspect.eval_id": eval_id})


def _local_path(location: str) -> str:
    path = Path(location)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    metrics = run.metrics
    correct, scored = metrics.get("inspect.samples_correct"), metrics.get("inspect.samples_scored")
    return [
        ("run", run.name),
        ("status", run.status),
        (
            "accuracy",
            f"{_number(metrics.get('inspect.accuracy'))} "
            f"({_number(correct)} of {_number(scored)} answers correct)",
        ),
        ("samples", _number(metrics.get("completed_samples"))),
        ("tokens", _number(metrics.get("inspect.tokens.total_tokens"))),
    ]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _how_to_look(uri: str, shown_uri: str, experiment: str, run_name: str) -> list[str]:
    if uri.startswith(("http://", "https://")):
        where = [f"To look at it, open {shown_uri}"]
    else:
        where = [
            "To look at it:",
            f"  mlflow ui --backend-store-uri {shown_uri}",
            "and open http://127.0.0.1:5000",
        ]
    return [
        *where,
        f"There, click the experiment {experiment} (experiment type: Machine learning), then the "
        f"run {run_name}, which is under the parent run of its evaluation.",
    ]
