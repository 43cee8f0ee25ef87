"""What the command does once its arguments are known."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NoReturn

import click

from inspect_mlflow_compare._compare import Progress, compare_many
from inspect_mlflow_compare._types import (
    Better,
    ComparisonResult,
    ComparisonSet,
    GateThresholds,
    Outcome,
)
from inspect_mlflow_compare.reports import FailOn

__all__ = ["Arguments", "run"]

Format = Literal["text", "markdown", "json", "html", "junit", "github"]

_USAGE: Final = 2
_WIDEST: Final = 120


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command was called with; see its `--help`."""

    baseline: str
    candidates: tuple[str, ...]
    report_format: Format = "text"
    output: str | None = None
    scorers: tuple[str, ...] = ()
    significance: float = 0.05
    threshold: float = 0.0
    cluster: str | None = None
    correction: Literal["holm", "bh", "none"] = "holm"
    metric_directions: dict[str, Better] = field(default_factory=dict)
    margins: dict[str, float] = field(default_factory=dict)
    max_error_rate: float | None = None
    max_missing: float | None = None
    max_cost_ratio: float | None = None
    max_p95_latency_ratio: float | None = None
    missing: Literal["drop", "worst"] = "drop"
    strict: bool = False
    fail_on: FailOn = "regression"
    strict_exit: bool = False
    color: bool | None = None


def run(arguments: Arguments) -> int:
    """Compares, reports, and returns the exit code."""
    result = _compared(arguments)
    report = _report(result, arguments)
    if arguments.report_format == "github":
        _add_to_job_summary(result)
    if arguments.output is None or arguments.output == "-":
        _print(report, color=_color(arguments))
    else:
        _write(report, Path(arguments.output))
        _print(_verdict(result), color=False)
    return _exit_code(result, arguments)


def _compared(arguments: Arguments) -> ComparisonResult | ComparisonSet:
    """The result: a single one for a single candidate.

    Raises:
        SystemExit: The logs cannot be read or compared; that was said in one line.
    """
    try:
        with _progress() as progress:
            compared = compare_many(
                arguments.baseline,
                arguments.candidates,
                list(arguments.scorers) or None,
                arguments.significance,
                arguments.threshold,
                cluster=arguments.cluster,
                correction=arguments.correction,
                metric_directions=arguments.metric_directions,
                thresholds=_thresholds(arguments),
                missing=arguments.missing,
                strict=arguments.strict,
                progress=progress,
            )
    except ValueError as error:
        _fail(error)
    return compared.comparisons[0] if len(compared.comparisons) == 1 else compared


def _thresholds(arguments: Arguments) -> GateThresholds:
    return GateThresholds(
        margin=arguments.margins,
        error_rate=arguments.max_error_rate,
        missing_share=arguments.max_missing,
        cost_ratio=arguments.max_cost_ratio,
        p95_latency_ratio=arguments.max_p95_latency_ratio,
    )


def _report(result: ComparisonResult | ComparisonSet, arguments: Arguments) -> str:
    from inspect_mlflow_compare import reports

    match arguments.report_format:
        case "markdown":
            return reports.markdown_report(result)
        case "json":
            document = reports.json_report(result)
            return json.dumps(document, indent=2, allow_nan=False) + "\n"
        case "html":
            return reports.html_report(result)
        case "junit":
            return reports.junit_report(result, fail_on=arguments.fail_on)
        case "github":
            return reports.github_report(result, fail_on=arguments.fail_on)
    width = min(_WIDEST, shutil.get_terminal_size((100, 24)).columns)
    return reports.text_report(result, color=_color(arguments), width=width)


def _verdict(result: ComparisonResult | ComparisonSet) -> str:
    from inspect_mlflow_compare.reports import verdict_line

    return verdict_line(result) + "\n"


def _exit_code(result: ComparisonResult | ComparisonSet, arguments: Arguments) -> int:
    from inspect_mlflow_compare.reports import outcome_of

    outcome: Outcome | None = outcome_of(result)
    if arguments.fail_on == "never" or outcome == "pass":
        return 0
    if outcome == "fail":
        return 1
    if arguments.strict_exit:
        return 3
    return 1 if arguments.fail_on == "inconclusive" else 0


def _color(arguments: Arguments) -> bool:
    if arguments.color is not None:
        return arguments.color
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return arguments.output is None and not plain and sys.stdout.isatty()


def _print(text: str, *, color: bool) -> None:
    """Prints a report; what the terminal's encoding does not know becomes a question mark."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding), nl=False, color=color or None)


def _write(report: str, path: Path) -> None:
    try:
        path.write_text(report, encoding="utf-8")
    except OSError as error:
        _fail(f"{path} cannot be written: {error.strerror or error}")


def _add_to_job_summary(result: ComparisonResult | ComparisonSet) -> None:
    """Appends the report to the page that GitHub shows of a job."""
    from inspect_mlflow_compare.reports import markdown_report

    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8") as summary:
            summary.write(f"\n{markdown_report(result)}")
    except OSError as error:
        _say(f"{name} cannot be written: {error.strerror or error}")


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Says what is being done in a line that is gone afterwards; nothing but on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(text: str) -> None:
        columns = shutil.get_terminal_size().columns
        sys.stderr.write(f"\r\x1b[K{text[: columns - 1]}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _fail(message: object) -> NoReturn:
    _say(message)
    raise SystemExit(_USAGE)


def _say(message: object) -> None:
    """Says something in one line, apart from the report."""
    context = click.get_current_context(silent=True)
    name = context.command_path if context is not None else "inspect-mlflow-compare"
    click.echo(f"{name}: {' '.join(str(message).split())}", err=True)
