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
with Session(engine) as reader, Session(engine) as writer:
    user = reader.get(User, 1)
    writer.add(user)
    writer.commit()
""",
    better="""\
with Session(engine) as reader, Session(engine) as writer:
    user = reader.get(User, 1)
    own = writer.get(User, user.id)
    own.name = "Ada"
    writer.commit()
""",
)
