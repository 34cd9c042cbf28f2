"""``tether check``: reads source code and reports hazards. The program is never imported or run.

The report goes to stdout; what could not be checked, and why, to stderr.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tether.check.front.analysis import Analyser, MakeAnalyser, read_file
from tether.check.front.cache import FOLDER, Answer, Cache, key_of
from tether.check.front.checking import Checked, check
from tether.check.front.files import Skipped, find_files
from tether.check.front.judging import Judged, Wanted, judge
from tether.core.baseline import read_baseline, without_known, write_baseline
from tether.core.config import Config, read_config
from tether.core.finding import Finding, Severity
from tether.hazards import all_hazards
from tether.report import progress, render, wants_colour

NOTHING_FOUND, FOUND, NOT_CHECKED = 0, 1, 2  # exit statuses
MOST_PASSES = 10  # of --fix: a fix may make room for one that was in its way
MOST_NAMED = 5  # comments in one remark


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says.

    Attributes:
        format: Of the report.
        out: File for the report; None: stdout.
        level: The least grave severity that is told, and that makes the exit status 1.
        only: Hazards to look for; None: those that are on by default.
        also: Hazards to look for beside these.
        baseline: File of known findings; None: the one in the configuration, if any.
        write_baseline: File to write what is found to, as known.
        since: A commit: only what is new since then is told.
        fix: Make the safe fixes.
        unsafe_fixes: Make, or show, the others too.
        diff: Show the fixes instead of making them.
        cache: False: no cache is read or written.
        cache_dir: Folder of the cache; None: ``.tether_cache`` beside the configuration.
        jobs: How many processes analyse; None: as many as it is worth.
        verbose: Tell what was left out and what was cut short.
    """

    format: str = "text"
    out: Path | None = None
    level: Severity = "warning"
    only: Sequence[str] | None = None
    also: Sequence[str] = ()
    baseline: Path | None = None
    write_baseline: Path | None = None
    since: str | None = None
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    cache: bool = True
    cache_dir: Path | None = None
    jobs: int | None = None
    verbose: bool = False


def run(arguments: Sequence[str], options: Options, make: MakeAnalyser) -> int:
    """Check files, report, and return the exit status: 0 nothing found, 1 findings, 2 nothing could be checked.

    Args:
        arguments: Files and folders; none: the working directory.
        options: From the command line.
        make: Gives the engine; called only if something must be analysed.

    Raises:
        ConfigError: A setting, a baseline or a commit cannot be used as written.
    """
    config = read_config(Path.cwd(), all_hazards(), not_usable=lambda error: say(str(error)))
    return _Run(list(arguments) or ["."], options, config, make).status()


class _Run:
    """One run: what it was asked, and what it has found out.

    Attributes:
        paths: The files that are checked.
        base: What was known at the commit of ``--since``; None without it.
    """

    def __init__(self, arguments: list[str], options: Options, config: Config, make: MakeAnalyser) -> None:
        self.began = time.monotonic()
        self.arguments = arguments
        self.options = options
        self.config = config
        self.make = make
        self.paths: tuple[str, ...] = ()
        self.base: Mapping[str, Answer] | None = None

    def status(self) -> int:
        """Do it all; return the exit status."""
        known = self._known()
        self.base = self._at_commit()
        files = find_files(self.arguments, self.config)
        problems = self._tell_skipped(files.skipped)
        self.paths = files.paths
        if not self.paths:
            return self._nothing_to_check(problems, files.skipped)
        checked, judged, new = self._look(known)
        if self._tell_unchecked(checked) == len(self.paths):
            return NOT_CHECKED
        if self.options.diff or self.options.fix:
            checked, judged, new = self._fix(known, checked, judged, new)
        if self.options.write_baseline is not None:
            write_baseline(self.options.write_baseline, judged.findings)
            say(f"{len(judged.findings)} findings are in {self.options.write_baseline}, as known")
            new = []
        if not self.options.diff:
            self._report(new, judged, checked.files - len(_not_parsed(checked)))
        return FOUND if new else NOTHING_FOUND

    # ------------------------------------------------------------------ finding

    def _known(self) -> Counter[str]:
        """Return what the baseline holds; one that is about to be written need not be there yet."""
        file = self.options.baseline or (None if self.options.write_baseline else self.config.baseline)
        return read_baseline(file) if file else Counter()

    def _look(self, known: Counter[str]) -> tuple[Checked, Judged, list[Finding]]:
        """Return what is known of the files, what of it is told, and what of that is new."""
        advance = progress(sys.stderr)
        checked = check(self.paths, self._engine, self._cache(), advance, self.options.jobs)
        judged = self._judge(checked.answers, set(self.paths))
        if self.base is not None:
            before = self._judge(self.base, None).findings
            known = known + Counter(finding.fingerprint for finding in before)
        return checked, judged, without_known(judged.findings, known)

    def _at_commit(self) -> Mapping[str, Answer] | None:
        if self.options.since is None:
            return None
        from tether.check.front.since import answers_at, commit_of

        commit = commit_of(self.options.since)
        cache, jobs = self._cache(commit), self.options.jobs
        return answers_at(commit, self.arguments, self.config, self._engine_for, cache, jobs)

    def _engine(self, paths: Sequence[str]) -> Analyser:
        return self._engine_for(paths, self.config)

    def _engine_for(self, paths: Sequence[str], config: Config) -> Analyser:
        return self.make(paths, os.path.abspath(""), config, read_file)

    def _cache(self, commit: str = "") -> Cache | None:
        if not self.options.cache:
            return None
        folder = self.options.cache_dir or Path(self.config.root, FOLDER)
        arguments = [*sorted(self.arguments), commit]
        return Cache(str(folder), key_of(self.config, arguments, sys.version), say)

    def _hazards(self) -> set[str]:
        default = {name for name, hazard in all_hazards().items() if hazard.default}
        return set(default if self.options.only is None else self.options.only) | set(self.options.also)

    def _judge(self, answers: Mapping[str, Answer], paths: Collection[str] | None) -> Judged:
        hazards = all_hazards()
        wanted = Wanted(
            hazards=self._hazards(), level=self.options.level, known=hazards, config=self.config, paths=paths
        )
        return judge(answers, wanted)

    # ------------------------------------------------------------------ fixing

    def _fix(
        self, known: Counter[str], checked: Checked, judged: Judged, new: list[Finding]
    ) -> tuple[Checked, Judged, list[Finding]]:
        """Make or show the fixes; return what is left after them."""
        from tether.check.front.fixing import diff_of, plan_fixes, write_fixes

        for _ in range(MOST_PASSES):
            plan = plan_fixes(new, unsafe=self.options.unsafe_fixes, is_as_checked=checked.is_of)
            if self.options.diff:
                _write(sys.stdout, "".join(diff_of(changed) for changed in plan.files))
                _tell(plan.refused)
                break
            written, refused = write_fixes(plan.files)
            for changed in written:
                say(f"{changed.path}: {changed.fixes} fixed")
            if not written:
                _tell([*plan.refused, *refused])
                break
            checked, judged, new = self._look(known)
        return checked, judged, new

    # ------------------------------------------------------------------ telling

    def _tell_skipped(self, skipped: Iterable[Skipped]) -> int:
        """Say what is left out, and with -v what was meant to be; return how many were not."""
        problems = 0
        for one in skipped:
            problems += not one.wanted
            if self.options.verbose or not one.wanted:
                say(f"{one.path}: {one.reason}; it is not checked")
        return problems

    def _nothing_to_check(self, problems: int, skipped: Sequence[Skipped]) -> int:
        """Return the status where no file is left: 0 if the settings leave out all there is."""
        if skipped and not problems:
            say("nothing to check: the settings leave out every file")
            return NOTHING_FOUND
        if not problems:
            say(f"nothing to check: there is no Python file in {', '.join(self.arguments)}")
        return NOT_CHECKED

    def _tell_unchecked(self, checked: Checked) -> int:
        """Say which files could not be read or parsed, and what was cut short; return how many could not."""
        unchecked = checked.unreadable | _not_parsed(checked)
        _tell(f"{path}: {why}; it is not checked" for path, why in sorted(unchecked.items()))
        for path in sorted(checked.answers):
            for where in checked.answers[path].get("failed", ()):
                say(f"{where}: a mistake of tether's own, please report it; the rest is checked")
            for where in checked.answers[path].get("cut_short", ()) if self.options.verbose else ():
                say(f"{where}: the analysis of this function was cut short")
        return len(unchecked)

    def _report(self, findings: Sequence[Finding], judged: Judged, files: int) -> None:
        """Write the report to stdout, or to the file that was named."""
        out = self.options.out
        text = render(
            self.options.format,
            findings,
            tool="check",
            hazards=all_hazards(),
            seconds=time.monotonic() - self.began,
            files=files,
            notes=self._notes(judged),
            colour=out is None and wants_colour(sys.stdout),
        )
        if out is None:
            _write(sys.stdout, text)
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            say(f"the report cannot be written to {out}: {error.strerror}; here it is instead")
            _write(sys.stdout, text)
        else:
            say(f"the report is in {out}")

    def _notes(self, judged: Judged) -> list[str]:
        """Return what the report says about the comments."""
        notes = list(judged.faults)
        if judged.unused:
            most = len(judged.unused) if self.options.verbose else MOST_NAMED
            named, more = judged.unused[:most], len(judged.unused) - most
            rest = f" and {more} more (-v names them)" if more > 0 else ""
            notes.append(f"allow comments for what check does not find there: {', '.join(named)}{rest}")
        return notes


def _not_parsed(checked: Checked) -> dict[str, str]:
    return {path: why for path, answer in checked.answers.items() if (why := answer.get("not_parsed"))}


def say(sentence: str) -> None:
    """Say one sentence on stderr."""
    with suppress(OSError, ValueError):  # somebody who closed it does not want to know
        _write(sys.stderr, f"tether: {sentence}\n")


def _tell(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        say(sentence)


def _write(stream: TextIO, text: str) -> None:
    """Write to a stream; what its encoding lacks is written as an escape."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()  # here, so that a closed pipe is noticed here
