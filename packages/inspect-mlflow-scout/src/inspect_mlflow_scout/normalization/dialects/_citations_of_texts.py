"""Texts with what they cite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._json_values import as_list, as_text, first, without_none
from ._pieces import text_part

__all__ = ["cited_text_part"]


def cited_text_part(block: Mapping[str, Any]) -> dict[str, Any]:
    """A text of Anthropic's or of OpenAI's Responses, a `cited_text` if it cites anything.

    Args:
        block: With `text` and `citations` (Anthropic) or `annotations` (OpenAI).
    """
    told = first(block, "citations", "annotations")
    citations = [_citation(one) for one in as_list(told) if isinstance(one, Mapping)]
    part = text_part(block.get("text"))
    return part | {"type": "cited_text", "citations": citations} if citations else part


def _citation(citation: Mapping[str, Any]) -> dict[str, Any]:
    # OpenAI's Responses has the citation itself, its chat completions within `url_citation`.
    inner = citation.get("url_citation")
    told = inner if isinstance(inner, Mapping) else citation
    source = as_text(told.get("source"))
    return without_none(
        {
            "url": as_text(told.get("url")) or (source if source and "://" in source else None),
            "title": as_text(first(told, "title", "document_title", "filename", "file_id")),
            "cited_text": as_text(told.get("cited_text")),
        }
    )
