"""Settings that one task's metadata changes, and what a run is named by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes, match

from inspect_mlflow_core.testing import copy_store, store_contents
from inspect_mlflow_tracking import sync


@pytest.fixture
def uri(tmp_path: Path, store_template: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = copy_store(store_template, tmp_path)
    monkeypatch.setenv("INSPECT_MLFLOW_TRACKING_URI", found)
    monkeypatch.setenv("INSPECT_MLFLOW_AUTOLOG_ENABLED", "false")
    return found


def answer(messages: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
    output = ModelOutput.from_content("mockllm/model", "the answer is 2")
    output.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    return output


def task(name: str, **metadata: Any) -> Task:
    samples = [Sample(id=i, input=f"1+1 ({i})", target="answer") for i in (1, 2)]
    return Task(
        name=name,
        dataset=samples,
        scorer=[match(location="exact"), includes()],
        metadata=metadata,
    )


def run(directory: Path, *tasks: Task) -> None:
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    eval(list(tasks), model=model, log_dir=str(directory / "logs"), display="none")


def by_task(uri: str) -> dict[str, dict[str, Any]]:
    return {
        found["tags"]["inspect.task"]: found
        for name, found in store_contents(uri).items()
        if name.startswith("task ")
    }


def test_each_task_follows_its_own_metadata(uri: str, tmp_path: Path, store_template: Path) -> None:
    run(
        tmp_path,
        task("plain"),
        task("off", inspect_mlflow_enabled=False),
        task("elsewhere", inspect_mlflow_experiment="my-experiment"),
        task("named", inspect_mlflow_run_name="a name of its own"),
        task("judged", inspect_mlflow_accuracy_scorer="includes"),
        task("bare", inspect_mlflow_log_artifacts=False),
    )
    live = by_task(uri)
    assert set(live) == {"plain", "elsewhere", "named", "judged", "bare"}
    assert live["elsewhere"]["experiment"] == "my-experiment"
    assert live["named"]["name"] == "a name of its own"
    assert live["judged"]["latest"]["inspect.accuracy"] == 1.0
    assert live["plain"]["latest"]["inspect.accuracy"] == 0.0
    assert live["bare"]["artifacts"] == {}
    assert live["plain"]["experiment"] == "inspect_ai"
    plain = live["plain"]
    assert plain["name"] == f"plain-model-{plain['tags']['inspect.eval_id']}"

    (tmp_path / "synced").mkdir()
    synced_uri = copy_store(store_template, tmp_path / "synced")
    assert sync(tmp_path / "logs", tracking_uri=synced_uri).complete
    assert store_contents(synced_uri) == store_contents(uri)


def test_wrong_override_is_told_and_the_task_is_tracked(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, task("wrong", inspect_mlflow_log_artifacts="perhaps"))
    assert "inspect_mlflow_log_artifacts" in capsys.readouterr().err
    assert by_task(uri)["wrong"]["status"] == "FINISHED"


def test_wrong_variable_switches_tracking_off_and_breaks_nothing(
    uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_LOG_ARTIFACTS", "perhaps")
    run(tmp_path, task("plain"))
    assert capsys.readouterr().err.count("INSPECT_MLFLOW_LOG_ARTIFACTS") == 1
    assert by_task(uri) == {}


def test_secrets_reach_nothing(uri: str, tmp_path: Path) -> None:
    secret = "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    model = get_model(
        "mockllm/model", custom_outputs=answer, memoize=False, service_password="hunter2-hunter2"
    )
    holder = task("holder", connection={"api_key": secret, "url": "https://me:pa55word@host/x"})
    eval(holder, model=model, log_dir=str(tmp_path / "logs"), display="none")
    found = by_task(uri)["holder"]
    texts = [str(found), *(path.read_text("utf-8", "replace") for path in artifacts(tmp_path))]
    for text in texts:
        for hidden in (secret, "pa55word", "hunter2-hunter2"):
            assert hidden not in text
    assert found["params"]["metadata.connection.api_key"] == "***"


def artifacts(directory: Path) -> list[Path]:
    found = [path for path in (directory / "mlartifacts").rglob("*") if path.is_file()]
    assert found
    return found
