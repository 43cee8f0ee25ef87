"""The worker of the process: one of it, forks, and the exit of the interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from inspect_mlflow_core.delivery import DeliveryWorker, Record, delivery_worker

DEADLINE_SECONDS = 30.0

PRELUDE = """
import sys, threading, time
from inspect_mlflow_core.delivery import (
    Record, delivery_worker, register_exit_callback, register_exit_report, set_exit_flush_timeout,
    unregister_exit_callback,
)
from inspect_mlflow_core.exceptions import RetryableError

class Printer:
    name = "tracking"
    def export(self, records):
        print(*(record.payload for record in records), flush=True)

def submit(payload, exporter=Printer()):
    delivery_worker().submit(Record(exporter, "eval", payload))
"""


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_there_is_one_worker() -> None:
    assert delivery_worker() is delivery_worker()


def test_what_is_pending_is_delivered_at_exit() -> None:
    ended = run_script("""
        for number in range(5):
            delivery_worker().submit(Record(Printer.__new__(Printer), "eval", number,
                                            reference=("eval", number, 1)))
        """)
    assert ended.stdout.split() == ["0", "1", "2", "3", "4"]
    assert (ended.returncode, ended.stderr) == (0, "")


def test_exit_callbacks_run_before_the_last_flush_and_errors_stay_apart() -> None:
    ended = run_script("""
        def close_run():
            submit("closed")
        def fail():
            raise ValueError("secret")
        def forgotten():
            submit("forgotten")
        for callback in (close_run, close_run, fail, forgotten):
            register_exit_callback(callback)
        unregister_exit_callback(forgotten)
        print("main ends")
        sys.exit(3)
        """)
    assert ended.stdout.splitlines() == ["main ends", "closed"]
    assert ended.returncode == 3
    assert ended.stderr.splitlines() == [
        "inspect-mlflow: closing what was open at exit failed (ValueError); "
        "`inspect-mlflow sync LOG_DIR` completes it"
    ]


def test_pools_and_threads_still_work_for_exporters_at_exit() -> None:
    ended = run_script("""
        from concurrent.futures import ThreadPoolExecutor
        class Pooled:
            name = "tracking"
            def export(self, records):
                with ThreadPoolExecutor() as pool:
                    pool.submit(print, records[0].payload, flush=True).result()
        register_exit_callback(lambda: submit("pooled", Pooled()))
        """)
    assert (ended.stdout, ended.stderr) == ("pooled\n", "")


def test_exit_waits_for_evaluations_in_other_threads() -> None:
    ended = run_script("""
        def evaluate():
            time.sleep(0.2)
            submit("last record")
        register_exit_callback(lambda: submit("closed"))
        submit("first record")
        threading.Thread(target=evaluate).start()
        """)
    assert ended.stdout.splitlines() == ["first record", "last record", "closed"]
    assert ended.stderr == ""


def test_exit_does_not_hang_and_says_what_is_left() -> None:
    ended = run_script("""
        class Hanging:
            name = "tracking"
            def export(self, records):
                time.sleep(3600)
        set_exit_flush_timeout(0.1)
        submit("start", Hanging())
        """)
    assert ended.returncode == 0
    assert ended.stderr.splitlines() == [
        "inspect-mlflow: 1 records were not delivered (timeout); they are in the eval logs: "
        "`inspect-mlflow sync LOG_DIR` delivers them"
    ]


def test_exit_gives_up_on_a_missing_server_and_tells_the_report() -> None:
    ended = run_script("""
        class Refused:
            name = "tracking"
            def export(self, records):
                raise RetryableError("refused", cause="connection", unreachable=True)
        register_exit_report(lambda result: print(result.reason, result.pending))
        submit("start", Refused())
        """)
    assert ended.stdout == "unreachable 1\n"
    assert len(ended.stderr.splitlines()) == 1
    assert "refused" in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to another process")
def test_ctrl_c_ends_the_wait_at_exit_cleanly() -> None:
    script = textwrap.dedent("""
        import signal

        # Who starts the tests in the background of a shell hands an ignored SIGINT down to all.
        signal.signal(signal.SIGINT, signal.default_int_handler)

        class Hanging:
            name = "tracking"
            def export(self, records):
                sys.stdout.write("hanging\\n")
                sys.stdout.flush()
                time.sleep(3600)
        set_exit_flush_timeout(3600)
        def close_run():
            sys.stdout.write("exiting\\n")
            sys.stdout.flush()
        register_exit_callback(close_run)
        submit("start", Hanging())
        """)
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {"hanging\n", "exiting\n"}
    time.sleep(0.1)  # from the callback into the flush
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_SECONDS) == 0
    lines = process.stderr.read().splitlines()
    assert lines == [
        "inspect-mlflow: interrupted while delivering; `inspect-mlflow sync LOG_DIR` completes it"
    ]
    process.stdout.close()
    process.stderr.close()


class FileExporter:
    """Writes the process id and the payload of each record as a line."""

    name = "tracking"

    def __init__(self, path: Path, gate: threading.Event) -> None:
        self.path = path
        self.gate = gate

    def export(self, records: Sequence[Record]) -> None:
        assert self.gate.wait(DEADLINE_SECONDS)
        with self.path.open("a") as stream:
            stream.writelines(f"{os.getpid()} {record.payload}\n" for record in records)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_fork_delivers_its_own_records_and_leaves_the_parents_alone(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    gate = threading.Event()
    exporter = FileExporter(path, gate)
    worker = DeliveryWorker()
    for payload in ("parent-1", "parent-2"):
        worker.submit(Record(exporter, "eval", payload))
    child = os.fork()
    if child == 0:  # nothing of the test framework may run here
        status = 1
        try:
            fresh = threading.Event()
            fresh.set()
            exporter.gate = fresh
            empty = worker.statistics().submitted == 0 and worker.flush(0).delivered
            worker.submit(Record(exporter, "eval", "child"))
            status = 0 if empty and worker.flush(DEADLINE_SECONDS).delivered else 2
        finally:
            os._exit(status)
    _, wait_status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(wait_status) == 0
    assert path.read_text().splitlines() == [f"{child} child"]
    gate.set()
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert path.read_text().splitlines()[1:] == [
        f"{os.getpid()} parent-1",
        f"{os.getpid()} parent-2",
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_fork_does_not_run_the_parents_exit_callbacks() -> None:
    ended = run_script("""
        import os
        parent = os.getpid()
        register_exit_callback(lambda: print("closed by", os.getpid() == parent, flush=True))
        submit("parent")
        delivery_worker().flush(30)
        child = os.fork()
        if child == 0:
            register_exit_callback(lambda: submit("child closed"))
            submit("child")
            sys.exit(0)
        _, status = os.waitpid(child, 0)
        print("child", status, flush=True)
        """)
    assert ended.stdout.splitlines() == [
        "parent",
        "child",
        "child closed",
        "child 0",
        "closed by True",
    ]
    assert ended.stderr == ""


def test_importing_stays_light() -> None:
    ended = run_script("""
        heavy = {"mlflow", "pandas", "numpy", "inspect_ai", "anyio", "requests"}
        print(sorted(heavy & set(sys.modules)))
        """)
    assert ended.stdout == "[]\n"


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities on Linux only")
@pytest.mark.parametrize(("options", "lowered"), [({}, 0), ({"nice_increment": 5}, 5)])
def test_only_the_thread_gives_way_and_only_when_told(
    options: dict[str, int], lowered: int
) -> None:
    seen: list[int] = []

    class Nice:
        name = "tracking"

        def export(self, records: object) -> None:
            seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, 0)
    worker = DeliveryWorker(**options)
    worker.submit(Record(Nice(), "eval", "start"))
    assert worker.flush(DEADLINE_SECONDS).delivered
    assert seen == [min(before + lowered, 19)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
