"""What a function sends by itself stands in no template: its role and its environment make it likely."""

import pytest

from patterns.flow import loops
from patterns.flow.model import Answer, Destination, Send
from tests.flow.parts import (
    allow,
    arn,
    async_config,
    changed,
    dead_letters,
    deployed,
    flow_of,
    function,
    key,
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


def sub(text):
    return {"Fn::Sub": text}


def bucket(*notifications, **properties):
    configuration = {"LambdaConfigurations": [{"Function": arn("Worker"), **one} for one in notifications]}
    return resource("AWS::S3::Bucket", NotificationConfiguration=configuration, **properties)


def sends(statement, **more):
    parts = {
        "Queue": queue(QueueName="inbox"),
        "Topic": topic(TopicName="news"),
        "Bus": resource("AWS::Events::EventBus", Name="shop"),
        "Bucket": resource("AWS::S3::Bucket", BucketName=sub("up-${AWS::AccountId}")),
        "Stream": resource("AWS::Kinesis::Stream", Name="clicks"),
        "Other": function("Another", FunctionName="other"),
        "Nameless": queue(),
        "Worker": function(),
        "Role": role(*([statement] if isinstance(statement, dict) else statement)),
    }
    return [edge.target.partition("/")[2] for edge in flow_of(**{**parts, **more}).edges_of(Send)]


@pytest.mark.parametrize(
    ("place", "action", "found"),
    [
        (sub("arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:inbox"), "sqs:SendMessage", ["Queue"]),
        ("arn:aws:sqs:eu-west-1:111122223333:inbox", "sqs:*", ["Queue"]),
        ("arn:aws:sqs:eu-west-1:111122223333:another", "sqs:*", []),
        (sub("arn:${AWS::Partition}:sns:*:*:news"), "sns:Publish", ["Topic"]),
        (sub("arn:aws:events:${AWS::Region}:${AWS::AccountId}:event-bus/shop"), "events:PutEvents", ["Bus"]),
        (sub("arn:aws:s3:::up-${AWS::AccountId}/*"), "s3:PutObject", ["Bucket"]),
        (sub("arn:aws:s3:::up-${AWS::AccountId}/out/*"), "s3:PutObject", ["Bucket"]),
        (sub("arn:aws:s3:::up-${AWS::AccountId}/*"), "s3:GetObject", []),
        (sub("arn:aws:kinesis:${AWS::Region}:${AWS::AccountId}:stream/clicks"), "kinesis:PutRecords", ["Stream"]),
        (sub("arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:other"), "lambda:InvokeFunction", ["Other"]),
        (sub("arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:other:*"), "lambda:InvokeFunction", ["Other"]),
        ("arn:aws:sqs:eu-west-1:111122223333:*", "sqs:*", []),
        ("*", "sqs:*", []),
        ("inbox", "sqs:*", []),
    ],
)
def test_a_grant_on_the_arn_of_a_named_resource_is_a_grant_on_it(place, action, found):
    assert sends(allow(place, action)) == found


def hears(pattern, statement):
    """A function that a rule of the default bus invokes, and what its role lets it do."""
    return flow_of(
        Rule=resource("AWS::Events::Rule", EventPattern=pattern, Targets=[{"Id": "Worker", "Arn": arn("Worker")}]),
        Permission=permission("events", arn("Rule")),
        Worker=function(),
        Role=role(statement),
    )


HERE = sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default")


@pytest.mark.parametrize(
    ("source", "bus", "sent", "loop"),
    [
        ("shop", HERE, True, True),
        ("shop", "arn:aws:events:eu-west-1:111122223333:event-bus/default", True, True),
        ("shop", "arn:aws:events:eu-west-1:111122223333:event-bus/other", False, False),
        ("aws.s3", HERE, True, False),
    ],
)
def test_what_a_function_puts_on_the_default_bus_may_come_back_but_not_as_the_event_of_a_service(
    source, bus, sent, loop
):
    flow = hears({"source": [source]}, allow(bus, "events:PutEvents"))
    assert [edge.target for edge in flow.edges_of(Send)] == (["default event bus"] if sent else [])
    assert [cycle.nodes for cycle in loops(flow)] == ([("S/Rule", "S/Worker", "default event bus")] if loop else [])


def test_a_grant_on_the_default_bus_of_another_account_is_none_on_the_own_one(tmp_path):
    statement = allow("arn:aws:events:eu-west-1:444455556666:event-bus/default", "events:PutEvents")
    rule = resource("AWS::Events::Rule", EventPattern={"source": ["shop"]}, Targets=[])
    flow = deployed(tmp_path, S={"Rule": rule, "Worker": function(), "Role": role(statement)})
    assert flow.edges_of(Send) == []


def test_a_grant_on_a_topic_is_none_on_the_queue_of_its_name():
    assert sends(allow("arn:aws:sns:*:*:inbox", "sqs:*")) == []


def test_what_a_policy_denies_is_not_sent():
    granted = allow(arn("Queue"), "sqs:SendMessage")
    denied = {"Effect": "Deny", "Action": "sqs:*", "Resource": arn("Queue")}
    assert sends(granted) == ["Queue"]
    assert sends([granted, denied]) == []
    assert sends([granted, {**denied, "Condition": {"StringEquals": {"x:y": "z"}}}]) == ["Queue"]
    assert sends([granted, {**denied, "Resource": arn("Nameless")}]) == ["Queue"]
    statement = {**denied, "Resource": "*", "Principal": "*"}
    closed = resource("AWS::SQS::QueuePolicy", Queues=[ref("Queue")], PolicyDocument={"Statement": [statement]})
    assert sends(granted, Closed=closed) == []


@pytest.mark.parametrize(
    ("target", "action"),
    [
        (queue(KmsMasterKeyId=ref("Key")), "sqs:SendMessage"),
        (topic(KmsMasterKeyId=ref("Key")), "sns:Publish"),
        (resource("AWS::Kinesis::Stream", StreamEncryption={"KeyId": ref("Key")}), "kinesis:PutRecord"),
        (resource("AWS::Kinesis::Stream", StreamEncryption={"KeyId": ref("Key")}), "kinesis:PutRecords"),
    ],
)
def test_a_send_without_the_key_of_its_target_is_refused(target, action):
    place = ref("Target") if action == "sns:Publish" else arn("Target")

    def sent(*more):
        flow = flow_of(Target=target, Key=key(), Worker=function(), Role=role(allow(place, action), *more))
        (send,) = flow.edges_of(Send)
        assert send.action == action
        return send.verdict

    assert sent().why == "the policy of the key Key gives Role no kms:GenerateDataKey"
    assert sent(allow(arn("Key"), "kms:GenerateDataKey*", "kms:Decrypt")).allowed


def test_a_key_without_a_policy_leaves_its_use_to_the_roles():
    parts = {"Key": resource("AWS::KMS::Key"), "Queue": queue(KmsMasterKeyId=ref("Key")), "Worker": function()}
    uses = allow(arn("Key"), "kms:GenerateDataKey", "kms:Decrypt")
    for more, answer in (((uses,), Answer.ALLOWED), ((), Answer.DENIED)):
        (send,) = flow_of(**parts, Role=role(allow(arn("Queue"), "sqs:SendMessage"), *more)).edges_of(Send)
        assert send.verdict.answer is answer


def test_a_place_that_the_environment_names_is_sent_to_as_far_as_the_role_can_be_told():
    environment = {"Variables": {"QUEUE_URL": ref("Queue")}}
    shared = "arn:aws:iam::111122223333:role/shared"
    elsewhere = resource("AWS::Lambda::Function", Role=shared, Environment=environment)
    (send,) = flow_of(Queue=queue(), Worker=elsewhere).edges_of(Send)
    assert send.verdict.why == "the role stands in none of the templates"


def test_a_grant_that_a_destination_of_an_alias_explains_is_no_own_send():
    flow = flow_of(
        Worker=function(),
        Live=resource("AWS::Lambda::Alias", Name="live", FunctionName=ref("Worker"), FunctionVersion="1"),
        Role=role(allow(arn("Dead"), "sqs:SendMessage")),
        Dead=dead_letters(),
        Config=async_config("Dead", "live"),
        Topic=topic(),
        S=subscription("Live", protocol="lambda"),
        P=permission("sns", ref("Topic"), ref("Live")),
    )
    assert [edge.source for edge in flow.edges_of(Destination)] == ["S/Live"]
    assert flow.edges_of(Send) == []


LOOP = {"Worker": function(), "P": permission("s3", arn("Bucket"))}


def looping(on, *actions, **notification):
    """The loops of a function that is told of a bucket to which it may write."""
    told = {"Event": "s3:ObjectCreated:*", **notification}
    return loops(flow_of(**LOOP, Bucket=bucket(told, BucketName="up-1"), Role=role(allow(on, *actions))))


def prefix(value, name="prefix"):
    return {"Filter": {"S3Key": {"Rules": [{"Name": name, "Value": value}]}}}


@pytest.mark.parametrize("place", ["arn:aws:s3:::up-1/*", sub("${Bucket.Arn}/*"), sub("arn:aws:s3:::${Bucket}/*")])
def test_a_function_that_writes_to_the_bucket_it_hears_of_may_loop(place):
    (loop,) = looping(place, "s3:PutObject")
    assert (loop.nodes, loop.certain) == (("S/Bucket", "S/Worker"), False)


@pytest.mark.parametrize(
    ("written", "heard", "meets"),
    [
        ("out/*", prefix("in/"), False),
        ("in/done/*", prefix("in/"), True),
        ("*", prefix("in/"), True),
        ("i*", prefix("in/"), True),
        ("out/*.csv", prefix(".json", "suffix"), False),
        ("out/*.csv", prefix(".csv", "suffix"), True),
        ("out/last.csv", prefix("out/"), True),
        ("out/last.csv", prefix("out/first"), False),
        ("${AWS::Region}/*", prefix("in/"), True),
        ("out/${AWS::Region}/*", prefix("in/"), False),
    ],
)
def test_what_is_written_under_one_name_brings_no_notification_of_another(written, heard, meets):
    found = looping(sub("arn:aws:s3:::up-1/" + written), "s3:PutObject", **heard)
    assert bool(found) is meets


@pytest.mark.parametrize(
    ("action", "event", "meets"),
    [
        ("s3:PutObject", "s3:ObjectRemoved:*", False),
        ("s3:PutObject", "s3:ObjectRemoved:Delete", False),
        ("s3:*", "s3:ObjectRemoved:*", True),
        ("s3:PutObject", "s3:ObjectCreated:Put", True),
        ("s3:PutObject*", "s3:ObjectTagging:*", True),
        ("s3:PutObject", "s3:LifecycleExpiration:*", True),
    ],
)
def test_what_creates_an_object_brings_no_notification_that_one_is_gone(action, event, meets):
    assert bool(looping("arn:aws:s3:::up-1/*", action, Event=event)) is meets


def test_records_of_failures_bring_no_notification_of_another_prefix():
    def loop(heard):
        parts = {"Bucket": bucket({"Event": "s3:ObjectCreated:*", **heard}), "Config": async_config("Bucket")}
        return loops(flow_of(**LOOP, **parts, Role=role(allow("*", "s3:*"))))

    assert loop(prefix("in/")) == []
    (found,) = loop({})
    assert found.certain is True
    (found,) = loop(prefix("aws/"))
    # Not everything that the function has made passes the filter.
    assert found.certain is False


def test_two_notifications_of_one_bucket_are_one_loop():
    told = [{"Event": "s3:ObjectCreated:Put"}, {"Event": "s3:ObjectCreated:Post"}]
    flow = flow_of(**LOOP, Bucket=bucket(*told), Role=role(allow(sub("${Bucket.Arn}/*"), "s3:PutObject")))
    assert len(loops(flow)) == 1


TABLE = resource("AWS::DynamoDB::Table", StreamSpecification={"StreamViewType": "NEW_IMAGE"})
INDEXES = {"Fn::Join": ["/", [arn("Table"), "index", "*"]]}


@pytest.mark.parametrize(
    ("grant", "loop"),
    [
        (allow(arn("Table"), "dynamodb:PutItem"), True),
        (allow([arn("Table"), INDEXES], "dynamodb:BatchWriteItem", "dynamodb:Query"), True),
        (allow(sub("arn:aws:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}"), "dynamodb:Update*"), True),
        (allow(arn("Table"), "dynamodb:GetItem"), False),
        (allow(arn("Other"), "dynamodb:PutItem"), False),
    ],
    ids=["put", "write and index", "SAM", "read", "another table"],
)
def test_a_function_that_writes_to_the_table_whose_stream_it_reads_may_loop(grant, loop):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html names what Lambda sees: no DynamoDB."""
    reads = allow(arn("Table", "StreamArn"), "dynamodb:GetRecords", "dynamodb:GetShardIterator")
    poll = changed(mapping(), EventSourceArn=arn("Table", "StreamArn"))
    env = function(Environment={"Variables": {"TABLE": ref("Table")}})
    flow = flow_of(Table=TABLE, Other=TABLE, Worker=env, Poll=poll, Role=role(reads, grant))
    found = [(one.nodes, one.certain, one.stopped) for one in loops(flow)]
    assert found == ([(("S/Table", "S/Worker"), False, False)] if loop else [])


def test_lambda_sees_a_loop_through_s3():
    (loop,) = looping("arn:aws:s3:::up-1/*", "s3:PutObject")
    assert loop.stopped is True


def test_a_filter_on_what_a_function_has_made_makes_a_loop_uncertain():
    def loop(pattern):
        rule = resource("AWS::Events::Rule", EventBusName=ref("Bus"), EventPattern=pattern)
        rule["Properties"]["Targets"] = [{"Id": "a", "Arn": arn("Worker")}]
        config = resource("AWS::Lambda::EventInvokeConfig", FunctionName=ref("Worker"), Qualifier="$LATEST")
        config["Properties"]["DestinationConfig"] = {"OnSuccess": {"Destination": arn("Bus")}}
        (found,) = loops(
            flow_of(
                Bus=resource("AWS::Events::EventBus", Name="shop"),
                Rule=rule,
                Worker=function(),
                Role=role(allow("*", "events:PutEvents")),
                P=permission("events", arn("Rule")),
                Config=config,
            )
        )
        return found.certain

    assert loop({"source": [{"prefix": ""}]}) is True
    assert loop({"source": ["shop"]}) is False


def test_records_of_failures_need_the_key_of_their_bucket():
    def verdict(*statements, **by_default):
        rule = {"ServerSideEncryptionByDefault": by_default}
        encrypted = {"ServerSideEncryptionConfiguration": [rule]}
        writes = allow([arn("Bucket"), sub("${Bucket.Arn}/*")], "s3:PutObject", "s3:ListBucket")
        flow = flow_of(
            Worker=function(),
            Role=role(writes, *statements),
            Bucket=resource("AWS::S3::Bucket", BucketEncryption=encrypted),
            Key=key(),
            Config=async_config("Bucket"),
        )
        (edge,) = flow.edges_of(Destination)
        return edge.verdict

    own = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn("Key")}
    assert verdict(**own).why == "the policy of the key Key gives Role no kms:GenerateDataKey"
    assert verdict(allow(arn("Key"), "kms:GenerateDataKey"), **own).allowed
    assert verdict(SSEAlgorithm="aws:kms").allowed
    assert verdict(SSEAlgorithm="AES256").allowed


def test_a_grant_by_the_arn_of_a_bucket_lets_records_be_written():
    def verdict(*statements):
        flow = flow_of(
            Worker=function(),
            Role=role(*statements),
            Bucket=resource("AWS::S3::Bucket", BucketName="failed"),
            Config=async_config("Bucket"),
        )
        (edge,) = flow.edges_of(Destination)
        return edge.verdict

    listing = allow("arn:aws:s3:::failed", "s3:ListBucket")
    assert verdict(allow("arn:aws:s3:::failed/*", "s3:PutObject"), listing).allowed
    assert verdict(allow("arn:aws:s3:::failed/aws/lambda/async/*", "s3:PutObject"), listing).allowed
    assert verdict(allow("arn:aws:s3:::another/*", "s3:PutObject"), listing).denied
    assert verdict(allow("arn:aws:s3:::failed/*", "s3:PutObject")).why == "Role has no s3:ListBucket on Bucket"
    assert verdict(listing).why == "Role has no s3:PutObject on Bucket"


def test_nothing_on_the_way_of_a_poll_is_an_own_send():
    parts = {"Queue": queue(), "Worker": function(), "Role": role(polls("Queue")), "Poll": mapping()}
    assert flow_of(**parts, Policy=lets_in("sns", None, "Queue")).edges_of(Send) == []


def test_a_queue_with_an_impossible_logical_id_is_none_that_a_grant_names():
    # The last slash of an id parts the stack from the logical id.
    assert flow_of(**{"a/b": queue(QueueName="inbox"), "Worker": function(), "Role": role()}).edges_of(Send) == []
