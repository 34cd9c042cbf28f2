"""legacy-query-get: a row is looked up by ``Query.get``, which SQLAlchemy 2.0 calls legacy."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="legacy-query-get",
    severity="warning",
    summary="A row is looked up by its primary key through Query.get().",
    why=(
        "SQLAlchemy 2.0 calls Query.get() legacy: it warns with LegacyAPIWarning where warnings are shown, and "
        "AsyncSession has no query(). Session.get() sends the same SQL, and also answers from the identity map."
    ),
    instead="Ask the Session: session.get(User, 1); `tether check --fix` writes it.",
    default=False,
    example="""\
with Session(engine) as session:
    user = session.query(User).get(1)
    print(user.name)
""",
    better="""\
with Session(engine) as session:
    user = session.get(User, 1)
    print(user.name)
""",
)
