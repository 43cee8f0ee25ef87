"""What a reader has to know before believing any number of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from inspect_mlflow_compare.alignment import Alignment
from inspect_mlflow_compare.comparison._metrics import SeriesComparison
from inspect_mlflow_compare.comparison._options import Options
from inspect_mlflow_compare.exceptions import CompareError
from inspect_mlflow_compare.logs import Evaluation

__all__ = ["find_warnings"]


def find_warnings(
    baseline: Evaluation,
    candidate: Evaluation,
    alignment: Alignment,
    compared: Sequence[SeriesComparison],
    options: Options,
) -> list[str]:
    """One line for each thing that went wrong or was left out, the gravest first.

    Raises:
        CompareError: A cluster key was given that no sample has.
    """
    sides = (("baseline", baseline), ("candidate", candidate))
    return [
        *_pairing(baseline, candidate, alignment),
        *(line for name, side in sides for line in _evaluation(name, side)),
        *_scores(baseline, candidate, compared),
        *_failures(compared),
        *_clusters(alignment, options),
        *_sameness(baseline, candidate),
        *baseline.warnings,
        *candidate.warnings,
    ]


def _pairing(baseline: Evaluation, candidate: Evaluation, alignment: Alignment) -> list[str]:
    if not (baseline.samples and candidate.samples) or alignment.common == len(alignment.ids):
        return []
    if not alignment.common:
        return [
            "NO COMMON SAMPLE IDS: nothing can be paired. The evaluations are compared as if they "
            "had asked different questions, which finds far less; check that the datasets agree"
        ]
    missing = sum(not item.candidate for item in alignment.ids)
    new = sum(not item.baseline for item in alignment.ids)
    return [
        f"{alignment.common} ids are in both logs; {missing} are only in the baseline and {new} "
        "only in the candidate"
    ]


def _evaluation(name: str, side: Evaluation) -> list[str]:
    found = []
    status = side.header.status
    if status != "success":
        found.append(
            f"the {name} did not finish (status {status}): its samples are not a random choice"
        )
    if side.samples and not any(
        leaf is not None for record in side.samples for leaf in record.values.values()
    ):
        found.append(f"the {name} is unscored: none of its {len(side.samples)} samples has a score")
    if side.invalidated:
        found.append(f"{side.invalidated} samples of the {name} are marked invalid and left out")
    return found


def _scores(
    baseline: Evaluation, candidate: Evaluation, compared: Sequence[SeriesComparison]
) -> list[str]:
    """Scorers of one log that the other, which has scores, knows nothing of."""
    found = []
    for one in compared:
        series = one.series
        if series.in_baseline != series.in_candidate:
            has, lacks = ("baseline", candidate) if series.in_baseline else ("candidate", baseline)
            if any(record.values for record in lacks.samples):
                found.append(f"{series.name}: only the {has} has scores of it")
    return found


def _failures(compared: Sequence[SeriesComparison]) -> list[str]:
    """Samples lost to errors and limits; they are the same for all scorers, or nearly so."""
    found = []
    newly = max((_count(one, "newly_failing") for one in compared), default=0)
    if newly:
        found.append(
            f"{newly} sample{'' if newly == 1 else 's'} newly failing in the candidate: left out "
            "of means and tests unless missing scores count as the worst, so the candidate looks "
            "better than it is"
        )
    for one in compared:
        count = _count(one, "unscored")
        # Where a side has no scores at all, that has been said.
        if count and one.series.in_baseline and one.series.in_candidate:
            found.append(f"{one.series.name}: unscored on one side or on both: {count} samples")
    return found


def _count(one: SeriesComparison, bucket: str) -> int:
    return sum(sample.bucket == bucket for sample in one.samples)


def _clusters(alignment: Alignment, options: Options) -> list[str]:
    if options.cluster is None or not alignment.ids:
        return []
    if all(item.cluster is None for item in alignment.ids):
        raise CompareError(f"no sample has {options.cluster!r} in its metadata to cluster by")
    moved = 0
    for item in alignment.ids:
        names = {record.cluster for record in (*item.baseline, *item.candidate)}
        moved += len(names - {None}) > 1
    if not moved:
        return []
    return [
        f"{moved} ids have another {options.cluster!r} in the candidate; the baseline's is used"
    ]


def _sameness(baseline: Evaluation, candidate: Evaluation) -> list[str]:
    identifier = baseline.header.eval.eval_id
    if identifier and identifier == candidate.header.eval.eval_id:
        return [f"both logs are of the same evaluation ({identifier})"]
    return []
