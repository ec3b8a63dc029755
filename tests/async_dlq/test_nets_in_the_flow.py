"""The nets of versions and of buckets are seen: nothing is called lost that is kept."""

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler

from patterns.async_dlq import AsyncDlq, EventBridgeAsync, ScheduleAsync, SnsAsync
from patterns.flow import losses, read_flow
from patterns.flow.model import Destination
from tests._synth import new_app, new_function, new_stack, synth, template_of

HOURLY = scheduler.ScheduleExpression.rate(cdk.Duration.hours(1))
LINKS: dict[str, Callable[[cdk.Stack, Any], object]] = {
    "topic": lambda stack, function: SnsAsync(stack, "Link", function=function),
    "rule": lambda stack, function: EventBridgeAsync(
        stack, "Link", function=function, event_pattern={"source": ["shop"]}
    ),
    "schedule": lambda stack, function: ScheduleAsync(stack, "Link", function=function, schedule=HOURLY),
}


@pytest.mark.parametrize("source", LINKS)
def test_an_event_for_a_version_is_kept_when_it_fails(source: str) -> None:
    stack = new_stack()
    LINKS[source](stack, new_function(stack).current_version)
    assert losses(read_flow({"Stack": template_of(stack)})) == []


@pytest.mark.parametrize("place", [None, cdk.Environment(account="111122223333", region="eu-west-1")])
def test_a_bucket_may_be_written_below_the_prefix_that_lambda_uses(place: Any) -> None:
    stack = new_stack(env=place)
    AsyncDlq(stack, "Net", function=new_function(stack), on_failure=s3.Bucket(stack, "Failures"))
    flow = read_flow(synth(stack))
    [edge] = flow.edges_of(Destination)
    assert edge.verdict.allowed
    assert losses(flow) == []


def test_an_app_may_have_a_stack_without_resources() -> None:
    app = new_app()
    new_stack("Empty", app)
    stack = new_stack("Full", app)
    AsyncDlq(stack, "Net", function=new_function(stack))
    assert losses(read_flow(synth(app))) == []
