"""Another process: reads documents and pickles, copies what they hold, and writes it. Run by test_documents.py."""

from __future__ import annotations

import copy
import pickle
import struct
import sys
from typing import Any

from tests.carry.out.models import Base
from tether.carry.documents import dumps
from tether.carry.reading_documents import loads

FORMATS = ["json", "msgpack", "pickle"]
HEADER = "!IBB"  # length, format of what follows, format of the answer


def write(rows: Any, form: Any) -> bytes:
    """Return rows in one of the formats."""
    return pickle.dumps(rows) if form == "pickle" else dumps(rows, format=form)


def read(data: bytes, form: str) -> Any:
    """Return the rows again."""
    return pickle.loads(data) if form == "pickle" else loads(data, Base)


def main() -> None:
    """Answer each message on standard input by one on standard output."""
    while header := sys.stdin.buffer.read(struct.calcsize(HEADER)):
        length, there, back = struct.unpack(HEADER, header)
        found = copy.deepcopy(read(sys.stdin.buffer.read(length), FORMATS[there]))
        answer = write(found, FORMATS[back])
        sys.stdout.buffer.write(struct.pack("!I", len(answer)) + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
