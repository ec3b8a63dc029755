"""Acknowledgements that the CDK wrote into a cloud assembly: ``Validations.of(construct).acknowledge(…)``."""

import json
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from patterns.guard.rule import Finding
from patterns.guard.run import Lookup

_KEY = "aws:cdk:acknowledged-rules"
_LOGICAL_ID = "aws:cdk:logicalId"


def in_assemblies(sources: Iterable[object]) -> Lookup:
    """Looks the acknowledgements of CDK apps up, in those of the sources that are cloud assemblies.

    An acknowledgement of a construct covers everything inside it; the nearest one counts.
    """
    known: dict[tuple[str, str], str] = {}
    paths: dict[str, list[str]] = {}
    for source in sources:
        if isinstance(source, str | PathLike):
            path = Path(fspath(source))
            for at, kind, data in _in_folder(path.parent if path.name == "manifest.json" else path, set()):
                if kind == _LOGICAL_ID:
                    paths.setdefault(str(data), []).append(at)
                elif isinstance(data, Mapping):
                    known.update({(at, str(name)): str(reason) for name, reason in data.items()})

    def path_of(finding: Finding) -> str:
        """The construct path, from the assembly where the template does not have it."""
        if finding.path or not known:
            return finding.path
        offers = paths.get(finding.logical_id, [])
        own = [one for one in offers if one.startswith(f"{finding.stack}/")]
        return next(iter(own or offers), "") if len(own or offers) == 1 else ""

    def lookup(finding: Finding) -> tuple[str, str] | None:
        parts = path_of(finding).split("/") if known else []
        while parts:
            at = "/".join(parts)
            reason = known.get((at, finding.acknowledge))
            if reason is not None:
                return reason, at
            parts.pop()
        return None

    return lookup


def _in_folder(folder: Path, seen: set[Path]) -> Iterator[tuple[str, str, Any]]:
    manifest = _document(folder / "manifest.json")
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    for artifact in _values(manifest.get("artifacts")):
        if not isinstance(artifact, Mapping):
            continue
        yield from _in_metadata(artifact.get("metadata"))
        file = artifact.get("additionalMetadataFile")
        if isinstance(file, str):
            yield from _in_metadata(_document(folder / file))
        properties = artifact.get("properties")
        nested = properties.get("directoryName") if isinstance(properties, Mapping) else None
        if artifact.get("type") == "cdk:cloud-assembly" and isinstance(nested, str):
            yield from _in_folder(folder / nested, seen)


def _in_metadata(metadata: Any) -> Iterator[tuple[str, str, Any]]:
    for path, entries in metadata.items() if isinstance(metadata, Mapping) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and entry.get("type") in (_KEY, _LOGICAL_ID):
                yield path.strip("/"), entry["type"], entry.get("data")


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else ()


def _document(path: Path) -> Mapping[str, Any]:
    """A file of the assembly; what cannot be read acknowledges nothing."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, Mapping) else {}
