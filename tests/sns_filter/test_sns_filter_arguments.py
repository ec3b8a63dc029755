"""What AWS would refuse later, or accept and lose messages with, is refused here, in the caller's words, at once."""

import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns import PatternError
from patterns.sns_filter import FilterPolicy, SnsFilter, Subscriber, anything_but, missing, prefix
from patterns.sns_filter.plan import _EVENT
from tests._synth import new_app, new_function, new_stack, warnings_of

KIND = FilterPolicy.message_body({"kind": ["auto"]})
BY_ATTRIBUTE = FilterPolicy.message_attributes({"kind": ["auto"]})


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    """One stack for all refusals: what is refused leaves nothing in it."""
    return new_stack()


@pytest.fixture(scope="module")
def queue(stack: cdk.Stack) -> sqs.Queue:
    return sqs.Queue(stack, "Q")


_count = iter(range(10_000))


def fan(stack: cdk.Stack, subscriptions: Any, **arguments: Any) -> SnsFilter:
    return SnsFilter(stack, f"F{next(_count)}", subscriptions=subscriptions, **arguments)


def refused(stack: cdk.Stack, message: str, subscriptions: Any, **arguments: Any) -> None:
    before = len(stack.node.children)
    with pytest.raises(PatternError) as error:
        fan(stack, subscriptions, **arguments)
    assert str(error.value) == message
    assert len(stack.node.children) == before, "a refused construct leaves nothing behind"


# Subscriptions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [{}, None, [], "Auto"])
def test_there_has_to_be_a_subscription(stack: cdk.Stack, value: Any) -> None:
    refused(stack, f"subscriptions must be a mapping of at least one name to a Subscriber, got {value!r}", value)


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "ü", "a" * 65, 5, "Unmatched"])
def test_a_name_is_letters_and_digits(stack: cdk.Stack, queue: sqs.Queue, name: Any) -> None:
    refused(
        stack,
        "subscriptions must have names of 1 to 64 letters and digits that begin with a letter, and not 'Unmatched', "
        f"got {name!r}",
        {name: Subscriber(queue)},
    )


def test_names_of_1_and_64_letters_are_accepted(stack: cdk.Stack) -> None:
    made = fan(stack, {name: Subscriber(sqs.Queue(stack, f"Of{name}")) for name in ("a", "B" * 64)})
    assert list(made.subscriptions) == ["a", "B" * 64]


@pytest.mark.parametrize(
    ("subscriber", "message"),
    [
        (
            "queue",
            "subscriptions[\"Auto\"] must be a Subscriber (patterns.sns_filter.Subscriber), got 'queue'",
        ),
        (
            Subscriber("queue"),  # pyright: ignore[reportArgumentType]
            'subscriptions["Auto"].endpoint must be an SQS queue (aws_sqs.IQueue) or a Lambda function '
            "(aws_lambda.IFunction), got 'queue'",
        ),
        (
            Subscriber(None, {"kind": ["auto"]}),  # pyright: ignore[reportArgumentType]
            'subscriptions["Auto"].filter_policy must be FilterPolicy.message_body(…) or '
            "FilterPolicy.message_attributes(…), got {'kind': ['auto']}",
        ),
        (
            Subscriber(None, raw_message_delivery="yes"),  # pyright: ignore[reportArgumentType]
            "subscriptions[\"Auto\"].raw_message_delivery must be True or False, got 'yes'",
        ),
    ],
)
def test_a_subscriber_is_one(stack: cdk.Stack, subscriber: Any, message: str) -> None:
    refused(stack, message, {"Auto": subscriber})


def test_more_than_200_filter_policies_for_one_topic_are_refused(stack: cdk.Stack, queue: sqs.Queue) -> None:
    many = {f"S{i}": Subscriber(queue, KIND) for i in range(201)}
    refused(stack, "subscriptions must have at most 200 filter policies for one topic, got 201", many)
    # 200 are refused for the next reason only.
    del many["S200"]
    with pytest.raises(PatternError, match="must have different endpoints"):
        fan(stack, many)


@pytest.mark.parametrize("other", [KIND, None, FilterPolicy.message_body({"kind": ["home"]}), BY_ATTRIBUTE], ids=repr)
def test_one_endpoint_is_subscribed_once_whatever_its_filters_are(
    stack: cdk.Stack, queue: sqs.Queue, other: FilterPolicy | None
) -> None:
    """SNS refuses the second subscription when its attributes differ, and makes none when they do not."""
    refused(
        stack,
        'subscriptions["One"] and subscriptions["Other"] must have different endpoints: Amazon SNS subscribes an '
        "endpoint to a topic once. Make them one, whose filter policy has both in $or, got Stack/Q for both",
        {"All": Subscriber(sqs.Queue(stack, f"All{next(_count)}"))}
        | {"One": Subscriber(queue, KIND), "Other": Subscriber(queue, other)},
    )


def test_an_endpoint_that_is_imported_a_second_time_is_still_one(stack: cdk.Stack, queue: sqs.Queue) -> None:
    again = sqs.Queue.from_queue_arn(stack, f"Again{next(_count)}", queue.queue_arn)
    arn = "arn:aws:sqs:us-east-1:111122223333:same"
    one, other = (sqs.Queue.from_queue_arn(stack, f"Imported{i}", arn) for i in range(2))
    for pair in ((queue, again), (one, other)):
        with pytest.raises(PatternError, match=r'^subscriptions\["One"\] and subscriptions\["Other"\] must have diff'):
            fan(stack, {"One": Subscriber(pair[0], KIND), "Other": Subscriber(pair[1], KIND)})
        with pytest.raises(PatternError, match=r'^subscriptions\["One"\]\.undelivered must be another queue'):
            fan(stack, {"One": Subscriber(pair[0], KIND, undelivered=pair[1])})
        with pytest.raises(PatternError, match=r"^catch_all must be a queue of its own"):
            fan(stack, {"One": Subscriber(pair[0], KIND)}, catch_all=pair[1])


def test_two_imported_endpoints_are_two(stack: cdk.Stack) -> None:
    arn = "arn:aws:sqs:us-east-1:111122223333:"
    queues = [sqs.Queue.from_queue_arn(stack, f"Two{name}", arn + name) for name in "ab"]
    fan(stack, {"One": Subscriber(queues[0], KIND), "Other": Subscriber(queues[1], KIND)})


def test_a_function_gets_no_raw_messages(stack: cdk.Stack) -> None:
    function = new_function(stack, "Raw")
    refused(
        stack,
        'subscriptions["Auto"].raw_message_delivery must be False for a function, got True',
        {"Auto": Subscriber(function, raw_message_delivery=True)},
    )


def test_a_standard_topic_delivers_to_no_fifo_queue_and_has_none_for_what_fails(
    stack: cdk.Stack, queue: sqs.Queue
) -> None:
    fifo = sqs.Queue(stack, "Fifo", fifo=True)
    refused(
        stack,
        'subscriptions["Auto"].endpoint must be a standard queue: a standard topic cannot deliver to a FIFO queue, '
        "got a FIFO queue",
        {"Auto": Subscriber(fifo)},
    )
    refused(
        stack,
        'subscriptions["Auto"].undelivered must be a standard queue: Amazon SNS cannot send to a FIFO queue, '
        "got a FIFO queue",
        {"Auto": Subscriber(queue, undelivered=fifo)},
    )


def test_a_fifo_topic_delivers_to_queues_only_and_has_fifo_queues_for_what_fails(
    stack: cdk.Stack, queue: sqs.Queue
) -> None:
    function = new_function(stack, "OfFifo")
    refused(
        stack,
        'subscriptions["Auto"].endpoint must be a queue: a FIFO topic delivers to queues only. Poll the queue for the '
        "function (patterns.sqs_poll.SqsPoll), got the function Stack/OfFifo",
        {"Auto": Subscriber(function)},
        fifo=True,
    )
    with pytest.raises(PatternError, match="a FIFO topic delivers to queues only"):
        fan(stack, {"Auto": Subscriber(function)}, topic=sns.Topic(stack, "GivenFifo", fifo=True))
    refused(
        stack,
        'subscriptions["Auto"].undelivered must be a FIFO queue: the topic is FIFO, and so is its dead-letter queue, '
        "got a standard queue",
        {"Auto": Subscriber(queue, undelivered=sqs.Queue(stack, "StandardUndelivered"))},
        fifo=True,
    )


def test_a_fifo_topic_delivers_what_no_filter_wants_to_a_standard_queue_too(stack: cdk.Stack) -> None:
    for fifo in (False, True):
        kept = sqs.Queue(stack, f"Kept{fifo}", fifo=fifo or None, retention_period=cdk.Duration.days(14))
        subscriptions = {"Auto": Subscriber(sqs.Queue(stack, f"OfFifo{fifo}"), KIND)}
        made = fan(stack, subscriptions, fifo=True, catch_all=kept)
        assert made.catch_all is kept
        assert made.unmatched is not None
        assert made.unmatched.undelivered.fifo is True
    with pytest.raises(PatternError, match="catch_all must be a standard queue"):
        fan(stack, {"Auto": Subscriber(sqs.Queue(stack, "OfStandard"), KIND)}, catch_all=kept)


def test_the_key_that_aws_manages_for_sqs_is_refused_for_it_lets_sns_not_in(stack: cdk.Stack) -> None:
    managed = sqs.Queue(stack, "Managed", encryption=sqs.QueueEncryption.KMS_MANAGED)
    message = (
        "must be encrypted by SQS (sqs.QueueEncryption.SQS_MANAGED) or with a customer-managed key: Amazon SNS cannot "
        "use the AWS managed key, so nothing would arrive, got alias/aws/sqs"
    )
    refused(stack, f'subscriptions["Auto"].endpoint {message}', {"Auto": Subscriber(managed)})
    fine = sqs.Queue(stack, "Fine")
    refused(stack, f'subscriptions["Auto"].undelivered {message}', {"Auto": Subscriber(fine, undelivered=managed)})
    refused(stack, f"catch_all {message}", {"Auto": Subscriber(fine, KIND)}, catch_all=managed)


# The topic -----------------------------------------------------------------------------------------------


def test_what_shapes_a_topic_is_refused_beside_one_that_is_given(stack: cdk.Stack, queue: sqs.Queue) -> None:
    topic = sns.Topic(stack, "Given")
    for name in ("fifo", "content_based_deduplication"):
        refused(
            stack,
            f"{name} must be left out where a topic is given: it is used as it is, got True",
            {"Auto": Subscriber(queue)},
            topic=topic,
            **{name: True},
        )
    refused(
        stack,
        "content_based_deduplication must be left out for a standard topic, got True",
        {"Auto": Subscriber(queue)},
        content_based_deduplication=True,
    )
    refused(stack, "topic must be an SNS topic (aws_sns.ITopic), got 'x'", {"Auto": Subscriber(queue)}, topic="x")


@pytest.mark.parametrize("name", ["fifo", "content_based_deduplication", "audit"])
def test_a_switch_is_true_or_false(stack: cdk.Stack, queue: sqs.Queue, name: str) -> None:
    refused(stack, f"{name} must be True or False, got 'no'", {"Auto": Subscriber(queue, KIND)}, **{name: "no"})


def test_a_key_is_a_key(stack: cdk.Stack, queue: sqs.Queue) -> None:
    refused(
        stack,
        "encryption_key must be a KMS key (aws_kms.IKey), got 'alias/x'",
        {"Auto": Subscriber(queue)},
        encryption_key="alias/x",
    )


def test_what_cannot_be_delivered_to_a_queue_cannot_be_kept_in_that_queue(stack: cdk.Stack, queue: sqs.Queue) -> None:
    refused(
        stack,
        'subscriptions["Auto"].undelivered must be another queue than the endpoint: what cannot be delivered there '
        "cannot be kept there, got Stack/Q for both",
        {"Auto": Subscriber(queue, undelivered=queue)},
    )


# The catch-all -------------------------------------------------------------------------------------------


def test_a_catch_all_is_refused_where_nothing_is_left_to_catch(stack: cdk.Stack, queue: sqs.Queue) -> None:
    for subscriber in (
        Subscriber(queue),
        Subscriber(queue, FilterPolicy.message_body({})),
        Subscriber(queue, FilterPolicy.message_attributes({})),
    ):
        for name, value in (("audit", True), ("catch_all", sqs.Queue(stack, f"Left{next(_count)}"))):
            with pytest.raises(
                PatternError, match=rf"^{name} must be left out: a subscription gets every message, got "
            ):
                fan(stack, {"All": subscriber}, **{name: value})


def test_bodies_that_are_no_json_object_are_left_where_filters_cover_all_others(stack: cdk.Stack) -> None:
    every = FilterPolicy.message_body({"kind": [anything_but("auto"), None, missing()]})

    def subscriptions() -> dict[str, Subscriber]:
        one, other = (sqs.Queue(stack, f"Covering{next(_count)}") for _ in range(2))
        return {"Auto": Subscriber(one, KIND), "Rest": Subscriber(other, every)}

    assert not any(each.matches("no JSON") for each in (KIND, every))
    made = fan(stack, subscriptions(), audit=True)
    assert made.catch_all is not None
    assert made.catch_all_policy is None
    refused(
        stack,
        "catch_all must come with audit=True: every body that is a JSON object passes a filter, and one that is none "
        "can be kept only with all messages, got audit=False",
        subscriptions(),
        catch_all=sqs.Queue(stack, "CatchNone"),
    )


@pytest.mark.parametrize("audit", [False, True])
def test_what_nobody_wants_is_not_mixed_into_what_somebody_wants(
    stack: cdk.Stack, queue: sqs.Queue, audit: bool
) -> None:
    refused(
        stack,
        'catch_all must be a queue of its own, got Stack/Q, the endpoint of subscriptions["Auto"]',
        {"Auto": Subscriber(queue, BY_ATTRIBUTE if audit else KIND)},
        catch_all=queue,
        audit=audit,
    )


def test_what_nobody_wants_is_not_mixed_into_what_could_not_be_delivered(stack: cdk.Stack, queue: sqs.Queue) -> None:
    kept = sqs.Queue(stack, "Both")
    refused(
        stack,
        'catch_all must be a queue of its own, got Stack/Both, the undelivered queue of subscriptions["Auto"]',
        {"Auto": Subscriber(queue, KIND, undelivered=kept)},
        catch_all=kept,
    )


def test_a_catch_all_that_would_get_every_message_wants_to_be_asked_for(stack: cdk.Stack, queue: sqs.Queue) -> None:
    starts = FilterPolicy.message_body({"a": prefix("x"), "b": prefix("y")})
    refused(
        stack,
        "catch_all must come with audit=True: what these filters leave over cannot be selected by a filter policy, "
        "so the queue would get every message, got audit=False",
        {"Auto": Subscriber(queue, starts)},
        catch_all=sqs.Queue(stack, "NotAsked"),
    )
    other = sqs.Queue(stack, "Audit")
    made = fan(stack, {"Auto": Subscriber(queue, starts)}, catch_all=other, audit=True)
    assert made.catch_all is other


# Places ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("region", "account", "what"), [("eu-west-1", "111122223333", "Region"), ("us-east-1", "999999999999", "account")]
)
@pytest.mark.parametrize("argument", ["topic", "catch_all", "endpoint", "undelivered", "encryption_key"])
def test_what_is_given_is_where_the_topic_is(argument: str, region: str, account: str, what: str) -> None:
    stack = new_stack(env=cdk.Environment(region="us-east-1", account="111122223333"))
    arn = f"arn:aws:{{}}:{region}:{account}:{{}}"
    value: Any
    if argument == "topic":
        value = sns.Topic.from_topic_arn(stack, "Far", arn.format("sns", "far"))
    elif argument == "encryption_key":
        value = kms.Key.from_key_arn(stack, "Far", arn.format("kms", "key/far"))
    else:
        value = sqs.Queue.from_queue_arn(stack, "Far", arn.format("sqs", "far"))
    of_subscriber = {argument: value} if argument in ("endpoint", "undelivered") else {}
    subscriber = Subscriber(**{"endpoint": sqs.Queue(stack, "Q"), "filter_policy": KIND, **of_subscriber})
    name = f'subscriptions["Auto"].{argument}' if of_subscriber else argument
    here, there = ("us-east-1", region) if what == "Region" else ("111122223333", account)
    refused(
        stack,
        f"{name} must be in the {what} of the stack that links it, {here}, got Stack/Far in {there}",
        {"Auto": subscriber},
        **({} if of_subscriber else {argument: value}),
    )


def test_buckets_and_endpoints_that_are_defined_elsewhere_are_refused() -> None:
    """Their policies would name the topic's Region, and S3 notifies no topic of another."""
    app = new_app()
    here, there = (
        new_stack(id, app, env=cdk.Environment(region=region, account="111122223333"))
        for id, region in (("Here", "us-east-1"), ("There", "eu-west-1"))
    )
    far = "must be in the Region of the stack that links it, us-east-1, got There/{} in eu-west-1"
    bucket, queue = s3.Bucket(there, "Bucket"), sqs.Queue(there, "Queue")
    near = sqs.Queue(here, "Near")
    refused(here, f"buckets[0] {far.format('Bucket')}", {"Auto": Subscriber(near, KIND)}, buckets=[bucket])
    refused(here, f'subscriptions["Auto"].endpoint {far.format("Queue")}', {"Auto": Subscriber(queue, KIND)})
    function = new_function(there)
    with pytest.raises(PatternError, match=r'^subscriptions\["Auto"\]\.endpoint must be in the Region'):
        fan(here, {"Auto": Subscriber(function, KIND)})


def test_it_has_a_name_and_a_place(stack: cdk.Stack, queue: sqs.Queue) -> None:
    subscribers = {"Auto": Subscriber(queue)}
    wrong: Any
    for wrong, id, message in (
        (None, "F", "scope must be a construct in a stack (constructs.Construct), got None"),
        (stack, "", "id must be a text that is not empty, got ''"),
    ):
        with pytest.raises(PatternError) as error:
            SnsFilter(wrong, id, subscriptions=subscribers)
        assert str(error.value) == message


# Publishers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "who"),
    [
        ({"services": ["cloudwatch.amazonaws.com"]}, "cloudwatch.amazonaws.com"),
        ({"buckets": True}, "Amazon S3"),
        ({"buckets": True, "services": ["ses.amazonaws.com"]}, "Amazon S3 and ses.amazonaws.com"),
    ],
)
def test_filters_by_attributes_are_refused_behind_a_publisher_that_sends_none(
    stack: cdk.Stack, queue: sqs.Queue, arguments: dict[str, Any], who: str
) -> None:
    if arguments.get("buckets"):
        arguments = {**arguments, "buckets": [s3.Bucket(stack, f"Bucket{next(_count)}")]}
    refused(
        stack,
        f'subscriptions["Auto"].filter_policy must be FilterPolicy.message_body(…): {who} sends no message '
        "attributes, so everything would be filtered out, got a policy for MessageAttributes",
        {"Auto": Subscriber(queue, BY_ATTRIBUTE)},
        **arguments,
    )


def test_a_bucket_has_to_be_defined_here_and_to_have_no_notifications(stack: cdk.Stack, queue: sqs.Queue) -> None:
    subscribers = {"Auto": Subscriber(queue)}
    imported = s3.Bucket.from_bucket_name(stack, "Imported", "mine")
    refused(
        stack,
        "buckets[0] must be a bucket defined in this app (aws_s3.Bucket): the notifications of another cannot be set "
        "from here, got Stack/Imported",
        subscribers,
        buckets=[imported],
    )
    for wrong in (None, "mine"):
        message = f"buckets must be a sequence, each of it a bucket defined in this app (aws_s3.Bucket), got {wrong!r}"
        refused(stack, message, subscribers, buckets=wrong)
    refused(
        stack,
        "buckets[0] must be a bucket defined in this app (aws_s3.Bucket), got 'mine'",
        subscribers,
        buckets=["mine"],
    )
    taken = s3.Bucket(stack, "Taken")
    fan(stack, {"One": Subscriber(queue)}, buckets=[taken])
    notified = s3.Bucket(stack, "Notified", event_bridge_enabled=True)
    for bucket in (taken, notified):
        refused(
            stack,
            "buckets[0] must have no notifications of its own: a bucket has one list of them, and who writes it last "
            f"wins, got {bucket.node.path}",
            subscribers,
            buckets=[bucket],
        )


NO_EVENTS = [
    "s3:ObjectCreated:*",
    [],
    ["ObjectCreated"],
    ["s3:ObjectCreated"],
    ["s3:ObjectCreated:P*"],
    ["s3:ObjectExploded:*"],
    ["s3:LifecycleTransition:*"],
    ["s3:ObjectCreated:Put:x"],
    ["s3:TestEvent"],
    [5],
    None,
    5,
]


@pytest.mark.parametrize("events", NO_EVENTS, ids=str)
def test_bucket_events_are_names_of_s3(stack: cdk.Stack, queue: sqs.Queue, events: Any) -> None:
    refused(
        stack,
        f"bucket_events must be a sequence of S3 event types such as s3:ObjectCreated:*, got {events!r}",
        {"Auto": Subscriber(queue)},
        bucket_events=events,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s3:ObjectCreated:*", "s3:ObjectCreated:*"),
        ("s3:ObjectCreated:*", "s3:ObjectCreated:Put"),
        ("s3:ObjectCreated:Put", "s3:ObjectCreated:*"),
    ],
)
def test_events_that_s3_would_refuse_to_tell_twice_are_refused(
    stack: cdk.Stack, queue: sqs.Queue, one: str, other: str
) -> None:
    message = f"bucket_events must not overlap: Amazon S3 takes each event once, got {one} and {other}"
    bucket = s3.Bucket(stack, f"Bucket{next(_count)}")
    subscribers = {"Auto": Subscriber(queue)}
    refused(stack, message, subscribers, buckets=[bucket], bucket_events=["s3:ObjectRemoved:*", one, other])
    fan(stack, subscribers, buckets=[bucket], bucket_events=["s3:ObjectCreated:Put", "s3:ObjectCreated:Post"])


def test_events_without_a_bucket_and_a_bucket_given_twice_are_mistakes(stack: cdk.Stack, queue: sqs.Queue) -> None:
    subscribers = {"Auto": Subscriber(queue)}
    refused(
        stack,
        "bucket_events must be left out where buckets has none, got ['s3:ObjectRemoved:*']",
        subscribers,
        bucket_events=["s3:ObjectRemoved:*"],
    )
    bucket = s3.Bucket(stack, f"Bucket{next(_count)}")
    refused(
        stack,
        f"buckets must have each bucket once, got {bucket.node.path} twice",
        subscribers,
        buckets=[bucket, bucket],
    )


@pytest.mark.parametrize("services", ["cloudwatch.amazonaws.com", "", ["cloudwatch"], [5], None, 5])
def test_services_are_principals(stack: cdk.Stack, queue: sqs.Queue, services: Any) -> None:
    refused(
        stack,
        f"services must be a sequence of service principals such as cloudwatch.amazonaws.com, got {services!r}",
        {"Auto": Subscriber(queue)},
        services=services,
    )


def test_every_event_type_that_the_cdk_knows_is_one() -> None:
    of_cdk = {
        "LIFECYCLE_TRANSITION": "s3:LifecycleTransition",
        "INTELLIGENT_TIERING": "s3:IntelligentTiering",
        "REDUCED_REDUNDANCY_LOST_OBJECT": "s3:ReducedRedundancyLostObject",
    }
    groups = ("OBJECT_CREATED", "OBJECT_REMOVED", "OBJECT_RESTORE", "OBJECT_TAGGING", "OBJECT_ACL", "REPLICATION")
    for event in s3.EventType:
        group = next((g for g in (*groups, "LIFECYCLE_EXPIRATION") if event.name.startswith(g)), "")
        name = of_cdk.get(event.name)
        if name is None:
            rest = event.name.removeprefix(group).strip("_")
            name = f"s3:{group.title().replace('_', '')}:{rest.title().replace('_', '') or '*'}"
        assert _EVENT.fullmatch(name), name


def test_eventbridge_cannot_be_let_in_by_the_account(stack: cdk.Stack, queue: sqs.Queue) -> None:
    refused(
        stack,
        "services must not have events.amazonaws.com: EventBridge does not tell a topic which account it speaks for, "
        "so it cannot be let in by the account. Make the topic the target of the rule (aws_events_targets.SnsTopic), "
        "got events.amazonaws.com",
        {"Auto": Subscriber(queue)},
        services=["cloudwatch.amazonaws.com", "events.amazonaws.com"],
    )


def test_s3_publishes_to_no_fifo_topic_and_to_none_with_the_key_that_aws_manages(
    stack: cdk.Stack, queue: sqs.Queue
) -> None:
    bucket = s3.Bucket(stack, "ForTopics")
    refused(
        stack,
        "buckets must be left out for a FIFO topic: Amazon S3 cannot notify one, got buckets",
        {"Auto": Subscriber(queue)},
        buckets=[bucket],
        fifo=True,
    )
    topic = sns.Topic(stack, "AwsKey", master_key=kms.Alias.from_alias_name(stack, "AwsSns", "alias/aws/sns"))
    refused(
        stack,
        "topic must be encrypted with a customer-managed key, or not at all: Amazon S3 cannot use the AWS managed key, "
        "so nothing would be published, got alias/aws/sns",
        {"Auto": Subscriber(queue)},
        buckets=[bucket],
        topic=topic,
    )


# Warnings ------------------------------------------------------------------------------------------------


def test_what_is_imported_cannot_be_opened_from_here_and_a_warning_says_so() -> None:
    stack = new_stack()
    arn = "arn:aws:{}:us-east-1:111122223333:mine"
    topic = sns.Topic.from_topic_arn(stack, "Topic", arn.format("sns"))
    queue = sqs.Queue.from_queue_arn(stack, "Queue", arn.format("sqs"))
    undelivered = sqs.Queue.from_queue_arn(stack, "Undelivered", arn.format("sqs") + "-undelivered")
    subscribers = {"Auto": Subscriber(queue, KIND, undelivered=undelivered)}
    SnsFilter(stack, "F", subscriptions=subscribers, topic=topic, services=["cloudwatch.amazonaws.com"])
    found = {id.removeprefix("cdk-messaging-patterns:"): text for id, text in warnings_of(stack).items()}
    assert set(found) == {"alarm-without-action", "sns-filter.imported-queue", "sns-filter.imported-topic"}
    assert re.match(
        r"The queue given as subscriptions\[\"Auto\"\]\.(endpoint|undelivered) is imported",
        found["sns-filter.imported-queue"],
    )
    assert found["sns-filter.imported-topic"].endswith(
        "It must allow sns:Publish to cloudwatch.amazonaws.com, or nothing is published."
    )


def test_the_warnings_of_a_policy_name_its_subscription() -> None:
    stack = new_stack()
    policy = FilterPolicy.message_attributes({"kind": missing()})
    SnsFilter(
        stack,
        "F",
        subscriptions={"Auto": Subscriber(sqs.Queue(stack, "Q"), policy), "All": Subscriber(sqs.Queue(stack, "R"))},
    )
    assert warnings_of(stack)["cdk-messaging-patterns:sns-filter.policy"] == (
        'subscriptions["Auto"]: filter_policy.kind[0].exists: false filters out messages that have no attributes at all'
    )


def test_a_queue_that_forgets_early_is_a_warning() -> None:
    stack = new_stack()
    SnsFilter(
        stack,
        "F",
        subscriptions={"All": Subscriber(sqs.Queue(stack, "Q"), undelivered=sqs.Queue(stack, "Short"))},
    )
    assert warnings_of(stack)["cdk-messaging-patterns:sns-filter.retention"] == (
        'The queue given as subscriptions["All"].undelivered keeps messages for 345600 seconds. 1209600 seconds '
        "(14 days) give time to look."
    )


def test_an_audit_queue_need_not_keep_messages_for_long_for_somebody_takes_them_out() -> None:
    for policy, warns in ((KIND, True), (FilterPolicy.message_body({"a": prefix("x"), "b": prefix("y")}), False)):
        stack = new_stack()
        subscriptions = {"Auto": Subscriber(sqs.Queue(stack, "Q"), policy)}
        SnsFilter(stack, "F", subscriptions=subscriptions, catch_all=sqs.Queue(stack, "Short"), audit=True)
        assert ("cdk-messaging-patterns:sns-filter.retention" in warnings_of(stack)) is warns
