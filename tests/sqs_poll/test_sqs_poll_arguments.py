"""What AWS would refuse later, or accept and lose messages with, is refused here, in the caller's words, at once."""

import re
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from patterns import PatternError
from patterns.sqs_poll import SqsPoll
from tests._synth import new_app, new_function, new_stack, of_type, template_of, warnings_of

seconds, days = cdk.Duration.seconds, cdk.Duration.days
WARNING = "cdk-messaging-patterns:sqs-poll."


@pytest.fixture(scope="module")
def stack() -> cdk.Stack:
    """One stack for all refusals: what is refused leaves nothing in it."""
    return new_stack()


@pytest.fixture(scope="module")
def function(stack: cdk.Stack) -> lambda_.Function:
    return new_function(stack)


_count = iter(range(10_000))


def poll(stack: cdk.Stack, **arguments: Any) -> SqsPoll:
    return SqsPoll(stack, f"P{next(_count)}", **arguments)


def refused(stack: cdk.Stack, message: str, **arguments: Any) -> None:
    before = len(stack.node.children)
    with pytest.raises(PatternError) as error:
        poll(stack, **arguments)
    assert str(error.value) == message
    assert len(stack.node.children) == before, "a refused construct leaves nothing behind"


NUMBERS = [
    ("max_receive_count", 1, 1000, "", {}),
    ("batch_size", 1, 10_000, "", {"max_batching_window": seconds(1)}),
    ("max_concurrency", 2, 1000, "", {}),
    ("minimum_pollers", 2, 200, "", {}),
    ("maximum_pollers", 2, 10_000, "", {}),
]


@pytest.mark.parametrize(("name", "low", "high", "unit", "beside"), NUMBERS, ids=[n[0] for n in NUMBERS])
def test_both_ends_of_a_range_are_accepted_and_what_is_beyond_refused(
    stack: cdk.Stack, function: Any, name: str, low: int, high: int, unit: str, beside: dict[str, Any]
) -> None:
    for value in (low, high, float(low)):
        poll(stack, function=function, retention=days(14), **beside, **{name: value})
    for value in (low - 1, high + 1, low + 0.5, 0, -1, True, "5", float("nan"), float("inf"), [low], object):
        refused(
            stack,
            f"{name} must be {low} to {high}{unit}, got {value!r}",
            function=function,
            retention=days(14),
            **beside,
            **{name: value},
        )


DURATIONS = [
    ("retention", 60, 1_209_600, {"visibility_timeout": seconds(30), "max_receive_count": 1}),
    ("visibility_timeout", 0, 43_200, {"retention": days(14)}),
    ("function_timeout", 1, 5_400, {}),
    ("max_batching_window", 0, 300, {}),
    ("oldest_message_alarm", 1, 1_209_600, {"retention": days(14)}),
]


@pytest.mark.parametrize(("name", "low", "high", "beside"), DURATIONS, ids=[d[0] for d in DURATIONS])
def test_a_duration_beyond_its_range_or_of_another_kind_is_refused(
    stack: cdk.Stack, function: Any, name: str, low: int, high: int, beside: dict[str, Any]
) -> None:
    if low > 0:
        refused(
            stack,
            f"{name} must be {low} to {high} seconds, whole, got {low - 1} seconds",
            function=function,
            **beside,
            **{name: seconds(low - 1)},
        )
    refused(
        stack,
        f"{name} must be {low} to {high} seconds, whole, got {high + 1} seconds",
        function=function,
        **beside,
        **{name: seconds(high + 1)},
    )
    refused(
        stack,
        f"{name} must be {low} to {high} seconds, whole, got 60.5 seconds",
        function=function,
        **beside,
        **{name: cdk.Duration.millis(60_500)},
    )
    for value in (60, "60", 60.0, True, {}):
        refused(
            stack,
            f"{name} must be an aws_cdk.Duration of {low} to {high} seconds, got {value!r}",
            function=function,
            **beside,
            **{name: value},
        )


@pytest.mark.parametrize("retention", [61, 1_209_600])
def test_both_ends_of_retention_are_accepted(stack: cdk.Stack, function: Any, retention: int) -> None:
    poll(stack, function=function, retention=seconds(retention), visibility_timeout=seconds(60), max_receive_count=1)


@pytest.mark.parametrize("visibility", [30, 43_200])
def test_both_ends_of_the_visibility_timeout_are_accepted(stack: cdk.Stack, function: Any, visibility: int) -> None:
    poll(stack, function=function, retention=days(14), visibility_timeout=seconds(visibility))


@pytest.mark.parametrize("window", [0, 1, 300])
def test_both_ends_of_the_batching_window_are_accepted(stack: cdk.Stack, function: Any, window: int) -> None:
    poll(stack, function=function, max_batching_window=seconds(window))


@pytest.mark.parametrize("age", [1, 345_599])
def test_the_backlog_alarm_takes_any_age_below_the_retention(stack: cdk.Stack, function: Any, age: int) -> None:
    poll(stack, function=function, oldest_message_alarm=seconds(age))


def test_a_backlog_alarm_that_can_never_fire_is_refused(stack: cdk.Stack, function: Any) -> None:
    refused(
        stack,
        "oldest_message_alarm must be 1 to 345599 seconds, below the queue's retention, got 345600 seconds",
        function=function,
        oldest_message_alarm=days(4),
    )


@pytest.mark.parametrize("value", [None, "arn:aws:lambda:eu-west-1:1:function:f", 5, sqs.Queue])
def test_what_is_no_function_is_refused(stack: cdk.Stack, value: Any) -> None:
    refused(
        stack,
        f"function must be a Lambda function, version or alias (aws_lambda.IFunction), got {value!r}",
        function=value,
    )


def test_what_is_no_queue_no_key_or_no_action_is_refused(stack: cdk.Stack, function: Any) -> None:
    a_queue, a_key = "an SQS queue (aws_sqs.IQueue)", "a KMS key (aws_kms.IKey)"
    refused(stack, f"queue must be {a_queue}, got 'q'", function=function, queue="q")
    refused(stack, f"dead_letters must be {a_queue}, got 'q'", function=function, dead_letters="q")
    refused(stack, f"encryption_key must be {a_key}, got 'k'", function=function, encryption_key="k")
    an_action = "an alarm action (aws_cloudwatch.IAlarmAction)"
    refused(stack, f"alarm_actions[0] must be {an_action}, got 'a'", function=function, alarm_actions=["a"])
    message = f"alarm_actions must be a sequence, each of it {an_action}, got None"
    refused(stack, message, function=function, alarm_actions=None)


@pytest.mark.parametrize("name", ["fifo", "content_based_deduplication", "report_batch_item_failures"])
@pytest.mark.parametrize("value", ["no", 1, 0, []])
def test_a_yes_or_no_is_not_guessed(stack: cdk.Stack, function: Any, name: str, value: Any) -> None:
    refused(stack, f"{name} must be True or False, got {value!r}", function=function, **{name: value})


# The function's timeout


def test_a_message_must_stay_hidden_while_the_function_runs(stack: cdk.Stack, function: Any) -> None:
    refused(
        stack,
        "visibility_timeout must be at least the function's timeout, 30 to 43200 seconds, got 29 seconds",
        function=function,
        visibility_timeout=seconds(29),
    )


def test_a_visibility_below_the_rule_warns_and_at_the_rule_does_not() -> None:
    for visibility, warns in ((199, True), (200, False)):
        stack = new_stack()
        poll(
            stack,
            function=new_function(stack),
            visibility_timeout=seconds(visibility),
            max_batching_window=seconds(20),
        )
        assert (WARNING + "visibility-timeout" in warnings_of(stack)) is warns
        if warns:
            assert (
                "199 seconds; 6 times the function's timeout plus the batching window is 200"
                in (warnings_of(stack)[WARNING + "visibility-timeout"])
            )


def test_the_longest_timeout_still_fits_into_the_longest_visibility(stack: cdk.Stack) -> None:
    function = lambda_.Function.from_function_arn(stack, "Long", "arn:aws:lambda:eu-west-1:111122223333:function:long")
    longest = poll(
        stack,
        function=function,
        function_timeout=seconds(5_400),
        max_batching_window=seconds(300),
        retention=days(14),
    )
    assert longest.visibility_timeout == 6 * 5_400 + 300


def test_an_imported_functions_timeout_must_be_given(stack: cdk.Stack) -> None:
    function = lambda_.Function.from_function_arn(stack, "F", "arn:aws:lambda:eu-west-1:111122223333:function:f")
    message = (
        "function_timeout must be given for a function whose timeout cannot be read (imported, or a token): "
        "an aws_cdk.Duration of 1 to 900 seconds, got None"
    )
    refused(stack, message, function=function)
    refused(stack, message, function=function, visibility_timeout=seconds(60))


def test_a_timeout_that_contradicts_the_function_is_refused(stack: cdk.Stack, function: Any) -> None:
    refused(
        stack,
        "function_timeout must be left out, or be the function's own 30 seconds, got 31 seconds",
        function=function,
        function_timeout=seconds(31),
    )
    poll(stack, function=function, function_timeout=seconds(30))


# Receives and retention


def test_below_five_receives_a_warning_says_why_and_at_five_none() -> None:
    for count, warns in ((4, True), (5, False)):
        stack = new_stack()
        poll(stack, function=new_function(stack), max_receive_count=count)
        assert (WARNING + "max-receive-count" in warnings_of(stack)) is warns


def test_a_message_that_would_expire_before_the_dead_letter_queue_is_refused(stack: cdk.Stack, function: Any) -> None:
    refused(
        stack,
        "retention must be more than 900 seconds (max_receive_count 5 times visibility timeout 180), or a failing "
        "message expires before it reaches the dead-letter queue, got 900 seconds",
        function=function,
        retention=seconds(900),
    )
    poll(stack, function=function, retention=seconds(901))


# The dead-letter queue that is given


def test_a_dead_letter_queue_of_the_other_kind_is_refused(stack: cdk.Stack, function: Any) -> None:
    standard, fifo = sqs.Queue(stack, "Standard"), sqs.Queue(stack, "Fifo", fifo=True)
    kind = "dead_letters must be of the same kind as its source, a {} queue, got a {} queue"
    refused(stack, kind.format("standard", "FIFO"), function=function, dead_letters=fifo)
    refused(stack, kind.format("FIFO", "standard"), function=function, dead_letters=standard, fifo=True)


def test_a_dead_letter_queue_that_deletes_first_is_refused(stack: cdk.Stack, function: Any) -> None:
    short = sqs.Queue(stack, "Short", retention_period=seconds(345_599))
    refused(
        stack,
        "dead_letters must keep messages at least as long as its source, and counts from when they were first sent: "
        "345600 to 1209600 seconds, got 345599 seconds",
        function=function,
        dead_letters=short,
    )


def test_a_dead_letter_queue_of_less_than_14_days_warns() -> None:
    for keeps, warns in ((1_209_599, True), (1_209_600, False)):
        stack = new_stack()
        dead = sqs.Queue(stack, "Dead", retention_period=seconds(keeps))
        poll(stack, function=new_function(stack), dead_letters=dead)
        assert (WARNING + "dead-letter-retention" in warnings_of(stack)) is warns


def test_a_fifo_dead_letter_queue_starts_the_clock_anew_and_may_be_shorter() -> None:
    stack = new_stack()
    dead = sqs.Queue(stack, "Dead", fifo=True, retention_period=seconds(3_600))
    poll(stack, function=new_function(stack), fifo=True, dead_letters=dead)
    assert WARNING + "dead-letter-retention" not in warnings_of(stack)


def test_a_dead_letter_queue_that_denies_redrive_is_refused(stack: cdk.Stack, function: Any) -> None:
    closed = sqs.Queue(
        stack,
        "Closed",
        retention_period=days(14),
        redrive_allow_policy=sqs.RedriveAllowPolicy(redrive_permission=sqs.RedrivePermission.DENY_ALL),
    )
    refused(
        stack,
        "dead_letters must allow its source queue to redrive to it, got redrivePermission denyAll",
        function=function,
        dead_letters=closed,
    )


def test_a_dead_letter_queue_that_denies_redrive_is_refused_also_where_a_token_sets_its_retention(
    stack: cdk.Stack, function: Any
) -> None:
    closed = sqs.Queue(
        stack,
        "ClosedByToken",
        retention_period=seconds(cdk.Token.as_number({"Ref": "Retention"})),
        redrive_allow_policy=sqs.RedriveAllowPolicy(redrive_permission=sqs.RedrivePermission.DENY_ALL),
    )
    refused(
        stack,
        "dead_letters must allow its source queue to redrive to it, got redrivePermission denyAll",
        function=function,
        dead_letters=closed,
    )


def test_a_dead_letter_queue_that_is_open_to_other_queues_alone_is_refused(stack: cdk.Stack, function: Any) -> None:
    source = sqs.Queue(stack, "NamedSource")
    named = sqs.Queue(
        stack,
        "OpenToOne",
        retention_period=days(14),
        redrive_allow_policy=sqs.RedriveAllowPolicy(source_queues=[source]),
    )
    refused(
        stack,
        "dead_letters must not have a redriveAllowPolicy that names queues (byQueue): the queue defined here is not "
        "among them; leave the policy out, or leave dead_letters out and one is defined that is open to it",
        function=function,
        dead_letters=named,
    )
    other = sqs.Queue(
        stack,
        "OtherSource",
        visibility_timeout=seconds(180),
        dead_letter_queue=sqs.DeadLetterQueue(queue=named, max_receive_count=5),
    )
    refused(
        stack,
        "dead_letters must allow its source queue to redrive to it, got a redriveAllowPolicy (byQueue) that does not "
        "name Stack/OtherSource",
        function=function,
        queue=other,
    )


def test_a_dead_letter_queue_that_names_its_source_is_accepted() -> None:
    stack = new_stack()
    dead = sqs.Queue(stack, "Dead", retention_period=days(14))
    source = sqs.Queue(
        stack,
        "Source",
        visibility_timeout=seconds(180),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=5),
    )
    child = dead.node.default_child
    assert isinstance(child, sqs.CfnQueue)
    child.redrive_allow_policy = {"redrivePermission": "byQueue", "sourceQueueArns": [source.queue_arn]}
    assert poll(stack, function=new_function(stack), queue=source).dead_letters is dead


# Where things are

IN_IRELAND = cdk.Environment(account="111111111111", region="eu-west-1")
IN_OREGON = cdk.Environment(account="111111111111", region="us-west-2")
OF_ANOTHER = cdk.Environment(account="222222222222", region="eu-west-1")


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (IN_OREGON, "function must be in the Region of the stack that links it, eu-west-1, got There/F in us-west-2"),
        (
            OF_ANOTHER,
            "function must be in the account of the stack that links it, 111111111111, got There/F in 222222222222",
        ),
        (None, "function must be in the Region of the stack that links it, eu-west-1, got There/F in unknown-region"),
    ],
)
def test_a_function_that_is_defined_elsewhere_is_refused(there: cdk.Environment | None, message: str) -> None:
    app = new_app()
    here = cdk.Stack(app, "Here", env=IN_IRELAND)
    refused(here, message, function=new_function(cdk.Stack(app, "There", env=there), "F"))


def test_a_function_of_another_app_or_stage_is_refused() -> None:
    app = new_app()
    for there in (new_stack(), cdk.Stack(cdk.Stage(app, "Stage"), "Stack")):
        function = new_function(there)
        refused(
            new_stack("Here", app if there.node.root is app else None),
            "function must be in the same app and Stage as the construct, or be imported, "
            f"got {function.node.path} of another",
            function=function,
        )
        app = new_app()


def test_an_imported_function_of_another_region_is_refused_and_one_that_may_be_here_is_not() -> None:
    here = cdk.Stack(new_app(), "Here", env=IN_IRELAND)
    arn = "arn:aws:lambda:{}:111111111111:function:f".format
    abroad = lambda_.Function.from_function_arn(here, "Abroad", arn("us-west-2"))
    refused(
        here,
        "function must be in the Region of the stack that links it, eu-west-1, got Here/Abroad in us-west-2",
        function=abroad,
        function_timeout=seconds(30),
    )
    anywhere = new_stack()  # its Region is decided at deployment
    for stack in (here, anywhere):
        f = lambda_.Function.from_function_arn(stack, "Imported", arn("eu-west-1"))
        poll(stack, function=f, function_timeout=seconds(30))


def test_queues_and_a_key_of_another_region_are_refused() -> None:
    app = new_app()
    here, there = cdk.Stack(app, "Here", env=IN_IRELAND), cdk.Stack(app, "There", env=IN_OREGON)
    function = new_function(here)
    far = sqs.Queue(there, "Queue", retention_period=days(14))
    where = "must be in the Region of the stack that links it, eu-west-1, got There/{} in us-west-2".format
    for name in ("queue", "dead_letters"):
        refused(here, f"{name} {where('Queue')}", function=function, **{name: far})
    refused(here, f"encryption_key {where('Key')}", function=function, encryption_key=kms.Key(there, "Key"))


def test_an_imported_queue_of_another_account_may_be_polled_but_does_not_keep_dead_letters() -> None:
    here = cdk.Stack(new_app(), "Here", env=IN_IRELAND)
    theirs = sqs.Queue.from_queue_arn(here, "Theirs", "arn:aws:sqs:eu-west-1:222222222222:theirs")
    poll(here, function=new_function(here), queue=theirs)
    refused(
        here,
        "dead_letters must be in the account of the stack that links it, 111111111111, got Here/Theirs in 222222222222",
        function=new_function(here, "Other"),
        dead_letters=theirs,
    )


@pytest.mark.parametrize(
    ("scope", "id", "message"),
    [
        ("Stack", "Poll", "scope must be a construct in a stack (constructs.Construct), got 'Stack'"),
        (None, "Poll", "scope must be a construct in a stack (constructs.Construct), got None"),
        (new_app, "Poll", "scope must be a construct in a stack, got an app"),
        (new_stack, "", "id must be a text that is not empty, got ''"),
        (new_stack, None, "id must be a text that is not empty, got None"),
    ],
)
def test_a_scope_that_is_in_no_stack_and_an_id_that_is_no_name_are_refused(
    function: Any, scope: Any, id: Any, message: str
) -> None:
    with pytest.raises(PatternError) as error:
        SqsPoll(scope() if callable(scope) else scope, id, function=function)
    assert str(error.value) == message


# Keys


def test_a_permission_names_the_key_behind_an_alias() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    alias = kms.Alias(stack, "Alias", alias_name="alias/orders", target_key=key)
    poll(stack, function=new_function(stack), encryption_key=alias)
    assert _decrypts(stack) == [{"Action": "kms:Decrypt", "Effect": "Allow", "Resource": stack.resolve(key.key_arn)}]


def test_an_imported_alias_does_not_tell_its_key_and_is_refused(stack: cdk.Stack, function: Any) -> None:
    refused(
        stack,
        "encryption_key must be a KMS key, or an alias defined in this app: permissions must name the key, and an "
        "imported alias does not tell it; import the key with Key.from_key_arn, got alias/orders",
        function=function,
        encryption_key=kms.Alias.from_alias_name(stack, "ImportedAlias", "alias/orders"),
    )


def test_the_key_of_a_given_queue_may_be_an_imported_alias() -> None:
    stack = new_stack()
    alias = kms.Alias.from_alias_name(stack, "Alias", "alias/orders")
    poll(stack, function=new_function(stack), queue=_queue(stack, encryption_master_key=alias))
    [statement] = _decrypts(stack)
    assert statement["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/orders"}}
    assert statement["Resource"]["Fn::Join"][1][-1] == ":key/*"


def test_the_managed_key_of_sqs_lets_everybody_in_the_account_and_needs_no_permission() -> None:
    stack = new_stack()
    poll(stack, function=new_function(stack), queue=_queue(stack, encryption=sqs.QueueEncryption.KMS_MANAGED))
    assert _decrypts(stack) == []


def _decrypts(stack: cdk.Stack) -> list[dict[str, Any]]:
    policies = of_type(template_of(stack), "AWS::IAM::Policy").values()
    statements = [each for p in policies for each in p["Properties"]["PolicyDocument"]["Statement"]]
    return [each for each in statements if "kms:Decrypt" in each["Action"]]


# Tokens


@pytest.mark.parametrize("name", ["retention", "visibility_timeout", "function_timeout", "max_batching_window"])
def test_a_token_in_another_unit_than_seconds_is_refused(stack: cdk.Stack, function: Any, name: str) -> None:
    with pytest.raises(PatternError) as error:
        poll(stack, function=function, **{name: cdk.Duration.minutes(cdk.Token.as_number({"Ref": "Minutes"}))})
    assert re.fullmatch(
        rf"{name} must be \d+ to \d+ seconds, whole: a token must be in seconds, Duration.seconds\(…\), because it "
        "cannot be converted, got one in another unit",
        str(error.value),
    )


def test_a_token_as_the_age_of_the_backlog_alarm_reaches_the_alarm() -> None:
    stack = new_stack()
    age = seconds(cdk.Token.as_number({"Ref": "Age"}))
    poll(stack, function=new_function(stack), oldest_message_alarm=age)
    alarms = of_type(template_of(stack), "AWS::CloudWatch::Alarm")
    assert [a["Properties"]["Threshold"] for id, a in alarms.items() if "OldestMessage" in id] == [{"Ref": "Age"}]


# The queue that is given


def _by_hand(stack: cdk.Stack, receives: Any) -> tuple[sqs.Queue, sqs.Queue]:
    n = next(_count)
    dead = sqs.Queue(stack, f"Dead{n}", retention_period=days(14))
    queue = sqs.Queue(stack, f"Queue{n}", visibility_timeout=seconds(180))
    child = queue.node.default_child
    assert isinstance(child, sqs.CfnQueue)
    child.redrive_policy = {"deadLetterTargetArn": dead.queue_arn, "maxReceiveCount": receives}
    return queue, dead


@pytest.mark.parametrize("receives", [5, "5", 1, 1000])
def test_a_redrive_policy_that_was_set_on_the_resource_counts(receives: Any) -> None:
    stack = new_stack()
    queue, dead = _by_hand(stack, receives)
    made = poll(stack, function=new_function(stack), queue=queue, dead_letters=dead)
    assert made.dead_letters is dead
    assert (WARNING + "max-receive-count" in warnings_of(stack)) is (receives == 1)


def test_a_dead_letter_queue_known_by_its_arn_alone_is_not_watched_and_synth_says_so() -> None:
    stack = new_stack()
    queue, _ = _by_hand(stack, 5)
    assert poll(stack, function=new_function(stack), queue=queue).dead_letters is None
    assert "pass dead_letters to have it watched" in warnings_of(stack)[WARNING + "imported-queue"]


def test_a_receive_count_that_aws_refuses_is_refused_on_the_resource_too(stack: cdk.Stack, function: Any) -> None:
    for receives in (0, 1001, "many"):
        queue, _ = _by_hand(stack, receives)
        message = f"maxReceiveCount of queue must be 1 to 1000, got {receives!r}"
        refused(stack, message, function=function, queue=queue)


def test_a_redrive_policy_that_was_taken_away_again_does_not_count(stack: cdk.Stack, function: Any) -> None:
    queue = _queue(stack)
    child = queue.node.default_child
    assert isinstance(child, sqs.CfnQueue)
    child.redrive_policy = None
    with pytest.raises(PatternError, match=rf"^queue must have a dead-letter queue, .*got {queue.node.path} without"):
        poll(stack, function=function, queue=queue)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fifo", True),
        ("content_based_deduplication", True),
        ("max_receive_count", 5),
        ("retention", 5),
        ("visibility_timeout", 5),
        ("encryption_key", 5),
    ],
)
def test_a_given_queue_is_not_reshaped(stack: cdk.Stack, function: Any, name: str, value: Any) -> None:
    refused(
        stack,
        f"{name} must be left out when queue is given: a given queue is used as it is, got {value!r}",
        function=function,
        queue=_queue(stack),
        **{name: value},
    )


def _queue(stack: cdk.Stack, visibility: int = 180, receives: int = 5, **properties: Any) -> sqs.Queue:
    n = next(_count)
    dead = sqs.Queue(stack, f"Dead{n}", retention_period=days(14))
    return sqs.Queue(
        stack,
        f"Queue{n}",
        visibility_timeout=seconds(visibility),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=receives),
        **properties,
    )


def test_a_given_queue_is_held_to_the_same_rules(stack: cdk.Stack, function: Any) -> None:
    refused(
        stack,
        "the visibility timeout of queue must be at least the function's timeout, 30 to 43200 seconds, got 29 seconds",
        function=function,
        queue=_queue(stack, visibility=29),
    )
    other = new_stack()
    poll(other, function=new_function(other), queue=_queue(other, visibility=179, receives=4))
    assert {WARNING + "visibility-timeout", WARNING + "max-receive-count"} <= set(warnings_of(other))


def test_another_dead_letter_queue_than_the_given_queues_own_is_refused(stack: cdk.Stack, function: Any) -> None:
    queue = _queue(stack)
    other = sqs.Queue(stack, "Elsewhere", retention_period=days(14))
    assert queue.dead_letter_queue is not None
    own = queue.dead_letter_queue.queue
    refused(
        stack,
        f"dead_letters must be left out, or be the dead-letter queue that the given queue has: {own.node.path}, "
        "got Stack/Elsewhere",
        function=function,
        queue=queue,
        dead_letters=other,
    )
    poll(stack, function=function, queue=queue, dead_letters=own)


# Batches


def test_a_fifo_batch_is_at_most_ten_and_has_no_window(stack: cdk.Stack, function: Any) -> None:
    poll(stack, function=function, fifo=True, batch_size=10)
    refused(
        stack,
        "batch_size must be 1 to 10 for a FIFO queue, got 11",
        function=function,
        fifo=True,
        batch_size=11,
    )
    refused(
        stack,
        "max_batching_window must be left out for a FIFO queue, got 1 seconds",
        function=function,
        fifo=True,
        max_batching_window=seconds(1),
    )


def test_a_batch_above_ten_needs_a_window(stack: cdk.Stack, function: Any) -> None:
    poll(stack, function=function, batch_size=10)
    poll(stack, function=function, batch_size=11, max_batching_window=seconds(1))
    for window, shown in ((None, "none"), (seconds(0), "0 seconds")):
        refused(
            stack,
            f"max_batching_window must be 1 to 300 seconds for a batch_size above 10, got {shown} with batch_size 11",
            function=function,
            batch_size=11,
            max_batching_window=window,
        )


def test_a_whole_batch_going_back_for_one_message_warns() -> None:
    for size, warns in ((1, False), (2, True)):
        stack = new_stack()
        poll(stack, function=new_function(stack), batch_size=size, report_batch_item_failures=False)
        assert (WARNING + "batch-item-failures" in warnings_of(stack)) is warns


def test_deduplication_by_content_is_for_fifo_queues(stack: cdk.Stack, function: Any) -> None:
    poll(stack, function=function, fifo=True, content_based_deduplication=True)
    refused(
        stack,
        "content_based_deduplication must be left out of a standard queue, got True with fifo False",
        function=function,
        content_based_deduplication=True,
    )


# Concurrency


def test_maximum_concurrency_and_pollers_exclude_each_other(stack: cdk.Stack, function: Any) -> None:
    refused(
        stack,
        "max_concurrency must be left out when minimum_pollers or maximum_pollers is given: Lambda takes one of them, "
        "got 5",
        function=function,
        max_concurrency=5,
        minimum_pollers=2,
    )


def test_pollers_at_most_are_not_fewer_than_pollers_at_least(stack: cdk.Stack, function: Any) -> None:
    poll(stack, function=function, minimum_pollers=5, maximum_pollers=5)
    refused(
        stack,
        "maximum_pollers must be 5 (minimum_pollers) to 10000, got 4",
        function=function,
        minimum_pollers=5,
        maximum_pollers=4,
    )


def test_maximum_concurrency_stays_within_the_reserved_concurrency(stack: cdk.Stack) -> None:
    function = new_function(stack, "Five", reserved_concurrent_executions=5)
    poll(stack, function=function, max_concurrency=5)
    refused(
        stack,
        "max_concurrency must be at most the function's reserved concurrency, 2 to 5, got 6",
        function=function,
        max_concurrency=6,
    )


def test_reserved_concurrency_alone_warns_and_zero_is_refused(stack: cdk.Stack) -> None:
    other = new_stack()
    poll(other, function=new_function(other, reserved_concurrent_executions=5))
    assert WARNING + "reserved-concurrency" in warnings_of(other)
    refused(
        stack,
        "function must have reserved concurrency, or none reserved: with 0 every receive is throttled and every "
        "message ends in the dead-letter queue; disable the event source mapping to pause instead, got 0",
        function=new_function(stack, "Zero", reserved_concurrent_executions=0),
    )


# Filters


def test_at_most_ten_filters_and_a_raised_quota_beyond_five() -> None:
    pattern = {"body": {"kind": ["order"]}}
    for many, warns in ((5, False), (6, True), (10, True)):
        stack = new_stack()
        poll(stack, function=new_function(stack), filters=[pattern] * many)
        assert (WARNING + "filter-quota" in warnings_of(stack)) is warns
    stack = new_stack()
    refused(
        stack,
        "filters must be 0 to 10 event patterns, got 11",
        function=new_function(stack),
        filters=[pattern] * 11,
    )


@pytest.mark.parametrize(
    ("filters", "about"),
    [
        ("body", "filters must be a sequence"),
        ({"body": ["a"]}, "filters[0] must be an event pattern as a mapping"),
        ([5], "filters[0] must be an event pattern as a mapping, got 5"),
        ([{"messageAttributes": {"kind": ["order"]}}], "filters[0]"),
        ([{"body": []}], "filters[0]"),
        ([{"body": {"kind": "order"}}], "filters[0]"),
        ([{"body": ["a" * 4_097]}], "filters[0]"),
    ],
    ids=["a string", "a mapping", "a number", "another key", "an empty array", "no array", "too long"],
)
def test_a_filter_that_lambda_would_refuse_is_refused(
    stack: cdk.Stack, function: Any, filters: Any, about: str
) -> None:
    with pytest.raises(PatternError, match=re.escape(about)):
        poll(stack, function=function, filters=filters)


HOSTILE: list[Callable[[], Any]] = [lambda: object(), lambda: "x" * 10_000, lambda: [[]], lambda: {1: 2}, lambda: b"\0"]


@pytest.mark.parametrize(
    "name",
    [
        "function", "queue", "dead_letters", "fifo", "content_based_deduplication", "max_receive_count", "retention",
        "visibility_timeout", "function_timeout", "encryption_key", "batch_size", "max_batching_window",
        "report_batch_item_failures", "filters", "max_concurrency", "minimum_pollers", "maximum_pollers",
        "oldest_message_alarm", "alarm_actions",
    ],
)  # fmt: skip
def test_a_hostile_value_of_any_argument_is_refused_by_name(stack: cdk.Stack, function: Any, name: str) -> None:
    for make in HOSTILE:
        with pytest.raises(PatternError, match=rf"^{name}"):
            poll(stack, **{"function": function, name: make()})
