"""A small policy evaluator of the tests' own: who may do what, by the policies in synthesized templates.

It knows nothing of `patterns.flow` and is much simpler: every reference becomes the ARN that the resource would have
in one account and Region, then statements are compared as AWS documents it. An action is allowed when one statement
allows it and none denies it. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

ACCOUNT, REGION = "111122223333", "eu-west-1"
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/S/0-0-0-0-0",
}
_ARNS = {
    "AWS::SQS::Queue": "sqs:{r}:{a}:{id}",
    "AWS::SNS::Topic": "sns:{r}:{a}:{id}",
    "AWS::Lambda::Function": "lambda:{r}:{a}:function:{id}",
    "AWS::IAM::Role": "iam::{a}:role/{id}",
    "AWS::KMS::Key": "kms:{r}:{a}:key/{id}",
    "AWS::Events::EventBus": "events:{r}:{a}:event-bus/{id}",
    "AWS::S3::Bucket": "s3:::{id}",
    "AWS::Scheduler::ScheduleGroup": "scheduler:{r}:{a}:schedule-group/{id}",
    "AWS::CloudWatch::Alarm": "cloudwatch:{r}:{a}:alarm:{id}",
    "AWS::Logs::LogGroup": "logs:{r}:{a}:log-group:{id}:*",
}
_REF_IS_ARN = {"AWS::SNS::Topic", "AWS::Lambda::Alias", "AWS::Lambda::Version"}


@dataclass(frozen=True)
class Template:
    """The templates of one app, by stack name."""

    stacks: Mapping[str, Mapping[str, Any]]

    def resources(self, type: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Stack, logical id and resolved properties of every resource of a type."""
        for stack, template in self.stacks.items():
            for id, resource in template.get("Resources", {}).items():
                if resource["Type"] == type:
                    yield stack, id, self.value(stack, resource.get("Properties", {}))

    def value(self, stack: str, value: Any) -> Any:
        """A value with every intrinsic function replaced."""
        if isinstance(value, list):
            return [self.value(stack, each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref":
                return _PSEUDO.get(argument) or self._ref(stack, argument)
            if name == "Fn::GetAtt":
                id, attribute = argument
                return self.arn(stack, id) if attribute in ("Arn", "TopicArn") else f"{id}.{attribute}"
            if name == "Fn::Join":
                return argument[0].join(self.value(stack, each) for each in argument[1])
            if name == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda m: self.value(stack, {"Ref": m[1]}), argument)
            if name == "Fn::Select":
                return self.value(stack, argument[1])[int(argument[0])]
            if name == "Fn::Split":
                return self.value(stack, argument[1]).split(argument[0])
            if name == "Fn::GetStackOutput":
                other = argument["StackName"]
                return self.value(other, self.stacks[other]["Outputs"][argument["OutputName"]]["Value"])
            if name == "Fn::ImportValue":
                for other, template in self.stacks.items():
                    for output in template.get("Outputs", {}).values():
                        if output.get("Export", {}).get("Name") == argument:
                            return self.value(other, output["Value"])
                raise AssertionError(f"nothing exports {argument}")
        return {key: self.value(stack, each) for key, each in value.items()}

    def arn(self, stack: str, id: str) -> str:
        """The ARN that a resource would have."""
        resource = self.stacks[stack]["Resources"][id]
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind == "AWS::Events::Rule":
            bus = properties.get("EventBusName")
            inner = f"{self.value(stack, bus)}/{id}" if bus else id
            return f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{inner}"
        if kind in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            function = self.value(stack, properties["FunctionName"])
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:{properties.get('Name', '1')}"
        name = self.value(stack, properties.get("QueueName", id))
        return "arn:aws:" + _ARNS[kind].format(r=REGION, a=ACCOUNT, id=name)

    def _ref(self, stack: str, id: str) -> str:
        return self.arn(stack, id) if self.stacks[stack]["Resources"][id]["Type"] in _REF_IS_ARN else id


@dataclass(frozen=True)
class Request:
    """Who asks, with which condition keys."""

    principal: str
    context: Mapping[str, str] = field(default_factory=dict)


def service(name: str, source_arn: str) -> Request:
    """A service principal on behalf of a resource, with the keys that services send."""
    return Request(
        f"{name}.amazonaws.com",
        {"aws:SourceArn": source_arn, "aws:SourceAccount": ACCOUNT, "aws:SecureTransport": "true"},
    )


def allowed(statements: list[dict[str, Any]], request: Request, action: str, resource: str) -> bool:
    """Whether a policy's statements allow it. Statements without a principal are an identity's own."""
    applying = [s for s in statements if _applies(s, request, action, resource)]
    return any(s["Effect"] == "Allow" for s in applying) and all(s["Effect"] == "Allow" for s in applying)


def _applies(statement: dict[str, Any], request: Request, action: str, resource: str) -> bool:
    return (
        _principal(statement.get("Principal"), request.principal)
        and any(fnmatchcase(action.lower(), each.lower()) for each in _list(statement["Action"]))
        and any(fnmatchcase(resource, each) for each in _list(statement["Resource"]))
        and all(
            _condition(operator, key, _list(values), request.context.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _principal(principal: Any, asks: str) -> bool:
    if principal is None:
        return True
    if principal == "*":
        return True
    return any(each in ("*", asks) for values in principal.values() for each in _list(values))


def _condition(operator: str, key: str, values: list[str], actual: str | None) -> bool:
    if operator in ("StringEquals", "Bool"):
        return actual in values
    if operator in ("ArnLike", "ArnEquals"):  # both take wildcards
        return actual is not None and any(fnmatchcase(actual, value) for value in values)
    raise AssertionError(f"{operator} {key} is not known to this evaluator")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def queue_statements(template: Template, queue_arn: str) -> list[dict[str, Any]]:
    """The statements of a queue's policies."""
    name = queue_arn.rpartition(":")[2]
    return [
        statement
        for _, _, properties in template.resources("AWS::SQS::QueuePolicy")
        if name in properties["Queues"]
        for statement in properties["PolicyDocument"]["Statement"]
    ]


def key_statements(template: Template, key_arn: str) -> list[dict[str, Any]]:
    """The statements of a key's policy; ``*`` there is the key itself."""
    for stack, id, properties in template.resources("AWS::KMS::Key"):
        if template.arn(stack, id) == key_arn:
            return properties["KeyPolicy"]["Statement"]
    raise AssertionError(f"no key {key_arn}")


def role_statements(template: Template, role: str) -> list[dict[str, Any]]:
    """The statements of a role's own policies, wherever they stand."""
    return [
        statement
        for _, _, properties in template.resources("AWS::IAM::Policy")
        if role in properties["Roles"]
        for statement in properties["PolicyDocument"]["Statement"]
    ]


def queue_takes(template: Template, queue_arn: str, request: Request) -> bool:
    """Whether a service may send to a queue, and use the queue's key."""
    if not allowed(queue_statements(template, queue_arn), request, "sqs:SendMessage", queue_arn):
        return False
    key = queue_key(template, queue_arn)
    return not key or all(allowed(key_statements(template, key), request, action, key) for action in KEY_ACTIONS)


def queue_key(template: Template, queue_arn: str) -> str:
    """The ARN of a queue's key, or nothing."""
    for stack, id, properties in template.resources("AWS::SQS::Queue"):
        if template.arn(stack, id) == queue_arn:
            return properties.get("KmsMasterKeyId", "")
    raise AssertionError(f"no queue {queue_arn}")


def role_sends(template: Template, role: str, action: str, resource: str, key: str = "") -> bool:
    """Whether a role of the account may do it, and use a key by its own policies and the key's trust in the account."""
    own = role_statements(template, role)
    context = {"s3:ResourceAccount": ACCOUNT, "aws:SecureTransport": "true"}
    asks = Request(f"arn:aws:iam::{ACCOUNT}:role/{role}", context)
    if not allowed(own, asks, action, resource):
        return False
    return not key or all(
        allowed(own, asks, each, key) and allowed(key_statements(template, key), Request(ROOT), each, key)
        for each in KEY_ACTIONS
    )


def may_invoke(template: Template, function_arn: str, request: Request) -> bool:
    """Whether a service may invoke a function, version or alias by a permission of exactly that one."""
    return any(
        p["FunctionName"] == function_arn
        and p["Action"] == "lambda:InvokeFunction"
        and p["Principal"] == request.principal
        and p.get("SourceArn") == request.context["aws:SourceArn"]
        for _, _, p in template.resources("AWS::Lambda::Permission")
    )
