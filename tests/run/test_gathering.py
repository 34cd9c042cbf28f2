"""The parent reads what the processes wrote, whole or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.run.programs import PYTHON, Running, write
from tether.core.finding import Finding, Place
from tether.watch.activation.gathering import fold, gather

FIRST = 100  # process number of the program


def finding(path: str = "app.py", line: int = 1, count: int = 1) -> Finding:
    """Return some finding."""
    place = Place("used", path, line)
    return Finding("session-shared", "error", "message", place, (place,), count=count)


def record(folder: Path, process: int, *records: dict[str, Any], at: int = 1) -> None:
    """Write what a process would."""
    lines = "".join(f"{json.dumps(one)}\n" for one in records)
    (folder / f"{process}-{at}.jsonl").write_text(lines)


def test_last_word_replaces_what_came_before(tmp_path: Path) -> None:
    """
    A process that ended well counts its findings itself; one that was killed is taken at each word.
    """
    here = str(Path.cwd())
    began = {"watching": "2.1.0"}
    on_the_way = {"finding": finding().to_dict(), "at": here}
    record(
        tmp_path, FIRST, began, on_the_way, {"final": [finding(count=5).to_dict()], "notes": [], "at": here}
    )
    record(tmp_path, 200, on_the_way, {"finding": finding(line=9).to_dict(), "at": here})
    gathered = gather(tmp_path, FIRST)

    assert [finding(count=6), finding(line=9)] == gathered.findings
    assert (True, True) == (gathered.watched, gathered.complete)


def test_unfinished_line(tmp_path: Path) -> None:
    """
    A line that a process could not finish is left out, and so is nothing else.
    """
    record(tmp_path, FIRST, {"watching": "2.1.0"}, {"finding": finding().to_dict(), "at": ""})
    with (tmp_path / f"{FIRST}-1.jsonl").open("a") as file:
        file.write('{"finding": {"haz')
    gathered = gather(tmp_path, FIRST)

    assert [finding()] == gathered.findings
    assert not gathered.complete


def test_program_that_replaced_itself(tmp_path: Path) -> None:
    """
    After an exec the process has a second file, and its end is the program's.
    """
    record(tmp_path, FIRST, {"watching": "2.1.0"}, at=1)
    record(tmp_path, FIRST, {"watching": "2.1.0"}, {"final": [], "notes": [], "at": ""}, at=2)

    assert gather(tmp_path, FIRST).complete


def test_notes_come_once(tmp_path: Path) -> None:
    """
    What several processes say alike is said once.
    """
    record(tmp_path, FIRST, {"note": "too old"})
    record(tmp_path, 200, {"note": "too old"}, {"final": [], "notes": ["a detector is off"], "at": ""})
    gathered = gather(tmp_path, FIRST)

    assert ["too old", "a detector is off"] == gathered.notes
    assert not gathered.watched


def test_paths_of_other_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A path is told as seen from here: shorter below here, whole elsewhere, and unchanged if it is no file.
    """
    monkeypatch.chdir(tmp_path)
    below, above = str(tmp_path / "below"), str(tmp_path.parent)
    for number, (path, at) in enumerate(
        [("a.py", below), ("b.py", above), ("/abs/c.py", below), ("<stdin>", above)]
    ):
        record(tmp_path, number, {"finding": finding(path).to_dict(), "at": at})
    paths = {one.path for one in gather(tmp_path, FIRST).findings}

    assert {"below/a.py", f"{above}/b.py", "/abs/c.py", "<stdin>"} == paths


def test_fold() -> None:
    """
    Equal findings become one, with their counts added, in the order of the report.
    """
    assert [finding(line=1, count=3), finding(line=2)] == fold(
        [finding(line=2), finding(line=1, count=2), finding(line=1)]
    )


def test_signals_without_their_sender(tmp_path: Path) -> None:
    """
    Where the system does not tell who sent a signal, as on macOS, it is handed on away from a terminal.
    """
    write(
        tmp_path,
        """
        import signal, sys
        del signal.sigwaitinfo
        from tether.cli import main
        sys.exit(main(["run", *sys.argv[1:]]))
        """,
        "without.py",
    )
    write(
        tmp_path,
        """
        import signal, sys
        signal.pthread_sigmask(signal.SIG_BLOCK, {15})
        print("ready", flush=True)
        sys.exit(signal.sigwait({15}))
        """,
    )
    program = Running([*PYTHON, "without.py", "app.py"], tmp_path)
    assert "ready" == program.line()
    program.process.terminate()

    assert 15 == program.end().status
