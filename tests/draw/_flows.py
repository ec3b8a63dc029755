"""Flows built by hand, for pictures of them."""

from collections.abc import Iterable

from patterns.draw import Picture, picture_of
from patterns.flow.model import (
    Alarm,
    Answer,
    Bucket,
    Bus,
    Call,
    DeadLetter,
    Delivery,
    Destination,
    Edge,
    External,
    Flow,
    Function,
    Match,
    Metric,
    Node,
    Notification,
    Opaque,
    Pipe,
    Poll,
    Queue,
    Redrive,
    Rule,
    Schedule,
    Send,
    Stream,
    Subscription,
    Topic,
    Verdict,
    Way,
)
from patterns.flow.template import Resource

DAY = 86_400


def resource(stack: str, logical_id: str, kind: str = "AWS::SQS::Queue") -> Resource:
    return Resource(stack, logical_id, kind, {}, {}, (), None, None, None, None, f"{stack}.template.json")


def orders() -> Flow:
    """A topic, a queue, a function, a dead-letter queue; the topic also pushes to a function without one."""
    return Flow.build(
        [
            Topic(id="Shop/Orders", name="Orders"),
            Queue(id="Shop/Inbox", name="Work/Inbox", redrive=True),
            Queue(id="Shop/Failed", name="Work/DeadLetters", retention=14 * DAY),
            Function(id="Shop/Handler", name="Handler"),
            Function(id="Shop/Audit", name="Audit"),
        ],
        [
            Subscription(id="Shop/ToInbox", source="Shop/Orders", target="Shop/Inbox", protocol="sqs"),
            Subscription(
                id="Shop/ToAudit",
                source="Shop/Orders",
                target="Shop/Audit",
                protocol="lambda",
                filter={"kind": ["refund"]},
            ),
            Poll(id="Shop/Mapping", source="Shop/Inbox", target="Shop/Handler", partial=True),
            Redrive(id="Shop/Inbox#RedrivePolicy", source="Shop/Inbox", target="Shop/Failed", max_receive_count=5),
        ],
        [
            Alarm(
                id="Shop/Alarm",
                name="Work/Alarm",
                resource=resource("Shop", "Alarm", "AWS::CloudWatch::Alarm"),
                metrics=(Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", "Shop/Failed"),)),),
                acts=True,
            )
        ],
    )


def everything() -> Flow:
    """One of each kind of node and link, over two stacks and the world outside."""
    a = [("Front", name) for name in ("Bus", "Rule", "Clock", "Sched", "Fn", "Machine", "Bucket")]
    r = {name: resource(stack, name) for stack, name in a}
    b = {name: resource("Back", name) for name in ("Queue", "Dlq", "Alias", "Stream", "Pipe", "Topic", "Silent")}
    return Flow.build(
        [
            Bus(id="Front/Bus", name="Bus", archive_days=30, resource=r["Bus"]),
            Rule(id="Front/Rule", name="Rule", bus="Front/Bus", pattern={"source": ["x"]}, resource=r["Rule"]),
            Rule(id="Front/Clock", name="Clock", expression="rate(5 minutes)", enabled=False, resource=r["Clock"]),
            Schedule(id="Front/Sched", name="Nightly", expression="cron(0 3 * * ? *)", resource=r["Sched"]),
            Function(id="Front/Fn", name="Fn", reserved_concurrency=5, resource=r["Fn"]),
            Opaque(id="Front/Machine", name="Machine", type="AWS::StepFunctions::StateMachine", resource=r["Machine"]),
            Bucket(id="Front/Bucket", name="Uploads", resource=r["Bucket"]),
            Queue(
                id="Back/Queue",
                name="Queue",
                fifo=True,
                broken_redrive="has no deadLetterTargetArn",
                resource=b["Queue"],
            ),
            Queue(id="Back/Dlq", name="Dlq", retention=None, unknown=("retention",), resource=b["Dlq"]),
            Queue(id="Back/Silent", name="Silent", retention=4 * DAY, resource=b["Silent"]),
            Function(id="Back/Alias", name="Fn:live", qualifier="live", resource=b["Alias"]),
            Stream(id="Back/Stream", name="Stream", retention=DAY, resource=b["Stream"]),
            Pipe(id="Back/Pipe", name="Pipe", resource=b["Pipe"]),
            Topic(id="Back/Topic", name="Topic", fifo=True, resource=b["Topic"]),
            External(id="https://example.com/hook", name="https://example.com/hook", service="https"),
            External(id="Back/Sub#Endpoint?", name="the Endpoint of Sub", why="Endpoint of Sub: parameter Mail"),
        ],
        [
            Match(id="m1", source="Front/Bus", target="Front/Rule", pattern={"source": ["x"], "detail-type": ["y"]}),
            Delivery(id="Front/Rule#Targets[0]", source="Front/Rule", target="Front/Fn"),
            DeadLetter(id="d1", source="Front/Rule", target="Back/Dlq", of="Front/Rule#Targets[0]"),
            Delivery(id="d2", source="Front/Clock", target="Front/Machine", attempts=None, seconds=None, enabled=False),
            Delivery(id="d3", source="Front/Sched", target="Back/Queue", by="scheduler", attempts=1, seconds=60),
            Poll(
                id="p1",
                source="Back/Queue",
                target="Back/Alias",
                filters=({"body": {}},),
                window=30,
                maximum_concurrency=7,
            ),
            Poll(id="p2", source="Back/Stream", target="Back/Pipe", service="kinesis", batch_size=None, retries=3),
            DeadLetter(id="p2#dlq", source="Back/Stream", target="Back/Silent", of="p2"),
            Notification(
                id="n1",
                source="Front/Bucket",
                target="Back/Topic",
                events=("s3:ObjectCreated:*",),
                filters=(("prefix", "in/"),),
            ),
            Subscription(
                id="s1",
                source="Back/Topic",
                target="https://example.com/hook",
                protocol="https",
                verdict=Verdict(Answer.UNKNOWN),
            ),
            Subscription(
                id="s2",
                source="Back/Topic",
                target="Back/Queue",
                protocol="sqs",
                verdict=Verdict(Answer.DENIED, "the queue policy of Queue has no statement for sns.amazonaws.com"),
            ),
            Subscription(id="s3", source="Back/Topic", target="Back/Sub#Endpoint?", protocol="email"),
            Send(id="f1", source="Front/Fn", target="Back/Topic", action="sns:Publish", variable="TOPIC"),
            Send(id="f2", source="Back/Alias", target="Back/Alias"),
            Destination(id="x1", source="Front/Fn", target="Back/Dlq"),
            Destination(id="x2", source="Front/Fn", target="Front/Bus", way=Way.SUCCESS),
            Call(id="c1", source="Front/Machine", target="Front/Fn"),
        ],
        notes=("cannot be told: Endpoint of Sub: parameter Mail",),
    )


def many(count: int) -> Flow:
    """About ``count`` nodes in eight stacks: shared topics and a bus, each with workers behind queues."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    for one in range(count // 30):
        stack = f"Service{one % 8}"
        topic = f"{stack}/Topic{one}"
        nodes.append(Topic(id=topic, name=f"Events{one}", resource=resource(stack, f"Topic{one}")))
        for worker in range(9):
            s = f"Service{(one + worker // 7) % 8}"
            q, d, f = (f"{s}/{kind}{one}x{worker}" for kind in ("Queue", "Dlq", "Fn"))
            nodes += [
                Queue(id=q, name=f"Worker{worker}/Queue", redrive=worker != 8, resource=resource(s, q)),
                Queue(id=d, name=f"Worker{worker}/DeadLetters", retention=14 * DAY, resource=resource(s, d)),
                Function(id=f, name=f"Worker{worker}/Function", resource=resource(s, f)),
            ]
            edges += [
                Subscription(id=f"{q}-sub", source=topic, target=q, filter={"kind": ["a"]}),
                Poll(id=f"{q}-poll", source=q, target=f),
                Redrive(id=f"{q}-redrive", source=q, target=d, max_receive_count=5),
            ]
            if worker == 8:
                edges.pop()
            if worker % 4 == 1 and one % 3 != 2:
                edges.append(
                    Send(
                        id=f"{f}-send",
                        source=f,
                        target=f"Service{(one + 1) % (count // 30) % 8}/Topic{(one + 1) % (count // 30)}",
                    )
                )
    return Flow.build(nodes, edges)


NASTY = (
    '"quoted"',
    "end",
    "a]b[c(d)e{f}g>h<i|j",
    "back`tick`s and **bold** _it_",
    "line\nbreak\r\ntab\t",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</script><!--",
    "]]>&amp;&lt;#35;#quot;",
    "%%{init: {'theme':'dark'}}%% comment",
    "ünïcødé 日本語 עברית 🚚",
    "$LATEST $$x^2$$ \\\\ \\n",
    "1. one - two # three",
    "- list",
    "style x fill:#f00; click x callback",
    "fa:fa-bomb fab:fa-github http://example.com",
    "x" * 300,
    "\u202egnp.exe\u0000\ud800",
    "",
    "o--o x--x ==> -->|x|",
    "@{ shape: rect } :::lost",
)


def hostile(names: Iterable[str] = NASTY) -> Flow:
    """Names that no Mermaid text, SVG or HTML page may trip over, in a chain, each in every place it can be."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    last = ""
    for number, name in enumerate(names):
        one = f"{name}/{name}{number}"
        nodes.append(Queue(id=one, name=name, resource=resource(name, f"{name}{number}")))
        if last:
            verdict = Verdict(Answer.DENIED, name)
            edges.append(
                Subscription(id=f"{name}#{number}", source=last, target=one, filter={name: [name]}, verdict=verdict)
            )
        last = one
    return Flow.build(nodes, edges, notes=[f"cannot be told: {name}" for name in names])


def drawn() -> dict[str, Picture]:
    """Every flow here as a picture, by name."""
    return {
        "orders": picture_of(orders()),
        "everything": picture_of(everything()),
        "hostile": picture_of(hostile()),
        "many": picture_of(many(300)),
    }
