"""Each subscriber gets the messages it wants; what cannot be delivered, and what nobody wants, is kept and told."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from patterns.async_dlq import AsyncDlq
from patterns.flow import as_text, losses, read_flow
from patterns.guard import check
from patterns.sns_filter import FilterPolicy, SnsFilter, Subscriber, anything_but, missing, prefix
from tests._synth import new_app, new_function, new_stack, of_type, template_of, the, warnings_of

QUEUE, TOPIC, SUBSCRIPTION = "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::SNS::Subscription"
ALARM, BUCKET, POLICY = "AWS::CloudWatch::Alarm", "AWS::S3::Bucket", "AWS::SQS::QueuePolicy"
AUTO, HOME = (FilterPolicy.message_body({"kind": [kind]}) for kind in ("auto", "home"))
STARTS = FilterPolicy.message_body({"key": prefix("auto-")}), FilterPolicy.message_body({"key": prefix("home-")})
BY_ATTRIBUTE = FilterPolicy.message_attributes({"kind": ["auto"]})


def fanned(
    stack: cdk.Stack | None = None, auto: FilterPolicy | None = AUTO, home: FilterPolicy | None = HOME, **arguments: Any
) -> tuple[SnsFilter, cdk.Stack]:
    """A topic of leads with two queues, whose alarms tell somebody."""
    stack = stack or new_stack()
    if "subscriptions" not in arguments:
        arguments["subscriptions"] = {
            "Auto": Subscriber(sqs.Queue(stack, "AutoQueue"), auto),
            "Home": Subscriber(sqs.Queue(stack, "HomeQueue"), home),
        }
    arguments.setdefault("alarm_actions", [actions.SnsAction(sns.Topic(stack, "OnCall"))])
    return SnsFilter(stack, "Leads", **arguments), stack


def ref(stack: cdk.Stack, construct: Any) -> str:
    return stack.get_logical_id(construct.node.default_child)


def subscription(template: dict[str, Any], starts_with: str) -> dict[str, Any]:
    return the(template, SUBSCRIPTION, starts_with)


def test_filters_that_one_key_decides_lose_nothing(template_snapshot: Any, flow_snapshot: Any) -> None:
    _, stack = fanned()
    template = template_of(stack)
    flow = read_flow({"Stack": template})
    assert losses(flow) == []
    assert template == template_snapshot
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_filters_that_leave_an_unknown_rest_lose_nothing_with_an_audit(flow_snapshot: Any) -> None:
    _, stack = fanned(auto=STARTS[0], home=STARTS[1], audit=True)
    flow = read_flow({"Stack": template_of(stack)})
    assert losses(flow) == []
    assert as_text(flow) == flow_snapshot
    assert warnings_of(stack) == {}


def test_logical_ids_are_api_and_do_not_change() -> None:
    _, stack = fanned()
    assert sorted(id for id in template_of(stack)["Resources"] if id.startswith("Leads")) == [
        "LeadsAutoUndeliveredExpiring431A994C",
        "LeadsAutoUndeliveredNotEmpty42911F8C",
        "LeadsCatchAllA720F07D",
        "LeadsCatchAllExpiring057FDB11",
        "LeadsCatchAllNotEmpty761526AF",
        "LeadsCatchAllPolicyE9B87241",
        "LeadsDeliveryFailedC33C21D6",
        "LeadsHomeUndeliveredExpiring416DF174",
        "LeadsHomeUndeliveredNotEmptyBA0469F5",
        "LeadsInvalidBody6CBB75DE",
        "LeadsRedriveFailed6430E2E2",
        "LeadsSubscriptionsAutoSubscription7F34607A",
        "LeadsSubscriptionsAutoUndelivered087E894D",
        "LeadsSubscriptionsAutoUndeliveredPolicyCFF01D7F",
        "LeadsSubscriptionsHomeSubscription0057EA87",
        "LeadsSubscriptionsHomeUndelivered641F686C",
        "LeadsSubscriptionsHomeUndeliveredPolicy544CE7A1",
        "LeadsTopic4EEA1DDB",
        "LeadsTopicPolicy7FE329B4",
        "LeadsUnmatchedSubscription6B77B38C",
        "LeadsUnmatchedUndeliveredExpiringC3CE23B2",
        "LeadsUnmatchedUndeliveredF0326DC0",
        "LeadsUnmatchedUndeliveredNotEmpty4125E372",
        "LeadsUnmatchedUndeliveredPolicy8C391CE9",
    ]


def test_a_subscription_has_its_filter_and_its_own_queue_for_what_cannot_be_delivered() -> None:
    made, stack = fanned()
    template = template_of(stack)
    auto = subscription(template, "LeadsSubscriptionsAuto")
    assert (auto["FilterPolicy"], auto["FilterPolicyScope"]) == ({"kind": ["auto"]}, "MessageBody")
    assert auto["Protocol"] == "sqs"
    assert "RawMessageDelivery" not in auto
    queues = set()
    for one in made.subscriptions.values():
        queue = of_type(template, QUEUE)[ref(stack, one.undelivered)]
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
        assert queue["DeletionPolicy"] == "Retain"
        queues.add(ref(stack, one.undelivered))
    assert len(queues) == 2
    assert auto["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [ref(stack, made.subscriptions["Auto"].undelivered), "Arn"]}
    }


def test_subscriptions_wait_for_the_permissions_because_sns_tries_only_once_without() -> None:
    stack = new_stack()
    function = new_function(stack)
    made, _ = fanned(
        stack, subscriptions={"Auto": Subscriber(function, AUTO), "Home": Subscriber(sqs.Queue(stack, "Q"))}
    )
    template = template_of(stack)
    waits = {
        id: sorted(template["Resources"][other]["Type"] for other in one["DependsOn"])
        for id, one in of_type(template, SUBSCRIPTION).items()
    }
    assert sorted(waits.values()) == [["AWS::Lambda::Permission", POLICY], [POLICY, POLICY]]
    assert the(template, "AWS::Lambda::Permission")["SourceArn"] == stack.resolve(made.topic.topic_arn)


def test_every_queue_takes_messages_from_this_topic_alone_and_over_tls_alone() -> None:
    made, stack = fanned()
    template = template_of(stack)
    allowed = [
        (one["Properties"]["Queues"][0]["Ref"], statement)
        for one in of_type(template, POLICY).values()
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert {queue for queue, _ in allowed} == set(of_type(template, QUEUE))
    for _, statement in allowed:
        assert statement["Action"] == "sqs:SendMessage"
        assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": stack.resolve(made.topic.topic_arn)}}


def test_raw_delivery_is_as_asked() -> None:
    stack = new_stack()
    subscriptions = {"Raw": Subscriber(sqs.Queue(stack, "Q"), raw_message_delivery=True)}
    fanned(stack, subscriptions=subscriptions)
    assert subscription(template_of(stack), "LeadsSubscriptionsRaw")["RawMessageDelivery"] is True


# What no filter wants ------------------------------------------------------------------------------------


def test_what_no_filter_wants_is_selected_kept_and_told() -> None:
    made, stack = fanned()
    template = template_of(stack)
    rest = subscription(template, "LeadsUnmatched")
    assert made.unmatched is not None
    assert rest["RedrivePolicy"] == {"deadLetterTargetArn": stack.resolve(made.unmatched.undelivered.queue_arn)}
    assert made.catch_all is not None
    assert made.catch_all_policy is not None
    assert made.catch_all_policy.document == {"kind": [{"anything-but": ["auto", "home"]}, None, {"exists": False}]}
    assert rest["Endpoint"] == {"Fn::GetAtt": [ref(stack, made.catch_all), "Arn"]}
    told = the(template, ALARM, "LeadsCatchAllNotEmpty")
    assert (told["MetricName"], told["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
    for body, wanted in (({"kind": "auto"}, False), ({"kind": "life"}, True), ({"kind": None}, True), ({}, True)):
        assert made.catch_all_policy.matches(body) is wanted


def test_a_null_in_a_policy_reaches_the_template_which_the_cdk_alone_would_drop() -> None:
    """As an object, the array would come out one condition short, or empty."""
    stack = new_stack()
    policy = FilterPolicy.message_body({"kind": ["auto", None]})
    fanned(stack, auto=policy)
    template = template_of(stack)
    assert json.loads(subscription(template, "LeadsSubscriptionsAuto")["FilterPolicy"]) == policy.document
    assert subscription(template, "LeadsSubscriptionsHome")["FilterPolicy"] == HOME.document


def test_a_key_that_is_a_function_of_cloudformation_reaches_the_template_as_text() -> None:
    """As an object, CloudFormation would put the resource's id, or nothing, in place of the policy."""
    for name in ("Ref", "Fn::Sub"):
        stack = new_stack()
        policy = FilterPolicy.message_body({"order": {name: ["auto"]}})
        fanned(stack, auto=policy)
        written = subscription(template_of(stack), "LeadsSubscriptionsAuto")["FilterPolicy"]
        assert json.loads(written) == policy.document


@pytest.mark.parametrize(
    "policies",
    [
        (AUTO, None),
        (AUTO, FilterPolicy.message_body({})),
        (AUTO, FilterPolicy.message_body({"kind": [anything_but("auto"), None, missing()]})),
    ],
    ids=["one without a filter", "one with an empty filter", "two that cover everything"],
)
def test_where_every_message_is_wanted_there_is_nothing_to_catch(policies: Any) -> None:
    made, stack = fanned(auto=policies[0], home=policies[1])
    assert (made.catch_all, made.catch_all_policy, made.unmatched) == (None, None, None)
    template = template_of(stack)
    assert len(of_type(template, SUBSCRIPTION)) == 2
    assert losses(read_flow({"Stack": template})) == []


def test_a_gap_that_no_filter_can_select_is_a_warning_with_an_example() -> None:
    made, stack = fanned(auto=STARTS[0], home=STARTS[1])
    assert made.catch_all is None
    assert warnings_of(stack) == {
        "cdk-messaging-patterns:sns-filter.gap": (
            "A message that matches no filter reaches nobody, for example with the body "
            '{"key": "~other~"}. Pass audit=True for a queue that gets every message.'
        )
    }
    assert [fate.at for fate in losses(read_flow({"Stack": template_of(stack)}))] != []


def test_a_gap_in_attributes_is_shown_too() -> None:
    _, stack = fanned(auto=BY_ATTRIBUTE, home=BY_ATTRIBUTE)
    assert warnings_of(stack)["cdk-messaging-patterns:sns-filter.gap"] == (
        "A message that matches no filter reaches nobody, for example with the attributes {}. "
        "Pass audit=True for a queue that gets every message."
    )


def test_filters_by_body_and_by_attributes_together_cannot_be_compared() -> None:
    _, stack = fanned(home=BY_ATTRIBUTE)
    assert warnings_of(stack)["cdk-messaging-patterns:sns-filter.gap"] == (
        "Whether every message matches a filter cannot be told; one that matches none reaches nobody. "
        "Pass audit=True for a queue that gets every message."
    )


def test_an_audit_gets_every_message_and_alarms_only_when_nobody_takes_them() -> None:
    made, stack = fanned(auto=STARTS[0], home=STARTS[1], audit=True)
    template = template_of(stack)
    assert made.catch_all is not None
    assert made.catch_all_policy is None
    assert "FilterPolicy" not in subscription(template, "LeadsUnmatched")
    alarms = [id for id in of_type(template, ALARM) if id.startswith("LeadsCatchAll")]
    assert len(alarms) == 1
    assert the(template, ALARM, "LeadsCatchAllExpiring")["Threshold"] == 7 * 86_400


def test_an_audit_is_not_needed_where_the_rest_can_be_selected() -> None:
    made, _ = fanned(audit=True)
    assert made.catch_all_policy is not None


def test_a_given_catch_all_is_used_and_opened_to_the_topic() -> None:
    stack = new_stack()
    queue = sqs.Queue(stack, "Mine", retention_period=cdk.Duration.days(14))
    made, _ = fanned(stack, catch_all=queue)
    template = template_of(stack)
    assert made.catch_all is queue
    [statement] = the(template, POLICY, "Mine")["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": stack.resolve(made.topic.topic_arn)}}
    assert losses(read_flow({"Stack": template})) == []


# Filters that match nothing ------------------------------------------------------------------------------


def test_a_filter_that_nothing_can_match_is_a_warning() -> None:
    never = FilterPolicy.message_body({"a": missing(), "$or": [{"a": ["x"]}, {"a": ["y"]}]})
    _, stack = fanned(home=never, auto=None)
    assert warnings_of(stack) == {
        "cdk-messaging-patterns:sns-filter.never-matches": (
            'No message can match the filter policy of subscriptions["Home"]: '
            '{"a": [{"exists": false}], "$or": [{"a": ["x"]}, {"a": ["y"]}]}.'
        )
    }


# Publishers ----------------------------------------------------------------------------------------------


def test_a_bucket_publishes_and_only_buckets_of_this_account_may() -> None:
    stack = new_stack()
    bucket = s3.Bucket(stack, "Bucket")
    made, _ = fanned(stack, buckets=[bucket])
    template = template_of(stack)
    topic = stack.resolve(made.topic.topic_arn)
    assert the(template, BUCKET)["NotificationConfiguration"] == {
        "TopicConfigurations": [{"Event": "s3:ObjectCreated:*", "Topic": topic}]
    }
    [allow] = [
        s for s in the(template, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"
    ]
    assert allow["Principal"] == {"Service": "s3.amazonaws.com"}
    assert (allow["Action"], allow["Resource"]) == ("sns:Publish", topic)
    assert allow["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:s3:::*"}},
    }
    [resource] = of_type(template, BUCKET).values()
    assert [template["Resources"][id]["Type"] for id in resource["DependsOn"]] == ["AWS::SNS::TopicPolicy"]
    assert losses(read_flow({"Stack": template})) == []


def test_a_bucket_with_a_name_is_the_only_one_that_may_publish() -> None:
    stack = new_stack()
    fanned(
        stack, buckets=[s3.Bucket(stack, "Bucket", bucket_name="leads-of-mine")], bucket_events=["s3:ObjectRemoved:*"]
    )
    template = template_of(stack)
    statements = the(template, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert statements[-1]["Condition"]["ArnLike"] == {
        "aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:s3:::leads-of-mine"}
    }
    assert the(template, BUCKET)["NotificationConfiguration"]["TopicConfigurations"][0]["Event"] == "s3:ObjectRemoved:*"


def test_notifications_that_would_replace_ours_are_refused_at_synth() -> None:
    stack = new_stack()
    bucket = s3.Bucket(stack, "Bucket")
    fanned(stack, buckets=[bucket])
    bucket.enable_event_bridge_notification()
    with pytest.raises(RuntimeError, match="must have no notifications beside those of Stack/Leads"):
        template_of(stack)


def test_another_service_may_publish_for_this_account() -> None:
    stack = new_stack()
    fanned(stack, services=["cloudwatch.amazonaws.com"])
    statements = the(template_of(stack), "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert statements[-1]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statements[-1]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


# Topics, keys, stacks ------------------------------------------------------------------------------------


def test_a_given_topic_is_used_and_no_other_defined() -> None:
    stack = new_stack()
    topic = sns.Topic(stack, "Mine")
    made, _ = fanned(stack, topic=topic)
    template = template_of(stack)
    assert made.topic is topic
    assert sorted(of_type(template, TOPIC)) == sorted(
        [ref(stack, topic), *(i for i in of_type(template, TOPIC) if "OnCall" in i)]
    )


def test_a_fifo_topic_has_fifo_queues_for_what_fails() -> None:
    stack = new_stack()
    subscriptions = {
        "Auto": Subscriber(sqs.Queue(stack, "A", fifo=True), AUTO),
        "Home": Subscriber(sqs.Queue(stack, "B"), HOME),
    }
    made, _ = fanned(stack, subscriptions=subscriptions, fifo=True, content_based_deduplication=True)
    template = template_of(stack)
    topic = the(template, TOPIC, "LeadsTopic")
    assert (topic["FifoTopic"], topic["ContentBasedDeduplication"]) == (True, True)
    for queue in (*(one.undelivered for one in made.subscriptions.values()), made.catch_all):
        assert of_type(template, QUEUE)[ref(stack, queue)]["Properties"]["FifoQueue"] is True
    assert losses(read_flow({"Stack": template})) == []


def test_a_customer_managed_key_encrypts_what_is_defined_and_lets_in_who_has_to() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    fanned(stack, encryption_key=key, buckets=[s3.Bucket(stack, "Bucket")])
    template = template_of(stack)
    arn = {"Fn::GetAtt": [ref(stack, key), "Arn"]}
    encrypted = [r for id, r in of_type(template, QUEUE).items() if id.startswith("Leads")]
    assert {json.dumps(r["Properties"]["KmsMasterKeyId"]) for r in encrypted} == {json.dumps(arn)}
    assert the(template, TOPIC, "LeadsTopic")["KmsMasterKeyId"] == arn
    assert _let_in(template) == {"sns.amazonaws.com", "s3.amazonaws.com"}
    assert losses(read_flow({"Stack": template})) == []


def _let_in(template: dict[str, Any]) -> set[str]:
    """The services that may use the key; those that publish for this account alone."""
    statements = [
        statement
        for statement in the(template, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    ]
    found: set[str] = set()
    for statement in statements:
        services = statement["Principal"]["Service"]
        found |= {services} if isinstance(services, str) else set(services)
        if services != "sns.amazonaws.com":
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    return found


def test_the_key_of_a_given_topic_lets_in_who_publishes() -> None:
    stack = new_stack()
    topic = sns.Topic(stack, "Mine", master_key=kms.Key(stack, "Key"))
    fanned(stack, topic=topic, buckets=[s3.Bucket(stack, "Bucket")], services=["cloudwatch.amazonaws.com"])
    template = template_of(stack)
    assert _let_in(template) == {"s3.amazonaws.com", "cloudwatch.amazonaws.com"}
    assert losses(read_flow({"Stack": template})) == []


def test_the_imported_key_of_a_given_topic_is_a_warning_where_somebody_publishes() -> None:
    for services in ([], ["cloudwatch.amazonaws.com"]):
        stack = new_stack()
        key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:us-east-1:111122223333:key/mine")
        fanned(stack, topic=sns.Topic(stack, "Mine", master_key=key), services=services)
        found = warnings_of(stack).get("cdk-messaging-patterns:sns-filter.imported-key")
        assert found == (
            "The key is imported, so its policy could not be extended. It must allow kms:Decrypt and "
            "kms:GenerateDataKey to cloudwatch.amazonaws.com, or nothing is published."
            if services
            else None
        )


def test_the_key_of_a_given_queue_lets_sns_in() -> None:
    stack = new_stack()
    key = kms.Key(stack, "Key")
    queue = sqs.Queue(stack, "Q", encryption_master_key=key)
    fanned(stack, subscriptions={"All": Subscriber(queue)})
    template = template_of(stack)
    assert "sns.amazonaws.com" in json.dumps(the(template, "AWS::KMS::Key")["KeyPolicy"])
    assert losses(read_flow({"Stack": template})) == []


def test_queues_functions_and_buckets_may_stand_in_other_stacks() -> None:
    app = new_app()
    here, there = new_stack("Here", app), new_stack("There", app)
    subscriptions: dict[str, Subscriber] = {
        "Auto": Subscriber(sqs.Queue(there, "Q"), AUTO),
        "Home": Subscriber(new_function(there), HOME),
    }
    fanned(here, subscriptions=subscriptions)
    statements = the(template_of(there), POLICY)["PolicyDocument"]["Statement"]
    assert statements[0]["Condition"] == {
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*"}}
    }


def test_a_bucket_in_another_stack_waits_for_the_topic_and_makes_no_cycle() -> None:
    app = new_app()
    here, there = new_stack("Here", app), new_stack("There", app)
    fanned(here, buckets=[s3.Bucket(there, "Bucket")])
    assert "Here" in json.dumps(the(template_of(there), BUCKET)["NotificationConfiguration"])


def test_an_alias_is_invoked_as_that_alias() -> None:
    stack = new_stack()
    alias = lambda_.Alias(stack, "Live", alias_name="live", version=new_function(stack).current_version)
    fanned(stack, subscriptions={"All": Subscriber(alias)})
    template = template_of(stack)
    assert subscription(template, "Leads")["Endpoint"] == {"Ref": ref(stack, alias)}
    assert the(template, "AWS::Lambda::Permission")["FunctionName"] == {"Ref": ref(stack, alias)}


# Alarms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("netted", [False, True])
def test_a_subscribed_function_without_a_net_is_found_wherever_its_net_would_stand(netted: bool) -> None:
    app = new_app()
    stack, elsewhere = new_stack("Stack", app), new_stack("Nets", app)
    function = new_function(stack)
    fanned(stack, subscriptions={"Auto": Subscriber(function, AUTO)})
    if netted:
        AsyncDlq(elsewhere, "Net", function=function)
    templates = {each.stack_name: template_of(each) for each in ([stack, elsewhere] if netted else [stack])}
    found = {finding.rule for finding in check(read_flow(templates)).findings}
    assert ("async-no-failure-destination" not in found) is netted


def test_alarms_tell_of_every_way_to_lose_a_message() -> None:
    made, stack = fanned()
    template = template_of(stack)
    metrics = {(a["Properties"]["Namespace"], a["Properties"]["MetricName"]) for a in of_type(template, ALARM).values()}
    assert metrics == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/SNS", "NumberOfNotificationsFailed"),
        ("AWS/SNS", "NumberOfNotificationsFailedToRedriveToDlq"),
        ("AWS/SNS", "NumberOfNotificationsFilteredOut-InvalidMessageBody"),
    }
    assert len(made.alarms) == len(of_type(template, ALARM)) == 2 * 3 + 2 + 3
    for alarm in of_type(template, ALARM).values():
        properties = alarm["Properties"]
        assert properties["ComparisonOperator"] == "GreaterThanThreshold"
        assert properties["TreatMissingData"] == "notBreaching"
        assert len(properties["AlarmActions"]) == 1
        if properties["Namespace"] == "AWS/SNS":
            name = {"Fn::GetAtt": [ref(stack, made.topic), "TopicName"]}
            assert properties["Dimensions"] == [{"Name": "TopicName", "Value": name}]
            assert (properties["Statistic"], properties["Threshold"]) == ("Sum", 0)


def test_filters_by_attributes_have_the_alarm_for_attributes_and_not_for_bodies() -> None:
    _, stack = fanned(auto=BY_ATTRIBUTE, home=None)
    names = {a["Properties"]["MetricName"] for a in of_type(template_of(stack), ALARM).values()}
    assert "NumberOfNotificationsFilteredOut-InvalidAttributes" in names
    assert "NumberOfNotificationsFilteredOut-InvalidMessageBody" not in names


def test_alarms_that_tell_nobody_are_a_warning() -> None:
    _, stack = fanned(alarm_actions=())
    assert set(warnings_of(stack)) == {"cdk-messaging-patterns:alarm-without-action"}


def test_two_in_one_stack_do_not_meet() -> None:
    stack = new_stack()
    for id in ("One", "Two"):
        SnsFilter(stack, id, subscriptions={"Auto": Subscriber(sqs.Queue(stack, f"Q{id}"), AUTO)})
    template = template_of(stack)
    assert len(of_type(template, TOPIC)) == 2
    assert len(of_type(template, SUBSCRIPTION)) == 4
