"""one-to-one-not-enforced: a relationship says one row, and the table allows many, or the reverse."""

from __future__ import annotations

from tether.core.hazard import Hazard

HAZARD = Hazard(
    name="one-to-one-not-enforced",
    severity="warning",
    summary="A relationship says one row where the table allows many, or many where it allows one.",
    why=(
        "SQLAlchemy adds no unique key by itself. Without one the table takes a second row, and the "
        "relationship gives one of them, with a warning at most. The other way round, a list takes a "
        "second row although the foreign key is unique, and the flush fails with IntegrityError."
    ),
    instead=(
        'Make the foreign key unique: mapped_column(ForeignKey("user.id"), unique=True). Where there '
        'are many rows, make the relationship a list: Mapped[list["Profile"]].'
    ),
    example="""\
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    profile: Mapped["Profile"] = relationship(back_populates="user")


class Profile(Base):
    __tablename__ = "profile"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    user: Mapped[User] = relationship(back_populates="profile")
""",
    better="""\
class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    profile: Mapped["Profile"] = relationship(back_populates="user")


class Profile(Base):
    __tablename__ = "profile"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), unique=True)
    user: Mapped[User] = relationship(back_populates="profile")
""",
)
