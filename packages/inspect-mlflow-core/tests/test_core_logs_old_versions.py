"""Logs in the shapes that earlier versions of Inspect wrote."""

from __future__ import annotations

import copy
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalSample, read_eval_log

from inspect_mlflow_core.logs import EvalLogReader, sample_events, sample_messages

# As of the first published versions: one scorer, one unnamed score for each sample, the
# transcript as an object, no ids of the evaluation or the samples, no times of samples.
FIRST: dict[str, Any] = {
    "version": 1,
    "status": "success",
    "eval": {
        "task": "arithmetic",
        "task_version": 0,
        "task_id": "t1",
        "run_id": "r1",
        "created": "2024-05-05T07:59:35",
        "dataset": {"name": "sums", "location": "sums.csv"},
        "model": "openai/gpt-4",
        "task_attribs": {},
        "task_args": {"level": 1},
        "model_args": {},
        "sandbox": ["docker", "compose.yaml"],
        "config": {"max_messages": 12, "limit": 2},
    },
    "plan": {
        "name": "plan",
        "steps": [{"solver": "generate", "params": {}}],
        "config": {"reasoning_history": True},
    },
    "results": {
        "scorer": {"name": "match", "params": {}},
        "metrics": {"accuracy": {"name": "accuracy", "value": 0.5, "options": {}}},
        "sample_reductions": [{"scorer": "match", "reducer": "mean", "samples": []}],
    },
    "stats": {
        "started_at": "2024-05-05T07:59:35-04:00",
        "completed_at": "2024-05-05T08:00:35-04:00",
        "model_usage": {
            "openai/gpt-4": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        },
    },
    "samples": [
        {
            "id": 1,
            "epoch": 1,
            "input": "What is 1 + 1?",
            "target": "2",
            "sandbox": ["docker", "compose.yaml"],
            "messages": [
                {"role": "user", "content": "What is 1 + 1?", "source": "input"},
                {
                    "role": "assistant",
                    "content": "",
                    "source": "generate",
                    "tool_calls": [
                        {"id": "c1", "function": "add", "arguments": {"x": 1}, "type": "function"}
                    ],
                },
                {
                    "role": "tool",
                    "content": "",
                    "tool_call_id": "c1",
                    "tool_error": "y is missing",
                },
                {"role": "assistant", "content": "tc://a1"},
            ],
            "output": {
                "model": "gpt-4",
                "choices": [
                    {
                        "message": {
                            "role": "assistant",
                            "content": [
                                {"type": "text", "text": "It is"},
                                {"type": "image", "image": "data:image/png;base64,AA"},
                                {"type": "text", "text": "2"},
                            ],
                        },
                        "stop_reason": "length",
                    }
                ],
            },
            "score": {"value": "C", "answer": "2", "explanation": "right"},
            "metadata": {},
            "transcript": {
                "events": [
                    {
                        "timestamp": "2024-05-05T07:59:36-04:00",
                        "event": "model",
                        "model": "openai/gpt-4",
                        "input": [{"role": "user", "content": "tc://a1"}],
                        "tools": [],
                        "tool_choice": "auto",
                        "config": {},
                        "output": {
                            "model": "gpt-4",
                            "choices": [
                                {
                                    "message": {"role": "assistant", "content": "2"},
                                    "stop_reason": "length",
                                }
                            ],
                        },
                    }
                ],
                "content": {"a1": "a long text"},
            },
        },
        {
            "id": 2,
            "epoch": 1,
            "input": [{"role": "user", "content": "What is 2 + 2?"}],
            "target": ["4", "four"],
            "messages": [],
            "output": {"model": "gpt-4", "choices": []},
            "score": {"value": "I", "metadata": {"unscored_reason": "refusal"}},
            "metadata": {},
        },
    ],
    "logging": [{"level": "info", "message": "started", "created": 1.0}],
}


def document(path: Path, log: dict[str, Any]) -> Path:
    path.write_text(json.dumps(log, indent=2))
    return path


def archive(path: Path, log: dict[str, Any]) -> Path:
    """The same log as an `.eval` file."""
    header = {key: value for key, value in log.items() if key != "samples"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as members:
        for sample in log["samples"]:
            name = f"samples/{sample['id']}_epoch_{sample.get('epoch', 1)}.json"
            members.writestr(name, json.dumps(sample))
        members.writestr("header.json", json.dumps(header))
    return path


@pytest.fixture(params=["json", "eval"])
def first_log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    write = document if request.param == "json" else archive
    return write(tmp_path / f"log.{request.param}", FIRST)


def test_the_header_is_what_inspect_makes_of_it(tmp_path: Path) -> None:
    path = document(tmp_path / "2024-05-05T07-59-35_log.json", FIRST)
    expected = read_eval_log(str(path), header_only=True)

    with EvalLogReader.open(path) as reader:
        header = reader.header

    assert header.model_dump(exclude={"reductions"}) == expected.model_dump(exclude={"reductions"})
    assert header.eval.eval_id == expected.eval.eval_id != ""
    assert header.eval.config.message_limit == 12
    assert header.reductions is None


def test_the_id_of_the_evaluation_is_the_same_at_every_reading(first_log: Path) -> None:
    ids = set()
    for _ in range(2):
        with EvalLogReader.open(first_log) as reader:
            ids.add(reader.header.eval.eval_id)

    assert len(ids) == 1


def test_results_of_a_single_scorer_are_read(first_log: Path) -> None:
    with EvalLogReader.open(first_log) as reader:
        results = reader.header.results

    assert results is not None
    [score] = results.scores
    assert (score.name, score.scorer) == ("match", "match")
    assert score.metrics["accuracy"].value == 0.5


def test_an_unnamed_score_gets_the_name_of_the_scorer(first_log: Path) -> None:
    with EvalLogReader.open(first_log) as reader:
        first, second = reader.samples()
        assert reader.problems == []

    assert first["scores"]["match"]["value"] == "C"
    assert second["scores"]["match"]["reason"] == "refusal"
    assert "score" not in first


@pytest.mark.parametrize(
    ("header", "name"),
    [({"results": None}, "score"), ({"results": None, "scorers": True}, "judge")],
    ids=["nothing known", "scorers of the task"],
)
def test_an_unnamed_score_is_kept_without_results(
    tmp_path: Path, header: dict[str, Any], name: str
) -> None:
    log = {**copy.deepcopy(FIRST), "results": None}
    if "scorers" in header:
        log["eval"]["scorers"] = [{"name": "judge"}]

    with EvalLogReader.open(document(tmp_path / "log.json", log)) as reader:
        assert list(reader.sample(1, 1)["scores"]) == [name]


def test_the_transcript_becomes_events_and_attachments(first_log: Path) -> None:
    with EvalLogReader.open(first_log) as reader:
        sample = reader.sample(1, 1)

    [event] = sample_events(sample)
    assert event["input"][0]["content"] == "a long text"
    assert event["output"]["completion"] == "2"
    assert event["output"]["choices"][0]["stop_reason"] == "max_tokens"
    assert sample_messages(sample)[3]["content"] == "a long text"
    assert "transcript" not in sample


def test_messages_and_output_have_the_current_fields(first_log: Path) -> None:
    with EvalLogReader.open(first_log) as reader:
        sample = reader.sample(1, 1)

    assert sample["messages"][2]["error"] == {"type": "unknown", "message": "y is missing"}
    assert sample["output"]["completion"] == "It is\n2"
    assert sample["output"]["choices"][0]["stop_reason"] == "max_tokens"
    assert sample["sandbox"] == {"type": "docker", "config": "compose.yaml"}


def test_what_an_old_log_lacks_is_there_and_empty(first_log: Path) -> None:
    with EvalLogReader.open(first_log) as reader:
        sample = reader.sample(2, 1)

    for field in ("uuid", "started_at", "completed_at", "total_time", "working_time", "error"):
        assert sample[field] is None
    for field in ("events", "messages"):
        assert sample[field] == []
    for field in ("model_usage", "attachments", "store", "metadata"):
        assert sample[field] == {}
    assert sample["target"] == ["4", "four"]


def test_a_migrated_sample_is_one_that_inspect_reads_the_same(first_log: Path) -> None:
    with EvalLogReader.open(first_log) as reader:
        for raw in reader.samples():
            original = next(s for s in FIRST["samples"] if s["id"] == raw["id"])
            expected = EvalSample.model_validate(copy.deepcopy(original))
            migrated = EvalSample.model_validate({k: v for k, v in raw.items() if v is not None})
            for field in ("id", "epoch", "input", "target", "output", "limit", "error", "metadata"):
                assert_same(getattr(migrated, field), getattr(expected, field))
            assert migrated.scores is not None
            assert expected.scores is not None
            assert list(migrated.scores.values()) == list(expected.scores.values())


def assert_same(left: Any, right: Any) -> None:
    """Equal but for ids of messages, which Inspect makes up when it reads them."""

    def plain(value: Any) -> Any:
        dumped = value.model_dump() if hasattr(value, "model_dump") else value
        dumped = json.loads(json.dumps(dumped, default=lambda item: item.model_dump()))
        return without_ids(dumped)

    def without_ids(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: without_ids(item)
                for key, item in value.items()
                if not (key == "id" and "role" in value)
            }
        return [without_ids(item) for item in value] if isinstance(value, list) else value

    assert plain(left) == plain(right)


def test_a_sample_without_epoch_is_of_the_first(tmp_path: Path) -> None:
    log = copy.deepcopy(FIRST)
    for sample in log["samples"]:
        del sample["epoch"]

    for path in (document(tmp_path / "log.json", log), archive(tmp_path / "log.eval", log)):
        with EvalLogReader.open(path) as reader:
            assert reader.sample_keys() == [(1, 1), (2, 1)]
            assert [sample["epoch"] for sample in reader.samples()] == [1, 1]


def test_ids_and_fields_may_stand_in_any_order(tmp_path: Path) -> None:
    log = copy.deepcopy(FIRST)
    log["samples"] = [dict(sorted(sample.items(), reverse=True)) for sample in log["samples"]]
    log = dict(sorted(log.items()))

    for path in (document(tmp_path / "log.json", log), archive(tmp_path / "log.eval", log)):
        with EvalLogReader.open(path) as reader:
            assert reader.header.status == "success"
            assert reader.header.stats.model_usage["openai/gpt-4"].total_tokens == 15
            assert reader.sample_keys() == [(1, 1), (2, 1)]
            assert len(list(reader.samples())) == 2


def test_times_are_given_in_utc(tmp_path: Path) -> None:
    log = copy.deepcopy(FIRST)
    log["samples"][0] |= {
        "started_at": "2025-05-05T08:00:00-04:00",
        "completed_at": "2025-05-05T12:00:05",
    }
    log["samples"][1]["started_at"] = "yesterday"

    with EvalLogReader.open(document(tmp_path / "log.json", log)) as reader:
        first, second = reader.samples()

    assert first["started_at"] == "2025-05-05T12:00:00+00:00"
    assert first["completed_at"] == "2025-05-05T12:00:05+00:00"
    assert second["started_at"] == "yesterday"


def test_named_scores_stay_as_they_are(tmp_path: Path) -> None:
    log = copy.deepcopy(FIRST)
    scores = {"match": {"value": "C"}, "88F74D2C": {"value": "I"}, "odd": "C"}
    log["samples"][0]["scores"] = scores
    del log["samples"][0]["score"]
    log["results"]["scorer"]["name"] = "first"

    with EvalLogReader.open(document(tmp_path / "log.json", log)) as reader:
        found = reader.sample(1, 1)["scores"]

    assert found == {"match": {"value": "C"}, "odd": "C", "first": {"value": "I"}}


def test_a_cancelled_document_without_samples_is_read(tmp_path: Path) -> None:
    log = {key: value for key, value in FIRST.items() if key not in ("samples", "results")}
    variants: list[dict[str, Any]] = [{}, {"samples": None}, {"samples": []}]
    for samples in variants:
        path = document(tmp_path / "log.json", {**log, "status": "cancelled", **samples})
        with EvalLogReader.open(path) as reader:
            assert reader.header.status == "cancelled"
            assert reader.finished
            assert reader.sample_keys() == []
            assert list(reader.samples()) == []
            assert reader.problems == []


def test_an_unfinished_document_is_started(tmp_path: Path) -> None:
    log = {**FIRST, "status": "started"}

    with EvalLogReader.open(document(tmp_path / "log.json", log)) as reader:
        assert not reader.finished
        assert len(reader.sample_keys()) == 2
