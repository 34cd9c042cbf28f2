"""Keys of dictionaries of rows: whatever they are made of, they come back from every format."""

from __future__ import annotations

import enum
import pickle
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import Enum, ForeignKey, create_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    attribute_keyed_dict,
    column_keyed_dict,
    keyfunc_mapping,
    mapped_column,
    relationship,
)

import tether
from tests.carry.out.models import Colour, ColourType
from tether.errors import SnapshotError


class Base(DeclarativeBase):
    pass


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Cut(enum.StrEnum):
    SMALL = "small"
    WIDE = "wide"


class Shirt(Base):
    __tablename__ = "shirt"
    id: Mapped[int] = mapped_column(primary_key=True)
    shop_id: Mapped[int | None] = mapped_column(ForeignKey("shop.id"))
    size: Mapped[Size]
    cut: Mapped[Cut] = mapped_column(Enum(Cut))
    colour: Mapped[Colour] = mapped_column(ColourType)
    stock: Mapped[int] = mapped_column(default=0)


def shirts(collection_class: Any) -> Any:
    return relationship(Shirt, collection_class=collection_class, viewonly=True)


class Shop(Base):
    __tablename__ = "shop"
    id: Mapped[int] = mapped_column(primary_key=True)
    by_size: Mapped[dict[Size, Shirt]] = relationship(collection_class=attribute_keyed_dict("size"))
    by_cut: Mapped[dict[Cut, Shirt]] = shirts(column_keyed_dict(Shirt.__table__.c.cut))
    by_both: Mapped[dict[Any, Shirt]] = shirts(
        column_keyed_dict([Shirt.__table__.c.size, Shirt.__table__.c.cut])
    )
    by_colour: Mapped[dict[Colour, Shirt]] = shirts(attribute_keyed_dict("colour"))
    by_number: Mapped[dict[Any, Shirt]] = shirts(keyfunc_mapping(lambda shirt: (shirt.cut, shirt.id * 10)))
    by_object: Mapped[dict[Any, Shirt]] = shirts(keyfunc_mapping(lambda shirt: complex))


KEYS = {
    "by_size": {Size.SMALL, Size.LARGE},
    "by_cut": {Cut.SMALL, Cut.WIDE},
    "by_both": {(Size.SMALL, Cut.SMALL), (Size.LARGE, Cut.WIDE)},
    "by_colour": {Colour(1, 2), Colour(3, 4)},
    "by_number": {(Cut.SMALL, 10), (Cut.WIDE, 20)},
}
WRITE: dict[str, Any] = {
    "json": tether.dumps,
    "msgpack": lambda snap: tether.dumps(snap, format="msgpack"),
    "pickle": pickle.dumps,
}


def read(data: bytes, form: str) -> Any:
    return pickle.loads(data) if form == "pickle" else tether.loads(data, Base)


@pytest.fixture
def session() -> Iterator[Session]:
    """
    A Session on a shop with two shirts.
    """
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        small = Shirt(id=1, size=Size.SMALL, cut=Cut.SMALL, colour=Colour(1, 2))
        large = Shirt(id=2, size=Size.LARGE, cut=Cut.WIDE, colour=Colour(3, 4))
        session.add(Shop(id=1, by_size={Size.SMALL: small, Size.LARGE: large}))
        session.commit()
        yield session
    engine.dispose()


@pytest.mark.parametrize("form", list(WRITE))
@pytest.mark.parametrize("name", list(KEYS))
def test_keys_come_back(session: Session, name: str, form: str) -> None:
    """
    Members of enums, values of the program's own types, and tuples of them are the keys they were.
    """
    snap = tether.snapshot(session.get(Shop, 1), include=[getattr(Shop, name)])

    back = getattr(read(WRITE[form](snap), form), name)

    assert KEYS[name] == set(back)
    for key, shirt in getattr(snap, name).items():
        assert shirt.id == back[key].id
    assert list(map(repr, getattr(snap, name))) == list(
        map(repr, back)
    )  # Cut.SMALL, and not the text it equals


@pytest.mark.parametrize("form", list(WRITE))
def test_a_changed_dictionary_comes_home(session: Session, form: str) -> None:
    """
    A draft that took a row out and put another in says so after the trip, and attach() writes both.
    """
    draft = tether.edit(tether.snapshot(session.get(Shop, 1), include=["by_size"]))
    del draft.by_size[Size.LARGE]
    draft.by_size[Size.SMALL].stock = 5
    session.expunge_all()

    shop = tether.attach(session, read(WRITE[form](draft), form))
    session.commit()

    assert {Size.SMALL: 5} == {size: shirt.stock for size, shirt in shop.by_size.items()}
    assert session.get(Shirt, 2).shop_id is None


def test_renamed_column(session: Session) -> None:
    """
    A key is known by a column of an older program that has another name now.
    """
    data = tether.dumps(tether.snapshot(session.get(Shop, 1), include=["by_size"]))
    old = data.replace(b'"size"', b'"grade"')
    assert old != data

    back = tether.loads(old, Base, rename={"Shirt.grade": "size"})

    assert {Size.SMALL, Size.LARGE} == set(back.by_size)


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (
            ["k", ["price", ["e", "SMALL"]]],
            "a key of `Shop.by_size` is of a column `price`, which its rows do not have",
        ),
        (["k", ["size", ["e", "HUGE"]]], "a key of `Shop.by_size` holds 'HUGE', which is no member of Size"),
        (["k", ["size"]], "a key of `Shop.by_size` holds list data that is no value of a snapshot"),
        (["k", ["size", ["j", [1]]]], "the document has a `Shop.by_size` that is none"),
    ],
)
def test_hostile_keys(session: Session, key: Any, problem: str) -> None:
    """
    A key that is none is refused, and the error names the relationship.
    """
    document = msgspec.json.decode(tether.dumps(tether.snapshot(session.get(Shop, 1), include=["by_size"])))
    links = [table["links"]["by_size"] for table in document["tables"] if "by_size" in table.get("links", {})]
    links[0]["keys"][0] = key

    with pytest.raises(SnapshotError) as error:
        tether.loads(msgspec.json.encode(document), Base)

    assert problem == str(error.value)


def test_deeply_nested_key(session: Session) -> None:
    """
    Tuples in tuples are bounded.
    """
    document = msgspec.json.decode(tether.dumps(tether.snapshot(session.get(Shop, 1), include=["by_size"])))
    links = [table["links"]["by_size"] for table in document["tables"] if "by_size" in table.get("links", {})]
    key: Any = 1
    for _ in range(100):
        key = ["tu", [key]]
    links[0]["keys"][0] = key

    with pytest.raises(SnapshotError, match="nested more than 64 deep"):
        tether.loads(msgspec.json.encode(document), Base)


def test_key_without_a_form(session: Session) -> None:
    """
    What no column of the rows can hold is refused by name.
    """
    shop = session.get(Shop, 1)
    session.delete(session.get(Shirt, 2))
    session.flush()
    snap = tether.snapshot(shop, include=["by_object"])

    with pytest.raises(SnapshotError) as error:
        tether.dumps(snap)

    assert "a key of `Shop.by_object` holds a builtins.type, which has no safe form" == str(error.value)
