"""An event for a function: run, or kept with the reason why it could not be."""

import pytest

from patterns.flow import Answer, Flow, Outcome, Way, fates, losses, read_flow, unwatched
from patterns.flow.model import Call, Destination, External, Function, Poll, Send
from tests.flow.parts import (
    STACK,
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
    mapping,
    permission,
    polls,
    queue,
    ref,
    resource,
    role,
    subscription,
    topic,
    why_lost,
)

EVENTS = {
    "Topic": topic(),
    "Subscription": subscription("Worker", protocol="lambda", dead="Undelivered"),
    "Undelivered": dead_letters(),
    "Policy": lets_in("sns", ref("Topic"), "Undelivered"),
    "Permission": permission("sns", ref("Topic")),
    "Worker": function(),
    "Role": role(allow(arn("Failed"), "sqs:SendMessage")),
    "Failed": dead_letters(),
    "Config": async_config("Failed"),
}
POLLED = {
    "Queue": queue("Dead", VisibilityTimeout=60),
    "Dead": dead_letters(),
    "Role": role(polls("Queue")),
    "Worker": function(),
    "Poll": mapping(),
}


def test_an_event_that_fails_is_kept_with_its_reason():
    flow = flow_of(**EVENTS)
    assert losses(flow) == []
    throttled, failed = sorted(ends(flow, "Topic", Outcome.DESTINATION), key=lambda f: f.condition)
    assert (failed.condition, failed.attempts) == ("Worker fails 3 times", 3)
    assert throttled.condition == "Worker cannot be run within 6 h (throttled)"


def test_what_the_code_itself_puts_beside_the_failures_has_a_fate_of_its_own():
    assert f"{STACK}/Failed" not in fates(flow_of(**EVENTS)), "what failed is told where it came from"
    sends = changed(function(), Environment={"Variables": {"DENIED": ref("Failed")}})
    flow = flow_of(**EVENTS | {"Worker": sends})
    waits = end(flow, "Failed", Outcome.OUTSIDE)
    assert waits.kept
    assert (waits.kept.place, waits.attempts) == (waits.at, 1)
    assert len(ends(flow, "Topic", Outcome.DESTINATION)) == 2
    assert losses(flow) == []


@pytest.mark.parametrize(("retries", "attempts", "seconds"), [(None, 3, 180), (2, 3, 180), (1, 2, 60), (0, 1, 0)])
def test_retries_come_after_one_and_two_more_minutes(retries, attempts, seconds):
    more = {} if retries is None else {"MaximumRetryAttempts": retries}
    flow = flow_of(Worker=function(), Role=EVENTS["Role"], Failed=dead_letters(), Config=async_config("Failed", **more))
    failed = next(f for f in ends(flow, "Worker", Outcome.DESTINATION) if "fails" in f.condition)
    assert (failed.attempts, failed.soonest, failed.latest) == (attempts, seconds, 21_600)


def test_an_event_that_is_too_old_is_not_tried_again():
    config = async_config("Failed", MaximumEventAgeInSeconds=60)
    flow = flow_of(Worker=function(), Role=EVENTS["Role"], Failed=dead_letters(), Config=config)
    failed = next(f for f in ends(flow, "Worker", Outcome.DESTINATION) if "fails" in f.condition)
    assert (failed.attempts, failed.latest) == (1, 60)


def test_without_a_destination_an_event_is_dropped():
    flow = flow_of(**{**EVENTS, "Config": async_config(MaximumRetryAttempts=0)})
    assert why_lost(flow) == ["Worker cannot be run within 6 h (throttled)", "Worker fails 1 time"]
    assert losses(flow)[0].remedy == "give asynchronous invocations of Worker an on-failure destination"


def test_a_dead_letter_target_of_the_function_keeps_the_event():
    worker = function(DeadLetterConfig={"TargetArn": arn("Failed")})
    flow = flow_of(**{**EVENTS, "Config": async_config(), "Worker": worker})
    assert losses(flow) == []
    assert {fate.at for fate in ends(flow, "Topic", Outcome.DLQ)} == {"S/Failed", "S/Undelivered"}


def test_a_destination_for_another_qualifier_protects_nothing():
    live = {
        **EVENTS,
        "Version": resource("AWS::Lambda::Version", FunctionName=ref("Worker")),
        "Alias": resource(
            "AWS::Lambda::Alias", FunctionName=ref("Worker"), FunctionVersion=arn("Version", "Version"), Name="live"
        ),
        "Subscription": changed(EVENTS["Subscription"], Endpoint=ref("Alias")),
        "Permission": permission("sns", ref("Topic"), to=ref("Alias")),
    }
    flow = flow_of(**live)
    assert why_lost(flow) == [
        "Alias cannot be run within 6 h (throttled); the event invoke config is for $LATEST, not for live",
        "Alias fails 3 times; the event invoke config is for $LATEST, not for live",
    ]
    assert losses(flow_of(**{**live, "Config": async_config("Failed", qualifier="live")})) == []


def test_a_permission_for_the_function_does_not_cover_its_alias():
    flow = flow_of(
        **{
            **EVENTS,
            "Alias": resource("AWS::Lambda::Alias", FunctionName=ref("Worker"), FunctionVersion="1", Name="live"),
            "Subscription": changed(EVENTS["Subscription"], Endpoint=ref("Alias")),
        }
    )
    (denied,) = [e for e in flow.edges.values() if e.verdict.denied]
    assert denied.verdict.why == "no policy on Alias lets sns.amazonaws.com in"


def test_a_qualifier_after_the_arn_means_the_alias():
    joined = {"Fn::Join": ["", [arn("Worker"), ":live"]]}
    flow = flow_of(
        **{
            **EVENTS,
            "Alias": resource("AWS::Lambda::Alias", FunctionName=ref("Worker"), FunctionVersion="1", Name="live"),
            "Subscription": changed(EVENTS["Subscription"], Endpoint=joined),
            "Permission": permission("sns", ref("Topic"), to=joined),
        }
    )
    edge = flow.edges["S/Subscription"]
    assert (edge.target, edge.verdict.answer) == ("S/Alias", Answer.ALLOWED)


@pytest.mark.parametrize("kind", ["queue", "topic"])
def test_lambda_cannot_write_to_fifo(kind):
    failed = dead_letters(FifoQueue=True) if kind == "queue" else topic(FifoTopic=True)
    config = async_config()
    config["Properties"]["DestinationConfig"] = {
        "OnFailure": {"Destination": arn("Failed") if kind == "queue" else ref("Failed")}
    }
    flow = flow_of(**{**EVENTS, "Failed": failed, "Config": config})
    assert len(losses(flow)) == 2
    assert losses(flow)[0].remedy == (
        f"make the on-failure destination writable: Failed is a FIFO {kind}, which Lambda cannot write to"
    )


def test_a_role_that_may_not_write_to_the_destination_loses_the_record():
    flow = flow_of(**{**EVENTS, "Role": role()})
    assert losses(flow)[0].remedy == "make the on-failure destination writable: Role has no sqs:SendMessage on Failed"


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (role(managed=("AmazonSQSFullAccess",)), Answer.ALLOWED),
        (role(managed=("service-role/AWSLambdaBasicExecutionRole",)), Answer.DENIED),
        (role(managed=("SomethingNobodyKnows",)), Answer.UNKNOWN),
        (role(allow("*", "*")), Answer.ALLOWED),
        (role(allow("arn:aws:sqs:*:*:*", "sqs:Send*")), Answer.ALLOWED),
        (role(allow("arn:aws:sns:*:*:*", "sqs:*")), Answer.DENIED),
        (role(allow(arn("Failed"), "sqs:*"), {**allow("*", "sqs:SendMessage"), "Effect": "Deny"}), Answer.DENIED),
        (role(allow(arn("Failed"), "sqs:*"), PermissionsBoundary="arn:aws:iam::1:policy/x"), Answer.UNKNOWN),
    ],
)
def test_a_role_is_read_with_everything_that_is_attached(given, answer):
    flow = flow_of(**{**EVENTS, "Role": given})
    assert flow.edges_of(Destination)[0].verdict.answer is answer


def test_policies_attached_from_outside_the_role_count():
    document = {"Statement": [allow(arn("Failed"), "sqs:SendMessage")]}
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        policy = resource(kind, Roles=[ref("Role")], PolicyDocument=document)
        flow = flow_of(**{**EVENTS, "Role": role(), "Attached": policy})
        assert losses(flow) == []


def test_a_role_from_elsewhere_cannot_be_told_and_is_no_loss():
    flow = flow_of(**{**EVENTS, "Worker": changed(EVENTS["Worker"], Role="arn:aws:iam::111122223333:role/x")})
    assert losses(flow) == []
    kept = ends(flow, "Topic", Outcome.DESTINATION)[0]
    assert kept.unsure == ("the permission to reach Failed: the role stands in none of the templates",)


def test_a_reserved_concurrency_of_zero_sends_every_event_to_the_net():
    flow = flow_of(**{**EVENTS, "Worker": function(ReservedConcurrentExecutions=0)})
    assert losses(flow) == []
    assert ends(flow, "Topic", Outcome.PROCESSED) == []
    kept = end(flow, "Topic", Outcome.DESTINATION)
    assert (kept.condition, kept.attempts) == ("the reserved concurrency of Worker is 0, so no event is run", 0)
    bare = flow_of(**{**EVENTS, "Worker": function(ReservedConcurrentExecutions=0), "Config": async_config()})
    assert [fate.condition for fate in losses(bare)] == [kept.condition]


def test_a_polled_function_does_not_use_its_own_nets():
    flow = flow_of(
        **{**POLLED, "Queue": queue(), "Role": role(polls("Queue"), allow(arn("Failed"), "sqs:SendMessage"))},
        Failed=dead_letters(),
        Config=async_config("Failed"),
    )
    assert why_lost(flow) == ["Worker fails on every receive for 4 d"]


def test_what_a_mapping_filters_out_is_deleted():
    criteria = {"Filters": [{"Pattern": '{"body": {"kind": ["a"]}}'}]}
    flow = flow_of(**{**POLLED, "Poll": mapping(FilterCriteria=criteria)})
    (lost,) = losses(flow)
    assert lost.condition == "it matches no filter of the mapping to Worker, which deletes it"
    assert flow.edges_of(Poll)[0].filters == ({"body": {"kind": ["a"]}},)
    assert losses(flow_of(**{**POLLED, "Poll": mapping(FilterCriteria={"Filters": []})})) == []


def test_what_a_mapping_filters_out_is_no_loss_where_another_subscriber_gets_everything():
    both = {
        "Topic": topic(),
        "Policy": lets_in("sns", ref("Topic"), "Queue", "Audit", "Dead"),
        "One": subscription("Queue", dead="Dead"),
        "Two": subscription("Audit", dead="Dead"),
        "Audit": queue(),
        **POLLED,
        "Poll": mapping(FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["a"]}}'}]}),
    }
    flow = flow_of(**both)
    assert losses(flow) == []
    assert len(ends(flow, "Topic", Outcome.FILTERED)) == 1


def test_a_role_that_may_not_read_lets_everything_expire():
    flow = flow_of(**{**POLLED, "Role": role()})
    assert why_lost(flow) == ["Role has no sqs:ReceiveMessage on Queue"]


def test_a_role_that_may_not_delete_is_said():
    reads = allow(arn("Queue"), "sqs:ReceiveMessage", "sqs:GetQueueAttributes")
    flow = flow_of(**{**POLLED, "Role": role(reads)})
    assert flow.edges_of(Poll)[0].may_delete.why == "Role has no sqs:DeleteMessage on Queue"
    again = end(flow, "Queue", Outcome.PROCESSED)
    assert again.duplicates == "again and again: Role has no sqs:DeleteMessage on Queue"
    assert end(flow, "Queue", Outcome.DLQ).condition == (
        "Worker fails, or processes it and may not delete it, on 5 receives"
    )


def test_the_role_of_a_poller_needs_the_key_of_its_queue():
    key = resource(
        "AWS::KMS::Key",
        KeyPolicy={
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ]
        },
    )
    encrypted = {**POLLED, "Key": key, "Queue": queue("Dead", VisibilityTimeout=60, KmsMasterKeyId=arn("Key"))}
    assert why_lost(flow_of(**encrypted)) == ["the policy of the key Key gives Role no kms:Decrypt"]
    granted = {**encrypted, "Role": role(polls("Queue"), allow(arn("Key"), "kms:Decrypt"))}
    assert losses(flow_of(**granted)) == []
    # A key without a policy of its own has one that says the same.
    by_default = resource("AWS::KMS::Key")
    assert why_lost(flow_of(**{**encrypted, "Key": by_default})) == why_lost(flow_of(**encrypted))
    assert losses(flow_of(**{**granted, "Key": by_default})) == []


def test_numbers_of_a_mapping_are_the_services_defaults_where_none_are_given():
    (poll,) = flow_of(**POLLED).edges_of(Poll)
    assert (poll.batch_size, poll.window, poll.partial, poll.maximum_concurrency) == (10, 0, False, None)
    given = mapping(
        BatchSize=100,
        MaximumBatchingWindowInSeconds=5,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 7},
    )
    (poll,) = flow_of(**{**POLLED, "Poll": given}).edges_of(Poll)
    assert (poll.batch_size, poll.window, poll.partial, poll.maximum_concurrency) == (100, 5, True, 7)


def test_an_on_success_destination_takes_a_record_and_goes_on():
    config = resource(
        "AWS::Lambda::EventInvokeConfig",
        FunctionName=ref("Worker"),
        Qualifier="$LATEST",
        DestinationConfig={
            "OnSuccess": {"Destination": arn("Next")},
            "OnFailure": {"Destination": arn("Failed")},
        },
    )
    given = role(allow(arn("Failed"), "sqs:SendMessage"), allow(arn("Next"), "lambda:InvokeFunction"))
    flow = flow_of(
        Worker=function(), Role=given, Failed=dead_letters(), Config=config, Next=function("NextRole"), NextRole=role()
    )
    assert [e.way for e in flow.edges_of(Destination)] == [Way.FAILURE, Way.SUCCESS]
    assert {fate.at for fate in losses(flow)} == {"S/Next"}


def test_a_functions_own_sends_are_likely():
    flow = flow_of(
        Worker=function(Environment={"Variables": {"OUT": ref("Named")}}),
        Role=role(allow(arn("Granted"), "sqs:SendMessage"), allow("*", "sns:Publish")),
        Granted=queue(),
        Named=topic(),
        Unrelated=topic(),
    )
    sends = {(send.target, send.action, send.variable, send.way) for send in flow.edges_of(Send)}
    assert sends == {
        ("S/Granted", "sqs:SendMessage", "", Way.LIKELY),
        ("S/Named", "", "OUT", Way.LIKELY),
    }


def test_a_variable_is_no_send_where_the_role_may_not():
    flow = flow_of(Worker=function(Environment={"Variables": {"OUT": ref("Named")}}), Role=role(), Named=queue())
    assert flow.edges_of(Send) == []


def test_the_grant_for_a_destination_is_not_taken_for_a_send():
    assert flow_of(**EVENTS).edges_of(Send) == []


def test_a_failing_function_is_told_by_an_alarm_on_its_errors():
    errors = alarm("AWS/Lambda", "Errors", FunctionName=ref("Worker"))
    flow = flow_of(**{**EVENTS, "Config": async_config()}, Errors=errors)
    assert {fate.condition: fate.alarms for fate in losses(flow)} == {
        "Worker fails 3 times": ("S/Errors",),
        "Worker cannot be run within 6 h (throttled)": (),
    }


def test_every_qualifier_has_the_numbers_of_the_function():
    flow = flow_of(
        Worker=function(Timeout=30, ReservedConcurrentExecutions=4, RecursiveLoop="Allow"),
        Role=role(),
        Alias=resource("AWS::Lambda::Alias", FunctionName=ref("Worker"), FunctionVersion="1", Name="live"),
    )
    latest, alias = flow.nodes["S/Worker"], flow.nodes["S/Alias"]
    assert isinstance(latest, Function)
    assert isinstance(alias, Function)
    assert (alias.function, alias.qualifier, alias.timeout) == ("S/Worker", "live", 30)
    assert (latest.qualifier, latest.reserved_concurrency, latest.recursive_loop) == ("$LATEST", 4, "Allow")


def test_a_record_may_go_to_the_default_bus():
    bus = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
    config = resource(
        "AWS::Lambda::EventInvokeConfig",
        FunctionName=ref("Worker"),
        Qualifier="$LATEST",
        DestinationConfig={"OnFailure": {"Destination": bus}},
    )
    flow = flow_of(**{**EVENTS, "Role": role(allow(bus, "events:PutEvents")), "Config": config})
    (edge,) = flow.edges_of(Destination)
    assert (edge.target, edge.verdict.answer) == ("default event bus", Answer.ALLOWED)
    assert flow_of(**{**EVENTS, "Role": role(), "Config": config}).edges_of(Destination)[0].verdict.denied


def test_the_grant_for_a_streams_destination_is_not_taken_for_a_send():
    poll = resource(
        "AWS::Lambda::EventSourceMapping",
        FunctionName=ref("Worker"),
        EventSourceArn=arn("Stream"),
        DestinationConfig={"OnFailure": {"Destination": arn("Failed")}},
    )
    parts = {"Worker": function(), "Role": EVENTS["Role"], "Failed": dead_letters(), "Poll": poll}
    assert flow_of(**parts, Stream=resource("AWS::Kinesis::Stream")).edges_of(Send) == []


def test_only_events_that_lambda_queues_can_come_twice_from_its_queue():
    url = resource("AWS::Lambda::Url", TargetFunctionArn=arn("Worker"), AuthType="NONE")
    called = end(flow_of(Url=url, Worker=function(), Role=role()), "Url", Outcome.PROCESSED)
    assert called.duplicates == ""
    queued = end(flow_of(**EVENTS), "Topic", Outcome.PROCESSED)
    assert queued.duplicates == "more than once: SNS, Lambda's own queue may deliver again"


def test_a_reserved_concurrency_of_zero_fills_the_dead_letter_queue_of_a_polled_queue():
    flow = flow_of(**{**POLLED, "Worker": function(ReservedConcurrentExecutions=0)})
    assert losses(flow) == []
    assert ends(flow, "Queue", Outcome.PROCESSED) == []
    assert end(flow, "Queue", Outcome.DLQ).condition == (
        "Worker is throttled (its reserved concurrency is 0) on 5 receives"
    )


def test_what_is_kept_elsewhere_may_be_watched_there():
    elsewhere = "arn:aws:sqs:eu-central-1:111122223333:theirs"
    config = resource(
        "AWS::Lambda::EventInvokeConfig",
        FunctionName=ref("Worker"),
        Qualifier="$LATEST",
        DestinationConfig={"OnFailure": {"Destination": elsewhere}},
    )
    flow = flow_of(Worker=function(), Role=role(allow(elsewhere, "sqs:SendMessage")), Config=config)
    assert losses(flow) == []
    assert {fate.at for fate in ends(flow, "Worker", Outcome.DESTINATION)} == {elsewhere}
    assert unwatched(flow) == []


def test_why_an_event_goes_to_a_destination_that_nobody_here_listens_to_is_said():
    parts = {
        "Topic": topic(),
        "Subscription": subscription("Worker", protocol="lambda", dead="Dead"),
        "Dead": dead_letters(),
        "Let": permission("sns", ref("Topic")),
        "SnsToDead": lets_in("sns", ref("Topic"), "Dead"),
        "Worker": function(),
        "Role": role(allow(ref("Failures"), "sns:Publish")),
        "Failures": topic(),
        "Config": resource(
            "AWS::Lambda::EventInvokeConfig",
            FunctionName=ref("Worker"),
            Qualifier="$LATEST",
            DestinationConfig={"OnFailure": {"Destination": ref("Failures")}},
        ),
    }
    told = ends(flow_of(**parts), "Topic", Outcome.DESTINATION)
    assert [(fate.attempts, fate.condition) for fate in told] == [
        (
            None,
            "Worker cannot be run within 6 h (throttled); it goes to Failures, whose subscribers stand in none of the"
            " templates",
        ),
        (3, "Worker fails 3 times; it goes to Failures, whose subscribers stand in none of the templates"),
    ]
    assert all(fate.unsure == ("which subscribers Failures has",) for fate in told)


SUCCEEDED = {
    **EVENTS,
    "Next": queue(),
    "Config": async_config(
        DestinationConfig={"OnFailure": {"Destination": arn("Failed")}, "OnSuccess": {"Destination": arn("Next")}}
    ),
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "Role has no sqs:SendMessage on Next"),
        (
            {"Next": queue(FifoQueue=True), "Role": role(allow([arn("Next"), arn("Failed")], "sqs:SendMessage"))},
            "Next is a FIFO queue, which Lambda cannot write to",
        ),
    ],
    ids=["denied", "fifo"],
)
def test_a_success_whose_destination_cannot_be_written_to_is_a_lost_record(change, why):
    counted = alarm("AWS/Lambda", "DestinationDeliveryFailures", FunctionName=ref("Worker"))
    (lost,) = losses(flow_of(**{**SUCCEEDED, **change}, Alarm=counted))
    assert (lost.outcome, lost.at, lost.hop) == (Outcome.DROPPED, "S/Next", "S/Config#OnSuccess")
    assert lost.condition == f"Worker returns and its on-success destination cannot be written to: {why}"
    assert lost.remedy == f"make the on-success destination writable: {why}"
    assert lost.alarms == ("S/Alarm",)


def test_a_success_whose_destination_can_be_written_to_goes_on():
    flow = flow_of(**{**SUCCEEDED, "Role": role(allow([arn("Next"), arn("Failed")], "sqs:SendMessage"))})
    assert losses(flow) == []
    assert end(flow, "Topic", Outcome.OUTSIDE).at == "S/Next"


def test_a_reserved_concurrency_that_a_parameter_decides_may_be_none_at_all():
    flow = read_flow(
        {
            "S": {
                "Parameters": {"Limit": {"Type": "Number"}},
                "Resources": {**EVENTS, "Worker": function(ReservedConcurrentExecutions=ref("Limit"))},
            }
        }
    )
    run = (Outcome.PROCESSED, Outcome.DESTINATION)
    doubted = [f for f in fates(flow)["S/Topic"] if f.outcome in run]
    assert len(doubted) == 3
    assert {f.unsure for f in doubted} == {("the reserved concurrency of Worker",)}


def test_who_invokes_a_function_from_outside_the_templates_is_named_as_a_doubt():
    flow = Flow.build(
        [External(id="elsewhere", name="elsewhere", service="sns"), Function(id="F", name="F", function="F")],
        [Call(id="invoked", source="elsewhere", target="F", asynchronous=True)],
    )
    told = fates(flow)
    assert list(told) == ["elsewhere"]
    assert [(f.outcome, f.lost, f.condition) for f in told["elsewhere"]] == [
        (Outcome.DROPPED, True, "F cannot be run within 6 h (throttled)"),
        (Outcome.DROPPED, True, "F fails 3 times"),
        (Outcome.PROCESSED, False, "F returns"),
    ]
    assert {f.unsure for f in told["elsewhere"]} == {("what elsewhere sends: it stands in none of the templates",)}
