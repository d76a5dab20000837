"""Messages over pipes between a process and the training process that it started."""

import pickle
import struct
from typing import IO, Any

_LENGTH = struct.Struct("<Q")


def write_frame(stream: IO[bytes], message: Any) -> None:
    """Write a message. Bytes are written as they are; any other object is pickled."""
    is_bytes = isinstance(message, bytes)
    content = message if is_bytes else pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Return the next message.

    Raises
    ------
    EOFError
        If the other end is closed.
    """
    (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
    return pickle.loads(_read(stream, length))


def _read(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise EOFError("the other end of the pipe is closed")
    return content
