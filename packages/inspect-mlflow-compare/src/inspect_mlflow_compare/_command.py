"""The command `inspect-mlflow-compare`, which is also `inspect-mlflow compare`.

This module and what it imports at its top are cheap, so that `--help` is quick.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from inspect_mlflow_compare._command_options import directions, margins, share

__all__ = ["compare_command", "main"]

_NAME = "inspect-mlflow-compare"

_EPILOG = """\b
Examples:
  inspect-mlflow-compare logs/old.eval logs/new.eval
  inspect-mlflow-compare old.eval new.eval --margin 0.02
      pass only if the loss is shown to be less than two percent points
  inspect-mlflow-compare old.eval new.eval --cluster subject \\
      --margin judge=0.1 --metric-direction toxicity=lower
  inspect-mlflow-compare old.eval a.eval b.eval c.eval
      each of three candidates against the first log, and a ranking of all
  inspect-mlflow-compare old.eval new.eval --format html --output report.html

\b
Exit codes:
  0  pass; also inconclusive, unless one of the options below says otherwise
  1  fail: a significant regression, or a threshold that is not met;
     with --fail-on inconclusive also what is inconclusive
  2  wrong usage, a log that cannot be read, or logs that --strict refuses
  3  inconclusive, with --strict-exit

With several candidates the worst of them decides. Without --margin a pass means
that no significant regression was found; the minimum detectable effect (MDE)
says how large one could have gone unseen.
"""


@click.command("compare", epilog=_EPILOG)
@click.argument("baseline")
@click.argument("candidates", nargs=-1, required=True, metavar="CANDIDATE...")
@click.option(
    "--format",
    "report_format",
    type=click.Choice(["text", "markdown", "json", "html", "junit", "github"]),
    default="text",
    show_default=True,
    help="Form of the report. markdown fits a comment on a pull request; html is one page with"
    " plots; github prints workflow commands and adds to the summary of the job.",
)
@click.option("--output", metavar="FILE", help="Write the report there, and print the verdict.")
@click.option(
    "--scorer",
    "scorers",
    multiple=True,
    metavar="NAME",
    help="Compare only this scorer, or one value of its scores (judge.help, ranks[0]). Repeatable.",
)
@click.option(
    "--significance",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    metavar="LEVEL",
    help="Level of the tests; intervals cover one minus it.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="DELTA",
    help="Largest difference of a sample that counts as unchanged.",
)
@click.option(
    "--cluster",
    metavar="KEY",
    help="Metadata of the samples by which ids belong together, such as a passage or a subject.",
)
@click.option(
    "--correction",
    type=click.Choice(["holm", "bh", "none"]),
    default="holm",
    show_default=True,
    help="Adjustment of p-values for the number of scorers and candidates.",
)
@click.option(
    "--metric-direction",
    "metric_directions",
    multiple=True,
    callback=directions,
    metavar="SCORER=lower|higher",
    help="Whether lower or higher scores are better; * for all others. Repeatable.",
)
@click.option(
    "--margin",
    "margins",
    multiple=True,
    callback=margins,
    metavar="[SCORER=]LOSS",
    help="Largest acceptable loss, in units of the score (0.02 is two percent points); passes"
    " only if the data show that no more is lost. Repeatable.",
)
@click.option(
    "--max-error-rate",
    callback=share,
    metavar="SHARE",
    help="Largest share of the candidate's samples with an error: 0.05 or 5%.",
)
@click.option(
    "--max-missing",
    callback=share,
    metavar="SHARE",
    help="Largest share of the baseline's ids that the candidate has no score for.",
)
@click.option(
    "--max-cost-ratio", type=click.FloatRange(min=0), metavar="RATIO", help="Of the total costs."
)
@click.option(
    "--max-p95-latency-ratio",
    type=click.FloatRange(min=0),
    metavar="RATIO",
    help="Of the 95th percentiles of the samples' total time.",
)
@click.option(
    "--missing",
    type=click.Choice(["drop", "worst"]),
    default="drop",
    show_default=True,
    help="Leave ids without a score out, or let failed samples count as the worst score.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Refuse evaluations of different tasks, datasets, task arguments or scorers.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["regression", "inconclusive", "never"]),
    default="regression",
    show_default=True,
    help="What makes the exit code 1. never: the exit code is 0 whatever the verdict.",
)
@click.option("--strict-exit", is_flag=True, help="Exit with 3 when the verdict is inconclusive.")
@click.option(
    "--color/--no-color",
    default=None,
    help="Colour in text; default on a terminal, unless NO_COLOR is set.",
)
@click.version_option(package_name=_NAME, message=f"{_NAME} %(version)s")
def compare_command(**arguments: Any) -> None:
    """Is the candidate really better?

    Compares the eval logs of each CANDIDATE with that of the BASELINE: paths or URLs of .eval or
    .json logs. Samples are paired by their ids, epochs are averaged, and the differences are
    tested; the report says what was found, how sure that is, and what could have gone unseen.
    """
    from inspect_mlflow_compare._run_command import Arguments, run

    raise SystemExit(run(Arguments(**arguments)))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: Arguments; those of the process when left out.

    Returns:
        The exit code.
    """
    try:
        code = compare_command.main(
            args=None if argv is None else list(argv), prog_name=_NAME, standalone_mode=False
        )
    except SystemExit as ended:
        code = ended.code
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        click.echo(f"{_NAME}: interrupted", err=True)
        return 130
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        # Whoever read our output has read enough; nothing may be flushed into that pipe any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0
