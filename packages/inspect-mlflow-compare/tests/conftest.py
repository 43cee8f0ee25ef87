"""Eval logs made in code, and a few by real evaluations."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from inspect_ai.event import Event
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalError,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalSampleLimit,
    EvalScore,
    EvalSpec,
    write_eval_log,
)
from inspect_ai.model import ModelUsage
from inspect_ai.scorer import Score

from inspect_mlflow_compare import ComparisonResult, ComparisonSet, GateThresholds, compare_many

# How fast a machine makes up input, and how fast it tests it, says nothing about the code.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")

_numbers = itertools.count(1)


def _make_sample(
    id: int | str,
    value: Any = "C",
    *,
    epoch: int = 1,
    scorer: str = "match",
    scores: Mapping[str, Any] | None = None,
    error: str | None = None,
    limit: str | None = None,
    tokens: int | None = None,
    cost: float | None = None,
    events: list[Event] | None = None,
    **fields: Any,
) -> EvalSample:
    """A sample; `value=None` leaves it without a score."""
    values = dict(scores) if scores is not None else {} if value is None else {scorer: value}
    usage = {}
    if tokens is not None:
        usage["mockllm/model"] = ModelUsage(
            input_tokens=tokens, output_tokens=1, total_tokens=tokens + 1, total_cost=cost
        )
    sample = EvalSample(
        id=id,
        epoch=epoch,
        input=fields.pop("input", f"question {id}"),
        target=fields.pop("target", "yes"),
        scores={name: Score(value=value) for name, value in values.items()} or None,
        model_usage=usage,
        uuid=f"uuid-{next(_numbers)}",
        events=events or [],
        **fields,
    )
    if error is not None:
        sample.error = EvalError(message=error, traceback="", traceback_ansi="")
    if limit is not None:
        sample.limit = EvalSampleLimit(type=limit, limit=10)
    return sample


def _make_log(
    samples: Mapping[Any, Any] | Iterable[EvalSample],
    *,
    scorer: str = "match",
    epochs: int = 1,
    status: str = "success",
    metrics: Mapping[str, float] | None = None,
    results: EvalResults | None = None,
    dataset: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    **fields: Any,
) -> EvalLog:
    """A log of samples, or of a score for each id; with epochs, of a list of scores for each."""
    if isinstance(samples, Mapping):
        samples = [
            _make_sample(id, value, epoch=epoch, scorer=scorer)
            for id, values in samples.items()
            for epoch, value in enumerate(values if epochs > 1 else [values], start=1)
        ]
    made = list(samples)
    number = next(_numbers)
    if results is None and metrics is not None:
        score = EvalScore(
            name=scorer,
            scorer=scorer,
            reducer="mean",
            metrics={name: EvalMetric(name=name, value=value) for name, value in metrics.items()},
        )
        results = EvalResults(total_samples=len(made), completed_samples=len(made), scores=[score])
    return EvalLog(
        status=status,
        eval=EvalSpec(
            created="2026-01-02T03:04:05+00:00",
            task=fields.pop("task", "task"),
            task_id=f"task-{number}",
            run_id=f"run-{number}",
            eval_id=fields.pop("eval_id", f"eval-{number}"),
            model=fields.pop("model", "mockllm/model"),
            dataset=EvalDataset(**{"name": "questions", **(dataset or {})}),
            config=EvalConfig(epochs=epochs, **(config or {})),
            **fields,
        ),
        results=results,
        samples=made,
    )


@pytest.fixture(scope="session")
def make_sample() -> Callable[..., EvalSample]:
    """Makes samples: `make_sample(7, "C", epoch=2, error="timeout")`."""
    return _make_sample


@pytest.fixture(scope="session")
def make_log() -> Callable[..., EvalLog]:
    """Makes logs: `make_log({1: "C", 2: "I"})`, `make_log([sample, ...], model="openai/x")`."""
    return _make_log


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a log to a file, in the format that the name asks for."""

    def write(log: EvalLog, name: str | None = None) -> Path:
        path = tmp_path / (name or f"log-{next(_numbers)}.eval")
        write_eval_log(log, path)
        return path

    return write


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[EvalLog, EvalLog]:
    """Two real evaluations of six questions, two epochs, three scorers and two reducers.

    The first answers "2", the second answers "3"; `grades` leaves question 3 unscored.
    """
    from inspect_ai import Epochs, Task, eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ModelOutput, get_model
    from inspect_ai.scorer import Target, match, mean, scorer, stderr
    from inspect_ai.solver import TaskState

    @scorer(metrics={"tone": [mean(), stderr()], "style": [mean()]})
    def grades():
        async def score(state: TaskState, target: Target) -> Score:
            if state.sample_id == 3:
                return Score.unscored()
            return Score(value={"tone": 1 if state.output.completion == "2" else 4, "style": 0.5})

        return score

    @scorer(metrics=[])
    def choice():
        async def score(state: TaskState, target: Target) -> Score:
            return Score(value=f"answer {state.output.completion}")

        return score

    questions = [
        Sample(id=number, input=f"question {number}", target="2" if number < 5 else "3")
        for number in range(1, 7)
    ]
    task = Task(
        dataset=MemoryDataset(questions, name="questions"),
        scorer=[match(), grades(), choice()],
        epochs=Epochs(2, ["max", "mean"]),
        name="sums",
    )
    logs = []
    for answer in ("2", "3"):
        output = ModelOutput.from_content("mockllm/model", answer)
        output.usage = ModelUsage(
            input_tokens=10, output_tokens=5, total_tokens=15, total_cost=0.01 * int(answer)
        )
        model = get_model(
            f"mockllm/model-{answer}", custom_outputs=lambda *_, out=output: out, memoize=False
        )
        directory = str(tmp_path_factory.mktemp("logs"))
        logs += eval(task, model=model, log_dir=directory, display="none")
    return logs[0], logs[1]


NASTY_ID = "a|b `c` <i>&amp;</i> </script><!--\n::error::x\x1b[31m"
"""An id that would do harm in every form of report that does not escape it."""


def _eventful_log(model: str, right: float, seed: int) -> EvalLog:
    """Forty questions, three epochs, four scorers; some samples fail."""
    chance = random.Random(seed)
    samples = []
    for number in range(40):
        identifier: int | str = {0: NASTY_ID, 1: 7, 2: "7"}.get(number, f"q{number:02d}")
        share = min(1.0, max(0.0, right + (number % 5 - 2) * 0.15))
        for epoch in (1, 2, 3):
            if number == 9 and epoch == 2 and seed:
                samples.append(_make_sample(identifier, None, epoch=epoch, error="timeout"))
                continue
            scores = {
                "choice": "C" if chance.random() < share else "I",
                "judge": {"help": round(3 + chance.random() + right), "tone": 4},
                "toxicity": chance.random() * (1 - right),
                "grade": chance.choice(["good", "bad|<b>"]),
            }
            samples.append(
                _make_sample(
                    identifier,
                    epoch=epoch,
                    scores=scores,
                    tokens=100 + number + 10 * seed,
                    cost=0.01 + number / 1e4,
                )
            )
    log = _make_log(samples, epochs=3, model=model, task="quiz/<b>--", eval_id=f"eval-{model}")
    log.location = f"logs/{model.rpartition('/')[2]}.eval"
    return log


@pytest.fixture(scope="session")
def eventful_set() -> ComparisonSet:
    """A baseline with a candidate that is worse and one that is like it."""
    return compare_many(
        _eventful_log("openai/old", 0.8, 0),
        [_eventful_log("openai/worse", 0.35, 1), _eventful_log("openai/like", 0.8, 2)],
        metric_directions={"toxicity": "lower"},
        thresholds=GateThresholds(margin={"choice": 0.1}, error_rate=0.001),
    )


@pytest.fixture(scope="session")
def eventful(eventful_set: ComparisonSet) -> ComparisonResult:
    """A comparison in which most things happen that a report can be about."""
    return eventful_set.comparisons[0]


@pytest.fixture(scope="session")
def uneventful() -> ComparisonResult:
    """Two equal evaluations of right and wrong with one epoch, all in order."""
    values = {number: "C" if number % 3 else "I" for number in range(30)}
    return compare_many(_make_log(values), [_make_log(values)]).comparisons[0]


@pytest.fixture(scope="session")
def nasty_id() -> str:
    """See `NASTY_ID`."""
    return NASTY_ID
