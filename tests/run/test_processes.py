"""What any process of a program loses is in its one report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.programs import LOST, MODEL, READ, TETHER, run, watched, write


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(folder: Path, method: str) -> None:
    """
    Findings of each worker are in the one report, equal ones folded with their counts, also those at its end.
    """
    result = watched(
        folder,
        f"""
        import multiprocessing
        def work(number):
            global kept
            lose_a_write()
            kept = load()
            kept.name = "never saved"
        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            workers = [context.Process(target=work, args=[number]) for number in range(3)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            lose_a_write()
            sys.exit(sum(worker.exitcode for worker in workers))
        """,
    )
    counts = {one["places"][-1]["text"]: one["count"] for one in result.document["findings"]}

    assert 0 == result.status
    assert {'user.name = "lost"': 4, 'kept.name = "never saved"': 3} == counts
    assert [] == result.notes


def test_multiprocessing_imported_after_sqlalchemy(folder: Path) -> None:
    """
    A pool that SQLAlchemy's import did not know of is watched too, and its workers may be terminated.
    """
    result = watched(
        folder,
        """
        assert "multiprocessing.util" not in sys.modules
        if __name__ == "__main__":
            from concurrent.futures import ProcessPoolExecutor
            import multiprocessing
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
                pool.submit(read_too_late).result()
                pool.submit(lose_a_write).result()
        """,
    )

    assert [LOST, READ] == result.found


def test_worker_that_is_killed(folder: Path) -> None:
    """
    A worker that is killed keeps what it had found; the others and the parent are not concerned.
    """
    result = watched(
        folder,
        """
        import multiprocessing
        def work():
            read_too_late()
            os.kill(os.getpid(), 9)
        if __name__ == "__main__":
            worker = multiprocessing.get_context("spawn").Process(target=work)
            worker.start()
            worker.join()
            print(worker.exitcode)
            lose_a_write()
        """,
    )

    assert "-9\n" == result.out
    assert [LOST, READ] == result.found
    assert [] == result.notes


def test_workers_forked_in_advance(folder: Path) -> None:
    """
    Workers as gunicorn makes them: forked from a loaded program, some end by sys.exit and some by os._exit.
    """
    result = watched(
        folder,
        """
        load()
        workers = []
        for end in (sys.exit, os._exit):
            number = os.fork()
            if number == 0:
                read_too_late()
                end(3)
            workers.append(number)
        print([os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in workers])
        """,
    )

    assert "[3, 3]\n" == result.out
    assert [READ] == result.found
    assert [2] == [one["count"] for one in result.document["findings"]]


def test_parent_without_sqlalchemy(folder: Path) -> None:
    """
    Where only the children have SQLAlchemy, as under gunicorn, nothing is missing from the report.
    """
    write(folder, MODEL + "lose_a_write()\n", "worker.py")
    write(folder, "import os\nif os.fork():\n    os.wait()\nelse:\n    import worker\n")
    result = run([*TETHER, "--format", "json", "app.py"], folder)
    hazard, _, line = LOST

    assert [(hazard, "worker.py", line)] == result.found
    assert [] == result.notes


def test_child_does_not_repeat_its_parent(folder: Path) -> None:
    """
    What the parent found before it forked is counted once.
    """
    result = watched(folder, "read_too_late()\nif os.fork():\n    os.wait()\n")

    assert [1] == [one["count"] for one in result.document["findings"]]


def test_other_programs(folder: Path) -> None:
    """
    Python programs that the program starts are watched, in whatever folder they work.
    """
    write(folder, MODEL + "lose_a_write()\n", "tools/child.py")
    write(
        folder,
        """
        import subprocess, sys
        sys.exit(subprocess.call([sys.executable, "child.py"], cwd="tools"))
        """,
    )
    result = run([*TETHER, "--format", "json", "app.py"], folder)
    hazard, _, line = LOST

    assert [(hazard, "tools/child.py", line)] == result.found
    assert 'user.name = "lost"' == result.document["findings"][0]["places"][-1]["text"]


def test_program_that_closes_every_descriptor(folder: Path) -> None:
    """
    A daemon's habit of closing all descriptors harms neither its own files nor the report.
    """
    result = watched(
        folder,
        """
        read_too_late()
        os.closerange(3, 256)
        file = open("own.txt", "w")
        lose_a_write()
        file.write("mine")
        file.close()
        """,
    )

    assert [LOST, READ] == result.found
    assert "mine" == (folder / "own.txt").read_text()


def test_program_that_changes_its_folder(folder: Path) -> None:
    """
    Paths are told from where tether was called, also when the program works elsewhere.
    """
    (folder / "elsewhere").mkdir()
    result = watched(folder, "os.chdir('elsewhere'); lose_a_write()")

    assert [LOST] == result.found
