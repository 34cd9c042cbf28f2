"""check reads the chapters before this one, and runs none of them."""

# What is shown has no docstrings.
# ruff: noqa: D103
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from subprocess import PIPE, run

from sqlalchemy import Engine

import tether.demo
from tether.demo.chapter import Chapter, Verdict, half_right, right, wrong
from tether.demo.seen import Seen


def program(_engine: Engine) -> None:
    story = Path(tether.demo.__file__).parent
    shutil.copytree(story, "tether/demo", dirs_exist_ok=True)
    Path("tether/__init__.py").touch()
    for finding in check("tether/demo"):
        path = Path(str(finding["path"]))
        print(f"{path.name}:{finding['line']} {finding['hazard']}")


def check(folder: str) -> list[dict[str, object]]:
    command = ["tether", "check", "--format", "json", folder]
    python = [sys.executable, "-P", "-m"]
    done = run(python + command, stdout=PIPE, check=False)
    return json.loads(done.stdout)["findings"]


def verdict(seen: Seen) -> Verdict:
    if seen.raised:
        return half_right(f"Here it ends with {seen.raised}.")
    if not seen.printed:
        return right("check found nothing in the programs of this story.")
    return wrong(
        f"check imported nothing and ran nothing, and found {len(seen.printed)} of the mistakes of this story in the "
        "source. What depends on others, such as a row that somebody changed meanwhile, it cannot see: that is what "
        "the watch is for."
    )


CHAPTER = Chapter(
    order=160,
    title="The same, before the run",
    saying="Mistakes with sessions show only when the program runs.",
    program=program,
    verdict=verdict,
)
