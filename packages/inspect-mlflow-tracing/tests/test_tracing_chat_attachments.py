from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

import pytest
from inspect_ai.model import (
    ChatMessageUser,
    ContentAudio,
    ContentDocument,
    ContentImage,
    ContentText,
    ContentVideo,
)

from inspect_mlflow_core.connection import AttachmentRecord
from inspect_mlflow_tracing.mapping.chat import ChatAttachments, chat_choices, chat_messages

TRACE = "ab" * 16
CONTENT = b"\x89PNG\r\n\x1a\n-not-really-\xff\xfe"


def data_uri(content_type: str, content: bytes = CONTENT) -> str:
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


def content_of(part: Any, attachments: ChatAttachments | None) -> Any:
    message = ChatMessageUser(content=[part]).model_dump(mode="json")
    [chat] = chat_messages([message], attachments)
    return chat["content"]


def parsed(reference: str) -> dict[str, Any]:
    module = pytest.importorskip("mlflow.tracing.attachments", reason="a newer MLflow has it")
    found: dict[str, Any] | None = module.Attachment.parse_ref(reference)
    assert found is not None
    return found


def test_reference_is_the_one_that_mlflow_writes() -> None:
    module = pytest.importorskip("mlflow.tracing.attachments", reason="a newer MLflow has it")
    attachments = ChatAttachments(TRACE)
    reference = attachments.reference(CONTENT, "image/svg+xml")
    [record] = attachments.records
    attachment = module.Attachment(content_type="image/svg+xml", content_bytes=CONTENT)
    attachment._id = record.attachment_id
    assert reference == attachment.ref(f"tr-{TRACE}")


def test_trace_id_may_have_the_form_of_mlflow() -> None:
    plain, prefixed = ChatAttachments(TRACE), ChatAttachments(f"tr-{TRACE}")
    assert plain.reference(CONTENT, "image/png") == prefixed.reference(CONTENT, "image/png")


def test_image_becomes_an_attachment() -> None:
    attachments = ChatAttachments(TRACE)
    [part] = content_of(ContentImage(image=data_uri("image/png")), attachments)
    reference = parsed(part["image_url"]["url"])
    assert part == {"type": "image_url", "image_url": {"url": part["image_url"]["url"]}}
    assert reference["trace_id"] == f"tr-{TRACE}"
    assert reference["content_type"] == "image/png"
    assert reference["size"] == len(CONTENT)
    assert attachments.records == (
        AttachmentRecord(reference["attachment_id"], "image/png", CONTENT),
    )


def test_content_is_kept_once_under_the_same_canonical_id() -> None:
    first, second = ChatAttachments(TRACE), ChatAttachments("cd" * 16)
    for _ in range(2):
        content_of(ContentImage(image=data_uri("image/png")), first)
    content_of(ContentImage(image=data_uri("image/png")), second)
    content_of(ContentImage(image=data_uri("image/png", b"other")), second)
    assert len(first.records) == 1
    assert len(second.records) == 2
    assert first.records[0] == second.records[0]
    identifier = first.records[0].attachment_id
    assert str(UUID(identifier)) == identifier


@pytest.mark.parametrize("detail", ["auto", "low", "high", "original"])
def test_detail_is_one_that_the_view_accepts(detail: str) -> None:
    image = {"type": "image", "image": "https://example.org/a.png", "detail": detail}
    [chat] = chat_messages([{"role": "user", "content": [image]}], None)
    shown = chat["content"][0]["image_url"].get("detail")
    assert shown == (detail if detail in {"low", "high"} else None)


def test_audio_becomes_an_attachment_with_a_player() -> None:
    attachments = ChatAttachments(TRACE)
    audio = ContentAudio(audio=data_uri("audio/mpeg"), format="mp3")
    [part] = content_of(audio, attachments)
    assert part["type"] == "input_audio"
    assert part["input_audio"]["format"] == "mp3"
    assert parsed(part["input_audio"]["data"])["content_type"] == "audio/mpeg"


def test_audio_of_another_format_stands_as_an_image_does() -> None:
    attachments = ChatAttachments(TRACE)
    label, part = content_of(ContentAudio(audio=data_uri("audio/ogg"), format="wav"), attachments)
    assert label["text"] == "[audio]"
    assert parsed(part["image_url"]["url"])["content_type"] == "audio/ogg"


def test_video_stands_as_an_image_does() -> None:
    attachments = ChatAttachments(TRACE)
    video = ContentVideo(video=data_uri("video/mp4"), format="mp4")
    label, part = content_of(video, attachments)
    assert label["text"] == "[video]"
    assert parsed(part["image_url"]["url"])["content_type"] == "video/mp4"


@pytest.mark.parametrize(
    ("source", "named", "content_type"),
    [
        (data_uri("application/pdf"), "", "application/pdf"),
        (data_uri("application/octet-stream"), "application/pdf", "application/pdf"),
        (data_uri(""), "no type", "application/octet-stream"),
    ],
)
def test_document_stands_under_its_name(source: str, named: str, content_type: str) -> None:
    attachments = ChatAttachments(TRACE)
    document = ContentDocument(document=source, filename="report.pdf", mime_type=named)
    label, part = content_of(document, attachments)
    assert label["text"] == "[report.pdf]"
    assert parsed(part["image_url"]["url"])["content_type"] == content_type


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (ContentAudio(audio="https://example.org/a.wav", format="wav"), "audio"),
        (ContentVideo(video="https://example.org/a.mp4", format="mp4"), "video"),
        (ContentDocument(document="https://example.org/a.pdf"), "a.pdf"),
    ],
)
def test_file_on_the_web_is_a_link(part: Any, shown: str) -> None:
    attachments = ChatAttachments(TRACE)
    assert content_of(part, attachments).startswith(f"[{shown}](https://example.org/a.")
    assert attachments.records == ()


def test_image_on_the_web_stays_there() -> None:
    url = "https://example.org/a.png"
    [part] = content_of(ContentImage(image=url), ChatAttachments(TRACE))
    assert part == {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    "source",
    [
        "data:image/png;base64,%%%" + "x" * 100_000,
        "data:image/png;base64,",
        "data:image/png" + "x" * 100_000,
        "pictures/cat.png",
        "<base64-data-removed>",
    ],
)
def test_what_is_no_image_stays_bounded_text(source: str) -> None:
    attachments = ChatAttachments(TRACE)
    shown = content_of(ContentImage(image=source), attachments)
    assert shown.startswith(f"[image: `{source[:14]}")
    assert len(shown) < 300
    assert attachments.records == ()


@pytest.mark.parametrize(
    "uri",
    [
        "data:text/plain;charset=utf-8;base64,aGk/Pz8+",
        "data:text/plain;base64,aGk_Pz8-",
        "DATA:Text/Plain;BASE64,aGk/\nPz8+",
        "data:text/plain;base64,aGk%2FPz8%2B",
        "data:text/plain,hi%3F%3F%3F%3E",
    ],
)
def test_data_uris_of_every_form_are_decoded(uri: str) -> None:
    attachments = ChatAttachments(TRACE)
    assert attachments.data_uri_reference(uri) is not None
    [record] = attachments.records
    assert record.content == b"hi???>"
    assert record.content_type == "text/plain"


def test_missing_padding_is_no_damage() -> None:
    attachments = ChatAttachments(TRACE)
    assert attachments.data_uri_reference("data:image/png;base64,aGVsbG8") is not None
    assert attachments.records[0].content == b"hello"


def test_without_attachments_words_stand_for_files() -> None:
    shown = content_of(ContentImage(image=data_uri("image/png")), None)
    assert shown == f"[image: image/png, {len(data_uri('image/png'))} characters]"


def test_image_stands_between_its_texts() -> None:
    attachments = ChatAttachments(TRACE)
    message = ChatMessageUser(
        content=[
            ContentText(text="before"),
            ContentImage(image=data_uri("image/png")),
            ContentText(text="after"),
        ]
    )
    [chat] = chat_messages([message.model_dump(mode="json")], attachments)
    assert [part["type"] for part in chat["content"]] == ["text", "image_url", "text"]


def test_images_of_outputs_are_kept_too() -> None:
    attachments = ChatAttachments(TRACE)
    image = {"type": "image", "image": data_uri("image/png")}
    chat_choices({"choices": [{"message": {"content": [image]}}]}, attachments)
    assert [record.content for record in attachments.records] == [CONTENT]
