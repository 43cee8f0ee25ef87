"""`sync` of logs that were scored again, edited, recovered, damaged or copied."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from inspect_ai import Task, eval, score
from inspect_ai.dataset import Sample
from inspect_ai.log import (
    EvalLog,
    MetadataEdit,
    ProvenanceData,
    TagsEdit,
    edit_eval_log,
    edit_score,
    invalidate_samples,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import ScoreEdit, includes, match

from inspect_mlflow_core.exceptions import ConfigurationError, RejectedError
from inspect_mlflow_core.sync import LogReport, SyncAction
from inspect_mlflow_core.testing import copy_store, store_contents
from inspect_mlflow_tracking import sync
from inspect_mlflow_tracking._command import sync_command


@pytest.fixture
def uri(tmp_path: Path, store_template: Path) -> str:
    directory = tmp_path / "store"
    directory.mkdir()
    return copy_store(store_template, directory)


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of four samples, two of them right."""
    directory = tmp_path_factory.mktemp("original")
    samples = [Sample(id=i, input=f"1+1 ({i})", target="2" if i % 2 else "3") for i in range(1, 5)]
    task = Task(
        name="sums", dataset=samples, scorer=match(), metadata={"team": "red"}, tags=["first"]
    )
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    (log,) = eval(task, model=model, log_dir=str(directory), display="none")
    return Path(log.location)


@pytest.fixture
def log_path(original: Path, tmp_path: Path) -> Path:
    path = tmp_path / "logs" / original.name
    path.parent.mkdir()
    shutil.copy2(original, path)
    return path


def only_task(uri: str) -> dict[str, Any]:
    (found,) = [run for name, run in store_contents(uri).items() if name.startswith("task ")]
    return found


def tell(log: EvalLog, path: Path) -> None:
    write_eval_log(log, str(path))


PROVENANCE = ProvenanceData(author="reviewer", reason="a wrong target")


def test_metrics_equal_those_of_the_header(log_path: Path, uri: str) -> None:
    (result,) = sync(log_path, tracking_uri=uri).results
    assert result.action == "created"
    header = read_eval_log(str(log_path), header_only=True)
    latest = only_task(uri)["latest"]
    assert header.results is not None
    for found in header.results.scores:
        for name, metric in found.metrics.items():
            assert latest[f"{found.name}/{name}"] == metric.value
            assert latest[f"inspect.task.sums.{found.name}.{name}"] == metric.value


def test_second_sync_changes_nothing(log_path: Path, uri: str) -> None:
    sync(log_path, tracking_uri=uri)
    before = store_contents(uri)
    (result,) = sync(log_path, tracking_uri=uri).results
    assert result.action == "unchanged"
    assert store_contents(uri) == before


def test_edited_score_updates_the_same_run(log_path: Path, uri: str) -> None:
    sync(log_path, tracking_uri=uri)
    log = read_eval_log(str(log_path))
    edit = ScoreEdit(value="C", provenance=PROVENANCE)
    edit_score(log, sample_id=2, score_name="match", edit=edit)
    tell(log, log_path)
    (result,) = sync(log_path, tracking_uri=uri).results
    assert result.action == "updated"
    task = only_task(uri)
    assert task["latest"]["match/accuracy"] == 0.75
    assert task["latest"]["inspect.accuracy"] == 0.75
    values = {step: value for step, _, value in task["metrics"]["sample/match"]}
    assert values == {1: 1.0, 2: 1.0, 3: 1.0, 4: 0.0}
    before = store_contents(uri)
    assert sync(log_path, tracking_uri=uri).results[0].action == "unchanged"
    assert store_contents(uri) == before


def test_scored_copy_updates_the_same_run(log_path: Path, uri: str) -> None:
    sync(log_path, tracking_uri=uri)
    rescored = score(read_eval_log(str(log_path)), includes(), action="append", display="none")
    copy = log_path.with_name(log_path.stem + "-scored.eval")
    tell(rescored, copy)
    results = {Path(r.location).name: r for r in sync(log_path.parent, tracking_uri=uri).results}
    assert results[copy.name].action == "updated"
    assert results[log_path.name].action == "superseded"
    task = only_task(uri)
    assert {"match/accuracy", "includes/accuracy", "sample/includes"} <= set(task["latest"])
    assert task["params"]["inspect.log_file"] == str(log_path)
    assert task["params"]["inspect.log_file_2"] == str(copy)
    assert task["tags"]["inspect.log_location"] == str(copy)


def test_edited_tags_metadata_and_invalidation(log_path: Path, uri: str) -> None:
    sync(log_path, tracking_uri=uri)
    log = read_eval_log(str(log_path))
    assert log.samples is not None
    edits = [TagsEdit(tags_add=["second"]), MetadataEdit(metadata_set={"team": "blue"})]
    log = edit_eval_log(log, edits, PROVENANCE)
    log = invalidate_samples(log, [str(log.samples[0].uuid)], PROVENANCE)
    tell(log, log_path)
    sync(log_path, tracking_uri=uri)
    tags = only_task(uri)["tags"]
    assert tags["inspect.tag.second"] == "true"
    assert tags["inspect.invalidated"] == "true"
    assert tags["inspect.param.metadata.team"] == "blue"


def test_json_and_eval_of_one_log_give_one_run(log_path: Path, uri: str) -> None:
    tell(read_eval_log(str(log_path)), log_path.with_suffix(".json"))
    actions = sorted(r.action for r in sync(log_path.parent, tracking_uri=uri).results)
    assert actions == ["created", "superseded"]


def test_json_log_gives_the_metrics_of_the_eval_log(
    log_path: Path, uri: str, store_template: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    tell(read_eval_log(str(log_path)), other / "log.json")
    other_uri = copy_store(store_template, other)
    sync(log_path, tracking_uri=uri)
    sync(other / "log.json", tracking_uri=other_uri)
    assert only_task(uri)["metrics"] == only_task(other_uri)["metrics"]


def test_unreadable_files_are_named_and_the_rest_goes_on(log_path: Path, uri: str) -> None:
    (log_path.parent / "broken.eval").write_bytes(log_path.read_bytes()[:500])
    (log_path.parent / "empty.eval").write_bytes(b"")
    (log_path.parent / "other.json").write_text(json.dumps({"not": "a log"}))
    report = sync(log_path.parent, tracking_uri=uri)
    assert not report.complete
    reasons = {Path(r.location).name: r.reason for r in report.failed}
    assert set(reasons) >= {"broken.eval", "empty.eval"}
    assert all(reason and "\n" not in reason for reason in reasons.values())
    assert only_task(uri)["status"] == "FINISHED"


def test_one_damaged_sample_does_not_hide_the_others(log_path: Path, uri: str) -> None:
    damaged = log_path.with_name("damaged.eval")
    with zipfile.ZipFile(log_path) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, b'{"id": 1, "epo' if name.startswith("samples/1_") else content)
    log_path.unlink()
    (result,) = sync(damaged, tracking_uri=uri).results
    assert result.problems and "1" in result.problems[0]
    assert only_task(uri)["latest"]["inspect.samples"] == 4


def test_fsspec_url(log_path: Path, uri: str) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe(f"/sync-logs/{log_path.name}", log_path.read_bytes())
    try:
        report = sync("memory://sync-logs", tracking_uri=uri)
        assert [result.action for result in report.results] == ["created"]
    finally:
        memory.rm("/sync-logs", recursive=True)
    assert f"inspect/logs/{log_path.name}" in only_task(uri)["artifacts"]


def test_dry_run_sends_nothing(log_path: Path, uri: str) -> None:
    report = sync(log_path, tracking_uri=uri, dry_run=True)
    assert [result.action for result in report.results] == ["would sync"]
    assert store_contents(uri) == {}


def test_no_tracking_uri_says_what_to_do(log_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if "TRACKING_URI" in name]:
        monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match="INSPECT_MLFLOW_TRACKING_URI"):
        sync(log_path)


def test_soft_deleted_experiment_is_restored(log_path: Path, uri: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    client.delete_experiment(client.create_experiment("inspect_ai"))
    assert sync(log_path, tracking_uri=uri).complete
    assert only_task(uri)["experiment"] == "inspect_ai"


def test_nothing_but_runs_changes_in_the_process(log_path: Path, uri: str) -> None:
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.active_run(), dict(os.environ)
    sync(log_path, tracking_uri=uri)
    assert (mlflow.get_tracking_uri(), mlflow.active_run(), dict(os.environ)) == before


def test_artifacts_off(log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_LOG_ARTIFACTS", "false")
    sync(log_path, tracking_uri=uri)
    task = only_task(uri)
    assert task["artifacts"] == {}
    assert task["latest"]["total_model_calls"] == 4


def test_the_eval_log_comes_back_whole(log_path: Path, uri: str) -> None:
    from mlflow import MlflowClient

    (result,) = sync(log_path, tracking_uri=uri).results
    run = MlflowClient(tracking_uri=uri).get_run(result.run_id)
    root = Path(run.info.artifact_uri.removeprefix("file://"))
    assert (root / "inspect/logs" / log_path.name).read_bytes() == log_path.read_bytes()
    table = json.loads((root / "inspect/samples.json").read_text())
    column = table["columns"].index("sample_id")
    assert [row[column] for row in table["data"]] == [1, 2, 3, 4]


def test_command_reports_and_exits_by_outcome(log_path: Path, uri: str) -> None:
    runner = CliRunner()
    done = runner.invoke(sync_command, [str(log_path), "--tracking-uri", uri])
    assert done.exit_code == 0, done.output
    assert "created" in done.output and "1 created" in done.output
    (log_path.parent / "broken.eval").write_bytes(b"no zip")
    partly = runner.invoke(sync_command, [str(log_path.parent), "--tracking-uri", uri, "--json"])
    assert partly.exit_code == 1
    assert json.loads(partly.output)["complete"] is False
    closed = ["--tracking-uri", "http://127.0.0.1:9"]
    assert runner.invoke(sync_command, [str(log_path), *closed]).exit_code == 2
    assert runner.invoke(sync_command, []).exit_code == 2
    assert "Exit codes" in runner.invoke(sync_command, ["--help"]).output


@dataclass(frozen=True)
class Traced:
    """What a package that makes traces tells of a log."""

    location: str
    action: SyncAction = "created"
    task: str = ""
    model: str = ""
    problems: tuple[str, ...] = ()
    detail: str = "4 traces"


class TracingPackage:
    """Stands for an installed package that makes traces."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.problems: tuple[str, ...] = ()
        self.error: Exception | None = None

    def sync(self, log: list[str], **options: Any) -> LogReport[Traced]:
        self.calls.append({"log": log, **options})
        if self.error is not None:
            raise self.error
        return LogReport("traces-uri", tuple(Traced(x, problems=self.problems) for x in log))


def installed_points(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    monkeypatch.setattr(
        "inspect_mlflow_tracking._traces.entry_points",
        lambda **selection: EntryPoints(points).select(**selection),
    )


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch) -> TracingPackage:
    package, module = TracingPackage(), ModuleType("tracing_package_of_a_test")
    module.sync = package.sync  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    installed_points(
        monkeypatch, EntryPoint("traces", f"{module.__name__}:sync", "inspect_mlflow.sync")
    )
    return package


def test_traces_are_made_when_asked_for(
    log_path: Path, uri: str, tracing: TracingPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, arguments = CliRunner(), [str(log_path), "--tracking-uri", uri]
    assert runner.invoke(sync_command, arguments).exit_code == 0
    assert tracing.calls == []
    done = runner.invoke(sync_command, [*arguments, "--traces", "--experiment", "inspect_ai"])
    assert done.exit_code == 0
    assert done.output.count(str(log_path)) == 2 and "4 traces" in done.output
    (call,) = tracing.calls
    assert (call["log"], call["tracking_uri"]) == ([str(log_path)], uri)
    assert (call["experiment_name"], call["dry_run"]) == ("inspect_ai", False)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    runner.invoke(sync_command, [*arguments, "--no-traces"])
    assert len(tracing.calls) == 1
    runner.invoke(sync_command, [*arguments, "--dry-run"])
    assert len(tracing.calls) == 2 and tracing.calls[1]["dry_run"]


def test_task_decides_on_its_traces(uri: str, tmp_path: Path, tracing: TracingPackage) -> None:
    for number, wanted in enumerate([True, False, None]):
        model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
        metadata = {} if wanted is None else {"inspect_mlflow_tracing_enabled": wanted}
        task = Task(name=f"t{number}", dataset=[Sample("1+1", id=1)], metadata=metadata)
        eval(task, model=model, log_dir=str(tmp_path / "logs"), display="none")
    CliRunner().invoke(sync_command, [str(tmp_path / "logs"), "--tracking-uri", uri])
    (call,) = tracing.calls
    assert ["_t0_" in location for location in call["log"]] == [True]


def test_only_logs_with_a_run_get_traces(log_path: Path, uri: str, tracing: TracingPackage) -> None:
    (log_path.parent / "broken.eval").write_bytes(b"no zip")
    arguments = [str(log_path.parent), "--tracking-uri", uri, "--traces", "--json"]
    done = CliRunner().invoke(sync_command, arguments)
    assert done.exit_code == 1
    assert [call["log"] for call in tracing.calls] == [[str(log_path)]]
    report = json.loads(done.stdout)
    assert report["traces"]["complete"] and not report["complete"]


def test_problems_of_traces_end_the_command_with_1(
    log_path: Path, uri: str, tracing: TracingPackage
) -> None:
    tracing.problems = ("sample 1 was refused",)
    arguments = [str(log_path), "--tracking-uri", uri, "--traces"]
    done = CliRunner().invoke(sync_command, arguments)
    assert done.exit_code == 1 and "sample 1 was refused" in done.output
    report = json.loads(CliRunner().invoke(sync_command, [*arguments, "--json"]).stdout)
    assert (report["complete"], report["traces"]["complete"]) == (False, False)


def lines_of_ours(text: str) -> list[str]:
    """Without what MLflow 3.0 says when it opens a database."""
    return [line for line in text.splitlines() if line and "INFO" not in line]


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("cause", ["connection", "traces_unsupported"])
def test_runs_are_reported_when_traces_cannot_be_made(
    log_path: Path,
    uri: str,
    tracing: TracingPackage,
    monkeypatch: pytest.MonkeyPatch,
    asked: bool,
    cause: str,
) -> None:
    tracing.error = RejectedError("the server says no", cause=cause)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    arguments = [str(log_path), "--tracking-uri", uri, *(["--traces"] if asked else [])]
    done = CliRunner().invoke(sync_command, arguments)
    # On an old server nobody may expect traces who has not asked for them here.
    assert done.exit_code == (0 if cause == "traces_unsupported" and not asked else 2)
    assert "1 created" in done.stdout
    assert lines_of_ours(done.stderr) == ["inspect-mlflow: no traces: the server says no"]
    told = json.loads(CliRunner().invoke(sync_command, [*arguments, "--json"]).stdout)
    assert told["traces"] == {"complete": False, "reason": "no traces: the server says no"}


def test_traces_without_a_package_for_them(
    log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_points(monkeypatch)
    arguments = [str(log_path), "--tracking-uri", uri]
    done = CliRunner().invoke(sync_command, [*arguments, "--traces"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and "inspect-mlflow-tracing" in done.stderr
    assert store_contents(uri) == {}
    monkeypatch.setenv("INSPECT_MLFLOW_TRACING_ENABLED", "true")
    done = CliRunner().invoke(sync_command, arguments)
    assert done.exit_code == 0
    assert "1 created" in done.stdout and "inspect-mlflow-tracing" in done.stderr


def test_package_that_cannot_be_loaded_is_named(
    log_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("traces", "no_such_module_of_a_test:sync", "inspect_mlflow.sync")
    installed_points(monkeypatch, point)
    done = CliRunner().invoke(sync_command, [str(log_path), "--tracking-uri", uri, "--traces"])
    assert done.exit_code == 2
    assert "1 created" in done.stdout
    (line,) = lines_of_ours(done.stderr)
    assert "cannot be loaded" in line
