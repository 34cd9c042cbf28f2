"""One folder of the editor's workspace: its settings, its files, and what was found in those that are open."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tether.check.front.analysis import Analyser, MakeAnalyser, read_file
from tether.check.front.cache import Answer
from tether.check.front.files import find_files
from tether.check.front.judging import Wanted, judge
from tether.check.front.stored import stored_comments, stored_finding
from tether.core.config import Config, read_config
from tether.core.finding import Finding, Fix, Place
from tether.errors import ConfigError
from tether.hazards import all_hazards

OPTIONAL = frozenset({"legacy-query-get"})  # off by default on the command line; an editor offers its fix


class Found(NamedTuple):
    """What is known of some open files.

    Attributes:
        findings: By path, hints too.
        analyser: The engine, over the texts they were found in.
        problem: A sentence, where the settings cannot be used; "" if they can.
        texts: What the open files held.
    """

    findings: Mapping[str, list[Finding]]
    analyser: Analyser
    problem: str
    texts: Mapping[str, str]


def check_folder(folder: str, texts: Mapping[str, str], make: MakeAnalyser) -> Found:
    """Return the findings in open files, as their text stands in the editor.

    The settings of the folder hold, its baseline does not: whoever looks at a line wants to know.

    Args:
        folder: Absolute path.
        texts: The text of each open file, by absolute path.
        make: Gives the engine.
    """
    config, problem = _config(folder)
    skipped = {one.path for one in find_files(list(texts), config).skipped if one.wanted}
    shown = [path for path in texts if path not in skipped]

    def read(path: str) -> bytes:
        return texts[path].encode("utf-8", "surrogatepass") if path in texts else read_file(path)

    paths = sorted({os.path.abspath(path) for path in find_files([folder], config).paths} | set(shown))
    analyser = make(paths, folder, config, read)
    answers: dict[str, Answer] = {}
    for path in shown:
        findings = [stored_finding(_absolute(one, folder)) for one in analyser.analyse(path).findings]
        answers[path] = {"findings": findings, "comments": stored_comments(read(path))}
    hazards = all_hazards()
    wanted = Wanted(
        hazards={name for name, hazard in hazards.items() if hazard.default or name in OPTIONAL},
        level="hint",
        known=hazards,
        config=config,
        paths=shown,
    )
    by_path: dict[str, list[Finding]] = {path: [] for path in texts}
    for finding in judge(answers, wanted).findings:
        by_path[finding.path].append(finding)
    return Found(by_path, analyser, problem, texts)


def _absolute(finding: Finding, folder: str) -> Finding:
    """Return a finding whose paths do not depend on the working directory: an engine shows them from *folder*."""

    def place(one: Place) -> Place:
        return replace(one, path=os.path.join(folder, one.path)) if one.path else one

    fix = finding.fix
    if fix:
        edits = tuple(replace(edit, path=os.path.join(folder, edit.path)) for edit in fix.edits)
        fix = Fix(fix.applicability, fix.title, edits)
    places = tuple(place(one) for one in finding.places)
    return replace(finding, where=place(finding.where), places=places, fix=fix)


def _config(folder: str) -> tuple[Config, str]:
    """Return the settings that hold in a folder; the defaults, and what is the matter, if they cannot be used."""
    try:
        return read_config(Path(folder), all_hazards()), ""
    except ConfigError as error:
        return Config(), str(error)
