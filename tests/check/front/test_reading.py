"""A project whose texts stand in an editor."""

from __future__ import annotations

from pathlib import Path

from tether.check.project.modules import Project


def test_texts_that_are_not_saved(tmp_path: Path) -> None:
    """
    What stands in for the disk is read instead of it.
    """
    (tmp_path / "a.py").write_text("class Saved: ...\n", encoding="utf-8")
    project = Project([tmp_path / "a.py"], tmp_path, read=lambda path, most: b"class Typed: ...\n")
    (module,) = project.modules()

    assert ["Typed"] == list(module.classes)
