"""expired-instance-serialised: an expired row is pickled or turned into a dict; the result is empty."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="expired-instance-serialised",
    severity="error",
    summary="An expired row was pickled or turned into a dictionary; the result holds no data.",
    why=(
        "commit() and rollback() take the loaded values out of the instance until the next read. pickle, "
        "vars() and SQLModel's model_dump() do not read through the attributes: they copy what is there, "
        "which is nothing, and raise no error."
    ),
    instead=(
        "Call session.refresh(user) first, serialise before the commit, or create the Session with "
        "expire_on_commit=False."
    ),
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
    session.commit()
    data = pickle.dumps(user)
""",
    better="""\
with Session(engine) as session:
    user = session.get(User, 1)
    session.commit()
    session.refresh(user)
    data = pickle.dumps(user)
""",
)
