"""What the rows of the table say will be seen: a small evaluator of effects, written without a look at the analyser's.

It takes what was seen before, runs the effects of a row one after the other, and gives what must be seen after.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tests.lifecycle.world import DELETED, INSERTED, QUERIED, UPDATED, Seen
from tether.lifecycle.rows import Effect

World = dict[str, Seen]
# Which instance has the part and the tag, and over which of them each verb's cascade goes.
OWNER = "full"
CASCADE = {
    "add": ("part", "tag"),
    "detach": ("part",),
    "expire": ("part",),
    "discard": ("part",),
    "delete": ("part",),
}


@dataclass
class Call:
    """How a row is called.

    Attributes:
        given: (parameter, value) of what is given; of an instance, its name in the world.
        result: Names of the instances it gives.
        matched: Names of the instances whose rows a statement touches.
        settings: Of ``expire_on_commit`` and ``autoflush``, those that are on.
        inside: Names of those that were changed since the savepoint.
        gone: Names of those that were deleted in the transaction, or since the savepoint.
        new: Names of those that were added or inserted in this transaction, or since the savepoint.
        absent: Names of those that were not persistent in the Session before the call, or were expired.
        happened: For the effects that may happen: whether this one does.
    """

    given: Mapping[str, object] = field(default_factory=dict)
    result: Collection[str] = ()
    matched: Collection[str] = ()
    settings: Collection[str] = ()
    inside: Collection[str] = ()
    gone: Collection[str] = ("deleted",)
    new: Collection[str] = ("pending", "new")
    absent: Collection[str] = ()
    happened: bool = True


def after(world: World, effects: Iterable[Effect], call: Call) -> World:
    """Return what is seen after *effects*."""
    world = dict(world)
    for effect in effects:
        if (effect.sure or call.happened) and _holds(effect, call):
            names = _subjects(effect, world, call)
            attributes = frozenset(call.given.get(effect.attributes) or ())
            VERBS[effect.verb](world, names, attributes, call)
    return world


def _holds(effect: Effect, call: Call) -> bool:
    """Return whether the conditions of *effect* hold that are about the call as a whole."""
    if effect.when in ("expire_on_commit", "autoflush") and effect.when not in call.settings:
        return False
    wanted = not effect.given.startswith("!")
    name, _, literal = effect.given.removeprefix("!").partition("=")
    value = call.given.get(name)
    return not name or wanted == (repr(value) == literal if literal else bool(value))


def _subjects(effect: Effect, world: World, call: Call) -> list[str]:
    """Return the names of the instances that *effect* is about."""
    if effect.to == "argument":
        name = call.given[effect.argument]
        assert isinstance(name, str)
        return [name, *(CASCADE.get(effect.verb, ()) if name == OWNER and not effect.attributes else ())]
    if effect.to == "result":
        names = list(call.result)
    else:
        names = [name for name, seen in world.items() if seen.session == "this"]
    only = {"new": call.new, "inside": call.inside, "matched": call.matched, "absent": call.absent}.get(
        effect.when
    )
    return names if only is None else [name for name in names if name in only]


def _kind(name: str) -> str:
    return {"part": "Part", "tag": "Tag"}.get(name, "Thing")


def _flush(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        seen, kind = world[name], _kind(name)
        if seen.state == "pending":
            loaded = seen.loaded | INSERTED[kind]
            world[name] = replace(seen, state="persistent", loaded=loaded, changes=frozenset())
        elif seen.marked:
            world[name] = replace(seen, state="deleted", marked=False)
        elif seen.changes:
            world[name] = replace(seen, loaded=seen.loaded - UPDATED[kind], changes=frozenset())


def _expire(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        if world[name].state == "persistent":
            world[name] = replace(world[name], loaded=world[name].loaded - (attributes or world[name].loaded))


def _discard(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        if world[name].state == "persistent":
            world[name] = replace(
                world[name], changes=world[name].changes - (attributes or world[name].changes)
            )


def _load(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        if world[name].state == "persistent":
            world[name] = replace(
                world[name], loaded=world[name].loaded | (attributes or QUERIED[_kind(name)])
            )


def _detach(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    left = {"persistent": "detached", "pending": "transient"}
    left |= {"deleted": "detached"} if len(names) == 1 else {}
    for name in names:
        if (seen := world[name]).state in left:
            world[name] = replace(seen, state=left[seen.state], session="", marked=False)


def _make_transient(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        world[name] = replace(world[name], state="transient", session="", marked=False)


def _make_detached(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        world[name] = replace(world[name], state="detached", changes=frozenset())


def _add(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    entered = {"transient": "pending", "detached": "persistent"}
    for name in names:
        seen = world[name]
        world[name] = replace(seen, state=entered.get(seen.state, seen.state), session="this", marked=False)


def _delete(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        seen = world[name]
        if seen.state in ("persistent", "detached"):
            read = seen.loaded or QUERIED[_kind(name)]
            loaded = read | DELETED.get(_kind(name), frozenset())
            world[name] = replace(seen, state="persistent", session="this", loaded=loaded, marked=True)
        elif seen.state == "deleted":
            world[name] = replace(seen, marked=True)


def _remove(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        if world[name].state == "persistent" and world[name].loaded:
            world[name] = replace(world[name], state="deleted", marked=False)


def _set(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        if (seen := world[name]).state == "persistent":
            world[name] = replace(seen, loaded=seen.loaded - seen.changes, changes=frozenset())


def _update(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name in names:
        if world[name].state == "persistent":
            _set(world, [name], attributes, call)
            world[name] = replace(world[name], loaded=world[name].loaded - UPDATED[_kind(name)])


def _let_load(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    """inspect() shows what it would show after add()."""
    _add(world, [name for name in names if not world[name].marked], attributes, call)


def _commit(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    if "expire_on_commit" in call.settings:
        for name, seen in world.items():
            if seen.state == "deleted":
                world[name] = replace(seen, state="detached", session="")


def _rollback(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    for name, seen in world.items():
        if seen.state == "deleted" and name in call.gone:
            world[name] = replace(seen, state="persistent")
        if seen.state == "persistent":
            world[name] = replace(world[name], marked=False)


def _nothing(world: World, names: list[str], attributes: frozenset[str], call: Call) -> None:
    """Change nothing that inspect() shows of an instance."""


VERBS: dict[str, Callable[[World, list[str], frozenset[str], Call], None]] = {
    "flush": _flush,
    "expire": _expire,
    "load": _load,
    "detach": _detach,
    "discard": _discard,
    "make transient": _make_transient,
    "make detached": _make_detached,
    "add": _add,
    "delete": _delete,
    "remove": _remove,
    "set": _set,
    "update": _update,
    "let load": _let_load,
    "copy": _nothing,
    "begin": _nothing,
    "commit": _commit,
    "rollback": _rollback,
    "close": _nothing,
    "end": _nothing,
}
