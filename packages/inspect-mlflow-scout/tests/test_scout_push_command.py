"""The command `push`, with real scans and a real store."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from inspect_ai.model import ChatMessageUser
from inspect_scout import Result as ScanResult
from inspect_scout import Scanner, Transcript, scan, scanner, transcripts_db, transcripts_from

from inspect_mlflow_core.connection import SpanRecord, TraceRecord, open_trace_store
from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_scout._push_command import push_command

START_NS = 1_790_000_000 * 10**9
TRACE_ID = "a" * 32


@dataclass(frozen=True)
class Scanned:
    """Two scans of two transcripts, one of which has a trace.

    Args:
        complete: Location of a scan of the first transcript.
        unmatched: Location of a scan of both.
        failed: Location of one that failed.
        database: A store with the trace.
    """

    complete: str
    unmatched: str
    failed: str
    database: Path


@scanner(messages="all", name="length")
def length() -> Scanner[Transcript]:
    async def execute(transcript: Transcript) -> ScanResult:
        return ScanResult(value=len(transcript.messages))

    return execute


@scanner(messages="all", name="broken")
def broken() -> Scanner[Transcript]:
    async def execute(transcript: Transcript) -> ScanResult:
        raise ValueError("no way")

    return execute


@pytest.fixture(scope="module")
def scanned(
    settings_of_machine_removed: None, store_template: Path, tmp_path_factory: Any
) -> Scanned:
    directory = tmp_path_factory.mktemp("scanned")
    known, unknown = directory / "known", directory / "both"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCOUT_SCANBUFFER_DIR", str(directory / "buffer"))
        fill(known, [f"tr-{TRACE_ID}"])
        fill(unknown, [f"tr-{TRACE_ID}", "tr-nowhere"])
        found = Scanned(
            complete=scan_all(directory, known, length()),
            unmatched=scan_all(directory, unknown, length()),
            failed=scan_all(directory, known, broken()),
            database=directory / "mlflow.db",
        )
    write_trace(copy_store(store_template, directory))
    return found


def fill(directory: Path, identifiers: list[str]) -> None:
    import anyio

    async def insert() -> None:
        async with transcripts_db(str(directory)) as database:
            await database.insert(
                Transcript(
                    transcript_id=each,
                    source_type="mlflow",
                    messages=[ChatMessageUser(content="hello", id="m1")],
                )
                for each in identifiers
            )

    anyio.run(insert)


def scan_all(directory: Path, transcripts: Path, chosen: Scanner[Transcript]) -> str:
    status = scan(
        [chosen],
        transcripts=transcripts_from(str(transcripts)),
        scans=str(directory / "scans"),
        max_processes=1,
        display="none",
    )
    return status.location


def write_trace(uri: str) -> None:
    store = open_trace_store(uri)
    root = SpanRecord(TRACE_ID, "1" * 16, None, "agent", "AGENT", START_NS, START_NS + 10**9)
    trace = TraceRecord(TRACE_ID, "0", "OK", START_NS // 10**6, 1000, "hello", "hi", spans=(root,))
    store.start_trace(trace)
    store.log_spans(trace)


@pytest.fixture
def uri(scanned: Scanned, tmp_path: Path) -> str:
    shutil.copyfile(scanned.database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def push(*arguments: str) -> Result:
    return CliRunner().invoke(push_command, arguments)


def lines(output: str) -> list[str]:
    """What was said, without what MLflow's older versions log when they open a database."""
    logged = ("mlflow.store.db.utils", "alembic.runtime.migration")
    return [line for line in output.splitlines() if not any(name in line for name in logged)]


def values(uri: str) -> dict[str, Any]:
    from mlflow import MlflowClient

    (trace,) = MlflowClient(uri).search_traces(locations=["0"])
    return {each.name: each.value for each in trace.info.assessments}


def test_results_are_pushed_and_counted(scanned: Scanned, uri: str) -> None:
    first = push(scanned.complete, "--tracking-uri", uri)
    again = push(scanned.complete, "--tracking-uri", uri)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "1 assessments written" in first.stdout
    assert "0 assessments written, 0 removed, 1 unchanged" in again.stdout
    assert values(uri) == {"scout/length": 1}


def test_a_dry_run_writes_nothing(scanned: Scanned, uri: str) -> None:
    result = push(scanned.complete, "--tracking-uri", uri, "--dry-run")

    assert result.exit_code == 0
    assert "1 would create" in result.stdout
    assert values(uri) == {}


def test_what_has_no_trace_is_told(scanned: Scanned, uri: str) -> None:
    result = push(scanned.unmatched, "--tracking-uri", uri)

    assert result.exit_code == 1
    assert "unmatched: length of tr-nowhere" in result.stdout
    assert "looked for traces in: Default" in result.stdout
    assert values(uri) == {"scout/length": 1}


def test_reports_as_json(scanned: Scanned, uri: str) -> None:
    result = push(scanned.complete, scanned.unmatched, "--tracking-uri", uri, "--json")

    first, second = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (first["complete"], first["written"], first["actions"]) == (True, 1, {"created": 1})
    assert second["actions"] == {"updated": 1, "unmatched": 1}
    assert second["results"][1]["transcript_id"] == "tr-nowhere"


def test_quiet_says_only_what_is_wrong(scanned: Scanned, uri: str) -> None:
    right = push(scanned.complete, "--tracking-uri", uri, "--quiet")
    wrong = push(scanned.unmatched, "--tracking-uri", uri, "--quiet")

    assert (right.exit_code, right.stdout, lines(right.stderr)) == (0, "", [])
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "1 results have no trace" in wrong.stderr


def test_a_scan_that_is_not_complete_needs_force(scanned: Scanned, uri: str) -> None:
    refused = push(scanned.failed, "--tracking-uri", uri)
    forced = push(scanned.failed, "--tracking-uri", uri, "--force")

    assert refused.exit_code == 2
    assert len(lines(refused.output)) == 1
    assert "--force" in refused.stderr
    assert forced.exit_code == 0
    assert "scans failed 1" in forced.stdout
    assert values(uri) == {"scout/broken": None}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scanner", "lenght"], "no scanner 'lenght'; it has length"),
        (["--experiment", "nowhere"], "no experiment named 'nowhere'"),
    ],
)
def test_wrong_names_are_told_in_one_line(
    scanned: Scanned, uri: str, arguments: list[str], said: str
) -> None:
    result = push(scanned.complete, "--tracking-uri", uri, *arguments)

    assert result.exit_code == 2
    assert len(lines(result.output)) == 1
    assert said in result.stderr


def test_what_is_no_scan_is_told_in_one_line(uri: str, tmp_path: Path) -> None:
    result = push(str(tmp_path / "nothing"), "--tracking-uri", uri)

    assert result.exit_code == 2
    assert len(lines(result.output)) == 1
    assert "there is no scan" in result.stderr


def test_a_server_that_is_not_there_is_told_in_one_line(scanned: Scanned) -> None:
    result = push(scanned.complete, "--tracking-uri", "http://me:hunter2@127.0.0.1:9")

    assert result.exit_code == 2
    assert len(lines(result.output)) == 1
    assert "127.0.0.1" in result.stderr
    assert "hunter2" not in result.output


def test_no_tracking_uri_names_the_variable(scanned: Scanned) -> None:
    result = push(scanned.complete)

    assert result.exit_code == 2
    assert "INSPECT_MLFLOW_TRACKING_URI" in result.stderr


def test_help_teaches() -> None:
    result = push("--help")

    assert result.exit_code == 0
    for said in ("Examples:", "scan_id=", "Exit codes:", "--dry-run", "--force", "--quiet"):
        assert said in result.stdout
    assert isinstance(push_command, click.Command)
