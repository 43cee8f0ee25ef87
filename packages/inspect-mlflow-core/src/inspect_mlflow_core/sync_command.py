"""What the commands that sync logs have in common; needs click and rich."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click

__all__ = ["ProgressBar", "fail", "sync_arguments", "sync_epilog", "warn"]

Command = TypeVar("Command", bound=Callable[..., Any])

_EPILOG = """\b
Examples:
  inspect-mlflow {command} logs/
  inspect-mlflow {command} logs/2026-01-01T10-00-00_arithmetic_abc.eval --dry-run
  inspect-mlflow {command} s3://bucket/logs --tracking-uri http://localhost:5000{more}

\b
Exit codes:
  0  every log is in MLflow
  1  some log could not be read or written; the others are in MLflow
  2  wrong usage or setting, or the server cannot be reached
"""


def sync_epilog(command: str, *examples: str) -> str:
    """Return examples and exit codes for the end of `--help`.

    Args:
        command: Name of the command.
        examples: Further lines.
    """
    return _EPILOG.format(command=command, more="".join(f"\n  {line}" for line in examples))


def sync_arguments(function: Command) -> Command:
    """Give a function `paths`, `tracking_uri`, `experiment_name`, `dry_run` and `as_json`."""
    for decorate in reversed(
        (
            click.argument("paths", nargs=-1, required=True),
            click.option(
                "--tracking-uri", help="Where to; default from INSPECT_MLFLOW_TRACKING_URI."
            ),
            click.option(
                "--experiment", "experiment_name", help="Experiment name; default inspect_ai."
            ),
            click.option(
                "--dry-run", is_flag=True, help="Only say what would be done; send nothing."
            ),
            click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
        )
    ):
        function = decorate(function)
    return function


def fail(message: object, *, exit_code: int = 2) -> NoReturn:
    """Say in one line what is wrong, and end the command.

    Args:
        message: The line, or the error that holds it.
        exit_code: How it ends.
    """
    warn(message)
    raise SystemExit(exit_code)


def warn(message: object) -> None:
    """Say something in one line, apart from the command's output.

    Args:
        message: The line, or the error that holds it.
    """
    click.echo(f"inspect-mlflow: {message}", err=True)


class ProgressBar:
    """A progress bar on a terminal, nothing elsewhere.

    Args:
        enabled: Whether to show it where there is a terminal.
        description: What is being done before the first `update`.
    """

    def __init__(self, *, enabled: bool, description: str = "looking for logs") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            disable=not (enabled and sys.stderr.isatty()),
            transient=True,
        )
        self._task = self._bar.add_task(description, total=None)

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Older versions of rich write an empty line for a bar that was never shown.
        if not self._bar.disable:
            self._bar.stop()

    def update(self, what: str, done: int, total: int | None) -> None:
        """Show what is being worked on.

        Args:
            what: In words.
            done: How much is done.
            total: Of how much; None while nobody knows.
        """
        self._bar.update(self._task, description=what, completed=done, total=total)
