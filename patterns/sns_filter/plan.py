"""What SnsFilter decides before it creates anything: every argument checked, alone and against the others."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from patterns._checks import all_are, flag, has, is_a, is_token_text

# isort: split
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns._permissions import DeadLetters, dead_letters_checked, refuse_managed_key
from patterns._places import refuse_elsewhere
from patterns._queues import A_KEY
from patterns.errors import PatternError
from patterns.flow import limits
from patterns.flow.filters import can_match, complement, covers_everything, uncovered
from patterns.flow.filters.grammar import shown
from patterns.sns_filter.policy import FilterPolicy

STORY = "sns-filter"
SNS = "Amazon SNS"
UNMATCHED = "Unmatched"  # the subscription for what no filter wants
A_TOPIC = "an SNS topic (aws_sns.ITopic)"
AN_ENDPOINT = "an SQS queue (aws_sqs.IQueue) or a Lambda function (aws_lambda.IFunction)"
A_BUCKET = "a bucket defined in this app (aws_s3.Bucket)"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_SERVICE = re.compile(r"[a-z0-9-]+\.amazonaws\.com")
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_QueueConfiguration.html
_EVENTS = {
    "ObjectCreated": ("*", "Put", "Post", "Copy", "CompleteMultipartUpload"),
    "ObjectRemoved": ("*", "Delete", "DeleteMarkerCreated"),
    "ObjectRestore": ("*", "Post", "Completed", "Delete"),
    "ObjectTagging": ("*", "Put", "Delete"),
    "ObjectAnnotation": ("*", "Put", "Delete"),
    "ObjectAcl": ("Put",),
    "Replication": (
        "*",
        "OperationFailedReplication",
        "OperationMissedThreshold",
        "OperationNotTracked",
        "OperationReplicatedAfterThreshold",
    ),
    "LifecycleExpiration": ("*", "Delete", "DeleteMarkerCreated"),
    "LifecycleTransition": (),
    "IntelligentTiering": (),
    "ReducedRedundancyLostObject": (),
}
_EVENT = re.compile(
    "|".join(
        re.escape(f"s3:{kind}:{event}" if event else f"s3:{kind}")
        for kind, of in _EVENTS.items()
        for event in of or [""]
    )
)
_EVENTBRIDGE = "events.amazonaws.com"
ALL_CREATED = ("s3:ObjectCreated:*",)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who gets which messages of a topic.

    Args:
        endpoint: a queue, or a Lambda function, version or alias. A function's failures are not the topic's: it needs
            a net of its own (``patterns.async_dlq.AsyncDlq``).
        filter_policy: what is delivered. Default: every message.
        raw_message_delivery: whether a queue gets the message alone, as it was published, its attributes as message
            attributes (at most 10, or the delivery fails). Default: no; it gets SNS's envelope, JSON with the message
            as text under ``Message``. https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
        undelivered: the queue for what could not be delivered here, FIFO where the topic is. Default: one is defined,
            encrypted, TLS only, 14 days, retained when the stack is deleted.
    """

    endpoint: sqs.IQueue | lambda_.IFunction
    filter_policy: FilterPolicy | None = None
    raw_message_delivery: bool = False
    undelivered: sqs.IQueue | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A subscription that is to be made. ``queue``: what is known of an endpoint that is a queue, else ``None``."""

    subscriber: Subscriber
    queue: DeadLetters | None
    undelivered: DeadLetters


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided. ``catch_all``: the queue for what no filter wants, with the policy that selects it."""

    fifo: bool
    links: dict[str, Link]
    catch_all: Link | None
    catch_all_policy: FilterPolicy | None
    catch_all_kept: DeadLetters | None
    buckets: tuple[s3.Bucket, ...]
    services: tuple[str, ...]
    warnings: tuple[tuple[str, str], ...]


def make_plan(
    *,
    stack: Any,
    subscriptions: Any,
    topic: Any,
    fifo: Any,
    content_based_deduplication: Any,
    catch_all: Any,
    audit: Any,
    buckets: Any,
    bucket_events: Any,
    services: Any,
    encryption_key: Any,
) -> Plan:
    """Check every argument and decide.

    Raises:
        PatternError: an argument that AWS or the CDK would refuse later, or would accept and lose messages with.
    """
    warnings: list[tuple[str, str]] = []
    is_fifo = _topic_kind(topic, fifo, content_based_deduplication)
    if encryption_key is not None:
        is_a("encryption_key", encryption_key, "key_arn", A_KEY)
    checked = _subscribers(subscriptions)
    links = {
        name: _link(f'subscriptions["{name}"]', each, is_fifo, encryption_key, warnings)
        for name, each in checked.items()
    }
    buckets = _buckets(buckets, bucket_events)
    services = _services(services)
    _check_publishers(checked, bool(buckets), services, is_fifo, topic)
    _compare(checked, warnings)
    flag("audit", audit)
    _check_apart(checked, catch_all)
    catch_all_link, policy, kept = _catch_all(checked, catch_all, audit, is_fifo, encryption_key, warnings)
    # SNS keeps what it cannot deliver in the topic's account and Region alone, and alarms see no other Region. It does
    # deliver elsewhere, but the policies written here name this account and Region. S3 notifies topics of its Region.
    given = {"topic": topic, "catch_all": catch_all, "encryption_key": encryption_key}
    given |= {f'subscriptions["{name}"].endpoint': each.endpoint for name, each in checked.items()}
    given |= {f'subscriptions["{name}"].undelivered': each.undelivered for name, each in checked.items()}
    given |= {f"buckets[{i}]": bucket for i, bucket in enumerate(buckets)}
    for argument, value in given.items():
        if value is not None:
            refuse_elsewhere(argument, value, stack)
    return Plan(is_fifo, links, catch_all_link, policy, kept, buckets, services, tuple(warnings))


def _topic_kind(topic: Any, fifo: Any, deduplication: Any) -> bool:
    flag("fifo", fifo)
    flag("content_based_deduplication", deduplication)
    if topic is not None:
        is_a("topic", topic, "topic_arn", A_TOPIC)
        for name, value in (("fifo", fifo), ("content_based_deduplication", deduplication)):
            if value:
                raise PatternError(f"{name} must be left out where a topic is given: it is used as it is, got True")
        return topic.fifo is True
    if deduplication and not fifo:
        raise PatternError("content_based_deduplication must be left out for a standard topic, got True")
    return fifo


def _subscribers(subscriptions: Any) -> dict[str, Subscriber]:
    if not isinstance(subscriptions, Mapping) or not subscriptions:
        raise PatternError(
            f"subscriptions must be a mapping of at least one name to a Subscriber, got {subscriptions!r}"
        )
    for name, each in subscriptions.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name == UNMATCHED:
            raise PatternError(
                "subscriptions must have names of 1 to 64 letters and digits that begin with a letter, and not "
                f"{UNMATCHED!r}, got {name!r}"
            )
        where = f'subscriptions["{name}"]'
        if not isinstance(each, Subscriber):
            raise PatternError(f"{where} must be a Subscriber (patterns.sns_filter.Subscriber), got {each!r}")
        if each.filter_policy is not None and not isinstance(each.filter_policy, FilterPolicy):
            raise PatternError(
                f"{where}.filter_policy must be FilterPolicy.message_body(…) or FilterPolicy.message_attributes(…), "
                f"got {each.filter_policy!r}"
            )
        flag(f"{where}.raw_message_delivery", each.raw_message_delivery)
    filtered = sum(each.filter_policy is not None for each in subscriptions.values())
    if filtered > limits.SNS_FILTER_POLICIES:
        raise PatternError(
            f"subscriptions must have at most {limits.SNS_FILTER_POLICIES} filter policies for one topic, "
            f"got {filtered}"
        )
    return dict(subscriptions)


def _link(where: str, each: Subscriber, fifo: bool, key: Any, warnings: list[tuple[str, str]]) -> Link:
    endpoint: Any = each.endpoint
    if has(endpoint, "queue_arn"):
        queue = _endpoint_queue(f"{where}.endpoint", endpoint, fifo, warnings)
    elif has(endpoint, "function_arn"):
        queue = None
        if fifo:
            raise PatternError(
                f"{where}.endpoint must be a queue: a FIFO topic delivers to queues only. Poll the queue for the "
                f"function (patterns.sqs_poll.SqsPoll), got the function {endpoint.node.path}"
            )
        if each.raw_message_delivery:
            raise PatternError(f"{where}.raw_message_delivery must be False for a function, got True")
    else:
        raise PatternError(f"{where}.endpoint must be {AN_ENDPOINT}, got {endpoint!r}")
    if each.filter_policy is not None:
        for text in each.filter_policy.warnings:
            warnings.append((f"{STORY}.policy", f"{where}: {text}"))
    undelivered = dead_letters_checked(
        f"{where}.undelivered", each.undelivered, key, SNS, warnings, story=STORY, fifo=fifo
    )
    return Link(each, queue, undelivered)


def _endpoint_queue(name: str, queue: Any, fifo: bool, warnings: list[tuple[str, str]]) -> DeadLetters:
    if not fifo and queue.fifo is True:
        raise PatternError(
            f"{name} must be a standard queue: a standard topic cannot deliver to a FIFO queue, got a FIFO queue"
        )
    child = queue.node.default_child if isinstance(queue, sqs.Queue) else None
    if not isinstance(child, sqs.CfnQueue):
        warnings.append(
            (
                f"{STORY}.imported-queue",
                f"The queue given as {name} is imported, so nothing could be added to its policy. It must allow "
                f"sqs:SendMessage to {SNS}, or nothing is delivered.",
            )
        )
    elif not child.kms_master_key_id:
        return DeadLetters(queue, None, 0)
    else:
        refuse_managed_key(name, child.kms_master_key_id, SNS)
    key = queue.encryption_master_key
    if key is not None:
        refuse_managed_key(name, key.key_arn, SNS)
    return DeadLetters(queue, key, 0)


def _buckets(buckets: Any, events: Any) -> tuple[s3.Bucket, ...]:
    found = all_are("buckets", buckets, "bucket_arn", A_BUCKET)
    for i, bucket in enumerate(found):
        child = bucket.node.default_child if isinstance(bucket, s3.Bucket) else None
        if not isinstance(child, s3.CfnBucket):
            raise PatternError(
                f"buckets[{i}] must be {A_BUCKET}: the notifications of another cannot be set from here, "
                f"got {bucket.node.path}"
            )
        if child.notification_configuration is not None or bucket.node.try_find_child("Notifications") is not None:
            raise PatternError(
                f"buckets[{i}] must have no notifications of its own: a bucket has one list of them, and who writes "
                f"it last wins, got {bucket.node.path}"
            )
        if bucket in found[:i]:
            raise PatternError(f"buckets must have each bucket once, got {bucket.node.path} twice")
    _check_events(events)
    if not found and tuple(events) != ALL_CREATED:
        raise PatternError(f"bucket_events must be left out where buckets has none, got {events!r}")
    return found


def _check_events(events: Any) -> None:
    if not _texts(events, _EVENT) or not events:
        raise PatternError(
            f"bucket_events must be a sequence of S3 event types such as s3:ObjectCreated:*, got {events!r}"
        )
    for one, other in combinations(events, 2):
        if one == other or _contains(one, other) or _contains(other, one):
            raise PatternError(
                f"bucket_events must not overlap: Amazon S3 takes each event once, got {one} and {other}"
            )


def _contains(events: str, other: str) -> bool:
    """``s3:ObjectCreated:*`` and ``s3:ObjectCreated:Put``."""
    return events.endswith(":*") and other.startswith(events[:-1])


def _services(services: Any) -> tuple[str, ...]:
    if not _texts(services, _SERVICE):
        raise PatternError(
            f"services must be a sequence of service principals such as cloudwatch.amazonaws.com, got {services!r}"
        )
    if _EVENTBRIDGE in services:
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html: it sends none of the keys that would tell
        # this account's rules from another's, so a policy that can be met lets in all of them.
        raise PatternError(
            f"services must not have {_EVENTBRIDGE}: EventBridge does not tell a topic which account it speaks for, so "
            "it cannot be let in by the account. Make the topic the target of the rule (aws_events_targets.SnsTopic), "
            f"got {_EVENTBRIDGE}"
        )
    return tuple(services)


def _texts(values: Any, pattern: re.Pattern[str]) -> bool:
    """Whether it is a sequence of texts of one form; a single text is none."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        return False
    return all(isinstance(value, str) and pattern.fullmatch(value) for value in values)


def _check_publishers(
    subscribers: Mapping[str, Subscriber], buckets: bool, services: tuple[str, ...], fifo: bool, topic: Any
) -> None:
    publishers = [*(["Amazon S3"] if buckets else []), *services]
    if not publishers:
        return
    if buckets and fifo:
        raise PatternError("buckets must be left out for a FIFO topic: Amazon S3 cannot notify one, got buckets")
    for name, each in subscribers.items():
        if each.filter_policy is not None and each.filter_policy.scope == "MessageAttributes":
            raise PatternError(
                f'subscriptions["{name}"].filter_policy must be FilterPolicy.message_body(…): '
                f"{' and '.join(publishers)} sends no message attributes, so everything would be filtered out, "
                f"got a policy for MessageAttributes"
            )
    child = topic.node.default_child if isinstance(topic, sns.Topic) else None
    key = child.kms_master_key_id if isinstance(child, sns.CfnTopic) else None
    if isinstance(key, str) and key.endswith("alias/aws/sns"):
        raise PatternError(
            "topic must be encrypted with a customer-managed key, or not at all: "
            f"{' and '.join(publishers)} cannot use the AWS managed key, so nothing would be published, "
            "got alias/aws/sns"
        )


def _compare(subscribers: Mapping[str, Subscriber], warnings: list[tuple[str, str]]) -> None:
    """Warn of filters that match nothing."""
    for name, each in subscribers.items():
        policy = each.filter_policy
        if policy is not None and can_match(policy.document, policy.scope) is False:
            warnings.append(
                (
                    f"{STORY}.never-matches",
                    f'No message can match the filter policy of subscriptions["{name}"]: {shown(policy.document)}.',
                )
            )


def _check_apart(subscribers: Mapping[str, Subscriber], catch_all: Any) -> None:
    """Refuse an endpoint that is given twice, and a queue that would get what was meant to be kept apart.

    https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html: an endpoint is subscribed to a topic once.
    """
    names = list(subscribers)
    endpoints: list[Any] = [each.endpoint for each in subscribers.values()]
    kept: list[Any] = [each.undelivered for each in subscribers.values()]
    *told, rest = _told_apart([*endpoints, *kept, catch_all])
    seen: dict[Any, str] = {}
    for name, endpoint, identity in zip(names, endpoints, told, strict=False):
        first = seen.setdefault(identity, name)
        if first != name:
            raise PatternError(
                f'subscriptions["{first}"] and subscriptions["{name}"] must have different endpoints: Amazon SNS '
                "subscribes an endpoint to a topic once. Make them one, whose filter policy has both in $or, "
                f"got {endpoint.node.path} for both"
            )
    for name, each, endpoint, undelivered in zip(names, kept, told, told[len(names) :], strict=False):
        where = f'subscriptions["{name}"]'
        if each is not None and undelivered == endpoint:
            raise PatternError(
                f"{where}.undelivered must be another queue than the endpoint: what cannot be delivered there cannot "
                f"be kept there, got {each.node.path} for both"
            )
        for what, identity in (("endpoint", endpoint), ("undelivered queue", undelivered)):
            if catch_all is not None and rest == identity:
                raise PatternError(
                    f"catch_all must be a queue of its own, got {catch_all.node.path}, the {what} of {where}"
                )


def _told_apart(resources: Sequence[Any]) -> list[Any]:
    """What tells resources apart: the resource itself, or the ARN of an imported one, which may be one defined here."""
    arns = [
        None if each is None or isinstance(each, sqs.Queue | lambda_.Function) else _arn(each) for each in resources
    ]
    if any(arn and is_token_text(arn) for arn in arns):  # only then can it be the ARN of one defined here
        arns = [each and (arn or _arn(each)) for each, arn in zip(resources, arns, strict=True)]
    return [arn or each for each, arn in zip(resources, arns, strict=True)]


def _arn(resource: Any) -> str:
    return resource.queue_arn if has(resource, "queue_arn") else resource.function_arn


def _catch_all(
    subscribers: Mapping[str, Subscriber],
    given: Any,
    audit: bool,
    fifo: bool,
    key: Any,
    warnings: list[tuple[str, str]],
) -> tuple[Link | None, FilterPolicy | None, DeadLetters | None]:
    """Where the messages go that no filter wants: nowhere, if there are none; else to a queue, if one can be told."""
    policies = [each.filter_policy for each in subscribers.values()]
    by_scope: dict[str, list[dict[str, Any]]] = {}
    for policy in policies:
        if policy is not None:
            by_scope.setdefault(policy.scope, []).append(policy.document)
    if any(map(_takes_everything, policies)):
        for name, value in (("catch_all", given), ("audit", audit)):
            if value:
                raise PatternError(f"{name} must be left out: a subscription gets every message, got {value!r}")
        return None, None, None
    policy = None
    rest = complement(by_scope["MessageBody"], "MessageBody") if list(by_scope) == ["MessageBody"] else None
    if rest is not None:
        policy = FilterPolicy.message_body(rest)
    elif not audit and any(covers_everything(found, scope) for scope, found in by_scope.items()):
        # A body that is no JSON object still passes no filter. An alarm tells of it, and only an audit can keep it.
        if given is not None:
            raise PatternError(
                "catch_all must come with audit=True: every body that is a JSON object passes a filter, and one that "
                "is none can be kept only with all messages, got audit=False"
            )
        return None, None, None
    elif not audit:
        if given is not None:
            raise PatternError(
                "catch_all must come with audit=True: what these filters leave over cannot be selected by a filter "
                "policy, so the queue would get every message, got audit=False"
            )
        warnings.append((f"{STORY}.gap", _gap(by_scope)))
        return None, None, None
    # Somebody has to take messages out of an audit, so it need not keep them for long.
    found: list[tuple[str, str]] = []
    # It is subscribed as any endpoint is: a FIFO topic delivers to standard queues, too.
    as_fifo = fifo and (not given or given.fifo is True)
    kept = dead_letters_checked("catch_all", given, key, SNS, found, story=STORY, fifo=as_fifo)
    warnings += [each for each in found if policy is not None or each[0] != f"{STORY}.retention"]
    undelivered = dead_letters_checked("catch_all", None, key, SNS, warnings, story=STORY, fifo=fifo)
    return Link(Subscriber(given, policy), kept, undelivered), policy, kept


def _takes_everything(policy: FilterPolicy | None) -> bool:
    """Whether no message is filtered out, whatever its body and attributes are."""
    return policy is None or policy.matches("" if policy.scope == "MessageBody" else {})


def _gap(by_scope: Mapping[str, list[dict[str, Any]]]) -> str:
    how = "Pass audit=True for a queue that gets every message."
    if len(by_scope) == 1:
        [(scope, found)] = by_scope.items()
        example = uncovered(found, scope)
        if example is not None:
            where = "attributes" if scope == "MessageAttributes" else "body"
            return (
                f"A message that matches no filter reaches nobody, for example with the {where} {shown(example)}. {how}"
            )
    return f"Whether every message matches a filter cannot be told; one that matches none reaches nobody. {how}"


def is_named(bucket: s3.CfnBucket) -> bool:
    """Whether a bucket has a name that is known now, so that a policy can point at it without a cycle."""
    return isinstance(bucket.bucket_name, str) and not is_token_text(bucket.bucket_name)
