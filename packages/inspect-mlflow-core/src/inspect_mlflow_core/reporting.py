"""What the packages say to the user: one line on standard error, never through Inspect.

A warning that reached Inspect's log handler during a sample would become an event of that sample
and, through the hooks, warn again. So everything goes to a logger of its own that does not
propagate, and its handler writes the line itself. It knows two kinds of display: under a
progress bar of rich, `sys.stderr` is a proxy that prints above the bar; under a full-screen
display of textual, `sys.stderr` is a capture that nobody shows, so lines are held back until the
screen is given up.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["deferred", "logger", "release", "reset", "say", "suppressed_counts", "warn_once"]

logger = logging.getLogger("inspect_mlflow")
"""The logger behind every line; attach a handler to see them as `logging` records."""

_HANDLER_NAME = "inspect-mlflow-standard-error"
_PREFIX = "inspect-mlflow: "
_SKIP_TRANSCRIPT = {"inspect_skip_transcript": True}
_WATCH_INTERVAL_SECONDS = 0.1


def warn_once(key: str, message: str) -> None:
    """Warn the first time that `key` comes up in this process; count it afterwards.

    Args:
        key: Groups messages that have one reason, such as `"delivery.http_503"`.
        message: One line without secrets; control characters become spaces.
    """
    if _occurrences.add(key) == 1:
        logger.warning("%s", _printable(message), extra=_SKIP_TRANSCRIPT)


def say(message: str) -> None:
    """Tell the user something, every time; control characters become spaces."""
    logger.info("%s", _printable(message), extra=_SKIP_TRANSCRIPT)


def suppressed_counts() -> dict[str, int]:
    """How often each key of `warn_once` came up again after it was shown."""
    return {key: count - 1 for key, count in _occurrences.counts().items() if count > 1}


@contextmanager
def deferred() -> Iterator[None]:
    """Hold lines back, in the whole process, until the outermost `deferred` block ends."""
    _handler.hold()
    try:
        yield
    finally:
        _handler.let_go()


def release() -> None:
    """Write the lines that are held back, unless a display or a `deferred` block still holds."""
    _handler.write_held()


def reset() -> None:
    """Forget every key, count and held line; for tests."""
    _occurrences.clear()
    _handler.forget()


class StandardErrorHandler(logging.Handler):
    """Writes each record as a line to standard error, when the terminal is free for it."""

    def __init__(self) -> None:
        super().__init__()
        self.set_name(_HANDLER_NAME)
        self.setFormatter(logging.Formatter(_PREFIX + "%(message)s"))
        self._lines: list[str] = []
        self._holds = 0
        self._watcher: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line, or keep it for later."""
        self._lines.append(self.format(record))
        self.write_held()

    def hold(self) -> None:
        """Hold lines back until as many calls of `let_go` have followed."""
        with self.guard():
            self._holds += 1

    def let_go(self) -> None:
        """Undo one `hold`, and write what was held by the last."""
        with self.guard():
            self._holds -= 1
        self.write_held()

    def forget(self) -> None:
        """Drop the held lines."""
        with self.guard():
            self._lines.clear()

    def write_held(self) -> None:
        """Write every line that nothing holds back any more."""
        with self.guard():
            if not self._lines or self._holds:
                return
            if _is_full_screen():
                self._watch()
                return
            lines, self._lines = self._lines, []
        _write("".join(f"{line}\n" for line in lines))

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Hold the handler's lock, which `logging` renews in the child of a fork."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _watch(self) -> None:
        """Have a thread look, ten times a second, whether the screen is free again."""
        if self._watcher is not None and self._watcher.is_alive():
            return
        self._watcher = threading.Thread(
            target=self._write_when_free, name="inspect-mlflow-reporting", daemon=True
        )
        try:
            self._watcher.start()
        except RuntimeError:
            self._watcher = None  # The interpreter is shutting down: `atexit` writes the lines.

    def _write_when_free(self) -> None:
        while self._lines and _is_full_screen():
            time.sleep(_WATCH_INTERVAL_SECONDS)
        self.write_held()


def _is_full_screen() -> bool:
    """True while textual has the terminal: it puts a capture of its own in place of stderr."""
    return type(sys.stderr).__module__.partition(".")[0] == "textual"


def _write(text: str) -> None:
    stream = sys.stderr
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except UnicodeEncodeError:
        stream.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        stream.flush()
    except (OSError, ValueError):
        return  # Standard error is closed, so there is nobody to tell.


def _printable(message: str) -> str:
    """The message on one line, unable to drive the terminal (server text may be in it)."""
    return "".join(character if character.isprintable() else " " for character in message)


def _install_handler() -> StandardErrorHandler:
    for existing in logger.handlers:
        if isinstance(existing, StandardErrorHandler):
            return existing
    handler = StandardErrorHandler()
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    atexit.register(handler.write_held)
    return handler


class _Occurrences:
    """How often each key came up in this process."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.renew_lock()

    def renew_lock(self) -> None:
        """Replace the lock, which a thread of the parent may have held during a fork."""
        self._lock = threading.Lock()

    def add(self, key: str) -> int:
        """Count the key once more, and return its count."""
        with self._lock:
            self._counts[key] += 1
            return self._counts[key]

    def counts(self) -> dict[str, int]:
        """A copy of all counts."""
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        """Forget every key."""
        with self._lock:
            self._counts.clear()


_occurrences = _Occurrences()
_handler = _install_handler()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_occurrences.renew_lock)
    os.register_at_fork(after_in_child=_handler.forget)
