"""What an organisation asks of every stack: runtimes, roles, grants, encryption, policies, logs."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from patterns.flow.managed_policies import ALLOWS
from patterns.flow.model import Function, Queue, Topic
from patterns.flow.permissions.wildcards import wild
from patterns.flow.rendered import GAP, readable, render
from patterns.flow.template import Resource
from patterns.guard.rule import GOVERNANCE, Example, Found, Rule, Severity
from patterns.guard.runtimes import GONE, LIFECYCLES
from patterns.guard.view import View, documents, exists, mentions

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


def _wide(action: str) -> bool:
    """Whether it is every action of a messaging service."""
    service, _, name = action.lower().partition(":")
    return service == "*" or (service in _MESSAGING and name == "*")


_WIDE = {
    name: next(action for action in actions if _wide(action))
    for name, actions in ALLOWS.items()
    if any(map(_wide, actions))
}
"""The AWS managed policies that allow every action of a messaging service, with that."""

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
        if "RuntimeManagementConfig" not in definition.properties:
            continue
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
        if raw is None or (
            isinstance(raw, list)
            and not any(not isinstance(one, dict) or _suspicious(one.get("PolicyDocument"), _GRANT) for one in raw)
        ):
            continue
        policies = view.value(role, "Policies")
        for number, policy in enumerate(policies if isinstance(policies, list) else ()):
            yield role, f"Policies[{number}].PolicyDocument", documents(policy).get("PolicyDocument")
    for policy in view.template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        if _suspicious(policy.properties.get("PolicyDocument"), _GRANT):
            yield policy, "PolicyDocument", view.value(policy, "PolicyDocument")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _statements(document: Any) -> Iterator[Mapping[str, Any]]:
    for statement in _listed(documents(document).get("Statement")):
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
            yield statement


# The keys of an object below which an asterisk can stand.
_STARRED = frozenset(("AWS", "Fn::Join", "Fn::Sub"))


def _has_star(value: Any) -> bool:
    """Whether an asterisk stands in a raw value, before it costs anything to resolve it."""
    if isinstance(value, str):
        return "*" in value
    if isinstance(value, dict) and not _STARRED.intersection(value):
        return False
    if isinstance(value, list):
        for one in value:
            if isinstance(one, str):
                if "*" in one:
                    return True
            elif isinstance(one, dict) and _has_star(one):
                return True
        return False
    if not isinstance(value, dict) or len(value) != 1:
        return isinstance(value, dict) and _has_star(value.get("AWS"))
    ((key, inside),) = value.items()
    if key == "Fn::Join" and isinstance(inside, list) and len(inside) == 2:
        parts = inside[1]
        # A resource's own ARN in front, and a part of it behind, is what the CDK grants.
        return bool(isinstance(parts, list) and parts and isinstance(parts[0], str) and _has_star(parts[-1]))
    return key in ("AWS", "Fn::Sub") and _has_star(inside)


_GRANT = (("Action", "NotAction"), ("Resource", "NotResource"))
_OPEN = (("Principal", "NotPrincipal"),)


def _suspicious(document: Any, keys: tuple[tuple[str, str], ...]) -> bool:
    """Whether a raw policy is worth a closer look: an asterisk in one of these keys, or no plain statements."""
    statements = document.get("Statement") if isinstance(document, dict) else None
    if not isinstance(statements, list):
        return document is not None
    for one in statements:
        if not isinstance(one, dict) or "Effect" not in one:
            return True
        if one["Effect"] != "Deny":
            for key, negated in keys:
                if negated in one or (key in one and _has_star(one[key])):
                    return True
    return False


def _wildcard(view: View) -> Iterator[Found]:
    yield from _managed(view)
    for resource, place, document in _documents(view):
        for statement in _statements(document):
            targets = [render(target) for target in _listed(statement.get("Resource"))]
            everywhere = "NotResource" in statement or any(_everywhere(target) for target in targets)
            actions = [render(action) for action in _listed(statement.get("Action"))]
            wide = [action for action in actions if _wide(action)]
            if "NotAction" in statement and any(target == "*" for target in targets):
                spared = [render(action).lower() for action in _listed(statement["NotAction"])]
                left = [one for one in _MOVES if not any(wild(action, one) for action in spared)]
                wide = [f"everything but {spared[0]}" if spared else "everything"] if left else []
            moving = [action for action in actions if _moves_messages(action)] if everywhere else []
            if wide or (moving and not statement.get("Condition")):
                shown = (wide or moving)[0]
                all_of = next((target for target in targets if _everywhere(target)), "*")
                on = "a resource" if not everywhere else "every resource" if all_of == "*" else readable(all_of)
                facts = {"resource": resource.logical_id, "action": shown, "on": on}
                sms = not wide and {action.lower() for action in moving} == {"sns:publish"}
                unsure = "whether the code sends text messages, which cannot be limited to a topic"
                yield Found(
                    resource,
                    place,
                    facts,
                    unsure=unsure if sms and all_of == "*" and not view.flow.nodes_of(Topic) else "",
                    subject=shown,
                )
                break


_EVERY = ("*", "function:*", "function:*:*", "event-bus/*", "stream/*")


def _everywhere(target: str) -> bool:
    """Whether a resource of a policy is every queue, topic, bus, stream or function of an account at least."""
    if target == "*":
        return True
    parts = target.split(":", 5)
    return len(parts) == 6 and (parts[2] in _MESSAGING or parts[2] == "*") and parts[5] in _EVERY


# Services that deploy with a role, which may have to do everything; no code that handles messages runs with it.
_DEPLOY = ("cloudformation.amazonaws.com", "codebuild.amazonaws.com", "codepipeline.amazonaws.com")


def _managed(view: View) -> Iterator[Found]:
    """Roles with a policy of AWS that allows every action on every queue, topic, bus, stream or function."""
    for role in view.template.of_type("AWS::IAM::Role"):
        raw = role.properties.get("ManagedPolicyArns")
        if raw is None:
            continue
        for index, arn in enumerate(raw if isinstance(raw, list) else _listed(view.value(role, "ManagedPolicyArns"))):
            name = (arn if isinstance(arn, str) else _last(arn)).rpartition("/")[2]
            if name in _WIDE and not mentions(role.properties.get("AssumeRolePolicyDocument"), *_DEPLOY):
                facts = {"resource": role.logical_id, "action": f"{_WIDE[name]} ({name})", "on": "every resource"}
                yield Found(role, f"ManagedPolicyArns[{index}]", facts, subject=name)


def _last(arn: Any) -> str:
    """The end of an ARN as it is written, which names an AWS managed policy: the CDK joins the partition in."""
    while isinstance(arn, dict) and len(arn) == 1:
        inside = arn.get("Fn::Join", arn.get("Fn::Sub"))
        arn = inside[1] if isinstance(inside, list) and len(inside) == 2 else inside
        arn = arn[-1] if isinstance(arn, list) and arn else arn
    return arn if isinstance(arn, str) else ""


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
    for stream in view.template.of_type("AWS::Kinesis::Stream"):
        if view.value(stream, "StreamEncryption") is None:
            name = view.flow.name(f"{stream.stack}/{stream.logical_id}")
            yield Found(stream, "StreamEncryption", {"what": name, "kind": "stream"})
    for queue in view.flow.nodes_of(Queue):
        if queue.resource is None or queue.key != "":
            continue
        if view.value(queue.resource, "SqsManagedSseEnabled") in (False, "false"):
            yield Found(queue.resource, "SqsManagedSseEnabled", {"what": queue.name, "kind": "queue"})


# Keys that say who asks, or for whom; what is left out (a user agent, a tag, the time) anybody can bring.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_SAYS_WHO = ("aws:source", "aws:principal", "aws:userid", "aws:username", "aws:vpcsourceip", "aws:calledvia")
_SAYS_NOTHING = ("aws:principaltag", "aws:principaltype", "aws:sourceidentity")
_ANYBODY = ("*", "o-*", "0.0.0.0/0", "::/0")


def _limits(statement: Mapping[str, Any], *, by_exclusion: bool = False) -> bool:
    """Whether a condition says who may; in a statement that denies, who alone is let through."""
    for operator, condition in documents(statement.get("Condition")).items():
        words = str(operator).lower()
        if words == "null" or ("not" in words) is not by_exclusion:
            continue
        for key, value in documents(condition).items():
            name, values = str(key).lower(), [render(item) for item in _listed(value)]
            if not name.startswith(_SAYS_WHO) or name.startswith(_SAYS_NOTHING) or not values:
                continue
            if all(_names_somebody(one) for one in values):
                return True
    return False


def _names_somebody(value: str) -> bool:
    """Whether the value of a condition leaves not everybody: an ARN of any account does."""
    if value in _ANYBODY:
        return False
    parts = value.split(":", 5)
    if parts[0] != "arn" or len(parts) < 6:
        return True
    return "*" not in parts[4] and (bool(parts[4]) or not parts[5].startswith("*"))


def _kept_out(document: Any) -> bool:
    """Whether a statement denies whoever is not somebody in particular."""
    return any(
        isinstance(one, Mapping) and one.get("Effect") == "Deny" and _anybody(one) and _limits(one, by_exclusion=True)
        for one in _listed(documents(document).get("Statement"))
    )


def _anybody(statement: Mapping[str, Any]) -> bool:
    """Whether a statement is about every AWS account, or about every one but some."""
    principal = statement.get("Principal")
    if principal == "*" or "NotPrincipal" in statement:
        return True
    return "*" in [render(item) for item in _listed(documents(principal).get("AWS"))]


_POLICIES = (
    "AWS::SQS::QueuePolicy",
    "AWS::SQS::QueueInlinePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::TopicInlinePolicy",
)


def _public(view: View) -> Iterator[Found]:
    for kind in _POLICIES:
        for policy in view.template.of_type(kind):
            if not _suspicious(policy.properties.get("PolicyDocument"), _OPEN):
                continue
            document = view.value(policy, "PolicyDocument")
            for statement in _statements(document):
                if _anybody(statement) and not _limits(statement) and not _kept_out(document):
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
        "A queue, topic or stream is not encrypted",
        "Messages lie in the {kind} {what} unencrypted.",
        "Use encryption=SQS_MANAGED for queues, master_key for topics, encryption=MANAGED for streams.",
        "Set SqsManagedSseEnabled: true on queues, KmsMasterKeyId on topics, StreamEncryption on streams.",
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
