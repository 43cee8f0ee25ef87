"""Images, sound, films and files in whichever dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._json_values import as_base64, as_mapping, as_text, first, without_none
from ._pieces import data_part, image_part, media_part, text_part

__all__ = ["media_piece"]

_MIME_FIELDS = ("mime_type", "mimeType", "media_type", "mediaType", "image_mimetype")
# Fields with bytes or an address, most telling first.
_BYTES_FIELDS = ("data", "content", "base64")
_URL_FIELDS = ("url", "uri", "file_uri", "fileUri")


def media_piece(kind: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """A part with media as a part of the chat form.

    Args:
        kind: The part's type, with underscores.
        part: The part.

    Returns:
        The part, kept as it came when it tells neither bytes nor an address.
    """
    if kind == "input_audio" or isinstance(part.get("input_audio"), Mapping):
        return _openai_audio(part)
    if kind == "file" and isinstance(part.get("file"), Mapping):
        return _openai_file(part["file"]) or data_part(dict(part))
    named = kind.removeprefix("input_").removesuffix("_url")
    inner = first(part, "source", f"{named}_url", named)
    read = _media(named, inner if isinstance(inner, Mapping) else part, part)
    if read is None and isinstance(inner, str):
        read = _of_text(named, inner, part)
    return read or data_part(dict(part))


def _media(kind: str, media: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any] | None:
    if media.get("type") == "text" and isinstance(media.get("data"), str):
        return text_part(media["data"])
    mime_type = _mime_type(kind, media, part)
    name = as_text(first(part, "filename", "title", "name"))
    if url := as_text(first(media, *_URL_FIELDS)):
        detail = as_text(media.get("detail"))
        return image_part(url, detail) if detail else media_part(mime_type, url=url, name=name)
    if file_data := as_text(first(media, "file_data")):
        return media_part("application", url=file_data, name=name)
    data = first(media, *_BYTES_FIELDS)
    return None if data is None else _of_bytes(mime_type, data, name)


def _of_bytes(mime_type: str, data: Any, name: str | None) -> dict[str, Any]:
    text = as_text(data) or ""
    if text.startswith(("data:", "http://", "https://")):
        return media_part(mime_type, url=text, name=name)
    return media_part(mime_type, base64=as_base64(data), name=name)


def _of_text(kind: str, said: str, part: Mapping[str, Any]) -> dict[str, Any]:
    name = as_text(first(part, "filename", "name"))
    detail = as_text(part.get("detail"))
    if detail and kind == "image":
        return image_part(said, detail)
    return _of_bytes(_mime_type(kind, part, part), said, name)


def _mime_type(kind: str, media: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    said = first(media, *_MIME_FIELDS) or first(part, *_MIME_FIELDS, "modality")
    if said is None and kind in ("image", "audio", "video"):
        return kind
    return as_text(said) or ""


def _openai_audio(part: Mapping[str, Any]) -> dict[str, Any]:
    audio = as_mapping(part.get("input_audio")) or part
    return {
        "type": "input_audio",
        "input_audio": {
            "data": as_base64(audio.get("data")),
            "format": as_text(audio.get("format")) or "mp3",
        },
    }


def _openai_file(file: Mapping[str, Any]) -> dict[str, Any] | None:
    kept = {"file_data": as_text(file.get("file_data")), "filename": as_text(file.get("filename"))}
    return {"type": "file", "file": without_none(kept)} if kept["file_data"] else None
