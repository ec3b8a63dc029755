"""The data protection policy of an SNS topic, typed: what is refused here, AWS would refuse at deployment.

Build one from `Audit`, `Deny` and `Deidentify`, or `DataProtectionPolicy.read` a JSON document; `document()` gives
the exact JSON back. Pure Python: no CDK.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-policies.html
https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-operations.html
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal

from patterns.data_protection.identifiers import (
    ARN_PREFIX,
    DESCRIBED_ONLY,
    AnyIdentifier,
    CustomIdentifier,
    Unlisted,
    check_identifier,
)
from patterns.errors import PatternError
from patterns.flow import limits

Direction = Literal["Inbound", "Outbound"]

VERSION: Final = "2021-06-01"

DEFINED: Final = "${defined-by-the-construct}"
"""In place of a destination's name: the construct that gets the policy defines this destination itself."""

_VENDED: Final = "/aws/vendedlogs/"
_LOG_GROUP = re.compile(r"[A-Za-z0-9_/.#-]+", re.ASCII)
_STREAM = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", re.ASCII)
_PRINCIPAL = re.compile(
    r"\*|[0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:(?:root|(?:user|role)/[\w+=,.@/-]+)"
    r"|arn:aws[a-z-]*:sts::[0-9]{12}:(?:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)",
    re.ASCII,
)
_MASKS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 *!$%&()+,-./\\#:;=<>@[]^_`|~")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the records of an audit go; at least one of the three.

    Args:
        log_group: name of a CloudWatch Logs group in the topic's Region; it must begin with ``/aws/vendedlogs/``.
        delivery_stream: name of a Firehose stream in the topic's Region whose source is Direct PUT.
        bucket: name of an S3 bucket.

    ``DEFINED`` in place of a name leaves the resource to the construct that gets the policy.

    Raises:
        PatternError: no destination, or a name that AWS would refuse.
    """

    log_group: str | None = None
    delivery_stream: str | None = None
    bucket: str | None = None

    def __post_init__(self) -> None:
        if self.log_group is None and self.delivery_stream is None and self.bucket is None:
            raise PatternError("Destination must have a log_group, a delivery_stream or a bucket, got none of them")
        _check_text("Destination.log_group", self.log_group, limits.LOG_GROUP_NAME_CHARACTERS, _LOG_GROUP)
        if self.log_group is not None and not _late(self.log_group) and not self.log_group.startswith(_VENDED):
            raise PatternError(f"Destination.log_group must begin with {_VENDED!r}, got {self.log_group!r}")
        _check_text("Destination.delivery_stream", self.delivery_stream, limits.FIREHOSE_NAME_CHARACTERS, _STREAM)
        _check_text("Destination.bucket", self.bucket, limits.S3_BUCKET_NAME_CHARACTERS, _BUCKET)

    def document(self) -> dict[str, Any]:
        """The JSON of ``FindingsDestination`` and ``NoFindingsDestination``."""
        parts: dict[str, Any] = {}
        if self.log_group is not None:
            parts["CloudWatchLogs"] = {"LogGroup": self.log_group}
        if self.delivery_stream is not None:
            parts["Firehose"] = {"DeliveryStream": self.delivery_stream}
        if self.bucket is not None:
            parts["S3"] = {"Bucket": self.bucket}
        return parts


@dataclass(frozen=True, slots=True)
class Audit:
    """A sample of the published messages is searched and what is found is recorded; no message is held up.

    A policy has one audit at most. With ``findings`` or ``no_findings`` SNS also counts the messages in the
    metrics ``MessagesWithFindings`` and ``MessagesWithNoFindings``.

    Args:
        identifiers: what to search for.
        findings: where a record of each message with findings goes.
        no_findings: where a record of each message without findings goes.
        sample_rate: share of the messages that is searched, 0 to 99 percent. Default: 99.
        principals: whose messages: IAM ARNs, account ids or ``*``. Default: everybody's.
        sid: name of the statement. Default: none.

    Raises:
        PatternError: naming the argument, what is allowed and what was given.
    """

    identifiers: Sequence[AnyIdentifier]
    findings: Destination | None = None
    no_findings: Destination | None = None
    sample_rate: int = limits.SNS_PROTECTION_SAMPLE_RATE_PERCENT[1]
    principals: Sequence[str] = ("*",)
    sid: str | None = None

    direction: ClassVar[Direction] = "Inbound"

    def __post_init__(self) -> None:
        _check_statement(self)
        low, high = limits.SNS_PROTECTION_SAMPLE_RATE_PERCENT
        whole = isinstance(self.sample_rate, int) and not isinstance(self.sample_rate, bool)
        if not whole or not low <= self.sample_rate <= high:
            raise PatternError(f"Audit.sample_rate must be {low} to {high} percent, got {self.sample_rate!r}")
        for name in ("findings", "no_findings"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, Destination):
                raise PatternError(f"Audit.{name} must be a Destination, got {given!r}")
        if self.findings is None and self.no_findings is None:
            raise PatternError("Audit must have findings or no_findings, got neither: its records would go nowhere")

    def operation(self) -> dict[str, Any]:
        """The JSON of ``Operation``."""
        audit: dict[str, Any] = {"SampleRate": str(self.sample_rate)}
        if self.findings is not None:
            audit["FindingsDestination"] = self.findings.document()
        if self.no_findings is not None:
            audit["NoFindingsDestination"] = self.no_findings.document()
        return {"Audit": audit}


@dataclass(frozen=True, slots=True)
class Deny:
    """A message with such data is stopped.

    Inbound, ``Publish`` fails with ``AuthorizationError`` (403). Outbound, the message is not delivered to
    subscriptions that were made by one of ``principals``; that shows in the delivery status logs only.

    Args:
        identifiers: what to search for.
        direction: ``Inbound`` for what is published, ``Outbound`` for what is delivered.
        principals: inbound, who calls ``Publish``; outbound, who called ``Subscribe`` (with CloudFormation: the
            role that CloudFormation used). IAM ARNs, account ids or ``*``. Default: everybody.
        sid: name of the statement. Default: none.

    Raises:
        PatternError: naming the argument, what is allowed and what was given.
    """

    identifiers: Sequence[AnyIdentifier]
    direction: Direction = "Inbound"
    principals: Sequence[str] = ("*",)
    sid: str | None = None

    def __post_init__(self) -> None:
        _check_statement(self)

    def operation(self) -> dict[str, Any]:
        """The JSON of ``Operation``."""
        return {"Deny": {}}


@dataclass(frozen=True, slots=True)
class Deidentify:
    """The data is masked or taken out, and the message goes on.

    Args:
        identifiers: what to search for.
        mask_with: the character that stands in place of every character of the data: a letter, digit, space or one
            of ``* ! $ % & ( ) + , - . / \\ # : ; = < > @ [ ] ^ _ ` | ~``. Default: the data is taken out (redacted).
        direction: ``Inbound`` for what is published, ``Outbound`` for what is delivered.
        principals: as in `Deny`. Default: everybody.
        sid: name of the statement. Default: none.

    Raises:
        PatternError: naming the argument, what is allowed and what was given.
    """

    identifiers: Sequence[AnyIdentifier]
    mask_with: str | None = None
    direction: Direction = "Inbound"
    principals: Sequence[str] = ("*",)
    sid: str | None = None

    def __post_init__(self) -> None:
        _check_statement(self)
        if self.mask_with is not None and (not isinstance(self.mask_with, str) or self.mask_with not in _MASKS):
            raise PatternError(
                "Deidentify.mask_with must be one letter, digit, space or one of *!$%&()+,-./\\#:;=<>@[]^_`|~, "
                f"got {self.mask_with!r}"
            )

    def operation(self) -> dict[str, Any]:
        """The JSON of ``Operation``."""
        if self.mask_with is None:
            return {"Deidentify": {"RedactConfig": {}}}
        return {"Deidentify": {"MaskConfig": {"MaskWithCharacter": self.mask_with}}}


Statement = Audit | Deny | Deidentify


@dataclass(frozen=True, slots=True)
class PolicyWarning:
    """Something that AWS may accept and that you should know of. ``path`` is a path in the document."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class DataProtectionPolicy:
    """What SNS does with sensitive data in the messages of one standard topic.

    Args:
        name: name of the policy.
        statements: at least one; one `Audit` at most, any number of `Deny` and `Deidentify`.
        description: free text. Default: none.
        custom_identifiers: up to 10. Those that the statements use need not be given here: they are added.

    Raises:
        PatternError: naming the argument, what is allowed and what was given; also when the JSON is longer than
            30,720 characters.

    https://docs.aws.amazon.com/sns/latest/api/API_PutDataProtectionPolicy.html
    """

    name: str
    statements: Sequence[Statement]
    description: str | None = None
    custom_identifiers: Sequence[CustomIdentifier] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise PatternError(f"DataProtectionPolicy.name must be a text of 1 character or more, got {self.name!r}")
        if self.description is not None and not isinstance(self.description, str):
            raise PatternError(f"DataProtectionPolicy.description must be a text, got {self.description!r}")
        object.__setattr__(self, "statements", _listed("DataProtectionPolicy.statements", self.statements))
        for index, statement in enumerate(self.statements):
            if not isinstance(statement, Audit | Deny | Deidentify):
                raise PatternError(
                    f"DataProtectionPolicy.statements[{index}] must be an Audit, a Deny or a Deidentify, "
                    f"got {statement!r}"
                )
        if not self.statements:
            raise PatternError("DataProtectionPolicy.statements must be 1 or more, got 0")
        audits = sum(isinstance(statement, Audit) for statement in self.statements)
        if audits > 1:
            raise PatternError(f"DataProtectionPolicy.statements must have 1 Audit at most, got {audits}")
        object.__setattr__(self, "custom_identifiers", self._customs())
        text = self.to_json()
        if (half := re.search("[\ud800-\udfff]", text)) is not None:
            raise PatternError(f"DataProtectionPolicy must be of whole characters, got {half[0]!r}")
        size = len(text)
        if size > limits.SNS_PROTECTION_POLICY_CHARACTERS:
            raise PatternError(
                f"DataProtectionPolicy must be {limits.SNS_PROTECTION_POLICY_CHARACTERS} characters of JSON at most, "
                f"got {size}"
            )

    @property
    def audit(self) -> Audit | None:
        """The audit statement, if there is one."""
        return next((statement for statement in self.statements if isinstance(statement, Audit)), None)

    def document(self) -> dict[str, Any]:
        """The policy as the JSON object that ``AWS::SNS::Topic`` takes in ``DataProtectionPolicy``."""
        document: dict[str, Any] = {"Name": self.name}
        if self.description is not None:
            document["Description"] = self.description
        document["Version"] = VERSION
        document["Statement"] = [_statement_document(statement) for statement in self.statements]
        if self.custom_identifiers:
            document["Configuration"] = {
                "CustomDataIdentifier": [{"Name": c.name, "Regex": c.regex} for c in self.custom_identifiers]
            }
        return document

    def to_json(self) -> str:
        """The document as JSON text without spaces, as it counts towards the limit of 30,720 characters."""
        return json.dumps(self.document(), separators=(",", ":"), ensure_ascii=False)

    def warnings(self) -> tuple[PolicyWarning, ...]:
        """What AWS may accept and what you should know of. Nothing here is an error."""
        return tuple(_warnings(self))

    def destined(self, findings: Destination | None, no_findings: Destination | None) -> "DataProtectionPolicy":
        """The same policy with its audit's records going to these destinations; without an audit: itself."""
        return replace(
            self,
            statements=[
                replace(statement, findings=findings, no_findings=no_findings)
                if isinstance(statement, Audit)
                else statement
                for statement in self.statements
            ],
        )

    @classmethod
    def read(cls, document: str | Mapping[str, Any]) -> "DataProtectionPolicy":
        """Read a policy document, as JSON text or as what was parsed from it.

        An ARN of an identifier that the catalogue lacks is read as `Unlisted` and shows in `warnings`.

        Raises:
            PatternError: the path in the document, what is allowed there and what was found.
        """
        from patterns.data_protection.reading import read

        return read(document)

    def _customs(self) -> tuple[CustomIdentifier, ...]:
        given = _listed("DataProtectionPolicy.custom_identifiers", self.custom_identifiers)
        for index, custom in enumerate(given):
            if not isinstance(custom, CustomIdentifier):
                raise PatternError(
                    f"DataProtectionPolicy.custom_identifiers[{index}] must be a CustomIdentifier, got {custom!r}"
                )
        used = [i for statement in self.statements for i in statement.identifiers if isinstance(i, CustomIdentifier)]
        distinct = dict.fromkeys([*given, *used])
        by_name: dict[str, CustomIdentifier] = {}
        for custom in distinct:
            other = by_name.setdefault(custom.name, custom)
            if other != custom:
                raise PatternError(
                    "DataProtectionPolicy.custom_identifiers must have names of their own, got "
                    f"{custom.name!r} for {other.regex!r} and for {custom.regex!r}"
                )
        if len(distinct) > limits.SNS_PROTECTION_CUSTOM_IDENTIFIERS:
            raise PatternError(
                f"DataProtectionPolicy.custom_identifiers must be {limits.SNS_PROTECTION_CUSTOM_IDENTIFIERS} at most, "
                f"got {len(distinct)}"
            )
        return tuple(distinct)


def identifier_name(identifier: AnyIdentifier) -> str:
    """The name under which findings speak of an identifier."""
    return identifier if isinstance(identifier, str) else identifier.name


def _statement_document(statement: Statement) -> dict[str, Any]:
    document: dict[str, Any] = {} if statement.sid is None else {"Sid": statement.sid}
    document["DataDirection"] = statement.direction
    document["Principal"] = list(statement.principals)
    document["DataIdentifier"] = [
        i.name if isinstance(i, CustomIdentifier) else ARN_PREFIX + identifier_name(i) for i in statement.identifiers
    ]
    document["Operation"] = statement.operation()
    return document


def _check_statement(statement: Statement) -> None:
    kind = type(statement).__name__
    if statement.direction not in ("Inbound", "Outbound"):
        raise PatternError(f"{kind}.direction must be 'Inbound' or 'Outbound', got {statement.direction!r}")
    if statement.sid is not None and (not isinstance(statement.sid, str) or not statement.sid):
        raise PatternError(f"{kind}.sid must be a text of 1 character or more, got {statement.sid!r}")
    object.__setattr__(statement, "identifiers", _listed(f"{kind}.identifiers", statement.identifiers))
    object.__setattr__(statement, "principals", _listed(f"{kind}.principals", statement.principals))
    if not statement.identifiers:
        raise PatternError(f"{kind}.identifiers must be 1 or more, got 0")
    for index, identifier in enumerate(statement.identifiers):
        check_identifier(f"{kind}.identifiers[{index}]", identifier)
    if not statement.principals:
        raise PatternError(f"{kind}.principals must be 1 or more, got 0")
    for index, principal in enumerate(statement.principals):
        check_principal(f"{kind}.principals[{index}]", principal)


def check_principal(path: str, principal: object) -> None:
    """Refuse what cannot be a principal of a statement, and so neither a publisher nor a subscriber.

    Raises:
        PatternError: ``<path> must be '*', an account id of 12 digits or the ARN of …, got <value>``.
    """
    if not isinstance(principal, str) or not (_PRINCIPAL.fullmatch(principal) or _late(principal)):
        raise PatternError(
            f"{path} must be '*', an account id of 12 digits or the ARN of an IAM user, role, session or account root, "
            f"got {principal!r}"
        )


def _listed(path: str, given: Any) -> tuple[Any, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise PatternError(f"{path} must be a list, got {given!r}")
    return tuple(given)


def _check_text(path: str, text: object, bounds: tuple[int, int], allowed: re.Pattern[str]) -> None:
    if text is None or _late(text):
        return
    low, high = bounds
    if not isinstance(text, str) or not low <= len(text) <= high or not allowed.fullmatch(text):
        raise PatternError(f"{path} must be {low} to {high} characters that AWS allows in its name, got {text!r}")


def _late(value: object) -> bool:
    """Whether a text is known only later: a CDK token, or for the construct to define."""
    return isinstance(value, str) and ("${Token[" in value or value == DEFINED)


def _warnings(policy: DataProtectionPolicy) -> Iterator[PolicyWarning]:
    denied: dict[tuple[str, str], str] = {}
    for index, statement in enumerate(policy.statements):
        if isinstance(statement, Deny):
            for identifier in statement.identifiers:
                denied.setdefault((statement.direction, identifier_name(identifier)), f"Statement[{index}]")
    for index, statement in enumerate(policy.statements):
        for at, identifier in enumerate(statement.identifiers):
            path = f"Statement[{index}].DataIdentifier[{at}]"
            name = identifier_name(identifier)
            if isinstance(identifier, Unlisted):
                known = "is described by AWS without an ARN" if name in DESCRIBED_ONLY else "is not in the catalogue"
                yield PolicyWarning(path, f"{name!r} {known}: if AWS does not know it, the deployment fails")
            if isinstance(statement, Deidentify) and (statement.direction, name) in denied:
                where = denied[statement.direction, name]
                yield PolicyWarning(
                    path,
                    f"{name!r} is de-identified here and denied by {where}: AWS does not document which of the two "
                    "comes first; the relay denies",
                )
        if isinstance(statement, Deidentify) and statement.mask_with == "\\":
            yield PolicyWarning(
                f"Statement[{index}].Operation.Deidentify.MaskConfig.MaskWithCharacter",
                "a mask of backslashes makes JSON messages unreadable",
            )
    unused = {c.name for c in policy.custom_identifiers} - {
        identifier_name(i) for statement in policy.statements for i in statement.identifiers
    }
    for at, custom in enumerate(policy.custom_identifiers):
        if custom.name in unused:
            yield PolicyWarning(f"Configuration.CustomDataIdentifier[{at}]", f"{custom.name!r} is used by no statement")
