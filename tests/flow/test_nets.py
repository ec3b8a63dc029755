"""Where a failed message is put: what is there, and what becomes of it from there on."""

from patterns.flow import Outcome
from tests.flow.parts import allow, arn, dead_letters, end, flow_of, queue, resource, role


def test_a_subscriber_of_a_new_bus_puts_a_description_aside_and_the_bus_keeps_the_event():
    days = {"RetentionPeriodInDays": 3}
    subscriber = resource(
        "AWS::EventsV2::Subscriber",
        EventBusArn=arn("Bus"),
        InvokeConfiguration={"TargetArn": arn("Queue"), "RoleArn": arn("Role")},
        OnFailureConfiguration={"Arn": arn("Failed")},
    )
    told = end(
        flow_of(
            Bus=resource("AWS::EventsV2::EventBus", Name="new", StorageConfiguration=days),
            Subscriber=subscriber,
            Queue=queue(),
            Failed=dead_letters(),
            Role=role(allow([arn("Queue"), arn("Failed")], "sqs:SendMessage")),
        ),
        "Bus",
        Outcome.DLQ,
    )
    assert told.condition.endswith("; Failed gets a description of it, and only Bus keeps the event")
    assert told.kept is not None
    assert (told.at, told.kept.place, told.kept.at_least, told.kept.at_most) == (
        "S/Failed",
        "S/Bus",
        3 * 86_400 - 300,
        3 * 86_400,
    )
