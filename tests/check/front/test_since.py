"""`--since`: what is new since a commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.check.front.engine import HAZARD, ImportingEngine
from tests.check.front.projects import LIB, VIEWS, check, commit, git, put, write
from tether.check.front.run import Options, run
from tether.errors import ConfigError

pytestmark = pytest.mark.usefixtures("project")

MORE = f"# moved\n{VIEWS}\n\ndef again():\n    return [load()]\n"


def new(capsys: pytest.CaptureFixture[str], *arguments: str, **options: Any) -> list[str]:
    """Return where the findings are that are new since HEAD, or the commit that is named."""
    check(*arguments, **{"since": "HEAD", **options})
    lines = capsys.readouterr().out.splitlines()
    return [line.split()[0] for line in lines if f" {HAZARD}: " in line]


def test_what_was_there_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A finding that the commit has is not told, wherever it moved; one in new lines is.
    """
    write(lib=LIB, app__views=VIEWS)
    commit()

    assert [] == new(capsys)

    write(app__views=MORE)

    assert ["app/views.py:10:13"] == new(capsys)


def test_what_another_file_makes_new_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A finding in a file that did not change is told if a change elsewhere made it.
    """
    write(lib="def load(): return 1\n", views=VIEWS)
    commit()
    write(lib=LIB)

    assert ["views.py:5:12"] == new(capsys)


def test_it_begins_where_the_branch_began(capsys: pytest.CaptureFixture[str]) -> None:
    """
    What was mended on the other branch in the meantime is not new on this one.
    """
    write(lib=LIB, views=VIEWS)
    commit()
    git("branch", "other")
    write(views="x = 1\n")
    commit()
    git("branch", "mended")
    git("checkout", "other")

    assert [] == new(capsys, since="mended")


def test_from_a_folder_of_the_repository(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Below the top, paths begin in the working directory, and the settings above hold.
    """
    write(back__lib=LIB, back__views=VIEWS, back__vendor__views=VIEWS)
    put("pyproject.toml", '[tool.tether]\nskip = ["back/vendor/*"]\n')
    commit()
    write(back__views=MORE, back__vendor__views=MORE)
    monkeypatch.chdir("back")

    assert ["views.py:10:13"] == new(capsys)
    assert ["views.py:10:13"] == new(capsys, "views.py", "lib.py")


def test_comments_of_the_commit_count(capsys: pytest.CaptureFixture[str]) -> None:
    """
    What a comment allowed in the commit is new when the comment is gone.
    """
    write(lib=LIB, views=VIEWS.replace("return load()", f"return load()  # tether: allow[{HAZARD}]"))
    commit()
    write(views=VIEWS)

    assert ["views.py:5:12"] == new(capsys)


def test_attributes_of_archives_do_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Files that .gitattributes keeps out of archives are compared all the same, and links are not followed.
    """
    write(lib=LIB, views=VIEWS)
    put(".gitattributes", "*.py export-ignore\n")
    Path("link.py").symlink_to("../../../somewhere.py")
    commit()

    assert [] == new(capsys)


def test_the_commit_is_analysed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """
    With a cache the second run asks no engine, and tells the same.
    """
    write(lib=LIB, views=VIEWS)
    commit()
    write(views=MORE)
    first = new(capsys, cache=True)
    run([], Options(since="HEAD"), lambda *arguments: pytest.fail("the engine was asked for"))

    assert first[0] in capsys.readouterr().out


def test_the_working_directory_stays(project: Path) -> None:
    """
    After the run the working directory is what it was.
    """
    write(lib=LIB, views=VIEWS)
    commit()
    check(since="HEAD")

    assert project == Path.cwd()


@pytest.mark.parametrize("ref", ["nowhere", "--upload-pack=x", ""])
def test_a_commit_that_does_not_exist(ref: str) -> None:
    """
    A name that is no commit is said to be none.
    """
    write(a="x = 1\n")
    commit()

    with pytest.raises(ConfigError, match=f"^--since {ref}: git knows no such commit here"):
        check(since=ref)


def test_without_a_repository() -> None:
    """
    Outside a repository there is nothing to compare with.
    """
    write(a="x = 1\n")

    with pytest.raises(ConfigError, match=r"git knows no such commit here \(not a git repository"):
        check(since="HEAD")


def test_a_file_that_is_new() -> None:
    """
    What did not exist in the commit is new.
    """
    write(lib=LIB)
    commit()
    write(views=VIEWS)

    assert 1 == run(["views.py", "lib.py"], Options(since="HEAD", cache=False), ImportingEngine)
