"""The command `inspect-mlflow sync`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from inspect_mlflow_core.sync_command import ProgressBar, fail, sync_arguments, sync_epilog, warn

if TYPE_CHECKING:
    from ._sync import SyncReport
    from ._traces import TracesPart

_MORE_EXAMPLES = "inspect-mlflow sync logs/ --traces       runs, and a trace of every sample"


@click.command("sync", epilog=sync_epilog("sync", _MORE_EXAMPLES))
@sync_arguments
@click.option(
    "--traces/--no-traces",
    default=None,
    help="Make traces of the samples, too, or none. Without either, the settings decide:"
    " INSPECT_MLFLOW_TRACING_ENABLED, or the task's own metadata.",
)
def sync_command(
    paths: tuple[str, ...],
    tracking_uri: str | None,
    experiment_name: str | None,
    dry_run: bool,
    as_json: bool,
    traces: bool | None,
) -> None:
    """Bring MLflow up to date with eval logs.

    PATHS are .eval or .json logs, directories (searched with their subdirectories) or URLs such
    as s3://bucket/logs. Every log becomes one run, found again by its eval id: running the
    command twice changes nothing, and rescored or recovered logs update their run. Where tracing
    is on, every sample becomes a trace of that run.
    """
    from inspect_mlflow_core.exceptions import InspectMlflowError
    from inspect_mlflow_core.sync import sync_settings

    from ._sync import RunSync
    from ._traces import sync_traces_too, traces_installed

    if traces and not traces_installed():
        fail("--traces needs inspect-mlflow-tracing, which is not installed")
    try:
        with ProgressBar(enabled=not as_json) as progress:
            settings = sync_settings(tracking_uri, experiment_name)
            work = RunSync(settings, dry_run=dry_run, progress=progress.update)
            report = work.report(paths)
            traced = sync_traces_too(work, report, traces)
    except InspectMlflowError as error:
        fail(error)
    _print(report, traced, as_json=as_json)
    if traced.reason:
        warn(traced.reason)
    if traced.failed:
        raise SystemExit(2)
    raise SystemExit(0 if report.complete and traced.complete else 1)


def _print(report: SyncReport, traced: TracesPart, *, as_json: bool) -> None:
    if not as_json:
        for line in (*report.lines(), *traced.lines()):
            click.echo(line)
        return
    complete = {"complete": report.complete and traced.complete}
    click.echo(json.dumps(report.to_dict() | complete | traced.to_dict(), indent=2))
