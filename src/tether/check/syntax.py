"""Rules that need nothing but the syntax of one file, as an engine of their own or on top of another one."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence

from tether.check import legacy_query_get
from tether.check.engine import Engine
from tether.check.front.analysis import Analyser, Analysis, Read
from tether.core.config import Config

RULES = (legacy_query_get.find,)


class SyntaxRules:
    """Runs the rules over one file at a time.

    Args:
        read: How to read a file.
        engine: Another one, whose findings come first and which says what does not parse.
    """

    def __init__(self, read: Read, engine: Analyser | None = None) -> None:
        self._read = read
        self._engine = engine
        self._not_parsed: dict[str, str] = {}

    @property
    def not_parsed(self) -> Mapping[str, str]:
        """Why a file could not be parsed, by path."""
        return self._engine.not_parsed if self._engine else self._not_parsed

    def analyse(self, path: str) -> Analysis:
        """Return what was found in one file."""
        analysis = self._engine.analyse(path) if self._engine else Analysis((), frozenset({path}))
        try:
            source = self._read(path)
            tree = None if self._engine else _parse(source)
            own = [finding for rule in RULES for finding in rule(path, _text(source), tree)]
        except OSError as error:
            self._not_parsed[path] = f"it cannot be read: {error.strerror}"
            return analysis
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._not_parsed[path] = _reason(error)
            return analysis
        return analysis._replace(findings=(*analysis.findings, *own))

    def states(self, path: str, line: int, column: int) -> str | None:
        """Return what the other engine knows of the variable at a place."""
        return self._engine.states(path, line, column) if self._engine else None


def make_analyser(paths: Sequence[str], root: str, config: Config, read: Read) -> Analyser:
    """Return the engine of ``tether check``: a `MakeAnalyser`."""
    return SyntaxRules(read, Engine(paths, root, config, read))


def _parse(source: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python would say of the program is not our business
        return ast.parse(source)


def _text(source: bytes) -> str:
    """Return the text of a file that Python can read."""
    from io import BytesIO
    from tokenize import detect_encoding

    encoding, _ = detect_encoding(BytesIO(source).readline)
    return source.decode(encoding)


def _reason(error: Exception) -> str:
    """Return why a file could not be parsed, as the second half of a sentence."""
    if isinstance(error, SyntaxError):
        where = f" in line {error.lineno}" if error.lineno else ""
        return f"it is not Python, or not for this version of it: {error.msg}{where}"
    if isinstance(error, RecursionError | MemoryError):
        return "its expressions are nested too deeply"
    return f"it is not Python: {error}"
