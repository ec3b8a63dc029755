"""An event on a bus: delivered to every target of every rule it matches, or kept for each one that failed."""

import json

import pytest

from patterns.flow import Answer, Outcome, fates, losses, read_flow
from patterns.flow.cycles import loops
from patterns.flow.model import Bus, Call, DeadLetter, Delivery, Kept, Match, Rule
from tests.flow.parts import (
    alarm,
    allow,
    arn,
    async_config,
    changed,
    dead_letters,
    deployed,
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
    topic,
    why_lost,
)


def rule(*targets, **properties):
    properties.setdefault("EventPattern", {"source": ["shop"]})
    return resource("AWS::Events::Rule", Targets=list(targets), **properties)


def target(to, dead="", **properties):
    if dead:
        properties["DeadLetterConfig"] = {"Arn": arn(dead)}
    return {"Arn": arn(to), "Id": "t", **properties}


TO_QUEUE = {
    "Rule": rule(target("Queue", "Undelivered")),
    "Queue": queue(),
    "Undelivered": dead_letters(),
    "Policy": lets_in("events", arn("Rule"), "Queue", "Undelivered"),
}
BUS = "default event bus"


def only(flow, outcome):
    (found,) = [fate for fate in fates(flow)[BUS] if fate.outcome is outcome]
    return found


def test_a_target_with_a_dead_letter_queue_loses_nothing():
    flow = flow_of(**TO_QUEUE)
    assert losses(flow) == []
    kept = only(flow, Outcome.DLQ)
    assert (kept.at, kept.attempts, kept.latest) == ("S/Undelivered", 186, 86_400)


def test_a_target_without_a_dead_letter_queue_drops_what_cannot_be_delivered():
    flow = flow_of(**{**TO_QUEUE, "Rule": rule(target("Queue"))})
    (lost,) = losses(flow)
    assert lost.condition == (
        "it cannot be delivered to Queue: at once where access or the target is missing, "
        "else after 186 tries within 1 d"
    )
    assert lost.remedy == "give the target Queue of Rule a dead-letter queue"


@pytest.mark.parametrize(
    ("policy", "attempts", "seconds"),
    [
        ({"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}, 1, 60),
        ({"MaximumRetryAttempts": 185}, 186, 86_400),
        ({"MaximumEventAgeInSeconds": 3600}, 186, 3600),
    ],
)
def test_a_retry_policy_sets_tries_and_time(policy, attempts, seconds):
    (edge,) = flow_of(**{**TO_QUEUE, "Rule": rule(target("Queue", RetryPolicy=policy))}).edges_of(Delivery)
    assert (edge.attempts, edge.seconds) == (attempts, seconds)


def test_failures_of_two_rules_for_one_target_are_told_apart():
    flow = flow_of(Queue=queue(), Let=lets_in("events", "*"), One=rule(target("Queue")), Other=rule(target("Queue")))
    told = [fate.condition.partition(":")[0] for fate in losses(flow) if fate.outcome is Outcome.DROPPED]
    assert told == ["it cannot be delivered to Queue by One", "it cannot be delivered to Queue by Other"]


def test_a_rule_that_is_not_the_only_sender_needs_no_name():
    aim = {"Arn": arn("Queue"), "RoleArn": arn("Role")}
    tick = resource("AWS::Scheduler::Schedule", ScheduleExpression="rate(1 hour)", Target=aim)
    parts = {"Queue": queue(), "Let": lets_in("events", "*"), "One": rule(target("Queue")), "Tick": tick}
    told = [fate.condition.partition(":")[0] for fate in losses(flow_of(**parts, Role=role(allow("*", "sqs:*"))))]
    assert told == ["it cannot be delivered to Queue"] * 2


def test_a_target_that_stands_elsewhere_is_called_by_its_name():
    elsewhere = {"Id": "t", "Arn": "arn:aws:sqs:eu-west-1:444455556666:theirs"}
    (lost,) = losses(flow_of(Rule=rule(elsewhere)))
    assert lost.remedy == "give the target theirs of Rule a dead-letter queue"


def test_cloudformation_writes_no_policy_for_the_dead_letter_queue():
    flow = flow_of(**{**TO_QUEUE, "Policy": lets_in("events", arn("Rule"), "Queue")})
    assert losses(flow)[0].remedy == (
        "make the dead-letter queue writable: no policy on Undelivered lets events.amazonaws.com in"
    )


def test_a_dead_letter_queue_of_a_target_is_a_standard_queue():
    flow = flow_of(**{**TO_QUEUE, "Undelivered": dead_letters(FifoQueue=True)})
    assert flow.edges_of(DeadLetter)[0].verdict.denied
    assert len(losses(flow)) == 1


@pytest.mark.parametrize(
    ("fifo", "parameters", "why"),
    [
        ({}, None, "Queue is a FIFO queue and the target gives no MessageGroupId"),
        ({}, {"MessageGroupId": "g"}, "Queue is a FIFO queue without content-based deduplication"),
        ({"ContentBasedDeduplication": True}, {"MessageGroupId": "g"}, ""),
    ],
)
def test_a_fifo_queue_needs_a_group_and_deduplication_by_content(fifo, parameters, why):
    more = {"SqsParameters": parameters} if parameters else {}
    flow = flow_of(
        **{
            **TO_QUEUE,
            "Queue": queue(FifoQueue=True, **fifo),
            "Rule": rule(target("Queue", "Undelivered", **more)),
        }
    )
    assert flow.edges_of(Delivery)[0].verdict.why == why


def test_the_retries_of_the_bus_and_of_lambda_are_two_things():
    both = {
        "Rule": rule(target("Worker", "Undelivered")),
        "Worker": function(),
        "Role": role(allow(arn("Failed"), "sqs:SendMessage")),
        "Permission": permission("events", arn("Rule")),
        "Undelivered": dead_letters(),
        "Failed": dead_letters(),
        "Policy": lets_in("events", arn("Rule"), "Undelivered"),
        "Config": async_config("Failed"),
    }
    assert losses(flow_of(**both)) == []
    assert why_lost(flow_of(**{**both, "Config": async_config()})) == [
        "Worker cannot be run within 6 h (throttled)",
        "Worker fails 3 times",
    ]
    assert [f.hop for f in losses(flow_of(**{**both, "Rule": rule(target("Worker"))}))] == ["S/Rule#Targets[0]"]


def test_events_of_the_default_bus_that_match_no_rule_are_not_ours_to_lose():
    flow = flow_of(**TO_QUEUE)
    assert only(flow, Outcome.FILTERED).lost is False


OWN_BUS = {
    **TO_QUEUE,
    "Bus": resource("AWS::Events::EventBus", Name="orders"),
    "Rule": rule(target("Queue", "Undelivered"), EventBusName=ref("Bus")),
}


def test_an_event_on_ones_own_bus_that_matches_no_rule_is_lost_without_an_archive():
    (lost,) = losses(flow_of(**OWN_BUS))
    assert (lost.outcome, lost.condition) == (Outcome.FILTERED, "it matches no rule of Bus")
    archive = resource("AWS::Events::Archive", SourceArn=arn("Bus"), RetentionDays=7)
    flow = flow_of(**OWN_BUS, Archive=archive)
    assert losses(flow) == []
    kept = end(flow, "Bus", Outcome.FILTERED).kept
    assert kept is not None
    assert (kept.place, kept.at_most) == ("S/Bus", 7 * 86_400)
    all_of_the_account = changed(archive, EventPattern={"account": [ref("AWS::AccountId")]})
    assert losses(flow_of(**OWN_BUS, Archive=all_of_the_account)) == []
    some = changed(archive, EventPattern={"source": ["shop"]})
    assert len(losses(flow_of(**OWN_BUS, Archive=some))) == 1


@pytest.mark.parametrize(
    ("pattern", "everything"),
    [
        ({"source": [{"prefix": ""}]}, True),
        ({"account": [ref("AWS::AccountId")]}, True),
        ({"source": ["shop"]}, False),
        ({"detail": [{"exists": True}]}, False),
    ],
)
def test_a_rule_for_everything_leaves_no_event_behind(pattern, everything):
    rest = rule(target("Queue", "Undelivered"), EventBusName=ref("Bus"), EventPattern=pattern)
    flow = flow_of(**{**OWN_BUS, "Policy": lets_in("events", "*", "Queue", "Undelivered"), "Rest": rest})
    assert {e.target: e.everything for e in flow.edges_of(Match)}["S/Rest"] is everything
    assert bool(losses(flow)) is not everything


def test_a_disabled_rule_drops_what_it_was_made_for():
    flow = flow_of(**{**TO_QUEUE, "Rule": changed(TO_QUEUE["Rule"], State="DISABLED")})
    assert why_lost(flow) == ["it matches Rule, which is disabled"]


def test_a_disabled_clock_loses_nothing():
    clock = changed(TO_QUEUE["Rule"], EventPattern=None, ScheduleExpression="rate(1 hour)")
    assert losses(flow_of(**{**TO_QUEUE, "Rule": changed(clock, State="DISABLED")})) == []
    assert losses(flow_of(**{**TO_QUEUE, "Rule": clock})) == []
    assert end(flow_of(**{**TO_QUEUE, "Rule": clock}), "Rule", Outcome.DLQ).at == "S/Undelivered"


def test_a_rule_without_a_target_drops_everything():
    assert why_lost(flow_of(Rule=rule())) == ["Rule has no target"]


def test_a_bus_without_rules_may_have_some_elsewhere():
    flow = flow_of(Bus=resource("AWS::Events::EventBus", Name="orders"))
    assert losses(flow) == []
    assert end(flow, "Bus", Outcome.OUTSIDE).unsure == ("which rules Bus has",)


# The reference of a rule on a custom bus is "bus|rule".
CUT = {"Fn::Select": [1, {"Fn::Split": ["|", ref("Rule")]}]}


@pytest.mark.parametrize(
    ("dimensions", "told"),
    [
        ({"RuleName": CUT}, False),
        ({"RuleName": CUT, "EventBusName": ref("Bus")}, True),
        ({"RuleName": CUT, "EventBusName": {"Fn::Select": [0, {"Fn::Split": ["|", ref("Rule")]}]}}, True),
        (
            {"RuleName": {"Fn::Select": [2, {"Fn::Split": ["/", arn("Rule")]}]}, "EventBusName": ref("Bus")},
            True,
        ),
        ({"RuleName": ref("Rule"), "EventBusName": ref("Bus")}, False),
    ],
)
def test_an_alarm_on_a_rule_of_ones_own_bus_needs_both_dimensions_and_the_name_alone(dimensions, told):
    """https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131"""
    flow = flow_of(**OWN_BUS, Sent=alarm("AWS/Events", "InvocationsSentToDlq", **dimensions))
    assert bool(end(flow, "Bus", Outcome.DLQ).alarms) is told


@pytest.mark.parametrize(
    ("dimensions", "told"),
    [({"RuleName": ref("Rule")}, True), ({"RuleName": ref("Rule"), "EventBusName": "default"}, False)],
)
def test_an_alarm_on_a_rule_of_the_default_bus_has_the_rule_alone(dimensions, told):
    flow = flow_of(**TO_QUEUE, Sent=alarm("AWS/Events", "InvocationsSentToDlq", **dimensions))
    assert bool(only(flow, Outcome.DLQ).alarms) is told


def test_a_target_that_needs_a_role_is_judged_by_that_role():
    machine = resource("AWS::StepFunctions::StateMachine", DefinitionString="{}")

    def verdict(given):
        to = {"Arn": ref("Machine"), "Id": "t", "RoleArn": arn("Role")}
        return flow_of(Rule=rule(to), Machine=machine, Role=given).edges_of(Delivery)[0].verdict

    assert verdict(role(allow(ref("Machine"), "states:StartExecution"))).allowed
    assert verdict(role()).why == "Role has no states:StartExecution on Machine"


def test_a_topic_needs_a_policy_for_the_bus():
    to = {"Arn": ref("Topic"), "Id": "t"}
    flow = flow_of(Rule=rule(to), Topic=topic())
    assert flow.edges_of(Delivery)[0].verdict.why == "no policy on Topic lets events.amazonaws.com in"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ref("Topic"),
        "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
    }
    policy = resource("AWS::SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument={"Statement": [statement]})
    assert flow_of(Rule=rule(to), Topic=topic(), Policy=policy).edges_of(Delivery)[0].verdict.allowed


SUBSCRIBER = {
    "Bus": resource("AWS::EventsV2::EventBus", Name="new", StorageConfiguration={"RetentionPeriodInDays": 3}),
    "Subscriber": resource(
        "AWS::EventsV2::Subscriber",
        EventBusArn=arn("Bus"),
        InvokeConfiguration={"TargetArn": arn("Queue"), "RoleArn": arn("Role")},
    ),
    "Queue": queue(),
    "Failed": dead_letters(),
    "Role": role(allow([arn("Queue"), arn("Failed")], "sqs:SendMessage")),
}


def test_a_subscriber_of_a_new_bus_gives_up_after_six_tries_in_five_minutes():
    flow = flow_of(**SUBSCRIBER)
    (edge,) = flow.edges_of(Delivery)
    assert (edge.by, edge.attempts, edge.seconds, edge.verdict.answer) == ("eventsv2", 6, 300, Answer.ALLOWED)
    assert len(losses(flow)) == 1
    kept = changed(SUBSCRIBER["Subscriber"], OnFailureConfiguration={"Arn": arn("Failed")})
    flow = flow_of(**{**SUBSCRIBER, "Subscriber": kept})
    assert losses(flow) == []
    assert end(flow, "Bus", Outcome.DLQ).at == "S/Failed"


def test_a_subscriber_is_tried_as_its_own_policy_says():
    policy = {"MaxRetryAttempts": 185, "MaxEventAgeInSeconds": 86_400}
    flow = flow_of(**{**SUBSCRIBER, "Subscriber": changed(SUBSCRIBER["Subscriber"], RetryPolicy=policy)})
    assert [(edge.attempts, edge.seconds) for edge in flow.edges_of(Delivery)] == [(186, 86_400)]


def test_a_stopped_subscriber_lets_events_expire():
    stopped = changed(SUBSCRIBER["Subscriber"], State="STOPPED")
    (lost,) = losses(flow_of(**{**SUBSCRIBER, "Subscriber": stopped}))
    assert (lost.condition, lost.latest) == ("the subscriber of Queue is stopped", 3 * 86_400)


def test_the_default_bus_is_one_for_all_stacks():
    from patterns.flow import read_flow

    flow = read_flow({"A": {"Resources": TO_QUEUE}, "B": {"Resources": TO_QUEUE}})
    assert [bus.id for bus in flow.nodes_of(Bus)] == [BUS]
    assert len(flow.leaving(BUS)) == 2


def test_a_bus_of_another_account_cannot_be_told():
    to = {"Arn": "arn:aws:events:eu-central-1:999999999999:event-bus/theirs", "Id": "t", "RoleArn": arn("Role")}
    flow = flow_of(Rule=rule(to), Role=role(allow("*", "events:PutEvents")))
    (edge,) = flow.edges_of(Delivery)
    assert edge.verdict.answer is Answer.ALLOWED
    assert [f.at for f in ends_of(flow, Outcome.OUTSIDE)] == [to["Arn"]]


def ends_of(flow, outcome):
    return [fate for fate in fates(flow)[BUS] if fate.outcome is outcome]


def test_an_archive_keeps_a_copy_of_what_is_lost_further_on():
    def lost(**archive):
        parts = {
            "Bus": resource("AWS::Events::EventBus", Name="own"),
            "Rule": rule(target("Worker"), EventBusName=ref("Bus")),
            "Worker": function(),
            "Let": permission("events", arn("Rule")),
        }
        if archive:
            parts["Archive"] = resource("AWS::Events::Archive", SourceArn=arn("Bus"), **archive)
        return flow_of(**parts)

    assert "Worker fails 3 times" in [fate.condition for fate in losses(lost())]
    assert losses(lost(RetentionDays=7)) == []
    told = fates(lost(RetentionDays=7))["S/Bus"]
    [kept] = [fate for fate in told if fate.condition == "Worker fails 3 times"]
    assert kept.kept == Kept("S/Bus", 7 * 86_400, 7 * 86_400)
    # The event can be a day old when it comes to the function, whose own queue keeps it for 6 hours more.
    assert "Worker fails 3 times" in [fate.condition for fate in losses(lost(RetentionDays=1))]
    assert losses(lost(EventPattern={"source": ["only.these"]}, RetentionDays=7)) != []


def test_a_log_group_is_reached_by_a_policy_that_no_template_may_hold():
    parts = {"Rule": rule(target("Logs")), "Logs": resource("AWS::Logs::LogGroup")}
    [delivery] = flow_of(**parts).edges_of(Delivery)
    assert delivery.verdict.answer is Answer.UNKNOWN
    assert delivery.verdict.why == "a resource policy of CloudWatch Logs has to let EventBridge write to Logs"


@pytest.mark.parametrize("kind", ["AWS::ECS::Cluster", "AWS::Batch::JobQueue", "AWS::SSM::Document"])
def test_what_is_granted_on_a_definition_is_not_denied_on_the_cluster_that_runs_it(kind):
    runs = role(allow("arn:aws:ecs:eu-central-1:111122223333:task-definition/orders", "ecs:RunTask"))
    scheduled = rule({**target("Cluster"), "RoleArn": arn("Role")})
    [delivery] = flow_of(Rule=scheduled, Cluster=resource(kind), Role=runs).edges_of(Delivery)
    assert delivery.verdict.answer is Answer.UNKNOWN


WAITING = {
    "Bus": SUBSCRIBER["Bus"],
    "Subscriber": resource(
        "AWS::EventsV2::Subscriber",
        EventBusArn=arn("Bus"),
        InvokeConfiguration={"TargetArn": arn("Worker"), "RoleArn": arn("Sender")},
        OnFailureConfiguration={"Arn": arn("Failed")},
    ),
    "Worker": function(),
    "Role": role(),
    "Sender": role(allow(arn("Worker"), "lambda:InvokeFunction"), allow(arn("Failed"), "sqs:SendMessage")),
    "Failed": dead_letters(),
}


def invoked(how, **more):
    given = {
        "TargetArn": arn("Worker"),
        "RoleArn": arn("Sender"),
        "LambdaParameters": {"InvocationType": how},
    }
    return {**WAITING, "Subscriber": changed(WAITING["Subscriber"], InvokeConfiguration=given, **more)}


def test_a_subscriber_that_waits_for_the_answer_takes_an_error_for_a_failed_delivery():
    errors = alarm("AWS/Lambda", "Errors", FunctionName=ref("Worker"))
    flow = flow_of(**invoked("REQUEST_RESPONSE"), Alarm=errors)
    assert losses(flow) == []
    failed, undelivered = ends(flow, "Bus", Outcome.DLQ)
    described = "; Failed gets a description of it, and only Bus keeps the event"
    assert (failed.at, failed.condition) == ("S/Failed", f"Worker fails 6 times within 5 min{described}")
    assert failed.alarms == ("S/Alarm",)
    assert undelivered.condition.startswith("it cannot be delivered to Worker: ")
    assert undelivered.alarms == ()


def test_a_subscriber_that_hands_events_over_sees_no_error_of_the_function():
    flow = flow_of(**invoked("EVENT"))
    assert [f.condition for f in ends(flow, "Bus", Outcome.DLQ) if "fails" in f.condition] == []
    assert why_lost(flow) == ["Worker cannot be run within 6 h (throttled)", "Worker fails 3 times"]


def test_a_failing_event_of_an_ordered_subscriber_holds_up_its_group():
    flow = flow_of(**invoked("REQUEST_RESPONSE", Type="FIFO"))
    assert [edge.fifo for edge in flow.edges_of(Delivery)] == [True]
    waits = "; later events of its group wait until then"
    assert [waits in f.condition for f in ends(flow, "Bus", Outcome.DLQ)] == [True, True]
    [processed] = ends(flow, "Bus", Outcome.PROCESSED)
    assert processed.order == "in order within a message group"


def test_an_invocation_type_that_a_parameter_decides_leaves_both_ways_open():
    flow = read_flow({"S": {"Parameters": {"How": {"Type": "String"}}, "Resources": invoked(ref("How"))}})
    assert losses(flow) == [], "which of the two ways it goes is not what the template says"
    doubt = "whether Worker is invoked as an event or its answer waited for"
    failing = [f for f in fates(flow)["S/Bus"] if "Worker fails" in f.condition]
    assert [(f.outcome, f.unsure) for f in failing] == [(Outcome.DLQ, (doubt,)), (Outcome.DROPPED, (doubt,))]


def test_how_long_an_archive_keeps_may_not_be_told():
    parts = {
        "Bus": resource("AWS::Events::EventBus", Name="b"),
        "Archive": resource("AWS::Events::Archive", SourceArn=arn("Bus"), RetentionDays=ref("Days")),
        "Rule": resource(
            "AWS::Events::Rule",
            EventBusName=ref("Bus"),
            EventPattern={"source": ["a"]},
            Targets=[{"Id": "t", "Arn": arn("Worker")}],
        ),
        "Permission": permission("events", arn("Rule")),
        "Worker": function(),
        "Role": role(),
    }
    flow = read_flow({"S": {"Parameters": {"Days": {"Type": "Number"}}, "Resources": parts}})
    gone = [f for f in fates(flow)["S/Bus"] if f.outcome in (Outcome.FILTERED, Outcome.DROPPED)]
    assert len(gone) == 4, "no rule, no delivery, throttled, failed"
    assert {f.unsure for f in gone} == {("how long Bus keeps what it archives",)}
    known = read_flow({"S": {"Resources": {**parts, "Archive": changed(parts["Archive"], RetentionDays=3)}}})
    assert {f.unsure for f in fates(known)["S/Bus"]} == {()}


FORWARDS = allow("*", "events:PutEvents")


@pytest.mark.parametrize("place", ["eu-central-1:444455556666", "us-east-1:${AWS::AccountId}"])
def test_the_default_bus_of_another_account_or_region_is_not_the_own_one(place):
    there = {"Fn::Sub": f"arn:aws:events:{place}:event-bus/default"}
    sends = rule({"Id": "t", "Arn": there, "RoleArn": arn("Role")})
    flow = flow_of(**TO_QUEUE, Forward=sends, Role=role(FORWARDS))
    assert loops(flow) == []
    (away,) = [fate for fate in fates(flow)[BUS] if fate.outcome is Outcome.OUTSIDE and fate.at != "S/Queue"]
    assert away.condition.startswith("it is handed to the default event bus in ")


@pytest.mark.parametrize(
    ("place", "own"),
    [("eu-west-1:111122223333", True), ("eu-west-1:444455556666", False), ("us-east-1:111122223333", False)],
)
def test_where_a_stack_is_deployed_tells_whether_a_default_bus_is_its_own(place, own, tmp_path):
    there = f"arn:aws:events:{place}:event-bus/default"
    parts = {"Forward": rule({"Id": "t", "Arn": there, "RoleArn": arn("Role")}), "Role": role(FORWARDS)}
    flow = deployed(tmp_path, S=parts)
    (forward,) = flow.edges_of(Delivery)
    assert forward.target == (BUS if own else there)


ONCE = "it cannot be delivered to {}: it came from another bus, and EventBridge forwards an event only once"


def test_what_a_rule_sends_to_its_own_bus_does_not_go_round():
    here = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
    flow = flow_of(Forward=rule({"Id": "t", "Arn": here, "RoleArn": arn("Role")}), Role=role(FORWARDS))
    assert loops(flow) == []
    assert ONCE.format(BUS) in [fate.condition for fate in losses(flow)]


def bus(name):
    return resource("AWS::Events::EventBus", Name=name)


CENTRAL = "arn:aws:events:eu-west-1:444455556666:event-bus/central"
CHAIN = {
    "First": bus("first"),
    "Second": bus("second"),
    "Third": bus("third"),
    "On": rule(target("Second", RoleArn=arn("Role")), EventBusName=ref("First")),
    "Further": rule(target("Third", "Undelivered", RoleArn=arn("Role")), EventBusName=ref("Second")),
    "Use": rule(target("Queue"), EventBusName=ref("Second")),
    "Last": rule(target("Queue"), EventBusName=ref("Third")),
    "Queue": queue(),
    "Undelivered": dead_letters(),
    "Policy": lets_in("events", "*", "Queue", "Undelivered"),
    "Role": role(allow("*", "events:PutEvents")),
}


def test_a_forwarded_event_is_not_forwarded_again():
    told = fates(flow_of(**CHAIN))["S/First"]
    (kept,) = [fate for fate in told if fate.condition == ONCE.format("Third")]
    assert (kept.at, kept.attempts, kept.lost) == ("S/Undelivered", 1, False)
    assert not any("S/Third" in (fate.at, fate.kept and fate.kept.place) for fate in told)
    # The rules that hand it to something else get it.
    assert any(fate.at == "S/Queue" and fate.outcome is Outcome.OUTSIDE for fate in told)
    alone = changed(CHAIN["Further"], Targets=[target("Third", RoleArn=arn("Role"))])
    flow = flow_of(**{**CHAIN, "Further": alone})
    (lost,) = [fate for fate in losses(flow) if fate.condition == ONCE.format("Third")]
    assert lost.remedy == "forward it to Third from the bus on which it is put"


def test_what_is_put_on_the_second_bus_by_others_is_forwarded():
    shop = {"Source": "shop", "DetailType": "Tick"}
    aim = {"Arn": arn("Second"), "RoleArn": arn("Role"), "EventBridgeParameters": shop}
    tick = resource("AWS::Scheduler::Schedule", ScheduleExpression="rate(1 hour)", Target=aim)
    told = fates(flow_of(**CHAIN, Tick=tick))["S/Tick"]
    assert any("S/Further#Targets[0]" in fate.path and "S/Last#Targets[0]" in fate.path for fate in told)
    assert ONCE.format("Third") not in [fate.condition for fate in told]


@pytest.mark.parametrize("to", [CENTRAL, {"Fn::GetAtt": ["New", "Arn"]}])
def test_a_bus_of_another_account_is_a_bus_too_and_a_new_one_is_not(to):
    further = rule({"Id": "t", "Arn": to, "RoleArn": arn("Role")}, EventBusName=ref("Second"))
    new = resource("AWS::EventsV2::EventBus", RetentionPeriodInDays=1)
    told = fates(flow_of(**{**CHAIN, "Further": further, "New": new}))["S/First"]
    assert any("forwards an event only once" in fate.condition for fate in told) is (to == CENTRAL)


HOOK = "arn:aws:events:eu-west-1:444455556666:api-destination/hook/0f1e"


@pytest.mark.parametrize(
    "to",
    [
        HOOK,
        {"Fn::Sub": HOOK.replace("hook", "${Hook}")},
        {"Fn::Sub": [HOOK.replace("hook", "${Hook}"), {"Hook": {"Fn::Select": [0, {"Fn::GetAZs": ""}]}}]},
    ],
)
def test_an_api_destination_that_stands_elsewhere_is_no_bus(to):
    further = rule({"Id": "t", "Arn": to, "RoleArn": arn("Role")}, EventBusName=ref("Second"))
    template = {"Parameters": {"Hook": {"Type": "String"}}, "Resources": {**CHAIN, "Further": further}}
    flow = read_flow({"S": template})
    assert not any("forwards an event only once" in fate.condition for fate in fates(flow)["S/First"])
    assert [edge.event for edge in flow.edges_of(Delivery) if edge.source == "S/Further"] == [{}]


@pytest.mark.parametrize(
    ("action", "answer"), [("events:InvokeApiDestination", Answer.ALLOWED), ("events:PutEvents", Answer.DENIED)]
)
def test_an_api_destination_that_stands_elsewhere_is_invoked(action, answer):
    to = {"Id": "t", "Arn": HOOK, "RoleArn": arn("Caller")}
    flow = flow_of(Rule=rule(to), Caller=role(allow(HOOK.replace("0f1e", "*"), action)))
    assert flow.edges["S/Rule#Targets[0]"].verdict.answer is answer


def test_what_a_built_in_target_asks_of_the_role_is_not_told():
    to = {"Id": "t", "Arn": HOOK.replace("api-destination/hook/0f1e", "target/create-snapshot"), "RoleArn": arn("Role")}
    flow = flow_of(Rule=rule(to), Role=role(allow("*", "ec2:CreateSnapshot")))
    assert flow.edges["S/Rule#Targets[0]"].verdict.answer is Answer.UNKNOWN


def test_what_code_puts_on_a_bus_goes_further_than_what_is_forwarded_to_it():
    any_event = {"source": [{"prefix": ""}]}
    parts = {
        **CHAIN,
        "On": changed(CHAIN["On"], EventPattern=any_event),
        "Code": function(Environment={"Variables": {"BUS": ref("Second")}}),
    }
    told = fates(flow_of(**parts))
    assert "S/Last#Targets[0]" in {edge for fate in told["S/Second"] for edge in fate.path}
    assert told.keys() == {"S/First", "S/Second"}
    # Where nothing is forwarded further, it goes where everything goes.
    del parts["Further"]
    assert "S/Second" not in fates(flow_of(**parts))


def test_buses_that_forward_to_each_other_make_no_loop():
    back = rule(target("First", RoleArn=arn("Role")), EventBusName=ref("Second"))
    flow = flow_of(**{**CHAIN, "Further": back})
    assert loops(flow) == []
    assert {"S/First", "S/Second"} <= fates(flow).keys()
    assert {ONCE.format("First"), ONCE.format("Second")} <= {fate.condition for fate in losses(flow)}


def test_a_function_between_two_buses_makes_a_new_event():
    parts = {
        "First": bus("first"),
        "Second": bus("second"),
        "On": rule(target("Second", RoleArn=arn("Role")), EventBusName=ref("First")),
        "Call": rule(target("Worker"), EventBusName=ref("Second")),
        "Let": permission("events", arn("Call")),
        "Worker": function(Environment={"Variables": {"BUS": ref("First")}}),
        "Role": role(allow("*", "events:PutEvents")),
    }
    assert len(loops(flow_of(**parts))) == 1


@pytest.mark.parametrize(
    ("pattern", "archived", "kept"),
    [
        ({"source": ["shop"]}, {"source": ["shop"]}, True),
        ({"source": ["shop"], "detail": {"n": [1, 2]}}, {"source": ["shop", "till"], "detail": {"n": [1, 2, 3]}}, True),
        ({"source": ["shop"]}, {"source": ["shop"], "detail-type": ["Paid"]}, False),
        ({"source": ["shop", "till"]}, {"source": ["shop"]}, False),
        ({"source": [{"prefix": "sh"}]}, {"source": ["shop"]}, False),
        ({"source": [ref("Open")]}, {"source": [ref("Open")]}, False),
        ({"$or": [{"source": ["a"]}]}, {"$or": [{"source": ["a"]}]}, False),
    ],
)
@pytest.mark.parametrize("state", ["ENABLED", "DISABLED"])
def test_an_archive_of_what_a_rule_matches_keeps_what_its_target_does_not_get(pattern, archived, kept, state):
    flow = flow_of(
        Bus=resource("AWS::Events::EventBus", Name="own"),
        Rule=rule(target("Worker"), EventBusName=ref("Bus"), EventPattern=pattern, State=state),
        Worker=function(),
        Let=permission("events", arn("Rule")),
        Archive=resource("AWS::Events::Archive", SourceArn=arn("Bus"), EventPattern=archived, RetentionDays=7),
    )
    gone = [fate for fate in fates(flow)["S/Bus"] if fate.outcome is Outcome.DROPPED]
    assert gone
    assert {fate.lost for fate in gone} == {not kept}
    assert {fate.kept for fate in gone} == {Kept("S/Bus", 7 * 86_400, 7 * 86_400) if kept else None}


@pytest.mark.parametrize(
    ("first", "second", "days"),
    [({"RetentionDays": 7}, {"RetentionDays": 3}, 7), ({"RetentionDays": 3}, {"RetentionDays": 7}, 7), (None, None, 0)],
    ids=["the longer first", "the longer last", "one that may not exist"],
)
def test_of_two_archives_of_a_rule_the_longer_counts_and_none_that_may_not_exist(first, second, days):
    own = {"SourceArn": arn("Bus"), "EventPattern": {"source": ["shop"]}}
    archives = {
        name: resource("AWS::Events::Archive", **own, **more)
        for name, more in (("A", first), ("B", second))
        if more is not None
    }
    if not archives:
        archives = {"A": {**resource("AWS::Events::Archive", **own, RetentionDays=7), "Condition": "Open"}}
    parts = {"Bus": resource("AWS::Events::EventBus", Name="own"), "Rule": rule(EventBusName=ref("Bus")), **archives}
    conditions = {"Open": {"Fn::Equals": [ref("P"), "yes"]}}
    flow = read_flow({"S": {"Parameters": {"P": {"Type": "String"}}, "Conditions": conditions, "Resources": parts}})
    assert [one.archive_days for one in flow.nodes_of(Rule)] == [days]


OWN_KEY = {
    "Key": resource("AWS::KMS::Key"),
    "Bus": resource(
        "AWS::Events::EventBus", Name="own", KmsKeyIdentifier=arn("Key"), DeadLetterConfig={"Arn": arn("Unencrypted")}
    ),
    "Unencrypted": dead_letters(),
    "Lets": lets_in("events", arn("Bus"), "Unencrypted"),
}
KEY_FAILS = "the key of Bus cannot be used, such as when it is disabled or missing"


def test_what_the_key_of_a_bus_fails_is_kept_in_the_dead_letter_queue_of_the_bus():
    flow = flow_of(**OWN_KEY)
    assert losses(flow) == []
    assert list(fates(flow)) == ["S/Bus"]
    kept = end(flow, "Bus", Outcome.DLQ)
    assert (kept.at, kept.condition) == ("S/Unencrypted", KEY_FAILS)
    (net,) = flow.edges_of(DeadLetter)
    assert (net.source, net.of, net.place) == ("S/Bus", "S/Bus", "DeadLetterConfig")


def test_a_bus_with_a_key_and_no_dead_letter_queue_loses_what_the_key_fails():
    (lost,) = losses(flow_of(**{**OWN_KEY, "Bus": changed(OWN_KEY["Bus"], DeadLetterConfig=None)}))
    assert (lost.outcome, lost.at, lost.condition) == (Outcome.DROPPED, "S/Bus", KEY_FAILS)
    assert lost.remedy == "give Bus a dead-letter queue"


@pytest.mark.parametrize(
    "change",
    [
        {"Lets": lets_in("events", arn("Rule"), "Unencrypted"), "Rule": rule(EventBusName=ref("Bus"))},
        {"Unencrypted": dead_letters(FifoQueue=True)},
    ],
)
def test_the_dead_letter_queue_of_a_bus_has_to_let_the_bus_in(change):
    lost = [fate.condition for fate in losses(flow_of(**{**OWN_KEY, **change})) if KEY_FAILS in fate.condition]
    assert len(lost) == 1
    assert "; its dead-letter queue cannot take it: " in lost[0]


def test_without_a_key_of_its_own_a_bus_puts_nothing_into_its_dead_letter_queue():
    flow = flow_of(**{**OWN_KEY, "Bus": changed(OWN_KEY["Bus"], KmsKeyIdentifier=None)})
    assert flow.edges_of(DeadLetter) == []
    assert not any(KEY_FAILS in fate.condition for told in fates(flow).values() for fate in told)


def test_whether_a_bus_fails_the_record_of_an_invocation_by_its_key_is_not_told():
    """AWS speaks of custom and partner events."""
    parts = {
        **OWN_KEY,
        "Bus": changed(OWN_KEY["Bus"], DeadLetterConfig=None),
        "Topic": topic(),
        "Sub": resource("AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="lambda", Endpoint=arn("Worker")),
        "Let": permission("sns", ref("Topic")),
        "Worker": function(),
        "Role": role(allow(arn("Bus"), "events:PutEvents")),
        "Config": async_config(DestinationConfig={"OnSuccess": {"Destination": arn("Bus")}}),
    }
    told = fates(flow_of(**parts))["S/Topic"]
    assert "S/Bus" in {fate.at for fate in told}
    assert not any(KEY_FAILS in fate.condition for fate in told)


def test_a_key_that_is_left_open_is_no_loss_that_a_template_decides():
    parts = {**OWN_KEY, "Bus": changed(OWN_KEY["Bus"], KmsKeyIdentifier=ref("Open"), DeadLetterConfig=None)}
    flow = read_flow({"S": {"Parameters": {"Open": {"Type": "String"}}, "Resources": parts}})
    assert losses(flow) == []
    assert end(flow, "Bus", Outcome.DROPPED).unsure == ("the key of Bus",)


def onward(sender, **pattern):
    """A bus to which one sender puts events, and its only rule."""
    return {
        **sender,
        "Bus": resource("AWS::Events::EventBus", Name="own"),
        "Rule": rule(target("Queue", "Undelivered"), EventBusName=ref("Bus"), EventPattern=pattern),
        "Queue": queue(),
        "Undelivered": dead_letters(),
        "Policy": lets_in("events", arn("Rule"), "Queue", "Undelivered"),
        "Role": role(allow(arn("Bus"), "events:PutEvents"), allow("*", "sqs:*")),
    }


def scheduled(**parameters):
    aim = {"Arn": arn("Bus"), "RoleArn": arn("Role"), "DeadLetterConfig": {"Arn": arn("Undelivered")}}
    aim["EventBridgeParameters"] = parameters
    return {"Tick": resource("AWS::Scheduler::Schedule", ScheduleExpression="rate(1 hour)", Target=aim)}


def piped(**parameters):
    options = {"EventBridgeEventBusParameters": parameters}
    aim = {"Source": arn("In"), "Target": arn("Bus"), "RoleArn": arn("Role"), "TargetParameters": options}
    return {"Pipe": resource("AWS::Pipes::Pipe", **aim), "In": queue("Undelivered")}


def forwarded(**pattern):
    aim = target("Bus", "Undelivered", RoleArn=arn("Role"))
    return {"First": rule(aim, EventPattern=pattern), "Lets": lets_in("events", arn("First"), "Undelivered")}


def states(*entries, key="Entries"):
    task = {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "End": True}
    put = {f"Put{n}": {**task, "Arguments": {key: entry}} for n, entry in enumerate(entries)}
    return {"StartAt": "Put0", "States": put}


def machine(*entries):
    made = states(*([entry] for entry in entries))
    return {"Machine": resource("AWS::StepFunctions::StateMachine", RoleArn=arn("Role"), Definition=made)}


def written(*entries):
    text = {"Fn::Sub": json.dumps(states(*([entry] for entry in entries)))}
    return {"Machine": resource("AWS::StepFunctions::StateMachine", RoleArn=arn("Role"), DefinitionString=text)}


def with_more(value, key="Entries"):
    """A state machine whose second task puts events that nobody knows."""
    made = states([{"EventBusName": ref("Bus"), **TICK}], value)
    made["States"]["Put1"]["Arguments"] = {key: value}
    return {"Machine": resource("AWS::StepFunctions::StateMachine", RoleArn=arn("Role"), Definition=made)}


TICK = {"Source": "clock", "DetailType": "Tick"}
PUT_EVENTS = {
    "Arn": "arn:aws:scheduler:::aws-sdk:eventbridge:putEvents",
    "Input": {"Fn::Sub": '{"Entries": [{"EventBusName": "${Bus}", "Source": "clock", "DetailType": "Tick"}]}'},
    "RoleArn": arn("Role"),
    "DeadLetterConfig": {"Arn": arn("Undelivered")},
}
TWO = ["clock", "shop"]
ENTRIES = ", ".join(f'{{"EventBusName": "${{Bus}}", "Source": "{one}", "DetailType": "Tick"}}' for one in TWO)
PUT_TWO = {**PUT_EVENTS, "Input": {"Fn::Sub": f'{{"Entries": [{ENTRIES}]}}'}}


@pytest.mark.parametrize(
    ("sender", "entered"),
    [
        (scheduled(**TICK), "S/Tick"),
        (
            {"Tick": resource("AWS::Scheduler::Schedule", ScheduleExpression="rate(1 hour)", Target=PUT_EVENTS)},
            "S/Tick",
        ),
        (piped(**TICK), "S/In"),
        (forwarded(source=["clock"], **{"detail-type": ["Tick"]}), BUS),
        (machine({"EventBusName": ref("Bus"), **TICK}), "S/Machine"),
        (written({"EventBusName": "${Bus}", **TICK}), "S/Machine"),
    ],
    ids=["a schedule", "a universal target", "a pipe", "a rule of another bus", "a state machine", "its text"],
)
@pytest.mark.parametrize(
    ("pattern", "arrives", "filtered"),
    [
        ({"source": ["clock"]}, True, False),
        ({"source": ["clock", "shop"], "detail-type": ["Tick"]}, True, False),
        ({"source": [{"prefix": "cl"}], "detail-type": [{"anything-but": ["Tock"]}]}, True, False),
        ({"detail-type": ["Tick"]}, True, False),
        ({"source": ["clock"], "detail": {"n": [1]}}, True, True),
        ({"source": [ref("Open")]}, True, True),
        ({"source": [ref("Open"), "clock"]}, True, False),
        ({"source": [{"no-such-test": 1}]}, True, True),
        ({"source": "clock"}, True, True),
        ({"source": ["shop"]}, False, True),
        ({"source": [{"prefix": "sh"}]}, False, True),
        ({"source": ["clock"], "detail-type": ["Tock"]}, False, True),
    ],
)
def test_what_is_put_on_a_bus_meets_the_rules_for_its_source_and_detail_type(
    sender, entered, pattern, arrives, filtered
):
    told = fates(flow_of(**onward(sender, **pattern)))[entered]
    assert any(fate.at == "S/Queue" and fate.outcome is Outcome.OUTSIDE for fate in told) is arrives
    assert any(fate.condition == "it matches no rule of Bus" for fate in told) is filtered


@pytest.mark.parametrize(
    "sender",
    [
        scheduled(Source=ref("Open"), DetailType="Tick"),
        scheduled(Source="<aws.scheduler.schedule-arn>", DetailType="Tick"),
        piped(Source="$.body.source", DetailType="Tick"),
        piped(),
        forwarded(source=[{"prefix": "clock"}]),
        {"Tick": rule(target("Bus", RoleArn=arn("Role")), EventPattern={"source": ["clock"]}, ScheduleExpression="x")},
        {"Tick": resource("AWS::Scheduler::Schedule", ScheduleExpression="rate(1 hour)", Target=PUT_TWO)},
        machine({"EventBusName": ref("Bus"), "Source.$": "$.source", "DetailType": "Tick"}),
        machine({"EventBusName": ref("Bus"), "Source": "{% 'shop' %}", "DetailType": "Tick"}),
        machine(
            {"EventBusName": ref("Bus"), **TICK}, {"EventBusName": ref("Bus"), "Source": "shop", "DetailType": "x"}
        ),
        with_more("$.entries", "Entries.$"),
        with_more("{% $states.input.entries %}"),
        written({"EventBusName": "${Bus}", "Source": "${Open}", "DetailType": "Tick"}),
    ],
)
def test_a_source_that_is_not_written_out_may_be_any(sender):
    flow = flow_of(**onward(sender, source=["shop"]))
    # The bus would be a source of its own if another one was known to come.
    assert "S/Bus" not in fates(flow)
    told = [fate for found in fates(flow).values() for fate in found]
    assert any(fate.at == "S/Queue" for fate in told)
    assert any(fate.condition == "it matches no rule of Bus" for fate in told)


@pytest.mark.parametrize(
    "sender",
    [
        with_more("$.entries", "Entries.$"),
        with_more("{% $states.input.entries %}"),
        with_more([{"EventBusName": ref("Bus"), "Source.$": "$.s", "DetailType.$": "$.t"}]),
        with_more('#set($entry = "DetailType")', "Template"),
    ],
    ids=["a path", "an expression", "fields by path", "text that is no JSON"],
)
def test_what_one_step_puts_on_a_bus_is_not_all_that_its_machine_puts_there(sender):
    assert [call.event for call in flow_of(**onward(sender)).edges_of(Call)] == [{}]


@pytest.mark.parametrize("pattern", [{"source": ["shop"]}, ref("Open")])
def test_a_rule_may_match_one_of_the_sources_that_are_forwarded_or_any_by_a_pattern_that_is_not_told(pattern):
    parts = onward(forwarded(source=["clock", "shop"]))
    parts["Rule"] = changed(parts["Rule"], EventPattern=pattern)
    template = {"Parameters": {"Open": {"Type": "String"}}, "Resources": parts}
    told = fates(read_flow({"S": template}))[BUS]
    assert any(fate.at == "S/Queue" and fate.outcome is Outcome.OUTSIDE for fate in told)
    assert any(fate.condition == "it matches no rule of Bus" for fate in told)


def test_an_event_that_is_certain_to_match_a_disabled_rule_is_not_said_to_match_none():
    parts = onward(piped(**TICK), source=["clock"])
    parts["Rule"] = changed(parts["Rule"], State="DISABLED")
    assert why_lost(flow_of(**parts)) == ["it matches Rule, which is disabled"]


def test_only_what_goes_to_a_bus_is_known_by_its_source():
    flow = flow_of(**TO_QUEUE)
    assert [edge.event for edge in flow.edges_of(Delivery)] == [{}]


RECORDED = {
    "Worker": function(),
    "Config": async_config("Bus"),
    "Let": permission("events", None),
}
SENDS = {"Environment": {"Variables": {"BUS": ref("Bus")}}}
CODE = {"Code": function(**SENDS)}
REFUSED = {"Code": function("Nothing", **SENDS), "Nothing": role()}


@pytest.mark.parametrize(
    ("sender", "pattern", "others"),
    [
        (piped(**TICK), {"source": ["clock"]}, False),
        (piped(**TICK), {"source": ["shop"]}, True),
        ({**piped(**TICK), **CODE}, {"source": ["clock"]}, True),
        ({**piped(**TICK), **REFUSED}, {"source": ["clock"]}, False),
        ({**piped(**TICK), "Stop": scheduled(Source=ref("Open"))["Tick"]}, {"source": ["shop"]}, False),
        (RECORDED, {"detail-type": ["Lambda Function Invocation Result - Failure"]}, False),
        (RECORDED, {"source": ["shop"], "detail-type": ["Order"]}, True),
    ],
    ids=[
        "the pipe's alone",
        "a rule for more",
        "code that sends",
        "code that may not",
        "a sender of anything",
        "records",
        "not records",
    ],
)
def test_a_bus_is_a_source_of_its_own_for_what_those_who_are_known_to_send_do_not_put_there(sender, pattern, others):
    assert ("S/Bus" in fates(flow_of(**onward(sender, **pattern)))) is others


def answering(pattern, **event):
    """A state machine that a rule of a bus starts and that puts an event on the bus."""
    put = machine({"EventBusName": ref("Bus"), **event})
    return {
        **put,
        "Bus": bus("own"),
        "Start": rule(target("Machine", RoleArn=arn("Role")), EventBusName=ref("Bus"), EventPattern=pattern),
        "Role": role(allow("*", "events:PutEvents", "states:StartExecution")),
    }


@pytest.mark.parametrize(
    ("pattern", "loop"),
    [
        ({"source": ["shop"]}, False),
        ({"source": ["shop", "clock"]}, True),
        ({"source": ["clock"], "detail-type": ["Tock"]}, False),
        ({"source": ["clock"], "detail": {"n": [1]}}, True),
        ({"detail": {"n": [1]}}, True),
    ],
)
def test_an_answer_that_does_not_match_what_was_asked_for_makes_no_loop(pattern, loop):
    flow = flow_of(**answering(pattern, **TICK))
    assert [set(one.nodes) for one in loops(flow)] == ([{"S/Bus", "S/Start", "S/Machine"}] if loop else [])


def test_of_several_rules_those_that_match_make_the_loop():
    shop = answering({"source": ["shop"]}, **TICK)
    again = rule(target("Machine", RoleArn=arn("Role")), EventBusName=ref("Bus"), EventPattern={"source": ["clock"]})
    flow = flow_of(**shop, Zero=again)
    assert [set(one.nodes) for one in loops(flow)] == [{"S/Bus", "S/Zero", "S/Machine"}]


def test_the_methods_of_an_api_put_what_they_like():
    name = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:events:action/PutEvents"}
    text = {"Fn::Sub": '{"Entries": [{"EventBusName": "${Bus}", "Source": "clock", "DetailType": "Tick"}]}'}
    how = {"Uri": name, "RequestTemplates": {"application/json": text}, "Credentials": arn("Role")}
    method = resource("AWS::ApiGateway::Method", RestApiId=ref("Api"), Integration=how)
    flow = flow_of(**onward({"Api": resource("AWS::ApiGateway::RestApi"), "Put": method}, source=["shop"]))
    assert any(fate.at == "S/Queue" for fate in fates(flow)["S/Api"])
