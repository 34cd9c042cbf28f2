"""The pytest plugin: silent and free when off, exact per test when on."""

from __future__ import annotations

import json

import pytest

from tests.run.programs import LOST, MODEL, READ

LOSS = "from model import lose_a_write, read_too_late, load, engine, Session, User, Base\n"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with a model; its tests run in processes of their own."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(model=MODEL)
    pytester.makepyprojecttoml("[tool.tether]\n[tool.pytest.ini_options]\npythonpath = ['.']\n")
    return pytester


def findings(project: pytest.Pytester) -> dict[str, list[str]]:
    """Return the tests of each finding in report.json, by hazard."""
    document = json.loads((project.path / "report.json").read_text())
    return {
        one["hazard"]: [place["note"] for place in one["places"] if place["role"] == "test"]
        for one in document["findings"]
    }


# ---------------------------------------------------------------------- off


def test_off_imports_nothing(project: pytest.Pytester) -> None:
    """
    Without the option the plugin is loaded and tether is not.
    """
    project.makepyfile(
        """
        import sys
        def test_modules():
            assert "_tether_pytest" in sys.modules
            assert [] == [name for name in sys.modules if name.partition(".")[0] in ("tether", "sqlalchemy")]
        """
    )
    result = project.runpytest_subprocess("--strict-markers")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*tether:*")


def test_off_the_marker_is_known(project: pytest.Pytester) -> None:
    """
    The marker may stand in a project where the watch is off.
    """
    project.makepyfile(
        "import pytest\n@pytest.mark.tether_allow('write-while-detached')\ndef test_it(): pass\n"
    )
    result = project.runpytest_subprocess("--strict-markers")

    result.assert_outcomes(passed=1)


# ---------------------------------------------------------------------- on


def test_findings_are_shown_with_their_tests(project: pytest.Pytester) -> None:
    """
    The summary has each finding once, with every test it was made in; no test fails.
    """
    project.makepyfile(
        LOSS + "def test_one(): lose_a_write()\ndef test_two(): lose_a_write()\ndef test_three(): pass\n"
    )
    result = project.runpytest_subprocess("--tether")
    hazard, _, line = LOST

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "tether: watching",
            "*= tether =*",
            f"model.py:{line}:5 {hazard}:*",
            "*test * test_findings_are_shown_with_their_tests.py::test_one",
            "*test * test_findings_are_shown_with_their_tests.py::test_two",
            "1 finding: 1 error",
        ],
        consecutive=False,
    )
    result.stdout.no_fnmatch_line("*::test_three")


def test_ini(project: pytest.Pytester) -> None:
    """
    ``tether = true`` and ``tether_fail = true`` in the ini file switch the watch on.
    """
    project.makepyprojecttoml("[tool.pytest.ini_options]\ntether = true\ntether_fail = true\n")
    project.makepyfile(LOSS + "def test_one(): lose_a_write()\n")
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=1, errors=1)


def test_quiet_run_has_no_section(project: pytest.Pytester) -> None:
    """
    Without findings there is nothing to read.
    """
    project.makepyfile(LOSS + "def test_one(): load()\n")
    result = project.runpytest_subprocess("--tether")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*= tether =*")


def test_fail(project: pytest.Pytester) -> None:
    """
    With ``--tether-fail`` an error is an error of its test, told under the test, and the run has failed.
    """
    project.makepyfile(LOSS + "def test_one(): lose_a_write()\ndef test_two(): load()\n")
    result = project.runpytest_subprocess("--tether-fail")
    hazard, _, line = LOST

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_one*", f"model.py:{line}:5 {hazard}:*", "ERROR test_fail.py::test_one*"]
    )


def test_warnings_do_not_fail(project: pytest.Pytester) -> None:
    """
    A finding that is a warning never fails its test.
    """
    project.makepyfile(
        LOSS
        + """
def test_one():
    Base.metadata.create_all(engine)
    session = Session(engine)
    session.get(User, 1)
    del session
"""
    )
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json")
    document = json.loads((project.path / "report.json").read_text())

    assert {"warning"} == {one["severity"] for one in document["findings"]}
    assert pytest.ExitCode.OK == result.ret


def test_failing_body_wins(project: pytest.Pytester) -> None:
    """
    A test that fails by itself stays one failure; what it lost is a section below it.
    """
    project.makepyfile(LOSS + "def test_one():\n    lose_a_write()\n    assert not 'mine'\n")
    result = project.runpytest_subprocess("--tether-fail")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*assert not 'mine'", "*- tether, after teardown -*", f"model.py:{LOST[2]}:5*"]
    )


def test_loss_in_the_locals_of_a_failed_test(project: pytest.Pytester) -> None:
    """
    What a failed test's traceback still held belongs to that test, not to the next one.
    """
    project.makepyfile(
        LOSS
        + """
def test_one():
    user = load()
    user.name = "held by the traceback"
    assert False
def test_two(): pass
"""
    )
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json")

    result.assert_outcomes(failed=1, passed=1)
    name = "test_loss_in_the_locals_of_a_failed_test.py::test_one"
    assert {"write-while-detached": [name]} == findings(project)


def test_fixture_value_belongs_to_its_test(project: pytest.Pytester) -> None:
    """
    What a test loses with the value of a fixture is its own, at the line where it was lost.
    """
    project.makepyfile(
        LOSS
        + """
import pytest
@pytest.fixture
def user():
    user = load()
    user.name = "lost in the fixture"
    return user
def test_one(user): pass
def test_two(): pass
"""
    )
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json")
    finding = json.loads((project.path / "report.json").read_text())["findings"][0]

    result.assert_outcomes(passed=2, errors=1)
    assert {"write-while-detached": ["test_fixture_value_belongs_to_its_test.py::test_one"]} == findings(
        project
    )
    assert 'user.name = "lost in the fixture"' in [place.get("text") for place in finding["places"]]


def test_teardown_of_a_fixture_counts(project: pytest.Pytester) -> None:
    """
    A test is judged after its fixtures are torn down: what they save is saved, what they lose is the test's.
    """
    project.makepyfile(
        LOSS
        + """
import pytest
@pytest.fixture
def saved():
    user = load()
    yield user
    with Session(engine) as session, session.begin():
        session.add(user)
@pytest.fixture
def losing():
    yield
    lose_a_write()
def test_saved(saved): saved.name = "saved in the end"
def test_losing(losing): pass
"""
    )
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json")

    result.assert_outcomes(passed=2, errors=1)
    assert {"write-while-detached": ["test_teardown_of_a_fixture_counts.py::test_losing"]} == findings(
        project
    )


def test_rollback_on_purpose(project: pytest.Pytester) -> None:
    """
    A test that rolls back to leave the database as it was has lost nothing.
    """
    project.makepyfile(
        LOSS
        + """
import pytest
@pytest.fixture
def session():
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
        session.rollback()
def test_one(session):
    session.add(User(id=7, name="new"))
    session.flush()
    session.add(User(id=8, name="newer"))
"""
    )
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json")

    result.assert_outcomes(passed=1)
    assert {} == findings(project)


def test_import_of_a_test_module(project: pytest.Pytester) -> None:
    """
    What happens while the tests are collected belongs to no test, and fails the run if asked to.
    """
    project.makepyfile(LOSS + "lose_a_write()\ndef test_one(): pass\n")
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json")

    result.assert_outcomes(passed=1)
    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert {"write-while-detached": ["(while the tests were collected)"]} == findings(project)


def test_loss_at_the_end_of_the_run(project: pytest.Pytester) -> None:
    """
    What is still unsaved after the last test is reported, without a test.
    """
    project.makepyfile(LOSS + "kept = []\ndef test_one():\n    kept.append(load())\n    kept[0].name = 'x'\n")
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json")

    result.assert_outcomes(passed=1)
    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert {"write-while-detached": ["(after the last test)"]} == {
        name: tests for name, tests in findings(project).items() if name == "write-while-detached"
    }


def test_unittest_classes(project: pytest.Pytester) -> None:
    """
    Tests of unittest are watched like any other.
    """
    project.makepyfile(
        LOSS
        + """
import unittest
class Tests(unittest.TestCase):
    def test_one(self): lose_a_write()
    def test_two(self): load()
"""
    )
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json")

    result.assert_outcomes(passed=2, errors=1)
    assert {"write-while-detached": ["test_unittest_classes.py::Tests::test_one"]} == findings(project)


# ---------------------------------------------------------------------- what is asked for


def test_marker_allows(project: pytest.Pytester) -> None:
    """
    The marker works on a test, a class and a module, adds up, and concerns the named hazards only.
    """
    project.makepyfile(
        LOSS
        + """
import pytest
pytestmark = pytest.mark.tether_allow("session-shared", reason="kept for later")
@pytest.mark.tether_allow("write-while-detached", "session-never-closed")
def test_both():
    lose_a_write()
    read_too_late()
@pytest.mark.tether_allow("expired-read-after-close")
class TestClass:
    @pytest.mark.tether_allow("write-while-detached")
    def test_all(self):
        lose_a_write()
        read_too_late()
"""
    )
    project.runpytest_subprocess("--tether", "--tether-out=report.json", "--strict-markers")

    assert {READ[0]: ["test_marker_allows.py::test_both"]} == findings(project)


@pytest.mark.parametrize("workers", [[], ["-n2"]])
@pytest.mark.parametrize(
    ("marker", "words"),
    [
        (
            "('write-while-detatched')",
            "*test_one*there is no hazard called*did you mean write-while-detached*",
        ),
        ("()", '*test_one: which hazards? As in tether_allow("session-shared")*'),
        ("(7)", "*test_one*there is no hazard called*"),
    ],
)
def test_marker_that_names_nothing(
    project: pytest.Pytester, marker: str, words: str, workers: list[str]
) -> None:
    """
    A marker with a name nobody knows, or none, stops the run (in a worker, its test) and lists near names.
    """
    project.makepyfile(f"import pytest\n@pytest.mark.tether_allow{marker}\ndef test_one(): print('ran')\n")
    result = project.runpytest_subprocess("--tether", *workers)

    assert (pytest.ExitCode.TESTS_FAILED if workers else pytest.ExitCode.USAGE_ERROR) == result.ret
    (result.stderr if not workers else result.stdout).fnmatch_lines([words])


@pytest.mark.parametrize(
    ("setting", "option", "words"),
    [
        ("no-such = 1", "--tether", "*there is no setting called 'no-such'*"),
        ("", "--tether-format=pdf", "*--tether-format is one of*json*text*"),
        ("baseline = 'none.json'", "--tether", "*there is no such baseline*"),
    ],
)
def test_settings_that_cannot_be_used(
    project: pytest.Pytester, setting: str, option: str, words: str
) -> None:
    """
    A setting nobody knows is a usage error.
    """
    project.makepyprojecttoml(f"[tool.tether]\n{setting}\n")
    project.makepyfile("def test_one(): pass\n")
    result = project.runpytest_subprocess("--tether", option)

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines([words])


def test_baseline(project: pytest.Pytester) -> None:
    """
    Findings of the configured baseline are known, in however many tests they are made.
    """
    project.makepyfile(LOSS + "def test_one(): lose_a_write()\ndef test_two(): lose_a_write()\n")
    project.runpytest_subprocess("--tether", "--tether-out=report.json")
    known = json.loads((project.path / "report.json").read_text())["findings"]
    entries = [{"fingerprint": one["fingerprint"], "count": 1} for one in known]
    (project.path / "known.json").write_text(json.dumps({"version": 1, "findings": entries}))
    project.makepyprojecttoml("[tool.tether]\nbaseline = 'known.json'\n[tool.pytest.ini_options]\n")
    result = project.runpytest_subprocess("--tether-fail")

    assert known
    result.assert_outcomes(passed=2)


def test_out_that_cannot_be_written(project: pytest.Pytester) -> None:
    """
    A report that cannot be written is a note, not a crash.
    """
    project.makepyfile("def test_one(): pass\n")
    result = project.runpytest_subprocess("--tether", "--tether-out=no/such/file")

    assert pytest.ExitCode.OK == result.ret
    result.stdout.fnmatch_lines(["*the report cannot be written to no/such/file: No such file or directory*"])


# ---------------------------------------------------------------------- xdist


def test_workers(project: pytest.Pytester) -> None:
    """
    Under pytest-xdist findings of all workers come together, once each, and fail their tests.
    """
    project.makepyfile(
        LOSS
        + """
import pytest
kept = []
@pytest.mark.parametrize("number", range(6))
def test_many(number): lose_a_write()
def test_kept():
    kept.append(load())
    kept[0].name = "kept to the end"
"""
    )
    result = project.runpytest_subprocess("--tether-fail", "--tether-out=report.json", "-n2")
    document = json.loads((project.path / "report.json").read_text())
    by_line = {
        one["line"]: (
            one["count"],
            sorted(place["note"] for place in one["places"] if place["role"] == "test"),
        )
        for one in document["findings"]
        if one["hazard"] == "write-while-detached"
    }

    result.assert_outcomes(passed=7, errors=6)
    names = [f"test_workers.py::test_many[{number}]" for number in range(6)]
    count, tests = by_line.pop(LOST[2])
    assert 6 == count
    assert "and 1 more" in tests
    assert set(tests) - {"and 1 more"} < set(names)
    assert [(1, ["(after the last test)"])] == list(by_line.values())
    assert 1 == result.outlines.count("tether: watching, an error fails its test")
