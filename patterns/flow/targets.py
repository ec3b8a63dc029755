"""Which resource does a value name? References, ARNs and queue URLs, written in any of the usual ways."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from patterns.flow._stack import Stack
from patterns.flow.arns import IDENTITIES, SHAPES, arn_of
from patterns.flow.resolve import PSEUDO, Resolver
from patterns.flow.values import Ref, Text, Unknown, text

_QUEUE_URL = re.compile(
    r"https?://(?:sqs\.(?P<region>[^/]+?)|(?P<legacy>[^/]*?)\.?queue)\.(?:amazonaws\.com(?:\.cn)?|\0\d+\0)"
    r"/(?P<account>[^/]+)/(?P<name>[^/]+)/?"
)
# A function may be named by its account and name alone.
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_PARTIAL = re.compile(r"(\d{12}|\0\d+\0):function:(.+)")
_BY_SERVICE: dict[str, list[str]] = {}
for _kind, _shape in SHAPES.items():
    _BY_SERVICE.setdefault(_shape.service, []).append(_kind)
for _kinds in _BY_SERVICE.values():
    _kinds.sort(key=lambda kind: -len(SHAPES[kind].prefix))


_Held = Ref | Unknown | str


class Targets:
    """Finds resources by what names them. The index of names is made when the first name is looked up."""

    def __init__(self, resolver: Resolver, exists: Callable[[str], Iterable[Any]]) -> None:
        self._resolver = resolver
        self._exists = exists
        self._named: dict[tuple[str, str, str], list[Ref]] | None = None
        self._found: dict[tuple[Any, ...], Ref | Unknown | None] = {}
        self._aliases: dict[tuple[Ref, str], Ref] | None = None

    def target(self, stack: Stack, value: Any, kinds: tuple[str, ...]) -> Ref | str | Unknown:
        if isinstance(value, Ref):
            return self._reference(value)
        if isinstance(value, Unknown):
            return value
        if not isinstance(value, (str, Text)):
            return Unknown("a resource is named by something that is not text")
        flat, held = _flat(value)
        if flat.startswith("\0") and held:
            found = self._reference_with_more(flat, held)
            if found is not None:
                return found
        if "AWS::Lambda::Function" in kinds and (partial := _PARTIAL.fullmatch(flat)):
            flat = f"arn:aws:lambda::{partial[1]}:function:{partial[2]}"
        if flat.startswith("arn:") or (flat.startswith("\0") and ":" in flat):
            found = self._arn(stack, flat, held)
        elif flat.startswith(("http:", "https:")):
            found = self._url(stack, flat, held)
        else:
            found = self._by_name(stack, kinds, flat, held, None, None) if kinds else None
        if found is not None:
            return found
        if isinstance(value, str):
            return value
        unknown = next((part for part in value.parts if isinstance(part, Unknown)), None)
        return unknown or Unknown(f"{value} names no resource of the templates that were read")

    def _reference(self, ref: Ref) -> Ref | Unknown:
        if not ref.attribute:
            return ref
        kind = self._resolver.kind(ref)
        if ref.attribute not in IDENTITIES and kind.startswith("AWS::"):
            return Unknown(f"attribute {ref.attribute} of {ref.logical_id} does not name it")
        if kind.startswith(("Custom::", "AWS::CloudFormation::")):
            return Unknown(f"attribute {ref.attribute} of {ref.logical_id} is known only when it is deployed")
        return self._resolver.ref(ref.stack, ref.logical_id)

    def _reference_with_more(self, flat: str, held: list[_Held]) -> Ref | Unknown | None:
        """An ARN and what follows it: a function's qualifier, the objects of a bucket."""
        _, index, rest = flat.split("\0", 2)
        ref = held[int(index)]
        if not isinstance(ref, Ref):
            return None
        kind = self._resolver.kind(ref)
        whole = arn_of(ref, kind)
        if kind == "AWS::Lambda::Function" and rest.startswith(":") and (whole or not ref.attribute):
            return self._qualified(Ref(ref.stack, ref.logical_id), rest[1:])
        if whole is not None and rest[:1] in (":", "/"):
            return Ref(ref.stack, ref.logical_id)
        return None

    def _arn(self, stack: Stack, flat: str, held: list[_Held]) -> Ref | Unknown | None:
        fields = flat.split(":", 5)
        if len(fields) < 6:
            return None
        _, _, service, region, account, rest = fields
        for kind in _BY_SERVICE.get(service, ()):
            shape = SHAPES[kind]
            if not rest.startswith(shape.prefix):
                continue
            name = rest[len(shape.prefix) :]
            qualifier = ""
            if service == "lambda":
                name, _, qualifier = name.partition(":")
            elif service in ("dynamodb", "s3", "pipes"):
                name = name.partition("/")[0]
            elif service == "logs":
                name = name.removesuffix(":*")
            elif kind in ("AWS::IAM::Role", "AWS::Events::Rule"):
                name = name.rpartition("/")[2]
            found = self._by_name(stack, (kind,), name, held, region, account)
            if isinstance(found, Ref) and qualifier:
                return self._qualified(found, qualifier)
            if found is not None:
                return found
        return None

    def _url(self, stack: Stack, flat: str, held: list[_Held]) -> Ref | Unknown | None:
        match = _QUEUE_URL.fullmatch(flat)
        if match is None:
            return None
        region = match["region"] or match["legacy"] or None
        return self._by_name(stack, ("AWS::SQS::Queue",), match["name"], held, region, match["account"])

    def _qualified(self, function: Ref, qualifier: str) -> Ref:
        if self._aliases is None:
            self._aliases = {}
            for alias in self._exists("AWS::Lambda::Alias"):
                stack, properties = self._resolver.stacks[alias.stack], alias.properties
                name = self._resolver.resolve(stack, properties.get("Name"))
                owner = self.target(
                    stack,
                    self._resolver.resolve(stack, properties.get("FunctionName")),
                    ("AWS::Lambda::Function",),
                )
                if isinstance(name, str) and isinstance(owner, Ref):
                    self._aliases[owner, name] = alias.ref
        return self._aliases.get((function, qualifier), function)

    def _by_name(
        self,
        stack: Stack,
        kinds: tuple[str, ...],
        name: str,
        held: list[_Held],
        region: str | None,
        account: str | None,
    ) -> Ref | Unknown | None:
        if name.startswith("\0") and name.count("\0") == 2 and name.endswith("\0"):
            ref = held[int(name[1:-1])]
            if isinstance(ref, Ref):
                kind = self._resolver.kind(ref)
                if kind in kinds and ref.attribute in SHAPES[kind].names:
                    return Ref(ref.stack, ref.logical_id)
                return None
        spelled = _spelled(name, held)
        if spelled is None:
            return None
        if self._named is None:
            self._named = self._index()
        for kind in kinds:
            if (kind, spelled, "") in self._named:
                break
        else:
            return None
        region = _place(region) if region is not None else stack.region
        account = _place(account) if account is not None else stack.account
        # A stack's own resources come first; many stacks that use one name do not look through all others.
        for home in (stack.name, ""):
            key = (kinds, spelled, home, region, account)
            if key not in self._found:
                self._found[key] = self._fitting(*key)
            if self._found[key] is not None:
                return self._found[key]
        return None

    def _fitting(
        self, kinds: tuple[str, ...], spelled: str, home: str, region: str | None, account: str | None
    ) -> Ref | Unknown | None:
        offers: list[Ref] = []
        for kind in kinds:
            for ref in (self._named or {}).get((kind, spelled, home), ()):
                stack = self._resolver.stacks[ref.stack]
                places = [(stack.account, account)]
                if not SHAPES[kind].global_:
                    places.append((stack.region, region))
                if all(not one or not other or one == other for one, other in places):
                    offers.append(ref)
        if len(offers) > 1:
            first = ", ".join(map(str, sorted(offers)[:3])) + (", …" if len(offers) > 3 else "")
            return Unknown(f"one name is the name of {len(offers)} resources: {first}")
        return offers[0] if offers else None

    def _index(self) -> dict[tuple[str, str, str], list[Ref]]:
        """Resources by type and name, for each stack and (under no stack) for all."""
        index: dict[tuple[str, str, str], list[Ref]] = {}
        for kind, shape in SHAPES.items():
            for resource in self._exists(kind):
                if shape.name not in resource.properties:
                    continue
                stack = self._resolver.stacks[resource.stack]
                value = self._resolver.resolve(stack, resource.properties[shape.name])
                if isinstance(value, str | Text | Ref | Unknown):
                    spelled = _spelled(*_flat(value))
                    if spelled:
                        for home in (resource.stack, ""):
                            index.setdefault((kind, spelled, home), []).append(resource.ref)
        return index


def _flat(value: str | Text | Ref | Unknown) -> tuple[str, list[_Held]]:
    """One string, in which ``\\0n\\0`` stands for the n-th part that is not text or not known.

    Pseudo parameters are parts too: their names contain what ARNs are cut at.
    """
    held: list[_Held] = []
    out: list[str] = []

    def hold(part: _Held) -> str:
        held.append(part)
        return f"\0{len(held) - 1}\0"

    for part in text(value):
        if isinstance(part, str):
            part = part.replace("\0", "")
            out.append(PSEUDO.sub(lambda match: hold(match[0]), part) if "${AWS::" in part else part)
        else:
            out.append(hold(part))
    return "".join(out), held


def _spelled(name: str, held: list[_Held]) -> str | None:
    """A name in which unknown parts are spelled so that equal ones are equal; None when one never is."""
    if "\0" not in name:
        return name
    pieces = name.split("\0")
    for index in range(1, len(pieces), 2):
        part = held[int(pieces[index])]
        if isinstance(part, str):
            pieces[index] = part
        elif isinstance(part, Unknown):
            if not part.same:
                return None
            pieces[index] = f"\0?{part.same}\0"
        else:
            pieces[index] = f"\0{part}\0"
    return "".join(pieces)


def _place(field: str) -> str | None:
    """A region or an account of an ARN, None where anything may stand."""
    return None if not field or "\0" in field else field
