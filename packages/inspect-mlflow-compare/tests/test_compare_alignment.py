from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_compare import CompareError, compare_evals
from inspect_mlflow_compare.alignment import align, natural_order
from inspect_mlflow_compare.logs import SampleRecord, read_evaluation

Make = Callable[..., Any]


def record(id: int | str, epoch: int = 1) -> SampleRecord:
    return SampleRecord(id, epoch, None, {}, {}, None, 0, 0)


def sides(baseline: list[int | str], candidate: list[int | str]) -> list[tuple[Any, Any]]:
    """For each aligned id what the baseline and the candidate call it."""
    alignment = align([record(id) for id in baseline], [record(id) for id in candidate])
    return [
        (
            item.baseline[0].id if item.baseline else None,
            item.candidate[0].id if item.candidate else None,
        )
        for item in alignment.ids
    ]


def test_ids_keep_their_type_and_text() -> None:
    names: list[int | str] = [7, "7", "07", "007", "７", "²", "", " 7"]
    assert sorted(sides(names, names), key=repr) == sorted(
        ((name, name) for name in names), key=repr
    )


@pytest.mark.parametrize(("left", "right"), [(7, "7"), ("7", 7), (-3, "-3"), (0, "0")], ids=repr)
def test_a_number_meets_its_text_when_nothing_is_in_the_way(
    left: int | str, right: int | str
) -> None:
    assert sides([left], [right]) == [(left, right)]
    assert align([record(left)], [record(right)]).retyped == 1


@pytest.mark.parametrize("other", ["07", "７", "7.0", "+7", " 7", "-0", "²"])
def test_a_number_does_not_meet_other_texts(other: str) -> None:
    assert len(sides([7], [other])) == 2


def test_types_are_not_mixed_where_they_collide() -> None:
    assert sides([1, "1"], ["1"]) == [(1, None), ("1", "1")]
    assert sides([1], [1, "1"]) == [(1, 1), (None, "1")]
    assert sides([1], ["1", 2]) == [(1, "1"), (None, 2)]


def test_ids_come_in_natural_order() -> None:
    names: list[int | str] = ["item10", 10, "item2", 2, "b", "item1", "2", "a9b10", "a9b9"]
    expected: list[int | str] = [2, "2", 10, "a9b9", "a9b10", "b", "item1", "item2", "item10"]
    assert sorted(names, key=natural_order) == expected


@given(st.lists(st.one_of(st.integers(), st.text(max_size=3)), unique_by=repr, max_size=20))
def test_order_is_total_and_does_not_depend_on_the_start(names: list[int | str]) -> None:
    once = sorted(names, key=natural_order)
    assert sorted(reversed(names), key=natural_order) == once


IDS = st.lists(
    st.one_of(st.integers(0, 9), st.sampled_from([*"0123456789", "07", "x", ""])),
    unique_by=lambda id: (type(id), id),
    max_size=12,
)


@given(IDS, IDS)
def test_every_id_is_aligned_once_and_both_ways_alike(
    baseline: list[int | str], candidate: list[int | str]
) -> None:
    pairs = sides(baseline, candidate)
    left = [pair[0] for pair in pairs if pair[0] is not None]
    right = [pair[1] for pair in pairs if pair[1] is not None]
    assert sorted(left, key=repr) == sorted(baseline, key=repr)
    assert sorted(right, key=repr) == sorted(candidate, key=repr)
    assert all(str(one) == str(other) for one, other in pairs if None not in (one, other))
    mirrored = {(other, one) for one, other in sides(candidate, baseline)}
    assert {tuple(map(repr, pair)) for pair in pairs} == {
        tuple(map(repr, pair)) for pair in mirrored
    }


def test_samples_twice_are_one_when_they_are_equal(make_sample: Make, make_log: Make) -> None:
    sample = make_sample(1, "C")
    evaluation = read_evaluation(make_log([sample, sample.model_copy(deep=True)]))
    assert len(evaluation.samples) == 1


@pytest.mark.parametrize("second", ["I", "C"])
def test_samples_twice_are_an_error_when_they_differ(
    make_sample: Make, make_log: Make, second: str
) -> None:
    # Those with the same score are two runs of the sample all the same.
    log = make_log([make_sample(1, "C", epoch=2), make_sample(1, second, epoch=2)])
    with pytest.raises(CompareError, match="sample 1, epoch 2 is there twice"):
        compare_evals(log, make_log({1: "C"}))


def test_ids_of_other_types_are_noted(make_log: Make) -> None:
    result = compare_evals(make_log({1: "C", 2: "I"}), make_log({"1": "C", "2": "C"}))
    assert result.metrics[0].ids == 2
    assert [sample.id for sample in result.samples] == [1, 2]
    assert any(one.field == "samples.id type" for one in result.differences)


def test_strange_ids_reach_the_result(make_log: Make) -> None:
    log = make_log({"": "C", "²": "I", "007": "C", 7: "I"})
    result = compare_evals(log, log)
    assert [item.id for item in result.items] == ["", 7, "007", "²"]
    assert result.aligned_count == 4
