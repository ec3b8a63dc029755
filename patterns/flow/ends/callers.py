"""What becomes of what a bucket or another service sends."""

from collections.abc import Iterator

from patterns.flow.ends.buses import FROM_BUCKET
from patterns.flow.ends.nets import into_net
from patterns.flow.ends.steps import CALLED, QUEUED, End, Go, doubts_of, existence, mode_into
from patterns.flow.model import Bus, Call, External, Flow, Function, Kept, Node, Notification, Opaque, Outcome, Way


def at_bucket(flow: Flow, notifications: list[Notification]) -> Iterator[End | Go]:
    for edge in notifications:
        target = flow.nodes[edge.target]
        if edge.verdict.denied:
            yield End(
                Outcome.DROPPED,
                edge.target,
                edge.id,
                f"S3 cannot notify {target.name}: {edge.verdict.why}",
                lost=True,
                remedy=f"let S3 in: {edge.verdict.why}",
            )
            continue
        mode = QUEUED if isinstance(target, Function) else "in"
        if isinstance(target, Bus):
            mode = f"{FROM_BUCKET}{edge.source}"
        yield Go(edge, mode, unsure=doubts_of(edge.verdict, target.name))


def at_caller(flow: Flow, node: Node, calls: list[Call]) -> Iterator[End | Go]:
    """A service that calls others. What becomes of a call that fails depends on who waits for its answer."""
    nets = [edge for edge in calls if edge.way is Way.FAILURE]
    works = [edge for edge in calls if edge.way is not Way.FAILURE]
    failing = isinstance(node, Opaque) and node.type in (*_WAITED_FOR, _STATE_MACHINE) and bool(_open(works))
    for edge in works:
        target = flow.nodes[edge.target]
        doubts = (*doubts_of(edge.verdict, target.name), *existence(edge))
        if isinstance(node, External):
            doubts = (*doubts, node.why or f"what {node.name} sends: it stands in none of the templates")
        if edge.verdict.denied:
            condition = f"{node.name} may not send to {target.name}: {edge.verdict.why}"
            yield from _call_failed(flow, node, nets, condition, edge)
            continue
        if isinstance(target, Function):
            yield Go(edge, QUEUED if edge.asynchronous else CALLED, unsure=doubts)
        else:
            yield Go(edge, mode_into(flow, edge), unsure=doubts)
        failing = failing or not (isinstance(target, Function) and edge.asynchronous and not nets)
    if failing:
        yield from _call_failed(flow, node, nets, f"a call by {node.name} fails", None)


def _open(calls: list[Call]) -> list[Call]:
    return [edge for edge in calls if not edge.verdict.denied]


_STATE_MACHINE = "AWS::StepFunctions::StateMachine"

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html (how long a history is kept)
EXECUTION_HISTORY_SECONDS = 90 * 86_400


def _call_failed(flow: Flow, node: Node, nets: list[Call], condition: str, edge: Call | None) -> Iterator[End | Go]:
    hop = edge.id if edge else ""
    kind = node.type if isinstance(node, Opaque) else ""
    if kind == "AWS::IoT::TopicRule":
        # The device that published is not told; only an error action is.
        # https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
        for net in _open(nets):
            yield from into_net(flow, net, Outcome.DESTINATION, condition, 1, 0, 0, None, (), ())
        if not _open(nets):
            remedy = f"give {node.name} an error action"
            if nets:
                condition = f"{condition}; its error action cannot take it: {nets[0].verdict.why}"
                remedy = f"let the error action of {node.name} write: {nets[0].verdict.why}"
            yield End(Outcome.DROPPED, node.id, hop, condition, lost=True, remedy=remedy)
    elif kind == _STATE_MACHINE:
        express = (
            node.resource is not None and node.resource.properties.get("StateMachineType", "STANDARD") != "STANDARD"
        )
        kept = None if express else Kept(node.id, EXECUTION_HISTORY_SECONDS, EXECUTION_HISTORY_SECONDS)
        unsure = (f"what {node.name} logs, and who waits for its result",) if express else ()
        how = "its execution fails, unless its definition catches it"
        yield End(Outcome.OUTSIDE, node.id, hop, f"{condition}: {how}", kept=kept, unsure=unsure)
    elif kind in _WAITED_FOR:
        yield End(Outcome.REJECTED, node.id, hop, f"{condition}: whoever called it gets the error")
    else:
        unsure = (f"what {kind or node.name} does with a call that fails",)
        yield End(Outcome.DROPPED, node.id, hop, condition, unsure=unsure)


# Somebody waits for the answer of these.
_WAITED_FOR = (
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Method",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::AppSync::GraphQLApi",
    "AWS::AppSync::DataSource",
    "AWS::Cognito::UserPool",
    "AWS::Lambda::Url",
)
