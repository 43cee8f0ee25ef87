"""What the reader of a paired comparison should know about its numbers."""

from __future__ import annotations

from inspect_mlflow_compare.statistics._pairs import Pairs
from inspect_mlflow_compare.statistics._tests import (
    TESTABLE_CLUSTERS,
    TINY_SAMPLE,
    PairedTest,
)

# Below, something that happens to one id in ten may well not have happened.
_RARE_EVENTS = 30


def paired_notes(pairs: Pairs, outcome: PairedTest, significance: float) -> tuple[str, ...]:
    """Return the notes, most important first.

    Args:
        pairs: The data.
        outcome: What the test said.
        significance: Level of the test.
    """
    if not pairs.ids:
        return ("no paired samples",)
    notes = [
        _clusters_note(pairs, outcome),
        _smallest_p_note(pairs, outcome, significance),
        _spread_note(pairs),
        _rare_events_note(pairs),
    ]
    return tuple(note for note in notes if note)


def _clusters_note(pairs: Pairs, outcome: PairedTest) -> str:
    if outcome.p_value is not None or pairs.clusters is None:
        return ""
    return (
        f"{_counted(pairs.units, 'cluster')}: significance is not testable with fewer than "
        f"{TESTABLE_CLUSTERS}; the interval is a rough guide"
    )


def _smallest_p_note(pairs: Pairs, outcome: PairedTest, significance: float) -> str:
    if outcome.p_value is None or pairs.units >= TINY_SAMPLE:
        return ""
    smallest = 2.0 ** (1 - pairs.units)
    if smallest < significance:
        return ""
    return (
        f"{_counted(pairs.units, 'sample id')}: the smallest possible p-value is {smallest:g}, "
        f"so nothing can be significant at {significance:g}"
    )


def _spread_note(pairs: Pairs) -> str:
    if pairs.ids < 2 or not pairs.constant:
        return ""
    if pairs.estimate == 0.0:
        return "identical scores" if pairs.single_epoch else "identical mean scores of all ids"
    if pairs.binary:
        return ""
    return "all ids differ by the same amount, which leaves no spread to derive an interval from"


def _rare_events_note(pairs: Pairs) -> str:
    if pairs.ids >= _RARE_EVENTS:
        return ""
    # Rule of three (Hanley and Lippman-Hand 1983): 3/n bounds what was never seen in n.
    share = min(1.0, 3.0 / pairs.ids)
    return (
        f"{_counted(pairs.ids, 'sample id')} are too few for rare events: what happens to fewer "
        f"than {share:.0%} of the samples may not have happened here at all"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
