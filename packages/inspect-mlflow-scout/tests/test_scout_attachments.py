"""Images and sounds that MLflow keeps beside a trace come back into its messages."""

from __future__ import annotations

import asyncio
import logging
import uuid
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_core import reporting
from inspect_mlflow_core.connection import (
    AttachmentRecord,
    SpanRecord,
    TraceAttachments,
    TraceRecord,
    ensure_experiment,
    open_trace_store,
    open_tracking_store,
)
from inspect_mlflow_core.exceptions import RetryableError
from inspect_mlflow_core.kept_sample import KEPT_SAMPLE_PREFIX
from inspect_mlflow_scout import ImportReport, import_mlflow_traces
from inspect_mlflow_scout.reading import AttachmentReader, SourceSpan, SourceSpanEvent, SourceTrace

if TYPE_CHECKING:
    from inspect_ai.model import Content
    from inspect_scout import Transcript

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00,"
BASE64 = b64encode(GIF).decode()
DATA_URI = f"data:image/gif;base64,{BASE64}"
START_MS = 1_790_000_000_000


@pytest.fixture(params=["sqlite", "server"])
def uri(request: pytest.FixtureRequest) -> str:
    """Of a store: a database with files beside it, or a server that keeps the files."""
    name = "store_uri" if request.param == "sqlite" else "server_uri"
    found: str = request.getfixturevalue(name)
    return found


@pytest.fixture(autouse=True)
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What the user is told, from the start."""
    reporting.reset()
    reporting.logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING, logger=reporting.logger.name):
        yield caplog
    reporting.logger.removeHandler(caplog.handler)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the attachments that were asked for."""
    asked: list[str] = []
    read = TraceAttachments.read

    def counted(self: TraceAttachments, place: str, attachment_id: str, *, max_bytes: int) -> bytes:
        asked.append(attachment_id)
        return read(self, place, attachment_id, max_bytes=max_bytes)

    monkeypatch.setattr(TraceAttachments, "read", counted)
    return asked


def attachment(content: bytes = GIF, content_type: str = "image/gif") -> AttachmentRecord:
    """A new attachment."""
    return AttachmentRecord(str(uuid.uuid4()), content_type, content)


def asked_about(*urls: str) -> dict[str, Any]:
    """A request in OpenAI's form, one message for each image."""
    messages = [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
        for url in urls
    ]
    return {"model": "gpt-4o", "messages": messages}


def stored(uri: str, inputs: Any, *kept: AttachmentRecord, trace_id: str) -> str:
    """Store a trace of one call of a model with its attachments; returns its experiment."""
    store, experiment = open_trace_store(uri), f"images {uuid.uuid4()}"
    span = SpanRecord(
        trace_id=trace_id,
        span_id="1" * 16,
        parent_id=None,
        name="ask",
        span_type="CHAT_MODEL",
        start_time_ns=START_MS * 1_000_000,
        end_time_ns=(START_MS + 500) * 1_000_000,
        attributes={
            "mlflow.spanInputs": inputs,
            "mlflow.spanOutputs": {
                "choices": [{"message": {"role": "assistant", "content": "Red."}}]
            },
            "mlflow.spanType": "CHAT_MODEL",
        },
    )
    trace = TraceRecord(
        trace_id=trace_id,
        experiment_id=ensure_experiment(open_tracking_store(uri), experiment),
        state="OK",
        request_time_ms=START_MS,
        execution_duration_ms=500,
        request_preview="",
        response_preview="",
        spans=(span,),
    )
    location = store.start_trace(trace)
    store.log_spans(trace)
    for each in kept:
        store.upload_trace_attachment(location, each)
    return experiment


def imported(
    uri: str, experiment: str, report: ImportReport | None = None
) -> tuple[Transcript, list[str]]:
    """Import the only trace; with the transcript come its images."""

    async def collect() -> list[Transcript]:
        found = import_mlflow_traces(experiment, uri, report=report)
        return [transcript async for transcript in found]

    with asyncio.Runner() as runner:
        (transcript,) = runner.run(collect())
    parts = [part for each in transcript.messages for part in parts_of(each.content)]
    return transcript, [part.image for part in parts if part.type == "image"]


def parts_of(content: str | list[Content]) -> list[Content]:
    """The parts of a message that is more than a text."""
    assert isinstance(content, list) or "mlflow-attachment" not in content
    return content if isinstance(content, list) else []


class Shelf:
    """A trace whose attachments lie in a directory, for what needs no store.

    Args:
        directory: Where.
    """

    trace_id = f"tr-{'a' * 32}"

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "attachments"
        self._folder.mkdir()
        self._location = directory.as_uri()

    def put(
        self, content: bytes = GIF, content_type: str = "image/gif", identifier: str = ""
    ) -> str:
        """Put something there; returns the reference to it."""
        record = AttachmentRecord(identifier or str(uuid.uuid4()), content_type, content)
        (self._folder / record.attachment_id).write_bytes(content)
        return record.reference(self.trace_id)

    def trace(self, inputs: Any = None, **fields: Any) -> SourceTrace:
        """The trace, of one span."""
        span = SourceSpan("1", None, "ask", "CHAT_MODEL", 1, 2, inputs=inputs, **fields)
        tags = {"mlflow.artifactLocation": self._location}
        return SourceTrace(self.trace_id, "1", "one", "OK", tags=tags, spans=(span,))

    def filled(self, inputs: Any, **options: Any) -> tuple[Any, int]:
        """What becomes of the inputs of a span, and how much was lost."""
        trace = reader(**options).filled(self.trace(inputs))
        return trace.spans[0].inputs, trace.lost_attachments


def reader(**options: Any) -> AttachmentReader:
    """A reader of a store in which nothing is looked up."""
    return AttachmentReader("sqlite:///nowhere.db", **options)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_an_image_comes_back(uri: str) -> None:
    image, trace_id = attachment(), uuid.uuid4().hex
    url = image.reference(f"tr-{trace_id}")
    report = ImportReport()
    experiment = stored(uri, asked_about(url), image, trace_id=trace_id)
    transcript, images = imported(uri, experiment, report)
    assert images == [DATA_URI]
    assert "lost_attachments" not in transcript.metadata
    assert report.to_dict()["lost_attachments"] == 0
    assert report.summary() == "1 transcript from 1 trace"


def test_the_same_image_in_ten_messages_is_fetched_once(uri: str, reads: list[str]) -> None:
    image, trace_id = attachment(), uuid.uuid4().hex
    urls = [image.reference(f"tr-{trace_id}")] * 10
    experiment = stored(uri, asked_about(*urls), image, trace_id=trace_id)
    assert imported(uri, experiment)[1] == [DATA_URI] * 10
    assert reads == [image.attachment_id]


def test_one_that_is_not_there_leaves_the_reference(
    uri: str, warnings: pytest.LogCaptureFixture
) -> None:
    image, missing, trace_id = attachment(), attachment(), uuid.uuid4().hex
    urls = [each.reference(f"tr-{trace_id}") for each in (missing, image, missing)]
    experiment = stored(uri, asked_about(*urls), image, trace_id=trace_id)
    report = ImportReport()
    transcript, images = imported(uri, experiment, report)
    assert images == [urls[0], DATA_URI, urls[2]]
    assert transcript.metadata["lost_attachments"] == 1
    assert report.to_dict()["lost_attachments"] == 1
    assert report.summary() == "1 transcript from 1 trace, 1 attachment missing"
    (warning,) = [record.getMessage() for record in warnings.records]
    assert f"attachment {missing.attachment_id} of trace tr-{trace_id} is left out: " in warning


def test_attachments_of_other_traces_are_not_fetched(uri: str, reads: list[str]) -> None:
    image, trace_id, other = attachment(), uuid.uuid4().hex, uuid.uuid4().hex
    stored(uri, asked_about(), image, trace_id=other)
    url = image.reference(f"tr-{other}")
    transcript, images = imported(uri, stored(uri, asked_about(url), image, trace_id=trace_id))
    assert (images, reads) == ([url], [])
    assert transcript.metadata["lost_attachments"] == 1


@pytest.mark.parametrize(
    "dialect",
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": None}},
        {"image": {"format": "gif", "source": {"bytes": None}}},
        {"type": "input_audio", "input_audio": {"format": "wav", "data": None}},
    ],
    ids=["anthropic", "bedrock", "openai audio"],
)
def test_a_lost_one_is_a_place_and_no_base64(store_uri: str, dialect: dict[str, Any]) -> None:
    trace_id = uuid.uuid4().hex
    url = attachment(content_type="audio/wav").reference(f"tr-{trace_id}")
    inputs = {"messages": [{"role": "user", "content": [with_reference(dialect, url)]}]}
    transcript, _ = imported(store_uri, stored(store_uri, inputs, trace_id=trace_id))
    (part,) = parts_of(transcript.messages[0].content)
    assert url in part.model_dump().values()


def with_reference(value: Any, text: str) -> Any:
    """A value with a text in place of None."""
    if isinstance(value, dict):
        return {key: with_reference(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [with_reference(each, text) for each in value]
    return text if value is None else value


# What MLflow takes bare base64 out of, and what else holds it beside its type.
BARE = {
    "anthropic": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/gif", "data": None},
    },
    "openai audio": {"type": "input_audio", "input_audio": {"data": None, "format": "wav"}},
    "openai audio without format": {"type": "input_audio", "input_audio": {"data": None}},
    "openai spoken": {"audio": {"id": "a", "data": None, "transcript": "Hi."}},
    "openai images": {"data": [{"b64_json": None, "revised_prompt": "red"}]},
    "openai image generation": {"type": "image_generation_call", "id": "i", "result": None},
    "gemini": {"inline_data": {"mime_type": "image/gif", "data": None}},
    "gemini without type": {"inline_data": {"data": None}},
    "bedrock": {"image": {"format": "gif", "source": {"bytes": None}}},
    "langchain": {"type": "image", "source_type": "base64", "mime_type": "image/gif", "data": None},
    "langchain 1": {"type": "image", "base64": None, "mime_type": "image/gif"},
}
URLS: dict[str, Any] = {
    "openai": {"type": "image_url", "image_url": {"url": None}},
    "openai short": {"type": "image_url", "image_url": None},
    "responses": {"type": "input_image", "detail": "auto", "image_url": None},
    "anthropic url": {"type": "image", "source": {"type": "url", "url": None}},
    "openai file": {"type": "file", "file": {"filename": "a.pdf", "file_data": None}},
    "result of a tool": {"type": "function_call_output", "result": None},
    "list": [None],
    "list of data": {"data": [None]},
    "anything": {"data": None},
    "alone": None,
}


@pytest.mark.parametrize("form", BARE)
def test_base_64_stands_where_base_64_stood(shelf: Shelf, form: str) -> None:
    inputs = with_reference(BARE[form], shelf.put())
    assert shelf.filled([inputs]) == ([with_reference(BARE[form], BASE64)], 0)


@pytest.mark.parametrize("form", URLS)
def test_a_data_uri_stands_where_one_stood(shelf: Shelf, form: str) -> None:
    inputs = with_reference(URLS[form], shelf.put())
    assert shelf.filled(inputs) == (with_reference(URLS[form], DATA_URI), 0)


@pytest.mark.parametrize("form", [*BARE, *URLS])
def test_what_mlflow_takes_out_comes_back(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    from mlflow.entities.span import LiveSpan
    from opentelemetry.sdk.trace import TracerProvider

    if not hasattr(LiveSpan, "_extract_attachments"):
        pytest.skip("MLflow takes files out of spans since 3.11")
    monkeypatch.setenv("MLFLOW_TRACE_EXTRACT_ATTACHMENTS", "true")
    original = with_reference(BARE[form], BASE64) if form in BARE else None
    original = original or with_reference(URLS[form], DATA_URI)
    recorded = LiveSpan(TracerProvider().get_tracer("any").start_span("any"), shelf.trace_id)
    recorded.set_inputs({"value": original})
    for identifier, each in getattr(recorded, "_attachments", {}).items():
        shelf.put(each.content_bytes, identifier=identifier)
    assert shelf.filled(recorded.inputs) == ({"value": original}, 0)


def test_parameters_of_the_type_are_kept(shelf: Shelf) -> None:
    url = shelf.put(b"a", "text/plain;charset=utf-8")
    assert shelf.filled(url) == ("data:text/plain;charset=utf-8;base64,YQ==", 0)


def test_every_part_of_a_span_is_filled(shelf: Shelf) -> None:
    url = shelf.put()
    event = SourceSpanEvent("gen_ai.choice", 1, {"image": url})
    fields: Mapping[str, Any] = {
        "outputs": [url],
        "attributes": {"mlflow.spanInputs": {"url": url}, "own": url},
        "events": (event,),
    }
    (span,) = reader().filled(shelf.trace({"url": url}, **fields)).spans
    assert (span.inputs, span.outputs) == ({"url": DATA_URI}, [DATA_URI])
    assert span.attributes == {"mlflow.spanInputs": {"url": DATA_URI}, "own": DATA_URI}
    assert span.events[0].attributes == {"image": DATA_URI}


def reference(identifier: str = "", query: str = "", **changes: str) -> str:
    """A reference with something wrong."""
    told = {"content_type": "image%2Fgif", "trace_id": Shelf.trace_id, "size": "14", **changes}
    query = query or "&".join(f"{name}={value}" for name, value in told.items())
    return f"mlflow-attachment://{identifier or uuid.UUID(int=1)}?{query}"


@pytest.mark.parametrize(
    "text",
    [
        "mlflow-attachment://",
        f"mlflow-attachment://{uuid.UUID(int=1)}",
        reference("one"),
        reference("../../secret"),
        reference(str(uuid.UUID(int=0xABC)).upper()),
        reference(f"{uuid.UUID(int=1)}/../{uuid.UUID(int=2)}"),
        reference(f"{uuid.UUID(int=1)}:80"),
        reference("[::1"),
        reference(trace_id=""),
        reference(content_type=""),
        reference(content_type="gif"),
        reference(content_type="image%2Fgif%2Ctext"),
        reference(content_type="image%2Fgif%0A"),
        reference(query="a=1&" * 100),
        reference() + "#part",
        f"see {reference()}",
    ],
)
def test_malformed_references_stay_as_they_are(
    shelf: Shelf, text: str, reads: list[str], warnings: pytest.LogCaptureFixture
) -> None:
    assert shelf.filled({"url": text}) == ({"url": text}, 0)
    assert reads == []
    assert warnings.records == []


def test_without_a_size(shelf: Shelf) -> None:
    url = shelf.put().partition("&size")[0]
    for told in ("", "&size=", "&size=0", "&size=-1", "&size=many"):
        assert shelf.filled(url + told) == (DATA_URI, 0)


def test_what_is_too_large_keeps_its_reference(
    shelf: Shelf, reads: list[str], warnings: pytest.LogCaptureFixture
) -> None:
    first, large, last = shelf.put(b"1" * 60), shelf.put(b"2" * 41), shelf.put(b"3" * 40)
    found, lost = shelf.filled([first, large, last], max_bytes=100)
    assert [text.startswith("data:") for text in found] == [True, False, True]
    assert (found[1], lost, len(reads)) == (large, 1, 2)
    (warning,) = [record.getMessage() for record in warnings.records]
    assert "the attachments of the trace are larger than 100 bytes" in warning


def test_what_is_larger_than_it_says_keeps_its_reference(shelf: Shelf) -> None:
    url = shelf.put(b"1" * 101).replace("size=101", "size=1")
    assert shelf.filled([url], max_bytes=100) == ([url], 1)


def test_equal_images_count_once(shelf: Shelf) -> None:
    # Autolog stores an image anew for each call that has it in its conversation.
    urls = [shelf.put(b"1" * 60) for _ in range(5)]
    found, lost = shelf.filled(list(urls), max_bytes=100)
    assert (len(set(found)), found[0].startswith("data:"), lost) == (1, True, 0)
    assert found[0] is found[4]


def test_the_bound_is_that_of_a_trace(shelf: Shelf) -> None:
    reads_all = reader(max_bytes=100)
    for _ in range(3):
        trace = reads_all.filled(shelf.trace(shelf.put(b"1" * 100)))
        assert trace.lost_attachments == 0


def test_traces_that_keep_samples_are_left_alone(shelf: Shelf, reads: list[str]) -> None:
    kept = shelf.trace(shelf.put(), attributes={f"{KEPT_SAMPLE_PREFIX}0": "{}"})
    assert reader().filled(kept) is kept
    assert reads == []


@pytest.mark.parametrize(("failures", "lost"), [(1, 0), (2, 0), (3, 1)])
def test_a_busy_server_is_asked_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, failures: int, lost: int
) -> None:
    read = TraceAttachments.read
    pauses: list[float] = []
    answers: Iterator[bool] = iter([False] * failures + [True] * 9)

    def stumbling(self: TraceAttachments, *place: str, max_bytes: int) -> bytes:
        if not next(answers):
            raise RetryableError("busy", cause="http_503")
        return read(self, *place, max_bytes=max_bytes)

    monkeypatch.setattr(TraceAttachments, "read", stumbling)
    assert shelf.filled(shelf.put(), sleep=pauses.append)[1] == lost
    assert pauses == [0.5, 2.0][:failures]


def test_a_store_that_never_gives_is_asked_once(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: TraceAttachments, *place: str, max_bytes: int) -> bytes:
        raise RetryableError("no access", cause="artifact_store")

    monkeypatch.setattr(TraceAttachments, "read", failing)
    pauses: list[float] = []
    url = shelf.put()
    assert shelf.filled([url, url], sleep=pauses.append) == ([url, url], 1)
    assert pauses == []


def test_values_of_any_depth(shelf: Shelf) -> None:
    url = shelf.put()
    value: Any = url
    for _ in range(20_000):
        value = [value]
    found, _ = shelf.filled(value)
    while isinstance(found, list):
        (found,) = found
    assert found == DATA_URI


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text()
    | st.text().map("mlflow-attachment://".__add__),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_all_else_stays_as_it_is(value: Any) -> None:
    span = SourceSpan("1", None, "any", "UNKNOWN", 1, 2, inputs=value)
    before = repr(value)
    trace = reader().filled(SourceTrace("tr-1", "1", "one", "OK", spans=(span,)))
    assert repr(trace.spans[0].inputs) == before
    assert trace.lost_attachments == 0
