"""For every hop, who asks, for what, on which resource, under which condition and key, must be allowed.

Judged twice: by the small evaluator in tests/permissions.py, and by the flow model. And every single statement counts:
take one away, and a hop is closed.
"""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from apps.app import CONTEXT
from patterns.async_dlq import AsyncDlq, EventBridgeAsync, ScheduleAsync, SnsAsync
from patterns.flow import losses, read_flow
from tests._synth import new_function
from tests.permissions import (
    ACCOUNT,
    KEY_ACTIONS,
    REGION,
    Request,
    Template,
    allowed,
    key_statements,
    may_invoke,
    queue_takes,
    role_sends,
    service,
)

HOURLY = scheduler.ScheduleExpression.rate(cdk.Duration.hours(1))
PATTERN = {"source": ["shop"]}
Hops = Callable[[Template], dict[str, bool]]


def synthesized(app: cdk.App) -> dict[str, dict[str, Any]]:
    """Every stack's template, by name."""
    return {s.stack_name: json.loads(json.dumps(s.template)) for s in app.synth().stacks}


def one(template: Template, type: str, starts: str = "") -> str:
    """The ARN of the one resource of a type."""
    [found] = [template.arn(s, id) for s, id, _ in template.resources(type) if id.startswith(starts)]
    return found


def role_of(template: Template, function: str = "Function") -> str:
    [found] = [id for _, id, _ in template.resources("AWS::IAM::Role") if id.startswith(function)]
    return found


def net_hop(template: Template, key: str) -> bool:
    queue = next(template.arn(s, id) for s, id, _ in template.resources("AWS::SQS::Queue") if "OnFailure" in id)
    return role_sends(template, role_of(template), "sqs:SendMessage", queue, key)


def queue_named(template: Template, part: str) -> str:
    [found] = [template.arn(s, id) for s, id, _ in template.resources("AWS::SQS::Queue") if part in id]
    return found


def invoked(template: Template) -> str:
    aliases = [template.arn(s, id) for s, id, _ in template.resources("AWS::Lambda::Alias")]
    return aliases[0] if aliases else one(template, "AWS::Lambda::Function")


def key_of(template: Template) -> str:
    keys = [template.arn(s, id) for s, id, _ in template.resources("AWS::KMS::Key")]
    return keys[0] if keys else ""


def sns_hops(template: Template) -> dict[str, bool]:
    asks = service("sns", one(template, "AWS::SNS::Topic"))
    return {
        "topic invokes function": may_invoke(template, invoked(template), asks),
        "topic sends to its dead-letter queue": queue_takes(template, queue_named(template, "Undelivered"), asks),
        "function sends to its destination": net_hop(template, key_of(template)),
    }


def eventbridge_hops(template: Template) -> dict[str, bool]:
    asks = service("events", one(template, "AWS::Events::Rule"))
    return {
        "rule invokes function": may_invoke(template, invoked(template), asks),
        "rule sends to its dead-letter queue": queue_takes(template, queue_named(template, "Undelivered"), asks),
        "function sends to its destination": net_hop(template, key_of(template)),
    }


def schedule_hops(template: Template) -> dict[str, bool]:
    [(_, role, properties)] = [r for r in template.resources("AWS::IAM::Role") if r[1].startswith("PatternRole")]
    group = one(template, "AWS::Scheduler::ScheduleGroup")
    key = key_of(template)
    trust = [{**s, "Resource": "*"} for s in properties["AssumeRolePolicyDocument"]["Statement"]]
    scheduler_asks = service("scheduler", group)
    return {
        "scheduler assumes its role": allowed(trust, scheduler_asks, "sts:AssumeRole", "*"),
        "role invokes function": role_sends(template, role, "lambda:InvokeFunction", invoked(template)),
        "role sends to the dead-letter queue": role_sends(
            template, role, "sqs:SendMessage", queue_named(template, "Undelivered"), key
        ),
        "scheduler uses the key": not key
        or all(allowed(key_statements(template, key), scheduler_asks, action, key) for action in KEY_ACTIONS),
        "function sends to its destination": net_hop(template, key),
    }


def build(kind: str, *, key: bool, flags: bool, alias: bool) -> cdk.App:
    app = cdk.App(context=CONTEXT if flags else {}, analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    function: Any = new_function(stack)
    if alias:
        function = lambda_.Alias(stack, "Live", alias_name="live", version=function.current_version)
    arguments: dict[str, Any] = {"function": function}
    if key:
        arguments["encryption_key"] = kms.Key(stack, "Key")
    if kind == "sns":
        SnsAsync(stack, "Pattern", **arguments)
    elif kind == "rule":
        EventBridgeAsync(stack, "Pattern", event_pattern=PATTERN, **arguments)
    elif kind == "custom bus":
        EventBridgeAsync(stack, "Pattern", event_pattern=PATTERN, bus=events.EventBus(stack, "Bus"), **arguments)
    else:
        ScheduleAsync(stack, "Pattern", schedule=HOURLY, **arguments)
    return app


HOPS: dict[str, Hops] = {
    "sns": sns_hops,
    "rule": eventbridge_hops,
    "custom bus": eventbridge_hops,
    "schedule": schedule_hops,
}


@pytest.mark.parametrize("alias", [False, True], ids=["latest", "alias"])
@pytest.mark.parametrize("flags", [True, False], ids=["our flags", "no flags"])
@pytest.mark.parametrize("key", [False, True], ids=["no key", "key"])
@pytest.mark.parametrize("kind", HOPS)
def test_every_hop_is_allowed(kind: str, key: bool, flags: bool, alias: bool) -> None:
    templates = synthesized(build(kind, key=key, flags=flags, alias=alias))
    hops = HOPS[kind](Template(templates))
    assert [hop for hop, open_ in hops.items() if not open_] == []
    # A custom bus discards what no rule matches; that is the bus's affair, and the README says so.
    assert [f for f in losses(read_flow(templates)) if "matches no rule" not in f.condition] == []


def allows(templates: dict[str, Any]) -> Iterator[tuple[list[Any], int, str]]:
    """Every statement that allows something, and every permission, as a place it can be taken from."""
    for stack in templates.values():
        for id, resource in stack["Resources"].items():
            properties = resource.get("Properties", {})
            for document in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument"):
                statements = properties.get(document, {}).get("Statement", [])
                for index, statement in enumerate(statements):
                    if statement["Effect"] == "Allow" and not _basic(id, statement):
                        yield statements, index, f"{id} {document} {statement['Action']}"


def _basic(id: str, statement: dict[str, Any]) -> bool:
    """The function's own role, which no pattern makes."""
    return id.startswith("FunctionServiceRole") and statement["Action"] == "sts:AssumeRole"


@pytest.mark.parametrize("key", [False, True], ids=["no key", "key"])
@pytest.mark.parametrize("kind", HOPS)
def test_without_any_one_statement_a_hop_is_closed(kind: str, key: bool) -> None:
    templates = synthesized(build(kind, key=key, flags=True, alias=False))
    places = [name for _, _, name in allows(templates)]
    assert len(places) >= 2, places
    for number, name in enumerate(places):
        broken = copy.deepcopy(templates)
        statements, index, _ = list(allows(broken))[number]
        del statements[index]
        hops = HOPS[kind](Template(broken))
        assert not all(hops.values()), f"nothing needs {name}"
    for id, resource in templates["Stack"]["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Permission":
            broken = copy.deepcopy(templates)
            del broken["Stack"]["Resources"][id]
            assert not all(HOPS[kind](Template(broken)).values())


def verdicts(templates: dict[str, Any]) -> dict[str, str]:
    """What the flow model says of every link."""
    return {edge.id: edge.verdict.answer for edge in read_flow(templates).edges.values()}


@pytest.mark.parametrize("kind", HOPS)
def test_without_any_one_statement_the_flow_model_sees_a_closed_hop(kind: str) -> None:
    templates = synthesized(build(kind, key=True, flags=True, alias=False))
    whole = verdicts(templates)
    seen = 0
    for number, (_, _, name) in enumerate(list(allows(templates))):
        if "AssumeRole" in name or (kind == "schedule" and "KeyPolicy ['kms" in name):
            continue  # the model lets Scheduler act by its role alone, and does not ask who may assume it
        broken = copy.deepcopy(templates)
        statements, index, _ = list(allows(broken))[number]
        del statements[index]
        assert verdicts(broken) != whole, f"nothing is closed without {name}"
        seen += 1
    assert seen >= 1


@pytest.mark.parametrize(
    ("kind", "principal", "own"),
    [("sns", "sns", "AWS::SNS::Topic"), ("rule", "events", "AWS::Events::Rule")],
)
def test_no_other_topic_or_rule_and_no_other_account_may_send(kind: str, principal: str, own: str) -> None:
    template = Template(synthesized(build(kind, key=True, flags=True, alias=False)))
    queue, arn = queue_named(template, "Undelivered"), one(template, own)
    key = key_of(template)
    assert not queue_takes(template, queue, service(principal, arn + "2"))
    assert not queue_takes(template, queue, service("s3", arn))
    assert not may_invoke(template, invoked(template), service(principal, arn + "2"))
    foreign = arn.replace(ACCOUNT, "999999999999")
    asks = Request(f"{principal}.amazonaws.com", {"aws:SourceArn": foreign, "aws:SourceAccount": "999999999999"})
    for action in KEY_ACTIONS:
        assert not allowed(key_statements(template, key), asks, action, key)


def test_every_statement_for_a_service_has_a_condition() -> None:
    for kind in HOPS:
        templates = synthesized(build(kind, key=True, flags=False, alias=False))
        for _, _, properties in Template(templates).resources("AWS::Lambda::Permission"):
            assert properties["SourceArn"].startswith("arn:aws:")
        for statements, index, name in allows(templates):
            if "Service" in statements[index].get("Principal", {}):
                text = json.dumps(statements[index].get("Condition", {}))
                assert "aws:SourceArn" in text or "aws:SourceAccount" in text, name


# --- destinations of other kinds -------------------------------------------------------------------


@pytest.mark.parametrize("key", [False, True], ids=["no key", "key"])
@pytest.mark.parametrize("kind", ["queue", "topic", "bus", "function", "bucket"])
def test_the_functions_role_may_send_to_every_kind_of_destination(kind: str, key: bool) -> None:
    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    master = kms.Key(stack, "Key") if key else None
    makes: dict[str, tuple[Callable[[], Any], str, str]] = {
        "queue": (lambda: sqs.Queue(stack, "To", encryption_master_key=master), "AWS::SQS::Queue", "sqs:SendMessage"),
        "topic": (lambda: sns.Topic(stack, "To", master_key=master), "AWS::SNS::Topic", "sns:Publish"),
        "bus": (lambda: events.EventBus(stack, "To"), "AWS::Events::EventBus", "events:PutEvents"),
        "function": (lambda: new_function(stack, "To"), "AWS::Lambda::Function", "lambda:InvokeFunction"),
        "bucket": (lambda: s3.Bucket(stack, "To", encryption_key=master), "AWS::S3::Bucket", "s3:ListBucket"),
    }
    make, type, action = makes[kind]
    AsyncDlq(stack, "Net", function=new_function(stack), on_failure=make())
    template = Template(synthesized(app))
    role, to = role_of(template), one(template, type, "To")
    has_key = key and kind in ("queue", "topic", "bucket")
    assert role_sends(template, role, action, to, key_of(template) if has_key else "")
    if kind == "bucket":
        at = f"{to}/aws/lambda/async/f/2026/11/23/x"
        assert role_sends(template, role, "s3:PutObject", at)
        assert not role_sends(template, role, "s3:PutObject", f"{to}/elsewhere")


# --- keys behind an alias -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["net", "sns", "rule", "schedule"])
def test_a_key_behind_an_alias_of_this_app_is_named_itself_because_an_alias_permits_nothing(kind: str) -> None:
    app = cdk.App(context=CONTEXT, analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    function = new_function(stack)
    alias = kms.Alias(stack, "Alias", alias_name="alias/ours", target_key=kms.Key(stack, "Key"))
    match kind:
        case "net":
            AsyncDlq(stack, "Pattern", function=function, encryption_key=alias)
        case "sns":
            SnsAsync(stack, "Pattern", function=function, encryption_key=alias)
        case "rule":
            EventBridgeAsync(stack, "Pattern", function=function, event_pattern=PATTERN, encryption_key=alias)
        case _:
            ScheduleAsync(stack, "Pattern", function=function, schedule=HOURLY, encryption_key=alias)
    templates = synthesized(app)
    assert losses(read_flow(templates)) == []
    assert net_hop(Template(templates), key_of(Template(templates)))


def test_the_key_behind_an_imported_alias_is_named_by_the_alias_it_has() -> None:
    app = cdk.App(context=CONTEXT, analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    alias = kms.Alias.from_alias_name(stack, "Alias", "alias/theirs")
    AsyncDlq(stack, "Net", function=new_function(stack), encryption_key=alias)
    [policy] = [p for _, _, p in Template(synthesized(app)).resources("AWS::IAM::Policy")]
    assert policy["PolicyDocument"]["Statement"][1] == {
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Effect": "Allow",
        "Resource": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*",
        "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/theirs"}},
    }


# --- what is imported ------------------------------------------------------------------------------


def test_an_imported_topic_is_named_exactly_in_queue_and_key() -> None:
    app = cdk.App(context=CONTEXT, analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:theirs"
    topic = sns.Topic.from_topic_arn(stack, "Topic", arn)
    SnsAsync(stack, "Pattern", function=new_function(stack), topic=topic, encryption_key=kms.Key(stack, "Key"))
    template = Template(synthesized(app))
    queue = queue_named(template, "Undelivered")
    assert queue_takes(template, queue, service("sns", arn))
    assert not queue_takes(template, queue, service("sns", arn + "2"))
    key = key_of(template)
    assert not allowed(key_statements(template, key), service("sns", arn + "2"), "kms:Decrypt", key)
    assert may_invoke(template, invoked(template), service("sns", arn))


def messages(app: cdk.App) -> dict[str, str]:
    found: dict[str, str] = {}
    for stack in app.synth().stacks_recursively:
        for message in stack.messages:
            text, _, id = str(message.entry.data).rpartition(" [ack: ")
            found[id.rstrip("]").rpartition(".")[2]] = text
    return found


def test_an_imported_key_is_warned_of_with_what_it_must_allow() -> None:
    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    key = kms.Key.from_key_arn(stack, "Key", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/abc")
    SnsAsync(stack, "Pattern", function=new_function(stack), encryption_key=key)
    assert messages(app)["imported-key"] == (
        "The key is imported, so its policy could not be extended. It must allow kms:Decrypt and kms:GenerateDataKey "
        "to sns.amazonaws.com, or what cannot be delivered is lost."
    )


def test_an_imported_queue_is_warned_of_with_what_it_must_allow() -> None:
    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Stack")
    queue = sqs.Queue.from_queue_arn(stack, "Queue", f"arn:aws:sqs:{REGION}:{ACCOUNT}:q")
    EventBridgeAsync(stack, "P", function=new_function(stack), event_pattern=PATTERN, undelivered=queue)
    assert messages(app)["imported-queue"] == (
        "The queue given as undelivered is imported, so nothing could be added to its policy. It must allow "
        "sqs:SendMessage to EventBridge, or what cannot be delivered is lost."
    )
