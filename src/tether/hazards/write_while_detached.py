"""write-while-detached: an instance is changed while detached and never comes back."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="write-while-detached",
    severity="error",
    summary=(
        "An attribute or collection was changed on a detached instance, and the instance was never "
        "brought back."
    ),
    why=(
        "SQLAlchemy accepts the write and remembers it on the instance, but no Session will flush it: no "
        "error is raised, and the row keeps its old value. The commit of another Session does not save it "
        "either."
    ),
    instead=(
        "Change it while its Session is open, or give the instance to a Session afterwards with "
        "session.add(user) or user = session.merge(user)."
    ),
    example="""\
with Session(engine) as session:
    user = session.get(User, 1)
user.name = "Ada"
""",
    better="""\
with Session(engine) as session:
    user = session.get(User, 1)
    user.name = "Ada"
    session.commit()
""",
)
