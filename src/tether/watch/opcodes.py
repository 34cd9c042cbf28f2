"""What the program does with the result of the call that is running, read from its bytecode."""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType

_CACHE = dis.opmap["CACHE"]


@lru_cache(maxsize=4096)
def next_instruction(code: CodeType, lasti: int) -> str:
    """Return the name of the instruction after the one at *lasti*; "" at the end."""
    instructions = code.co_code  # without the interpreter's specialisations
    index = lasti + 2
    while index < len(instructions) and instructions[index] == _CACHE:
        index += 2
    return dis.opname[instructions[index]] if index < len(instructions) else ""


def result_is_dropped(code: CodeType, lasti: int) -> bool:
    """Return True if a plain call's result is thrown away on the spot; an awaited one cannot be told."""
    return next_instruction(code, lasti) == "POP_TOP"


def result_is_iterated(code: CodeType, lasti: int) -> bool:
    """Return True if a plain call's result is only looped over: ``for x in query.all()``."""
    return next_instruction(code, lasti) == "GET_ITER"
