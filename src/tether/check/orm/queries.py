"""Statements, loader options, and the instances that executing one gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.facts_of_loading import EFFECT_FACTS
from tether.check.abstract.state import State
from tether.check.abstract.things import (
    CLOSED,
    DETACHED,
    EXPIRED,
    LOADED,
    PERSISTENT,
    Collection,
    Facts,
    Instance,
    Loader,
    Options,
    Result,
    Session,
    Statement,
    Where,
    surely,
)
from tether.check.abstract.values import (
    NONE,
    NOTHING,
    UNKNOWN,
    Attribute,
    Class,
    External,
    Ref,
    Value,
    join,
    literal,
    one,
)
from tether.check.interpreting.flow import Activation
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.orm.mapped import mapped

VERBS = ("select", "update", "delete", "insert")
# Methods that limit what a statement gives; a Query's `get` is a row of the table.
NARROWING = frozenset({
    "where", "filter", "filter_by", "limit", "having",
    "fetch", "with_parent", "slice", "offset", "intersect", "except_",
})  # fmt: skip


# ------------------------------------------------------------------ statements


def statement(
    interpreter: Interpreter, activation: Activation, span: ops.Span, verb: str, entities: Sequence[Value],
    state: State, number: int, session: int = -1,
) -> Value:  # fmt: skip
    """Return a new statement about *entities*."""
    state.things[number] = Statement(
        verb=verb,
        entities=tuple(entities),
        session=session,
        made=activation.where(span),
        target=entities[0] if verb == "update" and entities else NOTHING,
    )
    return one(Ref(number))


def statement_method(
    interpreter: Interpreter, state: State, found: Statement, name: str,
    positional: Sequence[Value], named: Mapping[str, Value], number: int,
) -> Value:  # fmt: skip
    """Return the statement that a method of a statement gives."""
    if name == "options":
        found = replace(found, options=with_options(state, found.options, positional))
    elif (
        name == "execution_options" and literal(named.get("populate_existing", NONE)) is True
    ) or name == "populate_existing":
        found = replace(found, refreshes=True)
    elif name in NARROWING:
        found = replace(found, narrowed=True)
    elif name == "returning":
        found = replace(found, entities=tuple(positional), returning=True)
    elif name in (
        "with_entities",
        "with_only_columns",
        "add_columns",
        "add_entity",
        "from_statement",
        "join_from",
    ):
        found = replace(found, entities=tuple(positional) if name == "with_entities" else (), options=None)
    state.things[number] = found
    return one(Ref(number))


def with_options(state: State, known: Options | None, values: Sequence[Value]) -> Options | None:
    """Return options with more of them; None where one was not understood."""
    for value in values:
        found = state.only(value, Loader)
        if found is None or not found[1].known or known is None:
            return None
        known = joined_options(known, found[1].options)
    return known


def joined_options(mine: Options, theirs: Options) -> Options:
    """Return two trees of options as one; the later one wins."""
    tree = {name: (effect, below) for name, effect, below in mine}
    for name, effect, below in theirs:
        held = tree.get(name)
        tree[name] = (effect if effect != "keep" or held is None else held[0],
                      joined_options(held[1], below) if held else below)  # fmt: skip
    return tuple((name, effect, below) for name, (effect, below) in tree.items())


def loader_option(
    interpreter: Interpreter, state: State, name: str, positional: Sequence[Value], named: Mapping[str, Value],
    number: int, before: Loader | None = None,
) -> Value:  # fmt: skip
    """Return what ``selectinload(...)`` gives, or the same as a method of an option."""
    known = interpreter.table.options.get(name)
    before = before or Loader()
    names = [attribute_name(state, value) for value in positional]
    if not known or not names or None in names:
        state.things[number] = Loader(known=False)
        return one(Ref(number))
    option = known[0]
    effect = option.effect
    if option.given[0] and literal(named.get(option.given[0], NONE)) is True:
        effect = option.given[1]
    if option.other != "keep":
        added: Options = (*tuple((str(attribute), effect, ()) for attribute in names), ("", option.other, ()))
        path = before.path
    elif option.follows:
        # selectinload(A.b, B.c) is a chain
        added, path = (), (*before.path, *map(str, names))
        for attribute in reversed(names):
            added = ((str(attribute), effect, added),)
    else:
        added, path = tuple((str(attribute), effect, ()) for attribute in names), before.path
    for attribute in reversed(before.path):
        added = ((attribute, "keep", added),)
    state.things[number] = Loader(
        options=joined_options(before.options, added), path=path, known=before.known
    )
    return one(Ref(number))


def options_below(state: State, values: Sequence[Value], number: int, before: Loader) -> Value:
    """Return what ``selectinload(...).options(...)`` gives: the path stays where it is."""
    added = with_options(state, (), values)
    for attribute in reversed(before.path):
        added = ((attribute, "keep", added),) if added is not None else None
    if added is None:
        state.things[number] = replace(before, known=False)
    else:
        state.things[number] = replace(before, options=joined_options(before.options, added))
    return one(Ref(number))


def attribute_name(state: State, value: Value) -> str | None:
    """Return the attribute an option is about, ``User.orders`` or ``"*"``; None if it is not known."""
    if len(value) == 1:
        (atom,) = value
        if isinstance(atom, Attribute):
            return atom.name
        held = literal(value)
        if isinstance(held, str) and held != "*":
            return held
    return None


# ------------------------------------------------------------------- instances


def load(
    interpreter: Interpreter, state: State, number: int, model: Class, session: int, where: Where,
    *, options: Options | None = (), many: bool = False, refreshes: bool = False, flags: Facts = frozenset(),
) -> Value:  # fmt: skip
    """Put an instance that a query loads into the state, and return it."""
    owner = state.get(session, Session)
    before = [
        (n, i) for n, i in state.members(session) if n != number and may_be(interpreter, i.model, model)
    ]
    attributes: dict[str, Facts] = {}
    columns: Facts = frozenset({LOADED})
    for name, effect, _ in options or ():
        if name == "":
            columns = EFFECT_FACTS[effect]
        else:
            attributes[name] = EFFECT_FACTS[effect]
    load_again(state, before)
    state.things[number] = Instance(
        model=model,
        session=session,
        states=frozenset({PERSISTENT}),
        columns=columns,
        attributes=attributes,
        held={},
        options=options or (),
        changed={},
        written={},
        loaded=where,
        many=many,
        others=options is None
        or owner is None
        or not is_known(state, session, owner)
        or (bool(before) and not owner.asynchronous),
        flags=flags if options is not None else frozenset({"unsure"}),
    )
    return one(Ref(number))


def load_again(state: State, rows: Iterable[tuple[int, Instance]]) -> None:
    """Note that rows may be among those a query gives: what it loads is loaded there as well."""
    for number, instance in rows:
        if EXPIRED in instance.columns or any(EXPIRED in facts for facts in instance.attributes.values()):
            state.things[number] = replace(
                instance, columns=instance.columns | {LOADED},
                attributes={name: facts | {LOADED} for name, facts in instance.attributes.items()},
            )  # fmt: skip


def loaded_too(interpreter: Interpreter, state: State, session: int, row: int) -> None:
    """Note that what is refreshed may be a row that the program has from elsewhere, too."""
    refreshed = state.get(row, Instance)
    if refreshed is not None:
        load_again(state, [
            (number, held)
            for number, held in state.members(session)
            if number != row and may_be(interpreter, held.model, refreshed.model)
        ])  # fmt: skip


def is_own(state: State, number: int, session: Session) -> bool:
    """Return whether everything that ever was in a Session was put there in what is looked at."""
    return session.owner == "own" or (session.owner == "ambient" and number not in state.base)


def is_known(state: State, number: int, session: Session) -> bool:
    """Return whether what a Session has is known well enough to say what reading an instance of it does.

    Where reading must not load, programs do not lean on what a caller has loaded by chance.
    """
    given = session.owner == "parameter" and session.sure and session.asynchronous
    return given or is_own(state, number, session)


def may_be(interpreter: Interpreter, mine: Class, theirs: Class) -> bool:
    """Return whether rows of two classes may be the same row."""
    if mine == theirs:
        return True
    mapping, other = mapped(interpreter, mine), mapped(interpreter, theirs)
    return mapping is None or other is None or mapping.related(theirs) or other.related(mine)


def executed(
    interpreter: Interpreter, activation: Activation, span: ops.Span, state: State, found: Statement, session: int,
    *, scalars: bool = False, type_: str = "sqlalchemy.engine.Result",
) -> Result:  # fmt: skip
    """Return the result of executing a statement in a Session."""
    return Result(statement=found, session=session, scalars=scalars, type=type_, made=activation.where(span))


def rows_of(
    interpreter: Interpreter, activation: Activation, span: ops.Span, state: State, result: Result, kind: str
) -> Value:
    """Return what one row of a result is: an instance, a value, or a tuple; *kind* tells those of one line apart."""
    entities = result.statement.entities
    where = activation.where(span)._replace(cause="")
    made = result.made or where
    values = [
        entity_of(interpreter, activation, state, result, entity, (span, kind, position), made, many=True)
        for position, entity in enumerate(entities)
    ]
    if not values:
        return UNKNOWN
    if result.scalars:
        return values[0]
    number = interpreter.number(activation, span, kind, "row")
    state.things[number] = Collection(
        kind="tuple", element=join(values), items=dict(enumerate(values)), made=made
    )
    return one(Ref(number))


def entity_of(
    interpreter: Interpreter, activation: Activation, state: State, result: Result, entity: Value, key: Any,
    where: Where, *, many: bool,
) -> Value:  # fmt: skip
    """Return what one element of a row is."""
    if len(entity) != 1:
        return UNKNOWN
    (atom,) = entity
    if (
        isinstance(atom, External)
        and atom.name == "sqlalchemy.orm.aliased"
        and isinstance(atom.receiver, Class)
    ):
        atom = atom.receiver
    if isinstance(atom, Class) and mapped(interpreter, atom) is not None:
        number = interpreter.number(activation, *key, "many" if many else "one")
        found = result.statement
        whole = many and found.verb == "select" and not found.narrowed
        made = load(interpreter, state, number, atom, result.session, where,
                    options=found.options, many=many, refreshes=found.refreshes,
                    flags=frozenset({"whole"} if whole else ()))  # fmt: skip
        left_behind(state, number, result.session)
        return made
    return UNKNOWN


def left_behind(state: State, number: int, session: int) -> None:
    """Note that a row is detached where its result is read behind the block of an AsyncSession.

    Run on 2.0 and 2.1: an AsyncSession makes the instances when it executes, so they left it with its end.
    """
    owner, row = state.get(session, Session), state.get(number, Instance)
    if owner and row and owner.asynchronous and owner.managed and surely(owner.life, CLOSED):
        state.things[number] = replace(row, states=frozenset({DETACHED}), detached=owner.ended)


def single(
    interpreter: Interpreter,
    activation: Activation,
    span: ops.Span,
    state: State,
    result: Result,
    *,
    optional: bool,
) -> Value:
    """Return one row, or its first element, and None where there may be no row."""
    values = [
        entity_of(interpreter, activation, state, result, entity, (span, "one", position), result.made
                  or activation.where(span), many=False)
        for position, entity in enumerate(result.statement.entities)
    ]  # fmt: skip
    if not values:
        return UNKNOWN
    if result.scalars or len(values) == 0:
        found = values[0]
    else:
        number = interpreter.number(activation, span, "one", "row")
        state.things[number] = Collection(
            kind="tuple", element=join(values), items=dict(enumerate(values)), made=result.made
        )
        found = one(Ref(number))
    return found | NONE if optional else found
