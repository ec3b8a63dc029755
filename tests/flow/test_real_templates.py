"""Templates that others wrote: every one is read, and in eleven of them every link was checked by hand.

The templates stay outside of the project; these tests are skipped where they are not at hand.
"""

from pathlib import Path

import pytest

from patterns.flow import as_text, losses, read_flow
from patterns.flow.explain import as_document, as_report
from patterns.flow.text import names_of

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FILES = sorted(path.name for path in CORPUS.glob("*.y*ml")) if CORPUS.is_dir() else []
BUS = "default event bus"

pytestmark = pytest.mark.skipif(not FILES, reason="the folder of real templates beside the project is not there")

# File → what each link joins, and the links on which (or nodes at which) something is lost.
EXPECTED: dict[str, tuple[set[tuple[str, str, str]], set[str]]] = {
    "apigw-sqs-lambda__template.yaml": (
        # The API's definition stands in another file, so its call does not show.
        {("MySqsQueue", "poll", "MyLambdaFunction")},
        {"MySqsQueue"},
    ),
    "eventbridge-sns__template.yaml": (
        {(BUS, "match", "EventRule"), ("EventRule", "delivery", "MySnsTopic")},
        {"MySnsTopic"},
    ),
    "lambda-destinations-sam__template.yaml": (
        {
            ("MainLambdaFunction", "destination", "OnFailureSqsQueue"),
            ("MainLambdaFunction", "destination", "OnSuccessLambdaFunction"),
        },
        # The function that takes the successes has no net of its own.
        {"OnSuccessLambdaFunction"},
    ),
    "s3-sns__template.yaml": ({("SourceBucket", "notification", "SNSTopic")}, set()),
    "eventbridge-pipes-kinesis-to-kinesis-with-filtering__template.yaml": (
        {
            ("Source", "poll", "NewCustomersPipe"),
            ("Source", "poll", "ExistingCustomersPipe"),
            ("NewCustomersPipe", "delivery", "NewCustomerOrdersTarget"),
            ("ExistingCustomersPipe", "delivery", "ExistingCustomerOrdersTarget"),
        },
        {"Source"},
    ),
    "eventbridge-pipes-ddbstream-to-eventbridge__template.yaml": (
        {
            ("DynamoDBUsersTable", "poll", "Pipe"),
            ("Pipe", "dead letter", "PipeDLQueue"),
            ("Pipe", "delivery", "ApplicationEventBus"),
        },
        # Its retries have no end, so when its queue is told of a record, the stream has it no longer.
        {"DynamoDBUsersTable"},
    ),
    "lambda-sns-sqs-lambda-sam-java__template.yml": (
        # The producer may publish to every topic and names none: no link can be told from that.
        {
            ("OrderSNSTopic", "subscription", "OrdersSqsQueue"),
            ("OrdersSqsQueue", "poll", "OrderConsumer"),
        },
        {"OrdersSqsQueue"},
    ),
    "s3-sqs-lambda-sam-java__template.yml": (
        {("S3FileBucket", "notification", "AuditQueue"), ("AuditQueue", "poll", "FileAudit")},
        {"AuditQueue"},
    ),
    "eventbridge-schedule-to-lambda-sam-go__template.yaml": (
        {("SchedulerLambdaFunctionSchedule", "delivery", "SchedulerLambdaFunction")},
        {"SchedulerLambdaFunction"},
    ),
    "eventbridge-api-destinations__2-slack__template.yaml": (
        {("MyEventBus", "match", "EventRule"), ("EventRule", "delivery", "MyApiDestination")},
        {"MyApiDestination"},
    ),
    "apigw-http-api-fifo-sqs-lambda-sns-sam__template.yaml": (
        {
            ("MySQSQueue", "poll", "MyLambdaFunction"),
            ("MySQSQueue", "redrive", "MyDeadLetterQueueForSQS"),
            ("MyLambdaFunction", "send", "MySNSTopic"),
        },
        set(),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_every_real_template_is_answered(name):
    flow = read_flow(CORPUS / name)
    assert as_text(flow) == as_text(read_flow(CORPUS / name))
    assert as_report(flow)
    assert as_document(flow)["version"] == "1.2"


def test_all_of_them_are_answered_as_one():
    flow = read_flow(CORPUS)
    assert len({node.stack for node in flow.nodes.values() if node.stack}) > 40
    assert as_report(flow)


@pytest.mark.parametrize("name", EXPECTED)
def test_links_and_losses_are_those_that_a_reader_finds(name):
    flow = read_flow(CORPUS / name)
    names = names_of(flow)
    links, lost = EXPECTED[name]
    assert {(names[e.source], e.kind, names[e.target]) for e in flow.edges.values()} == links
    assert {names[fate.at] for fate in losses(flow)} == lost
    assert [edge.verdict.why for edge in flow.edges.values() if edge.verdict.denied] == []
