"""Takes every sample app's guards away, one at a time, and asks the rules: ``python -m tools.mutations``.

Writes docs/rules/mutations.md. A guard is a property or resource without which a message is lost sooner, later or
without anybody knowing. What no rule finds is listed with the reason.
"""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from patterns.flow.graph import read_flow
from patterns.guard.rule import GROUPS, Finding
from patterns.guard.run import Settings, check
from patterns.guard.view import Options

PAGE = Path(__file__).parent.parent / "docs" / "rules" / "mutations.md"
TODAY = date(2026, 11, 23)

Stacks = dict[str, dict[str, Any]]


class Mutation(NamedTuple):
    """One guard less.

    Attributes:
        stack: the stack it is taken from.
        resource: the logical id.
        what: what is done.
        stacks: the templates afterwards.
    """

    stack: str
    resource: str
    what: str
    stacks: Stacks


class Outcome(NamedTuple):
    """What the rules say to a mutation: the ids of what is new, and why there is none."""

    mutation: Mutation
    rules: tuple[str, ...]
    reason: str


def groups(stacks: Stacks) -> list[Stacks]:
    """Stacks that take outputs of each other together, the others alone: what is read as one flow."""
    exports = {
        json.dumps(output["Export"]["Name"]): name
        for name, template in stacks.items()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    found: dict[str, set[str]] = {name: {name} for name in stacks}
    for name, template in stacks.items():
        text = json.dumps(template)
        owners = {owner for exported, owner in exports.items() if f'"Fn::ImportValue": {exported}' in text}
        owners |= {owner for owner in stacks if f'"Fn::GetStackOutput": {{"StackName": {json.dumps(owner)}' in text}
        for owner in owners - {name}:
            together = found[name] | found[owner]
            for one in together:
                found[one] = together
    distinct = {tuple(sorted(names)) for names in found.values()}
    return [{name: stacks[name] for name in names} for names in sorted(distinct)]


def mutations(stacks: Stacks) -> Iterator[Mutation]:
    """Every guard of every resource taken away or worsened, one at a time."""
    for stack, template in sorted(stacks.items()):
        for name, resource in sorted(template["Resources"].items()):
            for what, changed in _of(resource):
                mutant = {**template, "Resources": {**template["Resources"]}}
                if changed is None:
                    del mutant["Resources"][name]
                else:
                    mutant["Resources"][name] = changed
                yield Mutation(stack, name, what, {**stacks, stack: mutant})
        yield from _unwatched(stacks, stack)


def _unwatched(stacks: Stacks, stack: str) -> Iterator[Mutation]:
    """Alarms that watch one thing together, all removed at once."""
    resources = stacks[stack]["Resources"]
    together: dict[str, list[str]] = {}
    for name, resource in sorted(resources.items()):
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            dimensions = json.dumps(resource["Properties"].get("Dimensions"), sort_keys=True)
            together.setdefault(dimensions, []).append(name)
    for names in together.values():
        if len(names) > 1:
            rest = {name: resource for name, resource in resources.items() if name not in names}
            what = f"CloudWatch Alarm: all {len(names)} on one resource removed"
            yield Mutation(stack, names[0], what, {**stacks, stack: {**stacks[stack], "Resources": rest}})


_Change = tuple[str, dict[str, Any] | None]
_ONCE = {"MaximumRetryAttempts": 0}


def _of(resource: dict[str, Any]) -> Iterator[_Change]:
    kind = resource["Type"]
    short = kind.removeprefix("AWS::").replace("::", " ")
    if kind in _WHOLE and not _guards_nothing(resource):
        yield f"{short}: removed", None
    for paths, add in ((_CHANGES, False), (_ADDED, True)):
        for path, value in paths.get(kind, ()):
            changed = copy.deepcopy(resource)
            if _set(changed, path, value, add=add):
                done = "removed" if value is None else f"→ {json.dumps(value)}"
                yield f"{short} {'.'.join(path[1:] if path[0] == 'Properties' else path)}: {done}", changed
    for path in _LISTS.get(kind, ()):
        items = _get(resource, path)
        for number in range(len(items) if isinstance(items, list) else 0):
            changed = copy.deepcopy(resource)
            taken = _get(changed, path).pop(number)
            words = _statement(taken)
            if not words.startswith(_NO_GUARDS):
                yield f"{short} statement removed: {words}", changed
                yield from _in_statement(resource, short, path, number)
    if kind == "AWS::Events::Rule":
        yield from _in_targets(resource, short)
    if kind == "AWS::IAM::Role":
        yield from _of_role(resource, short)


def _in_statement(resource: dict[str, Any], short: str, path: tuple[str, ...], number: int) -> Iterator[_Change]:
    """Of a statement that stays: each of its actions taken out, and its condition."""
    statement = _get(resource, path)[number]
    actions = statement.get("Action")
    for index, action in enumerate(actions if isinstance(actions, list) and len(actions) > 1 else ()):
        changed = copy.deepcopy(resource)
        del _get(changed, path)[number]["Action"][index]
        yield f"{short} action removed: {action}{_for(statement)}", changed
    if statement.get("Condition"):
        changed = copy.deepcopy(resource)
        del _get(changed, path)[number]["Condition"]
        yield f"{short} condition removed: {_statement(statement)}", changed


def _in_targets(resource: dict[str, Any], short: str) -> Iterator[_Change]:
    for number, target in enumerate(_get(resource, ("Properties", "Targets")) or ()):
        worse: list[tuple[str, str, Any]] = [("RetryPolicy", '→ {"MaximumRetryAttempts": 0}', _ONCE)]
        if "DeadLetterConfig" in target:
            worse.append(("DeadLetterConfig", "removed", None))
        for key, done, value in worse:
            changed = copy.deepcopy(resource)
            mine = _get(changed, ("Properties", "Targets"))[number]
            mine[key] = value
            if value is None:
                del mine[key]
            yield f"{short} target's {key}: {done}", changed


def _of_role(resource: dict[str, Any], short: str) -> Iterator[_Change]:
    for number, arn in enumerate(_get(resource, ("Properties", "ManagedPolicyArns")) or ()):
        changed = copy.deepcopy(resource)
        del _get(changed, ("Properties", "ManagedPolicyArns"))[number]
        name = json.dumps(arn).rstrip('"]} ').rpartition("/")[2]
        yield f"{short} ManagedPolicyArns: without {name}", changed
    for number, policy in enumerate(_get(resource, ("Properties", "Policies")) or ()):
        for index, statement in enumerate(policy["PolicyDocument"]["Statement"]):
            words = _statement(statement)
            if not words.startswith(_NO_GUARDS):
                changed = copy.deepcopy(resource)
                del _get(changed, ("Properties", "Policies"))[number]["PolicyDocument"]["Statement"][index]
                yield f"{short} statement removed: {words}", changed


_NO_GUARDS = ("Deny ", "xray:", "iam:", "logs:CreateLogGroup", "sns:Subscribe")
"""Statements that no delivery needs: they refuse plain HTTP, trace, or serve a deployment."""


def _guards_nothing(resource: dict[str, Any]) -> bool:
    statements = _get(resource, ("Properties", "PolicyDocument", "Statement"))
    return isinstance(statements, list) and all(_statement(one).startswith(_NO_GUARDS) for one in statements)


_WHOLE = {
    "AWS::CloudWatch::Alarm",
    "AWS::Events::Archive",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
_CHANGES: dict[str, tuple[tuple[tuple[str, ...], Any], ...]] = {
    "AWS::SQS::Queue": (
        (("Properties", "RedrivePolicy"), None),
        (("Properties", "RedrivePolicy", "maxReceiveCount"), 1),
        (("Properties", "RedrivePolicy", "deadLetterTargetArn"), None),
        (("Properties", "MessageRetentionPeriod"), 60),
        (("Properties", "VisibilityTimeout"), 1),
        (("Properties", "KmsMasterKeyId"), "alias/aws/sqs"),
        (("Properties", "SqsManagedSseEnabled"), False),
        (("Properties", "RedriveAllowPolicy"), {"redrivePermission": "denyAll"}),
        (("DeletionPolicy",), "Delete"),
    ),
    "AWS::SNS::Subscription": (
        (("Properties", "RedrivePolicy"), None),
        (("Properties", "FilterPolicyScope"), None),
        (("Properties", "RawMessageDelivery"), None),
    ),
    "AWS::Lambda::EventInvokeConfig": (
        (("Properties", "DestinationConfig"), None),
        (("Properties", "Qualifier"), "other"),
        (("Properties", "MaximumRetryAttempts"), 0),
        (("Properties", "MaximumEventAgeInSeconds"), 60),
    ),
    "AWS::Lambda::Function": (
        (("Properties", "DeadLetterConfig"), None),
        (("Properties", "Timeout"), None),
        (("Properties", "Timeout"), 900),
        (("Properties", "ReservedConcurrentExecutions"), 0),
        (("Properties", "RecursiveLoop"), "Allow"),
        (("Properties", "Runtime"), "nodejs14.x"),
    ),
    "AWS::Lambda::EventSourceMapping": (
        (("Properties", "FunctionResponseTypes"), None),
        (("Properties", "ScalingConfig"), None),
        (("Properties", "MetricsConfig"), None),
    ),
    "AWS::Scheduler::Schedule": ((("Properties", "Target", "DeadLetterConfig"), None),),
    "AWS::CloudWatch::Alarm": (
        (("Properties", "AlarmActions"), None),
        (("Properties", "Threshold"), 1_000_000_000),
        (("Properties", "ComparisonOperator"), "LessThanThreshold"),
        (("Properties", "Dimensions"), []),
        (("Properties", "MetricName"), "Other"),
    ),
    "AWS::Lambda::Permission": ((("Properties", "SourceArn"), None),),
    "AWS::Logs::LogGroup": ((("Properties", "RetentionInDays"), None),),
    "AWS::SNS::Topic": ((("Properties", "DeliveryStatusLogging"), None),),
}
_ADDED: dict[str, tuple[tuple[tuple[str, ...], Any], ...]] = {
    "AWS::CloudWatch::Alarm": ((("Properties", "ActionsEnabled"), False),),
    "AWS::Events::Rule": ((("Properties", "State"), "DISABLED"),),
    "AWS::Scheduler::Schedule": (
        (("Properties", "State"), "DISABLED"),
        (("Properties", "Target", "RetryPolicy"), _ONCE),
    ),
    "AWS::Lambda::EventSourceMapping": (
        (("Properties", "Enabled"), False),
        (("Properties", "FilterCriteria"), {"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]}),
    ),
}
"""What worsens a resource that does not say it, too."""

_LISTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "AWS::SQS::QueuePolicy": (("Properties", "PolicyDocument", "Statement"),),
    "AWS::SNS::TopicPolicy": (("Properties", "PolicyDocument", "Statement"),),
    "AWS::KMS::Key": (("Properties", "KeyPolicy", "Statement"),),
    "AWS::IAM::Policy": (("Properties", "PolicyDocument", "Statement"),),
}


def _get(resource: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        resource = resource.get(step) if isinstance(resource, dict) else None
    return resource


def _set(resource: dict[str, Any], path: tuple[str, ...], value: Any, *, add: bool = False) -> bool:
    """Whether there was something to change."""
    *parents, last = path
    parent = _get(resource, tuple(parents)) if parents else resource
    if not isinstance(parent, dict) or (last not in parent and not add) or parent.get(last) == value:
        return False
    if value is None:
        del parent[last]
    else:
        parent[last] = copy.deepcopy(value)
    return True


def _statement(statement: dict[str, Any]) -> str:
    """A statement in words that hold no logical id."""
    actions = statement.get("Action", "*")
    actions = actions if isinstance(actions, list) else [actions]
    if statement.get("Effect") == "Deny":
        return f"Deny {actions[0]}"
    return f"{actions[0]}{_for(statement)}"


def _for(statement: dict[str, Any]) -> str:
    principal = statement.get("Principal")
    who = principal.get("Service") if isinstance(principal, dict) else None
    return f" for {who}" if isinstance(who, str) else ""


# --- what the rules say ---------------------------------------------------------------------------------


def outcomes(stacks: Stacks) -> list[Outcome]:
    """Every mutation of the samples, and the rules that find it."""
    found = []
    for group in groups(stacks):
        before = _seen(group)
        spare: set[tuple[str, str]] = set()
        for mutation in mutations(group):
            alarm = mutation.what.startswith("CloudWatch Alarm")
            if alarm and (mutation.stack, mutation.resource) in spare and "all" not in mutation.what:
                continue  # nobody misses it when it is gone; nobody will when it is only worse
            new = sorted({rule for rule, *_ in _seen(mutation.stacks) - before})
            before_it = group[mutation.stack]["Resources"][mutation.resource]
            if alarm and mutation.what.endswith("Alarm: removed") and not new:
                spare.add((mutation.stack, mutation.resource))
            found.append(Outcome(mutation, tuple(new), "" if new else reason(mutation, before_it)))
    return found


def _seen(stacks: Stacks) -> set[tuple[str, str, str, str, str]]:
    settings = Settings(groups=GROUPS, options=Options(today=TODAY))
    report = check(read_flow(stacks), settings)
    findings: list[Finding] = [*report.findings, *(accepted.finding for accepted in report.acknowledged)]
    return {(f.rule, f.logical_id, f.place, f.severity, f.why) for f in findings if f.sure}


def reason(mutation: Mutation, before: dict[str, Any]) -> str:
    """Why no rule finds a mutation; empty when there is no reason, which a test refuses.

    Args:
        mutation: what was done.
        before: the resource as it was.
    """
    properties = before.get("Properties", {})
    if before["Type"] == "AWS::CloudWatch::Alarm":
        metric = properties.get("MetricName")
        if isinstance(metric, dict):
            metric = "a log's metric"
        if mutation.what.endswith("on one resource removed"):
            return ""
        if metric == "ApproximateAgeOfOldestMessage" and properties.get("Threshold", 0) <= 86_400:
            return (
                "another alarm on the age of messages in this queue still tells" if _another(mutation, before) else ""
            )
        return _ALARMS.get(metric, "")
    for words, why in _REASONS:
        if words in mutation.what:
            return why
    return ""


def _another(mutation: Mutation, before: dict[str, Any]) -> bool:
    """Whether another alarm looks at the same metric of the same resource."""
    same = ("Namespace", "MetricName", "Dimensions")
    return any(
        all(_get(resource, ("Properties", key)) == before["Properties"].get(key) for key in same)
        for name, resource in mutation.stacks[mutation.stack]["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and name != mutation.resource
    )


_ONLY_CODE = "nothing in the template says that this queue keeps failures: only a function's own code fills it"
_FILTERED = "filtered messages are none that SNS could not deliver; the catch-all subscription gets them"
_WIDER = "the sender that it names may still deliver; that others may too loses no message"
_BOTH = "another policy of the role allows it on the failure queue's key; the other key is for what its own code does"
_OWN = "the function's own code uses it; whether it needs it stands in no template"
_FIREHOSE = "a delivery stream's own role: what Firehose keeps and retries is not followed"
_ALARMS = {
    "ApproximateAgeOfOldestMessage": "the alarm on the first message in that queue has told a week earlier",
    "ApproximateNumberOfMessagesVisible": _ONLY_CODE,
    "NumberOfNotificationsFilteredOut-InvalidMessageBody": _FILTERED,
    "AsyncEventAge": "events that wait are not lost; AsyncEventsDropped and the destination's alarm still tell",
    "AsyncEventsDropped": "the alarm on the destination's delivery failures and the one on its queue still tell",
    "DeadLetterErrors": "AsyncEventsDropped still tells",
    "DestinationDeliveryFailures": "AsyncEventsDropped still tells",
    "FailedInvocations": "InvocationsFailedToBeSentToDlq and the dead-letter queue's alarm still tell",
    "InvocationsFailedToBeSentToDlq": "FailedInvocations still tells",
    "MessagesWithFindings": "it tells of sensitive data in messages, not of lost ones",
    "NumberOfNotificationsFailed": "the alarm on NumberOfNotificationsFailedToRedriveToDlq and the queue's still tell",
    "NumberOfNotificationsFailedToRedriveToDlq": "NumberOfNotificationsFailed still tells",
    "RecursiveInvocationsDropped": "no loop goes through this function",
    "a log's metric": "it counts what a policy refuses on purpose",
}
_REASONS: tuple[tuple[str, str], ...] = (
    ("statement removed: s3:AbortMultipartUpload", _FIREHOSE),
    ("statement removed: s3:GetBucketLocation", _FIREHOSE),
    ("statement removed: firehose:", _OWN),
    ("statement removed: logs:PutLogEvents", _OWN),
    ("statement removed: s3:PutObject", _OWN),
    ("statement removed: sns:Publish", _OWN),
    ("statement removed: sqs:GetQueueAttributes", _OWN),
    ("IAM Policy statement removed: sqs:SendMessage", "another policy of the same role allows the same"),
    ("IAM Policy statement removed: kms:Decrypt", _BOTH),
    ("IAM Policy action removed: kms:", _BOTH),
    ("IAM Policy action removed: s3:", _FIREHOSE),
    ("IAM Policy action removed: sqs:SendMessage", _OWN),
    ("IAM Policy action removed: sqs:GetQueue", _OWN),
    ("without AWSLambdaBasicExecutionRole", "it lets the function write its log; no message depends on that"),
    ("without PowerUserAccess", "CloudFormation deploys with this role; no message goes through it"),
    ("condition removed", _WIDER),
    ("Permission SourceArn", _WIDER),
    ("Mapping Enabled", "no template says who writes to this queue"),
    ("SNS TopicPolicy: removed", "a topic without a policy of its own lets in the alarms of its account"),
    ("target's RetryPolicy", "the target's dead-letter queue keeps an event that is given up early"),
    ("KMS Key statement removed: kms:*", "only the function's own code uses this key"),
    ("MaximumEventAgeInSeconds", "the failure destination keeps an event that is given up early"),
    ("MaximumRetryAttempts", "the failure destination keeps an event that is given up early"),
    ("EventInvokeConfig Qualifier", "it has no destination; the function's dead-letter queue keeps the event"),
    ("EventInvokeConfig: removed", "it has no destination; the function's dead-letter queue keeps the event"),
    ("FunctionResponseTypes", "a batch holds one message"),
    ("ScalingConfig", "the function has no reserved concurrency that would throttle"),
    ("RecursiveLoop", "no loop goes through this function"),
    ("Timeout: → 900", "no queue shows messages again while this function works"),
    ("KmsMasterKeyId", "only roles write to this queue, and they can use the AWS managed key"),
    ("Queue DeletionPolicy", _ONLY_CODE),
    ("RawMessageDelivery", "the consumer's code decides which form it expects"),
    ("Events Archive: removed", "it keeps copies for a replay; each target has a dead-letter queue of its own"),
)


def rendered(found: list[Outcome]) -> str:
    """The page."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    total: Counter[tuple[str, str]] = Counter()
    for outcome in found:
        key = (outcome.mutation.stack, outcome.mutation.what)
        total[key] += 1
        counts.setdefault(key, Counter()).update(outcome.rules or [f"not found: {outcome.reason}"])
    rows = [
        f"| {stack} | {what} | {total[stack, what]} | {_told(names, total[stack, what])} |"
        for (stack, what), names in sorted(counts.items())
    ]
    hits = sum(bool(outcome.rules) for outcome in found)
    return _PAGE.format(total=len(found), hits=hits, rest=len(found) - hits) + "\n".join(rows) + "\n"


def _told(names: Counter[str], total: int) -> str:
    return "; ".join(
        (name if name.startswith("not found") else f"[{name}]({name}.md)") + (f" ({count})" if total > 1 else "")
        for name, count in sorted(names.items(), key=lambda item: (item[0].startswith("not found"), item[0]))
    )


_PAGE = """\
# Is every missing guard found?

Each sample app, with one guard of one resource taken away or worsened at a time, and what the rules (both groups) find
then that they did not find before. {total} mutations: {hits} are found, {rest} are not, each for the reason beside it.
Most of those are one alarm of several that tell of the same loss; all of them together are a mutation too.

Written by `python -m tools.mutations`; a test compares it.

| stack | change | times | found by |
|---|---|---|---|
"""


def sample_stacks(folder: Path) -> Stacks:
    """The templates of every sample app, from one synth into a folder."""
    from apps.app import build_app

    build_app(outdir=str(folder)).synth()
    manifest = json.loads((folder / "manifest.json").read_text())
    return {
        name: json.loads((folder / artifact["properties"]["templateFile"]).read_text())
        for name, artifact in sorted(manifest["artifacts"].items())
        if artifact["type"] == "aws:cloudformation:stack"
    }


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        PAGE.write_text(rendered(outcomes(sample_stacks(Path(made)))), "utf-8")
