"""Comparing evaluations by their logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from inspect_mlflow_compare._collector import collector_paused
from inspect_mlflow_compare._types import Better, ComparisonResult, ComparisonSet, GateThresholds

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

    from inspect_mlflow_compare.logs import Evaluation

__all__ = ["Progress", "compare_evals", "compare_many"]

Progress: TypeAlias = Callable[[str], None]
"""Gets a few words on what is being done, before it is done."""


def compare_evals(
    baseline: str | Path | EvalLog,
    candidate: str | Path | EvalLog,
    scorers: list[str] | None = None,
    significance: float = 0.05,
    regression_threshold: float = 0.0,
    sample_filter: Callable[[EvalSample], bool] | None = None,
    *,
    cluster: str | None = None,
    correction: Literal["holm", "bh", "none"] = "holm",
    metric_directions: Mapping[str, Better] | None = None,
    thresholds: GateThresholds | None = None,
    missing: Literal["drop", "worst"] = "drop",
    strict: bool = False,
    progress: Progress | None = None,
) -> ComparisonResult:
    """Compares two evaluations: is the candidate better, worse, or can nobody tell?

    The unit of inference is the sample id. The epochs of an id are averaged on each side, and
    the differences of these means are tested; means, differences, intervals and tests all come
    from the ids that both evaluations scored. What the logs state themselves is shown beside.

    Args:
        baseline: Path or URL of a log, or a log in memory. Headers and summaries are read;
            whole samples only for a filter, or to know which samples were invalidated.
        candidate: The log to compare with it.
        scorers: Scorers to compare, or single values of dict and list scores (`"judge.help"`,
            `"ranks[0]"`). None compares all.
        significance: Level of the tests; intervals cover `1 - significance`.
        regression_threshold: Largest difference that counts as none, in single samples as well
            as in the means of ids. Tests and intervals of the difference do not depend on it.
        sample_filter: Samples for which it is false take no part in anything.
        cluster: Key of the samples' metadata; ids with the same value count as one cluster in
            standard errors and tests. Dots lead into dicts.
        correction: How p-values are adjusted for the number of scorers.
        metric_directions: `"lower"` for scorers of which lower values are better; `"*"` is for
            all that are not named. Signs of differences stay as they are.
        thresholds: What the gate asks for. None: no significant regression.
        missing: `"drop"` leaves out ids that one side has no score for. `"worst"` gives the
            worst value of the scale to samples that failed on either side, and to those that
            the candidate left unscored or does not have.
        strict: Refuse evaluations that differ in what makes them incomparable.
        progress: Called with a few words before each step.

    Returns:
        The result, with a gate outcome in `passed` and `reason`.

    Raises:
        LogUnreadableError: A log cannot be read.
        NotComparableError: `strict`, and the evaluations differ too much.
        CompareError: A log has a sample twice, or the arguments name a scorer or a cluster key
            that the logs do not have.
        ValueError: An argument is out of its range.
    """
    compared = compare_many(
        baseline,
        [candidate],
        scorers,
        significance,
        regression_threshold,
        sample_filter,
        cluster=cluster,
        correction=correction,
        metric_directions=metric_directions,
        thresholds=thresholds,
        missing=missing,
        strict=strict,
        progress=progress,
    )
    return compared.comparisons[0]


def compare_many(
    baseline: str | Path | EvalLog,
    candidates: Sequence[str | Path | EvalLog],
    scorers: list[str] | None = None,
    significance: float = 0.05,
    regression_threshold: float = 0.0,
    sample_filter: Callable[[EvalSample], bool] | None = None,
    *,
    cluster: str | None = None,
    correction: Literal["holm", "bh", "none"] = "holm",
    metric_directions: Mapping[str, Better] | None = None,
    thresholds: GateThresholds | None = None,
    missing: Literal["drop", "worst"] = "drop",
    strict: bool = False,
    progress: Progress | None = None,
) -> ComparisonSet:
    """Compares several candidates with one baseline, and ranks all of them.

    P-values are adjusted over candidates and scorers together. The arguments are those of
    `compare_evals`.

    Args:
        baseline: The log that all others are compared with.
        candidates: At least one.
        scorers: See `compare_evals`.
        significance: See `compare_evals`.
        regression_threshold: See `compare_evals`.
        sample_filter: See `compare_evals`.
        cluster: See `compare_evals`.
        correction: See `compare_evals`; for the pairs of a ranking too.
        metric_directions: See `compare_evals`.
        thresholds: See `compare_evals`.
        missing: See `compare_evals`.
        strict: See `compare_evals`.
        progress: See `compare_evals`.

    Returns:
        A comparison for each candidate, and with several candidates a ranking for each scorer.

    Raises:
        LogUnreadableError: A log cannot be read.
        NotComparableError: `strict`, and an evaluation differs too much from the baseline.
        CompareError: As in `compare_evals`.
        ValueError: An argument is out of its range, or there are no candidates.
    """
    from inspect_mlflow_compare.comparison import Options, draft, finish, rank_evaluations
    from inspect_mlflow_compare.logs import read_evaluation

    if not candidates:
        raise ValueError("there are no candidates to compare")
    options = Options(
        scorers=None if scorers is None else tuple(scorers),
        significance=significance,
        regression_threshold=regression_threshold,
        cluster=cluster,
        correction=correction,
        metric_directions=metric_directions or {},
        thresholds=thresholds or GateThresholds(),
        missing=missing,
        strict=strict,
    )
    say = progress or (lambda _: None)

    def read(source: str | Path | EvalLog) -> Evaluation:
        say(f"reading {_label(source)}")
        return read_evaluation(source, sample_filter=sample_filter, cluster=cluster)

    with collector_paused():
        reference = read(baseline)
        drafts = []
        for source in candidates:
            evaluation = read(source)
            say(f"comparing {_label(source)}")
            drafts.append(draft(reference, evaluation, options))
        results = finish(drafts, options)
        rankings = rank_evaluations(drafts, options) if len(drafts) > 1 else ()
        return ComparisonSet(tuple(results), rankings)


def _label(source: str | Path | EvalLog) -> str:
    """Name of a log for a line of progress, without directories and credentials."""
    from inspect_mlflow_compare.logs import shown

    location = str(source) if isinstance(source, str | Path) else getattr(source, "location", "")
    return shown(location).rpartition("/")[2] or "a log in memory"
