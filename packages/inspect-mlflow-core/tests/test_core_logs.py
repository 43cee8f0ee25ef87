from __future__ import annotations

import gc
import hashlib
import json
import math
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, Literal

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspect_ai import Epochs, Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Scorer, Target, accuracy, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver, use_tools
from inspect_ai.tool import Tool, tool

from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_core.logs import (
    EvalLogReader,
    is_being_written,
    resolve_references,
    sample_events,
    sample_messages,
)

LONG_TEXT = "a text of more than a hundred characters, which the log keeps once " * 5


@tool
def add() -> Tool:
    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: First.
            y: Second.
        """
        return LONG_TEXT + str(x + y)

    return execute


@scorer(metrics=[accuracy()])
def sometimes_unscored() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        value = float("nan") if state.sample_id == "b/2" else 1.0
        return Score(value=value, answer="é \ud83d")

    return score


@scorer(metrics={"quality": [mean()], "style": [mean()]})
def graded() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value={"quality": 0.5, "style": 1})

    return score


@solver
def fail_on(identifier: str) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.sample_id == identifier:
            raise RuntimeError("no luck")
        return state

    return solve


def model_outputs() -> list[ModelOutput]:
    call = ModelOutput.for_tool_call("mockllm/model", "add", {"x": 1, "y": 2})
    answer = ModelOutput.from_content("mockllm/model", LONG_TEXT)
    for output in (call, answer):
        output.usage = ModelUsage(input_tokens=3, output_tokens=2, total_tokens=5)
    return [call, answer] * 20


def run(log_dir: Path, log_format: Literal["eval", "json"]) -> EvalLog:
    task = Task(
        name="arithmetic",
        dataset=[
            Sample(id=1, input="What is 1 + 2?", target="3", metadata={"cluster": "one"}),
            Sample(id="b/2", input=LONG_TEXT, target=["3", "three"]),
            Sample(id="ü_epoch_7", input="fails", target="3"),
            Sample(id="10", input="text of digits", target="3"),
        ],
        solver=[fail_on("ü_epoch_7"), use_tools(add()), generate()],
        scorer=[sometimes_unscored(), graded()],
        epochs=Epochs(2, "mean"),
    )
    [log] = eval(
        task,
        model=get_model("mockllm/model", custom_outputs=model_outputs()),
        log_dir=str(log_dir),
        log_format=log_format,
        fail_on_error=False,
        display="none",
    )
    return log


@pytest.fixture(scope="module", params=["eval", "json"])
def log_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = run(tmp_path_factory.mktemp("logs"), request.param)
    return Path(log.location.removeprefix("file://"))


def read_with_inspect(path: Path, *, resolve_attachments: bool = False) -> EvalLog:
    with warnings.catch_warnings():
        # Some versions of Inspect leave the closing of the file to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        log = read_eval_log(str(path), resolve_attachments=resolve_attachments)
        gc.collect()
    return log


def without_nothing(value: Any) -> Any:
    """JSON with NaN made comparable, and without fields that hold None."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, dict):
        return {key: without_nothing(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nothing(item) for item in value]
    return value


def test_header_and_samples_are_those_that_inspect_reads(log_path: Path) -> None:
    expected = read_with_inspect(log_path)
    assert expected.samples is not None

    with EvalLogReader.open(log_path) as reader:
        header = reader.header
        samples = list(reader.samples())

        assert reader.location == str(log_path)
        assert reader.local_path == log_path
        assert reader.file.size_bytes == log_path.stat().st_size
        assert reader.finished
        assert not is_being_written(reader)
        assert reader.problems == []

    assert header.samples is None
    assert header.reductions is None
    assert header.status == "success"
    assert without_nothing(
        header.model_dump(exclude={"reductions", "samples", "location"})
    ) == without_nothing(expected.model_dump(exclude={"reductions", "samples", "location"}))
    assert [(sample["id"], sample["epoch"]) for sample in samples] == [
        (sample.id, sample.epoch) for sample in expected.samples
    ]
    for sample, full in zip(samples, expected.samples, strict=True):
        dumped = json.loads(full.model_dump_json())
        for field in ("input", "target", "metadata", "model_usage", "error", "limit", "uuid"):
            assert without_nothing(sample[field]) == without_nothing(dumped[field]), field
        assert without_nothing(sample["scores"]) == without_nothing(
            None if full.scores is None else {k: s.model_dump() for k, s in full.scores.items()}
        )
        for field in ("started_at", "completed_at", "total_time", "working_time"):
            assert sample[field] == getattr(full, field)


def test_messages_and_events_are_resolved_as_inspect_resolves_them(log_path: Path) -> None:
    expected = read_with_inspect(log_path, resolve_attachments=True)
    assert expected.samples is not None

    with EvalLogReader.open(log_path) as reader:
        for sample, full in zip(reader.samples(), expected.samples, strict=True):
            before = json.dumps(sample)
            messages = sample_messages(sample)
            events = sample_events(sample, resolve_inputs=True)
            assert json.dumps(sample) == before, "the sample must not be changed"

            assert [(m["role"], m["content"]) for m in messages] == [
                (m.role, m.content) for m in full.messages
            ]
            assert [event["event"] for event in events] == [event.event for event in full.events]
            for event, full_event in zip(events, full.events, strict=True):
                dumped = json.loads(full_event.model_dump_json(exclude_none=True))
                if event["event"] == "model":
                    assert without_nothing(event["input"]) == without_nothing(dumped["input"])
                    assert event["output"]["completion"] == dumped["output"]["completion"]
                if event["event"] == "tool":
                    assert event["result"] == dumped["result"]


def test_references_stay_unless_they_are_asked_for(log_path: Path) -> None:
    with EvalLogReader.open(log_path) as reader:
        sample = reader.sample(1, 1)

    condensed = sample_events(sample, resolve_attachments=False)
    model_events = [event for event in condensed if event["event"] == "model"]

    assert model_events[1]["input"] == []
    assert model_events[1]["input_refs"]
    assert "attachment://" in json.dumps(condensed)
    assert "attachment://" not in json.dumps(sample_events(sample, resolve_inputs=True))
    assert sample_messages(sample, resolve_attachments=False) == sample["messages"]


def test_unknown_references_are_left_as_they_are() -> None:
    value = {"a": ["attachment://known", "attachment://unknown", 1, None]}

    resolved = resolve_references(value, {"known": "text"})

    assert resolved == {"a": ["text", "attachment://unknown", 1, None]}
    assert value["a"][0] == "attachment://known"
    assert resolve_references(value["a"][1:], {"known": "text"}) == value["a"][1:]


def test_keys_have_the_type_of_the_dataset(log_path: Path) -> None:
    with EvalLogReader.open(log_path) as reader:
        keys = reader.sample_keys()

    assert sorted(keys, key=repr) == sorted(
        [(identifier, epoch) for identifier in (1, "b/2", "ü_epoch_7", "10") for epoch in (1, 2)],
        key=repr,
    )


def test_one_sample_is_found_by_id_and_epoch(log_path: Path) -> None:
    with EvalLogReader.open(log_path) as reader:
        assert reader.sample("b/2", 2)["epoch"] == 2
        assert reader.sample("1", 1)["id"] == 1
        assert reader.sample(10, 1)["id"] == "10"
        with pytest.raises(KeyError):
            reader.sample("b/2", 3)


def test_numbers_that_are_none_are_kept(log_path: Path) -> None:
    with EvalLogReader.open(log_path) as reader:
        score = reader.sample("b/2", 1)["scores"]["sometimes_unscored"]

    assert math.isnan(score["value"])


def test_digest_is_that_of_the_file(log_path: Path) -> None:
    with EvalLogReader.open(log_path) as reader:
        assert reader.digest == hashlib.sha256(log_path.read_bytes()).hexdigest()
        assert len(list(reader.samples())) == 8


def test_digest_is_that_of_the_content_that_is_read(log_path: Path, tmp_path: Path) -> None:
    path, other = tmp_path / log_path.name, tmp_path / "other"
    path.write_bytes(log_path.read_bytes())
    other.write_bytes(b"a later state")

    with EvalLogReader.open(path) as reader:
        other.replace(path)
        samples = reader.samples()
        assert next(samples)["epoch"] == 1
        assert reader.digest == hashlib.sha256(log_path.read_bytes()).hexdigest()
        assert len(list(samples)) == 7
        assert reader.problems == []


def test_file_uris_are_local_paths(log_path: Path) -> None:
    for uri in (f"file://{log_path}", log_path.as_uri()):
        with EvalLogReader.open(uri) as reader:
            assert reader.location == str(log_path)


def test_a_remote_log_is_copied_and_the_copy_removed(log_path: Path) -> None:
    uri = f"memory://remote/{log_path.name}"
    with fsspec.open(uri, "wb") as stream:
        stream.write(log_path.read_bytes())

    with EvalLogReader.open(uri) as reader:
        copy = reader.local_path
        assert reader.location == uri
        assert reader.header.location == uri
        assert reader.file.size_bytes == log_path.stat().st_size
        assert reader.file.modified_ms is not None
        assert copy.name == log_path.name
        assert reader.digest == hashlib.sha256(log_path.read_bytes()).hexdigest()
        assert len(list(reader.samples())) == 8

    assert not copy.parent.exists()


def test_a_remote_log_that_is_missing_or_no_log_is_reported() -> None:
    with fsspec.open("memory://remote/text.eval", "wb") as stream:
        stream.write(b"text")

    with pytest.raises(LogReadError, match="^no such file$"):
        EvalLogReader.open("memory://remote/missing.eval")
    with pytest.raises(LogReadError, match="not an eval log"):
        EvalLogReader.open("memory://remote/text.eval")
    with pytest.raises(LogReadError, match="nowhere"):
        EvalLogReader.open("nowhere://user:secret@host/a.eval?token=secret")


def test_reasons_do_not_repeat_credentials() -> None:
    with pytest.raises(LogReadError) as caught:
        EvalLogReader.open("nowhere://user:hidden@host/a.eval?token=hidden")

    assert "hidden" not in str(caught.value)


def test_reads_in_a_thread_without_event_loop(log_path: Path) -> None:
    counts: list[int] = []

    def read() -> None:
        with EvalLogReader.open(log_path) as reader:
            counts.append(len(list(reader.samples())))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()

    assert counts == [8]


def test_reads_at_interpreter_exit(log_path: Path) -> None:
    program = """
import atexit, sys
import inspect_ai.log  # as in any process that evaluates: it cannot be imported at exit any more
from inspect_mlflow_core.logs import EvalLogReader

@atexit.register
def read():
    with EvalLogReader.open(sys.argv[1]) as reader:
        print(reader.header.status, len(list(reader.samples())))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(log_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert done.stdout.split() == ["success", "8"]


def test_importing_the_package_is_light() -> None:
    program = """
import sys
import inspect_mlflow_core.logs
print({"inspect_ai", "mlflow", "pandas", "numpy", "pydantic", "fsspec"} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "set()"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    metadata=st.lists(st.dictionaries(st.text(), JSON_VALUES), max_size=4),
    indent=st.sampled_from([None, 2]),
    samples_last=st.booleans(),
    ascii_only=st.booleans(),
)
def test_json_documents_of_any_content_are_taken_apart(
    tmp_path_factory: pytest.TempPathFactory,
    metadata: list[dict[str, Any]],
    indent: int | None,
    samples_last: bool,
    ascii_only: bool,
) -> None:
    header: dict[str, Any] = {
        "status": "success",
        "eval": {
            "created": "2025-01-01T00:00:00+00:00",
            "task": "t",
            "dataset": {},
            "model": "mockllm/model",
            "config": {},
            "metadata": {"brackets": '{"[}]'},
        },
        "stats": {},
    }
    samples = {"samples": [{"id": i, "epoch": 1, "metadata": m} for i, m in enumerate(metadata)]}
    document = {**header, **samples} if samples_last else {**samples, **header}
    path = tmp_path_factory.mktemp("any") / "log.json"
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with EvalLogReader.open(path) as reader:
        assert reader.header.eval.metadata == header["eval"]["metadata"]
        assert [sample["metadata"] for sample in reader.samples()] == metadata
        assert reader.problems == []
