"""Somebody asks where a message can be lost: the answer is first what is lost, complete, and always the same."""

import json

import pytest
from typer.testing import CliRunner

from patterns.cli import app
from patterns.errors import PatternError
from patterns.flow import Flow, Outcome, as_text, losses, read_flow
from patterns.flow.explain import as_document, as_report
from patterns.flow.model import Node
from patterns.flow.words import duration, span, times
from tests.flow.parts import (
    alarm,
    arn,
    changed,
    dead_letters,
    flow_of,
    function,
    mapping,
    polls,
    queue,
    ref,
    resource,
    role,
    topic,
)

KEPT = {
    "Queue": queue("Dead", VisibilityTimeout=60),
    "Dead": dead_letters(),
    "Worker": function(),
    "Role": role(polls("Queue")),
    "Poll": mapping(),
    "Told": alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=arn("Dead", "QueueName")),
}
LOST = {**KEPT, "Queue": queue()}


def run(tmp_path, resources, *options):
    path = tmp_path / "shop.template.json"
    path.write_text(json.dumps({"Resources": resources}))
    return CliRunner().invoke(app, ["explain", str(path), *options])


def test_what_is_lost_comes_first_and_the_exit_code_says_so(tmp_path):
    result = run(tmp_path, LOST)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:9] == [
        "1 of 2 sources can lose messages, in 1 way.",
        "",
        "WHAT CAN BE LOST",
        "",
        "A message that enters at Queue is lost when",
        "  - Worker fails on every receive for 4 d.",
        "    It expires in Queue, after 4 d, and no copy is left.",
        "    To keep it: give Queue a redrive policy to a dead-letter queue that takes it.",
        "    No alarm with an action tells anybody.",
    ]


def test_where_nothing_is_lost_the_exit_code_is_zero(tmp_path):
    result = run(tmp_path, KEPT)
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "Messages enter at 1 place. Nothing is lost without a copy.\n\nEVERY END\n\nQueue\n"
    )
    assert "in a dead-letter queue  Dead    5 min to 4 d  5      10 d to 13 d 23 h  Told" in result.stdout
    assert "It can reach Worker more than once: SQS may deliver again; it arrives in no order." in result.stdout


def test_a_copy_that_nobody_is_told_of_is_said(tmp_path):
    silent = {**KEPT, "Told": changed(KEPT["Told"], AlarmActions=[])}
    result = run(tmp_path, silent)
    assert result.exit_code == 0
    assert "1 of the places that keep copies is not watched." in result.stdout
    assert "Dead keeps what failed for 10 d to 13 d 23 h, and no alarm with an action watches it." in result.stdout


def test_a_parameter_decides(tmp_path):
    path = tmp_path / "shop.template.json"
    template = {
        "Parameters": {"Keep": {"Type": "Number", "Default": 345600}},
        "Resources": {**KEPT, "Queue": changed(KEPT["Queue"], MessageRetentionPeriod={"Ref": "Keep"})},
    }
    path.write_text(json.dumps(template))
    assert CliRunner().invoke(app, ["explain", str(path)]).exit_code == 0
    assert CliRunner().invoke(app, ["explain", str(path), "--parameter", "Keep=60"]).exit_code == 1


def test_markdown_is_a_table_whose_cells_hold_whatever_a_name_holds(tmp_path):
    odd = {**KEPT, "Dead": {**KEPT["Dead"], "Metadata": {"aws:cdk:path": "shop/A|B*c~$d&amp;/Resource"}}}
    result = run(tmp_path, odd, "--format", "markdown")
    assert "## Every end\n\n### Queue\n\n| when |" in result.stdout
    (row,) = [line for line in result.stdout.splitlines() if "in a dead-letter queue" in line]
    assert r"A\|B\*c\~\$d\&amp;" in row
    assert row.replace(r"\|", "").count("|") == 8


def test_json_follows_the_described_schema(tmp_path):
    result = run(tmp_path, LOST, "--format", "json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert list(document) == [
        "version",
        "lost",
        "unwatched",
        "nodes",
        "links",
        "alarms",
        "sources",
        "loops",
        "notes",
    ]
    assert (document["version"], document["lost"]) == ("1.2", 1)
    stack = document["nodes"][0]["stack"]
    (told,) = [s for s in document["sources"] if s["node"] == f"{stack}/Queue"]
    assert told["fates"][0] == {
        "outcome": "expired",
        "lost": True,
        "at": f"{stack}/Queue",
        "hop": None,
        "condition": "Worker fails on every receive for 4 d",
        "path": [],
        "attempts": None,
        "soonest": 345_600,
        "latest": 345_600,
        "kept": None,
        "remedy": "give Queue a redrive policy to a dead-letter queue that takes it",
        "alarms": [],
        "unsure": [],
        "duplicates": None,
        "order": None,
    }


def test_the_flow_as_text_is_what_a_reviewer_reads():
    assert (
        as_text(flow_of(**LOST))
        == """\
losses
  LOST, expired at Queue (4 d): Worker fails on every receive for 4 d
places
  Dead: queue, keeps 14 d, hides 30 s
  Queue: queue, keeps 4 d, hides 30 s
  Worker: function, 3 s
links
  Queue -> Worker: poll [batch 10]
fates
  Dead
    outside at Dead: it waits in Dead for a consumer that stands in none of the templates; kept 14 d in Dead
  Queue
    LOST, expired at Queue (4 d): Worker fails on every receive for 4 d
    processed at Worker: Worker returns
    expired at Queue (4 d): it is not received within 4 d (a backlog that outlives the retention)
"""
    )


def test_the_order_of_the_template_changes_nothing():
    backwards = dict(reversed(list(LOST.items())))
    assert as_text(flow_of(**LOST)) == as_text(flow_of(**backwards))
    assert as_report(flow_of(**LOST)) == as_report(flow_of(**backwards))
    assert as_document(flow_of(**LOST)) == as_document(flow_of(**backwards))


def test_the_order_inside_a_resource_changes_nothing_either():
    variables = {"A_QUEUE": ref("Queue"), "B_QUEUE": ref("Queue")}
    pattern = {"source": ["shop"], "detail": {"state": ["new"], "kind": ["order"]}}
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn("Queue")}

    def told(turned):
        given = {
            **LOST,
            "Worker": function(Environment={"Variables": turned(variables)}),
            "Role": role(polls("Queue"), statement),
            "Rule": resource("AWS::Events::Rule", EventPattern=turned(pattern)),
        }
        flow = flow_of(**given)
        return as_text(flow), json.dumps(as_document(flow))

    assert told(dict) == told(lambda one: dict(reversed(one.items())))


def test_the_stack_is_named_only_where_there_are_several():
    two = read_flow({"A": {"Resources": {"Queue": queue()}}, "B": {"Resources": {"Queue": queue()}}})
    assert "  A/Queue: queue" in as_text(two)
    assert "  Queue: queue" in as_text(flow_of(Queue=queue()))


def test_a_flow_can_be_built_by_hand():
    from patterns.flow.model import Poll, Queue

    flow = Flow.build(
        [Queue(id="a", name="a", fifo=True), Node(id="f", name="f")], [Poll(id="p", source="a", target="f")]
    )
    assert [fate.outcome for fate in losses(flow)] == [Outcome.EXPIRED]


def test_an_edge_to_nowhere_is_refused():
    from patterns.flow.model import Poll, Queue

    with pytest.raises(PatternError) as refused:
        Flow.build([Queue(id="a", name="a")], [Poll(id="p", source="a", target="f")])
    assert str(refused.value) == "edges must join nodes of the flow, got 'p' with 'f'"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "?"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (5_430, "1 h 30 min"),
        (1_209_600, "14 d"),
        (86_401, "1 d 1 s"),
    ],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0, 0, "at once"),
        (60, 60, "1 min"),
        (0, 60, "up to 1 min"),
        (60, 3600, "1 min to 1 h"),
        (60, None, "from 1 min"),
        (0, None, "any time"),
    ],
)
def test_spans(low, high, said):
    assert span(low, high) == said


@pytest.mark.parametrize(("count", "said"), [(1, "1 receive"), (2, "2 receives"), (None, "? receives")])
def test_counts(count, said):
    assert times(count, "receive") == said


def test_what_cannot_be_told_is_said_once_and_its_mark_is_explained():
    resources = {
        "Topic": topic(),
        "Subscription": resource(
            "AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="https", Endpoint=ref("Url")
        ),
    }
    flow = read_flow({"S": {"Parameters": {"Url": {"Type": "String"}}, "Resources": resources}})
    report = as_report(flow)
    last = report.partition("WHAT COULD NOT BE TOLD")[2].strip().splitlines()
    assert last == [
        "- S, Parameters.Url: parameter Url has no value",
        "  - cannot be told: Endpoint of Subscription: parameter Url has no value",
    ]
    assert "\n(?) marks what depends on something that could not be told; the last section names it.\n" in report
    assert "(?)" not in as_report(flow_of(**LOST))


def test_a_source_outside_the_templates_is_called_what_it_is():
    elsewhere = "arn:aws:sns:eu-central-1:111122223333:orders"
    outside = resource("AWS::SNS::Subscription", TopicArn=elsewhere, Protocol="sqs", Endpoint=arn("Queue"))
    report = as_report(flow_of(Queue=queue(), Subscription=outside))
    assert "\nA message that enters at the topic orders (in no template) is lost when\n" in report
    assert "\nThe topic orders (in no template)\n" in report


def test_what_no_template_tells_is_called_by_its_place_in_a_sentence_that_can_be_read():
    target = {"Id": "t", "Arn": ref("Open")}
    parts = {
        "Rule": resource("AWS::Events::Rule", EventPattern={"source": ["shop"]}, Targets=[target]),
        "Topic": topic(Subscription=[{"Protocol": "https", "Endpoint": ref("Open")}]),
        "Subscription": resource(
            "AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="https", Endpoint=ref("Open")
        ),
    }
    report = as_report(opened(**parts))
    remedies = {line.strip() for line in report.splitlines() if line.strip().startswith("To keep it: give")}
    assert remedies >= {
        "To keep it: give the Targets[0] of Rule a dead-letter queue.",
        "To keep it: give the Subscription[0] of Topic a dead-letter queue.",
        "To keep it: give Subscription a dead-letter queue.",
    }
    reads = changed(mapping(), EventSourceArn=ref("Open"), StartingPosition="LATEST")
    report = as_report(opened(Worker=function(), Mapping=reads))
    assert "\nA message that enters at the EventSourceArn of Mapping is lost when\n" in report
    assert "\nThe EventSourceArn of Mapping\n" in report


def opened(**resources):
    """A flow whose parameter Open has no value."""
    return read_flow({"S": {"Parameters": {"Open": {"Type": "String"}}, "Resources": resources}})


def headline(flow):
    return as_report(flow).splitlines()[0]


def test_the_headline_is_no_more_certain_than_the_answers():
    one = {**KEPT, "Worker": function(ReservedConcurrentExecutions=ref("Open"))}
    assert headline(opened(**one)) == (
        "Messages enter at 1 place. Nothing is lost without a copy, as far as these templates tell: 1 answer depends on"
        " what they leave open."
    )
    several = {**KEPT, "Dead": queue(MessageRetentionPeriod=ref("Open"))}
    assert " templates tell: 2 answers depend on what they leave open." in headline(
        opened(**several, Other=queue("Dead"))
    )
    assert headline(flow_of(**KEPT)) == "Messages enter at 1 place. Nothing is lost without a copy."


def test_the_headline_says_how_many_sources_can_lose_messages_and_what_is_in_doubt():
    assert headline(flow_of(**LOST)) == "1 of 2 sources can lose messages, in 1 way."
    only = {key: part for key, part in LOST.items() if key != "Dead" and key != "Told"}
    assert headline(flow_of(**only)) == "The only source can lose messages, in 1 way."
    doubted = {**only, "Worker": function(ReservedConcurrentExecutions=ref("Open"))}
    assert headline(opened(**doubted)) == (
        "The only source can lose messages, in 1 way. 1 answer depends on what these templates leave open."
    )


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            resource("AWS::CloudFormation::Stack", TemplateURL="https://example.com/orders.yaml"),
            "No message enters anywhere in these templates, as far as they tell: the last section names what they leave"
            " open.",
        ),
        (resource("AWS::Logs::LogGroup"), "No message enters anywhere in these templates."),
    ],
    ids=["a nested stack that is not at hand", "everything is at hand"],
)
def test_where_something_is_not_at_hand_it_is_not_said_that_no_message_enters(template, said):
    assert headline(flow_of(Orders=template)) == said


def test_nothing_is_lost_as_far_as_what_is_at_hand_tells():
    nested = resource("AWS::CloudFormation::Stack", TemplateURL="https://example.com/orders.yaml")
    assert headline(flow_of(**KEPT, Orders=nested)).endswith(
        "Nothing is lost without a copy, as far as these templates tell: the last section names what they leave open."
    )


@pytest.mark.parametrize("as_lines", [as_report, lambda flow: as_report(flow, markdown=True), as_text])
def test_a_name_with_line_breaks_and_control_characters_stays_on_its_line(as_lines):
    odd = {**LOST, "Queue": {**LOST["Queue"], "Metadata": {"aws:cdk:path": "a/b\n\n# h\x1b[2J\u2028c\rd\u202e"}}}
    plain = as_lines(flow_of(**LOST)).replace("Queue", "b # h [2J c d")
    odd_lines = as_lines(flow_of(**odd))
    assert len(odd_lines.splitlines()) == len(plain.splitlines())
    assert not {"\x1b", "\u202e"} & set(odd_lines)
    assert "b" in odd_lines
