"""`tether lsp`, asked by a real client over stdio."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lsprotocol import types

from tests.check.front.projects import LIB, VIEWS
from tests.lsp.conversation import IMPORTING, OWN, ROOT, applied, server, talk

OLD = "def f(session):\n    return session.query(User).get(1)\n"
NEW = "def f(session):\n    return session.get(User, 1)\n"


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def seen(diagnostics: list[types.Diagnostic]) -> list[tuple[str | int | None, int, int, int]]:
    """Return hazard, line, first and last column of each diagnostic, counted from 0."""
    return [
        (one.code, one.range.start.line, one.range.start.character, one.range.end.character)
        for one in diagnostics
    ]


def test_a_finding_is_shown_where_it_is(tmp_path: Path) -> None:
    """
    A file that is opened has its findings as diagnostics, with severity, source and what to do.
    """
    write(tmp_path, "a.py", OLD)

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            client.open("a.py")
            (found,) = await client.diagnostics("a.py")

            assert [("legacy-query-get", 1, 11, 24)] == seen([found])
            assert (types.DiagnosticSeverity.Warning, "tether") == (found.severity, found.source)
            assert "Session.get(User, ...)" in found.message

    talk(conversation())


def test_typing_and_closing(tmp_path: Path) -> None:
    """
    What is typed counts before it is saved; a file that is closed has no diagnostics.
    """
    write(tmp_path, "a.py", NEW)

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            client.open("a.py")
            before = await client.diagnostics("a.py")
            client.change("a.py", OLD)
            typed = await client.diagnostics("a.py")
            client.close("a.py")

            assert ([], 1, []) == (before, len(typed), await client.diagnostics("a.py"))

    talk(conversation())


def test_many_keystrokes_are_one_check(tmp_path: Path) -> None:
    """
    Changes that follow each other at once are checked once, as the last one left the text.
    """
    write(tmp_path, "a.py", NEW)

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            client.open("a.py")
            await client.diagnostics("a.py")
            for number in range(50):
                client.change("a.py", f"{OLD}# {number}\n")
            client.change("a.py", f"{OLD}{OLD}")
            found = await client.diagnostics("a.py")

            assert [("legacy-query-get", 1, 11, 24), ("legacy-query-get", 3, 11, 24)] == seen(found)
            assert client.told.empty()

    talk(conversation())


def test_a_text_that_does_not_parse(tmp_path: Path) -> None:
    """
    Half a line, an unknown encoding and a null byte do not end the conversation.
    """

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            for number, text in enumerate(
                [
                    "def f(",
                    "# coding: nowhere\n",
                    "x = '\0'",
                    "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
                ]
            ):
                client.open(f"{number}.py", text)

                assert [] == await client.diagnostics(f"{number}.py")

    talk(conversation())


def test_the_fix_is_offered(tmp_path: Path) -> None:
    """
    The fix of a finding is a quick fix, the preferred one, in UTF-16 columns.
    """
    text = "def f(session):\n    '😀'; return session.query(User).get('😀')\n"
    write(tmp_path, "a.py", text)

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            client.open("a.py")
            found = await client.diagnostics("a.py")
            fix, _ = await client.actions("a.py", 1)

            assert [("legacy-query-get", 1, 17, 30)] == seen(found)
            assert (True, "quickfix") == (fix.is_preferred, fix.kind)
            assert text.replace(".query(User).get('", ".get(User, '") == applied(
                text, fix, client.uri("a.py")
            )
            assert [] == await client.actions("a.py", 0)

    talk(conversation())


def test_an_allow_comment_is_offered(tmp_path: Path) -> None:
    """
    The comment goes where it counts: behind the line, into one that is there, or above the statement.
    """
    text = (
        "session.query(User).get(1)\n"
        "session.query(User).get(2)  # tether: allow[lazy-load-in-loop]\n"
        "if x:\n"
        "    y = session.query(User).get('''\n"
        "    key''')\n"
    )
    allow = "# tether: allow[legacy-query-get]"
    expected = [
        text.replace("get(1)", f"get(1)  {allow}"),
        text.replace("in-loop]", "in-loop, legacy-query-get]"),
        text.replace("    y =", f"    {allow}\n    y ="),
    ]
    write(tmp_path, "a.py", text)

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            client.open("a.py")
            await client.diagnostics("a.py")
            offered = [(await client.actions("a.py", line))[-1] for line in (0, 1, 3)]

            assert {"Allow legacy-query-get here"} == {action.title for action in offered}
            for action, result in zip(offered, expected, strict=True):
                after = applied(text, action, client.uri("a.py"))
                client.change("a.py", after)

                assert (result, 2) == (after, len(await client.diagnostics("a.py")))

    talk(conversation())


def test_other_files_count(tmp_path: Path) -> None:
    """
    What a finding depends on is read from the editor where it is open, from disk where it is not.
    """
    write(tmp_path, "lib.py", "def load(): return 1\n")
    write(tmp_path, "views.py", VIEWS)

    async def conversation() -> None:
        async with server(tmp_path, IMPORTING) as client:
            client.open("views.py")
            at_first = await client.diagnostics("views.py")
            client.open("lib.py", LIB)
            typed = await client.diagnostics("views.py")
            client.close("lib.py")
            client.save("lib.py", "def load(): return 2\n")
            saved = await client.diagnostics("views.py")

            assert ([], [("lazy-load-in-loop", 4, 11, 15)], []) == (at_first, seen(typed), saved)

    talk(conversation())


def test_the_places_of_the_story(tmp_path: Path) -> None:
    """
    The places of a finding are its related information, in the file each is in.
    """
    write(tmp_path, "lib.py", f"import os\n{LIB}")
    write(tmp_path, "views.py", VIEWS)

    async def conversation() -> None:
        async with server(tmp_path, IMPORTING) as client:
            client.open("views.py")
            (found,) = await client.diagnostics("views.py")
            (place,) = found.related_information

            assert (client.uri("lib.py"), 1, "loaded: def load(): return User.query.get(1)") == (
                place.location.uri,
                place.location.range.start.line,
                place.message,
            )

    talk(conversation())


def test_hover(tmp_path: Path) -> None:
    """
    A variable under the cursor is told with its state, as the text stands; elsewhere nothing is told.
    """
    write(tmp_path, "views.py", VIEWS)

    async def conversation() -> None:
        async with server(tmp_path, IMPORTING) as client:
            client.open("views.py")
            client.change("views.py", f"# '😀'\n{VIEWS}")

            assert "load: seen in line 6" == await client.hover("views.py", 5, 12)
            assert await client.hover("views.py", 1, 0) is None

    talk(conversation())


SHOP = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

engine = create_engine("sqlite://")


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)


def show():
    with Session(engine) as session:
        user = session.get(User, 1)
    return user
"""


def test_hover_with_the_engine(tmp_path: Path) -> None:
    """
    An instance is told with its class, its state and since when.
    """
    write(tmp_path, "shop.py", SHOP)

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            client.open("shop.py")

            assert "user: User, detached since line 17" == await client.hover("shop.py", 18, 11)

    talk(conversation())


def test_settings_hold(tmp_path: Path) -> None:
    """
    What pyproject.toml allows or skips is not shown, and comments count.
    """
    write(
        tmp_path,
        "pyproject.toml",
        '[tool.tether]\nskip = ["vendor"]\nper-file = {"b.py" = ["legacy-query-get"]}\n',
    )
    for name in ("a.py", "b.py", "vendor/c.py"):
        write(tmp_path, name, OLD)
    write(tmp_path, "d.py", OLD.replace("get(1)", "get(1)  # tether: allow[legacy-query-get]"))

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            found = {}
            for name in ("a.py", "b.py", "vendor/c.py", "d.py"):
                client.open(name)
                found[name] = len(await client.diagnostics(name))

            assert {"a.py": 1, "b.py": 0, "vendor/c.py": 0, "d.py": 0} == found

    talk(conversation())


def test_settings_that_cannot_be_used_are_told_once(tmp_path: Path) -> None:
    """
    A misspelled setting is shown to the user, and files are checked with the defaults.
    """
    write(tmp_path, "pyproject.toml", "[tool.tether]\nskipp = []\n")
    write(tmp_path, "a.py", OLD)

    async def conversation() -> None:
        async with server(tmp_path, OWN) as client:
            client.open("a.py")
            found = await client.diagnostics("a.py")
            client.change("a.py", f"{OLD}\n")
            await client.diagnostics("a.py")

            assert (1, 1) == (len(found), client.messages.qsize())
            assert "there is no setting called 'skipp'" in client.messages.get_nowait()

    talk(conversation())


def test_without_a_folder_and_without_a_file(tmp_path: Path) -> None:
    """
    A single file is checked within its folder; a text that was never saved is left alone.
    """
    write(tmp_path, "a.py", OLD)

    async def conversation() -> None:
        async with server(tmp_path, OWN, folders=False) as client:
            item = types.TextDocumentItem("untitled:1", "python", 0, OLD)
            client.language.text_document_did_open(types.DidOpenTextDocumentParams(item))
            client.open("a.py")

            assert 1 == len(await client.diagnostics("a.py"))
            assert client.told.empty()

    talk(conversation())


def test_without_pygls(tmp_path: Path) -> None:
    """
    Where pygls is missing, one sentence says what to install, and the status is 2.
    """
    code = (
        "import sys; sys.modules['pygls'] = None; sys.path.insert(0, 'src')\n"
        "from tether.cli import main; sys.exit(main(['lsp']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (2, "", "tether: `tether lsp` needs pygls: pip install 'tether[lsp]'\n") == (
        done.returncode,
        done.stdout,
        done.stderr,
    )
