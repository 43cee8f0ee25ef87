"""All evaluations in order, scorer by scorer."""

from __future__ import annotations

from collections.abc import Sequence

from inspect_mlflow_compare._types import Better, ItemComparison, RankedEvaluation, Ranking
from inspect_mlflow_compare.comparison._comparison import Draft
from inspect_mlflow_compare.comparison._options import Options

__all__ = ["rank_evaluations"]

SampleId = int | str
_FEWEST_IDS = 2


def rank_evaluations(drafts: Sequence[Draft], options: Options) -> tuple[Ranking, ...]:
    """A ranking for each series of numbers that all comparisons could pair.

    Args:
        drafts: Each candidate against the same baseline, at least one.
        options: Level, adjustment and directions.
    """
    rankings = []
    for one in drafts[0].compared:
        items = [_items(draft, one.series.name) for draft in drafts]
        ids = [identifier for identifier in items[0] if all(identifier in side for side in items)]
        if len(ids) >= _FEWEST_IDS:
            better = options.better(one.series)
            rankings.append(_rank(one.series.name, ids, items, drafts, options, better))
    return tuple(rankings)


def _items(draft: Draft, name: str) -> dict[SampleId, ItemComparison]:
    for one in draft.compared:
        if one.series.name == name:
            return {item.id: item for item in one.items}
    return {}


def _rank(
    name: str,
    ids: Sequence[SampleId],
    items: Sequence[dict[SampleId, ItemComparison]],
    drafts: Sequence[Draft],
    options: Options,
    better: Better,
) -> Ranking:
    import numpy as np

    from inspect_mlflow_compare.statistics import rank

    values = np.array(
        [
            [items[0][identifier].baseline_mean for identifier in ids],
            *([side[identifier].candidate_mean for identifier in ids] for side in items),
        ]
    )
    clusters = None
    if options.cluster is not None:
        names = [items[0][identifier].cluster or repr(identifier) for identifier in ids]
        clusters = np.unique(names, return_inverse=True)[1].astype(np.int64)
    ranked = rank(
        values,
        significance=options.significance,
        correction=options.correction,
        better=better,
        clusters=clusters,
    )
    evaluations = [drafts[0].baseline, *(draft.candidate for draft in drafts)]
    means = values.mean(axis=1).tolist()
    return Ranking(
        scorer=name,
        ids=len(ids),
        entries=tuple(
            RankedEvaluation(
                log=evaluations[position].location,
                model=evaluations[position].header.eval.model,
                value=means[position],
                stderr=ranked.stderr[position],
                group=ranked.groups[position],
            )
            for position in ranked.order
        ),
        correction=options.correction,
    )
