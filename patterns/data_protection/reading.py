"""Reads the JSON of a data protection policy, and says where in it something is wrong."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from patterns.data_protection.identifiers import ARN_PREFIX, CATALOGUE, AnyIdentifier, CustomIdentifier, Unlisted
from patterns.data_protection.policy import (
    VERSION,
    Audit,
    DataProtectionPolicy,
    Deidentify,
    Deny,
    Destination,
    Statement,
)
from patterns.errors import PatternError

_MAY_HAVE = ("Description", "Configuration")


def read(document: str | Mapping[str, Any]) -> DataProtectionPolicy:
    """See `DataProtectionPolicy.read`."""
    return _policy(_parse(document) if isinstance(document, str) else document)


def _policy(document: Any) -> DataProtectionPolicy:
    _object("the policy", document, required=("Name", "Version", "Statement"), optional=_MAY_HAVE)
    if document["Version"] != VERSION:
        raise PatternError(f"Version must be {VERSION!r}, got {document['Version']!r}")
    configuration = document.get("Configuration", {})
    _object("Configuration", configuration, required=(), optional=("CustomDataIdentifier",))
    customs = [
        _custom(f"Configuration.CustomDataIdentifier[{index}]", custom)
        for index, custom in enumerate(
            _list("Configuration.CustomDataIdentifier", configuration.get("CustomDataIdentifier", []))
        )
    ]
    by_name = {custom.name: custom for custom in customs}
    statements = [
        _statement(f"Statement[{index}]", statement, by_name)
        for index, statement in enumerate(_list("Statement", document["Statement"]))
    ]
    if len(by_name) != len(customs):
        twice = next(c.name for c in customs if sum(c.name == other.name for other in customs) > 1)
        raise PatternError(f"Configuration.CustomDataIdentifier must have names of their own, got {twice!r} twice")
    with _in_document(
        {
            "DataProtectionPolicy.name": "Name",
            "DataProtectionPolicy.description": "Description",
            "DataProtectionPolicy.statements": "Statement",
            "DataProtectionPolicy.custom_identifiers": "Configuration.CustomDataIdentifier",
            "DataProtectionPolicy": "the policy",
        }
    ):
        return DataProtectionPolicy(document["Name"], statements, document.get("Description"), customs)


def _statement(path: str, statement: Any, customs: Mapping[str, CustomIdentifier]) -> Statement:
    _object(path, statement, required=("DataDirection", "Principal", "DataIdentifier", "Operation"), optional=("Sid",))
    identifiers: list[AnyIdentifier] = [
        _identifier(f"{path}.DataIdentifier[{index}]", identifier, customs)
        for index, identifier in enumerate(_list(f"{path}.DataIdentifier", statement["DataIdentifier"]))
    ]
    principals = _list(f"{path}.Principal", statement["Principal"])
    operation = statement["Operation"]
    _one_of(f"{path}.Operation", operation, ("Audit", "Deny", "Deidentify"))
    (kind,) = operation
    direction, sid = statement["DataDirection"], statement.get("Sid")
    at = f"{path}.Operation.{kind}"
    parts = {"sid": "Sid", "direction": "DataDirection", "identifiers": "DataIdentifier", "principals": "Principal"}
    with _in_document({f"{kind}.{argument}": f"{path}.{name}" for argument, name in parts.items()}):
        if kind == "Audit":
            audit = operation["Audit"]
            _object(at, audit, required=("SampleRate",), optional=("FindingsDestination", "NoFindingsDestination"))
            if direction != "Inbound":
                raise PatternError(f"{path}.DataDirection must be 'Inbound' for an audit, got {direction!r}")
            findings, no_findings = (
                _destination(f"{at}.{name}", audit[name]) if name in audit else None
                for name in ("FindingsDestination", "NoFindingsDestination")
            )
            with _in_document(
                {
                    "Audit.sample_rate": f"{at}.SampleRate",
                    "Audit must have findings or no_findings": (
                        f"{at} must have FindingsDestination or NoFindingsDestination"
                    ),
                }
            ):
                return Audit(identifiers, findings, no_findings, _whole(audit["SampleRate"]), principals, sid)
        if kind == "Deny":
            _object(at, operation["Deny"], required=(), optional=())
            return Deny(identifiers, direction, principals, sid)
        _one_of(at, operation["Deidentify"], ("MaskConfig", "RedactConfig"))
        mask = None
        if "MaskConfig" in operation["Deidentify"]:
            config = operation["Deidentify"]["MaskConfig"]
            _object(f"{at}.MaskConfig", config, required=("MaskWithCharacter",), optional=())
            mask = config["MaskWithCharacter"]
            if mask is None:
                raise PatternError(f"{at}.MaskConfig.MaskWithCharacter must be one character, got null")
        else:
            _object(f"{at}.RedactConfig", operation["Deidentify"]["RedactConfig"], required=(), optional=())
        with _in_document({"Deidentify.mask_with": f"{at}.MaskConfig.MaskWithCharacter"}):
            return Deidentify(identifiers, mask, direction, principals, sid)


def _identifier(path: str, identifier: Any, customs: Mapping[str, CustomIdentifier]) -> AnyIdentifier:
    if isinstance(identifier, str):
        if identifier in customs:
            return customs[identifier]
        if identifier.startswith(ARN_PREFIX):
            name = identifier.removeprefix(ARN_PREFIX)
            if name in CATALOGUE:
                return name  # pyright: ignore[reportReturnType] - the catalogue holds the literal's names
            with _in_document({"Unlisted.name": path}):
                return Unlisted(name)
    raise PatternError(
        f"{path} must be {ARN_PREFIX}<name> or the name of a custom identifier under "
        f"Configuration.CustomDataIdentifier, got {identifier!r}"
    )


def _custom(path: str, custom: Any) -> CustomIdentifier:
    _object(path, custom, required=("Name", "Regex"), optional=())
    with _in_document({"CustomIdentifier.name": f"{path}.Name", "CustomIdentifier.regex": f"{path}.Regex"}):
        return CustomIdentifier(custom["Name"], custom["Regex"])


def _destination(path: str, destination: Any) -> Destination:
    kinds = {"CloudWatchLogs": "LogGroup", "Firehose": "DeliveryStream", "S3": "Bucket"}
    _object(path, destination, required=(), optional=tuple(kinds))
    names: list[Any] = []
    for kind, key in kinds.items():
        if kind in destination:
            _object(f"{path}.{kind}", destination[kind], required=(key,), optional=())
            if destination[kind][key] is None:
                raise PatternError(f"{path}.{kind}.{key} must be a name, got null")
        names.append(destination[kind][key] if kind in destination else None)
    with _in_document(
        {
            "Destination.log_group": f"{path}.CloudWatchLogs.LogGroup",
            "Destination.delivery_stream": f"{path}.Firehose.DeliveryStream",
            "Destination.bucket": f"{path}.S3.Bucket",
            "Destination must have a log_group, a delivery_stream or a bucket": (
                f"{path} must have CloudWatchLogs, Firehose or S3"
            ),
        }
    ):
        return Destination(log_group=names[0], delivery_stream=names[1], bucket=names[2])


def _whole(rate: Any) -> Any:
    """AWS shows the sample rate as text and takes a number as well."""
    return int(rate) if isinstance(rate, str) and rate.isascii() and rate.isdigit() and len(rate) < 4 else rate


def _object(path: str, given: Any, *, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    if not isinstance(given, Mapping):
        raise PatternError(f"{path} must be an object, got {given!r}")
    for key in required:
        if key not in given:
            raise PatternError(f"{path} must have {key!r}, got {_keys(given)}")
    for key in given:
        if key not in required and key not in optional:
            allowed = ", ".join([*required, *optional])
            raise PatternError(f"{path} must have {f'only {allowed}' if allowed else 'nothing in it'}, got {key!r}")


def _one_of(path: str, given: Any, kinds: tuple[str, ...]) -> None:
    if not isinstance(given, Mapping) or len(given) != 1 or next(iter(given)) not in kinds:
        found = _keys(given) if isinstance(given, Mapping) else repr(given)
        raise PatternError(f"{path} must be an object with exactly one of {', '.join(kinds)}, got {found}")


def _list(path: str, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise PatternError(f"{path} must be a list, got {given!r}")
    return given


def _keys(given: Mapping[str, Any]) -> str:
    return ", ".join(repr(key) for key in given) or "nothing"


@contextmanager
def _in_document(places: Mapping[str, str]) -> Iterator[None]:
    """Errors that speak of an argument speak of its place in the document instead."""
    try:
        yield
    except PatternError as error:
        text = str(error)
        for argument in sorted(places, key=len, reverse=True):
            if text.startswith(argument):
                raise PatternError(places[argument] + text[len(argument) :]) from None
        raise


def _parse(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise PatternError(f"the policy must name each key once, got {key!r} twice in one object")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, PatternError):
            raise
        raise PatternError(f"the policy must be JSON: {error}") from None
