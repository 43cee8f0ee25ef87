"""Names of metrics, params and tags that MLflow accepts, with a way back.

MLflow's rule, the same for all three (`mlflow.utils.validation`): at most 250 characters, each a
letter or digit of any script or one of `_ - . : / space`, and read as a path the name must be in
its shortest form: no empty, `.` or `..` component, no slash at either end. A server or client on
Windows refuses the colon as well.

A name within that rule stays as it is. In any other, each character at fault is written
`_x<code point in hexadecimal>_` (`pass@1` becomes `pass_x40_1`), and so is an underscore that
would start such an escape by accident. The empty name becomes `_x_`. A name that is too long ends
in `_xh<hash>_` instead of its rest; that is the only step without a way back.

The colon is kept unless this process runs on Windows. Model names are full of colons
(`ollama/llama3:8b`, Bedrock's `...-v2:0`) and nearly every server accepts them; escaping them
everywhere would give most people other names than the documented ones.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from typing import Final

from ._limits import KEY_CHARACTERS

COLON_ACCEPTED: Final = os.name != "nt"
"""Whether a colon stays in a name by default."""

_REFUSED = re.compile(r"[^/\w.\- :]")
_REFUSED_ON_WINDOWS = re.compile(r"[^/\w.\- ]")
_LIKE_ESCAPE = re.compile(r"_(?=x(?:[0-9a-f]{2,6}|h[0-9a-f]{16})(?P<next>.?))", re.DOTALL)
_ESCAPE = re.compile(r"_x(?:(?P<code_point>[0-9a-f]{2,6})|h[0-9a-f]{16})_")
_BEGUN_ESCAPE = re.compile(r"_x(?:[0-9a-f]{2,6}|h[0-9a-f]{16})")
_EMPTY_NAME = "_x_"
_LARGEST_CODE_POINT = 0x10FFFF
_HASH_CHARACTERS = 16


def encode_name(name: str, *, colon_accepted: bool = COLON_ACCEPTED) -> str:
    """The name under which MLflow accepts `name`: itself where possible, else escaped.

    Different names have different results (too long ones differ by a hash of 64 bits).

    Args:
        name: Any text: empty, with control characters, with lone surrogates.
        colon_accepted: False escapes colons too, as servers on Windows need.
    """
    return _name_of(_pieces(name, colon_accepted), name)


def decode_name(name: str) -> str:
    """The text that `encode_name` got, or its beginning and `…` where it was too long."""
    return "" if name == _EMPTY_NAME else _ESCAPE.sub(_unescape, name)


class NameTable:
    """Gives out names that MLflow accepts, one for each path, and remembers the originals.

    Joining parts can give one name to two paths (`("a/b", "c")` and `("a", "b/c")`). The first
    one asked for gets it, each later one gets it with a hash at its end; so ask in an order that
    does not depend on chance, such as the order of the eval log.

    Not for use from several threads at once.

    Args:
        colon_accepted: See `encode_name`.
    """

    def __init__(self, *, colon_accepted: bool = COLON_ACCEPTED) -> None:
        self._colon_accepted = colon_accepted
        self._assigned: dict[tuple[str, tuple[str, ...]], str] = {}
        self._taken: set[str] = set()
        self._rewritten: dict[str, str] = {}

    def assign(self, *parts: str, separator: str = "/") -> str:
        """The name of a path: always the same for the same parts, never that of another path."""
        path = (separator, parts)
        assigned = self._assigned.get(path)
        if assigned is None:
            assigned = self._assigned[path] = self._new_name(parts, separator.join(parts))
        return assigned

    @property
    def rewritten(self) -> dict[str, str]:
        """The names that differ from what was asked for, each with the original."""
        return dict(self._rewritten)

    def _new_name(self, parts: tuple[str, ...], original: str) -> str:
        pieces = _pieces(original, self._colon_accepted)
        name, attempt = _name_of(pieces, original), 0
        while name in self._taken:
            # The lengths keep ("a", "bc") and ("ab", "c") apart, which have the same letters.
            lengths = ",".join(str(len(part)) for part in parts)
            name = _shortened(pieces, _hash(f"{lengths}:{attempt}:{original}"))
            attempt += 1
        self._taken.add(name)
        if name != original:
            self._rewritten[name] = original
        return name


def _pieces(name: str, colon_accepted: bool) -> list[str]:
    """The characters of a name, those that cannot stay as escapes."""
    if not name:
        return [_EMPTY_NAME]
    refused = _REFUSED if colon_accepted else _REFUSED_ON_WINDOWS
    escaped = {match.start() for match in refused.finditer(name)}
    escaped.update(_path_faults(name))
    escaped.update(_accidental_escapes(name, escaped))
    return [
        _escape(character) if position in escaped else character
        for position, character in enumerate(name)
    ]


def _name_of(pieces: list[str], original: str) -> str:
    encoded = "".join(pieces)
    return encoded if len(encoded) <= KEY_CHARACTERS else _shortened(pieces, _hash(original))


def _path_faults(name: str) -> Iterator[int]:
    """Positions of the slashes and dots that keep a name from being a path in shortest form."""
    last = len(name) - 1
    if "/" in name:
        for position, character in enumerate(name):
            if character == "/" and (position in (0, last) or name[position - 1] == "/"):
                yield position
    if name.startswith(".."):
        yield 0
    start = 0
    for component in name.split("/"):
        if component in (".", ".."):
            yield start
        start += len(component) + 1


def _accidental_escapes(name: str, escaped: set[int]) -> Iterator[int]:
    """Positions of underscores that would be read as the start of an escape."""
    if name == _EMPTY_NAME:
        yield 0
    for match in _LIKE_ESCAPE.finditer(name):
        if match["next"] == "_" or match.start("next") in escaped:
            yield match.start()


def _escape(character: str) -> str:
    return f"_x{ord(character):02x}_"


def _unescape(match: re.Match[str]) -> str:
    if match["code_point"] is None:
        return "…"
    code_point = int(match["code_point"], 16)
    return chr(code_point) if code_point <= _LARGEST_CODE_POINT else match[0]


def _shortened(pieces: list[str], digest: str) -> str:
    """As many whole pieces as fit, and a mark that no name that was not cut ends with."""
    mark = f"_xh{digest}_"
    room = KEY_CHARACTERS - len(mark)
    kept: list[str] = []
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(_without_begun_escape(kept)) + mark


def _without_begun_escape(pieces: list[str]) -> list[str]:
    """The pieces without an end that would take the underscore of the mark as its own."""
    for position in range(len(pieces) - 1, -1, -1):
        if pieces[position] == "_" and _BEGUN_ESCAPE.fullmatch("".join(pieces[position:])):
            return pieces[:position]
        if "_" in pieces[position]:
            break
    return pieces


def _hash(text: str) -> str:
    # "surrogatepass": names may hold lone surrogates, which UTF-8 has no bytes for.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
