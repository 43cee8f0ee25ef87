"""`inspect-mlflow scout import`: from the command line into a transcript database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inspect_mlflow_core.testing.evaluations import evaluate
from inspect_mlflow_scout._command import scout_command
from inspect_mlflow_tracing import sync_traces


def scout(*arguments: str) -> Result:
    result = CliRunner().invoke(scout_command, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def uri(store_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with the six traces of an evaluation."""
    location = evaluate("epochs", tmp_path / "logs").location
    assert sync_traces(location, tracking_uri=store_uri).complete
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri)
    return store_uri


def counts(*arguments: str) -> dict[str, object]:
    result = scout("import", "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout[result.stdout.index("{") :])
    return found


def stored(directory: str = "transcripts") -> int:
    from inspect_scout import transcripts_db

    async def count() -> int:
        async with transcripts_db(directory) as database:
            return len(await database.transcript_ids())

    with asyncio.Runner() as runner:
        return runner.run(count())


def test_traces_go_into_a_database(uri: str) -> None:
    result = scout("import")
    assert result.exit_code == 0
    assert "6 transcripts from 6 traces, 6 of Inspect evaluations" in result.stdout
    assert "scout view -T ./transcripts" in result.stdout
    assert stored() == 6


def test_the_same_command_goes_on_where_it_stopped(uri: str) -> None:
    assert counts("--limit", "2")["transcripts"] == 2
    assert counts()["transcripts"] == 4
    again = counts()
    assert (again["transcripts"], again["known"], again["traces"]) == (0, 6, 0)
    assert stored() == 6


def test_overwrite_starts_anew(uri: str) -> None:
    counts()
    assert counts("--overwrite", "--limit", "1")["transcripts"] == 1
    assert stored() == 1


def test_overwrite_deletes_nothing_but_databases(uri: str, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("mine")
    result = scout("import", "-T", str(precious), "--overwrite")
    assert result.exit_code == 2
    assert "--overwrite deletes only transcript databases" in result.stderr
    assert (precious / "thesis.txt").read_text() == "mine"


def test_a_dry_run_lists_and_writes_nothing(uri: str) -> None:
    result = scout("import", "--dry-run", "--limit", "2")
    assert result.exit_code == 0
    assert result.stdout.count("mockllm/model") == 2 and "epochs" in result.stdout
    assert not Path("transcripts").exists()


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--tag", "inspect.epoch=2"], 2),
        (["--tag", "inspect.epoch=2", "--tag", "inspect.task=other"], 0),
        (["--filter", "trace.status = 'ERROR'"], 0),
        (["--from", "2020-01-01", "--to", "2021-01-01"], 0),
        (["--from", "2020-01-01T00:00+00:00"], 6),
        (["-P", "limit=3"], 3),
        (["-P", "tags=inspect.epoch=1"], 2),
        (["-P", "include_in_progress=true", "-P", "experiment_name=inspect_ai"], 6),
        (["--session", "none"], 0),
    ],
)
def test_options_choose_traces(uri: str, arguments: Sequence[str], count: int) -> None:
    assert counts(*arguments)["transcripts"] == count


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "yesterday"], "--from takes a time such as 2026-11-21"),
        (["--tag", "nothing"], "--tag takes NAME=VALUE, not 'nothing'"),
        (["-P", "colour=red"], "-P colour=red cannot be used; known parameters: experiment_ids"),
        (["--limit", "-1"], "-1 is not in the range"),
        (["--filter", "nonsense"], "MLflow does not understand the filter 'nonsense'"),
    ],
)
def test_wrong_usage_is_explained(uri: str, arguments: Sequence[str], message: str) -> None:
    result = scout("import", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_an_experiment_that_is_not_there_is_told_of(uri: str) -> None:
    assert scout("import", "--experiment", "nowhere").exit_code == 1


def test_without_a_server_the_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = scout("import")
    assert result.exit_code == 2
    assert (
        "no tracking URI: set MLFLOW_TRACKING_URI" in result.stderr
        and "Traceback" not in result.output
    )


def test_quiet_says_nothing(uri: str) -> None:
    result = scout("import", "--quiet")
    assert result.exit_code == 0 and not result.stdout.strip()


@pytest.mark.parametrize("command", ["import", "push"])
def test_help_teaches(command: str) -> None:
    text = scout(command, "--help").stdout
    assert "Examples:" in text and "Exit codes:" in text


def test_what_cannot_be_a_database_is_told_in_one_line(uri: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    result = scout("import", "-T", "a-file")
    assert result.exit_code == 2
    assert "a-file cannot be a transcript database" in result.stderr


def test_an_import_of_nothing_leaves_nothing(uri: str) -> None:
    assert scout("import", "--session", "none", "-T", "unused").exit_code == 0
    assert not Path("unused").exists()


def test_transcripts_can_pass_for_those_of_logs(uri: str) -> None:
    assert counts("-P", "source_type=eval_log", "--limit", "1")["transcripts"] == 1
    result = scout("import", "-P", "source_type=other")
    assert result.exit_code == 2 and "mlflow or eval_log, not 'other'" in result.stderr
