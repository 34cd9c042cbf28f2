"""The two people who edit: each has the row, other rows, and new ones, whatever form they come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from tether.carry.shape import shape_of
from tether.testing.rows import Thing


@dataclass
class Side:
    """What one of the two has in hands.

    Attributes:
        objects: The rows that were there, by their names in the scene.
        fresh: The rows it may insert, by their names in the scene.
        make: Makes an object of one of those.
        made: What it has made.
    """

    objects: Mapping[str, Any]
    fresh: Mapping[str, Thing]
    make: Callable[[Thing], Any]
    made: list[Any] = field(default_factory=list)

    @property
    def root(self) -> Any:
        """The row the case is about."""
        return self.objects["root"]

    def other(self, name: str) -> Any:
        """Return another row that exists."""
        return self.objects[name]

    def new(self, name: str) -> Any:
        """Return a new row."""
        made = self.make(self.fresh[name])
        self.made.append(made)
        return made


def transient(thing: Thing) -> Any:
    """Return a new instance of a mapped class, without calling its ``__init__``."""
    instance = shape_of(thing.class_).mapper.class_manager.new_instance()
    for name, value in given(thing).items():
        setattr(instance, name, value)
    return instance


def given(thing: Thing) -> dict[str, Any]:
    """Return what a program says of a new row; the version is SQLAlchemy's to give."""
    left_out = {thing.shape.version, *thing.implied}
    return {name: value for name, value in thing.values.items() if name not in left_out}


def in_draft(root: Any) -> Callable[[Thing], Any]:
    """Return what makes new rows of a draft."""

    def make(thing: Thing) -> Any:
        return root.new(thing.class_, **given(thing))

    return make


def get(session: Session, thing: Thing, *options: Any) -> Any:
    """Return the instance of a row that exists."""
    key = thing.primary_key
    return session.get(thing.class_, key[0] if len(key) == 1 else key, options=options)
