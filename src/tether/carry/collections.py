"""Collections of a draft: each change is a change of the draft, and of the relationship's other side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence, MutableSet
from typing import Any

from tether.carry.graph import Link


class Held:
    """Where a collection is: which relationship of which row."""

    def __init__(self, view: Any, token: int, name: str) -> None:
        self.view = view
        self.token = token
        self.name = name

    @property
    def link(self) -> Link:
        """What the relationship holds now."""
        link: Link = self.view.node(self.token).links[self.name]
        return link

    def token_for(self, row: Any) -> int:
        """Return the token of a row that is to be put in."""
        token: int = self.view.token_for(row, self.view.relation_of(self.token, self.name))
        return token

    def put(self, tokens: Iterable[int], keys: Iterable[Any] = ()) -> None:
        """Set what the relationship holds."""
        relation = self.view.relation_of(self.token, self.name)
        self.view.relink(self.token, relation, Link(relation.kind, tuple(tokens), tuple(keys)))

    def rows(self) -> list[Any]:
        """Return the rows, in order."""
        return [self.view.twin(token) for token in self.link.tokens]


class DraftList(MutableSequence[Any]):
    """A list of rows."""

    def __init__(self, view: Any, token: int, name: str) -> None:
        self._held = Held(view, token, name)

    def __len__(self) -> int:
        return len(self._held.link.tokens)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held.rows())

    def __getitem__(self, index: Any) -> Any:
        return self._held.rows()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        tokens = list(self._held.link.tokens)
        if isinstance(index, slice):
            tokens[index] = [self._held.token_for(row) for row in value]
        else:
            tokens[index] = self._held.token_for(value)
        self._held.put(tokens)

    def __delitem__(self, index: Any) -> None:
        tokens = list(self._held.link.tokens)
        del tokens[index]
        self._held.put(tokens)

    def insert(self, index: int, value: Any) -> None:
        """Put a row before the one at *index*."""
        token = self._held.token_for(value)
        tokens = list(self._held.link.tokens)  # after token_for: it may bring rows of a snapshot in
        tokens.insert(index, token)
        self._held.put(tokens)

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        """Reorder the rows."""
        rows = sorted(self, key=key, reverse=reverse)
        self._held.put(self._held.token_for(row) for row in rows)

    def reverse(self) -> None:
        """Turn the order round."""
        self._held.put(reversed(self._held.link.tokens))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, list | DraftList) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class DraftSet(MutableSet[Any]):
    """A set of rows."""

    def __init__(self, view: Any, token: int, name: str) -> None:
        self._held = Held(view, token, name)

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        return set(it)

    def __len__(self) -> int:
        return len(self._held.link.tokens)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held.rows())

    def __contains__(self, row: object) -> bool:
        return any(held is row for held in self)

    def add(self, value: Any) -> None:
        """Put a row in, if it is not there."""
        token = self._held.token_for(value)
        tokens = self._held.link.tokens
        if token not in tokens:
            self._held.put((*tokens, token))

    def discard(self, value: Any) -> None:
        """Take a row out, if it is there."""
        if value in self:
            token = self._held.token_for(value)
            self._held.put(other for other in self._held.link.tokens if other != token)

    def update(self, rows: Iterable[Any]) -> None:
        """Put several rows in."""
        for row in rows:
            self.add(row)

    def __repr__(self) -> str:
        return repr(set(self))


class DraftDict(MutableMapping[Any, Any]):
    """Rows by key. The key is the program's to keep in step with the attribute it is made of."""

    def __init__(self, view: Any, token: int, name: str) -> None:
        self._held = Held(view, token, name)

    def __len__(self) -> int:
        return len(self._held.link.tokens)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held.link.keys)

    def __getitem__(self, key: Any) -> Any:
        return self._held.view.twin(self.tokens()[key])

    def __setitem__(self, key: Any, row: Any) -> None:
        token = self._held.token_for(row)
        self.put({**self.tokens(), key: token})

    def __delitem__(self, key: Any) -> None:
        held = self.tokens()
        del held[key]
        self.put(held)

    def tokens(self) -> dict[Any, int]:
        """Return the token under each key."""
        link = self._held.link
        return dict(zip(link.keys, link.tokens, strict=True))

    def put(self, held: dict[Any, int]) -> None:
        """Set what the relationship holds."""
        self._held.put(held.values(), held)

    def __repr__(self) -> str:
        return repr(dict(self))


COLLECTIONS: dict[str, Callable[[Any, int, str], Any]] = {
    "list": DraftList,
    "set": DraftSet,
    "dict": DraftDict,
}
