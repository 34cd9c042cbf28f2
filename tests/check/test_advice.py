"""What a finding advises is said with the names of the program, and fits what is wrong there."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from tether.check.engine import Engine
from tether.core.config import Config
from tether.core.finding import Finding

MODELS = """
    from sqlalchemy import ForeignKey, select
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

    class Base(DeclarativeBase): ...

    class ParcelLabel(Base):
        __tablename__ = "label"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str]
        stamps: Mapped[list["Stamp"]] = relationship()

    class Stamp(Base):
        __tablename__ = "stamp"
        id: Mapped[int] = mapped_column(primary_key=True)
        label_id: Mapped[int] = mapped_column(ForeignKey("label.id"){unique})

    async def work(engine: object) -> None:
        async with AsyncSession(engine) as session:
            label = (await session.scalars(select(ParcelLabel))).one()
            {work}
    """


def only_finding(folder: Path, work: str = "pass", unique: str = "") -> Finding:
    """Return the finding of a program."""
    path = folder / "app.py"
    path.write_text(dedent(MODELS).format(work=work, unique=unique))
    (finding,) = Engine([str(path)], str(folder), Config()).analyse(str(path)).findings
    return finding


def test_the_names_are_those_of_the_program(tmp_path: Path) -> None:
    """
    Class, variable and attribute of the example in the catalogue become those that the finding is about.
    """
    advice = only_finding(tmp_path, "print(label.stamps)").help

    assert "selectinload(ParcelLabel.stamps)" in advice
    assert 'session.refresh(parcel_label, ["stamps"])' in advice
    assert "parcel_label.awaitable_attrs.stamps" in advice


def test_a_column_is_not_loaded_as_a_relationship_is(tmp_path: Path) -> None:
    """
    Where a column was expired, another Session or a refresh helps, and no loader option.
    """
    advice = only_finding(tmp_path, "await session.commit(); print(label.text)").help

    assert "expire_on_commit=False" in advice
    assert 'session.refresh(parcel_label, ["text"])' in advice
    assert "selectinload" not in advice


def test_a_list_on_a_unique_column_is_to_become_one_row(tmp_path: Path) -> None:
    """
    The class of the program is named, and nothing is to be made unique that is so already.
    """
    advice = only_finding(tmp_path, unique=", unique=True").help

    assert 'Mapped["Stamp | None"]' in advice
    assert "unique=True" not in advice
