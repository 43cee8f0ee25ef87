"""The command `inspect-mlflow`: help, versions, commands of other packages, `.env`."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inspect_mlflow._cli import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def add_command(directory: Path, name: str, target: str, code: str) -> None:
    """Make a distribution that adds a command, as an installed package would."""
    information = directory / "inspect_mlflow_extra-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: inspect-mlflow-extra\nVersion: 0.1.0\n"
    )
    (information / "entry_points.txt").write_text(f"[inspect_mlflow.commands]\n{name} = {target}\n")
    (directory / "extra_command_of_a_test.py").write_text(code)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the path of this process."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    monkeypatch.delitem(sys.modules, "extra_command_of_a_test", raising=False)
    return directory


def test_help_lists_commands_examples_and_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for text in ("demo ", "doctor ", "sync ", "Examples:", "Exit codes:", "MLFLOW_TRACKING_URI"):
        assert text in result.output


@pytest.mark.parametrize("command", ["demo", "doctor", "sync"])
def test_help_of_each_command_teaches(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.output
    assert "Exit codes:" in result.output


def test_version() -> None:
    assert run("--version").output == f"inspect-mlflow {version('inspect-mlflow')}\n"


def test_unknown_command_is_wrong_usage() -> None:
    result = run("no-such-command")
    assert result.exit_code == 2
    assert "No such command" in result.output


@pytest.mark.parametrize("arguments", [["--help"], ["sync", "--help"], ["doctor", "--help"]])
def test_help_imports_neither_mlflow_nor_inspect(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from inspect_mlflow._cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "heavy = {'mlflow', 'inspect_ai', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr


def test_command_of_another_package_runs(site: Path) -> None:
    code = "import click\n@click.command()\ndef greet():\n    click.echo('hello')\n"
    add_command(site, "greet", "extra_command_of_a_test:greet", code)
    assert "greet" in run("--help").output
    assert run("greet").output == "hello\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_module_that_nobody_has", "No module named 'a_module_that_nobody_has'"),
        ("raise ValueError('first line\\nsecond line')", "first line second line"),
        ("greet = 3", "is not a command"),
    ],
)
def test_broken_command_is_one_line_and_spares_the_others(
    site: Path, code: str, reason: str
) -> None:
    add_command(site, "greet", "extra_command_of_a_test:greet", code)
    result = run("greet", "argument", "--option")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert reason in result.output
    assert "reinstall inspect-mlflow-extra" in result.output
    assert "doctor" in run("--help").output


def test_other_packages_cannot_replace_our_own_commands(site: Path) -> None:
    add_command(site, "demo", "extra_command_of_a_test:demo", "raise SystemExit(9)")
    assert run("demo", "--help").exit_code == 0


def test_settings_in_a_dotenv_file_hold_for_every_command(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("INSPECT_MLFLOW_TRACKING_URI=http://[broken\n")
    (tmp_path / "logs").mkdir()
    command = [sys.executable, "-c", "from inspect_mlflow._cli import main; main()"]
    finished = subprocess.run(
        [*command, "sync", "logs"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert finished.returncode == 2
    assert "INSPECT_MLFLOW_TRACKING_URI" in finished.stderr
