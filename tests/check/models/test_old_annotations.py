"""Annotations of the time before ``Mapped``."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tether.check.models.mapped_classes import Models
from tether.check.project.modules import Project


@pytest.mark.parametrize("allowed", [False, True])
def test_annotations_without_mapped(tmp_path: Path, allowed: bool) -> None:
    """
    Before SQLAlchemy 2.0 annotations said nothing, and since then they do only where a class allows it.
    """
    source = f"""
        from sqlalchemy import Column, ForeignKey, Integer
        from sqlalchemy.orm import declarative_base, relationship

        Base = declarative_base()

        class A(Base):
            __tablename__ = "a"
            __allow_unmapped__ = {allowed}
            id: int = Column(Integer, primary_key=True)
            x: "B" = relationship("B")

        class B(Base):
            __tablename__ = "b"
            id: int = Column(Integer, primary_key=True)
            a_id: int = Column(ForeignKey("a.id"))
        """

    path = tmp_path / "app.py"
    path.write_text(dedent(source))
    models = Models(Project([path], tmp_path))
    model = models.of(models.project.resolve("app", "A"))
    found = model.get("x") if model is not None else None

    assert found is not None
    assert found.relationship is not None
    assert (not allowed) is found.relationship.uselist
