"""What is sent to the sample stacks, and what must become of it: one table for the tests, the demo and the model.

`SCENARIOS`: one row is one message, with every end that it and its copies must come to, and no other. The end-to-end
tests send it; `tests/test_model_agrees.py` asks the templates. `UNSHOWN`: every other fate that the model tells of a
sample, with the reason why the emulator cannot show it.

Places are construct paths, in the row's own stack or, where they begin with the name of another sample, in that.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from patterns.flow.model import Outcome

# What is shortened for real time, in every sample: a received message is hidden for 12 seconds, a function that takes
# it stops after 10, and what fails is kept after one receive; after two in the sample that shows receives.
FUNCTION_TIMEOUT = 10  # seconds
VISIBILITY = 12  # seconds
RECEIVES = {"ErrorHandlingPoll": 2}
RECEIVE = 1
WORK_SECONDS = "0.2"  # what the concurrency sample does with a message: twelve of them, one after the other
ROUND = 1  # second, at least, that an order takes for a round in the broken order system


@dataclass(frozen=True)
class End:
    """Where a message, or one of its copies, ends.

    Attributes:
        outcome: how, in the words of the flow model.
        at: where.
        attempts: tries on the last hop; ``None`` where the emulator makes fewer than AWS.
        lost: whether the model must call it a loss.
    """

    outcome: Outcome
    at: str
    attempts: int | None = 1
    lost: bool = False


@dataclass(frozen=True)
class Scenario:
    """One message and all its ends.

    Attributes:
        stack: the sample it is given to.
        to: the queue, topic, bus or bucket it is given to.
        name: what the message is, for people.
        body: what is sent; for a bucket the key of an object.
        ends: every end.
        mark: what its copies are known by where code passes on a new message; else they are known by its id.
        batch: messages of one batch are sent in one SendMessageBatch.
        removed: for a bucket, whether the object is removed, not put.
        failing: functions that fail on everything by then.
        gone: what has been deleted by then.
        rounds: how often, at least, it must come back to where it was sent; it is stopped after that.
    """

    stack: str
    to: str
    name: str
    body: str
    ends: tuple[End, ...]
    mark: str = ""
    batch: str = ""
    removed: bool = False
    failing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    rounds: int = 0

    def __str__(self) -> str:
        return f"{self.stack}: {self.name}"


def processed(at: str) -> End:
    return End(Outcome.PROCESSED, at)


def outside(at: str) -> End:
    """It waits for a consumer, or a person, that no template knows."""
    return End(Outcome.OUTSIDE, at)


def dead(at: str, attempts: int = RECEIVE) -> End:
    return End(Outcome.DLQ, at, attempts)


def undelivered(at: str) -> End:
    """In the dead-letter queue of a delivery: SNS tries 100,015 times, the emulator once."""
    return End(Outcome.DLQ, at, None)


def recorded(at: str, attempts: int = 3) -> End:
    return End(Outcome.DESTINATION, at, attempts)


def filtered(at: str, lost: bool = False) -> End:
    return End(Outcome.FILTERED, at, 0, lost)


# --- error handling --------------------------------------------------------------------------------

POLL, DESTINATIONS, DEAD_LETTERS, EVENT_BUS = (
    "ErrorHandlingPoll",
    "ErrorHandlingDestinations",
    "ErrorHandlingDeadLetters",
    "ErrorHandlingEventBus",
)
GOOD, POISON, NOT_JSON = '{"pass": true}', '{"pass": false}', "certainly not JSON"
GOOD_UNREPORTED, POISON_UNREPORTED = '{"pass": true, "report": false}', '{"pass": false, "report": false}'


def polled() -> Iterator[Scenario]:
    good, kept = (processed("Function"),), (dead("Poll/DeadLetters", 2),)
    to = "Poll/Queue"
    yield Scenario(POLL, to, "good", GOOD, good)
    yield Scenario(POLL, to, "poison", POISON, kept)
    yield Scenario(POLL, to, "batch: good, first", GOOD, good, batch="batch")
    yield Scenario(POLL, to, "batch: poison", POISON, kept, batch="batch")
    yield Scenario(POLL, to, "batch: not JSON", NOT_JSON, kept, batch="batch")
    yield Scenario(POLL, to, "batch: good, last", GOOD, good, batch="batch")


def asynchronous() -> Iterator[Scenario]:
    to, function, failures, gone = "Source/Topic", processed("Function"), "Net/OnFailure", "Source/Undelivered"

    yield Scenario(DESTINATIONS, to, "good", GOOD, (function, outside("Results")))
    yield Scenario(DESTINATIONS, to, "poison", POISON, (recorded(failures),))
    yield Scenario(DESTINATIONS, to, "not JSON", NOT_JSON, (recorded(failures),))
    yield Scenario(DESTINATIONS, to, "function gone", GOOD, (undelivered(gone),), gone=("Function",))

    yield Scenario(DEAD_LETTERS, to, "good", GOOD, (function,))
    yield Scenario(DEAD_LETTERS, to, "poison", POISON, (dead(failures, 3),))
    yield Scenario(DEAD_LETTERS, to, "not JSON", NOT_JSON, (dead(failures, 3),))
    yield Scenario(DEAD_LETTERS, to, "function gone", GOOD, (undelivered(gone),), gone=("Function",))

    yield Scenario(EVENT_BUS, to, "good", GOOD, (function, processed("OnSuccess")))
    yield Scenario(EVENT_BUS, to, "poison", POISON, (processed("OnFailure"),))
    yield Scenario(
        EVENT_BUS, to, "good, cannot be reported", GOOD_UNREPORTED, (function, recorded("Successes/Net/OnFailure"))
    )
    yield Scenario(
        EVENT_BUS, to, "poison, cannot be reported", POISON_UNREPORTED, (recorded("Failures/Net/OnFailure"),)
    )
    yield Scenario(EVENT_BUS, to, "function gone", GOOD, (undelivered(gone),), gone=("Function",))


# --- maximum concurrency ---------------------------------------------------------------------------

CONCURRENCY = "MaxConcurrency"


def bursts() -> Iterator[Scenario]:
    """The emulator's poller invokes one batch at a time: nothing is throttled, so what fails a message is an error."""
    halves = ("Reserved", "Maximum")
    for half in halves:
        for number in range(1, 13):
            function = processed(f"{half}/Function")
            yield Scenario(CONCURRENCY, f"{half}/Poll/Queue", f"{half}, {number} of 12", "testing", (function,))
    failing = tuple(f"{half}/Function" for half in halves)
    for half in halves:
        kept = (dead(f"{half}/Poll/DeadLetters"),)
        yield Scenario(CONCURRENCY, f"{half}/Poll/Queue", f"{half}, failing", "testing", kept, failing=failing)


# --- insurance leads -------------------------------------------------------------------------------

LEADS = "InsuranceLeads"
AUTO_KEYS = (
    "auto-insurance-7156.xml",
    "auto-",
    "auto-with space+plus&Umlaut-ü-日本.xml",
    "auto-%2F\"quoted\"-'x'.xml",
)
HOME_KEYS = ("home-insurance-1.xml", "home-/nested/folder/auto-1.xml", "home-insurance-withdrawn.xml")
OTHER_KEYS = ("life-insurance-1.xml", "AUTO-in-capitals.xml", "x/auto-1.xml", "über-1.xml", "auto.xml", "日本")
FROM_ELSEWHERE = "from elsewhere"
QUEUES = ("Auto/Poll/Queue", "Home/Poll/Queue", "Audit/Poll/Queue")


def half_a_notification(key: str) -> str:
    """One record that a department wants, and one that its function cannot read."""
    record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}}
    return json.dumps({"Records": [record, {"eventName": "ObjectCreated:Put"}]})


def leads() -> Iterator[Scenario]:
    departments = {"Auto": ("Home", AUTO_KEYS), "Home": ("Auto", HOME_KEYS)}
    audit = processed("Audit/Function")
    unwanted = (filtered("Auto/Poll/Queue"), filtered("Home/Poll/Queue"), audit, outside("Audit/Unmatched"))
    for name, (other, keys) in departments.items():
        for key in keys:
            ends = (processed(f"{name}/Function"), filtered(f"{other}/Poll/Queue"), audit)
            yield Scenario(LEADS, "Leads", key, key, ends)
    for key in OTHER_KEYS:
        yield Scenario(LEADS, "Leads", key, key, unwanted)
    yield Scenario(LEADS, "Leads", "a lead that is removed again", HOME_KEYS[-1], unwanted, removed=True)
    yield Scenario(LEADS, "Events/Topic", "no notification", FROM_ELSEWHERE, unwanted, mark=FROM_ELSEWHERE)
    for name, (other, _) in departments.items():
        ends = (dead(f"{name}/Poll/DeadLetters"), filtered(f"{other}/Poll/Queue"), audit)
        body = half_a_notification(f"{name.lower()}-halved.xml")
        yield Scenario(LEADS, "Events/Topic", f"half a notification for {name}", body, ends, mark=body)
    for name, (other, _) in departments.items():
        key = f"{name.lower()}-unaudited.xml"
        ends = (processed(f"{name}/Function"), filtered(f"{other}/Poll/Queue"), dead("Audit/Poll/DeadLetters"))
        yield Scenario(LEADS, "Leads", f"{name}, audit failing", key, ends, failing=("Audit/Function",))
    for name, (other, _) in departments.items():
        key = f"{name.lower()}-undelivered.xml"
        ends = (
            undelivered(f"Events/Subscriptions/{name}/Undelivered"),
            filtered(f"{other}/Poll/Queue"),
            undelivered("Events/Unmatched/Undelivered"),
        )
        yield Scenario(LEADS, "Leads", f"{name}, queues gone", key, ends, gone=QUEUES)


# --- recursion -------------------------------------------------------------------------------------

BROKEN, REPAIRED = "RecursionBroken", "RecursionRepaired"
ORDER = '{"orderId": "111", "productName": "Bolt", "orderStatus": "Submitted"}'
PROCESSED_ORDER = '{"orderId": "112", "productName": "Bolt", "orderStatus": "Processed"}'
NO_ORDER = '{"productName": "Nut"}'


def orders() -> Iterator[Scenario]:
    to, function, kept = "Orders/Queue", processed("Function"), dead("Orders/DeadLetters")
    yield Scenario(REPAIRED, to, "order", ORDER, (function, outside("Processed")), mark="111")
    yield Scenario(REPAIRED, to, "no order", NO_ORDER, (kept,))
    # The code of the broken twin sends nothing there; who else may, can.
    yield Scenario(BROKEN, "Processed", "order for the next system", PROCESSED_ORDER, (outside("Processed"),))
    yield Scenario(BROKEN, to, "no order", NO_ORDER, (kept,))
    yield Scenario(BROKEN, to, "order that goes round", ORDER, (function,), mark="111", rounds=3)


# --- clinic ----------------------------------------------------------------------------------------

RELAY, NATIVE = "ClinicRelay", "ClinicNative"
NATIVE_STACKS = (NATIVE, "ClinicNativeBilling", "ClinicNativeScheduling")
DEPARTMENTS = ("Billing", "Scheduling")
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
# message -> the departments that may have it
CLINIC = {
    "The appointment is on Monday at nine": DEPARTMENTS,
    "SSN: 123-12-1234": (),
    "410 Terry Ave N, Seattle 98109, WA": ("Billing",),
    "NDC: 0777-3105-02": ("Scheduling",),
    "paid by card 4929 1234 5678 9015": ("Billing",),
    "passport 340020013": (),
    "driver's license D1234567": DEPARTMENTS,
    "write to ana.diaz@example.com": DEPARTMENTS,
    "from 203.0.113.7": DEPARTMENTS,
    f"secret key {SECRET_KEY}": DEPARTMENTS,
}
HARMLESS = "Please call"
RELAY_FAILS = f"Please call, secret key {SECRET_KEY}"


def relayed() -> Iterator[Scenario]:
    to, relay, quarantine = "Relay/Ingress", processed("Relay/Function"), "Relay/Quarantine"
    functions = tuple(f"{name}/Function" for name in DEPARTMENTS)
    queues = tuple(f"{name}/Poll/Queue" for name in DEPARTMENTS)
    for text, departments in CLINIC.items():
        ends = [relay]
        if departments:  # else the relay publishes nothing
            for name in DEPARTMENTS:
                ends.append(processed(f"{name}/Function") if name in departments else filtered(f"{name}/Poll/Queue"))
        if departments != DEPARTMENTS:
            ends.append(outside(quarantine))
        yield Scenario(RELAY, to, text, text, tuple(ends), mark=text)
    # Past the relay, which alone may publish there: no subscriber is named.
    nobody = (filtered("Relay/Topic", lost=True), *map(filtered, queues))
    yield Scenario(RELAY, "Relay/Topic", "for nobody", HARMLESS, nobody)
    text = "Departments, please call"
    kept = (relay, *(dead(f"{name}/Poll/DeadLetters") for name in DEPARTMENTS))
    yield Scenario(RELAY, to, "departments failing", text, kept, mark=text, failing=functions)
    text = "Departments, please call back"
    kept = (relay, *(undelivered("Relay/Undelivered") for _ in DEPARTMENTS))
    yield Scenario(RELAY, to, "departments' queues gone", text, kept, mark=text, gone=queues)
    yield Scenario(RELAY, to, "topic gone", RELAY_FAILS, (recorded(quarantine),), gone=("Relay/Topic",))
    kept = (undelivered("Relay/Link/Undelivered"),)
    yield Scenario(RELAY, to, "relay gone", HARMLESS, kept, gone=("Relay/Function",))


def native() -> Iterator[Scenario]:
    """Without anything sensitive: the emulator has no data protection."""
    stacks = {name: f"{NATIVE}{name}" for name in DEPARTMENTS}
    functions = tuple(f"{stack}/{name}/Function" for name, stack in stacks.items())
    queues = tuple(f"{stack}/{name}/Poll/Queue" for name, stack in stacks.items())
    to = "Clinic/Topic"
    yield Scenario(NATIVE, to, "harmless", HARMLESS, tuple(map(processed, functions)))
    kept = tuple(dead(f"{stack}/{name}/Poll/DeadLetters") for name, stack in stacks.items())
    yield Scenario(NATIVE, to, "departments failing", HARMLESS, kept, failing=functions)
    kept = tuple(undelivered(f"{stack}/Undelivered") for stack in stacks.values())
    yield Scenario(NATIVE, to, "departments' queues gone", HARMLESS, kept, gone=queues)


SCENARIOS = (*polled(), *asynchronous(), *bursts(), *leads(), *orders(), *relayed(), *native())


# --- what is not shown -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Unshown:
    """Fates that the model tells and the emulator cannot show.

    Attributes:
        why: the reason.
        outcome: how the fates end.
        when: words of their condition, without the names of what stands in the template.
        at: where each of them ends, by sample.
    """

    why: str
    outcome: Outcome
    when: str
    at: dict[str, tuple[str, ...]]

    def is_for(self, outcome: Outcome, condition: str) -> bool:
        """Whether it is for fates that end so, under such a condition (the last one where several led there)."""
        return outcome is self.outcome and self.when in condition.rpartition("; then ")[2]


UNSHOWN = (
    Unshown(
        "a backlog that outlives the retention takes four days, and the emulator expires nothing",
        Outcome.EXPIRED,
        "a backlog that outlives the retention",
        {
            POLL: ("Poll/Queue",),
            CONCURRENCY: ("Reserved/Poll/Queue", "Maximum/Poll/Queue"),
            LEADS: QUEUES,
            BROKEN: ("Orders/Queue",),
            REPAIRED: ("Orders/Queue",),
            RELAY: ("Billing/Poll/Queue", "Scheduling/Poll/Queue"),
            NATIVE: ("ClinicNativeBilling/Billing/Poll/Queue", "ClinicNativeScheduling/Scheduling/Poll/Queue"),
        },
    ),
    Unshown(
        "an event is given up after six hours without a free execution environment, and the emulator always has one",
        Outcome.DESTINATION,
        "cannot be run within 6 h",
        {
            DESTINATIONS: ("Net/OnFailure",),
            EVENT_BUS: ("Failures/Net/OnFailure", "Successes/Net/OnFailure"),
            RELAY: ("Relay/Quarantine",),
        },
    ),
    Unshown(
        "an event is given up after six hours without a free execution environment, and the emulator always has one",
        Outcome.DLQ,
        "cannot be run within 6 h",
        {DEAD_LETTERS: ("Net/OnFailure",)},
    ),
    Unshown(
        "the emulator accepts the dead-letter queue of a rule's target and puts nothing into it",
        Outcome.DLQ,
        "it cannot be delivered to",
        {EVENT_BUS: ("Failures/Undelivered", "Successes/Undelivered")},
    ),
    Unshown(
        "the emulator has no data protection: the policy is taken out before the stack is deployed",
        Outcome.REJECTED,
        "the publisher gets an error",
        {NATIVE: ("Clinic/Topic",)},
    ),
    Unshown(
        "the emulator has no data protection: the policy is taken out before the stack is deployed",
        Outcome.BLOCKED,
        "only delivery logs show it",
        {NATIVE: ("Clinic/Topic", "Clinic/Topic")},
    ),
)
