"""The command `inspect-mlflow sync`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ._sync import LogResult, SyncReport

_EPILOG = """\b
Examples:
  inspect-mlflow sync logs/
  inspect-mlflow sync logs/2026-01-01T10-00-00_arithmetic_abc.eval --dry-run
  inspect-mlflow sync s3://bucket/logs --tracking-uri http://localhost:5000

\b
Exit codes:
  0  every log is in MLflow
  1  some log could not be read or written; the others are in MLflow
  2  wrong usage or setting, or the server cannot be reached
"""


@click.command("sync", epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True)
@click.option("--tracking-uri", help="Where to; default from INSPECT_MLFLOW_TRACKING_URI.")
@click.option("--experiment", "experiment_name", help="Experiment name; default inspect_ai.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done; send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def sync_command(
    paths: tuple[str, ...],
    tracking_uri: str | None,
    experiment_name: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring MLflow up to date with eval logs.

    PATHS are .eval or .json logs, directories (searched with their subdirectories) or URLs such
    as s3://bucket/logs. Every log becomes one run, found again by its eval id: running the
    command twice changes nothing, and rescored or recovered logs update their run.
    """
    from inspect_mlflow_core.exceptions import InspectMlflowError

    from ._sync import sync

    try:
        with _Progress(enabled=not as_json and sys.stderr.isatty()) as progress:
            report = sync(
                list(paths),
                tracking_uri=tracking_uri,
                experiment_name=experiment_name,
                dry_run=dry_run,
                progress=progress.update,
            )
    except InspectMlflowError as error:
        click.echo(f"inspect-mlflow: {error}", err=True)
        raise SystemExit(2) from None
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        _print(report)
    raise SystemExit(0 if report.complete else 1)


class _Progress:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, *, enabled: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            disable=not enabled,
            transient=True,
        )
        self._task = self._bar.add_task("looking for logs", total=None)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, what: str, done: int, total: int) -> None:
        """Show what is being worked on."""
        self._bar.update(self._task, description=what, completed=done, total=total)


def _print(report: SyncReport) -> None:
    for result in report.results:
        click.echo(_line(result))
        for problem in result.problems:
            click.echo(f"            {problem}")
    counts = Counter(result.action for result in report.results)
    told = ", ".join(f"{count} {action}" for action, count in counts.items()) or "no logs found"
    click.echo(f"{told} ({report.tracking_uri})")


def _line(result: LogResult) -> str:
    what = f"{result.task} ({result.model})  " if result.task else ""
    detail = result.reason or f"{result.status}, {result.samples} samples"
    if result.action == "unchanged":
        detail = result.status
    return f"{result.action:<10}  {what}{result.location}: {detail}"
