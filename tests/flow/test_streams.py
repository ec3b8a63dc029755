"""A record in a stream: processed in order, or put aside so that it does not block what comes after it."""

from typing import Any

import pytest

from patterns.flow import Fate, Flow, Outcome, fates, losses, read_flow
from patterns.flow.model import Poll, Stream
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
    key,
    mapping,
    ref,
    resource,
    role,
    why_lost,
)

READS = allow(arn("Stream"), "kinesis:GetRecords", "kinesis:GetShardIterator")
CLUSTER = "arn:aws:kafka:eu-central-1:111122223333:cluster/c/1"


def reader(source="Stream", failed=False, **properties):
    if failed:
        properties["DestinationConfig"] = {"OnFailure": {"Destination": arn("Failed")}}
    where = {"EventSourceArn": arn(source)} if source == "Stream" else {"EventSourceArn": source, "Topics": ["orders"]}
    return resource("AWS::Lambda::EventSourceMapping", FunctionName=ref("Worker"), **where, **properties)


def stream(**mapping):
    return {
        "Stream": resource("AWS::Kinesis::Stream", RetentionPeriodHours=48),
        "Worker": function(),
        "Role": role(READS, allow(arn("Failed"), "sqs:SendMessage")),
        "Failed": dead_letters(),
        "Poll": reader(**mapping),
    }


def kafka(**mapping):
    parts = stream()
    del parts["Stream"]
    return {**parts, "Poll": reader(CLUSTER, **mapping), "Role": role(allow(arn("Failed"), "sqs:SendMessage"))}


def test_a_failing_record_blocks_its_shard_until_it_expires():
    (lost,) = losses(flow_of(**stream()))
    assert (lost.outcome, lost.soonest, lost.latest) == (Outcome.EXPIRED, 172_800, 172_800)
    assert lost.condition == ("Worker fails on the record until it expires; it blocks what comes after it until then")


def test_retries_that_end_drop_the_record():
    (lost,) = losses(flow_of(**stream(MaximumRetryAttempts=3)))
    assert (lost.outcome, lost.attempts) == (Outcome.DROPPED, 4)
    (tried, untried) = losses(flow_of(**stream(MaximumRecordAgeInSeconds=60)))
    assert (tried.outcome, tried.soonest, tried.latest) == (Outcome.DROPPED, 0, 60)
    assert (untried.outcome, untried.soonest, untried.latest, untried.attempts) == (Outcome.DROPPED, 60, 60, 0)
    assert untried.condition == "the mapping to Worker does not hand it on within 1 min, and gives it up untried"


def test_a_destination_keeps_what_could_not_be_processed():
    flow = flow_of(**stream(failed=True, MaximumRetryAttempts=0))
    assert losses(flow) == []
    kept = end(flow, "Stream", Outcome.DESTINATION)
    assert (kept.at, kept.attempts) == ("S/Failed", 1)
    assert kept.condition == "Worker fails on the record 1 time; Failed gets only its place in Stream"


def test_a_queue_gets_only_the_place_of_a_record_that_the_stream_goes_on_keeping():
    def kept(**mapping: int) -> tuple[str, int | None, int | None]:
        found, *untried = [
            fate.kept for fate in ends(flow_of(**stream(failed=True, **mapping)), "Stream", Outcome.DESTINATION)
        ]
        assert found is not None
        assert untried in ([], [found])
        return found.place, found.at_least, found.at_most

    assert kept(MaximumRetryAttempts=3) == ("S/Stream", 0, 172_800)
    assert kept(MaximumRetryAttempts=3, MaximumRecordAgeInSeconds=3_600) == ("S/Stream", 172_800 - 3_600, 172_800)
    assert kept(MaximumRecordAgeInSeconds=3_600) == ("S/Stream", 172_800 - 3_600, 172_800)


@pytest.mark.parametrize("mapping", [{}, {"MaximumRecordAgeInSeconds": 172_800}])
def test_the_place_of_a_record_that_was_tried_until_it_expired_keeps_nothing(mapping):
    (lost,) = losses(flow_of(**stream(failed=True, **mapping)))
    assert (lost.outcome, lost.at, lost.soonest, lost.latest) == (Outcome.EXPIRED, "S/Stream", 172_800, 172_800)
    assert lost.condition == (
        "Worker fails on the record until it expires; it blocks what comes after it until then; "
        "Failed gets only its place in Stream, where nothing is left of it"
    )
    assert lost.remedy == "let the retries of the mapping to Worker end while Stream still has the record"


def test_a_bucket_gets_the_record_itself():
    parts = stream(failed=True, MaximumRetryAttempts=0)
    writes = allow("*", "s3:PutObject", "s3:ListBucket")
    flow = flow_of(**{**parts, "Failed": resource("AWS::S3::Bucket"), "Role": role(READS, writes)})
    found = end(flow, "Stream", Outcome.DESTINATION)
    assert found.condition == "Worker fails on the record 1 time"
    assert found.kept is not None
    assert found.kept.place == "S/Failed"


def test_how_long_a_kafka_record_can_be_read_at_its_place_stands_in_no_template():
    flow = flow_of(**kafka(failed=True))
    (told,) = [fate for found in fates(flow).values() for fate in found if fate.outcome is Outcome.DESTINATION]
    assert told.kept is not None
    assert (told.kept.place, told.kept.at_least, told.kept.at_most) == (f"{CLUSTER}:orders", None, None)
    assert told.unsure == ("how long Kafka topic orders on c keeps its records",)


def test_a_kafka_topic_that_is_shared_out_as_a_queue_keeps_no_order_and_blocks_nothing():
    parts = kafka()
    parts["Poll"] = resource(
        "AWS::Lambda::EventSourceMapping",
        FunctionName=ref("Worker"),
        Topics=["orders"],
        SelfManagedEventSource={"Endpoints": {"KafkaBootstrapServers": ["broker:9092"]}},
        SelfManagedKafkaEventSourceConfig={"ConsumptionMode": "Queue"},
    )
    flow = flow_of(**parts)
    (poll,) = flow.edges_of(Poll)
    assert (poll.consumption, poll.retries) == ("queue", 0)
    (lost,) = losses(flow)
    assert (lost.outcome, lost.attempts, lost.latest) == (Outcome.DROPPED, None, None)
    assert lost.condition == (
        "Worker fails on the record each time that the broker delivers it, up to its group.share.delivery.count.limit"
    )
    (arrived,) = [f for found in fates(flow).values() for f in found if f.outcome is Outcome.PROCESSED]
    assert (arrived.order, arrived.duplicates) == ("in no order", "more than once: the broker may deliver again")


def test_a_destination_that_cannot_be_written_to_keeps_nothing():
    parts = {**stream(failed=True, MaximumRetryAttempts=0), "Role": role(READS)}
    assert "Role has no sqs:SendMessage on Failed" in why_lost(flow_of(**parts))[0]


@pytest.mark.parametrize(("failed", "attempts"), [(True, 11), (False, None)])
def test_kafka_stops_after_ten_retries_only_where_there_is_a_destination(failed, attempts):
    flow = flow_of(**kafka(failed=failed))
    node = next(n for n in flow.nodes_of(Stream))
    assert (node.service, node.name) == ("kafka", "Kafka topic orders on c")
    assert bool(losses(flow)) is not failed
    told = [f for f in fates(flow)[node.id] if f.outcome in (Outcome.EXPIRED, Outcome.DESTINATION)]
    (stuck,) = [f for f in told if "a backlog" not in f.condition]
    assert stuck.attempts == attempts


def test_kafka_stops_after_ten_retries_or_at_the_maximum_age_of_a_record():
    (told,) = fates(flow_of(**kafka(failed=True, MaximumRecordAgeInSeconds=3_600))).values()
    assert any(fate.condition.startswith("Worker fails on the record 11 times or 1 h") for fate in told)


def test_what_a_filter_skips_stays_in_the_stream():
    flow = flow_of(
        **stream(failed=True, MaximumRetryAttempts=0, FilterCriteria={"Filters": [{"Pattern": '{"data": {"a": [1]}}'}]})
    )
    assert losses(flow) == []
    skipped = end(flow, "Stream", Outcome.FILTERED)
    assert skipped.kept is not None
    assert (skipped.kept.place, skipped.kept.at_most) == ("S/Stream", 172_800)


def test_a_filter_that_nothing_can_match_hands_nothing_on():
    never = '{"data": {"a": [{"exists": false}], "$or": [{"a": [1]}, {"a": [2]}]}}'
    flow = flow_of(**stream(FilterCriteria={"Filters": [{"Pattern": never}]}))
    (skipped,) = fates(flow)["S/Stream"]
    assert skipped.condition == "no message can match a filter of the mapping to Worker, which skips it"


def test_a_table_is_a_stream_of_a_day():
    table = resource("AWS::DynamoDB::Table", StreamSpecification={"StreamViewType": "NEW_IMAGE"})
    poll = resource(
        "AWS::Lambda::EventSourceMapping", FunctionName=ref("Worker"), EventSourceArn=arn("Table", "StreamArn")
    )
    reads = allow(arn("Table", "StreamArn"), "dynamodb:GetRecords", "dynamodb:GetShardIterator")
    flow = flow_of(Table=table, Poll=poll, Worker=function(), Role=role(reads))
    (edge,) = flow.edges_of(Poll)
    assert (edge.service, edge.verdict.allowed) == ("dynamodb", True)
    assert losses(flow)[0].soonest == 86_400


def test_a_reader_that_is_switched_off_or_shut_out_reads_nothing():
    assert why_lost(flow_of(**stream(Enabled=False))) == ["the mapping to Worker is disabled"]
    assert why_lost(flow_of(**{**stream(), "Role": role()})) == ["Role has no kinesis:GetRecords on Stream"]


def test_records_arrive_in_order_and_again():
    arrived = ends(flow_of(**stream(failed=True)), "Stream", Outcome.PROCESSED)[0]
    assert arrived.order == "in order within a shard or partition"
    assert arrived.duplicates == "more than once: the stream's reader may deliver again"


def test_a_global_table_has_a_stream_too():
    table = resource("AWS::DynamoDB::GlobalTable", StreamSpecification={"StreamViewType": "NEW_IMAGE"})
    reads = role(managed=("service-role/AWSLambdaDynamoDBExecutionRole",))
    poll = mapping("Table", StartingPosition="LATEST")
    poll["Properties"]["EventSourceArn"] = arn("Table", "StreamArn")
    flow = flow_of(Table=table, Role=reads, Worker=function(), Poll=poll)
    [lost] = losses(flow)
    assert lost.condition == "Worker fails on the record until it expires; it blocks what comes after it until then"
    assert lost.latest == 86_400


def consumer_of(*actions: str) -> dict[str, Any]:
    consumer = resource("AWS::Kinesis::StreamConsumer", ConsumerName="c", StreamARN=arn("Stream"))
    poll = mapping("Stream", StartingPosition="LATEST")
    poll["Properties"]["EventSourceArn"] = ref("Consumer")
    reads = role(allow(ref("Consumer"), *actions))
    kinesis = resource("AWS::Kinesis::Stream", RetentionPeriodHours=48)
    return {"Stream": kinesis, "Consumer": consumer, "Role": reads, "Worker": function(), "Poll": poll}


def consumed(*actions: str) -> Flow:
    return flow_of(**consumer_of(*actions))


def test_a_consumer_with_its_own_throughput_reads_its_stream_and_needs_to_subscribe():
    assert [fate.at for fate in ends(consumed("kinesis:SubscribeToShard"), "Stream", Outcome.PROCESSED)] == ["S/Worker"]
    assert why_lost(consumed("kinesis:GetRecords")) == ["Role has no kinesis:SubscribeToShard on Stream"]


@pytest.mark.parametrize("reads_by", ["the stream", "a consumer"])
def test_who_reads_a_stream_needs_its_key(reads_by):
    parts = stream() if reads_by == "the stream" else consumer_of("kinesis:SubscribeToShard")
    encrypted = changed(parts["Stream"], StreamEncryption={"EncryptionType": "KMS", "KeyId": ref("Key")})
    parts |= {"Stream": encrypted, "Key": key()}
    assert why_lost(flow_of(**parts)) == ["the policy of the key Key gives Role no kms:Decrypt"]
    more = resource("AWS::IAM::RolePolicy", RoleName=ref("Role"), PolicyDocument={"Statement": []})
    more["Properties"]["PolicyDocument"]["Statement"].append(allow(arn("Key"), "kms:Decrypt"))
    assert all(poll.verdict.allowed for poll in flow_of(**parts, More=more).edges_of(Poll))
    managed = changed(encrypted, StreamEncryption={"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"})
    assert all(poll.verdict.allowed for poll in flow_of(**{**parts, "Stream": managed}).edges_of(Poll))


def test_what_is_read_from_a_position_is_a_stream_even_if_nothing_else_is_known():
    unknown = {"EventSourceArn": {"Ref": "Source"}, "StartingPosition": "LATEST"}
    poll = resource("AWS::Lambda::EventSourceMapping", FunctionName=ref("Worker"), **unknown)
    template = {"Parameters": {"Source": {"Type": "String"}}, "Resources": {"Poll": poll, "Worker": function()}}
    flow = read_flow({"S": template})
    assert [poll.service for poll in flow.edges_of(Poll)] == ["kinesis"]


def test_two_clusters_that_no_template_names_are_not_one():
    def poll(parameter: str) -> dict[str, Any]:
        return resource(
            "AWS::Lambda::EventSourceMapping",
            FunctionName=ref("Worker"),
            EventSourceArn=ref(parameter),
            Topics=["orders"],
        )

    template = {
        "Parameters": {"A": {"Type": "String"}, "B": {"Type": "String"}},
        "Resources": {"One": poll("A"), "Two": poll("B"), "Worker": function()},
    }
    names = [stream.name for stream in read_flow({"S": template}).nodes_of(Stream)]
    assert names == ["Kafka topic orders on the cluster of One", "Kafka topic orders on the cluster of Two"]


def test_what_a_broker_does_with_a_refused_message_is_not_decided_here():
    broker = "arn:aws:mq:eu-west-1:111122223333:broker:orders:b-1"
    poll = resource("AWS::Lambda::EventSourceMapping", FunctionName=ref("Worker"), EventSourceArn=broker, Queues=["q"])
    flow = flow_of(Worker=function(), Poll=poll)
    assert losses(flow) == []
    [told] = fates(flow).values()
    assert "what queue q on orders does with a message that is not acknowledged" in told[-1].unsure


@pytest.mark.parametrize(
    ("broker", "names"),
    [
        ("arn:aws:mq:eu-west-1:111122223333:broker:shop:b-1", ["queue mail on shop", "queue work on shop"]),
        (arn("Broker"), ["queue mail on Broker", "queue work on Broker"]),
        (ref("Open"), ["queue mail on the broker of One", "queue work on the broker of Two"]),
    ],
)
def test_each_queue_of_a_broker_has_its_own_messages(broker, names):
    def poll(queue: str, to: str) -> dict[str, Any]:
        return changed(mapping("", ref(to)), EventSourceArn=broker, Queues=[queue])

    parts = {
        "Broker": resource("AWS::AmazonMQ::Broker", BrokerName="shop"),
        "Mails": function(),
        "Works": function(),
        "One": poll("mail", "Mails"),
        "Two": poll("work", "Works"),
    }
    flow = read_flow({"S": {"Parameters": {"Open": {"Type": "String"}}, "Resources": parts}})
    assert sorted(node.name for node in flow.nodes_of(Stream)) == names
    processed = [[fate.at for fate in told if fate.outcome is Outcome.PROCESSED] for told in fates(flow).values()]
    assert sorted(processed) == [["S/Mails"], ["S/Works"]]


@pytest.mark.parametrize("kind", ["ActiveMQBrokerParameters", "RabbitMQBrokerParameters"])
def test_a_pipe_reads_one_queue_of_a_broker(kind):
    broker = "arn:aws:mq:eu-west-1:111122223333:broker:shop:b-1"
    pipe = resource(
        "AWS::Pipes::Pipe",
        RoleArn=arn("Role"),
        Source=broker,
        SourceParameters={kind: {"QueueName": "work"}},
        Target=arn("Worker"),
    )
    flow = flow_of(Pipe=pipe, Role=role(), Worker=function())
    assert [(node.id, node.name) for node in flow.nodes_of(Stream)] == [(f"{broker}:work", "queue work on shop")]


@pytest.mark.parametrize("cluster", [arn("Cluster"), ref("Open"), "arn:aws:rds:eu-west-1:111122223333:cluster:shop"])
def test_no_template_keeps_what_a_reader_of_a_change_stream_fails_on(cluster):
    parts = {
        "Cluster": resource("AWS::DocDB::DBCluster"),
        "Worker": function(),
        "Role": role(),
        "Failed": dead_letters(),
        "Poll": changed(
            reader(failed=True), EventSourceArn=cluster, DocumentDBEventSourceConfig={"DatabaseName": "orders"}
        ),
    }
    flow = read_flow({"S": {"Parameters": {"Open": {"Type": "String"}}, "Resources": parts}})
    assert losses(flow) == []
    (told,) = [fate for found in fates(flow).values() for fate in found if "fails on the record" in fate.condition]
    assert told.outcome is Outcome.EXPIRED
    assert told.condition.endswith("it blocks what comes after it until then, and Lambda disables the mapping")


def test_a_pipe_has_a_dead_letter_queue_where_a_mapping_has_a_destination():
    def remedy(source: dict[str, Any]) -> str:
        pipe = resource("AWS::Pipes::Pipe", RoleArn=arn("Role"), Target=arn("Worker"), **source)
        reads = role(allow("*", "kinesis:*", "lambda:InvokeFunction"))
        flow = flow_of(Pipe=pipe, Role=reads, Worker=function(), Stream=resource("AWS::Kinesis::Stream"))
        [lost] = losses(flow)
        return lost.remedy

    kinesis = {"Source": arn("Stream"), "SourceParameters": {"KinesisStreamParameters": {}}}
    assert remedy(kinesis) == "give the pipe Pipe a dead-letter queue, and retries that end"
    cluster = "arn:aws:kafka:eu-west-1:111122223333:cluster/orders/x"
    kafka = {"Source": cluster, "SourceParameters": {"ManagedStreamingKafkaParameters": {"TopicName": "t"}}}
    assert remedy(kafka) == (
        "read Kafka topic t on orders by an event source mapping with an on-failure destination, "
        "which a pipe cannot have"
    )


def test_batches_of_one_shard_side_by_side_keep_the_order_of_a_partition_key_only():
    arrived = end(flow_of(**stream(ParallelizationFactor=5)), "Stream", Outcome.PROCESSED)
    assert arrived.order == "in order within a partition key"


def test_batches_of_one_shard_of_a_table_side_by_side_keep_the_order_of_an_item_only():
    table = resource("AWS::DynamoDB::Table", StreamSpecification={"StreamViewType": "NEW_IMAGE"})
    parts = {
        **stream(),
        "Stream": table,
        "Role": role(allow(arn("Stream", "StreamArn"), "dynamodb:GetRecords", "dynamodb:GetShardIterator")),
        "Poll": changed(mapping("Stream", ParallelizationFactor=2), EventSourceArn=arn("Stream", "StreamArn")),
    }
    assert end(flow_of(**parts), "Stream", Outcome.PROCESSED).order == "in order within an item"


def test_what_a_function_that_may_not_run_is_not_given_counts_as_no_attempt():
    parts = {**stream(MaximumRetryAttempts=2), "Worker": function(ReservedConcurrentExecutions=0)}
    gone = end(flow_of(**parts), "Stream", Outcome.EXPIRED)
    assert gone.lost
    assert (gone.at, gone.attempts, gone.soonest, gone.latest) == ("S/Stream", None, 172_800, 172_800)
    assert gone.condition.startswith("Worker is throttled (its reserved concurrency is 0) until it expires")


def test_what_a_function_that_may_not_run_is_not_given_grows_as_old_as_its_reader_lets_it():
    parts = {
        **stream(failed=True, MaximumRetryAttempts=2, MaximumRecordAgeInSeconds=3_600),
        "Worker": function(ReservedConcurrentExecutions=0),
    }
    kept = end(flow_of(**parts), "Stream", Outcome.DESTINATION)
    assert (kept.attempts, kept.latest) == (None, 3_600)
    assert kept.condition.startswith("Worker is throttled (its reserved concurrency is 0) for 1 h")


def test_what_a_function_that_may_not_run_is_not_given_counts_as_no_retry_of_kafka_either():
    idle = {**kafka(failed=True), "Worker": function(ReservedConcurrentExecutions=0)}
    told = [fate for found in fates(flow_of(**idle)).values() for fate in found if "is throttled" in fate.condition]
    assert {(fate.attempts, "11 times" in fate.condition) for fate in told} == {(None, False)}


def test_a_batch_size_that_no_template_says_decides_nothing_about_a_loss():
    parts = stream(BatchSize=ref("Size"), MaximumRetryAttempts=2)
    flow = read_flow({"S": {"Parameters": {"Size": {"Type": "Number"}}, "Resources": parts}})
    (lost,) = losses(flow)
    assert (lost.attempts, lost.unsure) == (3, ())


def test_a_mapping_may_name_a_consumer_by_its_own_attribute():
    parts = {
        **stream(),
        "Consumer": resource("AWS::Kinesis::StreamConsumer", StreamARN=arn("Stream"), ConsumerName="fast"),
        "Role": role(READS, allow(arn("Consumer", "ConsumerARN"), "kinesis:SubscribeToShard")),
        "Poll": changed(mapping(), EventSourceArn=arn("Consumer", "ConsumerARN")),
    }
    flow = flow_of(**parts)
    assert end(flow, "Stream", Outcome.PROCESSED).at == "S/Worker"
    assert flow.notes == ()


def test_a_try_after_which_a_batch_is_halved_does_not_count():
    flow = flow_of(**stream(failed=True, MaximumRetryAttempts=2, BisectBatchOnFunctionError=True))
    kept = end(flow, "Stream", Outcome.DESTINATION)
    assert kept.attempts is None
    assert "3 times, not counting those after which its batch is halved" in kept.condition


def test_a_batch_of_one_record_is_never_halved():
    flow = flow_of(**stream(failed=True, MaximumRetryAttempts=2, BisectBatchOnFunctionError=True, BatchSize=1))
    assert end(flow, "Stream", Outcome.DESTINATION).attempts == 3


def backlogs(flow: Flow) -> list[Fate]:
    return [fate for told in fates(flow).values() for fate in told if "a backlog" in fate.condition]


def test_a_record_that_its_reader_does_not_come_to_expires_and_is_no_loss_of_the_template():
    (told,) = backlogs(flow_of(**stream(failed=True, MaximumRetryAttempts=3)))
    assert (told.outcome, told.at, told.lost, told.soonest, told.latest) == (
        Outcome.EXPIRED,
        "S/Stream",
        False,
        172_800,
        172_800,
    )
    assert told.condition == "the mapping to Worker does not read it within 2 d (a backlog that outlives the retention)"
    assert not told.unsure


def test_each_reader_that_works_may_fall_behind():
    parts = stream()
    flow = flow_of(**parts, Second=parts["Poll"], Off=changed(parts["Poll"], Enabled=False))
    assert [told.hop for told in backlogs(flow)] == ["S/Poll", "S/Second"]
    assert backlogs(flow_of(**{**parts, "Worker": function(ReservedConcurrentExecutions=0)})) == []


def test_a_record_age_that_cannot_be_told_leaves_a_backlog_in_doubt():
    flow = flow_of(**stream(MaximumRecordAgeInSeconds=ref("Open")))
    assert untried(flow) == []
    (behind,) = backlogs(flow)
    assert behind.unsure == ("the record age of the mapping to Worker",)


@pytest.mark.parametrize(("age", "count"), [(3_600, 0), (172_800, 1), (604_800, 1)])
def test_a_reader_that_gives_up_records_at_an_age_leaves_none_to_expire(age, count):
    flow = flow_of(**stream(MaximumRecordAgeInSeconds=age))
    assert len(backlogs(flow)) == count
    assert len(untried(flow)) == 1 - count
    assert [fate.latest for fate in losses(flow) if "fails" in fate.condition] == [min(age, 172_800)]


def untried(flow: Flow) -> list[Fate]:
    return [fate for told in fates(flow).values() for fate in told if "untried" in fate.condition]


def test_a_kafka_topic_may_forget_before_its_reader_gives_records_up_at_an_age():
    flow = flow_of(**kafka(MaximumRecordAgeInSeconds=3_600))
    assert (len(untried(flow)), len(backlogs(flow))) == (1, 1)


def test_a_reader_that_may_be_switched_off_is_not_sure_to_give_records_up():
    parts = stream(MaximumRecordAgeInSeconds=3_600, Enabled=ref("On"))
    (told,) = untried(read_flow({"S": {"Parameters": {"On": {"Type": "String"}}, "Resources": parts}}))
    assert (told.lost, told.unsure) == (False, ("whether the mapping to Worker is enabled",))


def test_a_reader_that_may_not_be_there_is_not_sure_to_give_records_up():
    parts = stream(MaximumRecordAgeInSeconds=3_600)
    given = {
        "Parameters": {"On": {"Type": "String"}},
        "Conditions": {"Reads": {"Fn::Equals": [ref("On"), "true"]}},
        "Resources": {**parts, "Poll": {**parts["Poll"], "Condition": "Reads"}},
    }
    (told,) = untried(read_flow({"S": given}))
    assert not told.lost
    assert len(told.unsure) == 1


def test_a_kafka_reader_with_a_destination_retries_as_often_as_it_says():
    (told,) = fates(flow_of(**kafka(failed=True, MaximumRetryAttempts=3))).values()
    assert [fate.attempts for fate in told if fate.outcome is Outcome.DESTINATION] == [4]


def test_a_function_that_may_not_run_is_told_of_as_throttled_and_gives_up_nothing_else():
    parts = stream(MaximumRecordAgeInSeconds=3_600)
    assert untried(flow_of(**{**parts, "Worker": function(ReservedConcurrentExecutions=0)})) == []


@pytest.mark.parametrize("mapping", [{}, {"MaximumRecordAgeInSeconds": 3_600}])
def test_a_stream_of_what_has_failed_already_tells_of_no_backlog(mapping):
    rule = resource(
        "AWS::Events::Rule",
        EventBusName=ref("Bus"),
        EventPattern={"source": [{"prefix": ""}]},
        Targets=[{"Id": "t", "Arn": arn("Stream"), "RoleArn": arn("Puts")}],
    )
    parts = {
        **stream(**mapping),
        "Bus": resource("AWS::Events::EventBus", Name="failures"),
        "Rule": rule,
        "Puts": role(allow(arn("Stream"), "kinesis:PutRecord", "kinesis:PutRecords")),
        "Role": role(READS, allow(arn("Bus"), "events:PutEvents")),
        "Async": function(),
        "Config": changed(async_config("Bus"), FunctionName=ref("Async")),
    }
    told = fates(flow_of(**parts))["S/Async"]
    assert any("Worker fails on the record" in fate.condition for fate in told)
    assert not any("a backlog" in fate.condition or "untried" in fate.condition for fate in told)


def test_a_share_group_has_no_lag_that_an_alarm_could_tell_of():
    lag = alarm("AWS/Lambda", "OffsetLag", FunctionName=ref("Worker"))
    shared = {
        "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": ["broker:9092"]}},
        "EventSourceArn": None,
    }
    parts = {**kafka(), "Lag": lag}
    (told,) = backlogs(flow_of(**parts))
    assert told.alarms == ("S/Lag",)
    queued = {"ConsumptionMode": "Queue"}
    poll = changed(parts["Poll"], **shared, SelfManagedKafkaEventSourceConfig=queued)
    (told,) = backlogs(flow_of(**{**parts, "Poll": poll}))
    assert told.alarms == ()
    (told,) = untried(flow_of(**{**parts, "Poll": changed(poll, MaximumRecordAgeInSeconds=3_600)}))
    assert told.alarms == ()


def test_how_long_a_kafka_topic_waits_for_its_reader_stands_in_no_template():
    (told,) = backlogs(flow_of(**kafka()))
    assert told.condition == (
        "the mapping to Worker does not read it before it expires (a backlog that outlives the retention)"
    )
    assert told.unsure == ("how long Kafka topic orders on c keeps its records",)
