"""Functions themselves: loops, permissions that overwrite each other, wrappers, timeouts."""

from collections.abc import Iterator

from patterns.flow.cycles import loops
from patterns.flow.model import Destination, Function, Loop, Poll
from patterns.flow.template import Ref, Resource
from patterns.guard.rule import Example, Found, Rule, Severity
from patterns.guard.view import View, exists, mentions

_RECURSION = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html"
_WRAPPER = "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html"
_TIMEOUT = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html"
_POLICY = "https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"


def _own_loops(view: View) -> Iterator[tuple[Loop, Function]]:
    """Loops through a function, without those that a destination closes, which have a rule of their own."""
    found = view.memo.get("loops")
    if found is None:
        found = view.memo["loops"] = loops(view.flow)
    for loop in found:
        if any(isinstance(view.flow.edges.get(edge), Destination) for edge in loop.edges):
            continue
        function = next((n for key in loop.nodes if isinstance(n := view.flow.nodes.get(key), Function)), None)
        if function is not None and function.definition is not None:
            yield loop, function


def _facts(view: View, loop: Loop, function: Function) -> dict[str, object]:
    names = [view.flow.name(key) for key in loop.nodes]
    start = names.index(function.name) if function.name in names else 0
    around = [*names[start:], *names[:start], names[start]]
    return {"function": function.name, "loop": " → ".join(around), "why": loop.why}


def _unsure(loop: Loop) -> str:
    return "" if loop.certain else "whether the code sends there: the role or the environment allows it"


def _at(loop: Loop, function: Function, place: str, facts: dict[str, object], unsure: str) -> Found:
    assert function.definition is not None
    return Found(function.definition, place, facts, unsure=unsure, subject=" ".join(loop.nodes))


def _allowed(view: View) -> Iterator[Found]:
    for loop, function in _own_loops(view):
        if function.recursive_loop == "Allow":
            yield _at(loop, function, "RecursiveLoop", _facts(view, loop, function), _unsure(loop))


def _unstopped(view: View) -> Iterator[Found]:
    for loop, function in _own_loops(view):
        if not loop.stopped and function.recursive_loop != "Allow":
            yield _at(loop, function, "", _facts(view, loop, function), _unsure(loop))


def _stopped(view: View) -> Iterator[Found]:
    for loop, function in _own_loops(view):
        if not loop.stopped or function.recursive_loop == "Allow":
            continue
        if view.watched("AWS/Lambda", ("RecursiveInvocationsDropped",), "FunctionName", function.function).told:
            continue
        yield _at(loop, function, "", _facts(view, loop, function), _unsure(loop))


def _wrapper(view: View) -> Iterator[Found]:
    for definition in view.template.of_type("AWS::Lambda::Function"):
        if not mentions(definition.properties.get("Environment"), "AWS_LAMBDA_EXEC_WRAPPER"):
            continue
        path = view.value(definition, "Environment", "Variables", "AWS_LAMBDA_EXEC_WRAPPER")
        if path is None:
            continue
        runtime = view.value(definition, "Runtime", default="")
        layers = view.value(definition, "Layers")
        why = ""
        if isinstance(runtime, str) and runtime.startswith("provided"):
            why = f"the runtime {runtime} ignores it"
        elif isinstance(path, str) and not path.startswith("/"):
            why = f"{path} is not an absolute path"
        elif isinstance(path, str) and path.startswith("/opt/") and not layers and _zipped(view, definition):
            why = f"{path} would come from a layer, and the function has none"
        if why:
            name = f"{definition.stack}/{definition.logical_id}"
            yield Found(
                definition,
                "Environment.Variables.AWS_LAMBDA_EXEC_WRAPPER",
                {"function": view.flow.name(name), "why": why},
            )


def _zipped(view: View, definition) -> bool:
    return view.value(definition, "PackageType", default="Zip") == "Zip"


def _two_policies(view: View) -> Iterator[Found]:
    whole: dict[Ref, Resource] = {}
    for policy in view.template.of_type("AWS::Lambda::ResourcePolicy"):
        for name in ("FunctionName", "ResourceArn", "FunctionArn"):
            target = view.template.target(policy.stack, view.value(policy, name, default=""))
            if isinstance(target, Ref):
                whole.setdefault(target, policy)
    for permission in view.template.of_type("AWS::Lambda::Permission") if whole else ():
        target = view.template.target(permission.stack, view.value(permission, "FunctionName", default=""))
        if isinstance(target, Ref) and target in whole:
            facts = {
                "function": view.flow.name(f"{target.stack}/{target.logical_id}"),
                "policy": whole[target].logical_id,
                "permission": permission.logical_id,
            }
            yield Found(permission, "", facts, unsure=exists(whole[target], permission))


def _default_timeout(view: View) -> Iterator[Found]:
    reported: set[str] = set()
    for node in view.flow.nodes_of(Function):
        definition = node.definition
        if definition is None or "Timeout" in definition.properties or node.function in reported:
            continue
        if node.id not in view.asynchronous and not any(
            isinstance(edge, Poll) and edge.enabled is not False for edge in view.flow.arriving(node.id)
        ):
            continue
        reported.add(node.function)
        yield Found(definition, "Timeout", {"function": view.flow.name(node.function)})


_LOOP = {
    "Worker.Properties.Environment": {"Variables": {"TARGET": {"Ref": "Orders"}}},
    "WorkerRole.Properties.Policies": [
        {
            "PolicyName": "Send",
            "PolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sqs:SendMessage",
                        "Resource": {"Fn::GetAtt": ["Orders", "Arn"]},
                    }
                ]
            },
        }
    ],
}
_BUS_LOOP = {
    "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "shop"}},
    "Placed": {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventBusName": {"Ref": "Bus"},
            "EventPattern": {"detail-type": ["OrderPlaced"]},
            "Targets": [
                {
                    "Id": "Worker",
                    "Arn": {"Fn::GetAtt": ["Worker", "Arn"]},
                    "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
                }
            ],
        },
    },
    "InvokeByRule": {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": "Worker"},
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            "SourceArn": {"Fn::GetAtt": ["Placed", "Arn"]},
        },
    },
    "UndeliveredPolicy.Properties.PolicyDocument.Statement.1": {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": ["Undelivered", "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Placed", "Arn"]}}},
    },
}

RULES = (
    Rule(
        "function-loop-allowed",
        Severity.CRITICAL,
        "A loop is allowed to run without end",
        "{loop}: RecursiveLoop is Allow, so Lambda stops no loop of {function} and emits no metric for one. A message "
        "that goes round does so until somebody pays attention to the bill.",
        "Leave recursive_loop out (Terminate), and write to another queue, topic or bucket than you read.",
        "Remove RecursiveLoop: Allow, and write to another resource than you read.",
        _RECURSION,
        _allowed,
        Example(
            "polled",
            {"Worker.Properties.RecursiveLoop": "Allow"},
            good=_LOOP,
            also=("function-loop",),
        ),
    ),
    Rule(
        "function-loop-not-stopped",
        Severity.CRITICAL,
        "Lambda would not stop a loop",
        "{loop}: {why}. A message that goes round does so without end.",
        "Send what the way back does not match: a rule's event_pattern, the filters of an event source.",
        "Send what the way back does not match: a rule's EventPattern, a mapping's FilterCriteria.",
        _RECURSION,
        _unstopped,
        Example(
            "invoked",
            {
                "WorkerRole.Properties.Policies.0.PolicyDocument.Statement.1": {
                    "Effect": "Allow",
                    "Action": "events:PutEvents",
                    "Resource": {"Fn::GetAtt": ["Bus", "Arn"]},
                }
            },
            good=_BUS_LOOP,
            also=("events-dead-letter-queue-unwatched", "dead-letter-queue-mixed-sources"),
        ),
    ),
    Rule(
        "function-two-resource-policies",
        Severity.CRITICAL,
        "Two kinds of resource policy overwrite each other",
        "{policy} replaces the whole resource policy of {function}, the statement of {permission} included: whoever it "
        "let in is refused after the next deployment.",
        "Use add_permission, or one CfnResourcePolicy with every statement.",
        "Use AWS::Lambda::Permission, or one AWS::Lambda::ResourcePolicy with every statement.",
        _POLICY,
        _two_policies,
        Example(
            "invoked",
            {
                "Whole": {
                    "Type": "AWS::Lambda::ResourcePolicy",
                    "Properties": {
                        "FunctionName": {"Ref": "Worker"},
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Principal": {"Service": "sns.amazonaws.com"},
                                    "Action": "lambda:InvokeFunction",
                                    "Resource": "*",
                                }
                            ]
                        },
                    },
                }
            },
        ),
    ),
    Rule(
        "function-exec-wrapper",
        Severity.HIGH,
        "A wrapper script cannot run",
        "{function} has AWS_LAMBDA_EXEC_WRAPPER, and {why}: every invocation fails, or runs without it.",
        "Use a managed runtime, and add the layer that brings the script.",
        "Use a managed Runtime, and add the layer that brings the script to Layers.",
        _WRAPPER,
        _wrapper,
        Example(
            "polled",
            {"Worker.Properties.Layers": None},
            good={
                "Worker.Properties.Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/proxy"}},
                "Worker.Properties.Layers": ["arn:aws:lambda:eu-west-1:111122223333:layer:proxy:1"],
            },
        ),
    ),
    Rule(
        "function-loop",
        Severity.MEDIUM,
        "A message can go round, and nobody is told when Lambda stops it",
        "{loop}: {why}. What is stopped ends in a dead-letter queue or failure destination, or is lost; AWS sends one "
        "mail a day, and no alarm watches RecursiveInvocationsDropped.",
        "Write to another resource than you read, or add an Alarm on RecursiveInvocationsDropped.",
        "Write to another resource than you read, or add an alarm on AWS/Lambda RecursiveInvocationsDropped > 0.",
        _RECURSION,
        _stopped,
        Example("polled", _LOOP),
    ),
    Rule(
        "function-default-timeout",
        Severity.MEDIUM,
        "A consumer has the default timeout of 3 seconds",
        "{function} is ended after 3 seconds; one slow call, and its messages are tried again, doubled, and given up.",
        "Set timeout on the function.",
        "Set Timeout on the function.",
        _TIMEOUT,
        _default_timeout,
        Example("polled", {"Worker.Properties.Timeout": None}),
    ),
)
