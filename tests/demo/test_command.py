"""`tether demo`: the whole story, single chapters, the list, and nothing left behind."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import tether.demo.chapters
from tether.cli import main
from tether.demo.chapters import all_chapters
from tether.demo.stage import Stage, stage

NEW_CHAPTER = '''\
"""A chapter somebody adds."""

from __future__ import annotations

from sqlalchemy import Engine

from tether.demo.chapter import Chapter, Verdict, right
from tether.demo.seen import Seen


def program(engine: Engine) -> None:
    print(engine.name)


def verdict(seen: Seen) -> Verdict:
    return right(f"It is {seen.printed[0]}.")


CHAPTER = Chapter(order=15, title="A new one", saying="It is there.", program=program, verdict=verdict)
'''


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    An empty folder for temporary files.
    """
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_story_has_every_chapter_and_ends_with_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Without a name the whole story is told, in its order; the table at its end has a line for each chapter.
    """
    assert 0 == main(["demo"])

    page = capsys.readouterr().out
    story, table = page.split("The story in one table")
    headings = [line.rsplit(" ", 2)[1] for line in story.splitlines() if line.endswith("──")]
    rows = [line.split()[0] for line in table.splitlines() if line.startswith("  ")]
    names = list(all_chapters())
    assert names == [heading for heading in headings if heading in names]
    assert ["chapter", *names] == rows[: len(names) + 1]
    assert "Customer 1: name 'Ann'" in story


def test_one_chapter(capsys: pytest.CaptureFixture[str]) -> None:
    """
    With names only these chapters are told, each once, in the order asked for.
    """
    assert 0 == main(["demo", "refresh", "rename", "refresh"])

    headings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("──")]
    assert [["refresh", "──"], ["rename", "──"]] == [heading.split()[-2:] for heading in headings]


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """
    `--list` prints the name and the title of each chapter, and runs none.
    """
    assert 0 == main(["demo", "--list"])

    lines = capsys.readouterr().out.splitlines()
    assert [(name, chapter.title) for name, chapter in all_chapters().items()] == [
        (line.split()[0], line.split(maxsplit=1)[1]) for line in lines
    ]


@pytest.mark.parametrize(
    "name, words",
    [
        ("refesh", "there is no chapter called 'refesh'; did you mean refresh"),
        ("zzz", "there is no chapter called 'zzz'; `tether demo --list` lists them all."),
    ],
)
def test_chapter_that_does_not_exist(name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A name nobody knows is one sentence with near names, and exit status 2; nothing is told.
    """
    with pytest.raises(SystemExit) as exit_:
        main(["demo", "rename", name])

    assert 2 == exit_.value.code
    output = capsys.readouterr()
    assert words in output.err
    assert "" == output.out


def test_story_is_the_same_each_time(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    """
    Two runs print the same: no address, no path of a temporary file, no time.
    """
    pages = []
    for _ in range(2):
        main(["demo"])
        pages.append(capsys.readouterr().out)

    assert pages[0] == pages[1]
    assert str(elsewhere) not in pages[0]
    assert " at 0x" not in pages[0]


def test_nothing_is_left(
    capsys: pytest.CaptureFixture[str],
    elsewhere: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    After the story the temporary directory is gone, and the working directory, the modules and stdout are
    what they were.
    """
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    main(["demo", "rename"])
    modules, stdout = set(sys.modules), sys.stdout

    main(["demo"])

    assert [] == list(elsewhere.iterdir())
    assert [] == list(here.iterdir())
    assert here == Path.cwd()
    assert set() == set(sys.modules) - modules - {name for name in sys.modules if name.startswith("tether.")}
    assert stdout is sys.stdout


def test_nothing_is_left_after_an_interruption(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Ctrl-C in the middle of a chapter removes the temporary directory too.
    """
    here = Path.cwd()

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tether.demo.stage.observe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main(["demo", "rename"])

    assert [] == list(elsewhere.iterdir())
    assert here == Path.cwd()


@contextmanager
def chapter_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """
    A stage for which *folder* holds chapters too.
    """
    path = [*tether.demo.chapters.__path__, str(folder)]
    monkeypatch.setattr(tether.demo.chapters, "__path__", path)
    try:
        with stage() as house:
            yield house
    finally:
        sys.modules.pop("tether.demo.chapters.brand_new", None)
        vars(tether.demo.chapters).pop("brand_new", None)


def test_new_chapter_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file in the folder of chapters is told in its place; no other file knows of it.
    """
    (tmp_path / "brand_new.py").write_text(NEW_CHAPTER)

    with chapter_in(tmp_path, monkeypatch) as house:
        names = list(all_chapters())
        performance = house.perform("brand-new")

    assert ["rename", "brand-new", "rename-after-close"] == names[:3]
    assert "It is sqlite." == performance.verdict.because
    assert [] == performance.findings
