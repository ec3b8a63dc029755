"""How often a message arrives: certainly several times, or perhaps again."""

from typing import Any

from patterns.flow import Flow, Outcome
from patterns.flow.explain import as_report
from tests.flow.parts import (
    arn,
    dead_letters,
    end,
    ends,
    flow_of,
    function,
    lets_in,
    mapping,
    permission,
    polls,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
)

FILTERED = {"FilterPolicy": {"kind": ["lead"]}}


def both(**queue_subscription: Any) -> Flow:
    """A function that a topic invokes, and that reads a queue behind the same topic."""
    return flow_of(
        Topic=topic(),
        Direct=subscription("Worker", protocol="lambda"),
        Queued=subscription("Queue", **queue_subscription),
        Policy=lets_in("sns", ref("Topic"), "Queue"),
        Permission=permission("sns", ref("Topic")),
        Queue=queue(),
        Worker=function(),
        Role=role(polls("Queue")),
        Poll=mapping(),
    )


def test_a_message_that_comes_by_two_ways_is_processed_twice_and_the_ways_are_named():
    flow = both()
    twice = "twice: directly and by Queue; each more than once: SNS, SQS may deliver again"
    assert end(flow, "Topic", Outcome.PROCESSED).duplicates == twice
    assert f"It reaches Worker {twice}; it arrives in no order." in as_report(flow)


def test_a_way_that_asks_a_filter_is_not_certain():
    assert end(both(**FILTERED), "Topic", Outcome.PROCESSED).duplicates.startswith("more than once")


def twice_subscribed(fifo: bool) -> Flow:
    kind = {"FifoTopic": True} if fifo else {}
    return flow_of(
        Topic=topic(**kind),
        One=subscription("Queue"),
        Two=subscription("Queue"),
        Policy=lets_in("sns", ref("Topic"), "Queue"),
        Queue=queue(FifoQueue=True) if fifo else queue(),
    )


def test_two_subscriptions_of_one_queue_put_every_message_there_twice_unless_it_drops_copies():
    assert end(twice_subscribed(False), "Topic", Outcome.OUTSIDE).duplicates.startswith("twice: by One and by Two; ")
    assert end(twice_subscribed(True), "Topic", Outcome.OUTSIDE).duplicates.startswith("more than once")


def test_readers_of_one_queue_share_its_messages_and_do_not_double_them():
    parts = {"Queue": queue(), "Worker": function(), "Role": role(polls("Queue"))}
    flow = flow_of(**parts, One=mapping(), Two=mapping())
    assert end(flow, "Queue", Outcome.PROCESSED).duplicates == "more than once: SQS may deliver again"


def test_many_ways_are_not_counted_to_the_end():
    queues = {f"Q{n}": queue() for n in range(6)}
    parts: dict[str, Any] = {f"S{n}": subscription(f"Q{n}") for n in range(6)}
    parts |= {f"P{n}": mapping(f"Q{n}") for n in range(6)}
    flow = flow_of(
        **queues,
        **parts,
        Topic=topic(),
        Policy=lets_in("sns", ref("Topic"), *queues),
        Worker=function(),
        Role=role(polls(*queues)),
    )
    told = end(flow, "Topic", Outcome.PROCESSED).duplicates
    assert told.startswith("at least 4 times: by Q2, by Q3, by Q4 and by Q5; ")


def test_a_message_that_fails_and_comes_again_from_the_dead_letter_queue_is_not_told_as_a_copy():
    parts = {"Queue": queue("Dead"), "Dead": dead_letters(), "Worker": function(), "Role": role(polls("Queue", "Dead"))}
    flow = flow_of(**parts, One=mapping(), Two=mapping("Dead"))
    assert [f.duplicates for f in ends(flow, "Queue", Outcome.PROCESSED)] == [
        "more than once: SQS may deliver again"
    ] * 2


def test_what_lambda_queues_itself_may_be_processed_as_late_as_it_is_kept():
    flow = both()
    bucket = resource(
        "AWS::S3::Bucket",
        NotificationConfiguration={"LambdaConfigurations": [{"Event": "s3:*", "Function": arn("Worker")}]},
    )
    told = flow_of(Bucket=bucket, Worker=function(), Role=role(), Permission=permission("s3", arn("Bucket")))
    assert end(told, "Bucket", Outcome.PROCESSED).latest == 21_600
    assert end(flow, "Topic", Outcome.PROCESSED).latest == 1_987_200 + 345_600
    config = resource(
        "AWS::Lambda::EventInvokeConfig",
        FunctionName=ref("Worker"),
        Qualifier="$LATEST",
        MaximumEventAgeInSeconds=600,
        DestinationConfig={"OnSuccess": {"Destination": arn("Next")}},
    )
    lets = role({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"})
    chained = flow_of(
        Bucket=bucket,
        Worker=function(),
        Next=function(),
        Config=config,
        Role=lets,
        Permission=permission("s3", arn("Bucket")),
    )
    assert {f.at: f.latest for f in ends(chained, "Bucket", Outcome.PROCESSED)} == {
        "S/Worker": 600,
        "S/Next": 600 + 21_600,
    }


def test_a_pipe_that_may_not_read_is_no_place_where_messages_enter():
    from patterns.flow import fates

    pipe = resource("AWS::Pipes::Pipe", Source=arn("Queue"), Target=arn("Next"), RoleArn=arn("Role"))
    sends = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    shut = flow_of(Queue=queue(), Next=queue(), Pipe=pipe, Role=role(sends))
    assert list(fates(shut)) == ["S/Next", "S/Queue"]
    read = flow_of(Queue=queue(), Next=queue(), Pipe=pipe, Role=role(sends, polls("Queue")))
    assert list(fates(read)) == ["S/Queue"]


def test_what_a_bucket_sends_passes_no_filter_on_attributes():
    publish = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ref("Topic"),
    }
    policy = resource("AWS::SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument={"Statement": [publish]})

    def processed(**filtered: Any) -> list[str]:
        notes = {"TopicConfigurations": [{"Event": "s3:ObjectCreated:*", "Topic": ref("Topic")}]}
        flow = flow_of(
            Bucket=resource("AWS::S3::Bucket", NotificationConfiguration=notes),
            Topic=topic(),
            Policy=policy,
            Subscription=subscription("Worker", protocol="lambda", **filtered),
            Permission=permission("sns", ref("Topic")),
            Worker=function(),
            Role=role(),
        )
        return [fate.at for fate in ends(flow, "Bucket", Outcome.PROCESSED)]

    assert processed() == ["S/Worker"]
    assert processed(**FILTERED) == []
    assert processed(**FILTERED, FilterPolicyScope="MessageBody") == ["S/Worker"]
