"""Lambda code with its libraries, without Docker and without a network at synth.

The libraries are copied out of the Python environment that runs the synth, where a lock file has pinned them.
"""

import hashlib
import shutil
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

BUILD = Path(__file__).parents[1] / ".build"
POWERTOOLS = "aws-lambda-powertools"


def packaged(handlers: Path, *distributions: str) -> str:
    """A folder that holds the files of ``handlers`` and, beside them, the named distributions and what they require.

    The folder's name is the hash of what is in it, so it is made once and the asset's hash changes only with the
    code.

    Args:
        handlers: the folder with the handlers.
        distributions: names on PyPI, installed in this environment, pure Python.

    Raises:
        ModuleNotFoundError: a distribution is not installed.
        ValueError: a distribution holds compiled files, which would be for this machine and not for Lambda.
    """
    files = {p.relative_to(handlers): p for p in sorted(handlers.rglob("*")) if p.is_file() and p.suffix != ".pyc"}
    for name in sorted(_with_requirements(distributions)):
        files.update(_files_of(name))
    digest = hashlib.sha256()
    for inside, file in sorted(files.items()):
        digest.update(f"{inside}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    target = BUILD / f"{handlers.name}-{digest.hexdigest()[:16]}"
    if not target.exists():
        making = target.with_name(f"{target.name}.{id(files):x}")
        for inside, file in files.items():
            (making / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, making / inside)
        try:
            making.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(making)
    return str(target)


def _files_of(name: str) -> dict[Path, Path]:
    files: dict[Path, Path] = {}
    for entry in metadata.files(name) or ():
        inside = Path(str(entry))
        if inside.suffix == ".pyc" or inside.parts[0].endswith(".dist-info") or inside.parts[0] == "..":
            continue
        if inside.suffix in {".so", ".pyd", ".dylib"}:
            raise ValueError(f"distributions must be pure Python, got {name} with the compiled file {inside}")
        files[inside] = Path(str(entry.locate()))
    return files


def _with_requirements(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower()
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found
