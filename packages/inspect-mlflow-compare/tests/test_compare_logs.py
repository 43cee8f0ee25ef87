from __future__ import annotations

import json
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.event import InfoEvent
from inspect_ai.log import EvalLog, ProvenanceData, read_eval_log, write_eval_log

from inspect_mlflow_compare import CompareError, LogUnreadableError, compare_evals
from inspect_mlflow_compare.logs import SCHEMES, read_evaluation
from inspect_mlflow_compare.logs._failures import one_line

Make = Callable[..., Any]
Write = Callable[..., Path]

RIGHT = {1: "C", 2: "C", 3: "I"}


def rewrite(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Rewrites the members of an archive; None drops one."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if (changed := change(name, data)) is not None:
                archive.writestr(name, changed)


@pytest.mark.parametrize("name", ["log.eval", "log.json"])
@pytest.mark.parametrize(
    "given",
    [str, Path, lambda path: path.as_uri(), lambda path: read_eval_log(str(path))],
    ids=["text", "path", "URL", "log"],
)
def test_a_log_is_read_however_it_is_given(
    make_log: Make, written: Write, name: str, given: Callable[[Path], Any]
) -> None:
    path = written(make_log(RIGHT), name)
    evaluation = read_evaluation(given(path))
    assert [record.id for record in evaluation.samples] == [1, 2, 3]
    assert evaluation.location.endswith(name)
    assert evaluation.warnings == ()


def test_a_header_leads_to_the_samples_of_its_file(make_log: Make, written: Write) -> None:
    header = read_eval_log(str(written(make_log(RIGHT))), header_only=True)
    assert len(read_evaluation(header).samples) == 3


def test_a_header_whose_file_is_gone_has_no_samples(make_log: Make, written: Write) -> None:
    path = written(make_log(RIGHT, metrics={"accuracy": 0.5}))
    header = read_eval_log(str(path), header_only=True)
    path.unlink()
    evaluation = read_evaluation(header)
    assert evaluation.samples == ()
    assert "no samples in this log" in evaluation.warnings[0]


def test_a_log_in_memory_needs_no_file(make_log: Make) -> None:
    evaluation = read_evaluation(make_log(RIGHT))
    assert evaluation.location == ""
    assert len(evaluation.samples) == 3


def test_logs_of_eval_are_read_without_loading_their_samples(
    evaluated: tuple[EvalLog, EvalLog],
) -> None:
    log = evaluated[0]
    assert len(read_evaluation(log).samples) == 12
    assert log.samples is not None
    assert list.__len__(log.samples) == 0


def test_whole_samples_are_not_touched_without_need(make_log: Make, written: Write) -> None:
    paths = [written(make_log(RIGHT)) for _ in range(2)]
    for path in paths:
        rewrite(path, lambda name, data: b"damaged" if name.startswith("samples/") else data)
    result = compare_evals(*paths)
    assert result.metrics[0].ids == 3
    with pytest.raises(LogUnreadableError, match="sample 1, epoch 1"):
        compare_evals(*paths, sample_filter=lambda sample: True)


@pytest.mark.parametrize("name", ["log.eval", "log.json"])
def test_a_filter_sees_whole_samples(make_sample: Make, make_log: Make, written: Write, name: str):
    samples = [
        make_sample(number, metadata={"long": "x" * 3000, "number": number}, store={"n": number})
        for number in range(40)
    ]
    path = written(make_log(samples), name)
    evaluation = read_evaluation(
        path,
        sample_filter=lambda sample: (
            len(sample.metadata["long"]) == 3000 and sample.store["n"] % 2 == 0
        ),
    )
    assert [record.id for record in evaluation.samples] == list(range(0, 40, 2))


def test_an_event_of_a_later_version_does_not_stop_a_filter(
    make_sample: Make, make_log: Make, written: Write
) -> None:
    samples = [make_sample(1, events=[InfoEvent(data="x")]), make_sample(2)]
    path = written(make_log(samples))
    rewrite(path, lambda _, data: data.replace(b'"event":"info"', b'"event":"from the future"'))
    rewrite(path, lambda _, data: data.replace(b'"event": "info"', b'"event": "from the future"'))
    evaluation = read_evaluation(path, sample_filter=lambda sample: sample.id == 1)
    assert [record.id for record in evaluation.samples] == [1]


@pytest.mark.parametrize("name", ["log.eval", "log.json", None])
def test_invalidated_samples_take_no_part(
    make_sample: Make, make_log: Make, written: Write, name: str | None
) -> None:
    samples = [make_sample(1), make_sample(2), make_sample(3)]
    samples[1].invalidation = ProvenanceData(author="somebody", reason="wrong target")
    log = make_log(samples)
    log.invalidated = True
    evaluation = read_evaluation(log if name is None else written(log, name))
    assert [record.id for record in evaluation.samples] == [1, 3]
    assert evaluation.invalidated == 1
    result = compare_evals(log, make_log({1: "C", 2: "I", 3: "C"}))
    assert result.baseline is not None and result.baseline.invalidated == 1
    assert any("marked invalid" in warning for warning in result.warnings)


def test_samples_of_unknown_validity_are_kept_with_a_warning(
    make_sample: Make, make_log: Make, written: Write
) -> None:
    log = make_log([make_sample(1), make_sample(2)])
    log.invalidated = True
    path = written(log)
    rewrite(path, lambda name, data: b"{}" if name == "samples/2_epoch_1.json" else data)
    evaluation = read_evaluation(path)
    assert len(evaluation.samples) == 2
    assert "1 samples could not be read as a whole" in evaluation.warnings[0]


@pytest.mark.parametrize("name", ["log.eval", "log.json"])
def test_null_for_unscored_is_read_from_any_file_system(
    make_log: Make, written: Write, name: str
) -> None:
    import fsspec

    path = written(make_log({1: "C", 2: 7.25}), name)
    if name.endswith("json"):
        path.write_bytes(path.read_bytes().replace(b"7.25", b"null"))
    else:
        rewrite(path, lambda _, data: data.replace(b"7.25", b"null"))
    with fsspec.open(f"memory://null/{name}", "wb") as stream:
        stream.write(path.read_bytes())
    assert len(read_evaluation(f"memory://null/{name}").samples) == 2


@pytest.mark.parametrize("name", ["log.eval", "log.json"])
def test_a_log_with_null_for_unscored_is_read(make_log: Make, written: Write, name: str) -> None:
    path = written(make_log({1: "C", 2: 7.25, 3: "I"}), name)
    if name.endswith("json"):
        path.write_bytes(path.read_bytes().replace(b"7.25", b"null"))
    else:
        rewrite(path, lambda _, data: data.replace(b"7.25", b"null"))
    evaluation = read_evaluation(path)
    values = [list(record.values.values()) for record in evaluation.samples]
    assert values == [["C"], [None], ["I"]]


def test_a_running_log_with_null_scores_is_read(make_log: Make, written: Write) -> None:
    path = written(make_log(RIGHT))
    start = json.loads(make_log(RIGHT).model_dump_json(include={"version", "eval"}))
    row = {"id": 9, "epoch": 1, "input": "", "target": ""}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", json.dumps({**start, "plan": {}}))
        # The tenth flush comes after the second, not before.
        for number in range(1, 11):
            scores = {"match": {"value": None if number == 1 else number}}
            text = json.dumps([{**row, "scores": scores}])
            archive.writestr(f"_journal/summaries/{number}.json", text)
    evaluation = read_evaluation(path)
    assert evaluation.header.status == "started"
    assert [list(record.values.values()) for record in evaluation.samples] == [[10]]


def test_a_running_log_is_read_as_far_as_it_goes(make_log: Make, written: Write) -> None:
    path = written(make_log(RIGHT))
    header = json.loads(make_log(RIGHT).model_dump_json(include={"version", "eval"}))
    with zipfile.ZipFile(path) as archive:
        rows = json.loads(archive.read("summaries.json"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", json.dumps({**header, "plan": {}}))
        archive.writestr("_journal/summaries/1.json", json.dumps(rows[:2]))
    result = compare_evals(path, make_log(RIGHT))
    assert result.baseline is not None and result.baseline.status == "started"
    assert result.metrics[0].ids == 2
    assert any("did not finish (status started)" in warning for warning in result.warnings)


def test_a_log_without_samples_gives_its_reduced_scores(
    make_log: Make, evaluated: tuple[EvalLog, EvalLog], tmp_path: Path
) -> None:
    header = read_eval_log(evaluated[0].location, header_only=True)
    path = tmp_path / "reduced.eval"
    write_eval_log(header, path)
    evaluation = read_evaluation(path)
    assert [record.id for record in evaluation.samples] == [1, 2, 3, 4, 5, 6]
    assert "reduced by mean" in evaluation.warnings[0]
    result = compare_evals(path, evaluated[1])
    match = next(metric for metric in result.metrics if metric.scorer == "match")
    assert (match.baseline_value, match.candidate_value) == (pytest.approx(4 / 6), 2 / 6)
    with pytest.raises(CompareError, match="no samples to filter"):
        compare_evals(path, evaluated[1], sample_filter=lambda _: True)


def test_logs_with_headers_only_show_what_they_state(make_log: Make) -> None:
    logs = [make_log([], metrics={"accuracy": value}) for value in (0.5, 0.75)]
    metric = compare_evals(*logs).metrics[0]
    assert (metric.baseline_logged, metric.candidate_logged) == (0.5, 0.75)
    assert metric.verdict == "not_testable"
    assert metric.ids == 0


UNREADABLE = {
    "missing.eval": (None, "there is no such file"),
    "missing.json": (None, "there is no such file"),
    "cut.eval": (b"PK\x03\x04 and no more", "damaged, or still being written"),
    "empty.eval": (b"", "damaged, or still being written"),
    "empty.json": (b"", "the text ends in the middle"),
    "cut.json": (b'{"version": 2, "eval"', "the text ends in the middle"),
    "other.json": (b'{"version": 2}', "not an eval log that this Inspect can read: eval"),
    "words.txt": (b"words", "its name ends neither in .eval nor in .json"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_says_so_in_one_line(make_log: Make, tmp_path: Path, name: str) -> None:
    content, reason = UNREADABLE[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LogUnreadableError, match=reason) as caught:
        compare_evals(make_log(RIGHT), tmp_path / name)
    assert caught.value.location == str(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / name))


ERRORS = [
    (PermissionError(13, "Permission denied"), "reading it is not permitted"),
    (IsADirectoryError(21, "Is a directory"), "this is a directory; name one log in it"),
    (zipfile.BadZipFile("Bad magic number"), "not a complete archive"),
    (RuntimeError(), "RuntimeError"),
    (OSError("first\n second " + "x" * 900), "OSError: first second xxx"),
    (OSError("https://user:secret@host/x is gone"), "OSError: https://host/x is gone"),
]


@pytest.mark.parametrize(
    ("error", "text"), ERRORS, ids=lambda value: type(value).__name__ + str(value)[:9]
)
def test_reasons_are_one_short_line(error: Exception, text: str) -> None:
    reason = one_line(error)
    assert text in reason
    assert "\n" not in reason and len(reason) < 400


def test_an_unreadable_log_keeps_its_location_across_processes() -> None:
    error = pickle.loads(pickle.dumps(LogUnreadableError("x.eval", "gone")))
    assert (error.location, error.reason, str(error)) == ("x.eval", "gone", "x.eval: gone")


def test_a_directory_is_no_log(make_log: Make, tmp_path: Path) -> None:
    with pytest.raises(LogUnreadableError, match="directory"):
        compare_evals(tmp_path, make_log(RIGHT))


def test_a_truncated_log_is_damaged(make_log: Make, written: Write) -> None:
    path = written(make_log(RIGHT))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(LogUnreadableError, match="damaged, or still being written"):
        compare_evals(path, path)


def test_an_archive_of_something_else_is_no_log(make_log: Make, tmp_path: Path) -> None:
    path = tmp_path / "archive.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("words.txt", "words")
    with pytest.raises(LogUnreadableError, match="not of an evaluation"):
        compare_evals(path, make_log(RIGHT))


def test_an_unknown_protocol_is_named_without_credentials(make_log: Make) -> None:
    with pytest.raises(LogUnreadableError) as caught:
        compare_evals("nowhere://user:secret@host/log.eval?sig=secret", make_log(RIGHT))
    assert str(caught.value).startswith("nowhere://host/log.eval: ")
    assert "secret" not in str(caught.value)


def test_what_is_no_log_is_a_type_error(make_log: Make) -> None:
    with pytest.raises(TypeError, match="not int"):
        compare_evals(7, make_log(RIGHT))


def test_a_log_on_another_file_system(make_log: Make, written: Write) -> None:
    import fsspec

    path = written(make_log(RIGHT))
    with fsspec.open("memory://compare/log.eval", "wb") as stream:
        stream.write(path.read_bytes())
    evaluation = read_evaluation("memory://compare/log.eval")
    assert len(evaluation.samples) == 3
    assert evaluation.location == "memory://compare/log.eval"


def test_json_is_read_anew_after_it_changed(make_log: Make, written: Write) -> None:
    path = written(make_log(RIGHT), "log.json")
    assert len(read_evaluation(path).samples) == 3
    written(make_log({1: "C"}), "log.json")
    assert len(read_evaluation(path).samples) == 1


@pytest.fixture
def scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_log: Make, written: Write) -> Path:
    """An installed distribution that serves `shelf://`."""
    path = written(make_log(RIGHT), "shelved.eval")
    monkeypatch.setenv("SHELF", str(path.parent))
    (tmp_path / "shelf_scheme.py").write_text(
        "import os\n"
        "from inspect_ai.log import read_eval_log\n"
        "def fetch(url):\n"
        "    path = os.path.join(os.environ['SHELF'], url.removeprefix('shelf://').split('@')[-1])\n"
        "    if 'memory' in url:\n"
        "        return read_eval_log(path.replace('memory', 'shelved'))\n"
        "    if 'locked' in url:\n"
        "        raise RuntimeError('the shelf is locked')\n"
        "    return path\n"
    )
    information = tmp_path / "shelf_scheme-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: shelf-scheme\nVersion: 1.0\n"
    )
    (information / "entry_points.txt").write_text(f"[{SCHEMES}]\nshelf = shelf_scheme:fetch\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield path
    sys.modules.pop("shelf_scheme", None)


@pytest.mark.parametrize("name", ["shelved.eval", "memory.eval"])
def test_other_packages_can_serve_a_scheme(scheme: Path, name: str) -> None:
    evaluation = read_evaluation(f"shelf://me:secret@{name}")
    assert len(evaluation.samples) == 3
    assert evaluation.location == f"shelf://{name}"


def test_a_scheme_that_fails_says_why(scheme: Path) -> None:
    with pytest.raises(LogUnreadableError, match="shelf://locked.eval: .*the shelf is locked"):
        read_evaluation("shelf://locked.eval")


def test_clusters_come_from_metadata(make_sample: Make, make_log: Make, written: Write) -> None:
    long = ["word " * 300 + letter for letter in "ab"]
    samples = [
        make_sample(1, metadata={"topic": "a", "deep": {"er": 1}, "long": long[0]}),
        make_sample(2, metadata={"topic": 2, "deep": {"er": 2}, "long": long[1]}),
        make_sample(3, metadata={"list": ["x", "y"]}),
    ]
    path = written(make_log(samples))

    def clusters(key: str) -> list[str | None]:
        return [record.cluster for record in read_evaluation(path, cluster=key).samples]

    assert clusters("topic") == ["a", "2", None]
    assert clusters("deep.er") == ["1", "2", None]
    assert clusters("list") == [None, None, '["x", "y"]']
    # Summaries hold the first kilobyte only, in which these two do not differ.
    assert clusters("long") == [*long, None]


def test_old_logs_lack_fields(make_log: Make, written: Write) -> None:
    path = written(make_log(RIGHT))

    def old(name: str, data: bytes) -> bytes:
        if name != "summaries.json":
            return data
        wanted = ("id", "epoch", "input", "target", "scores")
        return json.dumps([{key: row[key] for key in wanted} for row in json.loads(data)]).encode()

    rewrite(path, old)
    result = compare_evals(path, make_log(RIGHT))
    assert result.metrics[0].ids == 3
    assert result.resources == []
