"""Query, Result and statements: what running them, or fetching, does to the instances is what the table says."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, true, update
from sqlalchemy.orm import Session, joinedload, make_transient, make_transient_to_detached, object_session
from sqlalchemy.orm.attributes import flag_modified, set_committed_value

from tests.lifecycle.calls import KEYS, SELECTED
from tests.lifecycle.checking import fits, named, rows_here, which
from tests.lifecycle.conftest import Databases
from tests.lifecycle.evaluate import Call
from tests.lifecycle.world import BEFORE, IN_DATABASE, PRIMARY_KEY, Part, Thing, look_at_all, populate
from tether.lifecycle.rows import Row

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
]
HERE = rows_here()
ONE = ("one", "one_or_none", "scalar", "scalar_one", "scalar_one_or_none")  # fetched from one row
BOTH = ({"expire_on_commit", "autoflush"}, {"expire_on_commit"})

# What the members of Query and Select are given.
GIVEN: dict[str, tuple[Any, ...]] = {
    "__getitem__": (0,),
    "add_columns": (Thing.name,),
    "add_entity": (Part,),
    "autoflush": (True,),
    "correlate": (Part,),
    "enable_assertions": (False,),
    "enable_eagerloads": (True,),
    "except_": (select(Thing),),
    "fetch": (1,),
    "fetchmany": (2,),
    "filter": (true(),),
    "filter_by": (),
    "from_statement": (text("SELECT * FROM thing"),),
    "group_by": (Thing.id,),
    "having": (func.count(Thing.id) > 0,),
    "intersect": (select(Thing),),
    "join": (Thing.parts,),
    "join_from": (Thing, Part),
    "label": ("x",),
    "limit": (1,),
    "offset": (0,),
    "only_return_tuples": (True,),
    "options": (joinedload(Thing.shop),),
    "order_by": (Thing.id,),
    "outerjoin": (Thing.parts,),
    "params": (),
    "prefix_with": ("ALL",),
    "select_from": (Thing,),
    "set_label_style": (),
    "slice": (0, 1),
    "suffix_with": ("ALL",),
    "union": (select(Thing),),
    "union_all": (select(Thing),),
    "update": ({"name": "changed"},),
    "values": (Thing.id,),
    "where": (true(),),
    "with_entities": (Thing,),
    "with_hint": (Thing, "x"),
    "with_only_columns": (Thing,),
    "with_statement_hint": ("x",),
    "yield_per": (10,),
}


def session_for(databases: Databases, settings: set[str]) -> Session:
    """Return a Session on a fresh database."""
    return Session(databases.fresh(), autoflush="autoflush" in settings)


def seen_of(row: Row, settings: set[str], result: Any = SELECTED, **more: Any) -> Call:
    """Return what the evaluator must know."""
    return Call(result=result, settings=settings, matched=SELECTED, **more)


QUERY = {name: row for name, row in HERE.items() if name.startswith("sqlalchemy.orm.Query.")}


def query_for(member: str, session: Session, world: dict[str, Any]) -> Any:
    """Return the query that *member* is tried on."""
    if member in ("with_parent", "values", "add_columns", "add_entity", "select_from", "from_statement"):
        return session.query(Part if member == "with_parent" else Thing)
    keys = [PRIMARY_KEY["expired"]] if member in ONE else KEYS
    return (
        session.query(Thing)
        .filter(Thing.id.in_(keys))
        .order_by(*([] if member in ("update", "delete") else [Thing.id]))
    )


def given_to(member: str, session: Session, world: dict[str, Any]) -> tuple[Any, ...]:
    """Return the arguments of *member*."""
    if member == "with_parent":
        return (world["full"],)
    if member == "with_session":
        return (session,)
    if member == "set_label_style":
        from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL

        return (LABEL_STYLE_TABLENAME_PLUS_COL,)
    return GIVEN.get(member, ())


@pytest.mark.parametrize("name", [name for name in QUERY if not name.endswith(".get")])
def test_query(name: str, databases: Databases) -> None:
    """
    A member of Query runs SQL, loads and returns what its row says, and leaves every other instance alone.
    """
    row, member = QUERY[name], name.rpartition(".")[2]
    for settings in BOTH:
        with session_for(databases, settings) as session:
            world = populate(session)
            before = look_at_all(world, session)
            query = query_for(member, session, world)
            value: Any = getattr(query, member)
            if not isinstance(value, (list, type(select(Thing)))) and callable(value):
                value = value(*given_to(member, session, world))
            effects = [] if row.role == "statement" else row.effects
            after = look_at_all(world, session) if member != "__iter__" else None

            assert fits(row.returns, value, query, session)
            after = after or look_at_all(world, session)
            result = (
                ["expired"]
                if member in ONE
                else ["clean"]
                if member in ("first", "__getitem__")
                else SELECTED
            )
            assert {} == which(before, effects, seen_of(row, settings, result), after)[1]


@pytest.mark.parametrize("key", [*PRIMARY_KEY.values(), IN_DATABASE])
def test_query_get(key: int, databases: Databases) -> None:
    """
    Query.get() does what its row says for a row in each state.
    """
    row, by_key = QUERY["sqlalchemy.orm.Query.get"], {key: name for name, key in PRIMARY_KEY.items()}
    with session_for(databases, BOTH[0]) as session:
        world = populate(session)
        before = look_at_all(world, session)
        value = session.query(Thing).get(key)
        name = by_key.get(key, "")
        absent = {one for one, seen in before.items() if seen.state != "persistent" or not seen.loaded}
        result = [name] if value is not None and world.get(name) is value else []

        call = seen_of(row, BOTH[0], result, absent=absent)
        assert {} == which(before, row.effects, call, look_at_all(world, session))[1]
        assert fits(row.returns, value, None, session)


def test_populate_existing(databases: Databases) -> None:
    """
    Query.populate_existing() and its execution option drop, forget and load when the rows are fetched.
    """
    for name in ("sqlalchemy.orm.Query.populate_existing", "sqlalchemy.Select.execution_options"):
        for settings in BOTH:
            with session_for(databases, settings) as session:
                world = populate(session)
                before = look_at_all(world, session)
                if "Query" in name:
                    session.query(Thing).filter(Thing.id.in_(KEYS)).populate_existing().all()
                else:
                    query = select(Thing).where(Thing.id.in_(KEYS)).execution_options(populate_existing=True)
                    session.scalars(query).all()
                effects = (*HERE["sqlalchemy.orm.Session.execute"].effects, *HERE[name].effects)
                call = seen_of(HERE[name], settings, given={"populate_existing": True})

                assert {} == which(before, effects, call, look_at_all(world, session))[1]


RESULT = {
    name: row
    for name, row in HERE.items()
    if name.startswith(
        ("sqlalchemy.engine.Result.", "sqlalchemy.engine.ScalarResult.", "sqlalchemy.engine.MappingResult.")
    )
}


@pytest.mark.parametrize("name", RESULT)
def test_result(name: str, databases: Databases) -> None:
    """
    A member of Result, ScalarResult or MappingResult loads what its row says, and gives it.
    """
    row, (_, _, kind, member) = RESULT[name], name.split(".")
    keys = [PRIMARY_KEY["expired"]] if member in ONE else KEYS
    with session_for(databases, BOTH[0]) as session:
        world = populate(session)
        result: Any = session.execute(select(Thing).where(Thing.id.in_(keys)).order_by(Thing.id))
        receiver = {"Result": result, "ScalarResult": result.scalars, "MappingResult": result.mappings}[kind]
        receiver = receiver if kind == "Result" else receiver()
        before = look_at_all(world, session)
        given = {"yield_per": (10,), "columns": (0,), "merge": ()}.get(member, GIVEN.get(member, ()))
        value = getattr(receiver, member)(*given)

        assert fits(row.returns, value, receiver, session)
        found = ["expired"] if member in ONE else SELECTED
        assert {} == which(before, row.effects, seen_of(row, BOTH[0], found), look_at_all(world, session))[1]


SELECT = {name: row for name, row in HERE.items() if name.startswith("sqlalchemy.Select.")}


@pytest.mark.parametrize("name", SELECT)
def test_select(name: str) -> None:
    """
    A member of Select gives another Select.
    """
    member = name.rpartition(".")[2]
    query = select(Thing)

    assert isinstance(getattr(query, member)(*GIVEN.get(member, ())), type(query))


STATEMENTS = {
    "sqlalchemy.select": lambda: select(Thing).where(Thing.id.in_(KEYS)),
    "sqlalchemy.update": lambda: update(Thing).where(Thing.id.in_(KEYS)).values(name="new"),
    "sqlalchemy.delete": lambda: delete(Thing).where(Thing.id.in_(KEYS)),
    "sqlalchemy.insert": lambda: insert(Part).values(id=1000),
    "sqlalchemy.Update.returning": lambda: (
        update(Part).where(Part.id == IN_DATABASE).values(thing_id=None).returning(Part)
    ),
    "sqlalchemy.Delete.returning": lambda: delete(Part).where(Part.id == IN_DATABASE).returning(Part),
    "sqlalchemy.Insert.returning": lambda: insert(Part).values(id=1000).returning(Part),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement(name: str, databases: Databases) -> None:
    """
    Executing a statement does to the instances what execute() and the statement's row say.
    """
    row = HERE[name]
    for settings in BOTH:
        with session_for(databases, settings) as session:
            world = populate(session)
            before = look_at_all(world, session)
            statement = STATEMENTS[name]()
            session.execute(statement)
            effects = (*HERE["sqlalchemy.orm.Session.execute"].effects, *row.effects)

            assert isinstance(statement, named(row.returns.type)) or name.endswith("returning")
            assert {} == which(before, effects, seen_of(row, settings), look_at_all(world, session))[1]


FUNCTIONS = {
    "sqlalchemy.orm.make_transient": make_transient,
    "sqlalchemy.orm.make_transient_to_detached": make_transient_to_detached,
    "sqlalchemy.orm.object_session": object_session,
    "sqlalchemy.inspect": named("sqlalchemy.inspect"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("instance", BEFORE)
def test_function(name: str, instance: str, databases: Databases) -> None:
    """
    A function of sqlalchemy.orm does to an instance in each state what its row says.
    """
    row = HERE[name]
    with session_for(databases, BOTH[0]) as session:
        world = populate(session)
        before = look_at_all(world, session)
        if row.needs and before[instance].state not in row.needs:
            with pytest.raises(named("sqlalchemy.exc.InvalidRequestError")):
                FUNCTIONS[name](world[instance])
            return
        value = FUNCTIONS[name](world[instance])
        call = seen_of(row, BOTH[0], given={"instance": instance})

        assert value is None or fits(row.returns, value, None, session)
        assert {} == which(before, row.effects, call, look_at_all(world, session))[1]


def test_functions_of_attributes(databases: Databases) -> None:
    """
    flag_modified() and set_committed_value() touch no instance but the one they are given.
    """
    with session_for(databases, BOTH[0]) as session:
        world = populate(session)
        before = look_at_all(world, session)
        flag_modified(world["clean"], "name")
        set_committed_value(world["clean"], "note", "long")
        after = look_at_all(world, session)

        assert {"clean"} == {name for name in before if before[name] != after[name]}


EXECUTED = {
    *QUERY,
    *RESULT,
    *SELECT,
    *STATEMENTS,
    *FUNCTIONS,
    "sqlalchemy.orm.attributes.flag_modified",
    "sqlalchemy.orm.attributes.set_committed_value",
}
