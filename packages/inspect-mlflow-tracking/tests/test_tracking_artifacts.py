"""Artifacts of an evaluation in a real MLflow store: written, and read back with MLflow."""

from __future__ import annotations

import gc
import inspect
import json
import logging
import math
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Epochs, Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, includes, mean, scorer
from inspect_ai.solver import TaskState
from mlflow import MlflowClient

from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracking.artifacts import (
    LOGGED_ARTIFACTS_TAG,
    ArtifactManager,
    TableFiles,
    logged_artifacts_value,
    sample_results_path,
    table_paths,
    write_header_file,
)
from inspect_mlflow_tracking.artifacts.tables import (
    TABLE_COLUMNS,
    TABLE_NAMES,
    extract_inspect_table_rows,
    extract_task_row,
)

RESULTS = "sample_results/capitals_of_europe.json"


@scorer(metrics={"*": [mean()]})
def details() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value={"length": len(state.output.completion), "odd": math.nan})

    return score


def _run(task: Task, directory: Path) -> EvalLog:
    def answer(*_: Any) -> ModelOutput:
        output = ModelOutput.from_content("mock", "Paris — “the” capital")
        output.usage = ModelUsage(input_tokens=5, output_tokens=2, total_tokens=7)
        return output

    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Inspect's dependencies warn of is not ours
        (log,) = eval(task, model=model, display="none", log_dir=str(directory))
        gc.collect()
    assert log.status == "success"
    return log


@pytest.fixture(scope="module")
def log_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = Task(
        name="capitals/of europe",
        dataset=[
            Sample(id="fr", input="Capital of France?", target="Paris", metadata={"rank": 1}),
            Sample(id="007", input="Capital of Spain?", target="Madrid"),
        ],
        scorer=[includes(), details()],
        epochs=Epochs(2, "mean"),
    )
    log = _run(task, tmp_path_factory.mktemp("logs"))
    return Path(log.location.removeprefix("file://"))


@dataclass(frozen=True)
class Store:
    client: MlflowClient
    experiment_id: str
    run_id: str

    def artifact(self, path: str) -> str:
        return Path(self.client.download_artifacts(self.run_id, path)).read_text("utf-8")

    def files(self) -> set[str]:
        found: set[str] = set()
        pending = [""]
        while pending:
            for item in self.client.list_artifacts(self.run_id, pending.pop() or None):
                (pending.append if item.is_dir else found.add)(item.path)
        return found


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    # MLflow 3.0 looks for artifacts with its global URI, whatever client is asked; our own hooks
    # must not take it as theirs.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("INSPECT_MLFLOW_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = MlflowClient(tracking_uri=uri)
        experiment_id = client.create_experiment("e", (tmp_path / "artifacts").as_uri())
        run_id = client.create_run(experiment_id).info.run_id
        yield Store(client, experiment_id, run_id)
        gc.collect()


def _write_tables(directory: Path, log: EvalLog, samples: Any) -> tuple[Path, ...]:
    names = {"eval_id": log.eval.eval_id, "task_name": log.eval.task}
    with TableFiles(directory, **names) as files:
        for sample in samples:
            files.add_sample(sample)
        return files.finish(extract_task_row(log=log, **names))


def _raw_samples(log_path: Path) -> Iterator[dict[str, Any]]:
    with EvalLogReader.open(log_path) as reader:
        yield from reader.samples()


def _contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def test_files_have_the_rows_of_the_functions(log_path: Path, tmp_path: Path) -> None:
    log = read_eval_log(str(log_path))
    paths = _write_tables(tmp_path, log, _raw_samples(log_path))
    names = tuple(path.relative_to(tmp_path).as_posix() for path in paths)
    assert names == table_paths("capitals/of europe")
    expected = extract_inspect_table_rows(
        eval_id=log.eval.eval_id, task_name=log.eval.task, log=log
    )
    for path, table in zip(paths, TABLE_NAMES, strict=False):
        document = json.loads(path.read_text("utf-8"))
        assert tuple(document["columns"]) == TABLE_COLUMNS[table]
        rows = [dict(zip(document["columns"], row, strict=True)) for row in document["data"]]
        assert rows == expected[table]
        assert rows


def test_files_are_the_same_bytes_from_objects_and_from_the_log(
    log_path: Path, tmp_path: Path
) -> None:
    log = read_eval_log(str(log_path))
    header = read_eval_log(str(log_path), header_only=True)
    _write_tables(tmp_path / "object", log, log.samples)
    write_header_file(log, tmp_path / "object", log_path.stem)
    _write_tables(tmp_path / "raw", header, _raw_samples(log_path))
    write_header_file(header, tmp_path / "raw", log_path.stem)
    assert _contents(tmp_path / "object") == _contents(tmp_path / "raw")
    assert len(_contents(tmp_path / "raw")) == len(TABLE_NAMES) + 2


def test_sample_results(log_path: Path, tmp_path: Path) -> None:
    *_, path = _write_tables(
        tmp_path, read_eval_log(str(log_path), header_only=True), _raw_samples(log_path)
    )
    document = json.loads(path.read_text("utf-8"))
    rows = [dict(zip(document["columns"], row, strict=True)) for row in document["data"]]
    assert [(row["id"], row["epoch"]) for row in rows] == [
        ("007", 1),
        ("fr", 1),
        ("007", 2),
        ("fr", 2),
    ]
    french = rows[1]
    assert french["input"] == "Capital of France?"
    assert french["output"] == "Paris — “the” capital"
    assert french["score/includes"] == "C"
    assert json.loads(french["score/details"]) == {"length": 21, "odd": None}
    assert french["total_tokens"] == 7
    assert french["error"] is None
    assert french["total_seconds"] >= 0


def test_scorers_of_later_samples_have_columns_too(tmp_path: Path) -> None:
    with TableFiles(tmp_path, eval_id="e", task_name="t") as files:
        files.add_sample({"id": 1, "epoch": 1})
        files.add_sample({"id": 2, "epoch": 1, "scores": {"late": {"value": 0.5}}})
        *_, path = files.finish({})
    document = json.loads(path.read_text())
    assert document["columns"][-1] == "score/late"
    assert [row[-1] for row in document["data"]] == [None, 0.5]


def test_no_samples_give_tables_without_rows(tmp_path: Path) -> None:
    with TableFiles(tmp_path, eval_id="e", task_name="t") as files:
        paths = files.finish({"eval_id": "e", "metadata": math.nan})
    tasks, *others = (json.loads(path.read_text()) for path in paths)
    assert len(tasks["data"]) == 1
    assert not any(document["data"] for document in others)


def test_memory_does_not_grow_with_the_number_of_samples(tmp_path: Path) -> None:
    def peak_bytes(count: int) -> int:
        message = {"role": "user", "content": "text " * 1_000}
        tracemalloc.start()
        with TableFiles(tmp_path / str(count), eval_id="e", task_name="t") as files:
            for number in range(count):
                files.add_sample({"id": number, "epoch": 1, "messages": [message]})
            files.finish({})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(10)
    assert peak_bytes(400) < peak_bytes(50) + 500_000


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ("plain", "sample_results/plain.json"),
        ("pkg/task name", "sample_results/pkg_task_name.json"),
        ("../..", "sample_results/task.json"),
        ("größe", "sample_results/gr_e.json"),
        ("x" * 300, f"sample_results/{'x' * 100}.json"),
    ],
)
def test_result_file_is_named_after_the_task(task: str, path: str) -> None:
    assert sample_results_path(task) == path


def test_tag_keeps_what_is_there_and_names_each_table_once() -> None:
    other = '[{"path": "mine.json", "type": "table"}]'
    value = logged_artifacts_value(["inspect/tasks.json"], other)
    assert [entry["path"] for entry in json.loads(value)] == ["mine.json", "inspect/tasks.json"]
    assert logged_artifacts_value(["inspect/tasks.json"], value) == value


# Manager


def test_manager_has_the_documented_signatures() -> None:
    def signature(function: Any) -> str:
        return str(inspect.signature(function)).replace("'", "")

    assert signature(ArtifactManager) == (
        "(client: MlflowClient, logger: Logger | None = None) -> None"
    )
    assert signature(ArtifactManager.load_full_eval_log) == "(self, log: Any) -> Any | None"
    for name in ("eval_artifacts", "eval_json", "inspect_tables", "sample_table"):
        method = getattr(ArtifactManager, f"log_{name}")
        assert signature(method) == "(self, run_id: str, log: Any) -> None"


def _log(log_path: Path, kind: str) -> Any:
    location = log_path.as_uri() if kind == "url" else str(log_path)
    match kind:
        case "path":
            return log_path
        case "url" | "text":
            return location
        case "header":
            return read_eval_log(location, header_only=True)
        case _:
            return read_eval_log(location)


@pytest.mark.parametrize("kind", ["path", "text", "url", "header", "full"])
def test_manager_logs_everything_for_any_form_of_a_log(
    store: Store, log_path: Path, kind: str
) -> None:
    ArtifactManager(store.client).log_eval_artifacts(store.run_id, _log(log_path, kind))
    assert store.files() == {
        *(f"inspect/{name}.json" for name in TABLE_NAMES),
        RESULTS,
        f"eval_logs/{log_path.stem}.json",
        f"inspect/logs/{log_path.name}",
    }
    copy = store.client.download_artifacts(store.run_id, f"inspect/logs/{log_path.name}")
    assert Path(copy).read_bytes() == log_path.read_bytes()
    header = json.loads(store.artifact(f"eval_logs/{log_path.stem}.json"))
    assert header["eval"]["task"] == "capitals/of europe"
    assert header["results"]["scores"]
    assert "samples" not in header
    assert "location" not in header


def test_manager_takes_a_log_that_is_in_memory_only(store: Store, log_path: Path) -> None:
    log = read_eval_log(str(log_path))
    log.location = ""
    ArtifactManager(store.client).log_eval_artifacts(store.run_id, log)
    assert len(store.files()) == len(TABLE_NAMES) + 2
    assert len(json.loads(store.artifact("inspect/samples.json"))["data"]) == 4


def test_manager_takes_json_logs_and_remote_logs(
    store: Store, log_path: Path, tmp_path: Path
) -> None:
    fsspec = pytest.importorskip("fsspec")
    json_path = tmp_path / "log.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_eval_log(read_eval_log(str(log_path)), str(json_path))
    manager = ArtifactManager(store.client)
    manager.log_eval_artifacts(store.run_id, json_path)
    from_json = store.artifact("inspect/messages.json")
    fsspec.filesystem("memory").pipe("/logs/far.eval", log_path.read_bytes())
    manager.log_eval_artifacts(store.run_id, "memory://logs/far.eval")
    assert store.artifact("inspect/messages.json") == from_json
    assert {"inspect/logs/log.json", "inspect/logs/far.eval"} <= store.files()


def test_manager_logs_the_parts_alone(store: Store, log_path: Path) -> None:
    manager = ArtifactManager(store.client)
    manager.log_eval_json(store.run_id, log_path)
    assert store.files() == {f"eval_logs/{log_path.stem}.json"}
    assert LOGGED_ARTIFACTS_TAG not in store.client.get_run(store.run_id).data.tags
    manager.log_sample_table(store.run_id, log_path)
    assert store.files() == {f"eval_logs/{log_path.stem}.json", RESULTS}
    manager.log_inspect_tables(store.run_id, log_path)
    assert len(store.files()) == len(TABLE_NAMES) + 2


def test_logging_twice_changes_nothing(store: Store, log_path: Path) -> None:
    manager = ArtifactManager(store.client)
    manager.log_eval_artifacts(store.run_id, log_path)
    before = {path: store.artifact(path) for path in store.files() if path.endswith(".json")}
    tags = store.client.get_run(store.run_id).data.tags
    manager.log_eval_artifacts(store.run_id, log_path)
    assert {path: store.artifact(path) for path in before} == before
    assert store.client.get_run(store.run_id).data.tags == tags


def test_mlflow_reads_the_tables_back(store: Store, log_path: Path) -> None:
    ArtifactManager(store.client).log_eval_artifacts(store.run_id, log_path)
    frames = {
        path: store.client.load_table(store.experiment_id, path, run_ids=[store.run_id])
        for path in table_paths("capitals/of europe")
    }
    for path, name in zip(frames, TABLE_NAMES, strict=False):
        assert tuple(frames[path].columns) == TABLE_COLUMNS[name]
    assert len(frames["inspect/tasks.json"]) == 1
    samples = frames["inspect/samples.json"]
    assert list(samples["sample_id"]) == ["007", "fr", "007", "fr"]
    assert list(samples["epoch"]) == [1, 1, 2, 2]
    assert list(samples["total_tokens"]) == [7, 7, 7, 7]
    assert samples["started_at"].notna().all()
    assert samples["total_seconds"].dtype.kind == "f"
    scores = frames["inspect/sample_scores.json"]
    assert list(scores["numeric"].dropna()) == [0, 21, 1, 21, 0, 21, 1, 21]
    assert list(frames[RESULTS]["score/includes"]) == ["I", "C", "I", "C"]
    assert frames["inspect/messages.json"]["text"].iloc[1] == "Paris — “the” capital"


def test_log_that_cannot_be_read(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "damaged.eval"
    damaged.write_bytes(b"PK\x03\x04 not much more")
    manager = ArtifactManager(store.client, logging.getLogger("mine"))
    with pytest.raises(LogReadError, match="truncated"):
        manager.log_eval_artifacts(store.run_id, damaged)
    assert store.files() == set()
    with caplog.at_level(logging.WARNING, logger="mine"):
        assert manager.load_full_eval_log(damaged) is None
        assert manager.load_full_eval_log(object()) is None
    assert [record.name for record in caplog.records] == ["mine", "mine"]


def test_full_log_is_loaded_from_its_location(log_path: Path) -> None:
    manager = ArtifactManager(MlflowClient(tracking_uri="http://127.0.0.1:9"))
    full = manager.load_full_eval_log(read_eval_log(str(log_path), header_only=True))
    assert full is not None
    assert len(full.samples) == 4
    assert manager.load_full_eval_log(full) is full


_SCRIPT = """
import sys
from pathlib import Path

from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_tracking.artifacts import ArtifactManager, TableFiles, tables

assert not {"inspect_ai", "mlflow", "pandas"} & sys.modules.keys()
log_path, directory = map(Path, sys.argv[1:])
with EvalLogReader.open(log_path) as reader, TableFiles(
    directory, eval_id="e", task_name="t"
) as files:
    for sample in reader.samples():
        files.add_sample(sample)
    files.finish({})
assert not {"mlflow", "pandas"} & sys.modules.keys()

import mlflow

mlflow.set_tracking_uri("http://mine")
client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{directory}/mlflow.db")
experiment_id = client.create_experiment("e", (directory / "artifacts").as_uri())
run_id = client.create_run(experiment_id).info.run_id
ArtifactManager(client).log_eval_artifacts(run_id, log_path)
assert mlflow.get_tracking_uri() == "http://mine"
assert mlflow.active_run() is None
"""


def test_mlflow_state_stays_as_it_is_and_imports_stay_lazy(log_path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _SCRIPT, str(log_path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
