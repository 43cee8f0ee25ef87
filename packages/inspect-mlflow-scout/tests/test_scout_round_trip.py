"""From an evaluation over MLflow to Scout: the very transcripts that Scout reads from the log."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from inspect_ai.event import timeline_build
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_scout import Transcript, transcripts_db, transcripts_from
from inspect_scout._transcript.types import TranscriptContent

from inspect_mlflow_core.config import MLflowSettings
from inspect_mlflow_core.connection import ensure_experiment, open_tracking_store
from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_core.testing.evaluations import CASES, IMAGE, evaluate
from inspect_mlflow_scout import ImportReport, import_mlflow_traces
from inspect_mlflow_tracing import sync_traces

Answer = TypeVar("Answer")

EVERYTHING = TranscriptContent(messages="all", events="all", timeline="all")
OF_THE_SOURCE = {"source_type", "source_id", "source_uri"}
OF_MLFLOW = {"trace_id", "experiment_id", "experiment_name", "run_id"}
# Only the run of the evaluation tells it, and tracing alone makes none.
OF_THE_RUN = {"eval_status"}


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    # Not `asyncio.run`: once Inspect has patched that, it leaves its event loops open.
    with asyncio.Runner() as runner:
        return runner.run(work)


async def read_from_logs(location: str) -> dict[str, Transcript]:
    """What Scout itself makes of logs."""
    found = {}
    async with transcripts_from(location).reader() as reader:
        async for info in reader.index():
            transcript = await reader.read(info, EVERYTHING)
            # Scout's dict parses its values only when they are looked at by name.
            transcript.metadata = {name: transcript.metadata[name] for name in transcript.metadata}
            found[transcript.transcript_id] = transcript
    return found


async def read_from_mlflow(uri: str, **options: Any) -> dict[str, Transcript]:
    report = ImportReport()
    found = [each async for each in import_mlflow_traces(None, uri, report=report, **options)]
    assert not report.failed
    return {each.transcript_id: each for each in found}


async def read_from_database(directory: Path, transcripts: Any) -> dict[str, Transcript]:
    """What a transcript database gives back."""
    async with transcripts_db(str(directory)) as database:
        await database.insert(transcripts)
    found = {}
    async with transcripts_db(str(directory)) as database:
        async for info in database.select():
            transcript = await database.read(info, EVERYTHING)
            transcript.metadata = {name: transcript.metadata[name] for name in transcript.metadata}
            found[transcript.transcript_id] = transcript
    return found


def comparable(transcript: Transcript, *, without: set[str] = OF_THE_RUN) -> dict[str, Any]:
    """Everything but where it was read from."""
    fields = transcript.model_dump(exclude=OF_THE_SOURCE)
    metadata = fields.pop("metadata")
    left_out = OF_MLFLOW | without
    return {**fields, **{f"metadata.{n}": v for n, v in metadata.items() if n not in left_out}}


def assert_equal(ours: Transcript, scouts: Transcript, **options: Any) -> None:
    found, wanted = comparable(ours, **options), comparable(scouts, **options)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        # As text: NaN is not equal to itself.
        assert repr(found[name]) == repr(value), name


@dataclass(frozen=True)
class Logs:
    """The log of each evaluation, and what Scout reads from all of them."""

    locations: dict[str, str]
    directory: Path
    transcripts: dict[str, Transcript]

    def of(self, name: str) -> list[Transcript]:
        location = self.locations[name]
        return [each for each in self.transcripts.values() if each.source_uri == location]


@pytest.fixture(scope="module")
def logs(settings_of_machine_removed: None, tmp_path_factory: pytest.TempPathFactory) -> Logs:
    directory = tmp_path_factory.mktemp("logs")
    locations = {name: evaluate(name, directory).location for name in CASES}
    return Logs(locations, directory, run(read_from_logs(str(directory))))


@pytest.fixture(scope="module")
def of_database(
    logs: Logs, store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Transcript]:
    uri = copy_store(store_template, tmp_path_factory.mktemp("store"))
    assert sync_traces(str(logs.directory), tracking_uri=uri).complete
    return run(read_from_mlflow(uri))


@pytest.fixture(scope="module")
def of_server(logs: Logs, server_uri: str) -> dict[str, Transcript]:
    assert sync_traces(str(logs.directory), tracking_uri=server_uri).complete
    return run(read_from_mlflow(server_uri))


@pytest.mark.parametrize("name", CASES)
def test_transcripts_from_a_database_are_those_of_the_log(
    logs: Logs, of_database: dict[str, Transcript], name: str
) -> None:
    wanted = logs.of(name)
    assert wanted
    for transcript in wanted:
        assert_equal(of_database[transcript.transcript_id], transcript)


@pytest.mark.parametrize("name", CASES)
def test_transcripts_from_a_server_are_those_of_the_log(
    logs: Logs, of_server: dict[str, Transcript], name: str
) -> None:
    for transcript in logs.of(name):
        assert_equal(of_server[transcript.transcript_id], transcript)


def test_nothing_is_added(logs: Logs, of_server: dict[str, Transcript]) -> None:
    assert of_server.keys() == logs.transcripts.keys()


def test_transcripts_say_where_they_come_from(
    of_server: dict[str, Transcript], server_uri: str
) -> None:
    for transcript in of_server.values():
        trace_id = transcript.metadata["trace_id"]
        assert transcript.source_type == "mlflow"
        assert transcript.source_id == transcript.metadata["experiment_id"]
        assert str(transcript.source_uri).startswith(server_uri)
        assert trace_id in str(transcript.source_uri)


def test_a_transcript_can_pass_for_one_of_a_log(
    logs: Logs, store_template: Path, tmp_path: Path
) -> None:
    uri = copy_store(store_template, tmp_path)
    assert sync_traces(logs.locations["tools"], tracking_uri=uri).complete
    (transcript,) = run(read_from_mlflow(uri, source_type="eval_log")).values()
    (wanted,) = logs.of("tools")
    for name in sorted(OF_THE_SOURCE):
        assert getattr(transcript, name) == getattr(wanted, name)


def rounded(value: Any) -> str:
    """As text, with nine places of each number behind its point."""
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda found: repr(round(float(found[0]), 9)), repr(value))


def readable_locations(logs: Logs) -> list[str]:
    """Scout cannot read a transcript with NaN out of its database, wherever it came from."""
    return [location for name, location in logs.locations.items() if name != "notes"]


def test_a_database_filled_from_mlflow_is_one_filled_from_logs(
    logs: Logs, of_server: dict[str, Transcript], tmp_path: Path
) -> None:
    readable = readable_locations(logs)
    from_logs = run(read_from_database(tmp_path / "logs", transcripts_from(readable)))
    ours = [of_server[identifier] for identifier in from_logs]
    from_mlflow = run(read_from_database(tmp_path / "mlflow", ours))
    assert from_mlflow.keys() == from_logs.keys()
    assert len(from_logs) == len(logs.transcripts) - len(logs.of("notes"))
    for identifier, transcript in from_logs.items():
        found, wanted = comparable(from_mlflow[identifier]), comparable(transcript)
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            # Scout's way over a data frame and a database changes the last digit of a number.
            assert rounded(found[name]) == rounded(value), name


def test_a_database_filled_from_logs_is_not_filled_twice(
    logs: Logs, of_database: dict[str, Transcript], tmp_path: Path
) -> None:
    directory = tmp_path / "both"
    before = run(read_from_database(directory, transcripts_from(readable_locations(logs))))
    after = run(read_from_database(directory, [of_database[each] for each in before]))
    assert before.keys() == after.keys()


def test_timelines_show_the_agents(of_server: dict[str, Transcript], logs: Logs) -> None:
    (wanted,) = logs.of("handoff")
    found = of_server[wanted.transcript_id]
    (timeline,) = found.timelines
    assert timeline.model_dump() == timeline_build(wanted.events).model_dump()
    assert "expert" in json.dumps(timeline.model_dump(mode="json"))


def test_images_come_back_as_they_were(of_server: dict[str, Transcript], logs: Logs) -> None:
    (wanted,) = logs.of("images")
    found = of_server[wanted.transcript_id]
    assert IMAGE in str(found.messages) and "attachment://" not in str(found.events)


def test_the_run_tells_how_the_evaluation_ended(
    logs: Logs, store_template: Path, tmp_path: Path
) -> None:
    uri, location = copy_store(store_template, tmp_path), logs.locations["epochs"]
    header = read_eval_log(location, header_only=True)
    store = open_tracking_store(uri)
    experiment_id = ensure_experiment(store, MLflowSettings(tracking_uri=uri).experiment_name)
    tags = {"inspect.eval_id": header.eval.eval_id, "inspect.log_status": header.status}
    made = store.create_run(experiment_id, name="task", start_time_ms=1, tags=tags)
    assert sync_traces(location, tracking_uri=uri).complete
    found = run(read_from_mlflow(uri))
    for transcript in logs.of("epochs"):
        ours = found[transcript.transcript_id]
        assert_equal(ours, transcript, without=set())
        assert ours.metadata["run_id"] == made.run_id


def test_the_samples_of_a_whole_run_are_transcripts_of_their_own(
    logs: Logs, store_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_MLFLOW_TRACE_SCOPE", "run")
    uri = copy_store(store_template, tmp_path)
    assert sync_traces(logs.locations["epochs"], tracking_uri=uri).complete
    found = run(read_from_mlflow(uri))
    wanted = logs.of("epochs")
    assert len(wanted) == 6 and found.keys() == {each.transcript_id for each in wanted}
    assert len({each.metadata["trace_id"] for each in found.values()}) == 1
    for transcript in wanted:
        assert_equal(found[transcript.transcript_id], transcript)


def with_edits(log: Any) -> None:
    log.eval.task = "package/named"
    log.eval.solver, log.eval.solver_args = "basic_agent", {"attempts": 3, "api_key": None}
    log.eval.tags, log.eval.metadata = ["a", "b"], {"owner": "me", "nested": {"x": [1, None]}}
    log.eval.task_args = {"difficulty": "hard", "n": 2}
    log.eval.model_generate_config.temperature = 0.5


def without_solver(log: Any) -> None:
    log.plan.steps = []


def without_scores(log: Any) -> None:
    for sample in log.samples:
        sample.scores = None


def with_dict_score(log: Any) -> None:
    for sample in log.samples:
        (name,) = sample.scores
        sample.scores[name].value = {"value": 0.25, "other": True}
        sample.scores[name].explanation = "a reason"


def with_success_told(log: Any) -> None:
    for sample in log.samples:
        (name,) = sample.scores
        sample.scores[name].metadata = {"success": False}


def without_uuids(log: Any) -> None:
    for sample in log.samples:
        sample.uuid = None


@pytest.mark.parametrize(
    "change",
    [
        with_edits,
        without_solver,
        without_scores,
        with_dict_score,
        with_success_told,
        without_uuids,
    ],
)
def test_every_column_follows_the_log(
    logs: Logs, store_uri: str, tmp_path: Path, change: Callable[[Any], None]
) -> None:
    log = read_eval_log(logs.locations["tools"])
    change(log)
    path = tmp_path / "logs" / "changed.eval"
    path.parent.mkdir()
    write_eval_log(log, str(path))
    (wanted,) = run(read_from_logs(str(path.parent))).values()
    assert sync_traces(str(path), tracking_uri=store_uri).complete
    (found,) = run(read_from_mlflow(store_uri)).values()
    assert_equal(found, wanted)


def test_credentials_of_the_header_stay_out(logs: Logs, store_uri: str, tmp_path: Path) -> None:
    log = read_eval_log(logs.locations["plain"])
    secret = "sk-ant-api03-abcdefghijklmnop"
    log.eval.task_args = {"api_key": secret, "level": 1}
    path = tmp_path / "secret.eval"
    write_eval_log(log, str(path))
    assert sync_traces(str(path), tracking_uri=store_uri).complete
    (found,) = run(read_from_mlflow(store_uri)).values()
    assert found.metadata["task_args"] == {"api_key": "***", "level": 1}
    assert secret not in found.model_dump_json()


def test_events_of_old_logs_get_ids_that_stay(logs: Logs, store_uri: str, tmp_path: Path) -> None:
    log = read_eval_log(logs.locations["tools"])
    assert log.samples
    for event in log.samples[0].events:
        event.uuid = None
    path = tmp_path / "old.eval"
    write_eval_log(log, str(path))
    assert sync_traces(str(path), tracking_uri=store_uri).complete
    first, second = (run(read_from_mlflow(store_uri)) for _ in range(2))
    ids = [[event.uuid for event in each.events] for each in first.values()]
    assert ids == [[event.uuid for event in each.events] for each in second.values()]
    assert len(set(ids[0])) == len(ids[0]) and None not in ids[0]
