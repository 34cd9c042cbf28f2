"""The words of `tether check`, in a process of their own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from tests.check.front.projects import git, put

pytestmark = pytest.mark.usefixtures("project")

ROOT = Path(__file__).parents[3]
OLD = "def f(session):\n    return session.query(User).get(1)\n"
NEW = "def f(session):\n    return session.get(User, 1)\n"
ASKED = ("--only", "legacy-query-get")


def tether(*words: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `tether check`, or Python code, as a person does."""
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "tether", "check", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=env, check=False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "no findings\n"),
        (ASKED, "1 finding: 1 warning\n"),
        (("--select", "legacy-query-get"), "1 finding: 1 warning\n"),
        (("--also", "legacy-query-get"), "1 finding: 1 warning\n"),
        (("--only", "legacy-query-get", "--level", "error"), "no findings\n"),
        ((*ASKED, "--no-cache"), "1 finding: 1 warning\n"),
    ],
)
def test_options(words: tuple[str, ...], expected: str) -> None:
    """
    What is asked for is told, the last line sums it up, and the status follows.
    """
    put("a.py", OLD)
    done = tether(*words)

    assert (expected != "no findings\n", "") == (bool(done.returncode), done.stderr)
    assert done.stdout.endswith(expected)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--unsafe-fixes",), "tether check: error: --unsafe-fixes goes with --fix or --diff"),
        (("--level", "all"), "tether check: error: argument --level: invalid choice: 'all'"),
        (("--only", "nothing-like-it"), "there is no hazard called 'nothing-like-it'"),
        (("--format", "xml"), "there is no format called 'xml'"),
        (("--baseline", "nowhere.json"), "tether: nowhere.json: there is no such baseline"),
        (("--since", "nowhere"), "tether: --since nowhere: git knows no such commit here"),
        (("nowhere.py",), "tether: nowhere.py: there is no such file or folder; it is not checked"),
    ],
)
def test_what_cannot_be_done_is_status_2(words: tuple[str, ...], sentence: str) -> None:
    """
    A command line that cannot be used ends with 2 and one sentence that says why.
    """
    done = tether(*words)

    assert (2, "") == (done.returncode, done.stdout)
    assert sentence in done.stderr


def test_fix_then_nothing_is_left() -> None:
    """
    --diff shows, --fix writes, and then nothing is found.
    """
    put("a.py", OLD)
    shown = tether(*ASKED, "--diff")
    fixed = tether(*ASKED, "--fix")

    assert (1, ["-    return session.query(User).get(1)", "+    return session.get(User, 1)"]) == (
        shown.returncode,
        [line for line in shown.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")],
    )
    assert (0, "no findings\n", NEW) == (
        fixed.returncode,
        fixed.stdout,
        Path("a.py").read_text(encoding="utf-8"),
    )


def test_sarif_agrees_with_the_schema() -> None:
    """
    The SARIF report agrees with the schema and carries fingerprint, code flow and related places.
    """
    put("a.py", OLD)
    log = json.loads(tether(*ASKED, "--format", "sarif").stdout)
    schema = json.loads((ROOT / "tests/report/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    (result,) = log["runs"][0]["results"]

    assert [] == [fault.message for fault in Draft4Validator(schema).iter_errors(log)]
    assert {"partialFingerprints", "codeFlows", "relatedLocations", "fixes"} <= result.keys()


LIGHT = """
import sys
ENGINE = {"tether.check.engine", "tether.check.syntax", "tether.check.lowering", "tether.core.allow"}
before = set(sys.modules)
from tether.cli import main
status = main(["check", "--only", "legacy-query-get", *sys.argv[1:]])
heavy = {"sqlalchemy", "msgspec", "rich", "asyncio", "tempfile", "html", "http", "socket", "logging"}
imported = {name.partition(".")[0] for name in set(sys.modules) - before}
print(status, sorted(heavy & imported), sorted(ENGINE & set(sys.modules)), file=sys.stderr)
"""


def test_an_unchanged_tree_needs_little() -> None:
    """
    A second run over the same files imports neither SQLAlchemy nor the engine nor what takes time.
    """
    put("a.py", NEW)
    os.utime("a.py", (0, 0))
    tether(*ASKED)

    assert "0 [] []\n" == tether(code=LIGHT).stderr


def test_a_program_is_never_run() -> None:
    """
    What stands in a file, or beside it, is not run.
    """
    put("a.py", f"open('ran', 'w')\n{OLD}")
    put("sqlalchemy/__init__.py", "open('imported', 'w')\n")
    put("conftest.py", "open('ran', 'w')\n")
    tether(*ASKED)

    assert (False, False) == (Path("ran").exists(), Path("imported").exists())


def test_warnings_of_python_about_the_program_are_not_ours() -> None:
    """
    A string that Python warns of when it compiles it is nobody's business here.
    """
    put("a.py", f"'\\d'\n{OLD}")

    assert "" == tether(*ASKED).stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x = (", "syntax error in line 1: '(' was never closed"),
        (b"# coding: nowhere\n", "cannot be decoded: unknown encoding: nowhere"),
        (b"x = '\xff'\n", "cannot be decoded: "),
        (b"x = '\0'\n", "contains null bytes"),
        (b"x = " + b"(" * 5000 + b")" * 5000, "syntax error in line 1: too many nested"),
        (b"x = " + b"-" * 100_000 + b"1", "nested too deeply"),
    ],
    ids=["syntax", "unknown encoding", "other encoding", "null byte", "parentheses", "deep"],
)
def test_files_that_do_not_parse(content: bytes, reason: str) -> None:
    """
    Each is named with the reason, in one line, and the rest is checked.
    """
    Path("bad.py").write_bytes(content)
    put("a.py", OLD)
    done = tether(*ASKED)

    assert (1, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert done.stderr.startswith(f"tether: bad.py: {reason}")


def test_a_generated_file_of_a_megabyte() -> None:
    """
    A large file is checked like any other.
    """
    put("big.py", "x = [1, 2, 3]\n" * 75_000 + OLD)

    assert "big.py:75002:12 legacy-query-get" in tether(*ASKED).stdout


def test_two_processes_at_once() -> None:
    """
    Processes that write the same cache at the same time all tell the same, and leave it whole.
    """
    for number in range(30):
        put(f"p/m{number}.py", OLD)
    command = [sys.executable, "-m", "tether", "check", *ASKED, "--format", "github"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    running = [
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    told = {process.communicate() for process in running}

    assert {tether(*ASKED, "--format", "github").stdout} == {out for out, _ in told}
    assert {""} == {err for _, err in told}
    assert [] == list(Path(".tether_cache").glob("*.unfinished"))


def test_a_pipe_that_is_closed() -> None:
    """
    Whoever has seen enough may close the pipe.
    """
    for number in range(300):
        put(f"m{number}.py", OLD)
    command = f"{sys.executable} -m tether check {' '.join(ASKED)} | head -1"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, shell=True, env=env, capture_output=True, text=True, check=False)

    assert ("m0.py:2:12 legacy-query-get", "") == (" ".join(done.stdout.split()[:2]).rstrip(":"), done.stderr)


def test_an_encoding_that_lacks_a_letter() -> None:
    """
    What the terminal cannot show is written as an escape.
    """
    put("ä.py", OLD)

    assert "\\xe4.py:2:12" in tether(*ASKED, PYTHONIOENCODING="ascii").stdout


def test_colours_on_a_terminal() -> None:
    """
    On a terminal the report has colours; with NO_COLOR, or on one that is dumb, it has none.
    """
    put("a.py", OLD)
    shown = {}
    for setting in ("TERM=xterm", "TERM=dumb", "NO_COLOR=1"):
        ours, theirs = pty.openpty()
        name, _, value = setting.partition("=")
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", name: value}
        subprocess.run(
            [sys.executable, "-m", "tether", "check", *ASKED],
            env=env,
            stdout=theirs,
            stderr=theirs,
            check=False,
        )
        os.close(theirs)
        shown[setting] = "\x1b[" in os.read(ours, 100_000).decode()
        os.close(ours)

    assert {"TERM=xterm": True, "TERM=dumb": False, "NO_COLOR=1": False} == shown


def test_since_on_the_command_line() -> None:
    """
    --since leaves out what the commit has.
    """
    put("a.py", OLD)
    git("init")
    git("add", "--all")
    git("commit", "--message=one")
    put("b.py", OLD)
    done = tether(*ASKED, "--since", "HEAD", "--format", "github")

    assert (1, ["b.py"]) == (
        done.returncode,
        [
            line.partition("file=")[2].partition(",")[0]
            for line in done.stdout.splitlines()
            if "file=" in line
        ],
    )
