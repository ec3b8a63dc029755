"""Acknowledgements that the CDK wrote into a cloud assembly: ``Validations.of(construct).acknowledge(…)``."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from patterns.guard.rule import PLUGIN, Finding
from patterns.guard.rules import BY_ID

KEY = "aws:cdk:acknowledged-rules"
"""The type of the metadata entry that an acknowledgement is."""

_LOGICAL_ID = "aws:cdk:logicalId"
_REPORT = "validation-report.json"

Above = Callable[[str], Mapping[str, str]]
"""For a construct path the reasons by id that stand in no template: those of the app and of its stages."""


class InAssemblies:
    """Looks the acknowledgements of CDK apps up. One of a construct covers everything inside it; the nearest counts.

    The assembly has those of each stack and of what is in it. Those of the app and of a stage stand in no template:
    they are taken from ``above``, or from the CDK's report on what this plugin found, where it says them.
    """

    def __init__(self, sources: Iterable[object], above: Above | None = None) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._reported: dict[tuple[str, str], str] = {}
        self._paths: dict[str, list[str]] = {}
        self._used: set[tuple[str, str]] = set()
        self._above = above
        for source in sources:
            if isinstance(source, str | PathLike):
                path = Path(fspath(source))
                folder = path.parent if path.name == "manifest.json" else path
                for at, kind, data in _in_folder(folder, set()):
                    if kind == _LOGICAL_ID:
                        self._paths.setdefault(str(data), []).append(at)
                    elif isinstance(data, Mapping):
                        self._known.update({(at, str(name)): str(reason) for name, reason in data.items()})
                self._reported.update(_in_report(folder))

    def __call__(self, finding: Finding) -> tuple[str, str] | None:
        """The reason for which a finding is accepted, and where that was said."""
        if not self._known and not self._reported and self._above is None:
            return None
        path = self._path_of(finding)
        for at in _upwards(path):
            key = at, finding.acknowledge
            reason = self._known.get(key) or (self._above(at).get(finding.acknowledge) if self._above else None)
            if reason is not None:
                self._used.add(key)
                return reason, at or "the app"
        reason = self._reported.get((path, finding.acknowledge))
        return None if reason is None else (reason, path)

    def unused(self, asked: Iterable[str]) -> Iterator[str]:
        """What acknowledges nothing that these rules find, as notes."""
        asked = set(asked)
        for at, name in sorted(self._known.keys() - self._used):
            plugin, _, rule = name.partition("::")
            if plugin == PLUGIN and rule not in BY_ID:
                yield f"{at}: acknowledges {rule!r}, which is no rule"
            elif plugin == PLUGIN and rule in asked:
                yield f"{at}: acknowledges {rule}, which finds nothing there any more"

    def _path_of(self, finding: Finding) -> str:
        """The construct path, from the assembly where the template does not have it."""
        if finding.path:
            return finding.path
        offers = self._paths.get(finding.logical_id, [])
        own = [one for one in offers if one.startswith(f"{finding.stack}/")]
        return next(iter(own or offers), "") if len(own or offers) == 1 else ""


def _upwards(path: str) -> Iterator[str]:
    """A construct path, then that of each construct around it; the app's is empty."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


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
            if isinstance(entry, Mapping) and entry.get("type") in (KEY, _LOGICAL_ID):
                yield path.strip("/"), entry["type"], entry.get("data")


def _in_report(folder: Path) -> Iterator[tuple[tuple[str, str], str]]:
    """What the CDK let pass when this plugin found it: construct path and id, and the reason."""
    for report in _listed(_document(folder / _REPORT).get("pluginReports")):
        if report.get("pluginName") != PLUGIN:
            continue
        for passed in _listed(report.get("suppressedViolations")):
            name, reason = passed.get("acknowledgedId"), passed.get("reason")
            for construct in _listed(passed.get("violatingConstructs")):
                path = construct.get("constructPath")
                if isinstance(path, str) and isinstance(name, str) and isinstance(reason, str):
                    yield (path, name), reason


def _listed(value: Any) -> Iterator[Mapping[str, Any]]:
    return (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else iter(())


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else ()


def _document(path: Path) -> Mapping[str, Any]:
    """A file of the assembly; what cannot be read acknowledges nothing."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, Mapping) else {}
