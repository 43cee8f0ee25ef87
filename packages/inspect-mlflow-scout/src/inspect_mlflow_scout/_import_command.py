"""The command `inspect-mlflow scout import`."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from inspect_mlflow_core.sync_command import ProgressBar, fail

from ._report import ImportReport

if TYPE_CHECKING:
    from inspect_scout import Transcript

__all__ = ["import_command"]

_EPILOG: Final = """\b
Examples:
  inspect-mlflow scout import
  inspect-mlflow scout import --experiment my-agents -T ./transcripts --limit 100
  inspect-mlflow scout import --from 2026-11-01 --tag inspect.task=gaia
  inspect-mlflow scout import --filter "trace.status = 'ERROR'" --dry-run
  inspect-mlflow scout import -P session=chat-17

\b
Then:
  scout view -T ./transcripts
  scout scan scanner.py -T ./transcripts
  inspect-mlflow scout push scans/scan_id=...

\b
Exit codes:
  0  every trace that was asked for is in the database
  1  some trace could not be read, or there is no such experiment
  2  wrong usage or setting, or MLflow cannot be reached
"""

_LISTS: Final = frozenset({"experiment_ids", "run_ids", "trace_ids"})
_TEXTS: Final = frozenset({"experiment_name", "tracking_uri", "filter", "session", "source_type"})
_FLAGS: Final = frozenset({"include_in_progress", "strict"})


@click.command("import", epilog=_EPILOG, short_help="Traces as transcripts for Inspect Scout.")
@click.option(
    "-T",
    "--transcripts",
    "directory",
    default="./transcripts",
    show_default=True,
    help="The transcript database: a directory, or a URL such as s3://bucket/transcripts.",
)
@click.option("--experiment", "experiment_name", help="Experiment name; default inspect_ai.")
@click.option("--tracking-uri", help="Where from; default from INSPECT_MLFLOW_TRACKING_URI.")
@click.option("--limit", type=click.IntRange(min=0), help="The most traces to import, the newest.")
@click.option("--from", "from_time", help="Only traces that began then or later (ISO 8601).")
@click.option("--to", "to_time", help="Only traces that began before (ISO 8601).")
@click.option("--run-id", "run_ids", multiple=True, help="Only traces of this run; repeatable.")
@click.option("--trace-id", "trace_ids", multiple=True, help="Only this trace; repeatable.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="Only traces with it.")
@click.option("--session", help="Only traces of this session.")
@click.option("--filter", "filter_string", help="Conditions in MLflow's search language.")
@click.option("--include-in-progress", is_flag=True, help="Import unfinished traces as they are.")
@click.option("--strict", is_flag=True, help="Stop at the first trace that cannot be read.")
@click.option(
    "-P",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any parameter of import_mlflow_traces, as `scout import` takes them; lists with commas.",
)
@click.option("--dry-run", is_flag=True, help="Only list the transcripts; write nothing.")
@click.option("--overwrite", is_flag=True, help="Delete the transcripts that are there first.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def import_command(
    directory: str, dry_run: bool, overwrite: bool, as_json: bool, quiet: bool, **given: Any
) -> None:
    """Import MLflow's traces into a transcript database of Inspect Scout.

    Traces of Inspect evaluations become the very transcripts that Scout reads from their logs;
    traces of other programs (autologged, decorated or sent by OpenTelemetry) become transcripts
    with messages, tool calls, tokens and scores. Transcripts that are in the database stay as
    they are and are not loaded again: to resume or to bring it up to date, run the same command.
    """
    import anyio

    from inspect_mlflow_core.exceptions import InspectMlflowError

    report = ImportReport()
    try:
        asked = _parameters(given)
        with ProgressBar(
            enabled=not (as_json or quiet or dry_run), description="looking for traces"
        ) as progress:
            if dry_run:
                listed = anyio.run(_listed, asked, report)
            else:
                if overwrite:
                    _delete_database(Path(directory))
                with _no_empty_directory(Path(directory)):
                    anyio.run(_insert, asked, directory, report, progress)
    except InspectMlflowError as error:
        fail(error)
    except OSError as error:
        fail(f"{directory} cannot be a transcript database: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    elif not quiet:
        click.echo("\n".join([*(listed if dry_run else ()), *_outcome(report, directory, dry_run)]))
    raise SystemExit(1 if report.failed or not report.experiment_found else 0)


@contextmanager
def _no_empty_directory(directory: Path) -> Iterator[None]:
    """Takes back the directory that Scout makes even where nothing comes to lie in it."""
    was_there = directory.exists()
    try:
        yield
    finally:
        if not was_there and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()


async def _insert(
    asked: dict[str, Any], directory: str, report: ImportReport, progress: ProgressBar
) -> None:
    from inspect_scout import transcripts_db

    from ._import import import_mlflow_traces

    async with transcripts_db(directory) as database:
        known = frozenset(await database.transcript_ids())
        found = import_mlflow_traces(**asked, known_ids=known, report=report)
        await database.insert(_shown(found, report, asked.get("limit"), progress))


async def _shown(
    transcripts: AsyncIterator[Transcript],
    report: ImportReport,
    limit: int | None,
    progress: ProgressBar,
) -> AsyncIterator[Transcript]:
    async for transcript in transcripts:
        progress.update("importing traces", report.traces, limit)
        yield transcript


async def _listed(asked: dict[str, Any], report: ImportReport) -> list[str]:
    from ._import import import_mlflow_traces

    lines = [f"{'id':<36} {'date':<19} {'model':<25} {'messages':>8} {'tokens':>9}  task"]
    async for transcript in import_mlflow_traces(**asked, report=report):
        lines.append(_line(transcript))
    return lines if len(lines) > 1 else []


def _line(transcript: Transcript) -> str:
    date = (transcript.date or "-")[:19].replace("T", " ")
    tokens = "-" if transcript.total_tokens is None else f"{transcript.total_tokens:,}"
    task = " ".join(filter(None, (transcript.task_set, transcript.task_id)))
    return (
        f"{transcript.transcript_id[:36]:<36} {date:<19} {(transcript.model or '-')[:25]:<25}"
        f" {transcript.message_count or 0:>8,} {tokens:>9}  {task[:60]}"
    )


def _outcome(report: ImportReport, directory: str, dry_run: bool) -> Iterable[str]:
    yield report.summary()
    if report.transcripts and not dry_run:
        yield f"to look at them: scout view -T {directory}"


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `import_mlflow_traces` that the options name."""
    asked: dict[str, Any] = {
        "experiment_name": given["experiment_name"],
        "tracking_uri": given["tracking_uri"],
        "limit": given["limit"],
        "run_ids": given["run_ids"],
        "trace_ids": given["trace_ids"],
        "tags": dict(_pair(tag, "--tag") for tag in given["tags"]),
        "session": given["session"],
        "filter": given["filter_string"],
        "from_time": _time(given["from_time"], "--from"),
        "to_time": _time(given["to_time"], "--to"),
        "include_in_progress": given["include_in_progress"],
        "strict": given["strict"],
    }
    for parameter in given["parameters"]:
        name, value = _pair(parameter, "-P")
        asked[name] = _value(name, value)
    return asked


def _value(name: str, text: str) -> Any:
    if name == "source_type" and text not in ("mlflow", "eval_log"):
        raise click.UsageError(f"-P source_type is mlflow or eval_log, not {text!r}")
    if name in _TEXTS:
        return text
    if name in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if name in _FLAGS and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if name in ("from_time", "to_time"):
        return _time(text, f"-P {name}")
    if name == "limit" and text.isdecimal():
        return int(text)
    if name == "tags":
        return dict(_pair(part, "-P tags") for part in text.split(","))
    known = ", ".join(sorted({*_TEXTS, *_LISTS, *_FLAGS, "from_time", "limit", "tags", "to_time"}))
    raise click.UsageError(f"-P {name}={text} cannot be used; known parameters: {known}")


def _pair(text: str, option: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (separator and name):
        raise click.UsageError(f"{option} takes NAME=VALUE, not {text!r}")
    return name, value


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{option} takes a time such as 2026-11-21 or 2026-11-21T09:30+00:00, not {text!r}"
        ) from None


def _delete_database(directory: Path) -> None:
    """Deletes a transcript database, and nothing that is none."""
    if not directory.exists():
        return
    entries = list(directory.iterdir()) if directory.is_dir() else [directory]
    foreign = [entry.name for entry in entries if not _is_of_database(entry)]
    if directory.is_symlink() or foreign:
        raise click.UsageError(
            f"--overwrite deletes only transcript databases; {directory} holds"
            f" {', '.join(sorted(foreign)[:3]) or 'a link'}"
        )
    shutil.rmtree(directory)


def _is_of_database(entry: Path) -> bool:
    return entry.suffix == ".parquet" or entry.name in ("_index", ".DS_Store")
