from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.utils import validation

from inspect_mlflow_core.conversion import KEY_CHARACTERS, NameTable, decode_name, encode_name

# Text made of what the rules are about finds more than text of any characters.
PIECES = st.sampled_from(
    ["_", "x", "_x", "40", "_x40_", "_x40", "@", "/", "//", ".", "..", ":", " ", "a", "5f"]
    + ["_xh0123456789abcdef_", "_xh0123456789abcdef", "\n", "\ud800", "é", "😀", "_x_", ""]
)
NAMES = (
    st.lists(PIECES, max_size=12).map("".join)
    | st.text(max_size=40)
    | st.text(st.characters(), max_size=10)
    | st.text("_x0123456789abcdefh/.@", max_size=60)
)
LONG_NAMES = st.tuples(NAMES, st.integers(0, 300), NAMES).map(
    lambda parts: parts[0] + "a" * parts[1] + parts[2]
)


def is_accepted(name: str) -> bool:
    try:
        validation._validate_metric(name, 0.5, 0, 0)
        validation._validate_param(name, "value")
        validation._validate_tag(name, "value")
    except MlflowException:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", "accuracy"),
        ("match/accuracy", "match/accuracy"),
        ("inspect.usage.hf:org/model-1.5 b_2", "inspect.usage.hf:org/model-1.5 b_2"),
        ("Größe/日本", "Größe/日本"),
        (".hidden", ".hidden"),
        ("a..b", "a..b"),
        ("coord_x_mean", "coord_x_mean"),
        ("max_x2", "max_x2"),
        ("pass@1", "pass_x40_1"),
        ("phys & chem", "phys _x26_ chem"),
        ("f(x)=[1,2]%", "f_x28_x_x29__x3d__x5b_1_x2c_2_x5d__x25_"),
        ("", "_x_"),
        ("_x_", "_x5f_x_"),
        ("_x40_", "_x5f_x40_"),
        (" ", " "),
        (".", "_x2e_"),
        ("..", "_x2e_."),
        ("../a", "_x2e_./a"),
        ("..a", "_x2e_.a"),
        ("/a", "_x2f_a"),
        ("a/", "a_x2f_"),
        ("a//b", "a/_x2f_b"),
        ("a/./b", "a/_x2e_/b"),
        ("a\nb\x00", "a_x0a_b_x00_"),
        ("\ud83d", "_xd83d_"),
        ("😀", "_x1f600_"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert encode_name(name, colon_accepted=True) == expected
    assert decode_name(expected) == name
    assert is_accepted(expected)


@given(LONG_NAMES)
@example("a" * 250)
@example("a" * 251)
@example("@" * 100)
@example("a" * 228 + "_x5f" + "z" * 40)
def test_mlflow_accepts_every_encoded_name(name: str) -> None:
    encoded = encode_name(name, colon_accepted=True)
    assert is_accepted(encoded)
    assert len(encoded) <= KEY_CHARACTERS


@given(NAMES)
def test_windows_servers_accept_them_too(name: str) -> None:
    encoded = encode_name(name, colon_accepted=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "is_windows", lambda: True)
        assert is_accepted(encoded)
    assert decode_name(encoded) == name


@given(NAMES)
@example("_x40_x41_")
@example("_x41@")
@example("_x_@")
@example("@x41_")
@example("_x110000_")
def test_there_is_a_way_back(name: str) -> None:
    assert decode_name(encode_name(name)) == name


@given(NAMES)
def test_accepted_names_stay(name: str) -> None:
    # MLflow's pattern lets one newline at the end through; text that looks like an escape must
    # be escaped itself.
    looks_escaped = decode_name(name) != name
    if is_accepted(name) and not name.endswith("\n") and not looks_escaped:
        encoded = encode_name(name, colon_accepted=True)
        assert encoded == name or "_x5f_" in encoded


@given(st.text(string.ascii_letters + string.digits + "-_. :", min_size=1, max_size=30))
def test_usual_names_stay(name: str) -> None:
    if is_accepted(name) and "_x" not in name:
        assert encode_name(name, colon_accepted=True) == name


@given(LONG_NAMES, LONG_NAMES)
@example("a" * 228 + "_x5f" + "z" * 40, "a" * 228 + "_xh0123456789abcdef_")
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (encode_name(one) == encode_name(other)) == (one == other)


@given(LONG_NAMES)
@example("_" + "a" * 204 + "_x40_xh0123456789abcdef_")
def test_no_name_pretends_to_be_a_cut_one(name: str) -> None:
    long_name = name + "z" * 300
    cut = encode_name(long_name)
    # What a cut name looks like is itself a name that somebody can have chosen.
    for pretender in (cut, decode_name(cut)):
        assert encode_name(pretender) != cut


def test_long_names_keep_their_beginning() -> None:
    encoded = encode_name("metric/" + "a" * 400)
    assert len(encoded) == KEY_CHARACTERS
    assert encoded.startswith("metric/aaaa")
    assert decode_name(encoded).endswith("…")
    assert encode_name("metric/" + "a" * 401) != encoded


def test_very_long_names_take_no_time_to_speak_of() -> None:
    assert len(encode_name("@/._x4" * 100_000)) <= KEY_CHARACTERS


class TestNameTable:
    def test_the_same_parts_have_the_same_name(self) -> None:
        names = NameTable()
        assert names.assign("match", "accuracy") == "match/accuracy"
        assert names.assign("match", "accuracy") == "match/accuracy"
        assert names.assign("inspect", "task", "t", separator=".") == "inspect.task.t"
        assert names.rewritten == {}

    def test_rewritten_names_are_remembered(self) -> None:
        names = NameTable()
        long_name = "x" * 400
        assert names.assign("pass@1", "mean") == "pass_x40_1/mean"
        assert names.rewritten == {
            "pass_x40_1/mean": "pass@1/mean",
        }
        cut = names.assign(long_name)
        assert names.rewritten[cut] == long_name

    def test_what_is_returned_does_not_change_the_table(self) -> None:
        names = NameTable()
        names.assign("pass@1")
        names.rewritten.clear()
        assert names.rewritten == {"pass_x40_1": "pass@1"}

    def test_paths_that_join_to_one_name(self) -> None:
        names = NameTable()
        paths = [("a/b", "c"), ("a", "b/c"), ("a", "b", "c"), ("a/b/c",)]
        given_names = [names.assign(*path) for path in paths]
        assert given_names[0] == "a/b/c"
        assert len(set(given_names)) == 4
        assert all(is_accepted(name) for name in given_names)
        assert set(names.rewritten.values()) == {"a/b/c"}
        assert len(names.rewritten) == 3
        assert [names.assign(*path) for path in paths] == given_names
        again = NameTable()
        assert [again.assign(*path) for path in paths] == given_names

    def test_other_separators_are_other_paths(self) -> None:
        names = NameTable()
        assert names.assign("a", "b") != names.assign("a/b", separator=".")

    @given(
        st.lists(
            st.tuples(
                st.lists(PIECES | LONG_NAMES, min_size=1, max_size=4).map(tuple),
                st.sampled_from(["/", "."]),
            ),
            unique=True,
            max_size=20,
        )
    )
    def test_names_are_accepted_unique_and_explained(
        self, paths: list[tuple[tuple[str, ...], str]]
    ) -> None:
        names = NameTable(colon_accepted=True)
        for parts, separator in paths:
            original = separator.join(parts)
            name = names.assign(*parts, separator=separator)
            assert is_accepted(name)
            assert names.rewritten.get(name, name) == original
        assigned = [names.assign(*parts, separator=separator) for parts, separator in paths]
        assert len(set(assigned)) == len(paths)
