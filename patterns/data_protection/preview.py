"""What the relay does with a message under a policy, without deploying anything."""

from collections.abc import Sequence

from patterns.data_protection.engine import OFFERED, Engine, Verdict
from patterns.data_protection.engine.regex import Pattern, Unsupported
from patterns.data_protection.identifiers import CustomIdentifier
from patterns.data_protection.policy import DataProtectionPolicy, identifier_name
from patterns.errors import PatternError

EVERYONE_ELSE = "*"
"""In place of an ARN: a subscriber that no statement names."""


def apply(
    policy: DataProtectionPolicy,
    message: str,
    *,
    publisher: str | None = None,
    subscribers: Sequence[str] | None = None,
) -> Verdict:
    """What becomes of a message: what is published, what each subscriber gets, and what the audit finds.

    The same code runs in the relay's function.

    Args:
        policy: the policy.
        message: the text of the message.
        publisher: ARN of the principal that publishes. Default: unknown, so only statements for everybody apply.
        subscribers: ARNs of the principals that subscribed. Default: those that the outbound statements name, and
            ``EVERYONE_ELSE``.

    Raises:
        PatternError: the policy names something that cannot be detected here (see `refuse_undetectable`).
    """
    refuse_undetectable(policy)
    if subscribers is None:
        subscribers = named_subscribers(policy)
    return Engine(policy.document()).apply(message, publisher=publisher, subscribers=subscribers)


def named_subscribers(policy: DataProtectionPolicy) -> list[str]:
    """The principals that outbound statements name, in their order, and then ``EVERYONE_ELSE``."""
    named = [p for s in policy.statements if s.direction == "Outbound" for p in s.principals if p != EVERYONE_ELSE]
    return [*dict.fromkeys(named), EVERYONE_ELSE]


def refuse_undetectable(policy: DataProtectionPolicy) -> None:
    """Refuse a policy that names what only SNS itself can detect: it would protect less than it says.

    Raises:
        PatternError: naming each identifier that cannot be detected here, or the custom one that cannot be searched.
    """
    for index, custom in enumerate(policy.custom_identifiers):
        try:
            Pattern(custom.regex)
        except Unsupported as error:
            raise PatternError(
                f"Configuration.CustomDataIdentifier[{index}].Regex must be one that can be searched in linear time, "
                f"got {custom.regex!r} for {custom.name!r}: {error}"
            ) from None
    missing: dict[str, str] = {}
    for index, statement in enumerate(policy.statements):
        for at, identifier in enumerate(statement.identifiers):
            name = identifier_name(identifier)
            if not isinstance(identifier, CustomIdentifier) and name not in OFFERED:
                missing.setdefault(name, f"Statement[{index}].DataIdentifier[{at}]")
    if missing:
        names = ", ".join(f"{name!r} ({path})" for name, path in missing.items())
        raise PatternError(
            f"DataIdentifier must be of those that can be detected without the native feature, got {names}; "
            "a CustomIdentifier with a regular expression of your own can take its place"
        )
