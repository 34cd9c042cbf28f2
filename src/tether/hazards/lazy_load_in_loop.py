"""lazy-load-in-loop: the same relationship is loaded one row at a time from one line."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="lazy-load-in-loop",
    severity="warning",
    summary="The same relationship was loaded one row at a time from one line.",
    why=(
        "Each instance sends a SELECT of its own when the relationship is first read, so the number of "
        "statements grows with the number of rows. After a commit the same happens for plain columns: "
        "each expired row is fetched again with a SELECT of its own."
    ),
    instead=(
        "Load the relationship with the query, for example with .options(selectinload(User.orders)); the "
        "number of statements then no longer grows with each row."
    ),
    example="""\
with Session(engine) as session:
    for user in session.scalars(select(User)).all():
        print(len(user.orders))
""",
    better="""\
with Session(engine) as session:
    query = select(User).options(selectinload(User.orders))
    for user in session.scalars(query).all():
        print(len(user.orders))
""",
)
