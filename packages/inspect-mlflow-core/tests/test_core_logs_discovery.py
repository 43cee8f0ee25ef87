from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_core.logs import (
    EvalLogReader,
    LogCandidate,
    LogFile,
    UnreadableLog,
    discover_logs,
    newest_of_each,
)

HEADER: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {
        "eval_id": "e1",
        "created": "2025-06-01T10:00:00+00:00",
        "task": "arithmetic",
        "dataset": {},
        "model": "mockllm/model",
        "config": {},
    },
    "stats": {},
}


def write_eval(path: Path, seconds: int = 1000, **header: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps({**HEADER, **header}))
    os.utime(path, (seconds, seconds))
    return path


def write_text(path: Path, text: str = "{}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def locations(*paths: str | Path) -> list[str]:
    found = list(discover_logs(paths))
    assert all(isinstance(log, LogFile) for log in found), found
    return [log.location for log in found]


def test_a_directory_is_searched_for_logs_only(tmp_path: Path) -> None:
    logs = [
        write_eval(tmp_path / "a.eval"),
        write_eval(tmp_path / "deep" / "er" / "b.eval"),
        write_text(tmp_path / "2025-06-01T10-00-00+00-00_task_id.json"),
        write_text(tmp_path / "renamed.json", json.dumps(HEADER, indent=2)),
    ]
    for name in (
        "eval-set.json",
        "logs.json",
        ".eval-set-id",
        ".hidden.eval",
        ".hidden/c.eval",
        "a.checkpoints/1/d.eval",
        "dataset.json",
        "empty.json",
        "notes.txt",
        "a.eval.bak",
    ):
        write_text(tmp_path / name, "" if name == "empty.json" else '{"some": "data"}')

    assert sorted(locations(tmp_path)) == sorted(str(path) for path in logs)


def test_files_are_found_with_size_and_time(tmp_path: Path) -> None:
    path = write_eval(tmp_path / "a.eval", seconds=1234)

    assert list(discover_logs([path])) == [LogFile(str(path), path.stat().st_size, 1_234_000)]


def test_order_is_that_of_names_and_no_file_comes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = write_eval(tmp_path / "b.eval")
    first = write_eval(tmp_path / "a.eval")
    monkeypatch.chdir(tmp_path)

    assert locations(tmp_path) == [str(first), str(second)]
    assert locations("b.eval", tmp_path, f"file://{first}", ".") == [str(second), str(first)]


def test_a_file_that_is_named_is_taken_whatever_its_name(tmp_path: Path) -> None:
    path = write_text(tmp_path / "anything.txt")

    assert locations(path) == [str(path)]


def test_missing_places_are_reported(tmp_path: Path) -> None:
    path = write_eval(tmp_path / "a.eval")
    missing = tmp_path / "missing"

    found = list(discover_logs([missing, path, "memory://nowhere", "nowhere://x?token=hidden"]))

    assert found[0] == UnreadableLog(str(missing), "no such file")
    assert isinstance(found[1], LogFile)
    assert found[2] == UnreadableLog("memory://nowhere", "no such file")
    assert isinstance(found[3], UnreadableLog)
    assert "hidden" not in found[3].reason


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    write_eval(target / "a.eval")
    directory = tmp_path / "logs"
    directory.mkdir()
    (directory / "link").symlink_to(target)
    (directory / "back").symlink_to(directory)

    assert locations(directory) == [str(directory / "link" / "a.eval")]


def test_a_dangling_link_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.eval").symlink_to(tmp_path / "gone.eval")

    assert list(discover_logs([tmp_path])) == [
        UnreadableLog(str(tmp_path / "a.eval"), "no such file")
    ]


def test_remote_directories_are_searched(tmp_path: Path) -> None:
    content = write_eval(tmp_path / "a.eval").read_bytes()
    root = "memory://discovery/logs"
    for name in ("a.eval", "deep/b.eval", ".hidden/c.eval", "logs.json", "data.json"):
        with fsspec.open(f"{root}/{name}", "wb") as stream:
            stream.write(content)
    with fsspec.open(f"{root}/renamed.json", "wb") as stream:
        stream.write(json.dumps(HEADER).encode())

    found = list(discover_logs([root]))

    assert [log.location.split("discovery/logs/")[1] for log in found] == [
        "a.eval",
        "deep/b.eval",
        "renamed.json",
    ]
    for log in found:
        assert isinstance(log, LogFile)
        assert log.modified_ms is not None
        with EvalLogReader.open(log.location) as reader:
            assert reader.header.eval.eval_id == "e1"
    [single] = discover_logs([f"{root}/a.eval"])
    assert single.location == f"{root}/a.eval"


@pytest.mark.parametrize(
    ("merged_seconds", "status", "hidden"),
    [(2000, "success", True), (1000, "success", False), (2000, "error", False)],
)
def test_shards_are_hidden_when_their_merged_log_covers_them(
    tmp_path: Path, merged_seconds: int, status: str, hidden: bool
) -> None:
    merged = write_eval(tmp_path / "x.eval", merged_seconds, status=status)
    shard = write_eval(tmp_path / "x.shards" / "1" / "part.eval", 1000)
    alone = write_eval(tmp_path / "y.shards" / "1" / "part.eval", 1000)

    expected = {merged, alone} if hidden else {merged, alone, shard}
    assert set(locations(tmp_path)) == {str(path) for path in expected}
    assert locations(tmp_path / "x.shards") == [str(shard)]


def candidate(
    name: str, status: str = "success", modified_ms: int | None = 1, eval_id: str = "e1"
) -> LogCandidate:
    return LogCandidate(LogFile(f"/logs/{name}", 10, modified_ms), eval_id, status)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (candidate("x.eval"), candidate("x-scored.eval", "started", 9)),
        (candidate("x-scored.eval"), candidate("x.eval", modified_ms=9)),
        (candidate("x-scored-1.eval", modified_ms=2), candidate("x-scored.eval")),
        (candidate("x-recovered.eval", "error"), candidate("x.eval", "started", 9)),
        (candidate("x.eval"), candidate("x-recovered.eval", "error", 9)),
        (candidate("x-recovered-scored.eval"), candidate("x.eval", "started", 9)),
        (candidate("x.json", modified_ms=2), candidate("x.eval", modified_ms=1)),
        (candidate("x.eval", modified_ms=1), candidate("x.json", modified_ms=None)),
    ],
    ids=lambda value: f"{value.file.location.rsplit('/')[-1]} {value.status}",
)
def test_the_better_copy_of_an_evaluation_is_chosen(
    better: LogCandidate, worse: LogCandidate
) -> None:
    for order in ([better, worse], [worse, better]):
        [newest] = newest_of_each(order)
        assert newest.chosen == better
        assert newest.superseded == (worse,)


def test_a_candidate_is_taken_from_an_open_log(tmp_path: Path) -> None:
    with EvalLogReader.open(write_eval(tmp_path / "x.eval", status="error")) as reader:
        assert LogCandidate.of(reader) == LogCandidate(reader.file, "e1", "error")


@given(
    st.lists(
        st.builds(
            candidate,
            st.sampled_from(["x.eval", "x-scored.eval", "x-recovered.eval", "y.json"]),
            st.sampled_from(["started", "success", "error", "cancelled"]),
            st.none() | st.integers(0, 3),
            st.sampled_from(["e1", "e2"]),
        )
    )
)
def test_every_copy_is_either_chosen_or_superseded(candidates: list[LogCandidate]) -> None:
    newest = newest_of_each(candidates)

    assert [one.chosen.eval_id for one in newest] == list(
        dict.fromkeys(one.eval_id for one in candidates)
    )
    kept = [one for log in newest for one in (log.chosen, *log.superseded)]
    assert sorted(map(repr, kept)) == sorted(map(repr, candidates))
    for log in newest:
        if log.chosen.status == "started":
            assert all(other.status == "started" for other in log.superseded)
