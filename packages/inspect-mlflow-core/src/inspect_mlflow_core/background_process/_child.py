"""The child's side: makes the calls that it is sent until its parent has gone."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import IO, Any, Final

from ._frames import read_frame, write_frame

# Below the evaluation and the user's other programs, which matter more than what is done here.
_NICE_INCREMENT: Final = 10


def main() -> None:
    """Answer calls from standard input on standard output; returns at the end of input."""
    # Ctrl-C reaches every process of a terminal. The parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _give_way()
    calls, answers = _private_streams()
    while True:
        try:
            module, name, arguments = read_frame(calls)
        except EOFError:
            return
        try:
            _answer(answers, module, name, arguments)
        except BrokenPipeError:
            return


def _answer(answers: IO[bytes], module: str, name: str, arguments: tuple[Any, ...]) -> None:
    try:
        write_frame(answers, (True, getattr(import_module(module), name)(*arguments)))
    except BrokenPipeError:
        raise
    # The parent makes the call itself then, and meets the error where it can be handled.
    except Exception as error:
        write_frame(answers, (False, type(error).__name__))


def _give_way() -> None:
    if hasattr(os, "nice"):
        os.nice(_NICE_INCREMENT)
    if sys.platform == "linux":
        # So that it does not interrupt the evaluation when it wakes up (sched(7)); some sandboxes
        # forbid even that.
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _private_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Move the pipes away from standard input and output, which imported code may use."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115  # Open as long as the process.
    return calls, answers
