"""Templates read together: resources of all stacks, with what their properties come to.

``read`` takes a CDK cloud assembly, CloudFormation and SAM templates in JSON or YAML, alone or together, and
needs neither the network nor an account. Whatever a template does not decide is an :class:`Unknown` with its
reason; a part that is malformed is noted and read as an opaque resource.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from types import MappingProxyType
from typing import Any

from patterns._collect import paused
from patterns.errors import PatternError
from patterns.flow._documents import named
from patterns.flow._sources import Sources
from patterns.flow._stack import Stack
from patterns.flow.resolve import TRANSFORM, Hidden, Resolver, is_function, transformed
from patterns.flow.targets import Targets
from patterns.flow.values import NO_VALUE, Note, Ref, Text, Unknown

__all__ = ["Note", "Ref", "Resource", "Template", "Text", "Unknown", "read"]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as its template declares it. Ask :meth:`Template.value` for what its properties come to."""

    stack: str
    logical_id: str
    type: str
    """Empty when the template gives it none."""
    properties: Mapping[str, Any]
    """As written, intrinsic functions and all. Read only."""
    metadata: Mapping[str, Any]
    depends_on: tuple[str, ...]
    deletion_policy: str | Unknown | None
    update_replace_policy: str | Unknown | None
    path: str | None
    """The construct's path in the CDK app (``aws:cdk:path``)."""
    condition: Unknown | None
    """Set when the resource exists only under a condition that cannot be told; ``same`` is its stack and name."""
    source: str
    """The file it was read from."""

    @property
    def ref(self) -> Ref:
        return Ref(self.stack, self.logical_id)


_PLAIN = frozenset((int, float, bool))
_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Template:
    """All stacks that were read together. Made by :func:`read`.

    Attributes:
        resources: every resource that exists, by stack and logical id, in sorted order. One whose condition
            does not hold is absent.
        notes: what could not be read and which conditions nothing decides, with file and place, sorted.
        stacks: names of the stacks, nested ones as ``parent/LogicalId``.
    """

    def __init__(self, stacks: dict[str, Stack], notes: list[Note], parameters: Mapping[str, str]) -> None:
        self._stacks = stacks
        self._resolver = Resolver(stacks, parameters)
        self._types: dict[str, list[Resource]] = {}
        found: dict[tuple[str, str], Resource] = {}
        for name in sorted(stacks):
            stack = stacks[name]
            for logical_id in sorted(stack.resources, key=str):
                resource = self._resource(stack, logical_id, notes)
                if resource is not None:
                    found[name, resource.logical_id] = resource
                    self._types.setdefault(resource.type, []).append(resource)
        self.resources: Mapping[tuple[str, str], Resource] = MappingProxyType(found)
        self.stacks: tuple[str, ...] = tuple(sorted(stacks))
        self.notes: tuple[Note, ...] = tuple(sorted(set(notes)))
        self._targets = Targets(self._resolver, lambda kind: self._types.get(kind, ()))

    def open_parameters(self) -> list[Note]:
        """The parameters without a value that something has asked for until now: what no answer needs is left out."""
        asked = ((self._stacks[stack], name, value) for stack, name, value in self._resolver.parameters_asked())
        return [
            Note(stack.source, f"Parameters.{name}", value.reason)
            for stack, name, value in asked
            if isinstance(value, Unknown) and not isinstance(value, Hidden)
        ]

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types, sorted by stack and logical id."""
        if len(types) == 1:
            return iter(self._types.get(types[0], ()))
        matching = [resource for kind in set(types) for resource in self._types.get(kind, ())]
        return iter(sorted(matching, key=lambda resource: (resource.stack, resource.logical_id)))

    def value(self, resource: Resource, *path: str | int, default: Any = None) -> Any:
        """What a property comes to: plain JSON with Ref, Text and Unknown where it is not plain.

        Args:
            resource: one of this template's resources.
            path: names of properties and indexes of lists, from ``Properties`` down.
            default: returned when the property is not there, null or ``AWS::NoValue``.

        Returns:
            The value, which is shared: do not change it. An Unknown or a Ref that stands somewhere along the
            path is returned in its place, since nothing can be told about what is below it.
        """
        value: Any = resource.properties
        if path and type(value) is dict and (len(value) != 1 or not is_function(value)):
            # Nearly every question is about a property that is not there, or is plain: nothing has to be resolved.
            raw = value.get(path[0])
            if raw is None and TRANSFORM not in value:
                return default
            if len(path) == 1 and (type(raw) in _PLAIN or (type(raw) is str and "{{" not in raw)):
                return raw
        stack = self._stacks[resource.stack]
        for step in path:
            if type(value) is str or (type(value) is dict and len(value) == 1 and is_function(value)):
                value = self._resolver.resolve(stack, value)
            if type(value) is dict or value is _EMPTY:
                if step not in value:
                    return transformed(value[TRANSFORM]) if TRANSFORM in value else default
                value = value[step]
            elif isinstance(value, list | tuple) and isinstance(step, int):
                if any(isinstance(one, dict) and len(one) == 1 for one in value):
                    value = self._resolver.resolve(stack, value)
                if not isinstance(value, list | tuple) or not -len(value) <= step < len(value):
                    return default
                value = value[step]
            elif isinstance(value, Ref | Text | Unknown):
                return value
            elif value is None or value is NO_VALUE:
                return default
            else:
                return Unknown(f"{step} is looked for in {named(value)}")
        value = self._resolver.resolve(stack, value)
        return default if value is NO_VALUE or value is None else value

    def resolve(self, stack: str, raw: Any) -> Any:
        """What a piece of a stack's template comes to; None for ``AWS::NoValue``."""
        value = self._resolver.resolve(self._stack(stack), raw)
        return None if value is NO_VALUE else value

    def target(self, stack: str, value: Any, *types: str) -> Ref | str | Unknown:
        """Which resource does a resolved value name?

        Args:
            stack: the stack the value stands in.
            value: a reference, an ARN or a queue URL, as :meth:`value` returned it.
            types: resource types among which a bare name (``orders``) is looked up as well.

        Returns:
            The resource, without attribute. A version or alias of a function stays one: ask its own
            FunctionName. The text itself when it names something outside of the templates; Unknown, with the
            reason, when it cannot be told.
        """
        return self._targets.target(self._stack(stack), value, types)

    def region(self, stack: str) -> str | None:
        """The region a stack is deployed to, None when the template leaves it open."""
        return self._stack(stack).region

    def account(self, stack: str) -> str | None:
        """The account a stack is deployed to, None when the template leaves it open."""
        return self._stack(stack).account

    def _stack(self, name: str) -> Stack:
        stack = self._stacks.get(name)
        if stack is None:
            raise PatternError(f"stack must be one of {', '.join(self.stacks)}, got {name!r}")
        return stack

    def _resource(self, stack: Stack, logical_id: Any, notes: list[Note]) -> Resource | None:
        raw = stack.resources[logical_id]
        place = f"Resources.{logical_id}"

        def part(name: str, kind: type, what: str) -> Any:
            value = declared.get(name)
            if value is None or isinstance(value, kind):
                return value
            notes.append(Note(stack.source, f"{place}.{name}", f"must be {what}, got {named(value)}"))
            return None

        def policy(name: str) -> Any:
            """AWS::LanguageExtensions lets a function give it."""
            value = declared.get(name)
            if type(value) is not dict:
                return part(name, str, "text")
            value = self.resolve(stack.name, value)
            if value is None or isinstance(value, str | Unknown):
                return value
            return Unknown(f"{name} is {named(value)}, not text")

        if logical_id == TRANSFORM:
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-include.html
            notes.append(Note(stack.source, place, transformed(raw).reason))
            return None
        if not isinstance(raw, dict):
            notes.append(Note(stack.source, place, f"must be an object, got {named(raw)}"))
        declared: dict[str, Any] = raw if isinstance(raw, dict) else {}
        condition: Unknown | None = None
        if "Condition" in declared:
            holds = self._resolver.condition(stack, declared["Condition"])
            if holds is False:
                return None
            if isinstance(holds, Unknown):
                # Two resources under one condition exist together, or neither does.
                name = declared["Condition"]
                condition = Unknown(holds.reason, f"{stack.name}/{name}")
                where = f"Conditions.{name}" if isinstance(name, str) else f"{place}.Condition"
                notes.append(Note(stack.source, where, holds.reason))
        kind = part("Type", str, "text")
        properties = part("Properties", dict, "an object") or _EMPTY
        if TRANSFORM in declared:
            notes.append(Note(stack.source, place, transformed(declared[TRANSFORM]).reason))
            properties = {**properties, TRANSFORM: declared[TRANSFORM]}
        elif kind is None and isinstance(raw, dict) and declared.get("Type") is None:
            notes.append(Note(stack.source, place, "has no Type"))
        elif kind is not None and (why := _unread(kind)):
            notes.append(Note(stack.source, place, why))
        metadata = part("Metadata", dict, "an object") or _EMPTY
        path = metadata.get("aws:cdk:path")
        return Resource(
            stack.name,
            str(logical_id),
            kind or "",
            properties,
            metadata,
            _named_in(declared["DependsOn"]) if "DependsOn" in declared else (),
            policy("DeletionPolicy"),
            policy("UpdateReplacePolicy"),
            path if isinstance(path, str) else None,
            condition,
            stack.source,
        )


def _unread(kind: str) -> str:
    """Why what a resource creates is not among the resources, empty for one that creates none."""
    if kind == "AWS::CloudFormation::StackSet":
        return "what this stack set creates is not read"
    if kind.endswith("::MODULE"):  # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/modules.html
        return "what this module creates is not read"
    if kind.startswith("AWS::Serverless::"):
        return "is not read, the template has no Transform: AWS::Serverless-2016-10-31"
    return ""


def _named_in(depends: Any) -> tuple[str, ...]:
    if isinstance(depends, str):
        return (depends,)
    return tuple(one for one in depends if isinstance(one, str)) if isinstance(depends, list | tuple) else ()


def read(*sources: str | PathLike[str] | Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> Template:
    """Read templates that belong together; exports and imports are followed across all of them.

    Args:
        sources: each a cloud assembly (``cdk.out``), a folder of templates, a template file (JSON, YAML,
            SAM) or a dict of templates by stack name.
        parameters: values for template parameters, by name, or by ``Stack:Name`` for one stack alone.
            Default: the defaults that the templates declare; a parameter without one is Unknown.

    Raises:
        PatternError: a source is missing or malformed as a whole: the file, the place and the reason.
    """
    if not sources:
        raise PatternError("sources must name at least one folder or template, got none")
    given = dict(parameters or {})
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str | int | float) or isinstance(value, bool):
            raise PatternError(f"parameters[{name!r}] must be text, got {named(value)}")
    with paused():
        return _read(sources, given)


def _read(sources: tuple[str | PathLike[str] | Mapping[str, Any], ...], given: dict[str, str]) -> Template:
    collected = Sources(given)
    for source in sources:
        collected.add(source)
    collected.finish()
    declared = {
        known
        for stack in collected.stacks.values()
        for name in stack.section("Parameters")
        for known in (name, f"{stack.name}:{name}")
    }
    for name in sorted(given.keys() - declared):
        raise PatternError(f"parameters[{name!r}] is declared by none of the templates")
    return Template(collected.stacks, collected.notes, given)
