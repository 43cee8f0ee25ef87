"""The command `inspect-mlflow doctor`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from inspect_mlflow._doctor import Check

_LABELS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}

_EPILOG = """\b
Examples:
  inspect-mlflow doctor
  MLFLOW_TRACKING_URI=http://localhost:5000 inspect-mlflow doctor
  inspect-mlflow doctor --json | jq '.checks[] | select(.status == "fail")'

\b
Exit codes:
  0  evaluations are tracked (warnings included)
  1  something is wrong; each line marked FAIL says what to do
"""


@click.command("doctor", epilog=_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print the checks as one JSON document.")
@click.pass_context
def doctor_command(ctx: click.Context, as_json: bool) -> None:
    """Check that evaluations reach MLflow.

    One line for each thing that has to be right: versions, packages, hooks, settings and where
    each comes from; whether the server answers, takes the credentials and lets you write. To
    find out, a run is created in your experiment and deleted again. Credentials are not shown.
    """
    from inspect_mlflow._doctor import examine

    checks: list[Check] = []
    for check in examine(dotenv_variables=ctx.obj or frozenset()):
        checks.append(check)
        if not as_json:
            click.echo(_line(check))
    counts = Counter(check.status for check in checks)
    healthy = not counts["fail"]
    if as_json:
        document = {"healthy": healthy, "checks": [asdict(check) for check in checks]}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(f"{counts['ok']} ok, {counts['warn']} warn, {counts['fail']} FAIL")
    raise SystemExit(0 if healthy else 1)


def _line(check: Check) -> str:
    label, color = _LABELS[check.status]
    told = f"{check.detail} -> {check.advice}" if check.advice else check.detail
    return f"{click.style(f'{label:<4}', fg=color)}  {check.name:<24} {told}"
