"""Blocks while they are written: branches, places where ways meet, and the tidying at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tether.check.lowering.ops import NONE, Assume, Block, Caught, Constant, Op, Raised, Register, Span

# Nothing that people write has so many; but `finally` in `finally` doubles with each level: each way out copies it.
MOST_BLOCKS = 10_000
_QUIET = (Assume, Caught, Raised, Constant)  # ops that raise nothing


class TooLongError(Exception):
    """The function has more blocks than are looked at."""


class Draft:
    """A block that is still being written; open while it has no ``then``."""

    __slots__ = ("handler", "index", "ops", "then")

    def __init__(self, index: int, handler: int) -> None:
        self.index = index
        self.ops: list[Any] = []
        self.then: tuple[int, ...] = ()
        self.handler = handler


# An open block at the end of a branch, and the register of the value that decided; NONE: the truth itself.
Exit = tuple[Draft, Register]


class Graph:
    """The op graph of one body, while it is written.

    Attributes:
        here: The block that ops go to; None in code that is never reached.
        handler: Where exceptions of the code being written go.
    """

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.handler = -1
        self.registers = 0
        self.here: Draft | None = None
        self.here = self.block()

    def block(self) -> Draft:
        """Return a new open block with the handler of this place. Raises TooLongError."""
        if len(self.drafts) >= MOST_BLOCKS:
            raise TooLongError
        draft = Draft(len(self.drafts), self.handler)
        self.drafts.append(draft)
        return draft

    def register(self) -> Register:
        """Return a new register."""
        self.registers += 1
        return self.registers - 1

    def emit(self, op: Op) -> None:
        """Append *op* where code is being written."""
        if self.here is not None:
            self.here.ops.append(op)

    def go(self, target: Draft) -> None:
        """End this block; *target* comes next. Nothing is reached after it."""
        if self.here is not None:
            self.here.then = (target.index,)
        self.here = None

    def start(self, target: Draft) -> None:
        """Go on in *target*, also from here."""
        self.go(target)
        self.here = target

    def guard(self, handler: int) -> None:
        """From here on exceptions go to *handler*."""
        self.handler = handler
        here = self.here
        if here is None or here.handler == handler:
            return
        if all(isinstance(op, _QUIET) for op in here.ops):
            here.handler = handler
        else:
            self.start(self.block())

    def branch(self, test: Register, span: Span) -> tuple[list[Exit], list[Exit]]:
        """End this block with a test; return the branches where it is true and where it is false."""
        yes, no = self.block(), self.block()
        yes.ops.append(Assume(test, True, span))
        no.ops.append(Assume(test, False, span))
        if self.here is not None:
            self.here.then = (yes.index, no.index)
        self.here = None
        return [(yes, test)], [(no, test)]

    def join(self, exits: Iterable[Draft | None]) -> None:
        """Go on where all these open blocks meet; nowhere if there are none."""
        drafts = [draft for draft in exits if draft is not None]
        if len(drafts) == 1 and drafts[0].handler == self.handler:
            self.here = drafts[0]
            return
        self.here = None
        if drafts:
            meeting = self.block()
            for draft in drafts:
                draft.then = (meeting.index,)
            self.here = meeting

    def meet(self, exits: Iterable[Exit]) -> None:
        """Go on where these branches meet."""
        self.join([draft for draft, _ in exits])

    def finish(self) -> tuple[Block, ...]:
        """Return the blocks that can be reached, without those that do nothing, in the order to run them in."""
        _skip_empty(self.drafts)
        gone = _merge(self.drafts, _reached(self.drafts))
        kept = [draft for draft in _reached(self.drafts) if draft.index not in gone]
        number = {draft.index: position for position, draft in enumerate(kept)}
        return tuple(
            Block(
                tuple(draft.ops),
                tuple(number[index] for index in draft.then),
                number.get(draft.handler, NONE) if _may_raise(draft) else NONE,
            )
            for draft in kept
        )


def _skip_empty(drafts: list[Draft]) -> None:
    """Let what leads to a block that does nothing lead to the next one."""
    leads_to: dict[int, int] = {}

    def target(index: int) -> int:
        seen = []
        while index not in leads_to and not drafts[index].ops and len(drafts[index].then) == 1:
            if index in seen:  # `while True: pass`
                break
            seen.append(index)
            index = drafts[index].then[0]
        index = leads_to.get(index, index)
        leads_to.update(dict.fromkeys(seen, index))
        leads_to.pop(index, None)
        return index

    for draft in drafts:
        if draft.then:
            draft.then = tuple([target(index) for index in draft.then])
        if draft.handler >= 0:
            draft.handler = target(draft.handler)


def _may_raise(draft: Draft) -> bool:
    """Return True if exceptions leave a block for a handler: one without ops passes on what no clause takes."""
    return draft.handler >= 0 and (bool(draft.ops) or len(draft.then) > 1)


def _reached(drafts: list[Draft]) -> list[Draft]:
    """Return the blocks that can be reached from the entry, each behind all that lead to it, but for loops.

    What comes after a loop is behind its body, and a handler is behind all that may raise: nothing has to be run twice
    because it was run too early.
    """
    done: list[Draft] = []
    seen = {0}
    stack = [(drafts[0], _following(drafts[0]))]
    while stack:
        draft, waiting = stack[-1]
        for index in waiting:
            if index not in seen:
                seen.add(index)
                stack.append((drafts[index], _following(drafts[index])))
                break
        else:
            done.append(draft)
            stack.pop()
    return done[::-1]


def _following(draft: Draft) -> Iterator[int]:
    """Yield where a block leads to, what is to be run last first."""
    if _may_raise(draft):
        yield draft.handler
    yield from reversed(draft.then)


def _merge(drafts: list[Draft], reached: list[Draft]) -> set[int]:
    """Join each block to the only one that leads to it, where both have one handler; return those that are gone."""
    leading = Counter(index for draft in reached for index in draft.then)
    leading.update({draft.handler for draft in reached if _may_raise(draft)})
    leading[0] += 1
    gone: set[int] = set()
    for draft in reached:
        if draft.index in gone:
            continue
        while len(draft.then) == 1 and leading[draft.then[0]] == 1 and draft.then[0] != draft.index:
            following = drafts[draft.then[0]]
            if following.handler != draft.handler and following.ops:
                if not all(isinstance(op, _QUIET) for op in draft.ops):
                    break
                draft.handler = following.handler
            draft.ops += following.ops
            draft.then = following.then
            gone.add(following.index)
    return gone
