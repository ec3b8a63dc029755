"""Write SNS filter policies in Python: pure, no CDK, refused where SNS would refuse them.

A policy is written in the shape of the JSON that SNS reads, with a function for each operator::

    FilterPolicy.message_body(
        {
            "Records": {
                "s3": {"object": {"key": prefix("auto-")}},
                "eventName": [prefix("ObjectCreated:"), "ReducedRedundancyLostObject"],
            },
        }
    )

A policy that was copied from the console is taken as it is, as a dict or as text.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from patterns.errors import PatternError
from patterns.flow.filters import Filter, Scope, Verdict
from patterns.flow.filters.grammar import check_depth, shown

Literal = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator with its operand, an element of a key's array. Made by the functions below."""

    operator: str
    operand: Any

    def to_json(self) -> dict[str, Any]:
        """As SNS reads it."""
        return {self.operator: self.operand}


def anything_but(*values: Literal | Condition) -> Condition:
    """Accept every value but these; or, given one ``prefix``, ``suffix``, ``wildcard`` or
    ``equals_ignore_case``, every value that it refuses. The key has to be there. Of an array one element
    outside is enough.

    https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
    """
    if len(values) == 1:
        only = values[0]
        return Condition("anything-but", only.to_json() if isinstance(only, Condition) else only)
    return Condition("anything-but", [v.to_json() if isinstance(v, Condition) else v for v in values])


def cidr(network: str) -> Condition:
    """Accept IP addresses in a network such as ``10.0.0.0/24`` or ``2001:db8::/32``."""
    return Condition("cidr", network)


def equals_ignore_case(text: str) -> Condition:
    """Accept a text, whatever its case."""
    return Condition("equals-ignore-case", text)


def exists() -> Condition:
    """Accept every value that is not null and not empty."""
    return Condition("exists", True)


def missing() -> Condition:
    """Accept messages without the key. With message attributes these need at least one other attribute.

    https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html
    """
    return Condition("exists", False)


def numeric(*comparisons: str | float) -> Condition:
    """Accept numbers: ``numeric("=", 5)``, ``numeric(">", 0, "<=", 100)``.

    Args:
        comparisons: an operator (``=``, ``<``, ``<=``, ``>``, ``>=``) and a number of -10⁹ to 10⁹ with at most
            five decimals; or a range: ``>`` or ``>=`` with the lower bound, ``<`` or ``<=`` with the upper.

    https://docs.aws.amazon.com/sns/latest/dg/numeric-value-matching.html
    """
    return Condition("numeric", list(comparisons))


def prefix(text: str) -> Condition:
    """Accept texts that begin with this one."""
    return Condition("prefix", text)


def suffix(text: str) -> Condition:
    """Accept texts that end with this one."""
    return Condition("suffix", text)


def wildcard(pattern: str) -> Condition:
    r"""Accept texts that match a pattern in which ``*`` stands for any characters, at most three times.

    ``\*`` is an asterisk, ``\\`` a backslash.
    """
    return Condition("wildcard", pattern)


class FilterPolicy:
    """A filter policy that SNS accepts, and what it is read against.

    Made by ``FilterPolicy.message_body(…)`` and ``FilterPolicy.message_attributes(…)``.

    Attributes:
        scope: ``MessageBody`` or ``MessageAttributes``, the subscription's ``FilterPolicyScope``.
        document: the policy as SNS reads it.
        warnings: what SNS accepts, or may accept, and the author may not mean.
    """

    def __init__(self, document: Mapping[str, Any] | str, scope: str, *, argument: str = "filter_policy") -> None:
        """Check a policy; ``message_body`` and ``message_attributes`` read better.

        Args:
            document: keys with arrays of conditions; a single condition may stand without its array.
            scope: ``MessageBody`` or ``MessageAttributes``.
            argument: what messages call the policy.

        Raises:
            PatternError: with the path in the policy, what is allowed and what was found.
        """
        read = Scope(scope)
        if not read.is_sns:
            raise PatternError(f"scope must be MessageBody or MessageAttributes, got {scope!r}")
        self.scope = "MessageBody" if read is Scope.BODY else "MessageAttributes"
        parsed = _parsed(document, argument) if isinstance(document, str) else document
        if not isinstance(parsed, Mapping):
            raise PatternError(f"{argument} must be a JSON object, got {shown(parsed)}")
        check_depth(parsed, argument)
        self.document: dict[str, Any] = {key: _rendered(value) for key, value in parsed.items()}
        self._filter = Filter(self.document, read, argument=argument)
        self.warnings = self._filter.warnings

    @classmethod
    def message_body(cls, document: Mapping[str, Any] | str, *, argument: str = "filter_policy") -> "FilterPolicy":
        """A policy for the message body, which has to be a JSON object: any other body is filtered out.

        Args:
            document: keys, nested as in the body, each with an array of values and conditions of which one
                has to hold; ``$or`` with objects of which one has to hold. Or the policy as JSON text.
            argument: what messages call the policy.

        Raises:
            PatternError: with the path in the policy, what is allowed and what was found.

        https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
        """
        return cls(document, "MessageBody", argument=argument)

    @classmethod
    def message_attributes(
        cls, document: Mapping[str, Any] | str, *, argument: str = "filter_policy"
    ) -> "FilterPolicy":
        """A policy for the message attributes. A message without any attribute is filtered out.

        Args:
            document: names of attributes, each with an array of values and conditions of which one has to
                hold; ``$or`` with objects of which one has to hold. Or the policy as JSON text.
            argument: what messages call the policy.

        Raises:
            PatternError: with the path in the policy, what is allowed and what was found.

        https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
        """
        return cls(document, "MessageAttributes", argument=argument)

    def to_json(self) -> str:
        """The policy as SNS takes it: the value of the subscription attribute ``FilterPolicy``."""
        return json.dumps(self.document, separators=(",", ":"))

    @property
    def survives_a_template(self) -> bool:
        """Whether the policy comes through a template as an object. If not, write it there as text, ``to_json()``.

        The CDK drops ``null`` and empty objects. CloudFormation takes a key such as ``Ref`` for a function of its own.
        """
        return _survives(self.document)

    def matches(self, message: Any) -> bool:
        """Whether a message passes: a body, as text or parsed, or attributes as boto3 writes them."""
        return self._filter.matches(message)

    def explain(self, message: Any) -> Verdict:
        """Whether a message passes, which key, operator and value decided, and what SNS counts it under."""
        return self._filter.explain(message)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FilterPolicy):
            return NotImplemented
        return (self.scope, self.to_json()) == (other.scope, other.to_json())

    def __hash__(self) -> int:
        return hash((self.scope, self.to_json()))

    def __repr__(self) -> str:
        made = "message_body" if self.scope == "MessageBody" else "message_attributes"
        return f"FilterPolicy.{made}({self.document!r})"


def _rendered(value: Any) -> Any:
    """Conditions as JSON, a lone one in an array; everything else as it is."""
    if isinstance(value, Condition):
        return [value.to_json()]
    if isinstance(value, Mapping):
        return {key: _rendered(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [inner.to_json() if isinstance(inner, Condition) else _rendered(inner) for inner in value]
    return value


def _survives(value: Any) -> bool:
    if isinstance(value, dict):
        names = not any(key == "Ref" or key.startswith("Fn::") for key in value)
        return bool(value) and names and all(map(_survives, value.values()))
    return value is not None and (not isinstance(value, list) or all(map(_survives, value)))


def _parsed(text: str, argument: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, _ in pairs:
            if sum(key == other for other, _ in pairs) > 1:
                raise PatternError(f"{argument} must have each key once, got {shown(key)} twice")
        return dict(pairs)

    def constant(name: str) -> NoReturn:
        raise PatternError(f"{argument} must be JSON, got {name}")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise PatternError(
            f"{argument} must be a JSON object, got text that is not JSON: {error.msg} at {place}"
        ) from None
    except PatternError:
        raise
    except ValueError:  # Python reads no integer of more digits
        most = sys.get_int_max_str_digits()
        raise PatternError(f"{argument} must have numbers of at most {most} digits, got more") from None
    except RecursionError:
        raise PatternError(f"{argument} must be a JSON object, got one nested too deep to read") from None
