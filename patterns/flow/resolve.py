"""Intrinsic functions, conditions, parameters and cross-stack values, worked out as far as templates decide.

Nothing is resolved before it is asked for, and what need not change is not copied.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import base64
import ipaddress
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from operator import is_
from typing import Any

from patterns.flow._documents import named
from patterns.flow._stack import Stack
from patterns.flow.arns import arn_of
from patterns.flow.values import NO_VALUE, Ref, Text, Unknown, concatenate, spelled, text

_DEPTH = 100
_PASSED_ON = 4_096  # characters of a parameter or an output: longer ones could double from stack to stack
_CIDRS = 256
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
PSEUDO = re.compile(r"\$\{AWS::[^{}]*\}")
_DYNAMIC = re.compile(r"\{\{resolve:((?:[^{}]|\$\{[^{}]*\})*)\}\}")
# What the values of pseudo parameters never contain, so that text around them can be cut there.
_PLAIN_PSEUDO = re.compile(r"\$\{AWS::(?:Region|AccountId|Partition|URLSuffix)\}")
_CUTS = frozenset(":/,;|_ @=")
_MISSING = object()
TRANSFORM = "Fn::Transform"


class _TooDeep(Exception):
    pass


class Resolver:
    """Resolves values of the stacks that were read together."""

    def __init__(self, stacks: Mapping[str, Stack], parameters: Mapping[str, str]) -> None:
        self.stacks = stacks
        self._given = parameters
        self._known: dict[tuple[str, ...], Any] = {}
        self._asked: set[tuple[str, ...]] = set()
        self._refs: dict[tuple[str, str, str], Ref] = {}
        self._exports: dict[str, list[tuple[Stack, str]]] | None = None
        self._deployed: dict[str, list[Stack]] | None = None
        self._published: dict[str, list[tuple[Stack, Any]]] | None = None
        self._stored: dict[str, list[tuple[Stack, str]]] | None = None

    def resolve(self, stack: Stack, raw: Any) -> Any:
        """The value, with Ref, Text and Unknown inside where it is not plain; NO_VALUE where it is not there."""
        try:
            return self._value(stack, raw, 0)
        except (_TooDeep, RecursionError):
            return Unknown(f"the value goes through more than {_DEPTH} levels")

    def condition(self, stack: Stack, name: Any) -> bool | Unknown:
        """Whether a condition holds, as far as it can be told."""
        try:
            return self._condition(stack, name, 0)
        except (_TooDeep, RecursionError):
            return Unknown(f"condition {name} goes through more than {_DEPTH} levels")

    # -- values

    def _value(self, stack: Stack, raw: Any, depth: int) -> Any:
        kind = type(raw)
        if kind is str:
            return raw if "{{" not in raw else self._dynamic(stack, raw, depth)
        if kind is dict:
            if depth > _DEPTH:
                raise _TooDeep
            if len(raw) == 1:
                (key,) = raw
                function = _FUNCTIONS.get(key)
                if function is not None:
                    return function(self, stack, raw[key], depth + 1)
                if isinstance(key, str) and key.startswith("Fn::"):
                    return Unknown(f"{key} is not an intrinsic function that is read")
            elif TRANSFORM in raw:
                # What a macro puts beside the other keys is known only when it has run.
                return self._transform(stack, raw[TRANSFORM], depth)
            copy: dict[Any, Any] | None = None
            for key, item in raw.items():
                kind = type(item)
                if kind in _ATOMS or (kind is str and "{{" not in item):
                    continue
                new = self._value(stack, item, depth + 1)
                if new is item:
                    continue
                if copy is None:
                    copy = dict(raw)
                if new is NO_VALUE:
                    del copy[key]
                else:
                    copy[key] = new
            return raw if copy is None else copy
        if kind is list:
            if depth > _DEPTH:
                raise _TooDeep
            items = [
                item if type(item) is str and "{{" not in item else self._value(stack, item, depth + 1) for item in raw
            ]
            if all(map(is_, items, raw)):
                return raw
            return [item for item in items if item is not NO_VALUE]
        if kind in _ATOMS or isinstance(raw, Ref | Unknown | Text):
            return raw
        if isinstance(raw, Mapping):
            return self._value(stack, dict(raw), depth)
        if isinstance(raw, list | tuple):
            return self._value(stack, list(raw), depth)
        return str(raw)

    def _once(self, key: tuple[str, ...], what: str, compute: Callable[[], Any]) -> Any:
        """A value that many ask for is worked out once; one that needs itself is not known."""
        value = self._known.get(key, _MISSING)
        if value is not _MISSING:
            return value
        if key in self._asked:
            return Unknown(f"{what} refers to itself")
        self._asked.add(key)
        try:
            value = self._known[key] = compute()
        finally:
            self._asked.discard(key)
        return value

    def _plain_text(self, stack: Stack, raw: Any, depth: int) -> Any:
        if type(raw) is str and "{{" not in raw:
            return raw
        return concatenate(text(self._value(stack, raw, depth)))

    # -- references

    def _ref(self, stack: Stack, name: Any, depth: int) -> Any:
        if type(name) is not str:
            name = self._logical_id(stack, name, depth)
        if isinstance(name, Unknown):
            return name
        if not isinstance(name, str):
            return Unknown(f"Ref must be followed by a name, got {named(name)}")
        if name in stack.resources:
            return self._resource(stack, name, "")
        if name in stack.section("Parameters"):
            return self.parameter(stack, name, depth)
        if name.startswith("AWS::"):
            return _pseudo(stack, name)
        return Unknown(f"{name} is neither a resource nor a parameter of {stack.name}")

    def _logical_id(self, stack: Stack, name: Any, depth: int) -> Any:
        """The name after Ref or Fn::GetAtt, which AWS::LanguageExtensions lets a function give."""
        return self._plain_text(stack, name, depth + 1) if type(name) is dict and len(name) == 1 else name

    def _resource(self, stack: Stack, name: str, attribute: str) -> Any:
        resource = stack.resources[name]
        if isinstance(resource, dict) and isinstance(resource.get("Condition"), str):
            condition = resource["Condition"]
            if self._condition(stack, condition, 0) is False:
                return Unknown(f"{name} does not exist, its condition {condition} does not hold")
        return self.ref(stack.name, name, attribute)

    def ref(self, stack: str, name: str, attribute: str = "") -> Ref:
        """The reference; equal ones are one object."""
        key = (stack, name, attribute)
        known = self._refs.get(key)
        if known is None:
            known = self._refs[key] = Ref(stack, name, attribute)
        return known

    def parameter(self, stack: Stack, name: str, depth: int = 0) -> Any:
        """What Ref of a parameter returns."""
        return self._once(
            ("parameter", stack.name, name),
            f"parameter {name} of {stack.name}",
            lambda: self._parameter(stack, name, depth),
        )

    def parameters_asked(self) -> Iterator[tuple[str, str, Any]]:
        """The stack, the name and the value of each parameter that something has asked for."""
        return ((key[1], key[2], value) for key, value in self._known.items() if key[0] == "parameter")

    def _parameter(self, stack: Stack, name: str, depth: int) -> Any:
        declared = stack.section("Parameters")[name]
        if not isinstance(declared, dict):
            return Unknown(f"parameter {name} is declared by {named(declared)}")
        kind = declared.get("Type", "String")
        value = _MISSING
        if stack.parent is not None:
            parent = self.stacks[stack.parent[0]]
            passed = _properties(parent.resources[stack.parent[1]]).get("Parameters")
            if isinstance(passed, dict) and name in passed:
                value = self._value(parent, passed[name], depth + 3)
                if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
                    value = ",".join(str(one) for one in value)
                value = _passed_on(value, f"parameter {name}")
                if value is NO_VALUE:
                    value = _MISSING
        if value is _MISSING:
            value = self._given.get(f"{stack.name}:{name}", self._given.get(name, _MISSING))
        if value is _MISSING:
            value = declared.get("Default", _MISSING)
            if isinstance(value, dict) or (isinstance(value, list) and "List" not in str(kind)):
                return Unknown(f"the default of parameter {name} is {named(value)}")
        if isinstance(kind, str) and kind.startswith("AWS::SSM::Parameter::Value"):
            stored = self._of_ssm(stack, value, depth)
            if "List" in kind:
                stored = stored.split(",") if isinstance(stored, str) else _MISSING
            if stored is _MISSING:
                return Unknown(f"parameter {name} is read from SSM when it is deployed", f"{stack.name}/{name}")
            return stored
        if value is _MISSING or value is None:
            return Unknown(f"parameter {name} has no value", f"{stack.name}/{name}")
        if value != "" and str(declared.get("NoEcho", "")).lower() == "true" and isinstance(value, str | int | float):
            return Hidden(f"parameter {name} has NoEcho, its value is not shown", f"{stack.name}/{name}", str(value))
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(kind, str) and ("List" in kind):
            if isinstance(value, str):
                return [one.strip() for one in value.split(",")]
            return value
        if kind == "Number" and isinstance(value, str):
            return _number(value)
        return value

    def _get_att(self, stack: Stack, argument: Any, depth: int) -> Any:
        if isinstance(argument, str):
            argument = argument.split(".", 1)
        if not isinstance(argument, (list, tuple)) or len(argument) < 2:
            return Unknown(f"Fn::GetAtt must be followed by a resource and an attribute, got {named(argument)}")
        name, attribute = argument[0], argument[1]
        if type(name) is not str:
            name = self._logical_id(stack, name, depth)
        if isinstance(name, Unknown):
            return name
        if not isinstance(name, str):
            return Unknown(f"Fn::GetAtt must be followed by a resource and an attribute, got {named(argument)}")
        if len(argument) > 2 or type(attribute) is not str or "{{" in attribute:
            words = [self._plain_text(stack, one, depth) for one in argument[1:]]
            strings = [word for word in words if isinstance(word, str)]
            if len(strings) < len(words):
                return next((word for word in words if isinstance(word, Unknown)), None) or Unknown(
                    f"the attribute of {name} that Fn::GetAtt asks for is known only when it is deployed"
                )
            attribute = ".".join(strings)
        resource = stack.resources.get(name)
        if resource is None:
            return Unknown(f"{name} is not a resource of {stack.name}")
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if kind == "AWS::CloudFormation::Stack" and attribute.startswith("Outputs."):
            child = stack.children.get(name)
            if child is None:
                return Unknown(f"the template of nested stack {name} is not at hand")
            return self._output(self.stacks[child], attribute.removeprefix("Outputs."), depth)
        if kind == "AWS::SSM::Parameter" and attribute == "Value":
            return self._value(stack, _properties(resource).get("Value", ""), depth)
        if kind == "Custom::CrossRegionExportReader" and attribute.startswith("/"):
            return self._across_regions(attribute, depth)
        return self._resource(stack, name, attribute)

    # -- other stacks

    def _output(self, stack: Stack, name: str, depth: int) -> Any:
        return self._once(
            ("output", stack.name, name),
            f"output {name} of {stack.name}",
            lambda: self._output_value(stack, name, depth),
        )

    def _output_value(self, stack: Stack, name: str, depth: int) -> Any:
        output = stack.section("Outputs").get(name)
        if not isinstance(output, dict) or "Value" not in output:
            return Unknown(f"{stack.name} has no output {name}")
        holds = self._condition(stack, output["Condition"], depth + 1) if "Condition" in output else True
        if holds is False:
            return Unknown(f"output {name} of {stack.name} does not exist, its condition does not hold")
        return _passed_on(self._value(stack, output["Value"], depth + 3), f"output {name} of {stack.name}")

    def _import(self, stack: Stack, argument: Any, depth: int) -> Any:
        name = self._plain_text(stack, argument, depth)
        known = spelled(name)
        # Exports belong to one account and region.
        same = f"import/{stack.account}/{stack.region}/{known}" if known else ""
        if not isinstance(name, str):
            return Unknown(f"the name of an import is not known: {_why(name)}", same)
        if self._exports is None:
            self._exports = {}
            for other in self.stacks.values():
                self._index_exports(other)
        offers = _near(stack, self._exports.get(name, []))
        if not offers:
            return Unknown(f"export {name} is not in the templates that were read", same)
        if len(offers) > 1:
            return Unknown(f"export {name} is offered by {_and(sorted(one.name for one, _ in offers))}")
        return self._output(*offers[0], depth + 1)

    def _index_exports(self, other: Stack) -> None:
        exports = self._exports if self._exports is not None else {}
        for output, declared in other.section("Outputs").items():
            export = declared.get("Export") if isinstance(declared, dict) else None
            if not isinstance(export, dict) or "Name" not in export:
                continue
            if "Condition" in declared and self.condition(other, declared["Condition"]) is False:
                continue
            known = self._plain_text(other, export["Name"], 0)
            if isinstance(known, str):
                exports.setdefault(known, []).append((other, output))
                # A file says nothing about the name it will be deployed under: its own name is tried too.
                guessed = known.replace(f"${{AWS::StackName:{other.name}}}", other.name)
                if guessed != known:
                    exports.setdefault(guessed, []).append((other, output))

    def _stack_output(self, stack: Stack, argument: Any, depth: int) -> Any:
        wanted = self._value(stack, argument, depth)
        if not isinstance(wanted, dict) or not isinstance(wanted.get("OutputName"), str):
            return Unknown("Fn::GetStackOutput must be followed by StackName and OutputName")
        name, output = wanted.get("StackName"), wanted["OutputName"]
        if not isinstance(name, str):
            return Unknown(f"the stack that Fn::GetStackOutput reads is not known: {_why(name)}")
        if self._deployed is None:
            self._deployed = {}
            for one in self.stacks.values():
                for known in {one.deployed_name or one.name, one.name}:
                    self._deployed.setdefault(known, []).append(one)
        region = wanted.get("Region")
        offers = [
            one
            for one in self._deployed.get(name, [])
            if one.region is None or not isinstance(region, str) or "${" in region or one.region == region
        ]
        if len(offers) > 1:
            offers = [one for one in offers if one.account == stack.account] or offers
        if len(offers) != 1:
            many = "is read more than once" if offers else "is not among the templates that were read"
            return Unknown(f"stack {name} {many}")
        return self._output(offers[0], output, depth + 1)

    def _across_regions(self, name: str, depth: int) -> Any:
        """What the CDK's crossRegionReferences hands over through SSM parameters."""
        if self._published is None:
            self._published = {}
            for one in self.stacks.values():
                for resource in one.resources.values():
                    if not isinstance(resource, dict) or resource.get("Type") != "Custom::CrossRegionExportWriter":
                        continue
                    written = _properties(resource).get("WriterProps")
                    exports = written.get("exports") if isinstance(written, dict) else None
                    for path, raw in exports.items() if isinstance(exports, dict) else ():
                        self._published.setdefault(path, []).append((one, raw))
        offers = self._published.get(name, [])
        if len(offers) != 1:
            return Unknown(f"{name} is written by {len(offers) or 'none'} of the templates that were read")
        writer, raw = offers[0]
        return self._once(
            ("published", name),
            name,
            lambda: _passed_on(self._value(writer, raw, depth + 3), name),
        )

    def _of_ssm(self, stack: Stack, name: Any, depth: int) -> Any:
        """What one of the templates stores in Parameter Store under a name, as the stack reads it."""
        if self._stored is None:
            self._stored = {}
            for one in self.stacks.values():
                for key, resource in one.resources.items():
                    if not isinstance(resource, dict) or resource.get("Type") != "AWS::SSM::Parameter":
                        continue
                    known = self._plain_text(one, _properties(resource).get("Name"), depth + 1)
                    if isinstance(known, str) and isinstance(self._resource(one, key, ""), Ref):
                        self._stored.setdefault(known, []).append((one, key))
        offers = _near(stack, self._stored.get(name, [])) if isinstance(name, str) else []
        if len(offers) != 1:
            return _MISSING
        writer, key = offers[0]
        return self._once(
            ("stored", writer.name, key),
            f"the SSM parameter {name}",
            lambda: _passed_on(self._get_att(writer, [key, "Value"], depth + 3), f"the SSM parameter {name}"),
        )

    def _dynamic(self, stack: Stack, raw: str, depth: int) -> Any:
        parts: list[str | Ref | Unknown] = []
        for index, piece in enumerate(_DYNAMIC.split(raw)):
            if index % 2:
                service, _, rest = piece.partition(":")
                name = re.sub(r":\d+$", "", rest)  # without the version
                stored = self._of_ssm(stack, name, depth) if service == "ssm" else _MISSING
                if stored is _MISSING:
                    why = f"a dynamic reference ({service}) is read when it is deployed"
                    stored = Unknown(why, f"resolve/{piece}")
                parts.extend(text(stored))
            elif piece:
                parts.append(piece)
        return concatenate(parts)

    def _put_together(self, stack: Stack, parts: list[str | Ref | Unknown], depth: int) -> Any:
        """Text of parts, which may make a dynamic reference only together."""
        whole = concatenate(parts)
        return self._dynamic(stack, whole, depth) if isinstance(whole, str) and "{{" in whole else whole

    # -- conditions

    def _condition(self, stack: Stack, name: Any, depth: int) -> bool | Unknown:
        if not isinstance(name, str):
            return Unknown(f"a condition must be a name, got {named(name)}")
        return self._once(
            ("condition", stack.name, name),
            f"condition {name}",
            lambda: self._condition_value(stack, name, depth),
        )

    def _condition_value(self, stack: Stack, name: str, depth: int) -> bool | Unknown:
        conditions = stack.section("Conditions")
        if name not in conditions:
            return Unknown(f"condition {name} is not declared")
        holds = self._holds(stack, conditions[name], depth + 1)
        if isinstance(holds, Unknown) and not holds.reason.startswith("condition "):
            return Unknown(f"condition {name} cannot be told: {holds.reason}")
        return holds

    def _holds(self, stack: Stack, raw: Any, depth: int) -> bool | Unknown:
        if depth > _DEPTH:
            raise _TooDeep
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str) and raw.lower() in ("true", "false"):
            return raw.lower() == "true"
        if not isinstance(raw, dict) or len(raw) != 1:
            return Unknown(f"a condition must be a condition function, got {named(raw)}")
        ((function, argument),) = raw.items()
        if function == "Condition":
            return self._condition(stack, argument, depth + 1)
        if not isinstance(argument, list):
            return Unknown(f"{function} must be followed by a list")
        if function == "Fn::Equals" and len(argument) == 2:
            one, other = (self._value(stack, item, depth + 1) for item in argument)
            return self._equals(one, other, depth)
        if function == "Fn::Not" and len(argument) == 1:
            holds = self._holds(stack, argument[0], depth + 1)
            return holds if isinstance(holds, Unknown) else not holds
        if function in ("Fn::And", "Fn::Or") and argument:
            decisive = function == "Fn::Or"
            unknown: Unknown | None = None
            for one in argument:
                holds = self._holds(stack, one, depth + 1)
                if holds is decisive:
                    return decisive
                if isinstance(holds, Unknown):
                    unknown = unknown or holds
            return (not decisive) if unknown is None else unknown
        return Unknown(f"{function} is not a condition function, or its list has the wrong length")

    def _equals(self, one: Any, other: Any, depth: int) -> bool | Unknown:
        told = _equal(one, other)
        if isinstance(told, Unknown) and (self._differ(one, other, depth) or self._differ(other, one, depth)):
            return False
        return told

    def _differ(self, value: Any, literal: Any, depth: int) -> bool:
        """Whether a value has something in it that a literal text has not: no ARN is empty, or "none"."""
        if not isinstance(literal, str) or PSEUDO.search(literal):
            return False
        if isinstance(value, Ref):
            if not literal and not value.attribute:
                return True
            value = self._arn(value, depth)
        if not isinstance(value, str | Text):
            return False
        pieces = (piece for part in text(value) if isinstance(part, str) for piece in PSEUDO.split(part))
        return any(piece not in literal for piece in pieces)

    def _if(self, stack: Stack, argument: Any, depth: int) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            return Unknown("Fn::If must be followed by a condition and two values")
        holds = self._condition(stack, argument[0], depth)
        if not isinstance(holds, Unknown):
            return self._value(stack, argument[1 if holds else 2], depth)
        either, other = (self._value(stack, one, depth) for one in argument[1:])
        return either if _certainly_same(either, other) else holds

    # -- text

    def _sub(self, stack: Stack, argument: Any, depth: int) -> Any:
        variables: Mapping[str, Any] = {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
            argument, variables = argument
        elif isinstance(argument, list) and len(argument) == 1:
            argument = argument[0]
        if not isinstance(argument, str):
            return Unknown(f"Fn::Sub must be followed by text, got {named(argument)}")
        parts: list[str | Ref | Unknown] = []
        for index, piece in enumerate(_VARIABLE.split(argument)):
            if index % 2 == 0:
                parts.extend(text(self._value(stack, piece, depth)) if "{{" in piece else (piece,))
            elif piece.startswith("!"):
                parts.append("${" + piece[1:] + "}")
            elif piece in variables:
                parts.extend(text(self._value(stack, variables[piece], depth)))
            elif "." in piece:
                parts.extend(text(self._get_att(stack, piece.strip(), depth)))
            else:
                parts.extend(text(self._ref(stack, piece.strip(), depth)))
        return self._put_together(stack, parts, depth)

    def _join(self, stack: Stack, argument: Any, depth: int) -> Any:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
            return Unknown("Fn::Join must be followed by a delimiter and a list")
        delimiter = argument[0]
        items = self._value(stack, argument[1], depth)
        if isinstance(items, _Pieces):
            return items.joined(delimiter)
        if isinstance(items, Unknown):
            return items
        if not isinstance(items, list):
            return Unknown("Fn::Join must be followed by a delimiter and a list")
        parts: list[str | Ref | Unknown] = []
        for index, item in enumerate(items):
            if index and delimiter:
                parts.append(delimiter)
            parts.extend(text(item))
        return self._put_together(stack, parts, depth)

    def _split(self, stack: Stack, argument: Any, depth: int) -> Any:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
            return Unknown("Fn::Split must be followed by a delimiter and text")
        delimiter, value = argument[0], self._plain_text(stack, argument[1], depth)
        if not delimiter:
            return Unknown("the delimiter of Fn::Split is empty")
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Ref):
            value = self._arn(value, depth) or value
        return _cut(value, delimiter)

    def _arn(self, ref: Ref, depth: int) -> Any:
        """The ARN that a reference returns, or what else names two resources, as text that can be cut."""
        kind, stack = self.kind(ref), self.stacks[ref.stack]
        whole = arn_of(ref, kind, stack.region)
        properties = stack.resources[ref.logical_id].get("Properties") if kind else None
        if not isinstance(properties, dict):
            return whole
        if kind in _QUALIFIED and not ref.attribute:
            function = self._value(stack, properties.get("FunctionName"), depth)
            if isinstance(function, Ref) and self.kind(function) == "AWS::Lambda::Function":
                name = Ref(function.stack, function.logical_id)
                own = self._value(stack, properties.get("Name"), depth)
                qualifier = own if kind == "AWS::Lambda::Alias" else Ref(ref.stack, ref.logical_id, "Version")
                arn = arn_of(Ref(name.stack, name.logical_id, "Arn"), "AWS::Lambda::Function", stack.region)
                return concatenate((*text(arn), ":", *text(qualifier)))
        bus = self._value(stack, properties.get("EventBusName"), depth) if kind == "AWS::Events::Rule" else None
        if bus is not None and bus != "default" and (whole is not None or not ref.attribute):
            # A rule's ARN names its bus, except for the default bus, and so does its reference.
            # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131
            named = Ref(bus.stack, bus.logical_id) if isinstance(bus, Ref) else bus
            if whole is None:
                return concatenate((*text(named), "|", Ref(ref.stack, ref.logical_id, "Name")))
            head, *rest = text(whole)
            return concatenate((head, *text(named), "/", *rest))
        return whole

    def kind(self, ref: Ref) -> str:
        """The resource type behind a reference, empty when it has none."""
        resource = self.stacks[ref.stack].resources.get(ref.logical_id)
        kind = resource.get("Type") if isinstance(resource, dict) else None
        return kind if isinstance(kind, str) else ""

    def _select(self, stack: Stack, argument: Any, depth: int) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            return Unknown("Fn::Select must be followed by an index and a list")
        index, items = self._value(stack, argument[0], depth), self._value(stack, argument[1], depth)
        number = _number(index) if isinstance(index, str) else index
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            return Unknown(f"Fn::Select cannot tell which item: {_why(index)}")
        if isinstance(items, _Pieces):
            return items.one(number)
        if isinstance(items, Unknown):
            return items
        if not isinstance(items, list):
            return Unknown("Fn::Select must be followed by an index and a list")
        if number >= len(items):
            return Unknown(f"Fn::Select asks for item {number} of {len(items)}")
        return items[number]

    # -- the others

    def _find_in_map(self, stack: Stack, argument: Any, depth: int) -> Any:
        if not isinstance(argument, list) or len(argument) not in (3, 4):
            return Unknown("Fn::FindInMap must be followed by a mapping and two keys")
        keys = [self._plain_text(stack, one, depth) for one in argument[:3]]
        value: Any = stack.section("Mappings")
        for key in keys:
            if not isinstance(key, str) or PSEUDO.search(key):
                return Unknown(f"Fn::FindInMap looks for a key that is not known: {_why(key)}")
            if not isinstance(value, dict) or key not in value:
                default = argument[3] if len(argument) == 4 else None
                if isinstance(default, dict) and "DefaultValue" in default:
                    return self._value(stack, default["DefaultValue"], depth)
                return Unknown(f"Fn::FindInMap finds nothing under {' / '.join(map(str, keys))}")
            value = value[key]
        return self._value(stack, value, depth)

    def _base64(self, stack: Stack, argument: Any, depth: int) -> Any:
        value = self._plain_text(stack, argument, depth)
        if isinstance(value, str) and not PSEUDO.search(value):
            return base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
        return value if isinstance(value, Unknown) else Unknown("Fn::Base64 encodes text known only when deployed")

    def _length(self, stack: Stack, argument: Any, depth: int) -> Any:
        value = self._value(stack, argument, depth)
        if isinstance(value, list):
            return len(value)
        return value if isinstance(value, Unknown) else Unknown("Fn::Length must be followed by a list")

    def _to_json(self, stack: Stack, argument: Any, depth: int) -> Any:
        value = self._value(stack, argument, depth)
        if isinstance(value, Unknown):
            return value
        held: list[Any] = []

        def hold(part: Any) -> str:
            held.append(part)
            return f"\0{len(held) - 1}\0"

        written = json.dumps(value, separators=(",", ":"), default=hold)
        parts: list[str | Ref | Unknown] = []
        for index, piece in enumerate(re.split(r"\\u0000(\d+)\\u0000", written)):
            if index % 2 == 0:
                parts.append(piece)
            else:
                parts.extend(text(held[int(piece)]) if int(piece) < len(held) else (piece,))
        return concatenate(part for part in parts if part != "")

    def _cidr(self, stack: Stack, argument: Any, depth: int) -> Any:
        value = self._value(stack, argument, depth)
        if isinstance(value, list) and len(value) in (2, 3) and isinstance(value[0], str):
            numbers = [_number(one) if isinstance(one, str) else one for one in value[1:]]
            try:
                block = ipaddress.ip_network(value[0])
                prefix = block.max_prefixlen - int(numbers[1] if len(numbers) > 1 else 8)
                count = int(numbers[0])
                if 0 < count <= _CIDRS and block.prefixlen <= prefix <= block.max_prefixlen:
                    blocks = [str(one) for one in itertools.islice(block.subnets(new_prefix=prefix), count)]
                    if len(blocks) == count:
                        return blocks
            except (TypeError, ValueError, OverflowError):
                pass
        return value if isinstance(value, Unknown) else Unknown("Fn::Cidr is not given a range it can divide")

    def _zones(self, _stack: Stack, _argument: Any, _depth: int) -> Any:
        return Unknown("availability zones are known only when it is deployed")

    def _transform(self, _stack: Stack, argument: Any, _depth: int) -> Any:
        return transformed(argument)


def is_function(value: dict[Any, Any]) -> bool:
    """Whether an object with one key is an intrinsic function and its argument."""
    (key,) = value
    return key in _FUNCTIONS or (isinstance(key, str) and key.startswith("Fn::"))


def transformed(argument: Any) -> Unknown:
    """What a macro in a template comes to."""
    name = argument.get("Name") if isinstance(argument, dict) else argument
    return Unknown(f"the transform {name if isinstance(name, str) else named(name)} runs when it is deployed")


_FUNCTIONS: dict[str, Callable[[Resolver, Stack, Any, int], Any]] = {
    "Ref": Resolver._ref,
    "Fn::GetAtt": Resolver._get_att,
    "Fn::Sub": Resolver._sub,
    "Fn::Join": Resolver._join,
    "Fn::Select": Resolver._select,
    "Fn::Split": Resolver._split,
    "Fn::If": Resolver._if,
    "Fn::FindInMap": Resolver._find_in_map,
    "Fn::ImportValue": Resolver._import,
    "Fn::GetStackOutput": Resolver._stack_output,
    "Fn::Base64": Resolver._base64,
    "Fn::Length": Resolver._length,
    "Fn::ToJsonString": Resolver._to_json,
    "Fn::Cidr": Resolver._cidr,
    "Fn::GetAZs": Resolver._zones,
    TRANSFORM: Resolver._transform,
}
_ATOMS = frozenset((int, float, bool, type(None)))


class _Pieces(Unknown):
    """A text known only at deployment, cut: its pieces are not known but can be told apart and compared."""

    __slots__ = ("cut", "whole")

    def __init__(self, whole: str, cut: str) -> None:
        super().__init__("text known only when it is deployed is cut into a list")
        object.__setattr__(self, "whole", whole)
        object.__setattr__(self, "cut", cut)

    def one(self, index: int) -> str:
        return self._name(f"Select({index},{self._split()})")

    def joined(self, delimiter: str) -> str:
        return self._name(f"Join({delimiter},{self._split()})")

    def _split(self) -> str:
        return f"Split({self.cut},{self.whole})"

    @staticmethod
    def _name(expression: str) -> str:
        return "${AWS::" + re.sub(r"[${}]", "", expression.replace("${AWS::", "")) + "}"


class Hidden(Unknown):
    """A secret: conditions may compare it, and nothing shows it."""

    __slots__ = ("_value",)

    def __init__(self, reason: str, same: str, value: str) -> None:
        super().__init__(reason, same)
        object.__setattr__(self, "_value", value)

    def equals(self, other: Any) -> bool | Unknown:
        if isinstance(other, Hidden):
            return self._value == other._value
        return self._value == str(other) if isinstance(other, str | int) and not PSEUDO.search(str(other)) else self


_QUALIFIED = ("AWS::Lambda::Alias", "AWS::Lambda::Version")


def _cut(value: Any, delimiter: str) -> Any:
    """Cut text where it is known; names of resources and pseudo parameters are never cut."""
    parts = value.parts if isinstance(value, Text) else (value,)
    if any(isinstance(part, Unknown) for part in parts):
        return next(part for part in parts if isinstance(part, Unknown))
    hidden = any(isinstance(part, Ref) for part in parts)
    safe = delimiter in _CUTS
    for part in parts:
        if isinstance(part, str) and PSEUDO.search(_PLAIN_PSEUDO.sub("", part) if safe else part):
            hidden = True
            safe = False
    if not hidden and all(isinstance(part, str) and (safe or "${AWS::" not in part) for part in parts):
        safe = True
    if not safe or (hidden and delimiter not in ("|:/" if isinstance(value, Text) else ":/")):
        if isinstance(value, str):
            return _Pieces(value, delimiter)
        return Unknown("Fn::Split cuts text that is known only when it is deployed")
    if any(isinstance(part, Ref) and part.attribute.endswith(("Arn", "Url")) for part in parts):
        return Unknown("Fn::Split cuts text that is known only when it is deployed")
    pieces: list[list[str | Ref | Unknown]] = [[]]
    for part in parts:
        if not isinstance(part, str):
            pieces[-1].append(part)
            continue
        kept: list[str] = []

        def keep(match: re.Match[str], kept: list[str] = kept) -> str:
            kept.append(match[0])
            return "\0"

        waiting = iter(kept)
        for index, piece in enumerate(PSEUDO.sub(keep, part).split(delimiter)):
            if index:
                pieces.append([])
            piece = re.sub("\0", lambda _, waiting=waiting: next(waiting), piece)
            if piece:
                pieces[-1].append(piece)
    return [concatenate(piece) for piece in pieces]


def _pseudo(stack: Stack, name: str) -> Any:
    """A pseudo parameter's value, or its name as text, so that equal ARNs compare equal."""
    region = stack.region
    if name == "AWS::NoValue":
        return NO_VALUE
    if name == "AWS::Region":
        return region or "${AWS::Region}"
    if name == "AWS::AccountId":
        return stack.account or "${AWS::AccountId}"
    if name == "AWS::Partition":
        return partition(region) or "${AWS::Partition}"
    if name == "AWS::URLSuffix":
        known = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
        return known.get(partition(region) or "", "${AWS::URLSuffix}")
    if name == "AWS::StackName" and stack.deployed_name:
        return stack.deployed_name
    if name in ("AWS::StackName", "AWS::StackId"):
        return f"${{{name}:{stack.name.replace('{', '(').replace('}', ')')}}}"
    if name == "AWS::NotificationARNs":
        return Unknown("AWS::NotificationARNs is known only when it is deployed")
    return Unknown(f"{name} is not a pseudo parameter")


def partition(region: str | None) -> str | None:
    """The partition a region belongs to."""
    if region is None:
        return None
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b"}
    return next((name for prefix, name in prefixes.items() if region.startswith(prefix)), "aws")


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = resource.get("Properties")
    return properties if isinstance(properties, dict) else {}


def _near(stack: Stack, offers: list[tuple[Stack, str]]) -> list[tuple[Stack, str]]:
    """Exports belong to one account and region; what is not known about them fits everything."""
    fitting = [
        offer
        for offer in offers
        if all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in ((stack.region, offer[0].region), (stack.account, offer[0].account))
        )
    ]
    exact = [one for one in fitting if (one[0].region, one[0].account) == (stack.region, stack.account)]
    return exact if len(fitting) > 1 and exact else fitting


def _equal(one: Any, other: Any) -> bool | Unknown:
    if isinstance(one, Hidden) or isinstance(other, Hidden):
        return one.equals(other) if isinstance(one, Hidden) else other.equals(one)
    for value in (one, other):
        if isinstance(value, Unknown):
            return True if one == other and one.same and one.same == other.same else value
    if _certainly_same(one, other):
        return True
    if isinstance(one, str | int | float) and isinstance(other, str | int | float):
        left, right = (concatenate(text(value)) for value in (one, other))
        if left == right:
            return True
        if not PSEUDO.search(str(left)) and not PSEUDO.search(str(right)):
            return False
        return Unknown(f"{left} and {right} can be compared only when it is deployed")
    if isinstance(one, list) and isinstance(other, list) and len(one) != len(other):
        return False
    return Unknown("values are compared that are known only when it is deployed")


def _certainly_same(one: Any, other: Any) -> bool:
    """Whether two resolved values are the same at deployment."""
    if one is other and one is NO_VALUE:
        return True
    if isinstance(one, Unknown):
        return isinstance(other, Unknown) and bool(one.same) and one.same == other.same
    if isinstance(one, dict | list | Text):
        return isinstance(other, type(one)) and repr(one) == repr(other) and "Unknown(" not in repr(one)
    return type(one) is type(other) and one == other


def _passed_on(value: Any, what: str) -> Any:
    if isinstance(value, dict | list):
        return Unknown(f"{what} is {named(value)}, not text")
    if isinstance(value, str | Text):
        size = sum(len(part) if isinstance(part, str) else 1 for part in text(value))
        if size > _PASSED_ON:
            return Unknown(f"{what} is longer than {_PASSED_ON:,} characters")
    return value


def _number(value: str) -> Any:
    try:
        return int(value)
    except ValueError:
        try:
            number = float(value)
        except ValueError:
            return value
        return number if number - number == 0 else value


def _why(value: Any) -> str:
    if isinstance(value, Unknown):
        return value.reason
    if isinstance(value, Text):
        return next((part.reason for part in value.parts if isinstance(part, Unknown)), str(value))
    return str(value) if isinstance(value, Ref | str) else named(value)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
