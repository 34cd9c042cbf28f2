"""everything-loaded-at-once: a list of every row of a query without LIMIT is built only to be iterated."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="everything-loaded-at-once",
    severity="warning",
    summary="A query without LIMIT built a list of all its rows, only to iterate over it.",
    why=(
        "all() builds a list that holds every instance until the loop is over, so memory grows with the "
        "table. Iterating the result in portions lets go of the instances that were done with."
    ),
    instead=(
        "Iterate the result in portions: session.scalars(select(User).execution_options(yield_per=1000))."
    ),
    example="""\
with Session(engine) as session:
    for user in session.scalars(select(User)).all():
        print(user.name)
""",
    better="""\
with Session(engine) as session:
    for user in session.scalars(select(User).execution_options(yield_per=10)):
        print(user.name)
""",
)
