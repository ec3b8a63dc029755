"""In the repaired order system an order goes on to the next system, or is kept, for whoever placed it.

The emulator knows no loop detection, so the broken twin is never deployed here: its orders would go round for ever.
What stops them on AWS is asserted on its template and its flow (tests/test_app_snapshots.py).
"""

import json
from pathlib import Path

import pytest

from tests.e2e import poll
from tests.e2e.asynchronous import Inbox, logged
from tests.e2e.emulator import Emulator
from tests.e2e.scenarios import NO_ORDER, ORDER, ORDER_RECEIVES, ORDERS

FUNCTION_TIMEOUT = 2  # seconds, because time is real here


def synthesize(folder: Path) -> Path:
    """The repaired stack with short times."""
    from apps.app import CONTEXT  # finds Node.js, which must come first

    # isort: split
    import aws_cdk as cdk

    from apps.recursion.stack import OrdersStack

    app = cdk.App(
        context=CONTEXT, outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False
    )
    timeout = cdk.Duration.seconds(FUNCTION_TIMEOUT)
    OrdersStack(app, ORDERS, repaired=True, function_timeout=timeout, max_receive_count=ORDER_RECEIVES)
    cdk.Validations.of(app).acknowledge(
        cdk.Acknowledgment(
            id="Annotation::cdk-messaging-patterns:sqs-poll.max-receive-count",
            reason="real time: nobody waits for five visibility timeouts here",
        )
    )
    app.synth()
    return folder


@pytest.fixture(scope="module")
def outputs(emulator: Emulator) -> dict[str, str]:
    return emulator.deploy(synthesize(emulator.folder / "recursion"), [ORDERS])[ORDERS]


def test_an_order_is_processed_and_passed_on_and_one_without_a_number_is_kept(
    emulator: Emulator, outputs: dict[str, str]
) -> None:
    sqs = emulator.client("sqs")
    good = sqs.send_message(QueueUrl=outputs["QueueUrl"], MessageBody=ORDER)["MessageId"]
    sqs.send_message(QueueUrl=outputs["QueueUrl"], MessageBody=NO_ORDER)

    passed_on = Inbox(emulator, outputs["TargetUrl"]).wait('"111"')
    assert json.loads(passed_on["Body"]) == {**json.loads(ORDER), "orderStatus": "Processed"}
    assert logged(emulator, outputs["FunctionName"], "processed", good)["order_id"] == "111"

    kept = Inbox(emulator, outputs["DeadLettersUrl"]).wait("Nut")
    assert kept["Body"] == NO_ORDER
    assert poll.is_empty(sqs, outputs["QueueUrl"])
