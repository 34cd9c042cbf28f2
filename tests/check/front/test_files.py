"""Which files are checked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.check.front.projects import git
from tether.check.front.files import find_files
from tether.core.config import Config

pytestmark = pytest.mark.usefixtures("project")


def write(*paths: str) -> None:
    for name in paths:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")


def found(*arguments: str, **settings: tuple[str, ...]) -> list[str]:
    return list(find_files(arguments or ["."], Config(**settings)).paths)


def left_out(*arguments: str, wanted: bool = False) -> list[tuple[str, str]]:
    skipped = find_files(arguments or ["."], Config()).skipped
    return [(one.path, one.reason) for one in skipped if one.wanted == wanted]


PLAIN = ["app/__init__.py", "app/views.py", "main.py"]
NOT_OURS = [
    ".hidden/a.py",
    "node_modules/tool/a.py",
    "app/node_modules/a.py",
    "build/lib/a.py",
    "dist/a.py",
    "venv/lib/a.py",
    "lib/site-packages/a.py",
]


@pytest.mark.parametrize("in_git", [False, True])
def test_the_projects_own_files(in_git: bool) -> None:
    """
    Hidden folders, environments, installed packages and build folders are left out, with git or without.
    """
    write(*PLAIN, *NOT_OURS, "app/notes.txt", "venv/pyvenv.cfg")
    if in_git:
        git("init")
        git("add", "--all", "--force")

    assert PLAIN == found()


@pytest.mark.parametrize("in_git", [False, True])
def test_a_package_called_build_is_a_package(in_git: bool) -> None:
    """
    A folder called build that holds an __init__.py is somebody's package.
    """
    write("src/build/__init__.py", "src/build/a.py")
    if in_git:
        git("init")

    assert ["src/build/__init__.py", "src/build/a.py"] == found()


def test_what_is_left_out_is_named() -> None:
    """
    Folders that are left out are named once each.
    """
    write("main.py", "node_modules/a/b.py", "node_modules/c.py")

    assert [("node_modules", "not the project's own code")] == left_out(wanted=True)


def test_gitignore_is_honoured() -> None:
    """
    In a repository, ignored files are left out; untracked ones and tracked ones are checked.
    """
    write("tracked.py", "untracked.py", "generated/a.py", "deleted.py")
    Path(".gitignore").write_text("generated/\n", encoding="utf-8")
    git("init")
    git("add", "tracked.py", "deleted.py")
    Path("deleted.py").unlink()

    assert ["tracked.py", "untracked.py"] == found()


def test_an_ignored_file_that_is_named_is_checked() -> None:
    """
    A file, or a folder, that is named itself is checked though git ignores it.
    """
    write("generated/a.py", "b.py")
    Path(".gitignore").write_text("generated/\n", encoding="utf-8")
    git("init")

    assert ["generated/a.py"] == found("generated/a.py")
    assert ["generated/a.py"] == found("generated")


def test_a_repository_below_and_a_submodule_are_checked() -> None:
    """
    A repository inside the repository, and a submodule, are listed by their own git.
    """
    write("outer.py", "inner/a.py", "inner/generated.py", "../library/lib.py")
    Path("inner/.gitignore").write_text("generated.py\n", encoding="utf-8")
    git("init")
    git("init", folder="inner")
    git("init", folder="../library")
    git("add", "lib.py", folder="../library")
    git("commit", "--message=one", folder="../library")
    git("submodule", "add", Path("../library").resolve().as_posix(), "library")

    assert ["inner/a.py", "library/lib.py", "outer.py"] == found()


def test_the_repository_of_a_hook_does_not_stand_in_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    GIT_DIR and GIT_INDEX_FILE, which git sets for hooks, do not change which files are found.
    """
    write("a.py", "other/b.py")
    git("init")
    git("init", folder="other")
    git("add", "a.py")
    monkeypatch.setenv("GIT_DIR", str(Path("other/.git").resolve()))
    monkeypatch.setenv("GIT_INDEX_FILE", str(Path("other/.git/index").resolve()))

    assert ["a.py", "other/b.py"] == found()


def test_a_program_that_a_repository_names_is_not_run() -> None:
    """
    core.fsmonitor of a repository is not run.
    """
    write("a.py")
    git("init")
    script = Path("spy").resolve()
    script.write_text("#!/bin/sh\ntouch ran\n", encoding="utf-8")
    script.chmod(0o755)
    git("config", "core.fsmonitor", str(script))

    assert (["a.py"], False) == (found(), Path("ran").exists())


def test_git_that_does_not_answer_is_replaced_by_a_walk() -> None:
    """
    In a folder with a .git that is no repository, files are looked for without git.
    """
    write("a.py", ".git/HEAD")

    assert ["a.py"] == found()


@pytest.mark.parametrize(
    ("skip", "expected"),
    [
        ("vendor/*", ["app/legacy/a.py", "app/our_framework.py", "app/views.py"]),
        ("legacy", ["app/our_framework.py", "app/views.py", "vendor/v.py"]),
        ("app.legacy", ["app/our_framework.py", "app/views.py", "vendor/v.py"]),
        ("our_framework", ["app/legacy/a.py", "app/views.py", "vendor/v.py"]),
        ("views.py", ["app/legacy/a.py", "app/our_framework.py", "vendor/v.py"]),
    ],
)
def test_skip(skip: str, expected: list[str]) -> None:
    """
    `skip` names packages, at any depth, or globs.
    """
    write("app/views.py", "app/legacy/a.py", "app/our_framework.py", "vendor/v.py")

    assert expected == found(skip=(skip,))


def test_skip_holds_for_files_that_are_named() -> None:
    """
    What `skip` names is not checked even if the command line names it, as a pre-commit hook does.
    """
    write("vendor/v.py", "a.py")
    files = find_files(["vendor/v.py", "a.py"], Config(skip=("vendor/*",)))

    assert (("a.py",), [("vendor/v.py", True)]) == (
        files.paths,
        [(one.path, one.wanted) for one in files.skipped],
    )


@pytest.mark.parametrize("spelling", ["./app/../app/a.py", "app//a.py", "{absolute}"])
def test_paths_are_shown_below_the_working_directory(spelling: str) -> None:
    """
    However a path is spelled, it is shown relative to the working directory and checked once.
    """
    write("app/a.py")
    argument = spelling.format(absolute=Path("app/a.py").resolve())

    assert ["app/a.py"] == found("app", argument)


def test_a_file_outside_keeps_its_whole_path(tmp_path: Path) -> None:
    """
    A file that is not below the working directory is shown with its whole path.
    """
    write("app/a.py", "elsewhere/b.py")
    os.chdir("app")

    assert [(tmp_path / "elsewhere/b.py").as_posix()] == found(str(tmp_path / "elsewhere"))


def test_a_link_is_the_file_it_leads_to() -> None:
    """
    A file that a link also leads to is checked once, under its own name; a loop of folders ends.
    """
    write("app/z.py")
    Path("app/a.py").symlink_to("z.py")
    Path("app/loop").symlink_to("..", target_is_directory=True)

    assert ["app/z.py"] == found()


def test_a_path_that_does_not_exist() -> None:
    """
    What does not exist is named, and the rest is found.
    """
    write("a.py")

    assert [("nowhere.py", "there is no such file or folder")] == left_out("nowhere.py", "a.py")
    assert ["a.py"] == found("nowhere.py", "a.py")


def test_links_that_lead_nowhere_or_to_themselves() -> None:
    """
    A link to nothing and a link to itself are named, and the rest is found.
    """
    write("a.py")
    Path("nothing.py").symlink_to("gone")
    Path("self.py").symlink_to("self.py")

    assert ["a.py"] == found()
    assert [
        ("nothing.py", "the link leads nowhere"),
        ("self.py", "it cannot be read: Too many levels of symbolic links"),
    ] == left_out()


def test_a_path_with_a_null_byte() -> None:
    """
    A path that no system has is named.
    """
    assert [("a\0b", "no path holds a null character")] == left_out("a\0b")


def test_a_named_file_needs_no_suffix() -> None:
    """
    A file that is named is checked whatever it is called.
    """
    write("manage")

    assert ["manage"] == found("manage")
