"""The programs whose findings are judged: fetched by pip, by name and version, and kept outside the tree.

    python -m proof.corpus DIR

Unpacks the Python files of each wheel into ``DIR/NAME``; what is there in the right version is left alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSIONS = {
    "apache-airflow-core": "3.3.2",
    "apache-superset": "6.1.0",
    "langflow-base": "1.13.0",
    "open-webui": "0.12.4",
    "flaskbb": "2.2.0",
}
KINDS = (".py", ".pyi", "/METADATA")


def fetch(name: str, folder: Path) -> Path:
    """Return the folder with the source of one project, after fetching it where it is missing.

    Raises:
        SystemExit: pip cannot fetch it.
    """
    target = folder / name
    if version_in(target) == VERSIONS[name]:
        return target
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.12", "--dest", scratch]
        command = [sys.executable, "-m", "pip", "--quiet", "download", *options, f"{name}=={VERSIONS[name]}"]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(f"pip cannot fetch {name}")
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            wheel.extractall(target, [member for member in wheel.namelist() if member.endswith(KINDS)])
    return target


def version_in(target: Path) -> str:
    """Return the version of the project that is unpacked in a folder, or "" if none is."""
    for metadata in sorted(target.glob("*.dist-info/METADATA")):
        for line in metadata.read_text(encoding="utf-8").splitlines():
            if line.startswith("Version: "):
                return line.removeprefix("Version: ").strip()
    return ""


def main() -> None:
    """Fetch every project."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m proof.corpus DIR")
    for name in VERSIONS:
        target = fetch(name, Path(sys.argv[1]))
        print(f"{name} {version_in(target)}: {sum(1 for _ in target.rglob('*.py')):,} Python files")


if __name__ == "__main__":
    main()
