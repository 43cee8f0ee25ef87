"""Scores that are labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from inspect_mlflow_compare.statistics import label_agreement

labels = st.sampled_from(["refuses", "complies", "asks"])


@given(st.lists(st.tuples(labels, labels), min_size=2, max_size=40))
def test_statsmodels_agrees(pairs: list[tuple[str, str]]) -> None:
    result = label_agreement([old for old, _ in pairs], [new for _, new in pairs])
    assert sum(map(sum, result.matrix)) == len(pairs)
    assert result.agreement == pytest.approx(sum(old == new for old, new in pairs) / len(pairs))
    if result.kappa is None:
        assert len(result.labels) == 1
    else:
        expected = cohens_kappa([list(row) for row in result.matrix], return_results=False)
        assert result.kappa == pytest.approx(float(expected))


def test_rows_are_the_baseline() -> None:
    result = label_agreement(["a", "a", "b", "b", "b"], ["a", "b", "b", "b", "c"])
    assert result.labels == ("a", "b", "c")
    assert result.matrix == ((1, 1, 0), (0, 2, 1), (0, 0, 0))
    assert result.agreement == 0.6


def test_one_and_the_same_label() -> None:
    result = label_agreement(["a", "a"], ["a", "a"])
    assert (result.agreement, result.kappa) == (1.0, None)


def test_two_different_constants_agree_no_better_than_chance() -> None:
    assert label_agreement(["a", "a"], ["b", "b"]).kappa == 0.0


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        label_agreement(["a"], [])
    with pytest.raises(ValueError, match="no labels"):
        label_agreement([], [])
