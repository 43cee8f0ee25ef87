"""The command `inspect-mlflow scout push`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from inspect_mlflow_core.sync_command import ProgressBar, fail, warn

if TYPE_CHECKING:
    from .push import PushReport

_EPILOG = """\b
Examples:
  inspect-mlflow scout push scans/scan_id=3bHRn1zXQ8
  inspect-mlflow scout push scans/scan_id=* --dry-run
  inspect-mlflow scout push scans/scan_id=3bHRn1zXQ8 --scanner refusals --scanner deception
  inspect-mlflow scout push s3://bucket/scans/scan_id=3bHRn1zXQ8 --experiment agents

\b
In MLflow's search of traces:
  feedback.`scout/refusals` = 'true'

\b
Exit codes:
  0  everything that the scans found is on its trace
  1  some transcript has no trace, or some assessment could not be written
  2  wrong usage or setting, a scan that cannot be read or is not complete, or the server cannot
     be reached
"""


@click.command("push", epilog=_EPILOG, short_help="Scan results as feedback on traces.")
@click.argument("scans", nargs=-1, required=True, metavar="SCAN...")
@click.option(
    "--experiment",
    "experiment_name",
    help="The only experiment to look for traces in; default is that of the settings"
    " (inspect_ai), then all others.",
)
@click.option("--tracking-uri", help="Where the traces are; from INSPECT_MLFLOW_TRACKING_URI.")
@click.option(
    "--scanner",
    "scanners",
    multiple=True,
    metavar="NAME",
    help="Only what this scanner found; may be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done; write nothing.")
@click.option("--force", is_flag=True, help="Push what there is of scans that are not complete.")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as a JSON list.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def push_command(
    scans: tuple[str, ...],
    experiment_name: str | None,
    tracking_uri: str | None,
    scanners: tuple[str, ...],
    dry_run: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show on MLflow's traces what Inspect Scout found in them.

    SCANs are directories of complete scans, scans/scan_id=..., or URLs of such. What a scanner
    found in a transcript becomes feedback named scout/<scanner> on its trace, also where the scan
    read eval logs: their samples are found by their uuid. Running the command twice changes
    nothing, and a later scan replaces what the same scanner said before. --dry-run tells which
    transcripts have a trace, and what would be written.
    """
    from inspect_mlflow_core.exceptions import InspectMlflowError

    from .push import push_scan_results

    reports: list[PushReport] = []
    try:
        with ProgressBar(enabled=not (as_json or quiet), description="reading scans") as progress:
            for scan in scans:
                report = push_scan_results(
                    scan,
                    experiment_name=experiment_name,
                    tracking_uri=tracking_uri,
                    scanners=scanners or None,
                    dry_run=dry_run,
                    force=force,
                    progress=progress.update,
                )
                reports.append(report)
    except InspectMlflowError as error:
        _print(reports, as_json=as_json, quiet=quiet)
        fail(error)
    _print(reports, as_json=as_json, quiet=quiet)
    raise SystemExit(0 if all(report.complete for report in reports) else 1)


def _print(reports: list[PushReport], *, as_json: bool, quiet: bool) -> None:
    if as_json:
        click.echo(json.dumps([report.to_dict() for report in reports], indent=2))
        return
    for report in reports:
        if not quiet:
            click.echo(report.summary())
        elif not report.complete:
            warn(
                f"{report.location}: {len(report.unmatched)} results have no trace,"
                f" {len(report.failed)} could not be written"
            )
