"""instance-returned-from-session: a row leaves its block, and a framework reads what is not loaded."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="instance-returned-from-session",
    severity="warning",
    summary=(
        "A row was returned out of the block that closes its Session, to a reader that needs more "
        "than is loaded."
    ),
    why=(
        "FastAPI makes the response after the function has returned: it reads everything that the "
        "response model names. By then the block has closed the Session. A relationship that was not "
        "loaded, or a column that commit() expired, raises DetachedInstanceError there, and the "
        "client gets a status of 500."
    ),
    instead=(
        "Load what the response model names together with the row, or make the response inside the "
        "block, with UserOut.model_validate(user)."
    ),
    example="""\
@app.get("/users/{key}", response_model=UserOut)
def show(key: int):
    with Session(engine) as session:
        return session.get(User, key)


assert client.get("/users/1").status_code == 500
""",
    better="""\
@app.get("/users/{key}", response_model=UserOut)
def show(key: int):
    with Session(engine) as session:
        return session.get(User, key, options=[selectinload(User.orders)])


assert client.get("/users/1").status_code == 200
""",
)
