"""Another process: reads documents and writes what it made of them. Run as a program by test_documents.py."""

from __future__ import annotations

import struct
import sys

from tests.carry.out.models import Base
from tether.carry.documents import dumps
from tether.carry.reading_documents import loads


def main() -> None:
    """Answer each document on standard input by one on standard output, in the format asked for."""
    while header := sys.stdin.buffer.read(5):
        length, is_json = struct.unpack("!I?", header)
        found = loads(sys.stdin.buffer.read(length), Base)
        answer = dumps(found, format="json" if is_json else "msgpack")
        sys.stdout.buffer.write(struct.pack("!I", len(answer)) + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
