"""The parts of the trace of a whole `eval()`: its bound, its groups, and facts in tags."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.log import read_eval_log_sample

from inspect_mlflow_core.connection import SpanRecord
from inspect_mlflow_core.kept_sample import rebuild_samples
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracing.mapping import TracedTask, traced_task
from inspect_mlflow_tracing.run_scope import (
    RunSample,
    RunTask,
    SampleFacts,
    TaskFacts,
    _run_task,
    run_sample,
    run_task,
)
from inspect_mlflow_tracing.run_scope._facts import facts_in_tags, facts_tag
from inspect_mlflow_tracing.run_scope._groups import sample_groups
from inspect_mlflow_tracing.run_scope._run_trace import run_trace

from .evaluations import mock_model, sums, unlogged


@pytest.mark.parametrize(("samples", "turns"), [(1, 60), (4, 30), (40, 2)])
def test_the_whole_stays_near_the_bound(
    samples: int, turns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_run_task, "MOST_SPANS", 100)
    unlogged(monkeypatch, tmp_path / "logs", sums(count=1), model=mock_model(turns=turns))
    (log,) = (tmp_path / "logs").iterdir()
    with EvalLogReader.open(log) as reader:
        header = reader.header
        header.eval.dataset.sample_ids = list(range(samples))
        task = traced_task(header, experiment_id="1", run_id=None, location=str(log))
        (sample,) = reader.samples()
        mapped = run_sample(sample, run_task(header, task))
    in_all = len(mapped.spans) * samples
    # The sample, two scorers, and the span around them, are never left out.
    assert in_all <= max(100, 4 * samples)
    assert mapped.spans[0].name == "sample: 1"
    assert [span.span_type for span in mapped.spans].count("EVALUATOR") == 3
    assert mapped.facts.left_out_spans > 0
    assert mapped.spans[0].attributes["inspect.folded_spans"] == mapped.facts.left_out_spans
    (rebuilt,) = rebuild_samples(SimpleNamespace(spans=mapped.spans))
    assert rebuilt.model_dump() == read_eval_log_sample(str(log), 1, 1).model_dump()


def test_samples_are_written_together_within_bounds() -> None:
    def sample(count: int, characters: int = 0) -> RunSample:
        attributes = {"inspect.sample.0": "x" * characters}
        own = SpanRecord("t", "s", None, "sample", "CHAIN", 1, 1, attributes=attributes)
        return RunSample(SampleFacts("t", "d", 1, 1), "s", (own,) * count, (), ())

    def sizes(*samples: RunSample) -> list[int]:
        return [len(group) for group in sample_groups(samples)]

    assert sizes() == []
    assert sizes(*[sample(1)] * 120) == [50, 50, 20]
    assert sizes(*[sample(100)] * 7) == [3, 3, 1]
    assert sizes(sample(1), sample(900), sample(1)) == [1, 1, 1]
    assert sizes(sample(1), sample(1, 2_000_000), sample(1)) == [1, 1, 1]


TEXTS = st.text(max_size=400)
NUMBERS = st.dictionaries(st.sampled_from(["input_tokens", "total_cost"]), st.integers(0, 10**9))
FACTS_OF_TASKS = st.builds(
    TaskFacts,
    task=TEXTS,
    model=TEXTS,
    status=st.sampled_from(["success", "error", "cancelled", "running", "other"]),
    start_ns=st.integers(1, 2**62),
    end_ns=st.integers(1, 2**62),
    run_id=st.none() | st.just("0" * 32),
    samples=st.integers(0, 10**6),
    tokens=NUMBERS,
    cost=NUMBERS,
    result=TEXTS,
    digest=st.none() | st.just("0" * 64),
)


@given(FACTS_OF_TASKS)
def test_facts_survive_in_a_tag(facts: TaskFacts) -> None:
    assert len(facts.text) <= 4096
    found = facts_in_tags({facts_tag("abc"): facts.text, "inspect.run_id": "{}"})
    assert found.keys() == {"abc"}
    kept = found["abc"]
    assert (kept.status, kept.start_ns, kept.digest) == (
        facts.status,
        facts.start_ns,
        facts.digest,
    )


@given(st.text(max_size=50) | st.sampled_from(["null", "{}", "[]", '{"task": 1}', "NaN"]))
def test_a_tag_that_somebody_changed_is_no_facts(text: str) -> None:
    assert facts_in_tags({facts_tag("abc"): text}) == {}


@given(st.lists(FACTS_OF_TASKS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_what_follows_from_the_tasks_does_not_depend_on_their_order(
    tasks: list[TaskFacts], random: Any
) -> None:
    task = TracedTask("1", None, "e", "t", "m")
    run_of_task = RunTask(task, "r", "0" * 32, 1, 1_000)
    named = [(f"task {number}", facts) for number, facts in enumerate(tasks)]
    first = run_trace(run_of_task, dict(named))
    random.shuffle(named)
    assert run_trace(run_of_task, dict(named)) == first
    running = any(facts.status == "running" for facts in tasks)
    assert (first.state == "IN_PROGRESS") is running
    assert bool(first.spans) is not running
