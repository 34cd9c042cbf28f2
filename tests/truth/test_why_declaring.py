"""What the words of the hazards state that only source code shows: guards, returns, declarations, one Session."""

from __future__ import annotations

import asyncio
import gc
import warnings
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, ForeignKey, create_engine, event, inspect
from sqlalchemy.exc import IntegrityError, MissingGreenlet, PendingRollbackError, SAWarning
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.pool import NullPool

from tests.truth.models import User, outcome, rename_elsewhere

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette recommends another client than the one it uses
    from fastapi.testclient import TestClient


# A refused statement leaves a coroutine of aiosqlite behind (SQLAlchemy 2.1).
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Connection.cursor' was never awaited")


class PostOut(BaseModel):
    """A post in a response."""

    model_config = ConfigDict(from_attributes=True)
    title: str


class UserOut(BaseModel):
    """A user in a response, and what the user wrote."""

    model_config = ConfigDict(from_attributes=True)
    name: str
    posts: list[PostOut] = []


class NameOut(BaseModel):
    """A user in a response."""

    model_config = ConfigDict(from_attributes=True)
    name: str


class TestReturned:
    """instance-returned-from-session."""

    @pytest.mark.parametrize(("model", "expected"), [(NameOut, 200), (UserOut, 500)])
    def test_the_response_model_is_read_after_the_block(
        self, engine: Engine, model: type[BaseModel], expected: int
    ) -> None:
        """
        A row that left its block makes a response of its columns, and status 500 of a relationship.
        """
        app = FastAPI()

        @app.get("/", response_model=model)
        def show() -> object:
            with Session(engine) as session:
                return session.get(User, 1)

        assert expected == status(app)

    def test_a_committed_row_makes_no_response(self, engine: Engine) -> None:
        """
        After commit() and the end of the block not even the columns can be read.
        """
        app = FastAPI()

        @app.get("/", response_model=NameOut)
        def show() -> object:
            with Session(engine) as session, session.begin():
                return session.get(User, 1)

        assert 500 == status(app)

    def test_a_response_made_inside_the_block_is_whole(self, engine: Engine) -> None:
        """
        model_validate() inside the block loads what it reads.
        """
        app = FastAPI()

        @app.get("/", response_model=UserOut)
        def show() -> object:
            with Session(engine) as session:
                return UserOut.model_validate(session.get(User, 1))

        assert 200 == status(app)


class TestGuards:
    """guard-that-does-not-guard."""

    def test_neither_error_is_an_attribute_error(self) -> None:
        """
        DetachedInstanceError and MissingGreenlet are no AttributeError.
        """
        assert [] == [
            kind for kind in (DetachedInstanceError, MissingGreenlet) if issubclass(kind, AttributeError)
        ]

    @pytest.mark.parametrize(
        "guard", [lambda user: getattr(user, "posts", []), lambda user: hasattr(user, "posts")]
    )
    def test_a_guard_against_attribute_error_lets_it_through(self, engine: Engine, guard: object) -> None:
        """
        A default and hasattr() raise DetachedInstanceError on a detached instance.
        """
        with Session(engine) as session:
            user = session.get(User, 1)

        with pytest.raises(DetachedInstanceError):
            guard(user)

    def test_a_default_does_not_help_in_async_code(self, engine: Engine) -> None:
        """
        On an AsyncSession the read with a default raises MissingGreenlet, in 2.1 inside a StatementError.
        """
        url = f"sqlite+aiosqlite:///{engine.url.database}"

        async def read() -> object:
            async with AsyncSession(create_async_engine(url, poolclass=NullPool)) as session:
                return getattr(await session.get(User, 1), "posts", [])

        assert outcome(lambda: asyncio.run(read())) in {"MissingGreenlet", "StatementError"}
        gc.collect()  # of the coroutine that the refused statement left behind

    def test_asking_what_is_unloaded_loads_nothing(self, engine: Engine, session: Session) -> None:
        """
        inspect(user).unloaded names the relationship and sends no statement.
        """
        user, sent = session.get(User, 1), []
        event.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments))

        assert "posts" in inspect(user).unloaded
        assert [] == sent


class TestOneSession:
    """module-level-session."""

    def test_it_gives_the_instance_it_has(self, engine: Engine, session: Session) -> None:
        """
        While somebody keeps the row, a second get() gives it with the values that were read first.
        """
        user = session.get(User, 1)
        rename_elsewhere(engine, "Ada")

        assert (user, "ann") == (session.get(User, 1), session.get(User, 1).name)

    def test_one_failed_flush_stops_it(self, session: Session) -> None:
        """
        After a failed flush each use raises PendingRollbackError, and rollback() ends that.
        """
        session.add(User(id=1, name="Ada"))
        with pytest.raises(IntegrityError):
            session.flush()

        for _ in range(2):
            with pytest.raises(PendingRollbackError):
                session.get(User, 1)
        session.rollback()
        assert "ann" == session.get(User, 1).name

    def test_a_session_for_each_use_sees_what_was_committed(self, engine: Engine) -> None:
        """
        A Session made where the work is reads the row anew.
        """
        make_session = sessionmaker(engine)
        with make_session() as first:
            user = first.get(User, 1)
        rename_elsewhere(engine, "Ada")
        with make_session() as second:
            assert ("ann", "Ada") == (user.name, second.get(User, 1).name)


class Base(DeclarativeBase):
    """Base of two classes that say one-to-one, and their tables do not agree."""


class Person(Base):
    """Has one passport, as the relationship says, and many licences, as it says too."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    passport: Mapped[Passport | None] = relationship()
    licences: Mapped[list[Licence]] = relationship()


class Passport(Base):
    """Its foreign key is not unique."""

    __tablename__ = "passport"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))


class Licence(Base):
    """Its foreign key is unique."""

    __tablename__ = "licence"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)


class TestDeclarations:
    """one-to-one-not-enforced."""

    @pytest.fixture
    def people(self, tmp_path: Path) -> Engine:
        """
        The tables, and one person.
        """
        engine = create_engine(f"sqlite:///{tmp_path / 'people.db'}")
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            session.add(Person(id=1))
        return engine

    def test_a_second_row_is_accepted_and_one_is_shown(self, people: Engine) -> None:
        """
        Without a unique key two rows are inserted, and the read gives one of them and warns.
        """
        with Session(people) as session:
            session.add_all([Passport(id=1, person_id=1), Passport(id=2, person_id=1)])
            session.commit()
            person = session.get(Person, 1)

            with pytest.warns(SAWarning, match="Multiple rows returned with uselist=False"):
                assert person.passport.id in {1, 2}

    def test_a_list_takes_what_the_flush_refuses(self, people: Engine) -> None:
        """
        A list behind a unique foreign key takes two rows, and the flush raises IntegrityError.
        """
        with Session(people) as session:
            person = session.get(Person, 1)
            person.licences = [Licence(), Licence()]

            with pytest.raises(IntegrityError):
                session.flush()


def status(app: FastAPI) -> int:
    """Return the status of the response to ``GET /``."""
    return TestClient(app, raise_server_exceptions=False).get("/").status_code
