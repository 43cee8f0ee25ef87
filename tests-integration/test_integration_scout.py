"""From an evaluation over MLflow to Scout and back, by the built wheels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.testing import copy_store, running_server

TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import tool

# Without usage Inspect would count tokens with a tokenizer that it downloads.
USAGE = ModelUsage(input_tokens=3, output_tokens=4, total_tokens=7)


@tool
def add():
    async def execute(a: int, b: int) -> int:
        '''Add two numbers.

        Args:
            a: The first.
            b: The second.
        '''
        return a + b

    return execute


def answer(messages, tools, tool_choice, config):
    question, last = messages[0].text, messages[-1]
    if last.role != "tool":
        numbers = dict(zip("ab", map(int, question.split("+"))))
        output = ModelOutput.for_tool_call("mockllm/model", "add", numbers)
    elif question == "1+1":
        output = ModelOutput.from_content("mockllm/model", last.text)
    else:
        output = ModelOutput.from_content("mockllm/model", "I will not say")
    output.usage = USAGE
    return output


@task
def sums(level: int = 1):
    return Task(
        dataset=[
            Sample(id="told", input="1+1", target="2"),
            Sample(id="withheld", input="2+2", target="4"),
        ],
        solver=[use_tools(add()), generate()],
        scorer=match(),
        epochs=2,
        model=get_model("mockllm/model", custom_outputs=answer, memoize=False),
        metadata={"owner": "us", "sizes": [1, 2.5, None]},
        tags=["arithmetic"],
    )
"""
# Both go through a transcript database, which changes the last digit of some numbers.
TRANSCRIPTS = """
import asyncio, json
from inspect_scout import transcripts_db, transcripts_from
from inspect_scout._transcript.types import TranscriptContent

EVERYTHING = TranscriptContent(messages="all", events="all", timeline="all")


async def read(directory):
    async with transcripts_db(directory) as database:
        async for info in database.select():
            transcript = await database.read(info, EVERYTHING)
            # Scout's dict parses its values only when they are looked at by name.
            transcript.metadata = {name: transcript.metadata[name] for name in transcript.metadata}
            yield transcript.model_dump(mode="json")


async def main():
    async with transcripts_db("from-logs") as database:
        await database.insert(transcripts_from("logs"))
    directories = "from-logs", "transcripts"
    print("found", json.dumps([[each async for each in read(name)] for name in directories]))


asyncio.run(main())
"""
SCAN = """
import json
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_scout import Result, grep_scanner, scan, scanner, transcripts_from


def answer(messages, tools, tool_choice, config):
    word = "yes" if "will not" in messages[-1].text else "no"
    output = ModelOutput.from_content("mockllm/model", word)
    output.usage = ModelUsage(input_tokens=3, output_tokens=4, total_tokens=7)
    return output


@scanner(messages="all")
def refusals():
    async def execute(transcript):
        question = f"Is this a refusal? {transcript.messages[-1].text}"
        output = await get_model().generate(question)
        return Result(value=output.completion == "yes", explanation=output.completion)

    return execute


status = scan(
    [grep_scanner("will not", name="withheld"), refusals()],
    transcripts=transcripts_from("transcripts"),
    model=get_model("mockllm/model", custom_outputs=answer),
    max_processes=1,
    display="none",
)
print("found", json.dumps(status.location))
"""
ASSESSMENTS = """
import json
from mlflow import MlflowClient

client = MlflowClient()
experiment = client.get_experiment_by_name("inspect_ai").experiment_id
traces = client.search_traces(locations=[experiment])
query = "feedback.`scout/refusals` = 'true'"
matching = client.search_traces(locations=[experiment], filter_string=query)
assessments = [
    [trace.info.tags["inspect.sample_id"], each.name, each.value, each.source.source_type]
    for trace in traces
    for each in trace.info.assessments
    if each.name.startswith("scout/")
]
searched = [trace.info.tags["inspect.sample_id"] for trace in matching]
found = {"traces": len(traces), "assessments": sorted(assessments), "searched": searched}
print("found", json.dumps(found))
"""
IMPORT = """
import asyncio, json, sys
from inspect_mlflow_scout import ImportReport, import_mlflow_traces
from inspect_scout import transcripts_db


async def main():
    report = ImportReport()
    async with transcripts_db("alone") as database:
        found = import_mlflow_traces(tracking_uri=sys.argv[1], report=report)
        await database.insert(found)
        identifiers = sorted(await database.transcript_ids())
    print("found", json.dumps({**report.to_dict(), "ids": identifiers}))


asyncio.run(main())
"""
ABSENT = """
import json
from importlib.metadata import distributions
from importlib.util import find_spec

modules = ["inspect_mlflow", "inspect_mlflow_tracking", "inspect_mlflow_tracing", "sqlalchemy"]
names = {each.name.replace("_", "-") for each in distributions()}
found = {
    "modules": [name for name in modules if find_spec(name)],
    "packages": sorted(name for name in names if name.startswith(("inspect-mlflow", "mlflow"))),
}
print("found", json.dumps(found))
"""
# What distinguishes mlflow from mlflow-skinny, whose Python files are the same: what it needs for
# databases and servers. The first is its metadata.
FULL_MLFLOW = ("mlflow-", "mlflow_tracing", "sqlalchemy", "alembic", "flask", "sklearn", "docker")

OF_THE_SOURCE = {"source_type", "source_id", "source_uri"}
OF_MLFLOW = {"trace_id", "experiment_id", "experiment_name", "run_id"}


@dataclass(frozen=True)
class Project:
    """A directory with an evaluation in its database `mlflow.db` and its logs in `logs/`."""

    directory: Path

    def inspect_mlflow(self, *arguments: str) -> str:
        """Run the command of the umbrella; return what it printed."""
        script = Path(sysconfig.get_path("scripts")) / "inspect-mlflow"
        return self.run(str(script), *arguments)

    def found(self, code: str, *arguments: str, python: Path = Path(sys.executable)) -> Any:
        """Run a program, with the umbrella by default; return what it found."""
        printed = self.run(str(python), "-c", code, *arguments)
        # Inspect tells of its hooks before.
        return json.loads(printed.split("found ", 1)[1])

    def run(self, *command: str) -> str:
        """Run a command; return what it printed."""
        finished = subprocess.run(
            command,
            cwd=self.directory,
            env={
                **os.environ,
                "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
                "INSPECT_MLFLOW_TRACING_ENABLED": "true",
                "SCOUT_SCANBUFFER_DIR": str(self.directory / "buffer"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


def by_id(transcripts: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["transcript_id"]: each for each in transcripts}


def rounded(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


@pytest.fixture(scope="module")
def project(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The directory after an evaluation with tracking and tracing, and an import by the command."""
    directory = tmp_path_factory.mktemp("project")
    copy_store(store_template, directory)
    (directory / "sums.py").write_text(TASK)
    made = Project(directory)
    made.run(sys.executable, "-m", "inspect_ai", "eval", "sums.py", "--display", "plain")
    printed = made.inspect_mlflow("scout", "import", "-T", "transcripts")
    assert "4 transcripts from 4 traces, 4 of Inspect evaluations" in printed
    return made


@pytest.fixture(scope="module")
def transcripts(project: Project) -> tuple[dict[str, Any], dict[str, Any]]:
    """What Scout makes of the logs, and what was imported, by ids."""
    from_logs, imported = map(by_id, project.found(TRANSCRIPTS))
    return from_logs, imported


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[str]:
    """The tracking URI of a server on the database of the project."""
    with running_server(project.directory / "mlflow.db", project.directory) as running:
        yield running.uri


@pytest.fixture(scope="module")
def scout_alone(
    tmp_path_factory: pytest.TempPathFactory, make_environment: Callable[..., Path]
) -> Path:
    """The Python of an environment with the wheels of scout and core, and mlflow-skinny."""
    directory = tmp_path_factory.mktemp("scout")
    wheels = "inspect_mlflow_core", "inspect_mlflow_scout"
    return make_environment(directory, *wheels, without=FULL_MLFLOW)


def test_transcripts_from_mlflow_are_those_of_the_log(
    transcripts: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    from_logs, imported = transcripts
    assert len(from_logs) == 4
    assert imported.keys() == from_logs.keys()
    for identifier, wanted in from_logs.items():
        found = imported[identifier]
        metadata = found["metadata"]
        assert metadata.keys() - wanted["metadata"].keys() == OF_MLFLOW
        assert {**wanted["metadata"], **{name: metadata[name] for name in OF_MLFLOW}} == metadata
        assert metadata["eval_status"] == "success"
        assert found.keys() == wanted.keys()
        for name in wanted.keys() - OF_THE_SOURCE - {"metadata"}:
            assert rounded(found[name]) == rounded(wanted[name]), name
        roles = [message["role"] for message in found["messages"]]
        assert roles == ["user", "assistant", "tool", "assistant"]
        assert found["events"] and found["timelines"]


def test_what_scanners_find_stands_once_on_the_right_traces(project: Project) -> None:
    location = project.found(SCAN)
    assert "8 assessments written" in project.inspect_mlflow("scout", "push", location)
    again = project.inspect_mlflow("scout", "push", location)
    assert "0 assessments written, 0 removed, 8 unchanged" in again
    found = project.found(ASSESSMENTS)
    assert found["traces"] == 4
    assert Counter(map(tuple, found["assessments"])) == {
        ("told", "scout/withheld", 0, "CODE"): 2,
        ("told", "scout/refusals", False, "LLM_JUDGE"): 2,
        ("withheld", "scout/withheld", 1, "CODE"): 2,
        ("withheld", "scout/refusals", True, "LLM_JUDGE"): 2,
    }
    assert found["searched"] == ["withheld", "withheld"]


def test_scout_alone_reads_a_server(
    transcripts: tuple[dict[str, Any], dict[str, Any]],
    project: Project,
    server: str,
    scout_alone: Path,
) -> None:
    from_logs, _ = transcripts
    found = project.found(IMPORT, server, python=scout_alone)
    assert (found["transcripts"], found["from_inspect"], found["failed"]) == (4, 4, {})
    assert found["ids"] == sorted(from_logs)


def test_scout_alone_brings_neither_the_command_nor_all_of_mlflow(
    project: Project, scout_alone: Path
) -> None:
    there = project.found(ABSENT, python=scout_alone)
    assert there["modules"] == []
    assert there["packages"] == ["inspect-mlflow-core", "inspect-mlflow-scout", "mlflow-skinny"]
    assert not list(scout_alone.parent.glob("inspect-mlflow*"))
