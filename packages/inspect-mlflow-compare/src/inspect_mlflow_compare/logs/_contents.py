"""The header and the sample summaries of a log, from wherever they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeGuard

from inspect_mlflow_compare.exceptions import LogUnreadableError
from inspect_mlflow_compare.logs._failures import unreadable
from inspect_mlflow_compare.logs._locations import LogSource, log_format, resolve, shown
from inspect_mlflow_compare.logs._null_scores import read_null_scores

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample, EvalSampleSummary

__all__ = ["Contents", "read_contents"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What was read of a log.

    Args:
        location: Location as it may be shown.
        file: Location from which whole samples can be read; None when they are all here.
        header: The log; its samples may or may not be in it.
        summaries: One for each sample and epoch, in the order of the log.
        samples: Whole samples in the same order, when the log had to be read as a whole.
    """

    location: str
    file: str | None
    header: EvalLog
    summaries: list[EvalSampleSummary]
    samples: list[EvalSample] | None = None


def read_contents(source: LogSource) -> Contents:
    """Header and summaries of a log; whole samples only where there is no way around them.

    Raises:
        LogUnreadableError: The log cannot be read.
        TypeError: The source is no path, URL or log.
    """
    resolved = resolve(source)
    # The URL that the caller knows, and not where a package put the log that it names.
    named = str(source) if isinstance(source, str | Path) else None
    if not isinstance(resolved, str | Path):
        return _in_memory(resolved, named)
    return _in_file(str(resolved), shown(named or str(resolved)))


def _in_memory(log: EvalLog, named: str | None) -> Contents:
    location = shown(named or log.location)
    samples = log.samples
    if _is_loaded(samples):
        with unreadable(location):
            summaries = [sample.summary() for sample in samples]
        return Contents(location, None, log, summaries, samples)
    try:
        contents = _in_file(log.location, location) if log.location else None
    except LogUnreadableError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        contents = None
    if contents is None:
        return Contents(location, None, log, [])
    # The header in memory may have been edited; the samples are those of the file.
    return Contents(location, contents.file, log, contents.summaries, contents.samples)


def _is_loaded(samples: list[EvalSample] | None) -> TypeGuard[list[EvalSample]]:
    """Whether samples are in memory.

    `eval()` returns logs whose list of samples reads the whole file at the first touch, its
    length included. Only what such a list already holds is asked for here.
    """
    if samples is None:
        return False
    return type(samples) is list or list.__len__(samples) > 0


def _in_file(file: str, location: str) -> Contents:
    kind = log_format(file)
    with unreadable(location):
        try:
            header, summaries, samples = _by_inspect(file, kind)
        except ValueError as error:
            if not _is_invalid_content(error):
                raise
            try:
                header, summaries, samples = read_null_scores(file, kind)
            # Whatever that one met, what Inspect said is the better reason.
            except Exception:
                raise error from None
        return Contents(location, None if samples is not None else file, header, summaries, samples)


def _is_invalid_content(error: ValueError) -> bool:
    """Whether the log could be read, but has a value in it that Inspect's model refuses."""
    return callable(getattr(error, "errors", None))


def _by_inspect(
    file: str, kind: Literal["eval", "json"]
) -> tuple[EvalLog, list[EvalSampleSummary], list[EvalSample] | None]:
    from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries

    if kind == "json":
        # There is one document; reading its header and its summaries would read it twice. Its
        # summaries would also come from a cache that does not notice a changed file.
        log = read_eval_log(file, format=kind)
        samples = log.samples or []
        header = log.model_copy(update={"samples": None})
        return header, [sample.summary() for sample in samples], samples
    header = read_eval_log(file, header_only=True, format=kind)
    return header, read_eval_log_sample_summaries(file, format=kind), None
