"""What git is asked. Its answers are bytes; a repository's own programs (hooks, core.fsmonitor) are never run."""

from __future__ import annotations

import os
import subprocess

# Set while git runs a hook, for the repository it runs in; the folder asked about may lie in another one.
OF_ONE_REPOSITORY = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"}
)


class GitError(Exception):
    """git is missing, or did not do what it was asked; the message is its own first line."""


def git(folder: str, *words: str, given: bytes = b"") -> bytes:
    """Return what ``git WORDS`` prints, run in *folder* with *given* as its input.

    Raises:
        GitError: git is missing, or ended with an error.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OF_ONE_REPOSITORY}
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *words]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, input=given, capture_output=True, check=False
        )
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").splitlines() or [f"status {done.returncode}"]
        raise GitError(lines[0].removeprefix("fatal: "))
    return done.stdout


def has_repository(folder: str) -> bool:
    """Return whether *folder* or one above it has a ``.git``; git itself is not asked."""
    path = os.path.realpath(folder)
    while True:
        if os.path.exists(os.path.join(path, ".git")):
            return True
        path, below = os.path.dirname(path), path
        if path == below:
            return False


def listed_files(folder: str) -> list[str] | None:
    """Return the files below *folder* that are tracked, or that no .gitignore names, relative to it.

    None if git cannot tell, or if *folder* itself is ignored. A repository inside is one name that ends in a
    slash, a submodule is a name without one.
    """
    if not has_repository(folder):
        return None
    try:
        names = git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split(b"\0")
    except GitError:
        return None
    if names == [b""] and _is_ignored(folder):
        return None
    return [os.fsdecode(name) for name in names if name]


def _is_ignored(folder: str) -> bool:
    try:
        git(folder, "check-ignore", "--quiet", ".")
    except GitError:
        return False
    return True
