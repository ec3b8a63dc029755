"""Acknowledgements that the CDK wrote into a cloud assembly: ``Validations.of(construct).acknowledge(…)``."""

import json
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from patterns.guard.rule import PLUGIN, Finding
from patterns.guard.run import Lookup

_KEY = "aws:cdk:acknowledged-rules"


def in_assemblies(sources: Iterable[object]) -> Lookup:
    """Looks the acknowledgements of CDK apps up, in those of the sources that are cloud assemblies.

    An acknowledgement of a construct covers everything inside it; the nearest one counts.
    """
    known: dict[tuple[str, str], str] = {}
    for source in sources:
        if isinstance(source, str | PathLike):
            path = Path(fspath(source))
            known.update(_in_folder(path.parent if path.name == "manifest.json" else path, set()))

    def lookup(finding: Finding) -> tuple[str, str] | None:
        parts = finding.path.split("/") if finding.path else []
        while parts:
            at = "/".join(parts)
            reason = known.get((at, finding.rule))
            if reason is not None:
                return reason, at
            parts.pop()
        return None

    return lookup


def _in_folder(folder: Path, seen: set[Path]) -> Iterator[tuple[tuple[str, str], str]]:
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


def _in_metadata(metadata: Any) -> Iterator[tuple[tuple[str, str], str]]:
    for path, entries in metadata.items() if isinstance(metadata, Mapping) else ():
        for entry in entries if isinstance(entries, list) else ():
            if (
                not isinstance(entry, Mapping)
                or entry.get("type") != _KEY
                or not isinstance(entry.get("data"), Mapping)
            ):
                continue
            for name, reason in entry["data"].items():
                plugin, _, rule = str(name).partition("::")
                if plugin == PLUGIN:
                    yield (path.strip("/"), rule), str(reason)


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else ()


def _document(path: Path) -> Mapping[str, Any]:
    """A file of the assembly; what cannot be read acknowledges nothing."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, Mapping) else {}
