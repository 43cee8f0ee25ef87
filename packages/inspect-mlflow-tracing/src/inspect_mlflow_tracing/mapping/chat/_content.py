"""Content of Inspect's messages in the parts that MLflow's chat view accepts.

The view draws text, images and short audio; it shows an attachment of any other type, or offers
to download it, where it stands as an image (MLflow 3.17; attachments exist since 3.11). What it
has no part for becomes text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from inspect_mlflow_core.conversion import clean_text

from ._attachments import UNKNOWN_TYPE, ChatAttachments, data_uri_type, is_data_uri
from ._citations import citation_lines, link
from ._text import code_block, readable, shortened
from ._tools import chat_tool_call

__all__ = ["ChatContent", "chat_content"]

_PARAGRAPHS: Final = "\n\n"
_LABEL_CHARACTERS: Final = 200
_BROKEN_CHARACTERS: Final = 200
_IMAGE_DETAILS: Final = frozenset({"low", "high"})
_AUDIO_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_AUDIO_FORMATS: Final = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
_VIDEO_TYPES: Final = {"mp4": "video/mp4", "mpeg": "video/mpeg", "mov": "video/quicktime"}


@dataclass(slots=True)
class ChatContent:
    """What the content of one message turns into.

    Attributes:
        attachments: Keeps what is no text; without it, words stand for that.
        parts: Content parts in OpenAI's form, in order.
        reasoning: Texts that MLflow shows in a place of their own, above the content.
        tool_calls: Calls of tools that the provider ran itself.
        refusals: Texts by which the model refused.
    """

    attachments: ChatAttachments | None
    parts: list[dict[str, Any]] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def add_text(self, text: str) -> None:
        """Adds a paragraph unless it is empty."""
        if text:
            self.parts.append({"type": "text", "text": text})

    def add_image(self, url: str, **options: str) -> None:
        """Adds an image, or any attachment."""
        self.parts.append({"type": "image_url", "image_url": {"url": url, **options}})

    def simplest(self) -> str | list[dict[str, Any]]:
        """The parts, or just a text where there is no more."""
        if not self.parts:
            return ""
        if len(self.parts) == 1 and self.parts[0]["type"] == "text":
            return str(self.parts[0]["text"])
        return self.parts


def chat_content(content: Any, attachments: ChatAttachments | None) -> ChatContent:
    """Converts the content of a message.

    Args:
        content: Raw JSON of a message's `content`: a text or a list of parts; anything else is
            shown as JSON.
        attachments: See `ChatContent`.
    """
    chat = ChatContent(attachments)
    for part in content if isinstance(content, list | tuple) else [content]:
        if isinstance(part, dict):
            _conversion(part.get("type"))(part, chat)
        else:
            chat.add_text(readable(part))
    return chat


def _text(part: dict[str, Any], chat: ChatContent) -> None:
    text = readable(part.get("text"))
    if part.get("refusal") is True:
        chat.refusals.append(text)
    if sources := citation_lines(part.get("citations")):
        text = _PARAGRAPHS.join([text, "\n".join(["Sources:", *sources])])
    chat.add_text(text)


def _reasoning(part: dict[str, Any], chat: ChatContent) -> None:
    reasoning, summary = readable(part.get("reasoning")), readable(part.get("summary"))
    if part.get("redacted"):
        # What stands under `reasoning` is encrypted then.
        reasoning, summary = summary or "(redacted by the provider)", ""
    if reasoning and summary and summary != reasoning:
        reasoning = f"{reasoning}{_PARAGRAPHS}Summary: {summary}"
    if shown := reasoning or summary:
        chat.reasoning.append(shown)


def _image(part: dict[str, Any], chat: ChatContent) -> None:
    source = part.get("image")
    url = _url(source, chat.attachments, "image/png")
    if url is None:
        chat.add_text(_words("image", source, chat.attachments))
        return
    # "auto" is the default, and Inspect knows details that the view refuses.
    detail = part.get("detail")
    known = isinstance(detail, str) and detail in _IMAGE_DETAILS
    chat.add_image(url, **({"detail": str(detail)} if known else {}))


def _audio(part: dict[str, Any], chat: ChatContent) -> None:
    source = part.get("audio")
    content_type = _type_by_format(part, _AUDIO_TYPES, "audio/wav")
    url = _url(source, chat.attachments, content_type)
    named = data_uri_type(source) if isinstance(source, str) else None
    audio_format = _AUDIO_FORMATS.get(named or content_type)
    if audio_format is None or url is None or not _is_attachment(url):
        _file("audio", source, url, chat)
    else:
        audio = {"data": url, "format": audio_format}
        chat.parts.append({"type": "input_audio", "input_audio": audio})


def _video(part: dict[str, Any], chat: ChatContent) -> None:
    source, content_type = part.get("video"), _type_by_format(part, _VIDEO_TYPES, "video/mp4")
    _file("video", source, _url(source, chat.attachments, content_type), chat)


def _document(part: dict[str, Any], chat: ChatContent) -> None:
    source, mime_type = part.get("document"), part.get("mime_type")
    content_type = mime_type if isinstance(mime_type, str) and mime_type else UNKNOWN_TYPE
    filename = shortened(part.get("filename"), _LABEL_CHARACTERS) or "document"
    _file(filename, source, _url(source, chat.attachments, content_type), chat)


def _tool_use(part: dict[str, Any], chat: ChatContent) -> None:
    name = part.get("name") or part.get("tool_type")
    call_id = part.get("id") or f"use_{len(chat.tool_calls)}"
    chat.tool_calls.append(chat_tool_call(call_id, name, part.get("arguments")))
    label = shortened(name, _LABEL_CHARACTERS)
    if result := readable(part.get("result")):
        chat.add_text(f"Result of {label}:\n{code_block(result)}")
    if error := readable(part.get("error")):
        chat.add_text(f"Error of {label}: {error}")


def _data(part: dict[str, Any], chat: ChatContent) -> None:
    chat.add_text(f"Data of the provider:\n{code_block(shortened(part.get('data')))}")


def _unknown(part: dict[str, Any], chat: ChatContent) -> None:
    if isinstance(part.get("text"), str):
        _text(part, chat)
    else:
        chat.add_text(code_block(shortened(part)))


_CONVERSIONS: Final[dict[str, Callable[[dict[str, Any], ChatContent], None]]] = {
    "text": _text,
    "reasoning": _reasoning,
    "image": _image,
    "audio": _audio,
    "video": _video,
    "document": _document,
    "tool_use": _tool_use,
    "data": _data,
}


def _conversion(kind: Any) -> Callable[[dict[str, Any], ChatContent], None]:
    return _CONVERSIONS.get(kind, _unknown) if isinstance(kind, str) else _unknown


def _type_by_format(part: dict[str, Any], types: dict[str, str], default: str) -> str:
    named = part.get("format")
    return types.get(named, default) if isinstance(named, str) else default


def _file(label: str, source: Any, url: str | None, chat: ChatContent) -> None:
    if url is None:
        chat.add_text(_words(label, source, chat.attachments))
    elif _is_attachment(url):
        chat.add_text(f"[{label}]")
        chat.add_image(url)
    else:
        chat.add_text(link(label, url))


def _url(source: Any, attachments: ChatAttachments | None, content_type: str) -> str | None:
    """A URL that a browser can show; None for paths on other machines and broken content."""
    if not isinstance(source, str):
        return None
    if source[:8].lower().startswith(("http://", "https://")):
        return clean_text(source)
    if attachments is not None and is_data_uri(source):
        return attachments.data_uri_reference(source, content_type)
    return None


def _is_attachment(url: str) -> bool:
    return url.startswith("mlflow-attachment:")


def _words(label: str, source: Any, attachments: ChatAttachments | None) -> str:
    """What stands for a file that is not shown: its size, or how its broken content begins."""
    if attachments is None and isinstance(source, str) and is_data_uri(source):
        return f"[{label}: {data_uri_type(source) or UNKNOWN_TYPE}, {len(source):,} characters]"
    excerpt = shortened(source, _BROKEN_CHARACTERS)
    return f"[{label}: `{excerpt}`]" if excerpt else f"[{label}]"
