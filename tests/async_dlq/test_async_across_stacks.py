"""Source, function, queues and key may live in stacks of their own: no cycle, and every hop is allowed."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from apps.app import CONTEXT
from patterns.async_dlq import AsyncDlq, EventBridgeAsync, ScheduleAsync, SnsAsync
from patterns.flow import losses, read_flow
from tests._synth import new_function
from tests.async_dlq.test_async_permissions import HOPS, synthesized
from tests.permissions import Template

FLAGS = [pytest.param(CONTEXT, id="our flags"), pytest.param({}, id="no flags")]


def pattern(kind: str, here: cdk.Stack, source: cdk.Stack, **arguments: Any) -> None:
    """The pattern in one stack with its source in another; a schedule has no source of its own."""
    if kind == "sns":
        SnsAsync(here, "Pattern", topic=sns.Topic(source, "Topic"), **arguments)
    elif kind == "custom bus":
        bus = events.EventBus(source, "Bus")
        EventBridgeAsync(here, "Pattern", bus=bus, event_pattern={"source": ["shop"]}, **arguments)
    else:
        ScheduleAsync(here, "Pattern", schedule=scheduler.ScheduleExpression.rate(cdk.Duration.hours(1)), **arguments)


@pytest.mark.parametrize("context", FLAGS)
@pytest.mark.parametrize("kind", ["sns", "custom bus", "schedule"])
@pytest.mark.parametrize("key_in", ["", "Source", "Function", "Pattern", "Key"])
def test_the_pattern_stands_between_the_stacks_of_its_source_and_its_function(
    kind: str, key_in: str, context: dict[str, Any]
) -> None:
    app = cdk.App(context=context, analytics_reporting=False)
    stacks = {
        name: cdk.Stack(app, name) for name in ("Source", "Function", "Pattern", *([key_in] if key_in == "Key" else []))
    }
    arguments: dict[str, Any] = {"function": new_function(stacks["Function"])}
    if key_in:
        arguments["encryption_key"] = kms.Key(stacks[key_in], "Key")
    pattern(kind, stacks["Pattern"], stacks["Source"], **arguments)
    every_hop_is_allowed(kind, app)


def every_hop_is_allowed(kind: str, app: cdk.App) -> None:
    templates = synthesized(app)
    hops = HOPS[kind](Template(templates))
    assert [hop for hop, open_ in hops.items() if not open_] == []
    flow = read_flow({name: t for name, t in templates.items() if t.get("Resources")})
    assert [f for f in losses(flow) if "matches no rule" not in f.condition] == []


@pytest.mark.parametrize("context", FLAGS)
@pytest.mark.parametrize("kind", ["sns", "custom bus", "schedule"])
@pytest.mark.parametrize("here", ["A", "B"])
@pytest.mark.parametrize("key_in", ["", "B", "C"])
def test_source_in_one_stack_function_and_queues_in_another(
    kind: str, here: str, key_in: str, context: dict[str, Any]
) -> None:
    """The pattern itself stands beside the source or beside the function: both ways round."""
    app = cdk.App(context=context, analytics_reporting=False)
    a, b = cdk.Stack(app, "A"), cdk.Stack(app, "B")
    key = kms.Key({"B": b, "C": b if key_in != "C" else cdk.Stack(app, "C")}[key_in], "Key") if key_in else None
    function = new_function(b)
    undelivered = sqs.Queue(
        b, "Undelivered", retention_period=cdk.Duration.days(14), encryption_master_key=key, enforce_ssl=True
    )
    net = AsyncDlq(b, "Net", function=function, encryption_key=key)
    pattern(kind, {"A": a, "B": b}[here], a, function=function, undelivered=undelivered, net=net)
    every_hop_is_allowed(kind, app)


@pytest.mark.parametrize("context", FLAGS)
@pytest.mark.parametrize("kind", ["sns", "custom bus", "schedule"])
def test_function_in_one_stack_source_and_queues_in_another(kind: str, context: dict[str, Any]) -> None:
    app = cdk.App(context=context, analytics_reporting=False)
    a, b = cdk.Stack(app, "A"), cdk.Stack(app, "B")
    queues = [sqs.Queue(b, id, retention_period=cdk.Duration.days(14)) for id in ("Undelivered", "OnFailure")]
    function = new_function(a)
    net = AsyncDlq(b, "Net", function=function, on_failure=queues[1])
    pattern(kind, b, b, function=function, undelivered=queues[0], net=net)
    every_hop_is_allowed(kind, app)


@pytest.mark.parametrize("context", FLAGS)
def test_a_topic_that_is_encrypted_with_the_key_of_its_dead_letters_makes_no_cycle(context: dict[str, Any]) -> None:
    app = cdk.App(context=context, analytics_reporting=False)
    a, b = cdk.Stack(app, "A"), cdk.Stack(app, "B")
    key = kms.Key(b, "Key")
    SnsAsync(
        a,
        "Pattern",
        function=new_function(a),
        topic=sns.Topic(a, "Topic", master_key=key),
        encryption_key=key,
    )
    every_hop_is_allowed("sns", app)


def test_a_queue_of_another_stack_names_the_account_where_the_source_would_close_a_cycle() -> None:
    app = cdk.App(context=CONTEXT, analytics_reporting=False)
    a, b = cdk.Stack(app, "A"), cdk.Stack(app, "B")
    queue = sqs.Queue(b, "Undelivered", retention_period=cdk.Duration.days(14))
    net = AsyncDlq(b, "Net", function=new_function(b))
    SnsAsync(a, "Sns", function=net.invoked.behind, undelivered=queue, net=net)
    EventBridgeAsync(
        a, "Rule", function=net.invoked.behind, undelivered=queue, net=net, event_pattern={"source": ["shop"]}
    )
    [policy] = [
        r["Properties"]["PolicyDocument"]["Statement"]
        for id, r in synthesized(app)["B"]["Resources"].items()
        if r["Type"] == "AWS::SQS::QueuePolicy" and id.startswith("Undelivered")
    ]
    assert [(s["Principal"], s["Condition"]) for s in policy] == [
        (
            {"Service": "sns.amazonaws.com"},
            {"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*"}}},
        ),
        (
            {"Service": "events.amazonaws.com"},
            {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        ),
    ]
