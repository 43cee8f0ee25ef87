from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match

from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.testing import copy_store, store_contents
from inspect_mlflow_tracking import sync
from inspect_mlflow_tracking.artifacts import sample_rows
from inspect_mlflow_tracking.mapping import sample_facts
from inspect_mlflow_tracking.runs import PreparedSamples


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def evaluated(log_directory: Path, seconds: float = 0.0, samples: int = 4) -> EvalLog:
    async def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        await anyio.sleep(seconds)
        output = ModelOutput.from_content("mockllm/model", "4")
        output.usage = ModelUsage(input_tokens=2, output_tokens=1, total_tokens=3)
        return output

    dataset = [Sample(id=number, input=f"{number} + 2", target="4") for number in range(samples)]
    (log,) = eval(
        Task(dataset=dataset, scorer=match(), name="arithmetic"),
        model=get_model("mockllm/model", custom_outputs=answer, memoize=False),
        log_dir=str(log_directory),
        max_samples=1,
        log_buffer=1,
        display="none",
    )
    return log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "INSPECT_MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        return evaluated(tmp_path_factory.mktemp("logs"))


def prepared_samples(background: BackgroundProcess, clock: Clock) -> PreparedSamples:
    return PreparedSamples(background, eval_id="eval", task_name="arithmetic", clock=clock)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_prepared_is_what_the_end_of_a_task_would_make(log: EvalLog, scheme: str) -> None:
    clock, background = Clock(), BackgroundProcess()
    prepared = prepared_samples(background, clock)
    clock.seconds = 10
    prepared.prepare(scheme + log.location)
    with EvalLogReader.open(log.location) as reader:
        versions = [reader.sample_version(key) for key in reader.sample_keys()]
        for version, content in zip(versions, reader.samples(), strict=True):
            assert version is not None
            assert version in prepared.harmless
            found = prepared.get(version)
            assert found is not None
            assert found.facts == sample_facts(content)
            assert found.rows == sample_rows(eval_id="eval", task_name="arithmetic", sample=content)
    prepared.close()
    assert not prepared.harmless
    background.close()


def test_only_samples_without_credentials_are_harmless(log: EvalLog, tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(log.location) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "samples/2_epoch_1.json":
                sample = json.loads(content)
                (event,) = (event for event in sample["events"] if event["event"] == "model")
                event["config"]["extra_headers"] = {"Authorization": "Bearer abcdefghijklmnop"}
                content = json.dumps(sample).encode()
            target.writestr(name, content)
    clock, background = Clock(), BackgroundProcess()
    prepared = prepared_samples(background, clock)
    clock.seconds = 10
    prepared.prepare(str(path))
    with EvalLogReader.open(str(path)) as reader:
        versions = {key: reader.sample_version(key) for key in reader.sample_keys()}
    assert prepared.harmless == {version for key, version in versions.items() if key != (2, 1)}
    prepared.close()
    background.close()


def test_short_tasks_and_other_logs_start_no_process(log: EvalLog) -> None:
    clock, background = Clock(), NoProcess()
    prepared = prepared_samples(background, clock)
    prepared.prepare(log.location)
    clock.seconds = 10
    prepared.prepare("s3://bucket/log.eval")
    prepared.prepare("/somewhere/log.json")
    assert background.calls == 0
    prepared.prepare(log.location)
    prepared.prepare(log.location)  # Just now: not again.
    assert background.calls == 1


def test_without_a_process_nothing_is_prepared_and_nothing_raised(log: EvalLog) -> None:
    clock, background = Clock(), BackgroundProcess()
    background._unusable = True
    prepared = prepared_samples(background, clock)
    clock.seconds = 10
    prepared.prepare(log.location)
    assert not prepared.harmless


class NoProcess(BackgroundProcess):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def call(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        return []


def test_a_longer_evaluation_is_prepared_and_equals_its_sync(
    tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("live", "synced"):
        (tmp_path / name).mkdir()
    live, synced = (copy_store(store_template, tmp_path / name) for name in ("live", "synced"))
    calls = []
    call = BackgroundProcess.call

    def counted(self: BackgroundProcess, *arguments: Any) -> Any:
        calls.append(call(self, *arguments))
        return calls[-1]

    monkeypatch.setattr(BackgroundProcess, "call", counted)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", live)
    log = evaluated(tmp_path / "logs", seconds=0.5, samples=16)
    assert sum(len(entries) for entries in calls) >= 4
    assert sync(log.location, tracking_uri=synced).complete
    assert store_contents(live) == store_contents(synced)
