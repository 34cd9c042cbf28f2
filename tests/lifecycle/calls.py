"""How each name of the table is called, so that a test can call all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from tests.lifecycle.world import BEFORE, IN_DATABASE, PRIMARY_KEY, UNUSED, Part, Thing
from tether.lifecycle.rows import Row

# The rows that statements and queries of the tests select, and those of them that have an instance.
SELECTED = ("clean", "full", "dirty", "expired", "written")
KEYS = [*(PRIMARY_KEY[name] for name in SELECTED), IN_DATABASE]
INSTANCES = ("instance", "instances", "obj", "objects")

# Arguments of members that have no instance among their parameters, by the member's name.
PLAIN: dict[str, tuple[Any, ...]] = {
    "query": (Thing,),
    "bulk_insert_mappings": (Part, [{"id": UNUSED}]),
    "bulk_update_mappings": (Part, [{"id": IN_DATABASE, "thing_id": None}]),
    "identity_key": (Thing, 1),
    "bind_mapper": (Thing, None),
    "bind_table": (Thing.__table__, None),
    "run_sync": (lambda session: None,),
}
# Parameters that change what a member does, with what they are given.
OPTIONAL: dict[str, tuple[dict[str, Any], ...]] = {
    "refresh": ({}, {"attribute_names": ["name", "shop_id"]}, {"with_for_update": True}),
    "expire": ({}, {"attribute_names": ["name", "tags"]}),
    "merge": ({}, {"load": False}),
    "merge_all": ({}, {"load": False}),
    "get": ({}, {"populate_existing": True}),
    "get_one": ({}, {"populate_existing": True}),
}


@dataclass(frozen=True)
class Scene:
    """One way to call a member of a Session.

    Attributes:
        instance: Name of the instance that is given, "" if none is.
        key: Primary key that is asked for, 0 if none is.
        arguments: Positional arguments, an instance by its name.
        named: Other arguments.
        settings: Of ``expire_on_commit`` and ``autoflush``, those that are on.
    """

    instance: str = ""
    key: int = 0
    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)
    settings: frozenset[str] = frozenset({"expire_on_commit", "autoflush"})

    @property
    def common(self) -> bool:
        """Whether a class that only passes calls on is tried with it too."""
        usual = self.instance in ("", "pending", "dirty", "detached") and self.key in (0, *KEYS)
        return usual and len(self.settings) == 2


def scenes(member: str, row: Row) -> Iterator[Scene]:
    """Yield every way in which the tests call *member* of a Session."""
    conditions = {one.when for one in (*row.effects, *row.leaving, *row.failing)}
    both = frozenset({"expire_on_commit", "autoflush"})
    settings = [both, *(both - {one} for one in sorted(both & conditions))]
    for setting in settings:
        for named in OPTIONAL.get(member, ({},)):
            for instance, key, arguments in _arguments(member, row):
                yield Scene(instance, key, arguments, named, setting)


def _arguments(member: str, row: Row) -> Iterator[tuple[str, int, tuple[Any, ...]]]:
    """Yield the instance, the key and the positional arguments of each call of *member*."""
    first = row.parameters[0] if row.parameters else ""
    if member == "flush":
        yield "", 0, ()
        for name in ("pending", "clean", "dirty", "marked"):
            yield name, 0, ([name],)
    elif member in PLAIN:
        yield "", 0, PLAIN[member]
    elif first in INSTANCES or member in ("is_modified", "__contains__"):
        for name in BEFORE:
            yield name, 0, (name,) if first not in ("instances", "objects") else ([name],)
    elif first == "statement":
        yield "", 0, (select(Thing).where(Thing.id.in_(KEYS)).order_by(Thing.id),)
    elif first == "entity":
        for key in (*PRIMARY_KEY.values(), IN_DATABASE, UNUSED):
            yield "", key, (Thing, key)
    else:
        yield "", 0, ()
