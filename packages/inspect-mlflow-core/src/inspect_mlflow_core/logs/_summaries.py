"""Sample summaries of an `.eval` log, kept as JSON text and parsed one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from io import BytesIO
from typing import Any, Final

from ._content import SampleKey, TextKey, key_from_head, key_of, text_key
from ._json_document import list_parts, parse_object

__all__ = ["Summaries"]

_ALL: Final = "summaries.json"
_OF_ONE_FLUSH: Final = re.compile(r"_journal/summaries/(\d+)\.json")


class Summaries:
    """The summaries of a log: of `summaries.json`, or of the journal while it is not written yet.

    They are read from the file when the first one is asked for, which is when a sample turns
    out to be unreadable.

    Args:
        read: Reads a member of the archive by its name.
        names: Names of all members.
        damage: Gets a line for each member that cannot be read.
    """

    def __init__(
        self, read: Callable[[str], bytes], names: Collection[str], damage: list[str]
    ) -> None:
        self._read = read
        self._names = names
        self._damage = damage
        self._texts: dict[TextKey, bytes] | None = None

    def get(self, key: SampleKey) -> dict[str, Any] | None:
        """Raw JSON of the newest summary of a sample, if there is a readable one."""
        if self._texts is None:
            self._texts = self._load()
        text = self._texts.get(text_key(key))
        if text is None:
            return None
        try:
            return parse_object(text)
        except ValueError:
            return None

    def _load(self) -> dict[TextKey, bytes]:
        texts: dict[TextKey, bytes] = {}
        for name in (*self._journal(), _ALL):
            if name in self._names:
                self._load_member(name, texts)
        return texts

    def _journal(self) -> list[str]:
        """Names of the journal's members in the order in which they were written."""
        found = (match for name in self._names if (match := _OF_ONE_FLUSH.fullmatch(name)))
        return [match[0] for match in sorted(found, key=lambda match: int(match[1]))]

    def _load_member(self, name: str, texts: dict[TextKey, bytes]) -> None:
        """Adds the summaries of one member, as far as they can be read."""
        try:
            data = self._read(name)
            for part in list_parts(BytesIO(data)):
                text = data[part.start : part.end]
                key = key_from_head(text) or key_of(parse_object(text))
                if key is not None:
                    texts[text_key(key)] = text
        # It costs its own summaries only. Each decompressor has an error class of its own.
        except Exception as error:
            self._damage.append(f"{name} cannot be read ({type(error).__name__}: {error})")
