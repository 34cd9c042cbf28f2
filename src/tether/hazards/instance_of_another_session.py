"""instance-of-another-session: an instance of one Session is given to another Session."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="instance-of-another-session",
    severity="error",
    summary="An instance that belongs to one Session was given to another.",
    why=(
        "An instance belongs to one Session at a time. add() and delete() on another Session raise "
        "InvalidRequestError, also when the instance is only reached through a relationship of the one "
        "that is added; refresh() and expire() raise it because the instance is not persistent there."
    ),
    instead=(
        "Load the row in the Session that is going to write it, or call session.merge(user) there and go "
        "on with the result."
    ),
    example="""\
reader = Session(engine)
user = reader.get(User, 1)
with Session(engine) as writer:
    writer.add(user)
    writer.commit()
""",
    better="""\
reader = Session(engine)
user = reader.get(User, 1)
with Session(engine) as writer:
    user = writer.get(User, user.id)
    user.name = "Ada"
    writer.commit()
reader.close()
""",
)
