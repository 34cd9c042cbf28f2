"""Calls of what is not the project's: statements and loader options, rows of the lifecycle table, and the rest."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.state import State
from tether.check.abstract.things import Loader, Object, Statement
from tether.check.abstract.values import NOTHING, UNKNOWN, Class, External, Ref, Value, one
from tether.check.interpreting.interpreter import Interpreter
from tether.check.lowering import ops
from tether.check.lowering.definitions import definitions
from tether.check.orm.bulk import told_more
from tether.check.orm.ending import collector_ran
from tether.check.orm.keeping import keep
from tether.check.orm.queries import loader_option, options_below, statement, statement_method
from tether.check.orm.sending import tell_sent
from tether.check.orm.tasks import TASK
from tether.check.python.opaque import call_unknown
from tether.check.python.tables import Call
from tether.check.python.threads import start

STATEMENTS = {
    f"{place}.{verb}": verb
    for place in ("sqlalchemy", "sqlalchemy.sql", "sqlalchemy.future", "sqlalchemy.sql.expression", "sqlmodel",
                  "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.sqlite")
    for verb in ("select", "update", "delete", "insert")
}  # fmt: skip


def call_outside(
    interpreter: Interpreter, site: Any, state: State, function: External
) -> list[tuple[State, Value]]:
    """Call something from outside the project."""
    name = interpreter.canonical(function.name)
    number = interpreter.number(site.activation, site.op.to, "outside")
    if name in STATEMENTS:
        return [(state, statement(interpreter, site.activation, site.span, STATEMENTS[name], site.positional,
                                  state, number))]  # fmt: skip
    if name in interpreter.table.options:
        thing = state.thing(function.receiver.id) if isinstance(function.receiver, Ref) else None
        before = thing if isinstance(thing, Loader) else None
        return [(state, loader_option(interpreter, state, name, site.positional, site.named, number, before))]
    if name == "sqlalchemy.orm.Load.options" and isinstance(function.receiver, Ref):
        thing = state.thing(function.receiver.id)
        if isinstance(thing, Loader):
            return [(state, options_below(state, all_given(site), number, thing))]
    if name == "sqlalchemy.orm.aliased" and site.positional:
        (atom,) = site.positional[0] if len(site.positional[0]) == 1 else (None,)
        return [(state, one(External(name, atom)) if isinstance(atom, Class) else UNKNOWN)]
    receiver = state.thing(function.receiver.id) if isinstance(function.receiver, Ref) else None
    if isinstance(receiver, Object) and name.endswith(ROUTES) and receiver.external.startswith("fastapi."):
        fields = {"model": site.named.get("response_model", UNKNOWN)}
        fields["dependencies"] = site.named.get("dependencies", NOTHING)
        fields["of router"] = receiver.fields.get("dependencies", NOTHING)
        state.things[number] = Object(external=ROUTE, fields=fields)
        return [(state, one(Ref(number)))]
    type_, _, member = name.rpartition(".")
    if isinstance(receiver, Statement) and (type_ == "statement" or member in QUERY_BUILDING):
        return [
            (
                state,
                statement_method(
                    interpreter,
                    state,
                    told_more(state, receiver, member, site.positional, site.named),
                    member,
                    all_given(site) if member == "options" else site.positional,
                    site.named,
                    number,
                ),
            )
        ]
    row = interpreter.row(name) or interpreter.row(type_, member)
    if row is None or row.attribute:
        return [(state, call_unknown_outside(interpreter, site, state, function))]
    return Call(interpreter, site, state, function, row).run()


def all_given(site: Any) -> list[Value]:
    """Return the arguments of a call; the last one is UNKNOWN where a star brings more that are not known."""
    return [*site.positional, UNKNOWN] if site.more else list(site.positional)


def call_anything(interpreter: Interpreter, site: Any, state: State) -> Value:
    """Call what is not known; where the program has Celery, ``.delay()`` is that of a task all the same."""
    called = definitions(site.activation.body).get(site.op.function)
    member = called.name if isinstance(called, ops.GetAttribute) else ""
    row = interpreter.row(TASK, member) if member in SENDING else None
    if row is not None:
        tell_sent(interpreter, Call(interpreter, site, state, External(f"{TASK}.{member}"), row))
    if member == "start":
        start(interpreter, site, state)
    return call_unknown(interpreter, site, state)


KEPT = ("session_options", "dependencies")  # arguments of a class from outside that are looked at later
SENDING = ("delay", "apply_async")
ROUTE = "fastapi.a route"
ROUTES = (".get", ".post", ".put", ".patch", ".delete", ".api_route")
# What a Query gives another Query for; the rest are rows of the table.
QUERY_BUILDING = frozenset({
    "filter", "filter_by", "where", "order_by", "group_by",
    "having", "limit", "offset", "distinct", "join", "outerjoin",
    "options", "execution_options", "with_for_update", "params", "select_from", "enable_eagerloads", "with_entities",
    "populate_existing", "slice", "yield_per", "union",
    "union_all", "intersect", "except_", "with_parent", "add_columns",
    "add_entity", "from_statement", "autoflush",
})  # fmt: skip


def kept_outside(interpreter: Interpreter, site: Any, state: State, function: External) -> None:
    """Tell of rows that are put into a queue or cache of another library, where that is a global."""
    member = function.name.rpartition(".")[2]
    if member in ("put", "put_nowait", "append", "appendleft", "add", "set") and isinstance(
        function.receiver, Ref
    ):
        where = site.activation.where(site.span)
        for value in site.positional:
            keep(interpreter, where, state, value, one(function.receiver))


def call_unknown_outside(interpreter: Interpreter, site: Any, state: State, function: External) -> Value:
    """Call what the table does not know; a class gives an object of which only the name is known."""
    last = function.name.rpartition(".")[2]
    if last[:1].isupper() and "_" not in last and function.receiver is None:
        number = interpreter.number(site.activation, site.op.to, "object")
        options = {name: value for name, value in site.named.items() if name in KEPT}
        if last.endswith("Response"):
            content = site.named.get("content", site.named.get("response", NOTHING))
            options["content"] = site.positional[0] if site.positional else content
        state.things[number] = Object(external=interpreter.canonical(function.name), fields=options)
        call_unknown(interpreter, site, state)
        return one(Ref(number))
    if function.name == "gc.collect":
        collector_ran(state)
    kept_outside(interpreter, site, state, function)
    return call_unknown(interpreter, site, state)
