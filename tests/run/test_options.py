"""What the command line and the configuration ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.run.programs import LOST, READ, watched, write


@pytest.mark.parametrize(
    ("ending", "status"), [("pass", 1), ("sys.exit(7)", 7), ("raise ValueError", 1), ("os._exit(0)", 1)]
)
def test_fail(folder: Path, ending: str, status: int) -> None:
    """
    With ``--fail`` an error makes the status 1 where the program had 0; its own status wins.
    """
    result = watched(folder, f"read_too_late()\n{ending}\n", options=["--fail"])

    assert status == result.status


def test_fail_without_an_error(folder: Path) -> None:
    """
    With ``--fail`` a program without errors keeps its status.
    """
    assert 0 == watched(folder, "load()", options=["--fail"]).status


def test_out(folder: Path) -> None:
    """
    ``--out`` takes the report, and stderr says where it is.
    """
    result = watched(folder, "lose_a_write()", options=["--out", "report.json"])
    document = json.loads((folder / "report.json").read_text())

    assert "tether: the report is in report.json\n" == result.err
    assert [LOST[0]] == [one["hazard"] for one in document["findings"]]


def test_out_that_cannot_be_written(folder: Path) -> None:
    """
    A place where no report can be written is named before the program runs.
    """
    result = watched(folder, "print('ran')", options=["--out", "no/such/report.json"])
    expected = (
        "tether: the report cannot be written to no/such/report.json: No such file or directory; "
        "the program was not started\n"
    )

    assert (2, "", expected) == (result.status, result.out, result.err)


def test_only(folder: Path) -> None:
    """
    ``--only`` reaches every process.
    """
    source = "read_too_late(); lose_a_write()\nif os.fork():\n    os.wait()\nelse:\n    lose_a_write()\n"
    result = watched(folder, source, options=["--only", LOST[0]])

    assert [LOST] == result.found
    assert [2] == [one["count"] for one in result.document["findings"]]


def test_configuration_of_the_working_directory(folder: Path) -> None:
    """
    ``[tool.tether]`` of the folder where tether was called counts in every process.
    """
    write(folder, f'[tool.tether]\nallow = ["{READ[0]}"]\n', "pyproject.toml")
    source = "read_too_late()\nif os.fork():\n    os.wait()\nelse:\n    os.chdir('/')\n    lose_a_write()\n"

    assert [LOST] == watched(folder, source).found


def test_unknown_name_in_the_configuration(folder: Path) -> None:
    """
    A hazard nobody knows is named with its file and near names, and the program is not started.
    """
    write(folder, '[tool.tether]\nallow = ["write-while-detatched"]\n', "pyproject.toml")
    result = watched(folder, "print('ran')")

    assert (2, "") == (result.status, result.out)
    assert result.err.startswith(
        "tether: pyproject.toml:2: there is no hazard called 'write-while-detatched'"
    )
    assert "write-while-detached" in result.err


def test_baseline(folder: Path) -> None:
    """
    What was written as known is left out the next time; what is new is not.
    """
    first = watched(folder, "lose_a_write()", options=["--write-baseline", "known.json"])
    again = watched(folder, "lose_a_write()", options=["--baseline", "known.json", "--fail"])
    more = watched(folder, "lose_a_write(); read_too_late()", options=["--baseline", "known.json", "--fail"])

    assert ([LOST], 0) == (first.found, first.status)
    assert ([], 0) == (again.found, again.status)
    assert ([READ], 1) == (more.found, more.status)


def test_mode_raise(folder: Path) -> None:
    """
    What is found too late to be raised makes the exit status 1.
    """
    write(folder, '[tool.tether]\nmode = "raise"\n', "pyproject.toml")
    result = watched(
        folder,
        """
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(User(id=1, name="x"))
            session.flush()
        """,
    )

    assert (1, ["never-committed"]) == (result.status, [hazard for hazard, _, _ in result.found])


def test_configured_baseline_may_be_written_first(folder: Path) -> None:
    """
    A configured baseline that is not there yet is missed by a run, and not by the run that writes it.
    """
    write(folder, '[tool.tether]\nbaseline = "known.json"\n', "pyproject.toml")
    missing = watched(folder, "print('ran'); lose_a_write()")
    first = watched(folder, "lose_a_write()", options=["--write-baseline", "known.json"])
    again = watched(folder, "lose_a_write(); lose_a_write(); read_too_late()")

    assert (2, "") == (missing.status, missing.out)
    assert [LOST] == first.found
    assert [READ] == again.found
