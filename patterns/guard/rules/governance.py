"""What an organisation asks of every stack: runtimes, roles, grants, encryption, policies, logs."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from patterns.flow.model import Function, Queue, Topic
from patterns.flow.permissions import GAP, render, wild
from patterns.flow.template import Resource
from patterns.guard.rule import GOVERNANCE, Example, Found, Rule, Severity
from patterns.guard.runtimes import GONE, LIFECYCLES
from patterns.guard.view import View, documents, exists

_RUNTIMES = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"
_UPDATES = "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html"
_ROLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"
_LEAST = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"
_SIGNING = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html"
_ENCRYPTION = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html"
)
_PUBLIC = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html"
_LOGS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html"

_NOTICE = timedelta(days=180)
_MESSAGING = ("sqs", "sns", "events", "lambda", "kinesis")
_MOVES = (
    "events:putevents",
    "kinesis:getrecords",
    "kinesis:putrecord",
    "kinesis:putrecords",
    "lambda:invokefunction",
    "sns:publish",
    "sqs:deletemessage",
    "sqs:purgequeue",
    "sqs:receivemessage",
    "sqs:sendmessage",
)


def _functions(view: View) -> Iterator[tuple[Resource, str]]:
    for definition in view.template.of_type("AWS::Lambda::Function"):
        yield definition, view.flow.name(f"{definition.stack}/{definition.logical_id}")


def _runtime(view: View) -> Iterator[Found]:
    today = view.options.today
    for definition, name in _functions(view):
        runtime = view.value(definition, "Runtime")
        if not isinstance(runtime, str):
            continue
        if runtime in GONE:
            facts = {"function": name, "runtime": runtime, "what": "can be neither created nor updated any more"}
            yield Found(definition, "Runtime", facts)
            continue
        life = LIFECYCLES.get(runtime)
        if life is None or life.deprecated - today > _NOTICE:
            continue
        dates = f"no new functions from {life.no_create}, no updates from {life.no_update}"
        if life.no_create <= today:
            facts = {"what": f"cannot be created any more, and not updated from {life.no_update}"}
            severity = Severity.HIGH
        elif life.deprecated <= today:
            facts, severity = {"what": f"has had no patches since {life.deprecated}; {dates}"}, Severity.MEDIUM
        else:
            facts, severity = {"what": f"gets no patches from {life.deprecated}; {dates}"}, Severity.LOW
        yield Found(definition, "Runtime", {"function": name, "runtime": runtime, **facts}, severity=severity)


def _manual(view: View) -> Iterator[Found]:
    for definition, name in _functions(view):
        config = documents(view.value(definition, "RuntimeManagementConfig"))
        if config.get("UpdateRuntimeOn") == "Manual":
            missing = "" if config.get("RuntimeVersionArn") else ", and no RuntimeVersionArn says which one"
            yield Found(definition, "RuntimeManagementConfig", {"function": name, "missing": missing})


def _shared_role(view: View) -> Iterator[Found]:
    users: dict[str, list[Function]] = {}
    for node in view.flow.nodes_of(Function):
        if node.id == node.function and node.definition:
            role = node.role or _elsewhere(node.definition.properties.get("Role"))
            if role:
                users.setdefault(role, []).append(node)
    for role, nodes in sorted(users.items()):
        if len(nodes) > 1:
            resource = view.template.resources.get(_split(role))
            certain = sum(bool(node.definition and not node.definition.condition) for node in nodes)
            facts = {
                "role": resource.logical_id if resource else role.rpartition("/")[2],
                "count": len(nodes),
                "functions": ", ".join(sorted(node.name for node in nodes)),
            }
            unsure = "" if certain > 1 else exists(*(node.definition for node in nodes))
            at = resource or nodes[0].definition
            assert at is not None
            yield Found(at, "" if resource else "Role", facts, unsure=unsure, subject="" if resource else role)


def _elsewhere(role: Any) -> str:
    """The ARN of a role that stands in no template, when it is written out."""
    return role if isinstance(role, str) and role.startswith("arn:") else ""


def _split(key: str) -> tuple[str, str]:
    stack, _, logical_id = key.rpartition("/")
    return stack, logical_id


def _documents(view: View) -> Iterator[tuple[Resource, str, Any]]:
    """The policies that grant something to roles, and where each stands."""
    for role in view.template.of_type("AWS::IAM::Role"):
        raw = role.properties.get("Policies")
        if isinstance(raw, list) and not any(
            not isinstance(one, Mapping) or _suspicious(one.get("PolicyDocument"), "Action", "Resource") for one in raw
        ):
            continue
        policies = view.value(role, "Policies")
        for number, policy in enumerate(policies if isinstance(policies, list) else ()):
            yield role, f"Policies[{number}].PolicyDocument", documents(policy).get("PolicyDocument")
    for policy in view.template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        if _suspicious(policy.properties.get("PolicyDocument"), "Action", "Resource"):
            yield policy, "PolicyDocument", view.value(policy, "PolicyDocument")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _statements(document: Any) -> Iterator[Mapping[str, Any]]:
    for statement in _listed(documents(document).get("Statement")):
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
            yield statement


def _has_star(value: Any) -> bool:
    """Whether an asterisk stands in a raw value, before it costs anything to resolve it."""
    if isinstance(value, str):
        return "*" in value
    if isinstance(value, list):
        return any(isinstance(one, str) and "*" in one for one in value)
    return isinstance(value, dict) and _has_star(value.get("AWS"))


def _suspicious(document: Any, *keys: str) -> bool:
    """Whether a raw policy is worth a closer look: an asterisk in one of these keys, or no plain statements."""
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    if not isinstance(statements, list):
        return document is not None
    for one in statements:
        if not isinstance(one, dict) or "Effect" not in one:
            return True
        if one["Effect"] != "Deny":
            for key in keys:
                if _has_star(one.get(key)):
                    return True
    return False


def _wildcard(view: View) -> Iterator[Found]:
    for resource, place, document in _documents(view):
        for statement in _statements(document):
            everywhere = "*" in [render(target) for target in _listed(statement.get("Resource"))]
            actions = [render(action) for action in _listed(statement.get("Action"))]
            wide = [action for action in actions if _every_action(action)]
            moving = [action for action in actions if _moves_messages(action)] if everywhere else []
            if wide or (moving and not statement.get("Condition")):
                shown = (wide or moving)[0]
                on = "every resource" if everywhere else "a resource"
                facts = {"resource": resource.logical_id, "action": shown, "on": on}
                sms = not wide and {action.lower() for action in moving} == {"sns:publish"}
                unsure = "whether the code sends text messages, which cannot be limited to a topic"
                yield Found(
                    resource,
                    place,
                    facts,
                    unsure=unsure if sms and not view.flow.nodes_of(Topic) else "",
                    subject=shown,
                )
                break


def _every_action(action: str) -> bool:
    service, _, name = action.lower().partition(":")
    return service == "*" or (service in _MESSAGING and name == "*")


def _moves_messages(action: str) -> bool:
    """Whether an action, or one that its wildcards stand for, sends, takes or deletes messages."""
    return any(wild(action.lower(), one) for one in _MOVES)


def _unsigned(view: View) -> Iterator[Found]:
    if not view.options.code_signing:
        return
    for definition, name in _functions(view):
        if view.value(definition, "PackageType", default="Zip") != "Zip":
            continue
        if view.value(definition, "CodeSigningConfigArn") is None:
            yield Found(definition, "CodeSigningConfigArn", {"function": name})


def _not_encrypted(view: View) -> Iterator[Found]:
    for topic in view.flow.nodes_of(Topic):
        if topic.resource is not None and topic.key == "":
            yield Found(topic.resource, "KmsMasterKeyId", {"what": topic.name, "kind": "topic"})
    for queue in view.flow.nodes_of(Queue):
        if queue.resource is None or queue.key != "":
            continue
        if view.value(queue.resource, "SqsManagedSseEnabled") in (False, "false"):
            yield Found(queue.resource, "SqsManagedSseEnabled", {"what": queue.name, "kind": "queue"})


_ANYBODY_MAY = ("aws:securetransport", "sns:protocol", "sns:endpoint")


def _limits(statement: Mapping[str, Any]) -> bool:
    """Whether a condition says who may."""
    for operator, condition in documents(statement.get("Condition")).items():
        for key, value in documents(condition).items():
            star = all(render(item) == "*" for item in _listed(value))
            if str(key).lower() not in _ANYBODY_MAY and not star and "null" not in str(operator).lower():
                return True
    return False


def _anybody(principal: Any) -> bool:
    if principal == "*":
        return True
    return "*" in [render(item) for item in _listed(documents(principal).get("AWS"))]


def _public(view: View) -> Iterator[Found]:
    for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for policy in view.template.of_type(kind):
            if not _suspicious(policy.properties.get("PolicyDocument"), "Principal"):
                continue
            for statement in _statements(view.value(policy, "PolicyDocument")):
                if _anybody(statement.get("Principal")) and not _limits(statement):
                    actions = ", ".join(render(action) for action in _listed(statement.get("Action")))
                    word = "queue" if "SQS" in kind else "topic"
                    facts = {"policy": policy.logical_id, "actions": actions.replace(GAP, "…"), "kind": word}
                    yield Found(policy, "PolicyDocument", facts)
                    break


def _no_retention(view: View) -> Iterator[Found]:
    for group in view.template.of_type("AWS::Logs::LogGroup"):
        if view.value(group, "RetentionInDays") is None:
            yield Found(group, "RetentionInDays", {"group": group.logical_id})


RULES = (
    Rule(
        "govern-runtime-deprecated",
        Severity.HIGH,
        "A function's runtime is at or near its end",
        "{function} runs on {runtime}, which {what}. A consumer that fails then cannot be repaired by a deployment.",
        "Move to a newer lambda_.Runtime.",
        "Set Runtime to a newer version.",
        _RUNTIMES,
        _runtime,
        Example("polled", {"Worker.Properties.Runtime": "nodejs14.x"}),
        GOVERNANCE,
    ),
    Rule(
        "govern-public-policy",
        Severity.HIGH,
        "Anybody may use a queue or topic",
        "{policy} allows {actions} to every AWS account: anybody can send to, read from or empty the {kind}.",
        "Name the principals, or add the conditions aws:SourceArn, aws:SourceAccount or aws:PrincipalOrgID.",
        "Name the Principal, or add a Condition on aws:SourceArn, aws:SourceAccount or aws:PrincipalOrgID.",
        _PUBLIC,
        _public,
        Example(
            "fanned",
            {"OpenPolicy.Properties.PolicyDocument.Statement.0.Condition": None},
            good={
                "OpenPolicy": {
                    "Type": "AWS::SQS::QueuePolicy",
                    "Properties": {
                        "Queues": [{"Ref": "Inbox"}],
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": "*",
                                    "Action": "sqs:SendMessage",
                                    "Resource": {"Fn::GetAtt": ["Inbox", "Arn"]},
                                    "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-example"}},
                                }
                            ]
                        },
                    },
                }
            },
        ),
        GOVERNANCE,
    ),
    Rule(
        "govern-code-not-signed",
        Severity.HIGH,
        "A function has no code signing configuration",
        "{function} runs whatever is uploaded; the configuration asks that every function's code is signed.",
        "Pass code_signing_config.",
        "Set CodeSigningConfigArn.",
        _SIGNING,
        _unsigned,
        Example(
            "polled",
            {"Worker.Properties.CodeSigningConfigArn": None},
            good={
                "Worker.Properties.CodeSigningConfigArn": (
                    "arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0123456789abcdef0"
                )
            },
        ),
        GOVERNANCE,
    ),
    Rule(
        "govern-runtime-manual",
        Severity.MEDIUM,
        "A function's runtime is never updated",
        "{function} stays on one runtime version{missing}: it gets no patches, and may stop working, for example when "
        "a certificate expires.",
        "Leave runtime_management_mode out (Auto), or use FUNCTION_UPDATE.",
        "Set RuntimeManagementConfig.UpdateRuntimeOn to Auto or FunctionUpdate.",
        _UPDATES,
        _manual,
        Example(
            "polled",
            {"Worker.Properties.RuntimeManagementConfig": {"UpdateRuntimeOn": "Manual"}},
        ),
        GOVERNANCE,
    ),
    Rule(
        "govern-shared-role",
        Severity.MEDIUM,
        "Functions share a role",
        "{count} functions ({functions}) run as {role}: each may do what any of them may.",
        "Leave role out; each function gets one of its own.",
        "Give each function a role of its own.",
        _ROLE,
        _shared_role,
        Example(
            "polled",
            {
                "Other": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Runtime": "python3.13",
                        "Handler": "index.handler",
                        "Code": {"S3Bucket": "code", "S3Key": "other.zip"},
                        "Role": {"Fn::GetAtt": ["WorkerRole", "Arn"]},
                    },
                }
            },
        ),
        GOVERNANCE,
    ),
    Rule(
        "govern-wildcard-grant",
        Severity.MEDIUM,
        "A role may use every queue, topic, bus or function",
        "{resource} allows {action} on {on}: code that goes wrong reaches messages that are none of its business.",
        "Use the grant methods: queue.grant_send_messages(function).",
        "Name the actions and the ARNs.",
        _LEAST,
        _wildcard,
        Example(
            "invoked",
            {"WorkerRole.Properties.Policies.0.PolicyDocument.Statement.0.Resource": "*"},
        ),
        GOVERNANCE,
    ),
    Rule(
        "govern-not-encrypted",
        Severity.MEDIUM,
        "A queue or topic is not encrypted",
        "Messages lie in {what} unencrypted.",
        "Use encryption=SQS_MANAGED for queues, master_key for topics.",
        "Set SqsManagedSseEnabled: true on queues, KmsMasterKeyId on topics.",
        _ENCRYPTION,
        _not_encrypted,
        Example("fanned", {"Inbox.Properties.SqsManagedSseEnabled": False}),
        GOVERNANCE,
    ),
    Rule(
        "govern-log-retention",
        Severity.LOW,
        "A log group keeps everything for ever",
        "{group} has no retention: logs, with whatever they quote from messages, are kept and paid for without end.",
        "Set retention on the LogGroup.",
        "Set RetentionInDays.",
        _LOGS,
        _no_retention,
        Example(
            "polled",
            {"Logs.Properties.RetentionInDays": None},
            good={
                "Logs": {
                    "Type": "AWS::Logs::LogGroup",
                    "Properties": {"LogGroupName": "/aws/lambda/worker", "RetentionInDays": 30},
                }
            },
        ),
        GOVERNANCE,
    ),
)
