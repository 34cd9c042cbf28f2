"""Every private name of SQLAlchemy that tether touches, with its reason and a start-up self-check.

Public names that tether wraps (``Session.merge``) stand here too: a wrapper depends on their parameters.
Each was run on SQLAlchemy 2.0.20, 2.0.58 and 2.1.9. What 2.1 renamed with a leading underscore
(``AttributeImpl``, ``LazyLoader``, ``load_on_ident``) is not used at all.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter, itemgetter
from types import FunctionType
from typing import Any, Final
from weakref import ref

import sqlalchemy
from sqlalchemy.orm import Session
from sqlalchemy.orm import session as session_module
from sqlalchemy.orm.state import InstanceState

OLDEST: Final = (2, 0, 20)


@dataclass(frozen=True, slots=True)
class Name:
    """One name of SQLAlchemy's that tether wraps.

    Attributes:
        module: Where it lives.
        path: Class and attribute, or a function of the module; spellings of several versions with "|" between.
        parameters: The parameters it must have, in this order (more may follow).
        reason: What is learned there.
    """

    module: str
    path: str
    parameters: tuple[str, ...]
    reason: str

    def owner(self) -> Any:
        """Return the class or module that holds the name; None if it is gone."""
        for spelling in self.path.split("|"):
            holder: Any = import_module(self.module)
            for part in spelling.split(".")[:-1]:
                holder = getattr(holder, part, None)
            if holder is not None:
                return holder
        return None

    @property
    def attribute(self) -> str:
        """Last part of the path."""
        return self.path.rpartition(".")[2]

    def problem(self) -> str:
        """Return one sentence that says what is missing; "" if the name is as expected."""
        held = getattr(self.owner(), self.attribute, None)
        if held is None:
            return f"{self.module}.{self.path} does not exist in SQLAlchemy {sqlalchemy.__version__}"
        if not self.parameters:
            return ""  # any will do: the wrapper passes on whatever it gets
        found = tuple(inspect.signature(held).parameters)
        if found[: len(self.parameters)] == self.parameters:
            return ""
        return (
            f"{self.module}.{self.path} takes ({', '.join(found)}) in SQLAlchemy "
            f"{sqlalchemy.__version__}, not ({', '.join(self.parameters)})"
        )


_ORM = "sqlalchemy.orm."

# fmt: off
NAMES: Final[Mapping[str, Name]] = {
    "instances": Name(_ORM + "loading", "instances", ("cursor", "context"),
        "once per ORM query, before its rows are built; context.runid is what each loaded state carries"),
    "initialize": Name(_ORM + "state", "InstanceState._initialize_instance", (),
        "runs the constructor of a mapped class"),
    "unpickle": Name(_ORM + "state", "InstanceState.__setstate__", ("self", "state_dict"),
        "an instance comes out of a pickle"),
    "pickle": Name(_ORM + "state", "InstanceState.__getstate__", ("self",),
        "an instance is pickled or deep-copied"),
    "detach": Name(_ORM + "state", "InstanceState._detach_states", ("states", "session", "to_transient"),
        "every close, expunge, commit of a delete and rollback of an insert passes here; no event fires for some"),
    "modified": Name(_ORM + "state", "InstanceState._modified_event",
        ("self", "dict_", "attr", "previous", "collection", "is_userland"),
        "every change of a column, relationship, collection or Mutable passes here"),
    "remove_snapshot": Name(_ORM + "session", "SessionTransaction._remove_snapshot", ("self",),
        "a commit succeeded and is about to expire"),
    "restore_snapshot": Name(_ORM + "session", "SessionTransaction._restore_snapshot", ("self", "dirty_only"),
        "a rollback is about to expire; the events fire only after the changes are gone"),
    "end_transaction": Name(_ORM + "session", "SessionTransaction.close", ("self", "invalidate"),
        "a transaction ends, committed or not"),
    "expire_state": Name(_ORM + "session", "Session._expire_state", ("self", "state", "attribute_names"),
        "expire() and refresh(), before they clear the changes"),
    "conditional_expire": Name(_ORM + "session", "Session._conditional_expire", ("self", "state"),
        "each instance that expire() and refresh() reach by cascade"),
    "expire_all": Name(_ORM + "session", "Session.expire_all", ("self",), "expire_all(), before it clears the changes"),
    "after_attach": Name(_ORM + "session", "Session._after_attach", ("self", "state", "obj"),
        "an instance joins a Session; _before_attach and the identity map may still refuse it"),
    "delete": Name(_ORM + "session", "Session._delete_impl", ("self", "state", "obj", "head"),
        "an instance is marked to be deleted, by delete() or one of its cascades"),
    "flush": Name(_ORM + "session", "Session._flush", ("self", "objects"), "a flush, and the error it ends with"),
    "flushed": Name(_ORM + "unitofwork", "UOWTransaction.finalize_flush_changes", ("self",),
        "which states a flush wrote"),
    "execute": Name(_ORM + "session", "Session._execute_internal", ("self", "statement", "params"),
        "a statement runs; do_orm_execute would make SQLAlchemy compile each statement's options twice"),
    "commit": Name(_ORM + "session", "Session.commit", ("self",), "a commit runs"),
    "rollback": Name(_ORM + "session", "Session.rollback", ("self",), "a rollback runs"),
    "merge": Name(_ORM + "session", "Session._merge", ("self", "state", "state_dict"),
        "merge(), merge_all() and their cascades; nothing public links argument and result"),
    "bulk_save": Name(_ORM + "session", "Session._bulk_save_mappings", ("self", "mapper", "mappings"),
        "bulk_save_objects() and its like write detached changes without an attach"),
    "new_session": Name(_ORM + "session", "_new_sessionid", (),
        "called once by Session.__init__, whose own signature stays untouched"),
    "all_rows": Name("sqlalchemy.engine.result", "Result.all", ("self",), "all rows are fetched at once"),
    "all_scalars": Name("sqlalchemy.engine.result", "ScalarResult.all", ("self",), "the same for scalars()"),
    "expunge": Name(_ORM + "session", "Session.expunge", ("self", "instance"), "it is over: a safe moment to raise"),
    "expunge_all": Name(_ORM + "session", "Session.expunge_all", ("self",), "it is over: a safe moment to raise"),
    "merge_public": Name(_ORM + "session", "Session.merge", ("self", "instance", "load", "options"),
        "it is over: a safe moment to raise"),
    "close_session": Name(_ORM + "session", "Session._close_impl", ("self", "invalidate"),
        "close(), reset() and invalidate(): what was to be deleted is forgotten; a safe moment to raise afterwards"),
    "read": Name(_ORM + "attributes", "InstrumentedAttribute.__get__", ("self", "instance", "owner"),
        "a read: SQLAlchemy has no event for it"),
    "dynamic": Name(_ORM + "dynamic", "_AppenderMixin._iter|AppenderMixin._iter", ("self",),
        "a dynamic relationship is read; on a detached parent it answers with nothing and a warning"),
    "async_exit": Name("sqlalchemy.ext.asyncio.session", "AsyncSession.__aexit__",
        ("self", "type_", "value", "traceback"),
        "the close runs in a task of its own, where neither the line nor the exception can be seen"),
    "async_maker_exit": Name("sqlalchemy.ext.asyncio.session", "_AsyncSessionContextManager.__aexit__",
        ("self", "type_", "value", "traceback"), "the same for async_sessionmaker.begin()"),
}
# fmt: on


class Patch:
    """A wrapper in place of a name, taken away again without a trace.

    Args:
        name: Key in ``NAMES``.
        make: Called with the original function, returns the function that takes its place.
    """

    def __init__(self, name: str, make: Any) -> None:
        self.name = NAMES[name]
        owner = self.name.owner()
        assert owner is not None, self.name.path  # problem() was asked before
        self.owner = owner
        self.had = self.name.attribute in vars(owner)
        self.raw = vars(owner).get(self.name.attribute)
        original = (
            getattr(self.raw, "__func__", self.raw) if self.had else getattr(owner, self.name.attribute)
        )
        self.original = original
        new = _as_if_in(original, make(original))
        for fact in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(new, fact, getattr(original, fact))
        if new is not original:
            new.__wrapped__ = original
            new.__tether__ = True
        self.new = classmethod(new) if isinstance(self.raw, classmethod) else new

    def install(self) -> None:
        """Put the wrapper in place."""
        setattr(self.owner, self.name.attribute, self.new)

    def remove(self) -> None:
        """Put the original back, unless somebody else has wrapped the name since: then ours only passes through."""
        if vars(self.owner).get(self.name.attribute) is not self.new:
            return
        if self.had:
            setattr(self.owner, self.name.attribute, self.raw)
        else:
            delattr(self.owner, self.name.attribute)


def _as_if_in(original: Any, wrapper: Any) -> Any:
    """Return *wrapper* as a function of the original's module.

    SQLAlchemy places its warnings at the first frame whose module is not named ``sqlalchemy.*``
    (``util.langhelpers._warnings_warn``); a wrapper of another name would take them from the user's line.
    """
    if wrapper is original:
        return wrapper
    names = {**wrapper.__globals__, "__name__": original.__globals__["__name__"]}
    code, defaults, closure = wrapper.__code__, wrapper.__defaults__, wrapper.__closure__
    function = FunctionType(code, names, wrapper.__name__, defaults, closure)
    function.__kwdefaults__ = wrapper.__kwdefaults__
    return function


def live_sessions() -> Mapping[int, Session]:
    """Return the Sessions that are alive, by ``hash_key``.

    ``Session.object_session()`` needs this for a state whose Session was collected: ``session_id`` stays set.
    """
    return session_module._sessions


def is_live(number: int) -> bool:
    """Return True if the Session of this ``hash_key`` is alive; asks the dictionary below the weak one."""
    return number in session_module._sessions.data  # type: ignore[attr-defined]


def modified_states(session: Session) -> list[InstanceState[Any]]:
    """Return the states of *session* with unflushed changes, net or not.

    ``Session.dirty`` gives instances, which at garbage collection are already out of reach.
    """
    return list(session.identity_map._modified)


def strong_instance(state: InstanceState[Any]) -> object | None:
    """Return the instance of a modified state, also while it is being collected with its Session."""
    return state.obj() or state._strong_obj


def is_collection(value: object) -> bool:
    """Return True if *value* is the collection of a relationship."""
    return getattr(type(value), "_sa_iterator", None) is not None


def elements(collection: Any) -> list[Any]:
    """Return what a collection of a relationship holds, also while it is being garbage-collected.

    The public ``collection_adapter()`` refers to it weakly, and weak references are dead by then. A collection
    that SQLAlchemy copied to remember it (``committed_state``) may be a plain list.
    """
    iterator = getattr(collection, "_sa_iterator", None)
    return list(collection if iterator is None else iterator())


def identity_map_size(session: Session) -> int:
    """Return how many instances the identity map holds, without building a list of them."""
    return len(session.identity_map._dict)


def open_transaction(session: Session) -> Any:
    """Return the innermost SessionTransaction; None if no transaction has begun. Begins none."""
    return session._nested_transaction or session._transaction


def savepoint_depth(transaction: Any) -> int:
    """Return how many savepoints *transaction* lies in, itself included; 0 outside of all."""
    depth = 0
    while transaction is not None:
        depth += bool(transaction.nested)
        transaction = transaction._parent
    return depth


_databases: dict[
    int, tuple[ref[Any], str]
] = {}  # by id of the engine; a WeakKeyDictionary costs five times as much


def databases_of(transaction: Any) -> tuple[str, ...]:
    """Return a name for each database a transaction is connected to. Never holds a password.

    Two engines of one URL are one database, except in SQLite's memory, where each pool is its own,
    and where schemas are translated (one schema for each tenant).
    """
    names = set()
    for connection, _, _, _ in set(transaction._connections.values()):
        engine = connection.engine
        known = _databases.get(id(engine))
        if known is None or known[0]() is not engine:
            number = id(engine)
            gone = ref(engine, lambda _, number=number: _databases.pop(number, None))  # type: ignore[misc]
            known = _databases[number] = (gone, _name_of_database(engine))
        name = known[1]
        schemas = connection.get_execution_options().get("schema_translate_map")
        names.add(f"{name} {sorted(schemas.items(), key=str)}" if schemas else name)
    return tuple(sorted(names))


def _name_of_database(engine: Any) -> str:
    url = engine.url
    file = url.database or ":memory:"
    memory = url.get_backend_name() == "sqlite" and (":memory:" in file or url.query.get("mode") == "memory")
    return f"{url.render_as_string(hide_password=True)}{id(engine.pool) if memory else ''}"


def is_outside_transaction(transaction: Any) -> bool:
    """Return True if the Session only takes part in a transaction that somebody else will end.

    Such is a Session bound to a Connection that has begun (``join_transaction_mode``), or one in
    AUTOCOMMIT: closing it loses nothing.
    """
    for connection, _, should_commit, _ in set(transaction._connections.values()):
        if not should_commit or connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            return True
    return False


def single_row_load(context: Any) -> tuple[Any, Any]:
    """Return the state a lazy load is for, and the state a refresh is for; None for what it is not."""
    options = context.load_options
    return options._lazy_loaded_from, options._refresh_state


def overwrites(context: Any) -> bool:
    """Return True if the query overwrites what is loaded (``populate_existing``) without an autoflush before."""
    options = context.load_options
    return bool(options._populate_existing) and not (options._autoflush and context.session.autoflush)


def lazy_attribute(context: Any) -> str:
    """Return the name of the relationship a lazy load reads, from its statement's path; "" if unknown."""
    path: Any = getattr(getattr(context.compile_state, "current_path", None), "path", ())
    return str(getattr(path[1], "key", "")) if len(path) > 1 else ""


def columns_of_refresh(context: Any) -> tuple[str, ...]:
    """Return the names of the columns that a single-row refresh asked for; empty if it asked for all."""
    options = getattr(context.compile_state, "compile_options", None)
    return tuple(sorted(getattr(options, "_only_load_props", None) or ()))


def mark_class(name: str, value: object) -> None:
    """Give every state a default for one of tether's own attributes."""
    setattr(InstanceState, name, value)


def unmark_class(name: str) -> None:
    """Take that default away again; marks on single states stay, and mean nothing."""
    if name in vars(InstanceState):
        delattr(InstanceState, name)


def states_by_identity(session: Session) -> MutableMapping[Any, Any]:
    """Return identity keys and states of the identity map."""
    return session.identity_map._dict


def version_text() -> str:
    """Return SQLAlchemy's version as it names itself."""
    return sqlalchemy.__version__


def version() -> tuple[int, ...]:
    """Return SQLAlchemy's version as numbers, such as ``(2, 0, 58)``; a beta counts as its release."""
    numbers = []
    for part in sqlalchemy.__version__.split(".")[:3]:
        digits = "".join(character for character in part if character.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)


def all_states(session: Session) -> list[Any]:
    """Return every state in the identity map."""
    return session.identity_map.all_states()


def is_deleted(state: InstanceState[Any]) -> bool:
    """Return True if a flush has deleted the row, committed or not."""
    return bool(state._deleted)


def is_being_deleted(session: Session, state: InstanceState[Any]) -> bool:
    """Return True if the row is deleted, or will be by the next flush."""
    return state in session._deleted or bool(state._deleted)


def states_to_delete(session: Session) -> list[InstanceState[Any]]:
    """Return the states of what was given to ``delete()`` and not flushed."""
    return list(session._deleted)


def new_states(session: Session) -> list[InstanceState[Any]]:
    """Return the states of what was added and not flushed."""
    return list(session._new)


def current_transaction(session: Session) -> Any:
    """Return the outermost SessionTransaction, also while the Session is being collected; None if none."""
    return getattr(session, "_transaction", None)


def classes_of(context: Any) -> list[type]:
    """Return the mapped classes whose instances a query returns."""
    entities = getattr(context.compile_state, "_entities", ())
    return [entity.mapper.class_ for entity in entities if getattr(entity, "mapper", None) is not None]


def has_limit(context: Any) -> bool:
    """Return True if the query has a LIMIT, a FETCH FIRST or ``yield_per``."""
    query = context.query
    return (
        getattr(query, "_limit_clause", None) is not None
        or getattr(query, "_fetch_clause", None) is not None
        or bool(context.yield_per)
    )


def state_of_anything(thing: object) -> InstanceState[Any] | None:
    """Return the state of a mapped instance; None for anything else, without running code of *thing*.

    ``sqlalchemy.inspect()`` would connect to the database if it were given an Engine, and a proxy may answer
    any attribute.
    """
    if getattr(type(thing), "_sa_class_manager", None) is None:
        return None
    state = getattr(thing, "_sa_instance_state", None)
    return state if isinstance(state, InstanceState) else None


def states_with_rows(dicts: Iterable[dict[str, Any]]) -> list[InstanceState[Any]] | None:
    """Return the states that the ``__dict__`` of mapped instances hold, if each of them has a row.

    None if one is no mapped instance, or is transient, pending or deleted. Nothing runs for each row but C.
    """
    try:
        states = list(map(_STATE, dicts))
    except KeyError:
        return None
    return states if all(map(_KEY, states)) and not any(map(_DELETED, states)) else None


_STATE: Final = itemgetter("_sa_instance_state")
_KEY: Final = attrgetter("key")
_DELETED: Final = attrgetter("_deleted")


def has_back_reference(relationship: Any) -> bool:
    """Return True if the relationship has another side (``back_populates`` or ``backref``)."""
    return bool(relationship._reverse_property)


def is_imported(name: str) -> bool:
    """Return True if a module was imported to its end: half-way through, its classes are not there yet."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


def is_idle(session: Session) -> bool:
    """Return True if no transaction is open and nothing is changed; True too for one whose ``__init__`` failed."""
    if getattr(session, "_transaction", None) is not None:
        return False
    identity_map = getattr(session, "identity_map", None)
    return identity_map is None or not identity_map._modified


def written_by(statement: Any) -> Any:
    """Return the mapped class that an INSERT, UPDATE or DELETE statement writes, or the name of its table.

    ``entity_description`` raises KeyError for a plain table whose columns carry the ORM's annotations.
    A ``select(X).from_statement(delete(X))`` is a DML statement too, around its ``element``.
    """
    statement = getattr(statement, "element", statement)
    try:
        described = statement.entity_description
    except KeyError:
        return str(statement.table)
    return described.get("entity") or described["name"]


def back_references(relationship: Any) -> tuple[str, ...]:
    """Return the names of the attributes at the other end that are the relationship's other side."""
    return tuple(sorted(other.key for other in relationship._reverse_property))


def manager_of(class_: type) -> Any:
    """Return the class manager of a mapped class; None for a class that is not mapped itself."""
    return vars(class_).get("_sa_class_manager")


def registry_of(base: object) -> Any:
    """Return the registry of a declarative base (``Base``, ``SQLModel``, ``db.Model``); None if it has none."""
    return getattr(base, "_sa_registry", None)


def expire_quietly(state: InstanceState[Any], names: Iterable[str]) -> None:
    """Mark attributes as expired without touching what is loaded; reading one while detached raises."""
    state._expire_attributes(state.dict, names)
