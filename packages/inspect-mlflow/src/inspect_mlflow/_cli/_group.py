"""The group `inspect-mlflow`, whose commands come from the packages that are installed.

A package adds a command by an entry point in `inspect_mlflow.commands`. The modules that hold
commands import click and nothing heavy, so that `--help` is quick.
"""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint, entry_points
from typing import NoReturn

import click

from inspect_mlflow._cli._demo import demo_command
from inspect_mlflow._cli._doctor import doctor_command

COMMAND_GROUP = "inspect_mlflow.commands"

_EPILOG = """\b
Examples:
  inspect-mlflow demo                       a small evaluation into ./mlflow.db
  inspect-mlflow doctor                     what is set up, and what is wrong
  inspect-mlflow sync logs/                 bring MLflow up to date with logs
  inspect-mlflow compare old.eval new.eval  is the new one really better?
  inspect-mlflow scout import               MLflow's traces for Inspect Scout
  inspect-mlflow COMMAND --help             options and examples of a command

\b
Exit codes:
  0  done
  1  something is wrong or is left to do; the output says what
  2  wrong usage or setting, or MLflow cannot be reached
"""


class CommandGroup(click.Group):
    """Finds commands among its own and among the entry points of installed packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *entry_points(group=COMMAND_GROUP).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one that cannot be imported says so when it is called."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for point in entry_points(group=COMMAND_GROUP, name=cmd_name):
            return _load(point)
        return None


def _load(point: EntryPoint) -> click.Command:
    try:
        command = point.load()
    # An import runs any code of another package; one broken package must not take the rest along.
    except Exception as error:
        return _broken(point, error)
    if isinstance(command, click.Command):
        return command
    return _broken(point, TypeError(f"{point.value} is not a command"))


def _broken(point: EntryPoint, error: Exception) -> click.Command:
    package = point.dist.name if point.dist is not None else point.value
    reason = " ".join(str(error).split()) or type(error).__name__
    message = f"'{point.name}' of {package} cannot be loaded: {reason}"

    def explain() -> NoReturn:
        click.echo(f"inspect-mlflow: {message}; reinstall {package}", err=True)
        raise SystemExit(1)

    return click.Command(
        point.name,
        callback=explain,
        short_help="(cannot be loaded: run it to see why)",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
    )


@click.group(cls=CommandGroup, epilog=_EPILOG)
@click.version_option(package_name="inspect-mlflow", message="%(package)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Inspect AI's evaluations in MLflow.

    Evaluations are tracked by themselves once a tracking URI is set: export
    MLFLOW_TRACKING_URI, then run `inspect eval` as always. These commands do the rest.
    """
    ctx.obj = _read_dotenv()


main.add_command(demo_command)
main.add_command(doctor_command)


def _read_dotenv() -> frozenset[str]:
    """Put the variables of the nearest `.env` in place, as `inspect` does when it starts.

    Without this, `doctor` would miss settings that evaluations have, and `sync` would write
    elsewhere. Variables that are set already stay.

    Returns:
        Names of the variables that came from the file.
    """
    from dotenv import dotenv_values, find_dotenv

    path = find_dotenv(usecwd=True)
    values = dotenv_values(path) if path else {}
    new = {name: value for name, value in values.items() if value and name not in os.environ}
    os.environ.update(new)
    return frozenset(new)
