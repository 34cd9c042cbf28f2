"""`# tether: allow[...]` comments and the allow lists of the configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tether.core.allow import allowed_on_line, is_allowed
from tether.core.config import Config
from tether.core.finding import Finding, Place
from tether.errors import ConfigError

KNOWN = ("change-discarded", "lazy-load-in-loop", "write-while-detached")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def allowed(source: str) -> dict[int, set[str]]:
    """Return the hazards allowed in *source*, for each line that allows any."""
    Path("app.py").write_text(source, encoding="utf-8")
    lines = range(1, len(source.splitlines()) + 1)
    found = {line: set(allowed_on_line("app.py", line, KNOWN)) for line in lines}
    return {line: names for line, names in found.items() if names}


def refusal(source: str) -> str:
    with pytest.raises(ConfigError) as caught:
        allowed(source)
    return str(caught.value)


@pytest.mark.parametrize(
    "comment",
    [
        "# tether: allow[change-discarded]",
        "#tether:allow[change-discarded]",
        "#  tether :  allow [ change-discarded ]  because it is a cache",
        "# noqa: E501  # tether: allow[change-discarded]",
        "# tether: allow[change-discarded,] 100 % meant",
    ],
)
def test_on_the_line(here: Path, comment: str) -> None:
    """
    A comment counts on its own line, whatever its spacing, and with a reason behind it.
    """
    assert {2: {"change-discarded"}} == allowed(f"a = 1\nb = 2  {comment}\nc = 3\n")


def test_several_names(here: Path) -> None:
    """
    One comment may allow several hazards.
    """
    source = "a = 1  # tether: allow[change-discarded, lazy-load-in-loop] because it is short\n"

    assert {1: {"change-discarded", "lazy-load-in-loop"}} == allowed(source)


def test_alone_above(here: Path) -> None:
    """
    Comments that stand alone count for the line of code right below them.
    """
    source = """\
# tether: allow[change-discarded]
# tether: allow[lazy-load-in-loop]
# and a word about it
a = 1
b = 2
"""

    assert {"change-discarded", "lazy-load-in-loop"} == allowed(source)[4]
    assert 5 not in allowed(source)


def test_alone_above_an_empty_line(here: Path) -> None:
    """
    A comment with an empty line below it counts for no code.
    """
    assert 3 not in allowed("# tether: allow[change-discarded]\n\na = 1\n")


STATEMENT = """\
a = call(
    1,
    2,
)
b = 2
"""


@pytest.mark.parametrize("line", [1, 4])
def test_around_a_statement_of_several_lines(here: Path, line: int) -> None:
    """
    Above a statement, or at its end, a comment counts for all of its lines.
    """
    lines = STATEMENT.splitlines()
    comment = "# tether: allow[change-discarded]"
    if line == 1:
        lines.insert(0, comment)
    else:
        lines[3] += f"  {comment}"
    found = allowed("\n".join(lines))
    statement = [number for number, text in enumerate(lines, 1) if text in ("a = call(", "    1,", "    2,")]

    assert [{"change-discarded"}] * 3 == [found[number] for number in statement]
    assert len(lines) not in found


def test_inside_a_statement(here: Path) -> None:
    """
    Inside a statement a comment counts for its own line only.
    """
    source = STATEMENT.replace("    1,", "    1,  # tether: allow[change-discarded]")

    assert {2: {"change-discarded"}} == allowed(source)


def test_head_of_a_block(here: Path) -> None:
    """
    At the head of a block a comment does not count for what is inside.
    """
    assert {1: {"change-discarded"}} == allowed("for a in b:  # tether: allow[change-discarded]\n    c = a\n")


@pytest.mark.parametrize(
    "source",
    [
        'a = "# tether: allow[change-discarded]"\n',
        "a = 1  # write `# tether: allow[change-discarded]` here\n",
        'a = """\n# tether: allow[change-discarded]\n"""\n',
        "a = 1  # tether: allowance\n",
    ],
)
def test_only_comments(here: Path, source: str) -> None:
    """
    A string, or a comment that quotes one, allows nothing.
    """
    assert {} == allowed(source)


@pytest.mark.parametrize(
    ("comment", "problem"),
    [
        (
            "# tether: allow[lazy-load-in-lop]",
            "there is no hazard called 'lazy-load-in-lop'; did you mean lazy-load-in-loop?",
        ),
        (
            "# tether: allow",
            "`# tether: allow` names no hazard; write it in brackets: `# tether: allow[name]`.",
        ),
        (
            "# tether: allow[ , ]",
            "`# tether: allow` names no hazard; write it in brackets: `# tether: allow[name]`.",
        ),
        (
            "# tether: allow[cha",
            "`# tether: allow` names no hazard; write it in brackets: `# tether: allow[name]`.",
        ),
    ],
)
def test_comment_that_cannot_be_used(here: Path, comment: str, problem: str) -> None:
    """
    A comment that names no hazard, or one that does not exist, is refused with its line.
    """
    assert f"app.py:2: {problem}" == refusal(f"a = 1\nb = 2  {comment}\n")


@pytest.mark.parametrize("path", ["missing.py", "", "<stdin>", "nul\0byte.py", "."])
def test_file_that_cannot_be_read(here: Path, path: str) -> None:
    """
    In a file that cannot be read nothing is allowed.
    """
    assert frozenset() == allowed_on_line(path, 1, KNOWN)


@pytest.mark.parametrize(
    "source",
    [
        b"a = (  # tether: allow[change-discarded]\n",
        b"a = 1 # tether: allow[x] \xff\n",
        b"\0# tether: allow[change-discarded]",
    ],
)
def test_file_that_is_not_python(here: Path, source: bytes) -> None:
    """
    A file that is not Python is read as far as it is, and breaks nothing.
    """
    Path("app.py").write_bytes(source)

    assert allowed_on_line("app.py", 1, KNOWN) <= {"change-discarded"}


def test_file_that_changes(here: Path) -> None:
    """
    A file that has changed is read again.
    """
    before = allowed("a = 1  # tether: allow[change-discarded]\n")
    os.utime("app.py", ns=(1, 1))
    after = allowed("a = 1  # nothing is allowed any more here  \n")

    assert ({1: {"change-discarded"}}, {}) == (before, after)


# --------------------------------------------------------------------- is_allowed


def finding(hazard: str = "change-discarded", path: str = "app/views.py", line: int = 1) -> Finding:
    return Finding(hazard, "error", "m", Place("used", path, line))


def test_nothing_is_allowed(here: Path) -> None:
    """
    Without configuration and comments every finding is reported.
    """
    assert not is_allowed(finding(), Config(), "app.models.User", KNOWN)


@pytest.mark.parametrize(
    "config",
    [
        Config(allow=frozenset({"change-discarded"})),
        Config(per_file=(("app/*", frozenset({"change-discarded"})),)),
        Config(per_class=(("User", frozenset({"change-discarded"})),)),
        Config(per_class=(("app.models.User", frozenset({"change-discarded"})),)),
    ],
)
def test_allowed_by_configuration(here: Path, config: Config) -> None:
    """
    A finding is left out by its hazard, its file, or the name or path of its class.
    """
    assert is_allowed(finding(), config, "app.models.User", KNOWN)


@pytest.mark.parametrize(
    "config",
    [
        Config(allow=frozenset({"lazy-load-in-loop"})),
        Config(per_file=(("app/*", frozenset({"lazy-load-in-loop"})),)),
        Config(per_file=(("tests/*", frozenset({"change-discarded"})),)),
        Config(per_class=(("ser", frozenset({"change-discarded"})),)),
        Config(per_class=(("shop.models.User", frozenset({"change-discarded"})),)),
    ],
)
def test_not_allowed_by_configuration(here: Path, config: Config) -> None:
    """
    Another hazard, file or class in the configuration leaves a finding in.
    """
    assert not is_allowed(finding(), config, "app.models.User", KNOWN)


def test_allowed_by_comment(here: Path) -> None:
    """
    A comment allows the hazards it names on the finding's line, and no others.
    """
    Path("views.py").write_text("a = 1\nb = 2  # tether: allow[change-discarded]\n")
    hazards = ("change-discarded", "lazy-load-in-loop")
    answers = [is_allowed(finding(hazard, "views.py", 2), Config(), "", KNOWN) for hazard in hazards]

    assert [True, False] == answers
