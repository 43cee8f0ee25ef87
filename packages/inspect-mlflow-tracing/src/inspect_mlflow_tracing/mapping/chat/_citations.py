"""Sources that a model named for what it said, as lines of Markdown."""

from __future__ import annotations

from typing import Any, Final

from ._text import shortened

__all__ = ["citation_lines", "link"]

_TITLE_CHARACTERS: Final = 200
_QUOTE_CHARACTERS: Final = 300
_URL_CHARACTERS: Final = 2_000
_UNBRACKETED: Final = str.maketrans({"[": "(", "]": ")", "\n": " "})


def link(label: str, url: str) -> str:
    """A link in Markdown, whatever stands in its label."""
    return f"[{label.translate(_UNBRACKETED)}]({url})"


def citation_lines(citations: Any) -> list[str]:
    """One line for each source that a text cites.

    Args:
        citations: `citations` of a text as raw JSON; anything but a list names no source.
    """
    if not isinstance(citations, list | tuple):
        return []
    # A source is cited once for each sentence that rests on it.
    return list(dict.fromkeys(f"- {_source(citation)}" for citation in citations if citation))


def _source(citation: Any) -> str:
    if not isinstance(citation, dict):
        return shortened(citation, _QUOTE_CHARACTERS)
    title = shortened(citation.get("title"), _TITLE_CHARACTERS)
    url = citation.get("url")
    if isinstance(url, str) and url:
        url = shortened(url, _URL_CHARACTERS)
        return link(title or url, url)
    # A pair of positions in place of the text says nothing without the document.
    cited = citation.get("cited_text")
    quote = f"“{shortened(cited, _QUOTE_CHARACTERS)}”" if isinstance(cited, str) and cited else ""
    return ": ".join(filter(None, [title, quote])) or shortened(citation, _QUOTE_CHARACTERS)
