"""How parent and child speak: pickles, each with its length before it."""

from __future__ import annotations

import pickle
import struct
from typing import IO, Any, Final

_LENGTH: Final = struct.Struct(">Q")


def write_frame(stream: IO[bytes], value: Any) -> None:
    """Send one value.

    Args:
        stream: A pipe.
        value: Anything that can be pickled.

    Raises:
        OSError: The other side has gone.
        Exception: The value cannot be pickled; nothing has been sent then.
    """
    content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Receive one value.

    Raises:
        EOFError: The other side has gone.
    """
    (length,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    return pickle.loads(_read_exactly(stream, length))


def _read_exactly(stream: IO[bytes], size_bytes: int) -> bytes:
    content = stream.read(size_bytes)
    if len(content) < size_bytes:
        raise EOFError("the other process has gone")
    return content
