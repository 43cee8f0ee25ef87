from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
from typing import Any

import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.store.tracking.dbmodels import models
from mlflow.utils import validation

from inspect_mlflow_core import conversion
from inspect_mlflow_core.conversion import clean_text, cut_text, flatten_parameters, metric_value
from inspect_mlflow_core.util import safe_log_params, truncate

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=80)


class TestConstants:
    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ("KEY_CHARACTERS", "MAX_ENTITY_KEY_LENGTH"),
            ("PARAM_VALUE_CHARACTERS", "MAX_PARAM_VAL_LENGTH"),
            ("TAG_VALUE_CHARACTERS", "MAX_TAG_VAL_LENGTH"),
            ("EXPERIMENT_NAME_CHARACTERS", "MAX_EXPERIMENT_NAME_LENGTH"),
            ("DATASET_NAME_CHARACTERS", "MAX_DATASET_NAME_SIZE"),
            ("DATASET_DIGEST_CHARACTERS", "MAX_DATASET_DIGEST_SIZE"),
            ("DATASET_SOURCE_CHARACTERS", "MAX_DATASET_SOURCE_SIZE"),
            ("DATASET_SCHEMA_CHARACTERS", "MAX_DATASET_SCHEMA_SIZE"),
            ("DATASET_PROFILE_CHARACTERS", "MAX_DATASET_PROFILE_SIZE"),
            ("INPUT_TAG_KEY_CHARACTERS", "MAX_INPUT_TAG_KEY_SIZE"),
            ("INPUT_TAG_VALUE_CHARACTERS", "MAX_INPUT_TAG_VALUE_SIZE"),
            ("METRICS_PER_BATCH", "MAX_METRICS_PER_BATCH"),
            ("PARAMS_PER_BATCH", "MAX_PARAMS_TAGS_PER_BATCH"),
            ("TAGS_PER_BATCH", "MAX_PARAMS_TAGS_PER_BATCH"),
            ("ENTITIES_PER_BATCH", "MAX_ENTITIES_PER_BATCH"),
            ("BATCH_BYTES", "MAX_BATCH_LOG_REQUEST_SIZE"),
        ],
    )
    def test_are_within_what_mlflow_validates(self, ours: str, theirs: str) -> None:
        # A limit that a release of MLflow does not have yet, or has no more, limits nothing.
        assert getattr(conversion, ours) <= getattr(validation, theirs, math.inf)

    @pytest.mark.parametrize(
        ("ours", "model", "column"),
        [
            ("KEY_CHARACTERS", "SqlLatestMetric", "key"),
            ("KEY_CHARACTERS", "SqlParam", "key"),
            ("KEY_CHARACTERS", "SqlTag", "key"),
            ("PARAM_VALUE_CHARACTERS", "SqlParam", "value"),
            ("TAG_VALUE_CHARACTERS", "SqlTag", "value"),
            ("RUN_NAME_CHARACTERS", "SqlRun", "name"),
            ("EXPERIMENT_NAME_CHARACTERS", "SqlExperiment", "name"),
            ("DATASET_NAME_CHARACTERS", "SqlDataset", "name"),
            ("DATASET_DIGEST_CHARACTERS", "SqlDataset", "digest"),
            ("DATASET_SOURCE_TYPE_CHARACTERS", "SqlDataset", "dataset_source_type"),
            ("TRACE_PREVIEW_CHARACTERS", "SqlTraceInfo", "request_preview"),
            ("TRACE_ID_CHARACTERS", "SqlTraceInfo", "request_id"),
            ("TRACE_TAG_VALUE_CHARACTERS", "SqlTraceTag", "value"),
            ("TRACE_METADATA_VALUE_CHARACTERS", "SqlTraceMetadata", "value"),
            ("ASSESSMENT_NAME_CHARACTERS", "SqlAssessments", "name"),
            ("ASSESSMENT_SOURCE_CHARACTERS", "SqlAssessments", "source_id"),
        ],
    )
    def test_are_within_the_columns(self, ours: str, model: str, column: str) -> None:
        columns = getattr(getattr(models, model, None), "__table__", None)
        if columns is not None and column in columns.columns:
            assert getattr(conversion, ours) <= columns.columns[column].type.length


class TestCutText:
    @pytest.mark.parametrize(
        ("text", "limit", "expected"),
        [
            ("abc", 3, "abc"),
            ("", 0, ""),
            ("abcd", 3, "ab…"),
            ("abcd", 1, "…"),
            ("abcd", 0, ""),
            ("a" * 100, 40, "a" * 12 + "… [cut 88 of 100 characters]"),
        ],
    )
    def test_cuts(self, text: str, limit: int, expected: str) -> None:
        assert cut_text(text, limit) == expected

    def test_says_how_much_is_missing(self) -> None:
        cut = cut_text("x" * 7234, 6000)
        assert len(cut) == 6000
        assert cut == "x" * 5969 + "… [cut 1265 of 7234 characters]"

    def test_refuses_a_negative_limit(self) -> None:
        with pytest.raises(ValueError, match="-1"):
            cut_text("abc", -1)

    @given(st.text(max_size=300) | st.integers(0, 200_000).map("a".__mul__), st.integers(0, 400))
    @example("a" * 1033, 1000)
    @example("a" * 100_000, 99_999)
    def test_never_exceeds_the_limit_and_counts_right(self, text: str, limit: int) -> None:
        cut = cut_text(text, limit)
        assert len(cut) <= limit
        if len(text) <= limit:
            assert cut == text
        elif " [cut " in cut[-45:] and cut.endswith(" characters]"):
            kept, _, note = cut.rpartition("… [cut ")
            assert text.startswith(kept)
            assert note == f"{len(text) - len(kept)} of {len(text)} characters]"
        else:
            assert cut in ("", text[: len(cut) - 1] + "…")

    @given(st.integers(0, 60))
    def test_never_splits_a_pair_of_surrogates(self, limit: int) -> None:
        cut = cut_text("\ud83d\ude00" * 100, limit)
        assert cut.count("\ud83d") == cut.count("\ude00")
        assert len(cut) <= limit


class TestCleanText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("plain\ttext\n", "plain\ttext\n"),
            ("a\x00b", "a\ufffdb"),
            ("a\ud800b", "a\ufffdb"),
            ("\udfff", "\ufffd"),
            ("é\ud800", "é\ufffd"),
            ("\ud83d\ude00", "😀"),
            ("\ud800\ud83d\ude00\udc00", "\ufffd😀\ufffd"),
            ("日本 😀", "日本 😀"),
        ],
    )
    def test_replaces_what_stores_refuse(self, text: str, expected: str) -> None:
        assert clean_text(text) == expected

    @given(ANY_TEXT)
    @example("\ud800\x00\ud800")
    def test_is_storable_and_stable(self, text: str) -> None:
        cleaned = clean_text(text)
        assert "\x00" not in cleaned
        assert cleaned.encode().decode() == cleaned
        assert clean_text(cleaned) == cleaned
        assert len(cleaned) <= len(text)

    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
    def test_leaves_other_text_alone(self, text: str) -> None:
        assert clean_text(text) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (True, 1.0),
        (-0.5, -0.5),
        (1.7e308, 1.7e308),
        (5e-324, 5e-324),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (10**400, None),
        ("1", None),
        (None, None),
        ([1], None),
    ],
)
def test_metric_values(value: Any, expected: float | None) -> None:
    assert metric_value(value) == expected


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Limits:
    tokens: int
    colour: Colour


class Options(pydantic.BaseModel):
    retries: int = 3
    note: str | None = None


class TestFlatten:
    def test_dicts_become_dotted_keys_in_order(self) -> None:
        settings: dict[Any, Any] = {
            "b": {"limit": 10, "deep": {"er": 0.5}},
            "a": "text",
            "flag": True,
            "list": [1, "x", None, {"k": False}],
            "none": None,
            "empty": "",
            "nothing": {},
            "no_items": [],
            3: "number for a key",
        }
        flat = flatten_parameters("config", settings)
        assert list(flat.items()) == [
            ("config.b.limit", "10"),
            ("config.b.deep.er", "0.5"),
            ("config.a", "text"),
            ("config.flag", "True"),
            ("config.list", '[1,"x",null,{"k":false}]'),
            ("config.3", "number for a key"),
        ]

    def test_without_a_prefix(self) -> None:
        assert flatten_parameters("", {"a": {"b": 1}}) == {"a.b": "1"}

    def test_objects_are_taken_apart(self) -> None:
        moment = datetime.datetime(2025, 1, 2, 3, 4, tzinfo=datetime.UTC)
        flat = flatten_parameters(
            "p",
            {
                "limits": Limits(5, Colour.RED),
                "options": Options(),
                "when": moment,
                "set": {"b", "a"},
                "tuple": (1, 2),
                "bytes": b"x",
                "type": Options,
            },
        )
        assert flat["p.limits.tokens"] == "5"
        assert flat["p.limits.colour"] == "red"
        assert flat["p.options.retries"] == "3"
        assert "p.options.note" not in flat
        assert flat["p.when"] == "2025-01-02T03:04:00+00:00"
        assert flat["p.set"] == '["a","b"]'
        assert flat["p.tuple"] == "[1,2]"
        assert flat["p.bytes"] == "b'x'"
        assert "Options" in flat["p.type"]

    def test_depth_is_bounded(self) -> None:
        deep: Any = "bottom"
        for _ in range(50):
            deep = {"d": deep}
        ((key, value),) = flatten_parameters("p", deep).items()
        assert key == "p" + ".d" * 6
        assert json.loads(value)

    def test_data_that_holds_itself_ends(self) -> None:
        endless: dict[str, Any] = {"a": 1}
        endless["self"] = endless
        endless["twice"] = [endless, endless]
        flat = flatten_parameters("p", endless)
        assert flat == {"p.a": "1", "p.self": "…", "p.twice": '["…","…"]'}

    def test_two_values_with_one_key_are_both_kept(self) -> None:
        assert flatten_parameters("", {"a.b": 1, "a": {"b": 2}}) == {"a.b": "1", "a.b.2": "2"}

    def test_values_can_be_stored(self) -> None:
        flat = flatten_parameters("p", {"a": "\x00\ud800", "b": ["\ud800"]})
        assert flat == {"p.a": "\ufffd\ufffd", "p.b": '["\ufffd"]'}

    @given(
        st.dictionaries(
            ANY_TEXT,
            st.recursive(
                st.none() | st.booleans() | st.floats() | st.integers() | ANY_TEXT,
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner),
                max_leaves=10,
            ),
        )
    )
    def test_anything_goes(self, settings: dict[str, Any]) -> None:
        flat = flatten_parameters("p", settings)
        assert flat == flatten_parameters("p", settings)
        for key, value in flat.items():
            assert key.startswith("p.")
            value.encode()


class Recorder:
    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []

    def log_params(self, params: dict[str, Any]) -> None:
        self.batches.append(params)


class TestSafeLogParams:
    def test_logs_in_batches(self) -> None:
        recorder = Recorder()
        safe_log_params(recorder, {f"p{number}": number for number in range(250)})
        assert [len(batch) for batch in recorder.batches] == [100, 100, 50]
        assert recorder.batches[2]["p249"] == "249"

    def test_logs_nothing_without_params(self) -> None:
        recorder = Recorder()
        safe_log_params(recorder, {})
        assert recorder.batches == []

    def test_makes_everything_acceptable(self) -> None:
        recorder = Recorder()
        params = {"a" * 300: 1, "pass@1": "x" * 900, "api_key": "abc", "odd": "\ud800", "n": None}
        safe_log_params(recorder, params)
        (batch,) = recorder.batches
        assert len(batch) == 5
        for key, value in batch.items():
            validation._validate_param(key, value)
            assert len(value) <= 500
            value.encode()
        assert batch["pass_x40_1"].endswith("of 900 characters]")
        assert batch["api_key"] == "***"
        assert batch["n"] == "None"

    def test_errors_of_mlflow_are_the_callers(self) -> None:
        class Failing:
            def log_params(self, params: dict[str, Any]) -> None:
                raise RuntimeError("server")

        with pytest.raises(RuntimeError, match="server"):
            safe_log_params(Failing(), {"a": 1})


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 200, "short"),
        ("x" * 200, 200, "x" * 200),
        ("x" * 201, 200, "x" * 197 + "..."),
        ("abcdef", 5, "ab..."),
        ("abcdef", 3, "..."),
        ("abcdef", 2, ".."),
        ("abcdef", 0, ""),
        ("abcdef", -1, ""),
        (12345, 4, "1..."),
        (None, 10, ""),
    ],
)
def test_truncate(text: Any, limit: int, expected: str) -> None:
    assert truncate(text, limit) == expected
