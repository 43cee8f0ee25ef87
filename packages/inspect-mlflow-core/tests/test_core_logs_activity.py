from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from inspect_ai._util.file import filesystem
from inspect_ai.log._recorders.buffer.database import location_dir_and_file, resolve_db_dir

from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_core.logs import RECENTLY_WRITTEN_SECONDS, EvalLogReader, is_being_written

START: dict[str, Any] = {
    "version": 2,
    "eval": {
        "eval_id": "e1",
        "created": "2025-06-01T10:00:00+00:00",
        "task": "arithmetic",
        "dataset": {},
        "model": "mockllm/model",
        "config": {},
    },
    "plan": {},
}

EVALUATION = """
import sys
import anyio
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.solver import solver

@solver
def wait_on_the_last():
    async def solve(state, generate):
        if state.sample_id == 3:
            await anyio.sleep(600)
        return state
    return solve

task = Task(dataset=[Sample(id=n, input="x") for n in (1, 2, 3)], solver=wait_on_the_last())
eval(task, model="mockllm/model", log_dir=sys.argv[1], log_buffer=1, display="none")
"""


@pytest.fixture(autouse=True)
def data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inspect's data directory (with its buffer databases) of this test only."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def eventually(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


@pytest.fixture
def evaluation(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """An evaluation that waits in its last sample, and the log it is writing."""
    log_dir = tmp_path / "logs"
    process = subprocess.Popen(
        [sys.executable, "-c", EVALUATION, str(log_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def two_samples_are_written() -> bool:
        for path in log_dir.glob("*.eval"):
            try:
                with EvalLogReader.open(path) as reader:
                    return len(reader.sample_keys()) == 2
            except LogReadError:
                return False
        return False

    try:
        eventually(two_samples_are_written, process)
        [path] = log_dir.glob("*.eval")
        yield process, path
    finally:
        process.kill()
        process.communicate()


def test_a_killed_evaluation_is_told_from_a_running_one(
    evaluation: tuple[subprocess.Popen[str], Path], tmp_path: Path
) -> None:
    process, path = evaluation
    (tmp_path / "link").symlink_to(path.parent)

    for location in (path, f"file://{path}", tmp_path / "link" / path.name):
        with EvalLogReader.open(location) as reader:
            assert is_being_written(reader)
            assert [sample["id"] for sample in reader.samples()] == [1, 2]
            assert reader.problems == []

    process.kill()
    # The operating system keeps the entry of a dead process until its parent has asked for it.
    eventually_dead = time.monotonic() + 10
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < eventually_dead
        time.sleep(0.01)
    with EvalLogReader.open(path) as reader:
        assert not is_being_written(reader), "not reaped yet"
        process.wait()
        assert not is_being_written(reader)
        assert not reader.finished
        assert reader.header.status == "started"
        assert [sample["id"] for sample in reader.samples()] == [1, 2]


@pytest.fixture
def started_log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "[a] log.eval"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", json.dumps(START))
    return path


def make_buffer(log: Path, process_id: int | str) -> Path:
    directory, name = location_dir_and_file(filesystem(str(log)).path_as_uri(str(log)))
    buffer = resolve_db_dir() / directory / f"{name}.{process_id}.db"
    buffer.parent.mkdir(parents=True, exist_ok=True)
    buffer.touch()
    return buffer


def being_written(path: Path) -> bool:
    with EvalLogReader.open(path) as reader:
        return is_being_written(reader)


def test_without_buffer_the_time_of_the_last_change_decides(started_log: Path) -> None:
    assert being_written(started_log)

    before = time.time() - RECENTLY_WRITTEN_SECONDS - 60
    os.utime(started_log, (before, before))

    assert not being_written(started_log)


def test_a_finished_log_is_not_being_written(tmp_path: Path) -> None:
    path = tmp_path / "a.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps({**START, "status": "error"}))
    make_buffer(path, os.getpid())

    assert not being_written(path)


def test_a_buffer_of_a_living_process_counts_also_for_an_old_log(started_log: Path) -> None:
    os.utime(started_log, (1000, 1000))
    make_buffer(started_log, "no-number")
    assert not being_written(started_log)

    make_buffer(started_log, os.getpid())
    assert being_written(started_log)


def test_a_buffer_of_another_log_does_not_count(started_log: Path) -> None:
    os.utime(started_log, (1000, 1000))
    make_buffer(started_log.with_name("other.eval"), os.getpid())

    assert not being_written(started_log)


def test_a_process_that_only_got_the_same_id_does_not_count(started_log: Path) -> None:
    buffer = make_buffer(started_log, os.getpid())
    os.utime(buffer, (1000, 1000))

    assert not being_written(started_log)
