"""Whole samples, for what their summaries do not say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from inspect_mlflow_compare.exceptions import LogUnreadableError
from inspect_mlflow_compare.logs._contents import Contents
from inspect_mlflow_compare.logs._failures import one_line

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

__all__ = ["HEAVY_FIELDS", "whole_samples"]

HEAVY_FIELDS: Final = frozenset({"attachments", "events", "messages", "output", "store"})
"""What makes samples large."""

_AT_ONCE: Final = 16
"""Samples in memory at the same time; those of long agent runs take megabytes each."""


def whole_samples(
    contents: Contents, *, without: frozenset[str] = frozenset()
) -> Iterator[EvalSample | LogUnreadableError]:
    """Every sample of a log in the order of the summaries, few of them in memory at a time.

    A sample that cannot be read with its events is read without them: Inspect refuses a sample
    whole for one event of a kind that a later version added.

    Args:
        contents: The log.
        without: Fields to leave out, which then have their defaults.

    Yields:
        The sample, or why it cannot be read.
    """
    if contents.samples is not None:
        yield from contents.samples
        return
    keys = iter([(summary.id, summary.epoch) for summary in contents.summaries])
    while batch := list(islice(keys, _AT_ONCE)):
        yield from _read(contents, batch, without)


def _read(
    contents: Contents, keys: Sequence[tuple[int | str, int]], without: frozenset[str]
) -> list[EvalSample | LogUnreadableError]:
    try:
        return [*_request(contents, keys, without)]
    # One sample that cannot be read must not cost the others.
    except Exception:
        return [_read_one(contents, key, without) for key in keys]


def _read_one(
    contents: Contents, key: tuple[int | str, int], without: frozenset[str]
) -> EvalSample | LogUnreadableError:
    try:
        return _request(contents, [key], without | {"events"})[0]
    except Exception as error:
        reason = f"sample {key[0]!r}, epoch {key[1]}: {one_line(error)}"
        return LogUnreadableError(contents.location, reason)


def _request(
    contents: Contents, keys: Sequence[tuple[int | str, int]], without: frozenset[str]
) -> list[EvalSample]:
    from inspect_ai.log import read_eval_log_samples_by_id

    if contents.file is None:
        raise LookupError("the log is not in a file")
    return read_eval_log_samples_by_id(
        contents.file, keys, format="eval", exclude_fields=set(without) or None
    )
