from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log
from inspect_ai.model import ChatMessageUser, ModelOutput

from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_core.logs import EvalLogReader, SampleVersion, written_samples


def write_log(path: Path, texts: dict[int | str, str]) -> Path:
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task="arithmetic",
        dataset=EvalDataset(samples=len(texts), sample_ids=list(texts)),
        model="mockllm/model",
        config=EvalConfig(),
    )
    samples = [
        EvalSample(
            id=sample_id,
            epoch=1,
            input=text,
            target="4",
            messages=[ChatMessageUser(id="first", content=text)],
            output=ModelOutput(model="mockllm/model", completion="4"),
        )
        for sample_id, text in texts.items()
    ]
    write_eval_log(EvalLog(eval=spec, samples=samples), str(path))
    return path


def test_they_are_what_the_reader_gives(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.eval", {1: "2 + 2", "1a": "1 + 3", "007": "0 + 4"})
    found = list(written_samples(log, frozenset()))
    with EvalLogReader.open(log) as reader:
        assert [sample.content for sample in found] == list(reader.samples())
        assert [sample.key for sample in found] == reader.sample_keys()
        assert [sample.version for sample in found] == [
            reader.sample_version(key) for key in reader.sample_keys()
        ]


def test_known_samples_are_left_out_unless_they_changed(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.eval", {1: "2 + 2", 2: "1 + 3"})
    known = frozenset(sample.version for sample in written_samples(log, frozenset()))
    assert not list(written_samples(log, known))
    changed = write_log(tmp_path / "other.eval", {1: "2 + 2", 2: "3 + 1"})
    assert [sample.key for sample in written_samples(changed, known)] == [(2, 1)]


def test_the_reader_yields_what_is_known_in_its_place(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.eval", {1: "2 + 2", 2: "1 + 3"})
    (first, _) = written_samples(log, frozenset())

    def known(version: SampleVersion) -> str | None:
        return "known" if version == first.version else None

    with EvalLogReader.open(log) as reader:
        instead, sample = reader.samples(known)
    assert instead == "known"
    assert isinstance(sample, dict)
    assert sample["id"] == 2


def test_a_damaged_sample_is_left_to_the_reader(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.eval", {1: "2 + 2", 2: "1 + 3"})
    damaged = tmp_path / "damaged.eval"
    with zipfile.ZipFile(log) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, b"{" if name == "samples/1_epoch_1.json" else content)
    assert [sample.key for sample in written_samples(damaged, frozenset())] == [(2, 1)]


def test_other_files_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "other.eval"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("something", b"else")
    with pytest.raises(LogReadError):
        list(written_samples(archive, frozenset()))
    (tmp_path / "text.eval").write_text("text")
    with pytest.raises(zipfile.BadZipFile):
        list(written_samples(tmp_path / "text.eval", frozenset()))
