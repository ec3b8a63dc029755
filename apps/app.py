"""The sample apps, built by one function so that tests and the CDK command line give the same templates."""

import json
from pathlib import Path

from patterns._node import require_node

require_node()

import aws_cdk as cdk  # noqa: E402 - Node.js must be found first

from apps.clinic.native_stacks import ClinicNativeDepartmentStack, ClinicNativeStack  # noqa: E402
from apps.clinic.relay_stack import ClinicRelayStack  # noqa: E402
from apps.error_handling.dead_letters_stack import DeadLettersStack  # noqa: E402
from apps.error_handling.destinations_stack import DestinationsStack  # noqa: E402
from apps.error_handling.event_bus_stack import EventBusStack  # noqa: E402
from apps.error_handling.poll_stack import PollStack  # noqa: E402
from apps.insurance_leads.stack import InsuranceLeadsStack  # noqa: E402
from apps.max_concurrency.stack import MaxConcurrencyStack  # noqa: E402
from apps.recursion.stack import OrdersStack  # noqa: E402

CONTEXT: dict[str, object] = json.loads(Path(__file__).with_name("..").joinpath("cdk.json").read_text())["context"]


def build_app(**options: object) -> cdk.App:
    """The app with every sample stack, with the feature flags of cdk.json.

    Args:
        options: passed to ``aws_cdk.App``, for example ``outdir``.
    """
    app = cdk.App(context=CONTEXT, **options)  # pyright: ignore[reportArgumentType]
    PollStack(app, "ErrorHandlingPoll")
    DestinationsStack(app, "ErrorHandlingDestinations")
    DeadLettersStack(app, "ErrorHandlingDeadLetters")
    EventBusStack(app, "ErrorHandlingEventBus")
    MaxConcurrencyStack(app, "MaxConcurrency")
    InsuranceLeadsStack(app, "InsuranceLeads")
    OrdersStack(app, "RecursionBroken", repaired=False)
    OrdersStack(app, "RecursionRepaired", repaired=True)
    ClinicRelayStack(app, "ClinicRelay")
    clinic = ClinicNativeStack(app, "ClinicNative")
    for department in ("Billing", "Scheduling"):
        ClinicNativeDepartmentStack(app, f"ClinicNative{department}", department=department, topic=clinic.topic)
    return app
