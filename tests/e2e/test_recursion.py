"""In the repaired order system an order goes on to the next system, processed.

Where each order goes is in the table, also what goes round in the broken twin: the emulator knows no loop detection,
so it is stopped from here after three rounds.
"""

import json

from tests.e2e.samples import Samples
from tests.e2e.scenarios import NO_ORDER, ORDER, REPAIRED

SAMPLES = (REPAIRED,)


def test_an_order_is_passed_on_and_says_that_it_was_processed(samples: Samples) -> None:
    passed_on = samples.message(REPAIRED, "order").at("Processed")
    assert passed_on.body == {**json.loads(ORDER), "orderStatus": "Processed"}


def test_what_is_no_order_is_kept_as_it_came(samples: Samples) -> None:
    assert samples.message(REPAIRED, "no order").at("Orders/DeadLetters").message["Body"] == NO_ORDER
