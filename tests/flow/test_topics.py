"""A message on a topic: delivered to every subscriber, or kept for each one that it could not reach."""

import json

import pytest

from patterns.flow import Answer, Outcome, fates, losses, read_flow
from patterns.flow.model import DeadLetter, Subscription, Topic
from tests.flow.parts import (
    alarm,
    allow,
    arn,
    async_config,
    changed,
    dead_letters,
    end,
    ends,
    flow_of,
    function,
    lets_in,
    permission,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
    why_lost,
)

TO_QUEUE = {
    "Topic": topic(),
    "Queue": queue(),
    "Undelivered": dead_letters(),
    "Subscription": subscription("Queue", dead="Undelivered"),
    "Policy": lets_in("sns", ref("Topic"), "Queue", "Undelivered"),
}
TO_FUNCTION = {
    "Topic": topic(),
    "Worker": function(),
    "Role": role(allow(arn("Failed"), "sqs:SendMessage")),
    "Failed": dead_letters(),
    "Undelivered": dead_letters(),
    "Subscription": subscription("Worker", protocol="lambda", dead="Undelivered"),
    "Policy": lets_in("sns", ref("Topic"), "Undelivered"),
    "Permission": permission("sns", ref("Topic")),
    "Config": async_config("Failed"),
}


def test_a_subscription_with_a_dead_letter_queue_loses_nothing():
    flow = flow_of(**TO_QUEUE)
    assert losses(flow) == []
    kept = end(flow, "Topic", Outcome.DLQ)
    assert kept.at == "S/Undelivered"
    assert (kept.attempts, kept.soonest, kept.latest) == (100_015, 0, 23 * 86_400)


def test_a_delivery_that_fails_for_good_is_dropped_without_a_dead_letter_queue():
    flow = flow_of(**{**TO_QUEUE, "Subscription": subscription("Queue")})
    (lost,) = losses(flow)
    assert (lost.outcome, lost.at, lost.hop) == (Outcome.DROPPED, "S/Queue", "S/Subscription")
    assert lost.remedy == "give the subscription of Queue a dead-letter queue"


def test_a_dead_letter_queue_that_sns_may_not_write_to_keeps_nothing():
    flow = flow_of(**{**TO_QUEUE, "Policy": lets_in("sns", ref("Topic"), "Queue")})
    (lost,) = losses(flow)
    assert lost.outcome is Outcome.DROPPED
    assert lost.condition.endswith(
        "; its dead-letter queue cannot take it: no policy on Undelivered lets sns.amazonaws.com in"
    )
    assert lost.remedy == "make the dead-letter queue writable: no policy on Undelivered lets sns.amazonaws.com in"


def test_a_queue_without_a_policy_gets_nothing_and_everything_goes_to_the_dead_letter_queue():
    flow = flow_of(**{**TO_QUEUE, "Policy": lets_in("sns", ref("Topic"), "Undelivered")})
    assert losses(flow) == []
    kept = end(flow, "Topic", Outcome.DLQ)
    assert kept.condition == "it cannot be delivered to Queue: no policy on Queue lets sns.amazonaws.com in"
    assert (kept.attempts, kept.latest) == (1, 0)
    assert ends(flow, "Topic", Outcome.OUTSIDE) == []


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (ref("Topic"), Answer.ALLOWED),
        (ref("Other"), Answer.DENIED),
        ("arn:aws:sns:*:*:*", Answer.ALLOWED),
        (None, Answer.ALLOWED),
    ],
)
def test_the_source_arn_of_the_policy_must_be_the_topic(source, answer):
    flow = flow_of(**{**TO_QUEUE, "Policy": lets_in("sns", source, "Queue", "Undelivered")}, Other=topic())
    (push,) = flow.edges_of(Subscription)
    assert push.verdict.answer is answer


def test_an_inline_queue_policy_counts():
    document = lets_in("sns", ref("Topic"), "Queue")["Properties"]["PolicyDocument"]
    inline = resource("AWS::SQS::QueueInlinePolicy", Queue=ref("Queue"), PolicyDocument=document)
    flow = flow_of(**{**TO_QUEUE, "Policy": lets_in("sns", ref("Topic"), "Undelivered")}, Inline=inline)
    assert flow.edges_of(Subscription)[0].verdict.allowed


@pytest.mark.parametrize("dead", ["Queue", "Undelivered"])
def test_the_key_that_aws_manages_shuts_sns_out(dead):
    flow = flow_of(**{**TO_QUEUE, dead: changed(TO_QUEUE[dead], KmsMasterKeyId="alias/aws/sqs")})
    edge = flow.edges_of(Subscription if dead == "Queue" else DeadLetter)[0]
    assert edge.verdict.why == "sns.amazonaws.com cannot use the key alias/aws/sqs"
    assert bool(losses(flow)) is (dead == "Undelivered")


def test_a_key_of_ones_own_needs_a_statement_for_sns():
    def with_key(*statements):
        key = resource("AWS::KMS::Key", KeyPolicy={"Statement": list(statements)})
        encrypted = changed(TO_QUEUE["Queue"], KmsMasterKeyId=arn("Key"))
        return flow_of(**{**TO_QUEUE, "Queue": encrypted}, Key=key).edges_of(Subscription)[0].verdict

    root = {
        "Effect": "Allow",
        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
        "Action": "kms:*",
        "Resource": "*",
    }
    sns = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "Resource": "*",
    }
    assert with_key(root).why == "the policy of the key Key gives sns.amazonaws.com no kms:GenerateDataKey"
    assert with_key(root, sns).allowed
    assert with_key(root, {**sns, "Action": "kms:Decrypt"}).denied
    assert with_key(root, {**sns, "Condition": {"StringEquals": {"kms:Elsewhere": "x"}}}).unknown


def test_a_function_needs_two_nets():
    assert losses(flow_of(**TO_FUNCTION)) == []
    delivery = flow_of(**{**TO_FUNCTION, "Subscription": subscription("Worker", protocol="lambda")})
    assert [fate.hop for fate in losses(delivery)] == ["S/Subscription"]
    processing = flow_of(**{**TO_FUNCTION, "Config": async_config()})
    assert why_lost(processing) == ["Worker cannot be run within 6 h (throttled)", "Worker fails 3 times"]


def test_a_function_that_does_not_let_sns_in_is_never_invoked():
    flow = flow_of(**{**TO_FUNCTION, "Permission": permission("events", ref("Topic"))})
    assert ends(flow, "Topic", Outcome.PROCESSED) == []
    assert end(flow, "Topic", Outcome.DLQ).condition == (
        "it cannot be delivered to Worker: the policy on Worker does not allow sns.amazonaws.com lambda:InvokeFunction"
    )


def test_a_resource_policy_of_a_function_replaces_its_permissions():
    document = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "lambda:*", "Resource": "*"}]}
    policy = resource("AWS::Lambda::ResourcePolicy", ResourceArn=arn("Worker"), Policy=document)
    flow = flow_of(**TO_FUNCTION, Replaced=policy)
    assert flow.edges_of(Subscription)[0].verdict.denied


def test_what_no_filter_lets_through_is_lost_unless_something_takes_the_rest():
    red = {"color": ["red"]}
    only = {**TO_QUEUE, "Subscription": subscription("Queue", dead="Undelivered", FilterPolicy=red)}
    (lost,) = losses(flow_of(**only))
    assert (lost.outcome, lost.condition) == (Outcome.FILTERED, "it does not match the filter policy on Topic")

    audit = {
        **only,
        "Audit": queue(),
        "Rest": subscription("Audit", dead="Undelivered"),
        "Policy": lets_in("sns", ref("Topic"), "Queue", "Undelivered", "Audit"),
    }
    flow = flow_of(**audit)
    assert losses(flow) == []
    assert [fate.at for fate in ends(flow, "Topic", Outcome.FILTERED)] == ["S/Queue"]


def test_filters_that_leave_no_gap_lose_nothing():
    def both(one, other):
        return losses(
            flow_of(
                **{
                    **TO_QUEUE,
                    "Other": queue(),
                    "Policy": lets_in("sns", ref("Topic"), "Queue", "Undelivered", "Other"),
                    "Subscription": subscription(
                        "Queue", dead="Undelivered", FilterPolicy=one, FilterPolicyScope="MessageBody"
                    ),
                    "Rest": subscription(
                        "Other", dead="Undelivered", FilterPolicy=other, FilterPolicyScope="MessageBody"
                    ),
                }
            )
        )

    assert [fate.condition for fate in both({"a": ["x"]}, {"a": ["y"]})] == [
        "it does not match any of the 2 filter policies on Topic"
    ]
    gap = both({"a": ["x"]}, {"a": [{"anything-but": ["x"]}]})
    assert [fate.outcome for fate in gap] == [Outcome.FILTERED], "a body without the key matches neither"
    assert both({"a": ["x"]}, {"a": [{"anything-but": ["x"]}, {"exists": False}, None]}) == []


def test_a_gap_between_filters_that_cannot_be_told_is_no_loss_and_is_said():
    unknown = subscription("Queue", dead="Undelivered", FilterPolicy={"a": [{"no-such": "operator"}]})
    flow = flow_of(**{**TO_QUEUE, "Subscription": unknown})
    assert losses(flow) == []
    assert end(flow, "Topic", Outcome.FILTERED).unsure == ("whether the filter policies on Topic leave a gap",)


def test_a_fifo_topic_delivers_to_queues_only():
    fifo = {**TO_FUNCTION, "Topic": topic(FifoTopic=True), "Undelivered": dead_letters(FifoQueue=True)}
    edge = flow_of(**fifo).edges_of(Subscription)[0]
    assert edge.verdict.why == "a FIFO topic delivers to queues only, not to lambda"


def test_a_fifo_topic_keeps_its_order_into_a_fifo_queue():
    fifo = {
        **TO_QUEUE,
        "Topic": topic(FifoTopic=True),
        "Queue": queue(FifoQueue=True),
        "Undelivered": dead_letters(FifoQueue=True),
    }
    flow = flow_of(**fifo)
    assert losses(flow) == []
    assert end(flow, "Topic", Outcome.OUTSIDE).order == "in order within a message group"
    assert end(flow_of(**{**fifo, "Queue": queue()}), "Topic", Outcome.OUTSIDE).order == "in no order"


@pytest.mark.parametrize(("fifo_topic", "fifo_queue"), [(True, False), (False, True)])
def test_the_dead_letter_queue_of_a_subscription_is_of_the_topics_kind(fifo_topic, fifo_queue):
    flow = flow_of(
        **{
            **TO_QUEUE,
            "Topic": topic(FifoTopic=fifo_topic),
            "Queue": queue(FifoQueue=fifo_topic),
            "Undelivered": dead_letters(FifoQueue=fifo_queue),
        }
    )
    assert flow.edges_of(DeadLetter)[0].verdict.denied
    assert len(losses(flow)) == 1


@pytest.mark.parametrize(
    ("retry", "attempts", "seconds"),
    [(None, 4, 60), ({"numRetries": 0}, 1, 0), ({"numRetries": 100, "maxDelayTarget": 3600}, 101, 3600)],
)
@pytest.mark.parametrize("written", [dict, json.dumps], ids=["as an object", "as text"])
def test_a_web_endpoint_is_tried_as_its_delivery_policy_says(retry, attempts, seconds, written):
    more = {"DeliveryPolicy": written({"healthyRetryPolicy": retry})} if retry else {}
    web = resource(
        "AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="https", Endpoint="https://example.com/in", **more
    )
    flow = flow_of(Topic=topic(), Web=web)
    (edge,) = flow.edges_of(Subscription)
    assert (edge.attempts, edge.seconds) == (attempts, seconds)
    assert end(flow, "Topic", Outcome.DROPPED).latest == seconds


def test_a_delivery_policy_that_cannot_be_read_says_no_number_of_tries():
    web = resource(
        "AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="https", Endpoint="https://a.b", DeliveryPolicy="{"
    )
    gone = end(flow_of(Topic=topic(), Web=web), "Topic", Outcome.DROPPED)
    assert (gone.attempts, gone.latest) == (None, None)


def test_a_delivery_policy_written_as_text_may_leave_its_tries_open():
    text = {"Fn::Sub": '{"healthyRetryPolicy": {"numRetries": ${Tries}}}'}
    web = resource(
        "AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="https", Endpoint="https://a.b", DeliveryPolicy=text
    )
    document = {"Parameters": {"Tries": {"Type": "Number"}}, "Resources": {"Topic": topic(), "Web": web}}
    gone = end(read_flow({"S": document}), "Topic", Outcome.DROPPED)
    assert gone.attempts is None
    assert gone.unsure == ("how often it is tried to deliver to https://a.b",)


def test_a_subscription_written_into_the_topic_has_no_net():
    inline = topic(Subscription=[{"Protocol": "sqs", "Endpoint": arn("Queue")}])
    flow = flow_of(Topic=inline, Queue=queue(), Policy=lets_in("sns", ref("Topic"), "Queue"))
    assert [fate.hop for fate in losses(flow)] == ["S/Topic#Subscription[0]"]


def test_a_topic_without_subscribers_may_have_some_elsewhere():
    flow = flow_of(Topic=topic())
    assert losses(flow) == []
    assert end(flow, "Topic", Outcome.OUTSIDE).unsure == ("who subscribes to Topic",)


def test_an_archive_of_a_fifo_topic_keeps_what_cannot_be_delivered():
    archived = topic(FifoTopic=True, ArchivePolicy={"MessageRetentionPeriod": 30})
    flow = flow_of(
        **{**TO_QUEUE, "Topic": archived, "Queue": queue(FifoQueue=True), "Subscription": subscription("Queue")}
    )
    assert losses(flow) == []
    kept = end(flow, "Topic", Outcome.DROPPED).kept
    assert kept is not None
    assert (kept.place, kept.at_most) == ("S/Topic", 30 * 86_400)


def test_data_that_the_topic_denies_is_refused_or_blocked():
    def protected(direction):
        statement = {"DataDirection": direction, "Principal": ["*"], "Operation": {"Deny": {}}}
        return flow_of(**{**TO_QUEUE, "Topic": topic(DataProtectionPolicy={"Statement": [statement]})})

    assert end(protected("Inbound"), "Topic", Outcome.REJECTED).condition.endswith("the publisher gets an error")
    assert end(protected("Outbound"), "Topic", Outcome.BLOCKED).condition.endswith("only delivery logs show it")


def test_an_alarm_on_failed_notifications_tells_of_a_loss_but_keeps_nothing():
    failed = alarm("AWS/SNS", "NumberOfNotificationsFailed", TopicName=arn("Topic", "TopicName"))
    flow = flow_of(**{**TO_QUEUE, "Subscription": subscription("Queue")}, Failed=failed)
    (lost,) = losses(flow)
    assert lost.alarms == ("S/Failed",)


def test_an_endpoint_that_is_a_parameter_without_a_value_is_said():
    from patterns.flow import read_flow

    template = {
        "Parameters": {"Where": {"Type": "String"}},
        "Resources": {
            "Topic": topic(),
            "Out": resource("AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="sqs", Endpoint=ref("Where")),
        },
    }
    flow = read_flow({"S": template})
    assert flow.notes[-1] == "cannot be told: Endpoint of Out: parameter Where has no value"
    assert flow.edges_of(Subscription)[0].verdict.unknown


def test_a_topic_elsewhere_may_have_other_subscriptions_for_what_a_filter_rejects():
    elsewhere = "arn:aws:sns:eu-central-1:111122223333:orders"
    filtered = resource(
        "AWS::SNS::Subscription", TopicArn=elsewhere, Protocol="sqs", Endpoint=arn("Queue"), FilterPolicy={"k": ["v"]}
    )
    flow = flow_of(Queue=queue(), Subscription=filtered, Policy=lets_in("sns", elsewhere, "Queue"))
    [told] = fates(flow).values()
    [rejected] = [fate for fate in told if fate.outcome is Outcome.FILTERED]
    assert not rejected.lost
    assert rejected.unsure == ("which other subscriptions orders has",)


def test_a_topic_that_only_tells_people_of_alarms_is_no_source_but_one_that_code_listens_to_is():
    told = alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName="other")
    told["Properties"]["AlarmActions"] = [ref("Topic")]
    mail = resource("AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="email", Endpoint="ops@example.com")
    assert fates(flow_of(Topic=topic(), Told=told, Mail=mail)) == {}
    assert list(fates(flow_of(**TO_FUNCTION, Told=told))) == ["S/Topic"]


def test_what_is_denied_is_to_be_allowed_before_anything_else():
    [lost] = losses(flow_of(Topic=topic(), Queue=queue(), Subscription=subscription("Queue")))
    assert lost.remedy == (
        "let it be delivered (no policy on Queue lets sns.amazonaws.com in), and give the subscription of Queue a"
        " dead-letter queue"
    )


def test_a_service_is_known_by_its_name_whatever_the_suffix():
    policy = lets_in("sns", ref("Topic"), "Queue")
    policy["Properties"]["PolicyDocument"]["Statement"][0]["Principal"] = {
        "Service": {"Fn::Sub": "sns.${AWS::URLSuffix}"}
    }
    [edge] = flow_of(Topic=topic(), Queue=queue(), S=subscription("Queue"), P=policy).edges_of(Subscription)
    assert edge.verdict.allowed


def test_what_is_denied_to_some_subscribers_is_told_for_each_statement():
    def denied(*principals):
        return {"DataDirection": "Outbound", "Principal": list(principals), "Operation": {"Deny": {}}}

    policy = {"Statement": [denied(arn("Billing")), denied(arn("Labs"), arn("Billing")), denied("*")]}
    flow = flow_of(Topic=topic(DataProtectionPolicy=policy), Billing=resource("AWS::IAM::Role"), Labs=role())
    said = [fate.condition for fate in ends(flow, "Topic", Outcome.BLOCKED)]
    assert [condition.partition("denies ")[2] for condition in said] == [
        "to Billing and Labs; only delivery logs show it",
        "to Billing; only delivery logs show it",
        "to every subscriber; only delivery logs show it",
    ]


def test_a_protocol_that_a_parameter_decides_leaves_open_how_often_it_is_tried():
    parts = {**TO_QUEUE, "Subscription": changed(TO_QUEUE["Subscription"], Protocol=ref("How"))}
    flow = read_flow({"S": {"Parameters": {"How": {"Type": "String"}}, "Resources": parts}})
    kept = next(f for f in fates(flow)["S/Topic"] if f.outcome is Outcome.DLQ)
    assert (kept.attempts, kept.latest) == (None, None)
    assert kept.condition == (
        "it cannot be delivered to Queue: at once where access or the target is missing, else after its last try"
    )
    assert kept.unsure
    certain = next(f for f in fates(flow_of(**TO_QUEUE))["S/Topic"] if f.outcome is Outcome.DLQ)
    assert certain.unsure == ()


def test_a_data_protection_policy_that_a_parameter_decides_may_reject_and_block():
    parts = {**TO_QUEUE, "Topic": topic(DataProtectionPolicy=ref("Policy"))}
    del parts["Policy"]
    flow = read_flow({"S": {"Parameters": {"Policy": {"Type": "String"}}, "Resources": parts}})
    for outcome in (Outcome.REJECTED, Outcome.BLOCKED):
        (told,) = [f for f in fates(flow)["S/Topic"] if f.outcome is outcome]
        assert told.unsure == ("the data protection policy of Topic",)
    assert not [f for f in fates(flow_of(**TO_QUEUE))["S/Topic"] if f.outcome is Outcome.BLOCKED]


def test_the_net_of_a_subscription_may_be_written_as_text():
    policy = {"Fn::Sub": '{"deadLetterTargetArn":"${Dead.Arn}"}'}
    flow = flow_of(
        Topic=topic(),
        Queue=queue(),
        Dead=dead_letters(),
        Policy=lets_in("sns", ref("Topic"), "Queue", "Dead"),
        Link=changed(subscription("Queue"), RedrivePolicy=policy),
    )
    assert losses(flow) == []
    assert end(flow, "Topic", Outcome.DLQ).at == "S/Dead"


@pytest.mark.parametrize(("archive", "days"), [('{"MessageRetentionPeriod":"30"}', 30), (ref("Open"), None)])
def test_an_archive_policy_may_be_text_or_left_open(archive, days):
    document = {
        "Parameters": {"Open": {"Type": "String"}},
        "Resources": {"Topic": topic(FifoTopic=True, ArchivePolicy=archive)},
    }
    (node,) = read_flow({"S": document}).nodes_of(Topic)
    assert node.archive_days == days


NAMED = {"Fn::Sub": "arn:aws:firehose:${AWS::Region}:${AWS::AccountId}:deliverystream/events"}


@pytest.mark.parametrize(
    ("granted", "writes", "answer"),
    [
        (allow(arn("Stream"), "firehose:PutRecord", "firehose:PutRecordBatch"), "Writer", Answer.ALLOWED),
        (allow(NAMED, "firehose:PutRecord"), "Writer", Answer.ALLOWED),
        (allow("*", "firehose:DescribeDeliveryStream"), "Writer", Answer.DENIED),
        (allow("arn:aws:firehose:*:*:deliverystream/other", "firehose:PutRecord"), "Writer", Answer.DENIED),
        (allow("*", "firehose:PutRecord"), "Imported", Answer.UNKNOWN),
    ],
)
def test_sns_writes_to_firehose_by_the_role_of_the_subscription(granted, writes, answer):
    how = {"SubscriptionRoleArn": arn(writes)} if writes == "Writer" else {"SubscriptionRoleArn": ref("Open")}
    flow = flow_of(
        Topic=topic(),
        Stream=resource("AWS::KinesisFirehose::DeliveryStream", DeliveryStreamName="events"),
        Subscription=subscription("Stream", protocol="firehose", dead="Undelivered", **how),
        Undelivered=dead_letters(),
        Policy=lets_in("sns", ref("Topic"), "Undelivered"),
        Writer=role(granted),
    )
    (edge,) = flow.edges_of(Subscription)
    assert edge.verdict.answer is answer
    if answer is Answer.DENIED:
        why = "it cannot be delivered to Stream: Writer has no firehose:PutRecord on Stream"
        assert end(flow, "Topic", Outcome.DLQ).condition == why
