"""The command `inspect-mlflow demo`."""

from __future__ import annotations

from pathlib import Path

import click

_EPILOG = """\b
Examples:
  inspect-mlflow demo
  inspect-mlflow demo --directory /tmp/demo --open
  MLFLOW_TRACKING_URI=http://localhost:5000 inspect-mlflow demo

\b
Exit codes:
  0  the evaluation is in MLflow
  1  the evaluation, or what MLflow has of it, is not complete
  2  wrong usage or setting
"""


@click.command("demo", epilog=_EPILOG)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="For mlflow.db and the log; default is the current directory.",
)
@click.option(
    "--open/--no-open",
    "open_ui",
    default=False,
    help="Show the result in a browser afterwards (until Ctrl-C); default --no-open.",
)
def demo_command(directory: Path | None, open_ui: bool) -> None:
    """Run a small evaluation and see it in MLflow.

    Eight questions with a calculator tool, answered twice by Inspect's mock model: no API key,
    no network, a few seconds. The run, and a trace of each answer, go to the tracking URI that is
    configured, else to sqlite:///mlflow.db.
    """
    from inspect_mlflow._demo import open_in_browser, run_demo
    from inspect_mlflow_core.exceptions import InspectMlflowError

    try:
        outcome = run_demo(directory, say=click.echo)
    except InspectMlflowError as error:
        click.echo(f"inspect-mlflow: {error}", err=True)
        raise SystemExit(2) from None
    click.echo(outcome.report())
    if open_ui and outcome.complete:
        open_in_browser(outcome.tracking_uri, say=click.echo)
    raise SystemExit(0 if outcome.complete else 1)
