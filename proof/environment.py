"""Source distributions and virtual environments for the suites of other projects, kept in ``build/proof``.

Everything is fetched by pip, by name and version, and stays outside the tree.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "proof"
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


def source(requirement: str) -> Path:
    """Return the folder of the unpacked source distribution of ``name==version``.

    Raises:
        SystemExit: pip cannot fetch it, or it holds no tests.
    """
    name, number = requirement.split("==")
    folder = CACHE / "source" / f"{name.replace('-', '_')}-{number}"
    if not folder.exists():
        archive = _download(name, requirement)
        folder.parent.mkdir(exist_ok=True)
        # Where a project's own settings do not mention pytest, it looks upwards: it shall not find tether's.
        (folder.parent / "pytest.ini").write_text("[pytest]\n")
        with tarfile.open(archive) as tar:
            tar.extractall(folder.parent, filter="data")
    if not (folder / "test").is_dir() and not (folder / "tests").is_dir():
        raise SystemExit(f"the source distribution of {requirement} holds no tests")
    return folder


def _download(name: str, requirement: str) -> Path:
    """Return the archive of a source distribution, fetched by pip."""
    target = CACHE / "download" / requirement
    target.mkdir(parents=True, exist_ok=True)
    options = ("--no-deps", "--no-binary", name, "--dest", str(target))
    _call([sys.executable, *PIP, "download", *options, requirement])
    return next(target.glob("*.tar.gz"))


def python_with(name: str, requirements: tuple[str, ...]) -> Path:
    """Return the interpreter of a virtual environment with *requirements* and tether (editable) in it."""
    folder = CACHE / "environment" / name
    python = folder / "bin" / "python"
    stamp = folder / "requirements.txt"
    wanted = "\n".join((sys.version, *requirements))
    if not stamp.exists() or stamp.read_text() != wanted:
        _call([sys.executable, "-m", "venv", "--clear", str(folder)])
        _call([str(python), *PIP, "install", "--editable", str(ROOT), *requirements])
        stamp.write_text(wanted)
    return python


def version_in(python: Path, distribution: str) -> str:
    """Return the version of a distribution that is installed beside *python*."""
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _call(command: list[str]) -> None:
    """Run a command; end with its own words if it fails."""
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{finished.stderr.strip()}")
