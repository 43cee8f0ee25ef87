"""The parent's side: starts the child, sends it calls, and takes it down."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, ParamSpec, TypeVar

from inspect_mlflow_core.exceptions import InspectMlflowError

from ._frames import read_frame, write_frame

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_PROGRAM: Final = "from inspect_mlflow_core.background_process._child import main; main()"
_END_SECONDS: Final = 5.0


class BackgroundProcessError(InspectMlflowError):
    """The child could not make a call; the caller makes it here instead."""


class BackgroundProcess:
    """A Python process that makes calls for this one, one at a time.

    An evaluation runs on one thread of one interpreter. Work that is done in another thread of
    it takes turns with the evaluation, work that is done here does not. The child is started at
    the first call, with the environment and the import path of that moment. It ends when it is
    closed and when the process that started it has gone, however that ended.

    Calls may come from several threads; they wait for each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._unusable = False

    @property
    def available(self) -> bool:
        """False once a child could not be started or was lost."""
        return not self._unusable

    def call(
        self,
        function: Callable[_Arguments, _Result],
        *arguments: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> _Result:
        """Call a function in the child.

        Args:
            function: A function at the top level of an importable module, so that its name says
                which. It should need no import that takes long.
            *arguments: What can be pickled.
            **named: Must be empty; here for the type checker's sake.

        Returns:
            What it returned.

        Raises:
            BackgroundProcessError: It could not be called, or raised an error there. After the
                loss of the child every later call raises at once.
        """
        if named:
            raise TypeError("arguments of a background call have no names")
        with self._lock:
            result: _Result = self._exchange(function.__module__, function.__qualname__, arguments)
            return result

    def close(self) -> None:
        """Let the child end; the next call starts another."""
        with self._lock:
            self._end(self._child)
            self._child = None

    def _exchange(self, module: str, name: str, arguments: tuple[Any, ...]) -> Any:
        child = self._running()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            write_frame(child.stdin, (module, name, arguments))
            succeeded, value = read_frame(child.stdout)
        except (OSError, EOFError, pickle.PickleError, ValueError) as error:
            self._unusable = True
            self._end(child)
            self._child = None
            raise BackgroundProcessError(f"the background process was lost ({error})") from error
        if not succeeded:
            raise BackgroundProcessError(f"{name} failed in the background process ({value})")
        return value

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._owner != os.getpid():
            # After a fork the pipes are the parent's: its calls and these would get mixed up.
            self._child = None
        if self._child is None:
            if self._unusable:
                raise BackgroundProcessError("there is no background process")
            self._child, self._owner = self._start(), os.getpid()
        return self._child

    def _start(self) -> subprocess.Popen[bytes]:
        if not sys.executable or getattr(sys, "frozen", False):
            self._unusable = True
            raise BackgroundProcessError("this program has no Python interpreter of its own")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            return subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                # Out of the terminal's process group, whose signals are not meant for it, but in
                # its session: Linux lets sessions compete as equals, whatever their priorities
                # (sched(7), "The autogroup feature").
                process_group=0,
            )
        except OSError as error:
            self._unusable = True
            raise BackgroundProcessError(f"no process could be started ({error})") from error

    def _end(self, child: subprocess.Popen[bytes] | None) -> None:
        if child is None or self._owner != os.getpid():
            return
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with suppress(OSError):  # What was not sent any more is of no use any more.
                    stream.close()
        # Nobody has to wait for it, but somebody has to take note that it has gone.
        threading.Thread(target=_reap, args=(child,), daemon=True).start()


def _reap(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
