from __future__ import annotations

import json
import os
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_core.logs import EvalLogReader, is_being_written, sample_events, sample_messages

EVAL: dict[str, Any] = {
    "eval_id": "e1",
    "run_id": "r1",
    "created": "2025-06-01T10:00:00+00:00",
    "task": "arithmetic",
    "task_id": "t1",
    "dataset": {"name": "sums", "samples": 3, "sample_ids": [1, 2, 3]},
    "model": "mockllm/model",
    "config": {},
}
START = {"version": 2, "eval": EVAL, "plan": {}}
HEADER = {**START, "status": "success", "stats": {}, "results": {"total_samples": 3}}


def sample(identifier: str | int, epoch: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "epoch": epoch,
        "input": "What is 1 + 1?",
        "target": "2",
        "messages": [{"role": "user", "content": "What is 1 + 1?"}],
        "scores": {"match": {"value": "C"}},
        **fields,
    }


def summary(identifier: str | int, epoch: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "epoch": epoch,
        "input": "What is 1 + 1?",
        "target": "2",
        "scores": {"match": {"value": "I"}},
        "completed": True,
        "message_count": 1,
        **fields,
    }


def write_log(path: Path, members: Mapping[str, Any], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path


def make_old(path: Path) -> None:
    """Lets a file look as if nobody has written it for a long time."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


def read_all(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    with EvalLogReader.open(path) as reader:
        return list(reader.samples()), reader.problems


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.eval", b"", "the file is empty"),
        ("a.eval", b"no log", "not an eval log (neither a zip archive nor a JSON object)"),
        ("a.eval", b"PK\x03\x04cut", "truncated"),
        ("a.json", b"[1]", "not an eval log"),
        ("a.json", b'{"version": 2}', "a JSON file, but not an eval log"),
        ("a.json", b'{"version": 2, "eval": {"task": "a"', "truncated"),
        ("a.json", b'{"version": 2, "eval": {"task" "a"}}', "not valid JSON"),
    ],
)
def test_what_is_no_log_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    make_old(path)

    with pytest.raises(LogReadError) as caught:
        EvalLogReader.open(path)

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_directories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LogReadError, match="^no such file$"):
        EvalLogReader.open(tmp_path / "missing.eval")
    with pytest.raises(LogReadError, match="directory"):
        EvalLogReader.open(tmp_path)


def test_other_zip_archives_are_refused(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.eval", {"readme.txt": b"text"})

    with pytest.raises(LogReadError, match="a zip archive, but not an eval log"):
        EvalLogReader.open(path)


def test_a_log_cut_off_anywhere_is_refused_or_says_what_is_lost(tmp_path: Path) -> None:
    members = {f"samples/{n}_epoch_1.json": sample(n) for n in (1, 2, 3)}
    whole = write_log(tmp_path / "a.eval", {**members, "header.json": HEADER}).read_bytes()
    document = json.dumps({**HEADER, "samples": list(members.values())}, indent=2).encode()
    for name, content in (("cut.eval", whole), ("cut.json", document)):
        path = tmp_path / name
        for length in range(1, len(content), 97):
            path.write_bytes(content[:length])
            make_old(path)
            try:
                samples, problems = read_all(path)
            except LogReadError as error:
                assert "\n" not in str(error)
            else:
                assert len(samples) == 3 or problems


def test_a_header_that_inspect_refuses_names_the_field(tmp_path: Path) -> None:
    broken = {**HEADER, "eval": {**EVAL, "config": {"message_limit": "many"}}}
    path = write_log(tmp_path / "a.eval", {"header.json": broken})

    with pytest.raises(LogReadError, match=r"eval\.config\.message_limit"):
        EvalLogReader.open(path)


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.eval", {"header.json": b"{"})

    with pytest.raises(LogReadError, match=r"header\.json is damaged"):
        EvalLogReader.open(path)


def test_unsupported_compression_is_named(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.eval", {"header.json": HEADER}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[8:10] = content[directory + 10 : directory + 12] = (95).to_bytes(2, "little")
    path.write_bytes(content)

    with pytest.raises(LogReadError, match="compression method 95"):
        EvalLogReader.open(path)


def test_json_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**HEADER, "version": 3, "samples": []}))

    with pytest.raises(LogReadError, match="version 3 of the log format"):
        EvalLogReader.open(path)


def test_eval_of_a_later_version_is_read(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.eval", {"header.json": {**HEADER, "version": 3}})

    with EvalLogReader.open(path) as reader:
        assert reader.header.version == 3


def test_a_log_without_header_is_started(tmp_path: Path) -> None:
    path = write_log(
        tmp_path / "a.eval",
        {
            "_journal/start.json": START,
            "_journal/config_updates/1.json": b"{",
            "samples/1_epoch_1.json": sample(1),
            "_journal/summaries/1.json": [summary(1)],
        },
    )

    with EvalLogReader.open(path) as reader:
        assert reader.header.status == "started"
        assert reader.header.results is None
        assert reader.header.eval.eval_id == "e1"
        assert not reader.finished
        assert [found["id"] for found in reader.samples()] == [1]
        assert len(reader.problems) == 1
        assert "config_updates/1.json" in reader.problems[0]


def test_the_last_of_equal_members_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.eval"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample(1, target="old")))
        archive.writestr("header.json", json.dumps(HEADER))
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample(1, target="new")))

    samples, _ = read_all(path)

    assert [found["target"] for found in samples] == ["new"]


def test_the_last_of_equal_samples_in_a_document_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    samples = [sample(1, target="old"), sample(2), sample(1, target="new")]
    path.write_text(json.dumps({**HEADER, "samples": samples}))

    found, _ = read_all(path)

    assert [(one["id"], one["target"]) for one in found] == [(1, "new"), (2, "2")]


def test_samples_come_in_the_order_of_epoch_and_id(tmp_path: Path) -> None:
    keys = [(10, 1), (2, 2), (2, 1), (10, 2)]
    members = {f"samples/{n}_epoch_{e}.json": sample(n, e) for n, e in keys}
    path = write_log(tmp_path / "a.eval", {**members, "header.json": HEADER})

    with EvalLogReader.open(path) as reader:
        assert reader.sample_keys() == [(2, 1), (10, 1), (2, 2), (10, 2)]
        assert [(s["id"], s["epoch"]) for s in reader.samples()] == reader.sample_keys()


@pytest.mark.parametrize(
    "identifier", ["a/b c", "x_epoch_3", "x_epoch_1/events/y", "ä\n", "7", 7], ids=repr
)
def test_any_id_survives(tmp_path: Path, identifier: str | int) -> None:
    name = f"samples/{identifier}_epoch_2.json"
    for ids in ([identifier], None):
        eval_spec = {**EVAL, "dataset": {"sample_ids": ids}}
        path = write_log(
            tmp_path / "a.eval",
            {name: sample(identifier, 2), "header.json": {**HEADER, "eval": eval_spec}},
        )

        with EvalLogReader.open(path) as reader:
            assert reader.sample_keys() == [(identifier, 2)]
            assert reader.sample(identifier, 2)["id"] == identifier


@pytest.mark.parametrize("damage", ["no JSON", "checksum", "no object", "too deep"])
@pytest.mark.parametrize("journal", [False, True])
def test_an_unreadable_sample_is_replaced_by_its_summary(
    tmp_path: Path, damage: str, journal: bool
) -> None:
    content: Any = {
        "no JSON": b'{"id": 2, "epoch": 1, "input": ',
        "checksum": sample(2),
        "no object": [1],
        "too deep": b'{"id": 2, "epoch": 1, "store": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    }[damage]
    summaries = [summary(n, error="went wrong", limit="token", token_limit=50) for n in (1, 2)]
    path = write_log(
        tmp_path / "a.eval",
        {
            "samples/1_epoch_1.json": sample(1),
            "samples/2_epoch_1.json": content,
            "samples/3_epoch_1.json": sample(3),
            "_journal/summaries/1.json" if journal else "summaries.json": summaries,
            "header.json": HEADER,
        },
        zipfile.ZIP_STORED,
    )
    if damage == "checksum":
        text = path.read_bytes()
        place = text.index(b"What is", text.index(b"samples/2_epoch_1.json"))
        path.write_bytes(text[:place] + b"WHAT" + text[place + 4 :])

    with EvalLogReader.open(path) as reader:
        first, second, third = reader.samples()
        problems = list(reader.problems)
        assert reader.degraded == {(2, 1)}
        assert list(reader.samples())[1] == second, "once more"
        assert reader.problems == problems

    assert [first["id"], second["id"], third["id"]] == [1, 2, 3]
    assert second["scores"] == {"match": {"value": "I"}}
    assert second["messages"] == []
    assert second["events"] == []
    assert second["error"]["message"] == "went wrong"
    assert second["limit"] == {"type": "token", "limit": 50, "reason": None}
    assert len(problems) == 1
    assert "sample 2 epoch 1" in problems[0]
    assert "summary" in problems[0]


def test_an_unreadable_sample_without_summary_is_left_out(tmp_path: Path) -> None:
    path = write_log(
        tmp_path / "a.eval",
        {
            "samples/1_epoch_1.json": b"{",
            "samples/2_epoch_1.json": sample(2),
            "summaries.json": b"[{",
            "header.json": HEADER,
        },
    )

    with EvalLogReader.open(path) as reader:
        assert [found["id"] for found in reader.samples()] == [2]
        assert any("sample 1 epoch 1" in line and "left out" in line for line in reader.problems)
        assert any("summaries.json" in line for line in reader.problems)
        with pytest.raises(LogReadError, match="sample 1 epoch 1"):
            reader.sample(1, 1)


def test_an_unreadable_sample_in_a_document_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    texts = [json.dumps(sample(1)), '{"id": 2, "epoch": 1, "input": broken}', json.dumps(sample(3))]
    start = json.dumps(HEADER)[:-1]
    path.write_text(f'{start}, "samples": [{", ".join(texts)}]}}')

    samples, problems = read_all(path)

    assert [found["id"] for found in samples] == [1, 3]
    assert len(problems) == 1
    assert "sample 2 epoch 1" in problems[0]


def test_values_that_inspect_models_refuse_do_not_matter(tmp_path: Path) -> None:
    events = [{"event": "of the future", "payload": 1}, {"event": "info", "data": None}]
    odd = sample(1, events=events, scores={"match": {"value": None}}, unknown_field=[1])
    path = write_log(tmp_path / "a.eval", {"samples/1_epoch_1.json": odd, "header.json": HEADER})

    [found], problems = read_all(path)

    assert found["scores"]["match"]["value"] is None
    assert sample_events(found, resolve_inputs=True) == events
    assert problems == []


def test_numbers_and_texts_beyond_the_json_standard_are_read(tmp_path: Path) -> None:
    text = (
        b'{"id": 1, "epoch": 1, "input": "\\ud83d", "target": "\xed\xa0\xbd", "metadata":'
        b' {"nan": NaN, "low": -Infinity, "large": 123456789012345678901234567890, "e": 1e400}}'
    )
    start = json.dumps(HEADER)[:-1].encode()
    in_document = tmp_path / "a.json"
    in_document.write_bytes(start + b', "samples": [' + text + b"]}")
    in_archive = write_log(
        tmp_path / "a.eval", {"samples/1_epoch_1.json": text, "header.json": HEADER}
    )

    for path in (in_document, in_archive):
        [found], problems = read_all(path)
        assert found["input"] == found["target"] == "\ud83d"
        assert found["metadata"]["large"] == 123456789012345678901234567890
        assert found["metadata"]["low"] == found["metadata"]["e"] * -1 == float("-inf")
        assert problems == []


CHUNKS: dict[str, Any] = {
    "samples/1_epoch_1/sample.json": {
        **{name: value for name, value in sample(1).items() if name != "messages"},
        "message_refs": [[0, 1], [2, 3]],
    },
    "samples/1_epoch_1/metadata.json": {"cluster": "attachment://1"},
    "samples/1_epoch_1/skeleton.json": {},
    "samples/1_epoch_1/messages/0.json": [
        {"role": "user", "content": "attachment://0"},
        {"role": "assistant", "content": "wrong"},
    ],
    "samples/1_epoch_1/messages/2.json": [{"role": "assistant", "content": "2"}],
    "samples/1_epoch_1/events/0.json": [{"event": "model", "input": [], "input_refs": [[0, 2]]}],
    "samples/1_epoch_1/events/stats.json": {},
    "samples/1_epoch_1/calls/0.json": [],
    "samples/1_epoch_1/attachments/0.json": ["What is 1 + 1?"],
    "samples/1_epoch_1/attachments/1.json": ["one"],
    "summaries.json": [summary(1)],
    "header.json": HEADER,
}


def test_samples_in_pieces_are_put_together(tmp_path: Path) -> None:
    [found], problems = read_all(write_log(tmp_path / "a.eval", CHUNKS))

    assert problems == []
    assert (found["id"], found["epoch"]) == (1, 1)
    assert [message["content"] for message in sample_messages(found)] == ["What is 1 + 1?", "2"]
    [event] = sample_events(found, resolve_inputs=True)
    assert [message["content"] for message in event["input"]] == ["What is 1 + 1?", "wrong"]
    assert found["scores"] == {"match": {"value": "C"}}


def test_a_damaged_piece_costs_only_itself(tmp_path: Path) -> None:
    chunks = {**CHUNKS, "samples/1_epoch_1/events/0.json": b"["}

    [found], problems = read_all(write_log(tmp_path / "a.eval", chunks))

    assert found["events"] == []
    assert len(sample_messages(found)) == 2
    assert len(problems) == 1
    assert "events cannot be read" in problems[0]


def test_pieces_without_their_sample_are_replaced_by_the_summary(tmp_path: Path) -> None:
    chunks = {name: content for name, content in CHUNKS.items() if not name.endswith("sample.json")}

    [found], problems = read_all(write_log(tmp_path / "a.eval", chunks))

    assert found["scores"] == {"match": {"value": "I"}}
    assert len(problems) == 1


def test_memory_does_not_grow_with_the_number_of_samples(tmp_path: Path) -> None:
    count, text = 300, "0123456789 bytes" * 65_536
    archive_path = tmp_path / "large.eval"
    with zipfile.ZipFile(archive_path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            content = json.dumps(sample(number, store={"text": text}))
            archive.writestr(f"samples/{number}_epoch_1.json", content)
        archive.writestr("header.json", json.dumps(HEADER))
    document_path = tmp_path / "large.json"
    with document_path.open("w") as document:
        document.write(json.dumps({**HEADER, "samples": []})[:-2])
        for number in range(count // 3):
            separator = "," if number else ""
            document.write(separator + json.dumps(sample(number, store={"text": text})))
        document.write("]}")
    with EvalLogReader.open(archive_path) as reader:
        assert not is_being_written(reader)  # everything that is imported late is there now

    for path, expected in ((archive_path, count), (document_path, count // 3)):
        tracemalloc.start()
        try:
            with EvalLogReader.open(path) as reader:
                assert reader.digest
                size = sum(len(found["store"]["text"]) for found in reader.samples())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert size == expected * len(text)
        assert peak < 12 * len(text)
