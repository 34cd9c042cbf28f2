"""instance-handed-over: a row or a Session is passed to a thread, an executor, a process or a task queue."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="instance-handed-over",
    severity="warning",
    summary="A row or a Session was handed to another thread, process or task.",
    why=(
        "A row brings its Session along: a lazy load in a worker thread runs on the connection the other "
        "thread is using. If the Session is closed first, the worker holds a detached instance. A pickled "
        "row arrives detached, and empty if it was expired."
    ),
    instead="Hand over the primary key, and open a Session where the work is done.",
    example="""\
with Session(engine) as session, ThreadPoolExecutor() as pool:
    user = session.get(User, 1)
    pool.submit(send_welcome, user).result()
""",
    better="""\
with Session(engine) as session, ThreadPoolExecutor() as pool:
    user = session.get(User, 1)
    pool.submit(send_welcome_to, user.id).result()
""",
)
