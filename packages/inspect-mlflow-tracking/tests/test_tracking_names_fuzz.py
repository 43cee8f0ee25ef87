"""Names and values that no one thought of: nothing raises, and nothing is lost unreported."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import ModelOutput, ModelUsage
from inspect_ai.scorer import Score

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import RunRecord, TrackingStore, open_tracking_store
from inspect_mlflow_core.conversion import flatten_parameters, mask_secrets, numeric_scores
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_tracking.finished_tasks import TaskResult, write_task_log
from inspect_mlflow_tracking.runs import TrackingTarget

FUZZ = settings(
    max_examples=60,
    deadline=None,
    # Every example writes a log and a run into a real database.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

ODD_TEXTS = [
    "",
    " ",
    ".",
    "..",
    "/",
    "//",
    "a//b",
    "../up",
    "back\\slash \\",
    "trailing/",
    "/leading",
    "name@1",
    "a=b,c(d)[e]{f}%g#h?i!j*k",
    "colon:and.dot-dash_under",
    "_x40_",
    "_x_",
    "mean",
    "total_time",
    "total_samples",
    "inspect.accuracy",
    "inspect.samples",
    "score",
    "sample",
    "latency/sample",
    "two\nlines",
    "nul\0char",
    "\x1b[31m",
    "\u202eright to left",
    "e\u0301 \u00e9",
    "日本語 😀 ünï",
    "'; DROP TABLE runs; --",
    "' and \" and `",
    "{{template}} ${variable} %s",
    "NaN",
    "x" * 300,
    "я" * 260,
    "😀" * 130,
    "long " * 2_000,
]
WELL_FORMED = st.characters(exclude_categories=["Cs"])
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(WELL_FORMED, max_size=30)
BROKEN_TEXTS = st.text(st.characters(), max_size=8).map(lambda text: f"{text}\ud800x\udfff")


def nested(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.none() | st.booleans() | numbers | texts
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=5,
    )
    return st.dictionaries(texts, values, max_size=4)


@st.composite
def aggregates(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> list[EvalScore]:
    """Scores whose finite values are all different, so that each can be found again."""
    numbers = count(1)

    def value() -> float:
        kind = draw(st.sampled_from(["number"] * 5 + ["nan", "inf", "-inf"]))
        return next(numbers) * 1234.5678 if kind == "number" else float(kind)

    def metric(name: str) -> EvalMetric:
        group = draw(st.none() | texts)
        return EvalMetric(name=name, value=value(), group=group)

    scores = []
    for _ in range(draw(st.integers(0, 4))):
        keys = draw(st.lists(texts, max_size=3, unique=True))
        scores.append(
            EvalScore(
                name=draw(texts),
                scorer=draw(texts),
                reducer=draw(st.none() | texts),
                metrics={key: metric(draw(st.sampled_from([key, "mean"]))) for key in keys},
            )
        )
    # Entries of equal names are what is most easily lost.
    return scores + [score for score in scores[:1] if draw(st.booleans()) and not score.metrics]


def sample_scores(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    plain = st.sampled_from(["C", "I", "P", "N", "yes", "other", ""]) | st.booleans() | texts
    number = st.floats() | st.integers()
    value = plain | number | st.dictionaries(texts, plain | number, max_size=3)
    return st.dictionaries(texts, value, max_size=3)


@st.composite
def logs(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> EvalLog:
    # A zip archive ends the name of a member at a NUL: such a sample is lost in Inspect's log.
    text_ids = texts.map(lambda text: text.replace("\0", "NUL"))
    ids = draw(st.lists(text_ids | st.integers(), min_size=1, max_size=2, unique_by=str))
    spec = EvalSpec(
        eval_id=str(uuid.uuid4()),
        run_id=draw(texts),
        created="2025-01-01T00:00:00+00:00",
        task=draw(texts),
        task_id=draw(texts),
        task_file=draw(st.none() | texts),
        task_args=draw(nested(texts)),
        solver=draw(st.none() | texts),
        tags=draw(st.none() | st.lists(texts, max_size=3)),
        dataset=EvalDataset(name=draw(texts), location=draw(texts), samples=2, sample_ids=ids),
        model=draw(texts),
        model_args=draw(nested(texts)),
        metadata=draw(nested(texts)),
        config=EvalConfig(epochs=draw(st.none() | st.integers(1, 3))),
    )
    samples = [
        EvalSample(
            id=sample_id,
            epoch=1,
            input=draw(texts),
            target=draw(texts),
            output=ModelOutput.from_content("m", draw(texts)),
            scores={
                name: Score(value=value, answer=draw(st.none() | texts))
                for name, value in draw(sample_scores(texts)).items()
            },
            metadata=draw(nested(texts)),
            completed_at="2025-01-01T00:01:00+00:00",
            total_time=draw(st.none() | st.floats()),
        )
        for sample_id in ids
    ]
    usage = st.builds(
        ModelUsage, input_tokens=st.integers(0, 10**30), total_cost=st.none() | st.floats()
    )
    return EvalLog(
        status=draw(st.sampled_from(["success", "cancelled", "error"])),
        eval=spec,
        results=EvalResults(total_samples=2, completed_samples=2, scores=draw(aggregates(texts))),
        stats=EvalStats(model_usage=draw(st.dictionaries(texts, usage, max_size=2))),
        samples=samples,
    )


class Written:
    """A run as it is after a log was written into it."""

    def __init__(self, store: TrackingStore, result: TaskResult) -> None:
        self.store, self.result = store, result
        self.run: RunRecord = store.get_run(result.run_id)

    @cached_property
    def rewritten(self) -> dict[str, dict[str, str]]:
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        root = Path(url2pathname(urlsplit(self.run.artifact_uri).path))
        path = root / "inspect" / "names.json"
        empty: dict[str, dict[str, str]] = {"metrics": {}, "params": {}}
        return json.loads(path.read_text()) if path.exists() else empty

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Values by what the names were before MLflow's rules changed them."""
        names = self.rewritten["metrics"]
        return {names.get(key, key): value for key, value in self.run.metrics.items()}

    def param(self, name: str) -> str | None:
        stored = {original: key for key, original in self.rewritten["params"].items()}
        return self.run.params.get(stored.get(name, name))


@pytest.fixture(scope="module")
def target(
    store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TrackingTarget]:
    uri = copy_store(store_template, tmp_path_factory.mktemp("fuzz"))
    yield TrackingTarget(open_tracking_store(uri))


def write(target: TrackingTarget, reader: EvalLogReader) -> Written:
    chosen = MLflowSettings(tracking_uri=target.store.tracking_uri, experiment_name="fuzz")
    result = write_task_log(target, reader, chosen)
    assert result.problems == []
    assert write_task_log(target, reader, chosen).action == "unchanged"
    target.settle_parents()
    target.forget()
    return Written(target.store, result)


def check(log: EvalLog, written: Written) -> None:
    assert log.results is not None
    check_aggregates(log.results.scores, written)
    check_params(log.eval, written)
    check_samples(log.samples or [], written)
    for name, text in written.run.tags.items():
        assert len(name) <= 250
        assert len(text) <= 5_000
    assert len(written.run.name) <= 250
    assert all(math.isfinite(value) for value in written.run.metrics.values())
    assert "inspect.accuracy" in written.run.metrics


def check_aggregates(scores: list[EvalScore], written: Written) -> None:
    named = [
        (score.scorer, metric.name if metric.group else key, metric.value)
        for score in scores
        for key, metric in score.metrics.items()
    ]
    finite = [aggregate for aggregate in named if math.isfinite(aggregate[2])]
    for scorer, metric, value in finite:
        names = [name for name, stored in written.metrics.items() if stored == value]
        by_task = [name for name in names if name.startswith("inspect.task.")]
        by_scorer = [name for name in names if name not in by_task]
        assert any(metric in name for name in by_task), (scorer, metric, names)
        assert any(name.startswith(scorer) and metric in name for name in by_scorer), (
            scorer,
            metric,
            names,
        )
    if len(finite) < len(named):
        listed = written.run.tags["inspect.metrics_nan"]
        if "[cut " not in listed:
            assert len(json.loads(listed)) == len(named) - len(finite)
    else:
        assert "inspect.metrics_nan" not in written.run.tags


def check_params(spec: EvalSpec, written: Written) -> None:
    for prefix, values in [
        ("task_arg", spec.task_args),
        ("model_arg", spec.model_args),
        ("metadata", spec.metadata or {}),
        ("", {"task": spec.task, "model": spec.model, "solver": spec.solver}),
    ]:
        for name, text in flatten_parameters(prefix, mask_secrets(values)).items():
            stored = written.param(name)
            assert stored is not None, name
            if len(text) <= 6_000:
                assert stored == text
            else:
                assert len(stored) <= 6_000 and " [cut " in stored


def check_samples(samples: list[EvalSample], written: Written) -> None:
    for step, sample in enumerate(samples, start=1):
        # As scores: a bare value that is a dict with a key "value" would be taken for one.
        for path, value in numeric_scores(sample.scores).values.items():
            originals = written.rewritten["metrics"]
            wanted = "/".join(("sample", *path))
            found = [
                point
                for key in written.run.metrics
                if originals.get(key, key) in (wanted, "sample/score/total_time")
                for point in written.store.metric_history(written.run.run_id, key)
            ]
            assert any((point.step, point.value) == (step, value) for point in found), path


@FUZZ
@given(log=logs(TEXTS))
def test_logs_with_any_names_arrive(
    target: TrackingTarget, tmp_path_factory: pytest.TempPathFactory, log: EvalLog
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.eval"
    write_eval_log(log, str(path))
    with EvalLogReader.open(path) as reader:
        # What the log holds is what must arrive: its format has no NUL in some places, say.
        log.eval = reader.header.eval
        check(log, write(target, reader))


class Unshown:
    """Keeps hypothesis from showing a log: the `repr` of one with half characters raises."""

    def __init__(self, log: EvalLog) -> None:
        self.log = log


@st.composite
def unshown_logs(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> Unshown:
    return Unshown(draw(logs(texts)))


class InMemoryLog:
    """A log whose header and samples cannot be written to a file, over one that can."""

    def __init__(self, reader: EvalLogReader, log: EvalLog) -> None:
        self._reader, self._log, self.header = reader, log, log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def samples(self) -> Iterator[dict[str, Any]]:
        for sample in self._log.samples or []:
            yield sample.model_dump()


@settings(FUZZ, max_examples=30)
@given(unshown=unshown_logs(TEXTS | BROKEN_TEXTS))
def test_half_characters_do_not_stop_a_log(
    target: TrackingTarget, tmp_path_factory: pytest.TempPathFactory, unshown: Unshown
) -> None:
    log = unshown.log
    path = tmp_path_factory.mktemp("log") / "log.eval"
    spec = EvalSpec(
        created=log.eval.created, task="t", dataset=EvalDataset(), model="m", config=EvalConfig()
    )
    write_eval_log(EvalLog(status="success", eval=spec, samples=[]), str(path))
    with EvalLogReader.open(path) as reader:
        written = write(target, cast(EvalLogReader, InMemoryLog(reader, log)))
    assert log.results is not None
    check_aggregates(log.results.scores, written)
    check_params(log.eval, written)
