"""What every twin can do, whatever class it is the twin of."""

from __future__ import annotations

import copy
from inspect import getattr_static
from typing import Any, NoReturn, TypeVar

from tether.carry.near import near_names
from tether.errors import ReadOnlyError, SnapshotError

T = TypeVar("T")
EDIT = "a snapshot does not change; tether.edit() gives a draft that does"


class Twin:
    """A row outside of any Session. A mapped attribute of the same name goes before the names defined here."""

    __slots__ = ("__weakref__", "_tether_token", "_tether_view")

    _tether_token: int
    _tether_view: Any

    def __repr__(self) -> str:
        node = self._tether_view.node(self._tether_token)
        key = ", ".join(map(repr, node.key[1])) if node.key else "new"
        return f"<{self._tether_view.flavour} of {node.class_.__name__}({key})>"

    def __reduce__(self) -> tuple[Any, ...]:
        return self._tether_view.pickled(self._tether_token)  # type: ignore[no-any-return]

    def __delattr__(self, name: str) -> NoReturn:
        raise ReadOnlyError(
            f"`{type(self).__name__}.{name}` cannot be deleted; in a draft it can be set to None"
        )


class SnapshotTwin(Twin):
    """A twin that does not change."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ReadOnlyError(f"`{type(self).__name__}.{name}` cannot be set: {EDIT}")

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def edit(self) -> Any:
        """Return a draft of this row: a copy that can be changed, and remembers what it was."""
        return self._tether_view.edited(self._tether_token)


class DraftTwin(Twin):
    """A twin that can be changed."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        if not hasattr(getattr_static(type(self), name, None), "__set__"):
            raise SnapshotError(
                f"`{type(self).__name__}` has no attribute `{name}` to set{near_names(name, dir(type(self)))}"
            )
        object.__setattr__(self, name, value)

    def __copy__(self) -> Any:
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self._tether_view, memo).twin(self._tether_token)

    def new(self, class_: type[T], /, **values: Any) -> T:
        """Return a new row that belongs to this draft; link it to have it inserted."""
        made: T = self._tether_view.new(class_, values)
        return made

    @property
    def changes(self) -> list[Any]:
        """What differs from the base, in all rows of the draft."""
        found: list[Any] = self._tether_view.changes()
        return found

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from the base."""
        return bool(self._tether_view.changes())


set_view: Any = vars(Twin)["_tether_view"].__set__
set_token: Any = vars(Twin)["_tether_token"].__set__
