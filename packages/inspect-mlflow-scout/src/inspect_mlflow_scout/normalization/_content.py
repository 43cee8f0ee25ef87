"""Content of the chat form as Inspect's content."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ._citations import citations_of
from ._values import clean_text, plain_json, value_text
from .dialects._json_values import as_mapping, as_text

if TYPE_CHECKING:
    from inspect_ai.model import Content

__all__ = ["content_of_message"]

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[;,]")
_AUDIO_FORMATS: dict[str, Literal["wav", "mp3"]] = {"wav": "wav", "mp3": "mp3", "mpeg": "mp3"}
_VIDEO_FORMATS = {
    "video/mp4": "mp4",
    "video/mpeg": "mpeg",
    "video/mpg": "mpeg",
    "video/quicktime": "mov",
    "video/mov": "mov",
}
_IMAGE_DETAILS = ("auto", "low", "high")
_SUFFIXES = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "mov": "video/quicktime",
    "webm": "video/webm",
}
# Characters; longer than words, identifiers and most addresses.
_LONG = 1000
_TOOL_TYPES = ("web_search", "mcp_call", "code_execution")


def content_of_message(content: Any) -> str | list[Content]:
    """The content of a message: texts as they are, parts as Inspect's.

    A lone part that is plain text becomes that text, so that a message is the same whether its
    program wrote it as a text or as a part.
    """
    from inspect_ai.model import ContentText

    if not isinstance(content, (list, tuple, Mapping)):
        return value_text(content)
    parts = [content] if isinstance(content, Mapping) else content
    found = [_content(part) for part in parts if part is not None]
    match found:
        case []:
            return ""
        case [ContentText(text=text, refusal=None, citations=None)]:
            return text
    return found


def _content(part: Any) -> Content:
    """A part as content; as its JSON if it is of a kind, or has values, that nobody knows."""
    from inspect_ai.model import ContentText

    if isinstance(part, Mapping):
        kind = part.get("type")
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        read = reader(part) if reader is not None else None
        if read is not None:
            return read
    return ContentText(text=value_text(part))


def _text(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentText

    citations = citations_of(part.get("citations"))
    return ContentText(text=value_text(part.get("text")), citations=citations or None)


def _refusal(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentText

    return ContentText(text=value_text(part.get("refusal")), refusal=True)


def _reasoning(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentReasoning

    return ContentReasoning(
        reasoning=value_text(part.get("reasoning")),
        summary=_optional_text(part.get("summary")),
        signature=_optional_text(part.get("signature")),
        redacted=part.get("redacted") is True,
    )


def _image(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentImage

    image = part.get("image_url")
    detail: Any = image.get("detail") if isinstance(image, Mapping) else None
    url = _url(image)
    if url is None:
        return None
    return ContentImage(image=url, detail=detail if detail in _IMAGE_DETAILS else "auto")


def _audio(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentAudio, ContentData

    audio = as_mapping(part.get("input_audio"))
    audio_format = _AUDIO_FORMATS.get(as_text(audio.get("format")) or "")
    data = _optional_text(audio.get("data"))
    if data is None:
        return None
    if audio_format is None:
        return ContentData(data=plain_json(dict(part)))
    if not data.startswith(("data:", "http://", "https://", "mlflow-attachment://")):
        data = f"data:audio/{'mpeg' if audio_format == 'mp3' else 'wav'};base64,{data}"
    return ContentAudio(audio=data, format=audio_format)


def _video(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentData, ContentVideo

    url = _url(part.get("video_url"))
    if url is None:
        return None
    mime_type = _mime_type(url)
    video_format: Any = _VIDEO_FORMATS.get(mime_type or "video/mp4")
    if video_format is None:
        return ContentData(data=plain_json(dict(part)))
    return ContentVideo(video=url, format=video_format)


def _document(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentData, ContentDocument

    file = as_mapping(part.get("file"))
    document = _optional_text(file.get("file_data"))
    if document is None:
        return ContentData(data=plain_json(dict(part)))
    mime_type = _mime_type(document) or _mime_type(as_text(file.get("filename")) or "")
    mime_type = mime_type or "application/octet-stream"
    return ContentDocument(
        document=document,
        filename=_optional_text(file.get("filename")) or _filename(document, mime_type),
        mime_type=mime_type,
    )


def _tool_use(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentToolUse

    use = as_mapping(part.get("tool_use"))
    tool_type: Any = use.get("tool_type")
    if tool_type not in _TOOL_TYPES:
        return None
    return ContentToolUse(
        tool_type=tool_type,
        id=value_text(use.get("id")),
        name=value_text(use.get("name")),
        context=_optional_text(use.get("context")),
        arguments=value_text(use.get("arguments")),
        result=value_text(use.get("result")),
        error=_optional_text(use.get("error")),
    )


def _data(part: Mapping[str, Any]) -> Content | None:
    from inspect_ai.model import ContentData, ContentText

    data = part.get("data")
    if isinstance(data, Mapping) and _holds_bytes(data):
        return ContentData(data=plain_json(data))
    # Scanners see texts, and of data only that there is some.
    return ContentText(text=value_text(data))


def _holds_bytes(data: Any) -> bool:
    """Whether something in a value is what nobody reads: long, and without a gap."""
    values = [data]
    while values:
        value = values.pop()
        if isinstance(value, str) and len(value) >= _LONG and len(value.split(None, 1)) == 1:
            return True
        values.extend(value.values() if isinstance(value, Mapping) else ())
        values.extend(value if isinstance(value, (list, tuple)) else ())
    return False


def _optional_text(value: Any) -> str | None:
    text = as_text(value)
    return clean_text(text) if text is not None else None


def _url(value: Any) -> str | None:
    return _optional_text(value.get("url") if isinstance(value, Mapping) else value)


def _mime_type(place: str) -> str | None:
    """What a data URL says of itself, or the end of another's path suggests."""
    if place.startswith("data:"):
        told = _DATA_URL.match(place)
        return told[1].lower() if told and told[1] else None
    return _SUFFIXES.get(place.partition("?")[0].rpartition(".")[2].lower())


def _filename(document: str, mime_type: str) -> str:
    if document.startswith("data:"):
        return f"document.{mime_type.rpartition('/')[2]}"
    return document.partition("?")[0].rpartition("/")[2][-255:] or "document"


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Content | None]] = {
    "text": _text,
    "cited_text": _text,
    "refusal": _refusal,
    "reasoning": _reasoning,
    "image_url": _image,
    "input_audio": _audio,
    "video_url": _video,
    "file": _document,
    "tool_use": _tool_use,
    "data": _data,
}
