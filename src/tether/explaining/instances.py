"""The explanation of one instance."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import InstanceState, Session

from tether.core.finding import Place
from tether.core.states import State
from tether.explaining.attributes import AttributeView, views
from tether.explaining.consequences import Consequence, close_of, commit_of, merge_of
from tether.explaining.explanation import Explanation
from tether.explaining.sessions import session_name, transaction_of
from tether.explaining.surroundings import around, bind_of
from tether.explaining.values import label, masked_identity
from tether.orm.inspect import class_path, dotted, identity_key, net_changes, state_of
from tether.orm.provenance import provenance_of


def explain_instance(instance: object, state: InstanceState[Any]) -> Explanation:
    """Return the explanation of a mapped instance."""
    attributes = views(state, around(state))
    after = {"commit": commit_of(state), "close": close_of(state), "merge": merge_of(state)}
    places = _places(state)
    notes = _notes(instance, state)
    short = _short(state, attributes)
    head = [short, *notes, f"class: {class_path(state)}", f"identity key: {_key(state)}"]
    head += [f"session: {_session(state)}", *map(_place_line, places)]
    body = [f"  {attribute.line}" for attribute in attributes]
    tail = [f"{name}: {consequence.text}" for name, consequence in after.items()]
    long = "\n".join(
        [head[0], *(f"  {line}" for line in head[1:]), "attributes", *body, "now", *_indented(tail)]
    )
    return Explanation(short, long, _facts(state, attributes, after, places, notes))


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _short(state: InstanceState[Any], attributes: list[AttributeView]) -> str:
    stored = [view for view in attributes if view.kind in ("column", "relationship")]
    parts = [f"{label(state)} is {state_of(state).value}"]
    for status in ("changed", "expired"):
        names = [view.name for view in stored if view.status == status]
        parts += [f"{status}: {', '.join(names)}"] if names else []
    for status in ("deferred", "unloaded"):
        count = sum(view.status == status for view in stored)
        parts += [f"{count} {status}"] if count else []
    return "; ".join(parts)


def _notes(instance: object, state: InstanceState[Any]) -> list[str]:
    notes = []
    if state.object is not instance:
        notes.append("this is a copy.copy(): SQLAlchemy knows only the instance it was copied from")
    if state.was_deleted and state_of(state) is State.DETACHED:
        notes.append("its row was deleted")
    if state.session is not None and state.object in state.session.deleted:
        notes.append("marked for deletion by Session.delete(), not flushed")
    return notes


def _key(state: InstanceState[Any]) -> str:
    key = identity_key(state)
    if key is None:
        return "none, it has never been flushed"
    identity = ", ".join(masked_identity(state))
    comma = "," if len(key[1]) == 1 else ""
    return f"({dotted(key[0])}, ({identity}{comma}), {key[2]!r})"


def _session(state: InstanceState[Any]) -> str:
    session = state.session
    if session is None:
        # The number stays on the instance when the Session itself is gone.
        gone = state.session_id is not None
        return "none, its Session was garbage-collected" if gone else "none"
    parts = [session_name(session, bind_of(session, state.mapper)), transaction_of(session)]
    return ", ".join([*parts, f"expire_on_commit={session.expire_on_commit}"])


def _places(state: InstanceState[Any]) -> tuple[Place, ...]:
    provenance = provenance_of(state)
    return provenance.places if provenance is not None else ()


def _place_line(place: Place) -> str:
    where = f"{place.path}:{place.line}" if place.known else place.note or "unknown"
    cause = f" ({place.cause})" if place.cause else ""
    return " ".join(f"{place.role}: {where}{cause} {place.text}".split())


def _facts(
    state: InstanceState[Any],
    attributes: list[AttributeView],
    after: dict[str, Consequence],
    places: tuple[Place, ...],
    notes: list[str],
) -> dict[str, Any]:
    return {
        "class": class_path(state),
        "state": state_of(state).value,
        "identity": masked_identity(state) if state.has_identity else None,
        "notes": notes,
        "session": _session_facts(state.session, state),
        "changed": net_changes(state),
        "places": [place.to_dict() for place in places],
        "attributes": {attribute.name: attribute.to_dict() for attribute in attributes},
        "now": {name: consequence.to_dict() for name, consequence in after.items()},
    }


def _session_facts(session: Session | None, state: InstanceState[Any]) -> dict[str, Any] | None:
    if session is None:
        return None
    return {
        # The number SQLAlchemy gives it in "is already attached to session '3'".
        "number": state.session_id,
        "name": session_name(session, bind_of(session, state.mapper)),
        "transaction": transaction_of(session),
        "expire_on_commit": session.expire_on_commit,
    }
