"""What every twin can do, whatever class it is the twin of."""

from __future__ import annotations

from inspect import getattr_static
from typing import Any, NoReturn, TypeVar

from tether.carry.frozen import plain
from tether.carry.near import near_names
from tether.carry.views import EDIT, View
from tether.errors import ReadOnlyError, SnapshotError

T = TypeVar("T")


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
        return View.twin, (self._tether_view, self._tether_token)

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
        from tether.carry.drafts import edit

        return edit(self)


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
        return copy_draft(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy_draft(self)

    def new(self, class_: type[T], /, **values: Any) -> T:
        """Return a new row that belongs to this draft; link it to have it inserted."""
        from tether.carry.drafts import new

        return new(self, class_, **values)

    @property
    def changes(self) -> list[Any]:
        """What differs from the base, in all rows of the draft."""
        from tether.carry.drafts import changes

        return changes(self)

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from the base."""
        from tether.carry.drafts import is_changed

        return is_changed(self)


def copy_draft(draft: Any) -> Any:
    """Return the same row of an independent draft with the same base."""
    view = draft._tether_view
    view.settle()
    mine = view.graph.copy()
    mine.nodes = {
        token: node.copy() if node is not view.base.nodes.get(token) else node
        for token, node in mine.nodes.items()
    }
    for node in mine:
        if node is not view.base.nodes.get(node.token):
            node.values = {name: plain(value) for name, value in node.values.items()}
    return type(view)(view.base, mine).twin(draft._tether_token)


set_view: Any = vars(Twin)["_tether_view"].__set__
set_token: Any = vars(Twin)["_tether_token"].__set__
