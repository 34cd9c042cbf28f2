"""Flask-SQLAlchemy: the Session ends with the application context, in Flask's code; the story says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm.exc import DetachedInstanceError

import tether
from tests.watch.flavours.telling import told


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Any]:
    """
    An application with users and orders, and one of each in its database.
    """
    app = flask.Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'flask.sqlite'}"
    db = SQLAlchemy(app)

    class User(db.Model):  # type: ignore[name-defined,misc]
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String)
        orders = db.relationship("Order")

    class Order(db.Model):  # type: ignore[name-defined,misc]
        id = db.Column(db.Integer, primary_key=True)
        user_id = db.Column(db.ForeignKey("user.id"))

    with app.app_context():
        db.create_all()
        db.session.add(User(id=1, name="a", orders=[Order(id=1)]))
        db.session.commit()
    yield SimpleNamespace(app=app, db=db, User=User)
    with app.app_context():
        db.engine.dispose()


def test_end_of_the_application_context_names_its_block(shop: Any) -> None:
    """
    The teardown of ``with app.app_context()`` closes the Session: the line is that of the block.
    """
    with tether.watching() as report:
        with shop.app.app_context():  # <end>
            user = shop.db.session.get(shop.User, 1)  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert ["lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"] == told(
        report.findings
    )


def test_query_property_names_the_programs_line(shop: Any) -> None:
    """
    ``Model.query`` runs in Flask-SQLAlchemy; the line is the program's.
    """
    with tether.watching() as report:
        with shop.app.app_context():  # <end>
            user = shop.User.query.first()  # <load>
        with pytest.raises(DetachedInstanceError):
            _ = user.orders  # <use>

    assert ["lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"] == told(
        report.findings
    )


def test_row_that_a_view_keeps_is_detached_by_the_end_of_the_request(shop: Any) -> None:
    """
    A row that a view stores is detached when the request's context ends, in the call that made the request.
    """
    kept = []

    @shop.app.get("/")
    def view() -> str:
        kept.append(shop.db.session.get(shop.User, 1))  # <load>
        return "done"

    with tether.watching() as report:
        answer = shop.app.test_client().get("/")  # <request>
        with pytest.raises(DetachedInstanceError):
            _ = kept[0].orders  # <use>

    assert 200 == answer.status_code
    assert ["lazy-load-after-close: loaded <load>, detached <request> (close), used <use>"] == told(
        report.findings
    )


def test_teardown_function_of_the_program_is_the_programs(shop: Any) -> None:
    """
    A teardown of the program's own that removes the Session is the line that detaches.
    """
    kept = []

    @shop.app.get("/")
    def view() -> str:
        kept.append(shop.db.session.get(shop.User, 1))  # <load>
        return "done"

    @shop.app.teardown_appcontext
    def remove(error: BaseException | None) -> None:
        shop.db.session.remove()  # <end>

    with tether.watching() as report:
        shop.app.test_client().get("/")
        with pytest.raises(DetachedInstanceError):
            _ = kept[0].orders  # <use>

    assert ["lazy-load-after-close: loaded <load>, detached <end> (close), used <use>"] == told(
        report.findings
    )


def test_view_that_forgets_to_commit(shop: Any) -> None:
    """
    A change that is not flushed and rows that are not committed are told at the end of the request.
    """

    @shop.app.get("/rename")
    def rename() -> str:
        shop.db.session.get(shop.User, 1).name = "renamed"  # <change>
        return "done"

    @shop.app.get("/new")
    def new() -> str:
        shop.db.session.add(shop.User(id=2, name="new"))  # <make>
        shop.db.session.flush()  # <flush>
        return "done"

    with tether.watching() as report:
        client = shop.app.test_client()
        client.get("/rename")  # <rename request>
        client.get("/new")  # <new request>

    assert [
        "change-discarded: loaded <change>, changed <change>, detached <rename request> (close)",
        "never-committed: opened <make>, created <make>, flushed <flush>, closed <new request> (close)",
    ] == told(report.findings)


def test_view_that_fails_loses_nothing(shop: Any) -> None:
    """
    What an exception in a view drops is explained by it, though Flask has caught it by then.
    """

    @shop.app.get("/")
    def view() -> str:
        shop.db.session.get(shop.User, 1).name = "renamed"
        raise LookupError

    with tether.watching() as report:
        answer = shop.app.test_client().get("/")

    assert 500 == answer.status_code
    assert [] == told(report.findings)


def test_view_that_commits_is_right(shop: Any) -> None:
    """
    A view that reads, changes and commits has no finding.
    """

    @shop.app.get("/")
    def view() -> dict[str, Any]:
        user = shop.db.session.get(shop.User, 1)
        user.name = "renamed"
        shop.db.session.commit()
        return {"name": user.name, "orders": len(user.orders)}

    with tether.watching() as report:
        answer = shop.app.test_client().get("/")

    assert {"name": "renamed", "orders": 1} == answer.json
    assert [] == told(report.findings)


def test_teardown_after_a_success_is_not_taken_for_a_failure(shop: Any) -> None:
    """
    A teardown that is given no exception says what the view has dropped, also when a view before it failed.
    """

    @shop.app.get("/fail")
    def fail() -> str:
        raise LookupError

    @shop.app.get("/rename")
    def rename() -> str:
        shop.db.session.get(shop.User, 1).name = "renamed"  # <change>
        return "done"

    with tether.watching() as report:
        client = shop.app.test_client()
        client.get("/fail")
        client.get("/rename")  # <request>

    story = "change-discarded: loaded <change>, changed <change>, detached <request> (close)"
    assert [story] == told(report.findings)
