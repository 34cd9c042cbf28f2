"""Every case is run: once on SQLAlchemy alone, once under the watch."""

from __future__ import annotations

import gc
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy
from sqlalchemy import Engine

import tether
from tests.casefile import Block, Case, read_cases
from tether.core.config import Config
from tether.core.finding import Finding

HERE = tuple(int(part) for part in re.findall(r"\d+", sqlalchemy.__version__)[:3])
CASES = [
    case
    for path in sorted(Path(__file__).parent.glob("cases/*.md"))
    for case in read_cases(path)
    if case.since <= HERE
]
NAMES = [f"{case.path.stem}: {case.title}" for case in CASES]
UNDERSCORES = str.maketrans("-.", "__")

# SQLAlchemy only warns in some cases, and under aiosqlite an error leaves a coroutine behind.
pytestmark = pytest.mark.filterwarnings("ignore")

DATA = re.compile(r"\b(ann|ada|bob)\b|example.org", re.IGNORECASE)  # values of the rows, as words


@pytest.fixture(scope="module", autouse=True)
def _collections_are_short() -> Iterator[None]:
    """Hide what was there before the cases from the garbage collector, which every case runs."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _database_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setups open ``sqlite:///shop.db``, a file, so that two Sessions are two transactions."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_case_is_the_truth_on_sqlalchemy(case: Case) -> None:
    """
    A line raises what it promises to raise, and a line that promises nothing raises nothing.
    """
    with Program(case) as program:
        program.run()

    assert case.promises("raises") == program.raised


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_watch_keeps_its_promises(case: Case) -> None:
    """
    The watch reports the promised hazards at the promised lines, and nothing else.
    """
    with Program(case) as program, tether.watching(mode="collect", config=Config(**case.options)) as report:
        program.run()
        program.end()
    findings = report.findings

    own = {(f.line, f.hazard) for f in findings if Path(f.path).name == case.path.name}
    elsewhere = {f.hazard for f in findings if Path(f.path).name != case.path.name}
    assert case.promises("watch") == own
    assert {hazard for _, hazard in case.promises("library")} == elsewhere
    assert case.promises("raises") == program.raised
    assert case.promises("place") in (set(), {place for finding in findings for place in story(finding)})
    assert [] == [finding for finding in findings if DATA.search(finding.message + finding.help)]


class Program:
    """A case as a module that is imported, runs to its end or its promised error, and is taken away again."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.module = ModuleType("case_" + case.path.stem.translate(UNDERSCORES))
        self.module.__file__ = str(case.path)
        self.engines: list[Engine] = []
        self.raised: set[tuple[int, str]] = set()

    def __enter__(self) -> Program:
        sys.modules[self.module.__name__] = self.module
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        del sys.modules[self.module.__name__]
        for engine in self.engines:
            engine.dispose()

    def run(self) -> None:
        """Execute setup and case; remember the error that ended the case, by line and promised name."""
        self._execute(self.case.setup)
        self.engines = [value for value in vars(self.module).values() if isinstance(value, Engine)]
        try:
            self._execute(self.case.block)
        except Exception as error:  # noqa: BLE001 - any error is a result here
            self.raised = {(self._line_of(error), self._name_of(error))}

    def end(self) -> None:
        """Let go of what a finished script lets go of.

        Functions, classes, imports and UPPER_CASE names stay, as in a module that others have imported.
        """
        for name in [name for name, value in vars(self.module).items() if not stays(name, value)]:
            delattr(self.module, name)
        gc.collect()

    def _execute(self, block: Block) -> None:
        code = compile(block.in_place, str(self.case.path), "exec", dont_inherit=True)
        exec(code, vars(self.module))

    def _line_of(self, error: Exception) -> int:
        frames = traceback.extract_tb(error.__traceback__)
        return [frame.lineno or 0 for frame in frames if frame.filename == str(self.case.path)][-1]

    def _name_of(self, error: Exception) -> str:
        """The promised name if *error* is one, also where a driver's error is wrapped in a StatementError."""
        chain = (error, getattr(error, "orig", None))
        names = [kind.__name__ for part in chain for kind in type(part).__mro__]
        return next((name for _, name in self.case.promises("raises") if name in names), names[0])


def story(finding: Finding) -> set[tuple[int, str]]:
    """Return line and role of the places that come before the one the finding is about."""
    return {(place.line, place.role) for place in finding.places if place.known and place != finding.where}


def stays(name: str, value: object) -> bool:
    """True for what outlives the run of a script."""
    return name.startswith("__") or name.isupper() or callable(value) or isinstance(value, ModuleType)
