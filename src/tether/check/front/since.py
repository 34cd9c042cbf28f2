"""``--since REF``: what was found in the files as they were in a commit, so that only what is new is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tether.check.front.analysis import Analyser
from tether.check.front.cache import NOTHING, Answer, Cache, Known
from tether.check.front.checking import check
from tether.check.front.files import find_files
from tether.check.front.git import GitError, git
from tether.core.config import Config
from tether.errors import ConfigError

MakeFor = Callable[[Sequence[str], Config], Analyser]


def commit_of(ref: str) -> str:
    """Return the commit that *ref* and the working tree have in common: the commit itself if it was built upon.

    Raises:
        ConfigError: The working directory is in no repository, or there is no such commit.
    """
    try:
        commit = _text(git(".", "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"))
    except GitError as error:
        raise ConfigError(f"--since {ref}", f"git knows no such commit here ({error}).") from error
    try:
        return _text(git(".", "merge-base", commit, "HEAD"))
    except GitError:  # a clone without the commits between, or no common history: the commit itself
        return commit


def answers_at(
    commit: str,
    arguments: Sequence[str],
    config: Config,
    make: MakeFor,
    cache: Cache | None,
    jobs: int | None = 1,
) -> dict[str, Answer]:
    """Return what was known of the files of a commit, under the paths they have from the working directory.

    The settings are those of today, so that what they say of a finding does not make it new. Files above the
    working directory, and those of submodules, are not looked at.

    Args:
        commit: From `commit_of`.
        arguments: Files and folders; what did not exist then is left out.
        config: The configuration of today.
        make: Gives an engine over paths that begin in the working directory.
        cache: One for this commit alone: its answer never changes.
        jobs: How many processes analyse; None: as many as it is worth.

    Raises:
        ConfigError: git cannot read the commit.
    """
    if cache and (known := cache.read()) is not NOTHING:
        return known.answers
    here = Path.cwd()
    root = Path(config.root) if config.root else here
    below = here.relative_to(root) if here.is_relative_to(root) else Path()
    with TemporaryDirectory(prefix="tether-since-") as folder:
        # As deep below its root as the working directory is below the root of the configuration.
        then = Path(folder).resolve() / below
        then.mkdir(parents=True, exist_ok=True)
        for name, content in _files(commit):
            _write(then, name, content)
        names = [os.path.relpath(argument) for argument in arguments]
        with chdir(then):
            its_config = replace(config, root=str(Path(folder).resolve()))
            paths = find_files([name for name in names if os.path.exists(name)], its_config).paths
            answers = check(paths, partial(_engine, make, its_config), jobs=jobs).answers
    if cache:
        cache.write(Known({}, answers, "{}"))
    return answers


def _engine(make: MakeFor, config: Config, paths: Sequence[str]) -> Analyser:
    return make(paths, config)


def _files(commit: str) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each Python file of *commit* below the working directory.

    Not ``git archive``: what .gitattributes says of archives must not change what is read.
    """
    try:
        entries = [entry.partition(b"\t") for entry in git(".", "ls-tree", "-r", "-z", commit).split(b"\0")]
        wanted = [
            (os.fsdecode(name), head.split()[2])
            for head, _, name in entries
            if name.endswith(b".py") and head.startswith(b"100")  # a file; 120000 is a link
        ]
        batch = git(".", "cat-file", "--batch", given=b"".join(blob + b"\n" for _, blob in wanted))
    except GitError as error:
        raise ConfigError(f"--since {commit}", f"git cannot read this commit: {error}.") from error
    start = 0
    for name, _ in wanted:
        end = batch.index(b"\n", start)  # "<blob> blob <size>", the content, a line break
        size = int(batch[start:end].split()[2])
        yield name, batch[end + 1 : end + 1 + size]
        start = end + size + 2


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write one file below *folder*; a name that leads out of it, which git does not make, is left out."""
    path = folder / name
    if ".." not in path.parts and path.is_relative_to(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip()
