"""Results and instances that a call of the table gives."""

from __future__ import annotations

from typing import Any

from tether.check.abstract.changing import replace
from tether.check.abstract.things import PERSISTENT, Collection, Instance, Result, Session, Statement, Where
from tether.check.abstract.values import NONE, UNKNOWN, Class, Ref, Value, one, without_none
from tether.check.orm.bulk import update_rows
from tether.check.orm.mapped import mapped
from tether.check.orm.queries import load, load_again, may_be, rows_of, single, with_options
from tether.check.orm.subjects import instances_in, is_key
from tether.check.python.making import Making


class Giving(Making):
    """What a call gives."""

    def result(self, *, scalars: bool) -> Value:
        """Return the result of a statement, or the same result seen otherwise."""
        type_ = self.row.returns.type if self.row.returns else ""
        if isinstance(self.receiver, Result):
            scalars = scalars or self.receiver.scalars
            found = replace(self.receiver, type=type_ or self.receiver.type, scalars=scalars)
        else:
            executed = self.statement() or Statement(verb="unknown")
            self.told_execution(executed)
            found = Result(
                statement=executed, session=self.session, type=type_ or "sqlalchemy.engine.Result", scalars=scalars,
                made=self.site.activation.where(self.site.span),
            )  # fmt: skip
        self.state.things[self.number] = found
        return one(Ref(self.number))

    def told_execution(self, executed: Statement) -> None:
        """Apply what executing does besides giving rows: populate_existing, and UPDATE and DELETE."""
        session = self.state.get(self.session, Session)
        if session is not None and executed.verb in ("update", "delete", "insert"):
            where = self.site.activation.where(self.site.span)
            self.state.things[self.session] = replace(
                session, work=session.work | {"flushed"}, must=session.must | {"flushed"},
                changed=session.changed or where,
            )  # fmt: skip
        if executed.verb == "select":
            self.told_rows(executed)
        update_rows(self.interpreter, self.state, self.session, executed,
                    self.site.activation.where(self.site.span, "bulk update"))  # fmt: skip
        for number, instance in self.state.members(self.session):
            touched = any(atom == instance.model for entity in executed.entities for atom in entity)
            if executed.verb == "unknown" or (touched and executed.verb in ("update", "delete")):
                self.state.things[number] = replace(instance, flags=instance.flags | {"unsure"})
            elif touched and executed.refreshes:
                for name, where in (
                    list(instance.changed.items())[:1] if PERSISTENT in instance.states else ()
                ):
                    at = self.site.activation.where(self.site.span, "populate_existing")
                    self.interpreter.tell(
                        "discard", at, number=number, instance=instance, attribute=name, detail=where
                    )
                facts = {name: held | {"unsure"} for name, held in instance.attributes.items()}
                self.state.things[number] = replace(
                    instance, attributes=facts, flags=instance.flags | {"unsure"}
                )

    def told_rows(self, executed: Statement) -> None:
        """A SELECT loads what its rows lack, whether or not anybody looks at them."""
        models = [atom for entity in executed.entities for atom in entity if isinstance(atom, Class)]
        rows = [
            (number, instance)
            for number, instance in self.state.members(self.session)
            if any(may_be(self.interpreter, instance.model, model) for model in models)
        ]
        load_again(self.state, rows)

    def instances(self) -> Value:
        """Return instances, or rows, that the call gives."""
        returns, site, interpreter = self.row.returns, self.site, self.interpreter
        assert returns is not None
        many = returns.kind.endswith("s")
        optional = returns.kind.startswith("optional")
        if returns.of == "argument":
            return self.copies(many=many)
        where = site.activation.where(site.span)
        if returns.of in ("receiver", "statement"):
            found = self.receiver if isinstance(self.receiver, Result) else None
            if found is None:
                executed = self.statement()
                if executed is None:
                    return UNKNOWN
                scalars = returns.of == "statement" or len(executed.entities) == 1
                self.told_execution(executed)
                found = Result(statement=executed, session=self.session, scalars=scalars, made=where)
            if "row" not in returns.kind:
                found = replace(found, scalars=True)
            if not many:
                return single(interpreter, site.activation, site.span, self.state, found, optional=optional)
            return self.all_of(found)
        entity = self.entities()[:1]
        if entity and len(entity[0]) == 1:
            (atom,) = entity[0]
            mapping = mapped(interpreter, atom) if isinstance(atom, Class) else None
            if isinstance(atom, Class) and mapping is not None:
                made = load(interpreter, self.state, self.number, atom, self.session, where,
                            options=self.options())  # fmt: skip
                self.note_key(mapping.primary_key(), optional=optional)
                return made | NONE if optional else made
        return UNKNOWN

    def note_key(self, names: tuple[str, ...], *, optional: bool) -> None:
        """Keep the primary key that the row was asked for with."""
        key = self.arguments.get("ident")
        instance = self.state.get(self.number, Instance)
        if key is not None and len(names) == 1 and instance is not None and is_key(key):
            flags = instance.flags | {"perhaps"} if optional else instance.flags
            self.state.things[self.number] = replace(instance, held={names[0]: key}, flags=flags)

    def options(self) -> Any:
        """Return the loader options of ``get(..., options=[...])``."""
        value = self.site.named.get("options")
        if value is None:
            return ()
        held = self.state.only(value, Collection)
        if held is None or (held[1].element and not held[1].items):
            return None
        return with_options(self.state, (), list(held[1].items.values()))

    def all_of(self, found: Result) -> Value:
        """Return a list of all rows."""
        element = rows_of(self.interpreter, self.site.activation, self.site.span, self.state, found, "all")
        number = self.interpreter.number(self.site.activation, self.site.op.to, "list")
        whole = found.statement.verb == "select" and not found.statement.narrowed
        self.state.things[number] = Collection(
            kind="list",
            element=element,
            items={},
            made=self.site.activation.where(self.site.span),
            unbounded=whole,
        )
        return one(Ref(number))

    def copies(self, *, many: bool) -> Value:
        """Return what ``merge()`` gives: another instance of the same row, in the Session."""
        where = self.site.activation.where(self.site.span, "merge")
        returns = self.row.returns
        value = without_none(self.arguments.get(returns.argument if returns else "instance", frozenset()))
        found = list(instances_in(self.state, value))
        for number, instance in found:
            self.interpreter.tell("merge", where, number=number, instance=instance,
                                  session=self.state.get(self.session, Session), detail=self.session)  # fmt: skip
        if many or len(found) != 1 or len(value) != 1:
            return UNKNOWN
        number, instance = found[0]
        if instance.session == self.session and instance.states == frozenset({PERSISTENT}):
            return value  # merge() of an instance that is there gives itself
        self.work_moves(instance, where)
        self.state.things[number] = replace(instance, merged=where, written={}, changed={}, lost={})
        self.state.things[self.number] = Instance(
            model=instance.model,
            session=self.session,
            attributes={name: facts | {"unsure"} for name, facts in instance.attributes.items()},
            held={},
            changed={},
            written={},
            loaded=where,
            others=True,
            flags=frozenset({"unsure", "merge result"}),
        )
        return one(Ref(self.number))

    def work_moves(self, instance: Instance, where: Where) -> None:
        """What was pending in one Session is merged into another: whoever commits first saves it."""
        first = self.state.get(instance.session, Session)
        if first is not None and "pending" in instance.states:
            self.state.things[instance.session] = replace(first, must=first.must - {"added"})
        session = self.state.get(self.session, Session)
        if session is not None:
            self.state.things[self.session] = replace(
                session, work=session.work | {"added"}, changed=session.changed or where
            )
