"""The log file as an artifact: untouched without credentials, masked with them."""

from __future__ import annotations

import gc
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, task
from inspect_ai.dataset import Sample
from inspect_ai.log import (
    EvalLog,
    MetadataEdit,
    ProvenanceData,
    edit_eval_log,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelCall,
    ModelOutput,
    ModelUsage,
    get_model,
    modelapi,
)
from inspect_ai.scorer import includes
from inspect_ai.tool import ToolChoice, ToolInfo

from inspect_mlflow_core.exceptions import LogReadError
from inspect_mlflow_tracking.artifacts import header_document, prepare_log_artifact

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789"
LONG_KEY = "Bearer " + "eyJhbGciOiJIUzI1NiJ9" * 12
PASSWORD = "hunter2hunter2"
SECRETS = (KEY, LONG_KEY, PASSWORD)
PROMPT = "Which header carries a password, and what is api_key?"


@modelapi(name="repeats_headers")
class RepeatsHeaders(ModelAPI):
    """Puts its settings into the raw request, as Anthropic's and other providers do."""

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> tuple[ModelOutput, ModelCall]:
        output = ModelOutput.from_content(self.model_name, "Authorization: yes")
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        request = {
            "model": self.model_name,
            "messages": [{"role": "user", "content": PROMPT, "password": "part of the data"}],
            "extra_headers": config.extra_headers or {},
            "max_tokens": 10,
        }
        return output, ModelCall.create(request, {"id": "r1"})


@task
def arithmetic(service: str | None = None, credentials: dict[str, Any] | None = None) -> Task:
    return Task(
        dataset=[Sample(id=i, input=PROMPT, target="yes") for i in ("a/b", "ü", 3)],
        scorer=includes(),
        metadata={"odd": float("nan")},
    )


def _run(directory: Path, arguments: dict[str, Any], **options: Any) -> Path:
    model = get_model(
        "repeats_headers/m",
        config=options.pop("config", GenerateConfig()),
        base_url=options.pop("base_url", None),
        memoize=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Inspect's dependencies warn of is not ours
        (log,) = eval(
            arithmetic(**arguments), model=model, display="none", log_dir=str(directory), **options
        )
        gc.collect()
    assert log.status == "success"
    return Path(log.location.removeprefix("file://"))


def _clean(directory: Path, log_format: str) -> Path:
    return _run(directory, {"service": "https://service.example/v1"}, log_format=log_format)


def _in_task_arguments(directory: Path, log_format: str) -> Path:
    arguments = {"credentials": {"api_key": KEY, "password": PASSWORD, "user": "me"}}
    return _run(directory, arguments, log_format=log_format)


def _in_urls(directory: Path, log_format: str) -> Path:
    url = f"https://me:{PASSWORD}@service.example/v1"
    return _run(directory, {"service": url}, base_url=url, log_format=log_format)


def _in_metadata(directory: Path, log_format: str) -> Path:
    metadata = {"service": {"api_key": KEY}}
    return _run(directory, {}, metadata=metadata, log_format=log_format)


def _in_headers(directory: Path, log_format: str) -> Path:
    headers = {"Authorization": LONG_KEY, "x-api-key": KEY, "x-team": "evals"}
    return _run(directory, {}, config=GenerateConfig(extra_headers=headers), log_format=log_format)


WITH_SECRETS = [_in_task_arguments, _in_urls, _in_metadata, _in_headers]
Make = Callable[[Path, str], Path]


def _text(path: Path) -> str:
    """Everything that a log holds, uncompressed."""
    if path.suffix == ".json":
        return path.read_text("utf-8")
    with zipfile.ZipFile(path) as archive:
        return "\n".join(archive.read(name).decode(errors="replace") for name in archive.namelist())


@pytest.mark.parametrize("log_format", ["eval", "json"])
def test_log_without_credentials_is_uploaded_itself(tmp_path: Path, log_format: str) -> None:
    path = _clean(tmp_path, log_format)
    before = path.read_bytes()
    assert prepare_log_artifact(path, tmp_path / "copy") == path
    assert path.read_bytes() == before
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("log_format", ["eval", "json"])
@pytest.mark.parametrize("make", WITH_SECRETS)
def test_credentials_are_masked_and_the_rest_stays(
    tmp_path: Path, make: Make, log_format: str
) -> None:
    path = make(tmp_path / "logs", log_format)
    before = path.read_bytes()
    assert any(secret in _text(path) for secret in SECRETS)
    copy = prepare_log_artifact(path, tmp_path / "copy")
    assert copy == tmp_path / "copy" / path.name
    assert path.read_bytes() == before
    assert not any(secret in _text(copy) for secret in SECRETS)
    original, redacted = _read(path), _read(copy)
    assert original.samples is not None
    assert redacted.samples is not None
    assert [s.id for s in redacted.samples] == [s.id for s in original.samples]
    for before_sample, after in zip(original.samples, redacted.samples, strict=True):
        assert after.messages == before_sample.messages
        assert after.scores == before_sample.scores
        assert _events(after) == _events(before_sample)
    assert redacted.results == original.results
    assert redacted.stats == original.stats
    assert redacted.eval.eval_id == original.eval.eval_id


def _read(path: Path) -> EvalLog:
    return read_eval_log(str(path), resolve_attachments="full")


def _events(sample: Any) -> list[Any]:
    """The events without the settings of model calls, which may be masked."""
    events = [event.model_dump() for event in sample.events]
    for event in events:
        if event["event"] == "model":
            event["config"].pop("extra_headers")
            event["call"]["request"].pop("extra_headers")
    return events


def test_only_the_credentials_are_masked(tmp_path: Path) -> None:
    path = _in_headers(tmp_path / "logs", "eval")
    redacted = _read(prepare_log_artifact(path, tmp_path))
    headers = redacted.eval.model_generate_config.extra_headers
    assert headers is not None
    assert headers["x-team"] == "evals"
    assert headers["Authorization"] not in SECRETS
    assert redacted.samples is not None
    call = next(e for e in redacted.samples[0].events if e.event == "model").call
    request: Any = call.request if call else None
    assert request["extra_headers"] == headers
    assert request["max_tokens"] == 10
    assert request["messages"][0]["password"] == "part of the data"


def test_masked_log_needs_no_masking(tmp_path: Path) -> None:
    path = _in_headers(tmp_path / "logs", "eval")
    copy = prepare_log_artifact(path, tmp_path / "once")
    assert prepare_log_artifact(copy, tmp_path / "twice") == copy


def test_copy_has_the_members_of_the_log(tmp_path: Path) -> None:
    path = _in_task_arguments(tmp_path / "logs", "eval")
    copy = prepare_log_artifact(path, tmp_path)
    with zipfile.ZipFile(path) as original, zipfile.ZipFile(copy) as redacted:
        names = original.namelist()
        assert redacted.namelist() == names
        for name in names:
            if name.startswith(("samples/", "_journal/summaries", "summaries", "reductions")):
                assert redacted.read(name) == original.read(name)
            assert redacted.getinfo(name).compress_type == original.getinfo(name).compress_type


def test_of_members_with_the_same_name_the_last_counts(tmp_path: Path) -> None:
    path = _in_task_arguments(tmp_path / "logs", "eval")
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")  # zipfile warns of names that repeat
        header = json.loads(archive.read("header.json"))
        header["eval"]["tags"] = ["the last"]
        archive.writestr("header.json", json.dumps(header))
    copy = prepare_log_artifact(path, tmp_path)
    assert _read(copy).eval.tags == ["the last"]
    assert KEY not in _text(copy)


def test_log_that_is_being_written_is_masked_too(tmp_path: Path) -> None:
    path = _in_task_arguments(tmp_path / "logs", "eval")
    started = tmp_path / "started.eval"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(started, "w") as target:
        for name in archive.namelist():
            if not name.endswith(("header.json", "summaries.json", "reductions.json")):
                target.writestr(name, archive.read(name))
    copy = prepare_log_artifact(started, tmp_path / "copy")
    assert KEY not in _text(copy)
    assert read_eval_log(str(copy), header_only=True).status == "started"


@pytest.mark.parametrize("make", WITH_SECRETS)
def test_header_artifact_is_masked(tmp_path: Path, make: Make) -> None:
    header = read_eval_log(str(make(tmp_path, "eval")), header_only=True)
    text = json.dumps(header_document(header), allow_nan=False)
    assert not any(secret in text for secret in SECRETS)
    assert header_document(json.loads(text)) == json.loads(text)


def test_edited_metadata_is_masked(tmp_path: Path) -> None:
    path = _clean(tmp_path, "eval")
    edit = MetadataEdit(metadata_set={"api_key": KEY})
    log = edit_eval_log(_read(path), [edit], ProvenanceData(author="me"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_eval_log(log, str(path))
    assert KEY in _text(path)
    assert KEY not in _text(prepare_log_artifact(path, tmp_path / "copy"))


@pytest.mark.parametrize(
    "setting",
    [
        *("api_key", "apiKey", "OPENAI_API_KEY", "access_key", "client_secret", "clientSecret"),
        *("hf_token", "accessToken", "password", "Authorization", "Cookie", "credentials"),
    ],
)
def test_settings_of_raw_requests_are_masked(tmp_path: Path, setting: str) -> None:
    request = {"messages": [{"content": "tell me"}], "nested": [{setting: "a1b2c3d4"}], "n": 1}
    event = {"event": "model", "model": "m", "call": {"request": request}}
    retried = {"error_retries": [{"message": "", "events": [event]}]}
    sample = {"id": 1, "epoch": 1, "events": [event], **retried}
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"version": 2, "eval": {"task": "t"}, "samples": [sample] * 2}))
    copy = prepare_log_artifact(path, tmp_path / "copy")
    assert "a1b2c3d4" not in copy.read_text()
    first, second = json.loads(copy.read_text())["samples"]
    assert first == second
    assert first["events"][0]["call"]["request"]["messages"] == request["messages"]
    assert first["events"] == first["error_retries"][0]["events"]


@pytest.mark.parametrize("name", ["log.eval", "log.json"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"{", b"[]"])
def test_damaged_logs_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LogReadError, match=name):
        prepare_log_artifact(path, tmp_path / "copy")
    with pytest.raises(LogReadError):
        prepare_log_artifact(tmp_path / f"absent-{name}", tmp_path / "copy")


def _damaged(path: Path, damaged: Path, damage: Callable[[bytes], bytes]) -> Path:
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, damage(content) if name.startswith("samples/") else content)
    return damaged


def test_the_text_of_a_damaged_sample_is_masked(tmp_path: Path) -> None:
    path = _in_headers(tmp_path / "logs", "eval")
    damaged = _damaged(path, tmp_path / "damaged.eval", lambda content: content[:-9] + b"\xff")
    assert KEY in _text(damaged)
    copy = prepare_log_artifact(damaged, tmp_path / "copy")
    assert not any(secret in _text(copy) for secret in SECRETS)
    with zipfile.ZipFile(copy) as redacted:
        (name, *_) = (name for name in redacted.namelist() if name.startswith("samples/"))
        content = redacted.read(name)
    assert PROMPT.encode() in content and content.endswith(b"\xff")


def test_a_damaged_sample_without_credentials_stays(tmp_path: Path) -> None:
    path = _clean(tmp_path / "logs", "eval")
    damaged = _damaged(path, tmp_path / "damaged.eval", lambda content: content[:20])
    assert prepare_log_artifact(damaged, tmp_path / "copy") == damaged
