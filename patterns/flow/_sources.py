"""Where templates come from: cloud assemblies, folders, files and dicts."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from os import PathLike, fspath
from os.path import normpath
from pathlib import Path
from typing import Any

from patterns.errors import PatternError
from patterns.flow import _documents
from patterns.flow._loops import expand
from patterns.flow._stack import Stack
from patterns.flow.resolve import Resolver
from patterns.flow.values import Note

_NESTED = 10_000  # a few files that hold each other twice would make millions of stacks
_LEVELS = 20
_HASH = re.compile(r"([0-9a-f]{64})")


# Names that say nothing: files of such a name are called by their folder too, whether or not there is another.
_PLAIN = frozenset(
    ("template", "packaged", "packaged-template", "stack", "sam", "main", "index", "cloudformation", "cfn", "app")
)


class Sources:
    """Collects stacks, each under a name of its own that does not depend on the order in which they are given.

    A file gives its stack its own name without the ending. One named like many others (``template.yaml``) in a
    folder below the current one has that folder in front (``orders/template``), and so has every file whose
    name another one has: as many folders as it takes to tell them apart.
    """

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.stacks: dict[str, Stack] = {}
        self.notes: list[Note] = []
        self._parameters = parameters
        self._templates: dict[Path, dict[str, Any]] = {}
        self._given: Mapping[str, Any] = {}
        self._nested = 0
        self._files: list[Stack] = []

    def add(self, source: str | PathLike[str] | Mapping[str, Any]) -> None:
        if isinstance(source, Mapping):
            self._add_mapping(source)
            return
        if not isinstance(source, str | PathLike):
            raise PatternError(f"a source must be a path or a dict of templates, got {_documents.named(source)}")
        if source == "":
            raise PatternError("a source must be a path, got ''")  # not the current folder
        try:
            path = Path(fspath(source))
            folder = path.is_dir()
        except (TypeError, ValueError, OSError) as error:
            raise PatternError(f"{_documents.named(source)}: is not a path: {error}") from None
        if not folder and path.name == "manifest.json":
            path, folder = path.parent, True
        if not folder:
            self._add_file(path, _documents.template(path, self.notes))
        elif (path / "manifest.json").is_file() and self._add_assembly(path, set()):
            pass
        else:
            self._add_folder(path)

    def finish(self) -> None:
        """Name the files, and find the child templates of nested stacks, once all stacks are known."""
        taken = {name for name in self.stacks if not name.startswith("\0")}
        for stack, name in zip(self._files, _names([Path(one.source) for one in self._files], taken), strict=True):
            stack.name = name
        self.stacks = {stack.name: stack for stack in self.stacks.values()}
        for stack in list(self.stacks.values()):
            self._transform(stack)
        for stack in list(self.stacks.values()):
            self._nest(stack, (stack.source,))

    # -- dicts and files

    def _add_mapping(self, templates: Mapping[str, Any]) -> None:
        if not templates:
            raise PatternError("a dict of templates must hold at least one, got an empty one")
        for name in templates:
            if not isinstance(name, str) or not name:
                raise PatternError(f"a stack must have a name, got {_documents.named(name)}")
        plain = {name: _documents.plain(document) for name, document in templates.items()}
        for name, document in plain.items():
            _documents.check(document, name)
        self._given = {**self._given, **plain}
        for name, document in plain.items():
            self._put(Stack(name, name, document, deployed_name=name))

    def _add_file(self, path: Path, document: dict[str, Any]) -> None:
        stack = Stack(f"\0{len(self._files)}", str(path), document, directory=path.parent)
        self._put(stack)
        self._files.append(stack)

    def _add_folder(self, folder: Path) -> None:
        documents: dict[Path, dict[str, Any]] = {}
        try:
            paths = sorted(one for one in folder.iterdir() if one.suffix in _documents.SUFFIXES)
        except OSError as error:
            raise PatternError(f"{folder}: cannot be read: {error.strerror}") from None
        for path in paths:
            document = _documents.found(path, self.notes)
            if document is not None:
                whole = path.resolve()
                documents[whole] = self._templates[whole] = document
        if not documents:
            raise PatternError(f"{folder}: holds no template and no cloud assembly")
        children = {
            whole
            for path, document in documents.items()
            for resource in _stacks_in(document)
            if (child := _relative(path.parent, resource)) is not None and (whole := child.resolve()) != path
        }
        for path in sorted(documents):
            if path not in children or children >= set(documents):
                self._add_file(folder / path.name, documents[path])

    # -- the CDK's cloud assemblies

    def _add_assembly(self, folder: Path, seen: set[Path]) -> bool:
        """Whether the folder is one: other tools keep a manifest.json too."""
        seen.add(folder.resolve())
        path = folder / "manifest.json"
        manifest = _documents.parse(_documents.text_of(path), str(path), self.notes)
        if not isinstance(manifest, dict) or not ({"artifacts", "version"} & manifest.keys()):
            return False
        artifacts = manifest.get("artifacts") or {}
        if not isinstance(artifacts, dict):
            raise PatternError(f"{path}, artifacts: must be an object, got {_documents.named(artifacts)}")
        assets = _Assets(folder, artifacts, self.notes)
        for name, artifact in sorted(artifacts.items()):
            if not isinstance(artifact, dict):
                raise PatternError(f"{path}, artifacts.{name}: must be an object, got {_documents.named(artifact)}")
            properties = artifact.get("properties") or {}
            kind = artifact.get("type")
            key = {"aws:cloudformation:stack": "templateFile", "cdk:cloud-assembly": "directoryName"}.get(str(kind))
            if key is None:
                continue
            file = properties.get(key) if isinstance(properties, dict) else None
            if not isinstance(file, str) or not file or "\0" in file:
                raise PatternError(
                    f"{path}, artifacts.{name}.properties.{key}: must be a file name, got {_documents.named(file)}"
                )
            if key == "directoryName":
                child = folder / file
                if child.resolve() in seen:
                    raise PatternError(f"{path}, artifacts.{name}: leads back to a folder that holds it")
                if not (child / "manifest.json").is_file() or not self._add_assembly(child, seen):
                    raise PatternError(f"{child}: holds no cloud assembly")
                continue
            document = _documents.template(folder / file, self.notes, may_be_empty=True)
            account, region = _environment(artifact.get("environment"))
            deployed = properties.get("stackName") or name
            self._put(
                Stack(
                    str(artifact.get("displayName") or name).split(" (", 1)[0],
                    str(folder / file),
                    document,
                    region,
                    account,
                    deployed if isinstance(deployed, str) else name,
                    folder,
                    assets,
                )
            )
        return True

    # -- nested stacks

    def _put(self, stack: Stack) -> None:
        name, number = stack.name, 1
        while stack.name in self.stacks:
            number += 1
            stack.name = f"{name}#{number}"
        self.stacks[stack.name] = stack

    def _transform(self, stack: Stack) -> None:
        """What AWS's own macros make of a template, once its name and what its parent passes on are known."""
        transforms = stack.document.get("Transform")
        names = transforms if isinstance(transforms, list) else [transforms]
        if "AWS::LanguageExtensions" in names:
            resolver = Resolver(self.stacks, self._parameters)
            stack.document = expand(stack.document, stack.source, partial(resolver.resolve, stack), self.notes)
        if "AWS::Serverless-2016-10-31" in names:
            from patterns.flow.sam import translate

            stack.document = translate(stack.document, stack.source, stack.region, self._given_to(stack))
        for other in names:
            if isinstance(other, dict):
                other = other.get("Name")
            if isinstance(other, str) and other not in ("AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"):
                self.notes.append(Note(stack.source, "Transform", f"{other} runs when it is deployed"))

    def _given_to(self, stack: Stack) -> dict[str, Any]:
        own = f"{stack.name}:"
        everywhere = {name: value for name, value in self._parameters.items() if ":" not in name}
        mine = {name: value for name, value in self._parameters.items() if name.startswith(own)}
        return everywhere | {name.removeprefix(own): value for name, value in mine.items()}

    def _nest(self, stack: Stack, ancestors: tuple[str, ...]) -> None:
        for logical_id, resource in sorted(
            (one, raw) for one, raw in stack.resources.items() if _is_stack(raw) and isinstance(one, str)
        ):
            place = f"Resources.{logical_id}"
            child = self._child(stack, logical_id, resource)
            if child is None:
                self.notes.append(Note(stack.source, place, "the template of this nested stack is not at hand"))
                continue
            if child.source in ancestors or len(ancestors) > _LEVELS:
                self.notes.append(Note(stack.source, place, "this nested stack holds itself, it is not followed"))
                continue
            self._nested += 1
            if self._nested > _NESTED:
                self.notes.append(Note(stack.source, place, "there are too many nested stacks, it is not followed"))
                continue
            self._put(child)
            self._transform(child)
            stack.children[logical_id] = child.name
            self._nest(child, (*ancestors, child.source))

    def _child(self, stack: Stack, logical_id: str, resource: dict[str, Any]) -> Stack | None:
        name = f"{stack.name}/{logical_id}"
        parent = (stack.name, logical_id)
        properties = resource.get("Properties")
        url = properties.get("TemplateURL") if isinstance(properties, dict) else None
        if stack.directory is None:
            document = self._given.get(url) if isinstance(url, str) else None
            if document is None:
                return None
            return Stack(name, str(url), document, stack.region, stack.account, parent=parent)
        metadata = resource.get("Metadata")
        asset = metadata.get("aws:asset:path") if isinstance(metadata, dict) else None
        if not isinstance(asset, str):
            found = _HASH.search(repr(url)) if stack.assets else None
            asset = stack.assets.get(found[1]) if found else None
        path = stack.directory / asset if isinstance(asset, str) else _relative(stack.directory, resource)
        if path is None or "\0" in str(path) or not path.is_file():
            return None
        whole, source = path.resolve(), normpath(path)  # said as its parent is: the same on every machine
        if whole not in self._templates:
            self._templates[whole] = _documents.template(path, self.notes)
        return Stack(
            name,
            source,
            self._templates[whole],
            stack.region,
            stack.account,
            None,
            path.parent if not stack.assets else stack.directory,
            stack.assets,
            parent,
        )


def _names(paths: list[Path], taken: set[str]) -> list[str]:
    """The names of the stacks of these files; the same file twice is told apart by a number."""
    whole: dict[Path, tuple[tuple[str, ...], bool]] = {}
    ways = [_way(path, whole) for path in paths]
    lengths = [len(parents) + 1 if below and stem in _PLAIN else 1 for *parents, stem, below in ways]
    parts = [way[:-1] for way in ways]
    while True:
        names = ["/".join(one[-length:]) for one, length in zip(parts, lengths, strict=True)]
        many = Counter(name for name, _ in set(zip(names, parts, strict=True)))
        short = [
            number
            for number, name in enumerate(names)
            if (many[name] > 1 or name in taken) and lengths[number] < len(parts[number])
        ]
        if not short:
            break
        for number in short:
            lengths[number] += 1
    found: list[str] = []
    used = set(taken)
    for name in names:
        number, free = 1, name
        while free in used:
            number += 1
            free = f"{name}#{number}"
        used.add(free)
        found.append(free)
    return found


def _way(path: Path, known: dict[Path, tuple[tuple[str, ...], bool]]) -> tuple[Any, ...]:
    """The folders of a file and its name without the ending, and whether they begin at the current folder."""
    stem = re.sub(r"(\.template)?\.[^.]*$", "", path.name) or path.name
    if path.parent not in known:
        known[path.parent] = _folders(path.parent)
    folders, below = known[path.parent]
    return (*folders, stem, below)


def _folders(folder: Path) -> tuple[tuple[str, ...], bool]:
    try:
        whole, here = folder.resolve(), Path.cwd()
    except OSError:
        return (), False
    if whole.is_relative_to(here):
        return whole.relative_to(here).parts, True
    return whole.parts[1:], False


class _Assets(dict[str, str]):
    """File assets by hash; their manifests are read when the first one is looked up."""

    def __init__(self, folder: Path, artifacts: dict[str, Any], notes: list[Note]) -> None:
        super().__init__()
        self._folder, self._artifacts, self._notes, self._read = folder, artifacts, notes, False

    def __bool__(self) -> bool:
        return True

    def get(self, key: str, default: Any = None) -> Any:
        if not self._read:
            self._read = True
            for artifact in self._artifacts.values():
                if isinstance(artifact, dict) and artifact.get("type") == "cdk:asset-manifest":
                    self._add(artifact.get("properties"))
        return super().get(key, default)

    def _add(self, properties: Any) -> None:
        file = properties.get("file") if isinstance(properties, dict) else None
        path = self._folder / file if isinstance(file, str) and "\0" not in file else None
        if path is None or not path.is_file():
            return
        manifest = _documents.parse(_documents.text_of(path), str(path), self._notes)
        files = manifest.get("files") if isinstance(manifest, dict) else None
        for key, asset in files.items() if isinstance(files, dict) else ():
            source = asset.get("source") if isinstance(asset, dict) else None
            if isinstance(source, dict) and isinstance(source.get("path"), str):
                self[key] = source["path"]


def _environment(raw: Any) -> tuple[str | None, str | None]:
    match = re.fullmatch(r"aws://([^/]*)/([^/]*)", raw) if isinstance(raw, str) else None
    if match is None:
        return None, None
    account, region = match.groups()
    return (
        None if account in ("", "unknown-account") else account,
        None if region in ("", "unknown-region") else region,
    )


def _is_stack(resource: Any) -> bool:
    return isinstance(resource, dict) and resource.get("Type") == "AWS::CloudFormation::Stack"


def _stacks_in(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    resources = document.get("Resources")
    kinds = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")
    resources = resources if isinstance(resources, dict) else {}
    return [one for one in resources.values() if isinstance(one, dict) and one.get("Type") in kinds]


def _relative(folder: Path, resource: dict[str, Any]) -> Path | None:
    """The file that a nested stack's TemplateURL names, as `aws cloudformation package` takes it."""
    properties = resource.get("Properties")
    properties = properties if isinstance(properties, dict) else {}
    url = properties.get("TemplateURL", properties.get("Location"))
    if not isinstance(url, str) or not url or "://" in url or "\0" in url or len(url) > 1_000:
        return None
    path = folder / url
    return path if path.is_file() else None
