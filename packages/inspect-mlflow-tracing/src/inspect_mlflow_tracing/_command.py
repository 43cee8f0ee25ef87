"""The command `inspect-mlflow sync-traces`."""

from __future__ import annotations

import json

import click

from inspect_mlflow_core.sync_command import ProgressBar, fail, sync_arguments, sync_epilog


@click.command("sync-traces", epilog=sync_epilog("sync-traces"))
@sync_arguments
def sync_traces_command(
    paths: tuple[str, ...],
    tracking_uri: str | None,
    experiment_name: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring the traces in MLflow up to date with eval logs.

    PATHS are .eval or .json logs, directories (searched with their subdirectories) or URLs such
    as s3://bucket/logs. Every sample becomes one trace, which belongs to the run of its
    evaluation where MLflow has one: running the command twice changes nothing, and rescored or
    recovered logs update their traces. Needs MLflow 3.6 or newer.
    """
    from inspect_mlflow_core.exceptions import InspectMlflowError

    from ._sync import sync_traces

    try:
        with ProgressBar(enabled=not as_json) as progress:
            report = sync_traces(
                list(paths),
                tracking_uri=tracking_uri,
                experiment_name=experiment_name,
                dry_run=dry_run,
                progress=progress.update,
            )
    except InspectMlflowError as error:
        fail(error)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        click.echo("\n".join(report.lines()))
    raise SystemExit(0 if report.complete else 1)
