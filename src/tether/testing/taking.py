"""How the data left its Session, and what the Session that it comes home to knows already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, inspect
from sqlalchemy.orm import Session, defer, lazyload, undefer

from tether.carry.documents import dumps
from tether.carry.drafts import edit
from tether.carry.reading_documents import loads
from tether.carry.shape import shape_of
from tether.carry.snapshots import snapshot
from tether.carry.taking import is_twin
from tether.orm import private
from tether.testing.axes import Form, Loaded
from tether.testing.sides import Side, get, in_draft, transient
from tether.testing.subjects import Step, Subject


def bring(session: Session, subject: Subject, loaded: Loaded) -> Any:
    """Return the subject's row as an instance of a Session, with the attribute loaded or not."""
    class_: Any = subject.class_
    attributes = [getattr(class_, name) for name in subject.names]
    if loaded is Loaded.UNLOADED:
        options = [lazyload(a) if subject.prop is not None else defer(a) for a in attributes]
        return get(session, subject.root, *options)
    options = [] if subject.prop is not None else [undefer(a) for a in attributes]
    root = get(session, subject.root, *options)
    for name in subject.names:
        getattr(root, name)
    if loaded is Loaded.EXPIRED:
        session.expire(root, list(subject.names))
    return root


def side_in(session: Session, subject: Subject, loaded: Loaded = Loaded.LOADED) -> Side:
    """Return somebody who edits in a Session."""
    objects = {"root": bring(session, subject, loaded)}
    objects |= {name: get(session, thing) for name, thing in subject.things.items() if name != "root"}
    return Side(objects, subject.fresh, transient)


def edit_in(session: Session, side: Side, step: Step) -> None:
    """Let somebody who edits in a Session do something, and flush it."""
    step.do(side)
    session.add_all(side.made)
    session.flush()


def take(engine: Engine, subject: Subject, loaded: Loaded, form: Form, mine: Step | None, base: Any) -> Any:
    """Return what is given to ``attach()``: taken out, and edited by me."""
    with Session(engine, expire_on_commit=False) as session:
        side = side_in(session, subject, loaded)
        names = list(side.objects)
        if form is not Form.DETACHED:
            drafts = edit(snapshot(list(side.objects.values())))
            side = Side(dict(zip(names, drafts, strict=True)), subject.fresh, in_draft(drafts[0]))
    if mine is not None:
        mine.do(side)
    if form is Form.DOCUMENT:
        return loads(dumps(list(side.objects.values())), base)[0]
    return side.root


def picture(changed: Any) -> Any:
    """Return everything that an argument consists of, to see later that nobody modified it."""
    if is_twin(changed):
        view = changed._tether_view
        return [[graph_picture(graph) for graph in (view.base, view.graph)], sorted(view.graph.nodes)]
    return instances_picture(changed)


def graph_picture(graph: Any) -> Mapping[int, Any]:
    """Return the nodes of a graph."""
    return {
        token: (node.class_, node.key, dict(node.values), dict(node.links), dict(node.status))
        for token, node in graph.nodes.items()
    }


def instances_picture(*roots: Any) -> dict[int, Any]:
    """Return the instances that are reached over loaded relationships: values, history, identity, Session."""
    found: dict[int, Any] = {}
    waiting = list(roots)
    while waiting:
        instance = waiting.pop()
        if instance is None or id(instance) in found:
            continue
        state = inspect(instance)
        loaded = {name: held_by(value) for name, value in state.dict.items() if name != "_sa_instance_state"}
        history = {name: held_by(value) for name, value in state.committed_state.items()}
        found[id(instance)] = (
            instance,
            state.key,
            id(state.session),
            loaded,
            history,
            set(state.expired_attributes),
        )
        for name in shape_of(state.class_).relations:
            if name in state.dict:
                value = state.dict[name]
                waiting += private.elements(value) if private.is_collection(value) else [value]
    return found


def held_by(value: Any) -> Any:
    """Return a collection as the identities of what it holds, and a value as a copy of it."""
    if private.is_collection(value):
        return [id(element) for element in private.elements(value)]
    if private.state_of_anything(value) is not None:
        return id(value)
    return dict(value) if isinstance(value, dict) else value


def session_picture(session: Session) -> Any:
    """Return what a Session holds, to see later that it holds the same."""
    instances = list(session.identity_map.values())
    return (
        set(session.identity_map.keys()),
        [id(instance) for instance in session.new],
        [id(instance) for instance in session.deleted],
        instances_picture(*instances),
    )
