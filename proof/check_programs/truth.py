"""Runs programs for their truth: one process, one line of JSON for each.

    python -m proof.check_programs.truth FOLDER

FOLDER holds ``shop.py`` and the programs, and becomes the working directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import io
import json
import os
import re
import sys
import traceback
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

WRITTEN = re.compile(r'"(name \d+)"')


def truth_of(name: str, shop: Any) -> dict[str, Any]:
    """Run one program and return what happened.

    ``lines`` are those that were begun; ``raised`` is None or the class of the error; ``at`` the lines of the program
    that it went through, ``written`` the names that were written by line, and ``kept`` those that are in the database.
    """
    shop.begin()
    module = importlib.import_module(name)
    path = str(module.__file__)
    lines: set[int] = set()
    raised, at = None, []
    sys.settrace(lambda frame, event, _: _trace(frame, event, lines, path))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            given = module.main()
            if inspect.iscoroutine(given):
                asyncio.run(given)
    except Exception as error:  # noqa: BLE001 - any error is a result here
        raised = type(getattr(error, "orig", None) or error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        at = [frame.lineno or 0 for frame in frames if frame.filename == path]
    finally:
        sys.settrace(None)
    gc.collect()
    text = Path(path).read_text().splitlines()
    written = {line: WRITTEN.findall(text[line - 1])[0] for line in lines if WRITTEN.search(text[line - 1])}
    facts = {"raised": raised, "at": at, "lines": sorted(lines), "written": written, "kept": shop.kept()}
    return {"name": name, **facts}


def _trace(frame: FrameType, event: str, lines: set[int], path: str) -> Any:
    if frame.f_code.co_filename != path:
        return None
    if event == "line":
        lines.add(frame.f_lineno)
    return lambda inner, what, _: _trace(inner, what, lines, path)


def main() -> None:
    """Run every program of the folder, in order."""
    warnings.simplefilter("ignore")
    os.chdir(sys.argv[1])
    sys.path.insert(0, str(Path.cwd()))
    shop = importlib.import_module("shop")
    for path in sorted(Path().glob("program_*.py")):
        print(json.dumps(truth_of(path.stem, shop)), flush=True)


if __name__ == "__main__":
    main()
