"""Fixes in files: nothing else is lost, and nothing is written over what somebody else wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.check.front.projects import put
from tether.check.front.fixing import Changed, Plan, diff_of, edited, plan_fixes, write_fixes
from tether.check.front.run import Options, run
from tether.check.legacy_query_get import find
from tether.check.syntax import make_analyser
from tether.core.finding import Edit, Finding, Fix, Place

pytestmark = pytest.mark.usefixtures("project")

OLD = "def f(session):\n    return session.query(User).get(1)\n"
NEW = "def f(session):\n    return session.get(User, 1)\n"
NAME = "legacy-query-get"


def fix(**options: object) -> int:
    """Run `tether check` with the rule; ``--fix`` unless ``--diff`` is asked for."""
    asked = {"fix": "diff" not in options, "only": [NAME], "cache": False, **options}
    return run([], Options(**asked), make_analyser)


def finding(*edits: Edit, applicability: str = "safe") -> Finding:
    place = Place("used", edits[0].path, edits[0].line)
    return Finding(NAME, "warning", "m", place, fix=Fix(applicability, "t", edits))


def insert(path: str, line: int, column: int, text: str) -> Edit:
    return Edit(path, line, column, line, column, text)


def plan(*findings: Finding, unsafe: bool = False) -> Plan:
    return plan_fixes(findings, unsafe=unsafe, is_as_checked=lambda path, content: True)


def test_a_fix_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """
    --fix writes the file, says so, and the status is that of what is left.
    """
    put("a.py", OLD)

    assert (0, NEW) == (fix(), Path("a.py").read_text(encoding="utf-8"))
    assert ("no findings\n", "tether: a.py: 1 fixed\n") == capsys.readouterr()


def test_a_fix_inside_another_takes_a_second_look() -> None:
    """
    Of two fixes of which one lies in the other, both are made in the end.
    """
    put("a.py", "session.query(User).get(session.query(Order).get(1).user_id)\n")

    assert 0 == fix()
    assert "session.get(User, session.get(Order, 1).user_id)\n" == Path("a.py").read_text(encoding="utf-8")


def test_a_diff_is_shown_and_nothing_written(capsys: pytest.CaptureFixture[str]) -> None:
    """
    --diff prints what --fix would write, as git takes it, and the status says that there are findings.
    """
    put("app/a.py", OLD)
    status = fix(diff=True)
    diff = capsys.readouterr().out

    assert (1, OLD) == (status, Path("app/a.py").read_text(encoding="utf-8"))

    subprocess.run(["git", "apply", "-"], input=diff, text=True, check=True)

    assert NEW == Path("app/a.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("old", [OLD.rstrip("\n"), OLD.replace("\n", "\n\n"), f"{OLD}x = 1"])
def test_a_diff_of_any_ending(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A file whose last line has no line break gives a diff that git takes.
    """
    put("a.py", old)
    fix(diff=True)
    subprocess.run(["git", "apply", "-"], input=capsys.readouterr().out, text=True, check=True)

    assert old.replace(".query(User).get(1)", ".get(User, 1)") == Path("a.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (OLD.replace("\n", "\r\n").encode(), NEW.replace("\n", "\r\n").encode()),
        (OLD.replace("\n", "\r").encode(), NEW.replace("\n", "\r").encode()),
        (b"\xef\xbb\xbf" + OLD.encode(), b"\xef\xbb\xbf" + NEW.encode()),
    ],
    ids=["windows", "old macintosh", "byte order mark"],
)
def test_bytes_that_are_not_edited_stay(content: bytes, expected: bytes) -> None:
    """
    Line breaks and a byte order mark stay as they are.
    """
    Path("a.py").write_bytes(content)
    fix()

    assert expected == Path("a.py").read_bytes()


def test_an_encoding_stays() -> None:
    """
    A file in another encoding is written in it.
    """
    text = "# coding: latin-1\nx = 'é'\n"
    Path("a.py").write_bytes(text.encode("latin-1"))
    changed = plan(finding(insert("a.py", 2, 6, "à"))).files[0]
    write_fixes([changed])

    assert "# coding: latin-1\nx = 'àé'\n".encode("latin-1") == Path("a.py").read_bytes()


def test_permissions_and_links_stay() -> None:
    """
    A link stays a link, and the file it leads to keeps its permissions.
    """
    put("real/a.py", OLD)
    Path("real/a.py").chmod(0o750)
    Path("a.py").symlink_to("real/a.py")
    write_fixes(plan(*find("a.py", OLD)).files)

    assert (True, 0o750) == (Path("a.py").is_symlink(), Path("real/a.py").stat().st_mode & 0o777)
    assert NEW == Path("real/a.py").read_text(encoding="utf-8")


def test_a_file_that_changed_since_it_was_checked_is_left_alone() -> None:
    """
    What somebody saved in the meantime is neither edited nor replaced.
    """
    put("a.py", OLD)
    findings = find("a.py", OLD)
    refused = plan_fixes(findings, unsafe=False, is_as_checked=lambda path, content: False)

    assert ([], ["a.py: it changed after it was checked; it is left as it is"]) == refused


def test_a_file_that_changes_before_it_is_replaced_is_left_alone() -> None:
    """
    A file saved between planning and writing stays as it was saved, and nothing lies beside it.
    """
    put("a.py", OLD)
    files = plan(*find("a.py", OLD)).files
    put("a.py", "x = 1\n")

    assert ([], ["a.py: it changed after it was checked; it is left as it is"]) == write_fixes(files)
    assert ([Path("a.py")], "x = 1\n") == (list(Path().iterdir()), Path("a.py").read_text(encoding="utf-8"))


def test_a_fix_that_would_break_the_file_is_not_made() -> None:
    """
    If the result is not Python, the file is left as it is and named.
    """
    put("a.py", "x = 1\n")
    planned = plan(finding(insert("a.py", 1, 1, "(")))

    assert [] == planned.files
    assert planned.refused[0].startswith("a.py: its fixes cannot be made ('(' was never closed")


def test_of_two_fixes_that_overlap_the_first_is_made() -> None:
    """
    The second is named.
    """
    put("a.py", "x = 12\n")
    planned = plan(
        finding(Edit("a.py", 1, 6, 1, 7, "3")),
        finding(Edit("a.py", 1, 5, 1, 7, "4")),
        finding(insert("a.py", 1, 7, "5")),
    )

    assert ["x = 45\n"] == [changed.after for changed in planned.files]
    assert [f"a.py:1: {NAME} is not fixed: another fix is in its way"] == planned.refused


def test_a_fix_over_two_files_is_made_as_a_whole_or_not_at_all() -> None:
    """
    If one of its files cannot be edited, the other is not edited either; other fixes are made.
    """
    put("a.py", "x = 1\n")
    put("c.py", "x = 1\n")
    planned = plan(
        finding(insert("a.py", 1, 6, "2"), insert("b.py", 1, 1, "2")), finding(insert("c.py", 1, 6, "2"))
    )

    assert ["c.py"] == [changed.path for changed in planned.files]
    assert ["b.py: it cannot be read: No such file or directory; it is left as it is"] == planned.refused


@pytest.mark.parametrize(("unsafe", "expected"), [(False, []), (True, ["a.py"])])
def test_unsafe_fixes_are_asked_for(unsafe: bool, expected: list[str]) -> None:
    """
    A fix that may change what the program does is made only if it is asked for.
    """
    put("a.py", "x = 1\n")
    planned = plan(finding(insert("a.py", 1, 6, "2"), applicability="unsafe"), unsafe=unsafe)

    assert expected == [changed.path for changed in planned.files]


def test_what_the_baseline_holds_is_not_fixed() -> None:
    """
    A finding that is known is not touched.
    """
    put("a.py", OLD)
    fix(fix=False, write_baseline=Path("known.json"))

    assert (0, OLD) == (fix(baseline=Path("known.json")), Path("a.py").read_text(encoding="utf-8"))


def test_a_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A file that cannot be replaced is named.
    """
    changed = Changed("nowhere/a.py", "", "", "utf-8", b"", 1)

    assert ([], ["nowhere/a.py: it cannot be written: No such file or directory"]) == write_fixes([changed])


@pytest.mark.parametrize("edit", [(3, 1, 3, 1), (1, 9, 1, 9), (1, 0, 1, 1), (0, 1, 1, 1)])
def test_a_span_outside_the_text(edit: tuple[int, int, int, int]) -> None:
    """
    A span that the text does not have is refused.
    """
    with pytest.raises(ValueError, match="there is no"):
        edited("x = 1\n", [Edit("a.py", *edit, "")])


@given(st.lists(st.text("ab\n\r", max_size=4), min_size=1, max_size=8), st.data())
def test_edits_are_what_slicing_gives(parts: list[str], data: st.DataObject) -> None:
    """
    Replacing spans by line and column gives what replacing them by offset gives.
    """
    text = "".join(parts).replace("\r", "\r\n")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    places = [offset for offset in range(len(text) + 1) if text[offset - 1 : offset + 1] != "\r\n"]
    first, last = sorted((data.draw(st.sampled_from(places)), data.draw(st.sampled_from(places))))

    def place(offset: int) -> tuple[int, int]:
        line = max(number for number, start in enumerate(starts) if start <= offset)
        return line + 1, offset - starts[line] + 1

    after = edited(text, [Edit("a.py", *place(first), *place(last), "new")])

    assert text[:first] + "new" + text[last:] == after


def test_a_diff_names_the_file() -> None:
    """
    The diff begins as git's does.
    """
    changed = Changed("app/a.py", "x = 1\n", "x = 2\n", "utf-8", b"x = 1\n", 1)

    assert ["--- a/app/a.py", "+++ b/app/a.py"] == diff_of(changed).splitlines()[:2]
