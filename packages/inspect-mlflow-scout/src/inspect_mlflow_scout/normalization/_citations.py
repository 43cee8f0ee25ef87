"""Citations of the chat form as Inspect's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._values import clean_text
from .dialects._json_values import as_text

if TYPE_CHECKING:
    from inspect_ai.model import Citation

__all__ = ["citations_of"]


def citations_of(value: Any) -> list[Citation]:
    """The citations of a text, from objects with `url`, `title` and `cited_text`.

    One without a URL is of a document that the model was given.
    """
    from inspect_ai.model import DocumentCitation, UrlCitation

    found: list[Citation] = []
    for citation in value if isinstance(value, (list, tuple)) else ():
        if isinstance(citation, Mapping):
            title, cited_text = _text(citation, "title"), _text(citation, "cited_text")
            if url := _text(citation, "url"):
                found.append(UrlCitation(url=url, title=title, cited_text=cited_text))
            else:
                found.append(DocumentCitation(title=title, cited_text=cited_text))
    return found


def _text(citation: Mapping[str, Any], name: str) -> str | None:
    text = as_text(citation.get(name))
    return clean_text(text) if text is not None else None
