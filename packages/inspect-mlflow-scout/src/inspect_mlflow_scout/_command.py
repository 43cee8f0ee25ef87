"""The commands `inspect-mlflow scout import` and `inspect-mlflow scout push`."""

from __future__ import annotations

import click

from ._import_command import import_command
from ._push_command import push_command

__all__ = ["scout_command"]


@click.group("scout", short_help="Inspect Scout: traces in, findings out.")
def scout_command() -> None:
    """MLflow's traces for Inspect Scout, and Scout's findings on MLflow's traces.

    `import` fills a transcript database from traces, those of any program; `push` writes what
    a scan found as feedback onto the traces.
    """


scout_command.add_command(import_command)
scout_command.add_command(push_command)
