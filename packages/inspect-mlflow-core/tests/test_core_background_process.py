from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.background_process import BackgroundProcess, BackgroundProcessError

WORK = """
    import os, sys, time

    def double(value):
        print("this must not reach the pipe")
        return value * 2

    def child_id():
        return os.getpid()

    def priority():
        return os.nice(0)

    def fail():
        raise ValueError("no")

    def not_portable():
        return lambda: None

    def read_input():
        return sys.stdin.read()

    def end():
        os._exit(3)
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "background_work.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("background_work")
    del sys.modules["background_work"]


@pytest.fixture
def process() -> Iterator[BackgroundProcess]:
    process = BackgroundProcess()
    yield process
    process.close()


def gone(process_id: int) -> bool:
    for _ in range(200):
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_calls_are_made_elsewhere_and_printing_does_no_harm(
    work: Any, process: BackgroundProcess
) -> None:
    assert process.call(work.double, 21) == 42
    assert process.call(work.double, "x" * 3_000_000) == "x" * 6_000_000
    first = process.call(work.child_id)
    assert first != os.getpid()
    assert process.call(work.child_id) == first
    assert process.call(work.read_input) == ""


def test_it_gives_way_to_the_evaluation(work: Any, process: BackgroundProcess) -> None:
    assert process.call(work.priority) > os.nice(0)


@pytest.mark.parametrize("name", ["fail", "not_portable"])
def test_an_error_is_the_callers_to_handle(
    work: Any, process: BackgroundProcess, name: str
) -> None:
    with pytest.raises(BackgroundProcessError, match=name):
        process.call(getattr(work, name))
    assert process.available


def test_a_lost_child_is_not_replaced(work: Any, process: BackgroundProcess) -> None:
    with pytest.raises(BackgroundProcessError, match="lost"):
        process.call(work.end)
    assert not process.available
    with pytest.raises(BackgroundProcessError, match="no background process"):
        process.call(work.double, 1)


def test_without_an_interpreter_there_is_none(
    work: Any, process: BackgroundProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(BackgroundProcessError):
        process.call(work.double, 1)
    assert not process.available


def test_closing_ends_it_and_a_later_call_starts_another(
    work: Any, process: BackgroundProcess
) -> None:
    first = process.call(work.child_id)
    process.close()
    assert gone(first)
    assert process.call(work.child_id) != first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path, work: Any) -> None:
    program = textwrap.dedent(
        """
        import time
        import background_work
        from inspect_mlflow_core.background_process import BackgroundProcess

        process = BackgroundProcess()
        print(process.call(background_work.child_id), flush=True)
        time.sleep(60)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone(child)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_one_of_its_own(work: Any, process: BackgroundProcess) -> None:
    first = process.call(work.child_id)
    reading, writing = os.pipe()
    forked = os.fork()
    if forked == 0:
        os.write(writing, str(process.call(work.child_id)).encode())
        process.close()
        os._exit(0)
    os.waitpid(forked, 0)
    assert int(os.read(reading, 100)) != first
    assert process.call(work.child_id) == first
