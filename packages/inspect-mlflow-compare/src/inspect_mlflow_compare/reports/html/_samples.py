"""All samples, as data for the table that a page shows of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from inspect_mlflow_compare._types import (
    Bucket,
    ComparisonResult,
    ItemComparison,
    SampleComparison,
)
from inspect_mlflow_compare.reports._changes import confirmation, regressions, score_text
from inspect_mlflow_compare.reports._characters import shortened, visible
from inspect_mlflow_compare.reports._numbers import scale_of
from inspect_mlflow_compare.reports.html._elements import Markup, minus, rows_table, tag

__all__ = ["embedded_json", "samples_section"]

_BUCKETS: Final[tuple[tuple[Bucket, str, str], ...]] = (
    ("regressed", "regressed", "▼"),
    ("newly_failing", "newly failing", "✕"),
    ("missing", "missing", "−"),
    ("unscored", "unscored", "?"),
    ("relabelled", "relabelled", "≠"),
    ("improved", "improved", "▲"),
    ("unchanged", "unchanged", "="),
    ("new", "new", "+"),
)
_ORDER: Final = {bucket: number for number, (bucket, _, _) in enumerate(_BUCKETS)}
_STATIC_ROWS: Final = 20

_Key = tuple[str, str]


def samples_section(result: ComparisonResult, identifier: str) -> Markup | None:
    """A table of all ids that sorts, filters and turns pages; its rows are data beside it.

    Args:
        result: The comparison.
        identifier: Of the table, unlike any other on the page.
    """
    if not result.samples and not result.items:
        return None
    data = tag("script", embedded_json(_data(result)), type="application/json")
    table = tag("div", data, class_="samples card", id=identifier)
    return tag(
        "section",
        tag("h2", "All samples"),
        table,
        tag("noscript", _static(result)),
    )


def embedded_json(value: Any) -> Markup:
    """JSON that may stand inside a script element whatever its texts are.

    A browser looks for the end of the element, and for comments, before it looks at JSON.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _data(result: ComparisonResult) -> dict[str, Any]:
    scorers = _scorers(result)
    numbers = {name: number for number, name in enumerate(scorers)}
    scales = {metric.scorer: scale_of(metric) for metric in result.metrics}
    items = {_key(item): item for item in result.items}
    groups: dict[_Key, list[SampleComparison]] = {key: [] for key in items}
    for sample in result.samples:
        groups.setdefault(_key(sample), []).append(sample)
    return {
        "buckets": [[name, glyph] for _, name, glyph in _BUCKETS],
        "scorers": [
            {
                "name": shortened(name),
                "percent": name in scales and scales[name].percent,
                "decimals": scales[name].decimals if name in scales else 3,
            }
            for name in scorers
        ],
        "rows": [_row(items.get(key), samples, numbers[key[0]]) for key, samples in groups.items()],
    }


def _scorers(result: ComparisonResult) -> list[str]:
    names = dict.fromkeys(metric.scorer for metric in result.metrics)
    names |= dict.fromkeys(item.scorer for item in result.items)
    names |= dict.fromkeys(sample.scorer for sample in result.samples)
    return list(names)


def _key(one: ItemComparison | SampleComparison) -> _Key:
    # Ids 7 and "7" are different samples.
    return one.scorer, repr(one.id)


def _row(
    item: ItemComparison | None, samples: Sequence[SampleComparison], scorer: int
) -> list[Any]:
    """Id, scorer, scores of both sides, delta, bucket, q-value, whether confirmed, and failures."""
    if item is not None:
        before: Iterable[Any] = map(_short, item.baseline_scores)
        after: Iterable[Any] = map(_short, item.candidate_scores)
    else:
        before = (_value(one.baseline_score, one.baseline_label) for one in samples)
        after = (_value(one.candidate_score, one.candidate_label) for one in samples)
    identifier = item.id if item is not None else samples[0].id
    return [
        identifier if isinstance(identifier, int) else visible(identifier),
        scorer,
        [value for value in before if value is not None],
        [value for value in after if value is not None],
        None if item is None else _short(item.delta),
        _ORDER[item.bucket if item is not None else _gravest(samples)],
        None if item is None else _short(item.q_value),
        int(item is not None and item.confirmed),
        _failures(samples),
    ]


def _gravest(samples: Sequence[SampleComparison]) -> Bucket:
    """Of an id that could not be paired, what is most worth knowing of its epochs."""
    return min((sample.bucket for sample in samples), key=_ORDER.__getitem__)


def _value(score: float | None, label: str | None) -> float | str | None:
    return visible(label) if label is not None else _short(score)


def _short(value: float | None) -> float | None:
    """A number with as many digits as anyone reads."""
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() else short


def _failures(samples: Sequence[SampleComparison]) -> str:
    found: dict[str, list[int]] = {}
    for sample in samples:
        for side, failure in (
            ("baseline", sample.baseline_failure),
            ("candidate", sample.candidate_failure),
        ):
            if failure is not None:
                found.setdefault(f"{side} {failure}", []).append(sample.epoch)
    if not found:
        return ""
    several = len(samples) > 1
    return visible(
        ", ".join(
            f"{what} (epoch {', '.join(map(str, epochs))})" if several else what
            for what, epochs in found.items()
        )
    )


def _static(result: ComparisonResult) -> list[Markup]:
    """The worst regressions, for readers without scripts."""
    tables = [tag("p", "Without scripts, only the largest regressions are shown.", class_="hint")]
    for one in regressions(result):
        scale = scale_of(one.metric)
        rows = [
            (
                shortened(item.id),
                score_text(item.baseline_scores, item.baseline_mean, scale),
                score_text(item.candidate_scores, item.candidate_mean, scale),
                minus(scale.change(item.delta)),
                confirmation(item),
            )
            for item in one.items[:_STATIC_ROWS]
        ]
        titles = (shortened(one.metric.scorer), "baseline", "candidate", "delta", "across epochs")
        tables.append(rows_table(titles, rows, "Largest regressions"))
    return tables
