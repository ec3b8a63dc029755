"""A record in a stream: processed in order, or put aside so that it does not block what comes after it."""

import pytest

from patterns.flow import Outcome, losses
from patterns.flow.model import Poll, Stream
from tests.flow.parts import allow, arn, dead_letters, end, ends, flow_of, function, ref, resource, role, why_lost

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
    (lost,) = losses(flow_of(**stream(MaximumRecordAgeInSeconds=60)))
    assert (lost.outcome, lost.latest) == (Outcome.DROPPED, 60)


def test_a_destination_keeps_what_could_not_be_processed():
    flow = flow_of(**stream(failed=True, MaximumRetryAttempts=0))
    assert losses(flow) == []
    kept = end(flow, "Stream", Outcome.DESTINATION)
    assert (kept.at, kept.attempts, kept.condition) == ("S/Failed", 1, "Worker fails on the record 1 time")


def test_a_destination_that_cannot_be_written_to_keeps_nothing():
    parts = {**stream(failed=True, MaximumRetryAttempts=0), "Role": role(READS)}
    assert "Role has no sqs:SendMessage on Failed" in why_lost(flow_of(**parts))[0]


@pytest.mark.parametrize(("failed", "attempts"), [(True, 11), (False, None)])
def test_kafka_stops_after_ten_retries_only_where_there_is_a_destination(failed, attempts):
    flow = flow_of(**kafka(failed=failed))
    node = next(n for n in flow.nodes_of(Stream))
    assert (node.service, node.name) == ("kafka", "Kafka topic orders on 1")
    assert bool(losses(flow)) is not failed
    from patterns.flow import fates

    (stuck,) = [f for f in fates(flow)[node.id] if f.outcome in (Outcome.EXPIRED, Outcome.DESTINATION)]
    assert stuck.attempts == attempts


def test_what_a_filter_skips_stays_in_the_stream():
    flow = flow_of(**stream(failed=True, FilterCriteria={"Filters": [{"Pattern": '{"data": {"a": [1]}}'}]}))
    assert losses(flow) == []
    skipped = end(flow, "Stream", Outcome.FILTERED)
    assert skipped.kept is not None
    assert (skipped.kept.place, skipped.kept.at_most) == ("S/Stream", 172_800)


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
