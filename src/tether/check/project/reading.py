"""Files in, source out: whatever is wrong with a file is a reason, never an exception of its own kind."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MOST_BYTES = 4_000_000


class Skipped(NamedTuple):
    """A file that is not checked: its path as findings show it, and why."""

    path: str
    reason: str


class UnreadableError(Exception):
    """A file that cannot be checked; the message is the reason."""


class Source(NamedTuple):
    """The text of a file: its bytes, and its lines without their ends, as Python counts lines."""

    data: bytes
    lines: list[str]


# The beginning of a file, of at most so many bytes; raises OSError.
Read = Callable[[Path, int], bytes]


def read_source(file: Path, most_bytes: int = MOST_BYTES, read: Read | None = None) -> Source:
    """Return the text of a file, in the encoding that it names (PEP 263), without a BOM. Raises UnreadableError.

    *read* stands in for the disk, where an editor has a text that is not saved.
    """
    data = read_bytes(file, most_bytes, read)
    text = _decoded(data)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return Source(data, text.split("\n"))  # not splitlines(): a form feed ends no line


def read_bytes(file: Path, most_bytes: int = MOST_BYTES, read: Read | None = None) -> bytes:
    """Return the content of a file. Raises UnreadableError."""
    try:
        data = (read or _on_disk)(file, most_bytes + 1)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    except ValueError as error:  # a null byte in the path
        raise UnreadableError(str(error)) from error
    if len(data) > most_bytes:
        raise UnreadableError(f"larger than {most_bytes:,} bytes")
    if b"\0" in data:
        raise UnreadableError("contains null bytes")
    return data


def _on_disk(file: Path, most_bytes: int) -> bytes:
    with file.open("rb") as opened:
        return opened.read(most_bytes)


def _decoded(data: bytes) -> str:
    if data.isascii() and b"coding" not in data[:500]:
        return data.decode("ascii")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UnreadableError(f"cannot be decoded: {getattr(error, 'msg', None) or error}") from error


def parse(source: Source) -> ast.Module:
    """Return the syntax tree of a source. Raises UnreadableError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings: they are the program's business
            return ast.parse("\n".join(source.lines))
    except SyntaxError as error:
        raise UnreadableError(f"syntax error in line {error.lineno}: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise UnreadableError("nested too deeply") from error
    except ValueError as error:
        raise UnreadableError(str(error)) from error
