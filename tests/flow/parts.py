"""Small templates: each function gives one resource with nothing in it that the test does not speak of."""

import json
from pathlib import Path
from typing import Any

from patterns.flow import Fate, Flow, Outcome, fates, losses, read_flow

STACK = "S"
OPS = "arn:aws:sns:eu-central-1:111122223333:ops"


def flow_of(**resources: dict[str, Any]) -> Flow:
    return read_flow({STACK: {"Resources": resources}})


APART = ("111122223333/eu-west-1", "444455556666/eu-west-1")


def deployed(folder: Path, places: tuple[str, ...] = APART, /, **stacks: dict[str, Any]) -> Flow:
    """The flow of stacks that a cloud assembly deploys, each to an account and Region."""
    artifacts = {}
    for place, (name, parts) in zip(places, stacks.items(), strict=False):
        (folder / f"{name}.json").write_text(json.dumps({"Resources": parts}))
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://{place}",
            "properties": {"templateFile": f"{name}.json"},
        }
    (folder / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
    return read_flow(folder)


def arn(name: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def queue(dead: str = "", receives: int = 5, **properties: Any) -> dict[str, Any]:
    if dead:
        properties["RedrivePolicy"] = {"deadLetterTargetArn": arn(dead), "maxReceiveCount": receives}
    return resource("AWS::SQS::Queue", **properties)


def dead_letters(**properties: Any) -> dict[str, Any]:
    return queue(MessageRetentionPeriod=1_209_600, **properties)


def topic(**properties: Any) -> dict[str, Any]:
    return resource("AWS::SNS::Topic", **properties)


def subscription(to: str, topic: str = "Topic", protocol: str = "sqs", dead: str = "", **more: Any) -> dict[str, Any]:
    if dead:
        more["RedrivePolicy"] = {"deadLetterTargetArn": arn(dead)}
    return resource("AWS::SNS::Subscription", TopicArn=ref(topic), Protocol=protocol, Endpoint=arn(to), **more)


def lets_in(service: str, source: dict[str, Any] | str | None, *queues: str, **condition: Any) -> dict[str, Any]:
    """A queue policy; the condition is ArnEquals aws:SourceArn unless another is given."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": [arn(name) for name in queues],
    }
    if source is not None:
        statement["Condition"] = {"ArnEquals": {"aws:SourceArn": source}}
    if condition:
        statement["Condition"] = condition
    return resource(
        "AWS::SQS::QueuePolicy", Queues=[ref(name) for name in queues], PolicyDocument={"Statement": [statement]}
    )


def role(*statements: dict[str, Any], managed: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return resource(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument={},
        ManagedPolicyArns=[f"arn:aws:iam::aws:policy/{name}" for name in managed],
        Policies=[{"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}],
        **more,
    )


def allow(on: Any, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


def key(*statements: dict[str, Any]) -> dict[str, Any]:
    """A customer managed key that leaves its use to the account's roles, and whatever else is said."""
    own = {"Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}, **allow("*", "kms:*")}
    return resource("AWS::KMS::Key", KeyPolicy={"Statement": [own, *statements]})


def polls(*queues: str) -> dict[str, Any]:
    """What a role needs to read queues."""
    actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    return allow([arn(name) for name in queues], *actions)


def function(role: str = "Role", **properties: Any) -> dict[str, Any]:
    return resource("AWS::Lambda::Function", Role=arn(role), **properties)


def mapping(source: str = "Queue", to: Any = None, **properties: Any) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::EventSourceMapping",
        EventSourceArn=arn(source),
        FunctionName=ref("Worker") if to is None else to,
        **properties,
    )


def permission(service: str, source: Any, to: Any = None) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::Permission",
        Action="lambda:InvokeFunction",
        FunctionName=arn("Worker") if to is None else to,
        Principal=f"{service}.amazonaws.com",
        SourceArn=source,
    )


def async_config(on_failure: str = "", qualifier: str = "$LATEST", **properties: Any) -> dict[str, Any]:
    if on_failure:
        properties["DestinationConfig"] = {"OnFailure": {"Destination": arn(on_failure)}}
    return resource("AWS::Lambda::EventInvokeConfig", FunctionName=ref("Worker"), Qualifier=qualifier, **properties)


def alarm(namespace: str, metric: str, **dimensions: Any) -> dict[str, Any]:
    return resource(
        "AWS::CloudWatch::Alarm",
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[OPS],
    )


def changed(original: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """The resource with other properties; None takes one away."""
    merged = {**original["Properties"], **properties}
    return {**original, "Properties": {k: v for k, v in merged.items() if v is not None}}


def ends(flow: Flow, source: str, outcome: Outcome) -> list[Fate]:
    return [fate for fate in fates(flow)[f"{STACK}/{source}"] if fate.outcome is outcome]


def end(flow: Flow, source: str, outcome: Outcome) -> Fate:
    found = ends(flow, source, outcome)
    assert len(found) == 1, [f"{fate.outcome}: {fate.condition}" for fate in fates(flow)[f"{STACK}/{source}"]]
    return found[0]


def why_lost(flow: Flow) -> list[str]:
    return [fate.condition for fate in losses(flow)]
