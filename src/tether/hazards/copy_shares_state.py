"""copy-shares-state: a shallow copy that shares its original's state is written to."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="copy-shares-state",
    severity="error",
    summary=(
        "A copy made with copy.copy() was written to, or a dynamic relationship was read on a detached "
        "parent."
    ),
    why=(
        "copy.copy() gives a second instance that shares the original's state: a write to the copy marks "
        'the original as modified, and the commit saves neither. A relationship with lazy="dynamic" on a '
        "detached parent answers with an empty list and a warning instead of an error."
    ),
    instead=(
        "Make a new instance from the columns that are wanted; read a dynamic relationship while its "
        "parent is in an open Session."
    ),
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
    draft = copy.copy(user)
    draft.name = "Ada"
    session.commit()
""",
    better="""\
with Session(engine) as session:
    user = session.get(User, 1)
    draft = User(name="Ada", email=user.email)
    session.add(draft)
    session.commit()
""",
)
