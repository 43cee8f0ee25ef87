"""What the user is told, where, and how often."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from inspect_mlflow_core import reporting


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    reporting.reset()
    yield
    reporting.reset()


def test_one_line_per_key_and_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(5):
        reporting.warn_once("http_503", f"unavailable {number}")
    reporting.warn_once("http_401", "not allowed")
    assert capsys.readouterr().err.splitlines() == [
        "inspect-mlflow: unavailable 0",
        "inspect-mlflow: not allowed",
    ]
    assert reporting.suppressed_counts() == {"http_503": 4}
    reporting.reset()
    assert reporting.suppressed_counts() == {}


def test_say_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    reporting.say("done")
    reporting.say("done")
    captured = capsys.readouterr()
    assert captured.err == "inspect-mlflow: done\n" * 2
    assert captured.out == ""


def test_text_of_a_server_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    reporting.warn_once("key", "a\nb\x1b[31mc\rd é 日本 %s %d")
    assert capsys.readouterr().err == "inspect-mlflow: a b [31mc d é 日本 %s %d\n"


def test_records_skip_the_transcript_and_do_not_propagate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    records: list[logging.LogRecord] = []

    class Capture(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = Capture()
    everything_else = Capture()
    everything_else.emit = lambda record: pytest.fail("propagated")  # type: ignore[method-assign]
    logging.getLogger().addHandler(everything_else)
    reporting.logger.addHandler(handler)
    reporting.warn_once("key", "careful")
    reporting.say("done")
    reporting.logger.removeHandler(handler)
    logging.getLogger().removeHandler(everything_else)
    assert [(record.levelname, record.getMessage()) for record in records] == [
        ("WARNING", "careful"),
        ("INFO", "done"),
    ]
    assert all(record.__dict__["inspect_skip_transcript"] for record in records)
    assert capsys.readouterr().err.count("\n") == 2


def test_deferred_lines_appear_at_the_end_of_the_outermost_block(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with reporting.deferred():
        reporting.say("first")
        with reporting.deferred():
            reporting.say("second")
        reporting.release()
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err == "inspect-mlflow: first\ninspect-mlflow: second\n"


def test_threads_share_keys(capsys: pytest.CaptureFixture[str]) -> None:
    def warn() -> None:
        for _ in range(100):
            reporting.warn_once("key", "careful")

    threads = [threading.Thread(target=warn) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capsys.readouterr().err == "inspect-mlflow: careful\n"
    assert reporting.suppressed_counts() == {"key": 799}


def test_standard_error_may_be_closed_or_missing_or_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    for stream in (closed, None, plain):
        monkeypatch.setattr(sys, "stderr", stream)
        reporting.say("é done")
    assert plain.buffer.getvalue() == b"inspect-mlflow: \\xe9 done\n"


def test_lines_wait_for_the_end_of_a_full_screen_display() -> None:
    """A textual application captures standard error and shows none of it."""
    pytest.importorskip("textual")
    ended = run_script("""
import sys
from textual.app import App
from inspect_mlflow_core import reporting

class Display(App):
    def on_mount(self):
        print(type(sys.stderr).__module__, file=sys.__stdout__)
        reporting.say("during the display")
        self.exit()

Display().run(headless=True)
reporting._handler._watcher.join(10)
print("display closed", file=sys.stderr)
""")
    assert ended.stdout.splitlines() == ["textual.app"]
    assert ended.stderr.splitlines() == ["inspect-mlflow: during the display", "display closed"]


def test_held_lines_are_written_at_exit() -> None:
    ended = run_script("""
from inspect_mlflow_core import reporting
import sys
class Capture:
    def __init__(self, stream): self.stream = stream
    def write(self, text): raise AssertionError(text)
    def flush(self): pass
Capture.__module__ = "textual.app"
screen, terminal = Capture(sys.stderr), sys.stderr
sys.stderr = screen
reporting.say("held")
sys.stderr = terminal
""")
    assert ended.stderr == "inspect-mlflow: held\n"


def test_lines_appear_above_a_progress_bar_of_rich() -> None:
    """Under rich standard error is a proxy that keeps the live display intact."""
    pytest.importorskip("rich")
    ended = run_script("""
import io, sys
from rich.console import Console
from rich.live import Live
from inspect_mlflow_core import reporting
screen = io.StringIO()
with Live("bar", console=Console(file=screen, force_terminal=True, width=60), auto_refresh=False):
    reporting.say("during the display")
print("inspect-mlflow: during the display" in screen.getvalue())
""")
    assert (ended.stdout, ended.stderr) == ("True\n", "")


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
