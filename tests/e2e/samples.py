"""Deploy the sample stacks, send them their scenarios, and find out where each message and each copy of it went.

Where a message is looked for is not what the flow model says but everywhere: in every queue that nothing polls, and in
what the emulator gave to every function.
"""

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from patterns.flow.model import Outcome
from tests.e2e.assembly import paths, spare, stacks_of
from tests.e2e.emulator import Emulator
from tests.e2e.fetch import eventually, is_empty, receive
from tests.e2e.scenarios import End, Scenario

TIMEOUT = 90  # seconds for one stage; two visibility timeouts are 24
STILL = 10  # seconds without a change after which no more is hoped for, when each message is somewhere
QUIET = 2  # seconds in which nothing more may come, when all is where it must be


# --- where a message was found ---------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """One place where a message, or a copy of it, was found.

    Attributes:
        end: the place in the words of the table.
        message: as it came out of the queue; empty for what a function has processed.
    """

    end: End
    message: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def body(self) -> Any:
        """The message's body, parsed."""
        return json.loads(self.message["Body"])


@dataclass
class Seen:
    """What became of the message of one scenario.

    Attributes:
        scenario: the row of the table.
        id: the id that the service gave the message; for a bucket the key.
        event: for a bucket, the event that S3 tells of.
        found: where it was found.
    """

    scenario: Scenario
    id: str
    event: str = ""
    found: list[Found] = field(default_factory=list)

    @property
    def marks(self) -> set[str]:
        """Texts that all stand in this message and its copies, and in no other."""
        if self.scenario.mark:
            return {self.scenario.mark}
        return {self.id, self.event} if self.event else {self.id}

    @property
    def ends(self) -> Counter[End]:
        """Where it was found."""
        return Counter(each.end for each in self.found)

    @property
    def due(self) -> Counter[End]:
        """Where it must be found: what a filter keeps from somebody is seen nowhere."""
        return Counter(replace(end, lost=False) for end in self.scenario.ends if end.outcome is not Outcome.FILTERED)

    @property
    def as_expected(self) -> bool:
        """Whether it was found at every end of the table and nowhere else, after as many attempts as it must."""
        if self.scenario.rounds:
            return set(self.ends) == set(self.due) and min(self.ends.values()) >= self.scenario.rounds
        return self.ends == self.due

    def at(self, place: str) -> Found:
        """The one copy that was found at a place."""
        [found] = [each for each in self.found if each.end.at == place]
        return found


class Samples:
    """Sample stacks in an emulator.

    Args:
        emulator: it runs.
        assembly: what `synthesize` made.
        samples: names of the samples to deploy.

    Attributes:
        outputs: by stack and name.
        seen: what was sent, in the order of the table.
    """

    def __init__(self, emulator: Emulator, assembly: Path, samples: Sequence[str]) -> None:
        stacks = [stack for sample in samples for stack in stacks_of(sample)]
        spare(assembly)
        self.outputs = emulator.deploy(assembly, stacks)
        self.seen: list[Seen] = []
        self._emulator = emulator
        self._sqs = emulator.client("sqs")
        self._resources = {stack: dict(self._deployed(assembly, stack)) for stack in stacks}
        polled = {each["EventSourceArn"] for each in self._mappings()}
        queues = [
            (f"{stack}/{path}", url)
            for stack, resources in self._resources.items()
            for path, (kind, url) in resources.items()
            if kind == "AWS::SQS::Queue"
        ]
        arns = {url: self._arn(url) for _, url in queues}
        self._ends = {place: url for place, url in queues if arns[url] not in polled}
        self._waiting = {place: url for place, url in queues if arns[url] in polled}
        undelivered = set(self._undelivered())
        self._undelivered_to = {place for place, url in self._ends.items() if arns[url] in undelivered}
        self._functions = {
            name: f"{stack}/{path}"
            for stack, resources in self._resources.items()
            for path, (kind, name) in resources.items()
            if kind == "AWS::Lambda::Function"
        }
        self._messages: dict[str, dict[str, Mapping[str, Any]]] = {place: {} for place in self._ends}

    def run(self, scenarios: Sequence[Scenario], progress: Callable[[int], None] = lambda _: None) -> list[Seen]:
        """Send every scenario and look until each is where it must be and nothing is left on its way, or for long
        enough. First those for which everything works; what fails or is gone stays so.
        """
        stages: dict[str, list[list[Scenario]]] = {}
        for (sample, *_), rows in itertools.groupby(scenarios, key=lambda r: (r.stack, r.failing, r.gone, r.rounds)):
            stages.setdefault(sample, []).append(list(rows))
        ran: list[Seen] = []
        for stage in itertools.zip_longest(*stages.values(), fillvalue=()):
            rows = [row for group in stage for row in group]
            self._break(rows)
            sent = [seen for group in stage for seen in self._send(group)]
            self.seen += sent
            ran += sent
            try:
                self._watch(sent, ran, progress)
            finally:
                self._stop({row.stack for row in rows if row.rounds})
        order = {id(row): number for number, row in enumerate(scenarios)}
        return sorted(ran, key=lambda seen: order[id(seen.scenario)])

    def message(self, stack: str, name: str) -> Seen:
        """The message of one row of the table."""
        [seen] = [each for each in self.seen if (each.scenario.stack, each.scenario.name) == (stack, name)]
        return seen

    def strays(self, stack: str) -> list[Mapping[str, Any]]:
        """What was found in a queue of a stack and is no message of the table, nor a copy of one."""
        known = {found.message.get("MessageId") for seen in self.seen for found in seen.found}
        return [
            message
            for place, messages in self._messages.items()
            for key, message in messages.items()
            if place.startswith(f"{stack}/") and key not in known
        ]

    # --- the deployed resources ----------------------------------------------------------------------

    def _deployed(self, assembly: Path, stack: str) -> Iterator[tuple[str, tuple[str, str]]]:
        """Type and physical id of the resources of a stack, by construct path."""
        cloudformation = self._emulator.client("cloudformation")
        listed = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        made = {each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"]) for each in listed}
        for path, logical_id in paths(assembly, stack).items():
            if logical_id in made:
                yield path, made[logical_id]

    def _resource(self, sample: str, place: str) -> tuple[str, str]:
        stack, _, path = place.partition("/")
        if stack not in self._resources:
            stack, path = sample, place
        return self._resources[stack][path]

    def _arn(self, url: str) -> str:
        return self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def _mappings(self) -> list[dict[str, Any]]:
        return self._emulator.client("lambda").list_event_source_mappings()["EventSourceMappings"]

    def _undelivered(self) -> Iterator[str]:
        """The dead-letter queues of the subscriptions."""
        sns = self._emulator.client("sns")
        for page in sns.get_paginator("list_subscriptions").paginate():
            for each in page["Subscriptions"]:
                attributes = sns.get_subscription_attributes(SubscriptionArn=each["SubscriptionArn"])["Attributes"]
                if "RedrivePolicy" in attributes:
                    yield json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]

    # --- what is broken on purpose -------------------------------------------------------------------

    def _break(self, rows: Sequence[Scenario]) -> None:
        failing = {(row.stack, "failing", place) for row in rows for place in row.failing}
        gone = {(row.stack, "gone", place) for row in rows for place in row.gone}
        functions = self._emulator.client("lambda")
        for sample, how, place in sorted(failing | gone):
            kind, name = self._resource(sample, place)
            if how == "failing":
                # A handler that takes no event: every invocation ends with an error.
                functions.update_function_configuration(FunctionName=name, Handler="math.sqrt")
                functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
            elif kind == "AWS::SQS::Queue":
                self._unpolled(self._arn(name))
                self._waiting = {at: url for at, url in self._waiting.items() if url != name}
                self._sqs.delete_queue(QueueUrl=name)
            elif kind == "AWS::SNS::Topic":
                self._emulator.client("sns").delete_topic(TopicArn=name)
            else:
                functions.delete_function(FunctionName=name)
                eventually(lambda name=name: self._without(name), f"the end of {name}")

    def _unpolled(self, queue: str) -> None:
        """Poll a queue no more: the emulator would ask for one that is gone again and again."""
        for each in self._mappings():
            if each["EventSourceArn"] == queue:
                self._emulator.client("lambda").delete_event_source_mapping(UUID=each["UUID"])

    def _without(self, function: str) -> bool | None:
        client = self._emulator.client("lambda")
        try:
            client.get_function(FunctionName=function)
        except client.exceptions.ResourceNotFoundException:
            return True
        return None

    def _stop(self, stacks: set[str]) -> None:
        """Let what goes round in a stack go round no more."""
        names = {name for name, place in self._functions.items() if place.partition("/")[0] in stacks}
        for each in self._mappings() if stacks else ():
            if each["FunctionArn"].rpartition(":")[2] in names:
                self._emulator.client("lambda").update_event_source_mapping(UUID=each["UUID"], Enabled=False)

    # --- sending ---------------------------------------------------------------------------------------

    def _send(self, rows: Sequence[Scenario]) -> Iterator[Seen]:
        for batch, group in itertools.groupby(rows, key=lambda row: row.batch):
            if not batch:
                yield from (Seen(row, *self._send_one(row)) for row in group)
                continue
            together = list(group)
            entries = [{"Id": str(number), "MessageBody": row.body} for number, row in enumerate(together)]
            url = self._resource(together[0].stack, together[0].to)[1]
            answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
            assert not answer.get("Failed"), answer["Failed"]
            ids = {int(each["Id"]): each["MessageId"] for each in answer["Successful"]}
            yield from (Seen(row, ids[number]) for number, row in enumerate(together))

    def _send_one(self, row: Scenario) -> tuple[str, ...]:
        kind, to = self._resource(row.stack, row.to)
        if kind == "AWS::SQS::Queue":
            return (self._sqs.send_message(QueueUrl=to, MessageBody=row.body)["MessageId"],)
        if kind == "AWS::SNS::Topic":
            return (self._emulator.client("sns").publish(TopicArn=to, Message=row.body)["MessageId"],)
        if kind == "AWS::Events::EventBus":
            event = {"EventBusName": to, **json.loads(row.body)}
            return (self._emulator.client("events").put_events(Entries=[event])["Entries"][0]["EventId"],)
        s3 = self._emulator.client("s3")
        if row.removed:
            s3.delete_object(Bucket=to, Key=row.body)
            return row.body, "ObjectRemoved:Delete"
        s3.put_object(Bucket=to, Key=row.body, Body=b"<lead/>")
        return row.body, "ObjectCreated:Put"

    # --- looking -----------------------------------------------------------------------------------------

    def _watch(self, sent: Sequence[Seen], ran: Sequence[Seen], progress: Callable[[int], None]) -> None:
        end, since, before = time.monotonic() + TIMEOUT, 0.0, None
        while time.monotonic() < end:
            self._look()
            progress(sum(bool(seen.found) for seen in ran))
            expected = all(seen.as_expected for seen in sent)
            if expected and any(seen.scenario.rounds for seen in sent):
                return  # it never gets quiet
            now = [seen.ends for seen in ran] if self._nothing_waits(sent) else None
            if now is None or now != before:
                since, before = time.monotonic(), now
            # Where something is not as it must be, what is missing may still come.
            somewhere = all(seen.found or not seen.due for seen in sent)
            patience = QUIET if expected else STILL if somewhere else TIMEOUT
            if before is not None and time.monotonic() - since >= patience:
                return
            time.sleep(0.5)

    def _nothing_waits(self, sent: Sequence[Seen]) -> bool:
        stacks = {stack for seen in sent for stack in stacks_of(seen.scenario.stack)}
        round_and_round = {seen.scenario.stack for seen in sent if seen.scenario.rounds}
        return all(
            is_empty(self._sqs, url)
            for place, url in self._waiting.items()
            if (stack := place.partition("/")[0]) in stacks and stack not in round_and_round
        )

    def _look(self) -> None:
        for place, url in self._ends.items():
            # The first receive has the count.
            self._messages[place] = {**receive(self._sqs, url), **self._messages[place]}
        given = [each for each in self._emulator.invocations() if each["function"] in self._functions]
        found = list(self._processed(given))
        for place, messages in self._messages.items():
            for key, message in messages.items():
                end = self._end(place, message, given)
                found.append((place, Found(end, message), {key, *_leaves(message["Body"])}))
        for seen in self.seen:
            stacks = stacks_of(seen.scenario.stack)
            seen.found = [
                _within(seen.scenario.stack, each)
                for place, each, texts in found
                if place.partition("/")[0] in stacks and seen.marks <= texts
            ]

    def _processed(self, given: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Found, set[str]]]:
        """What the functions were given and did not fail on, each with how often they were given it."""
        items = [(each, *item) for each in given for item in _items(each)]
        often = Counter((each["function"], key) for each, key, _, _ in items)
        for each, key, item, failed in items:
            if not failed:
                place = self._functions[each["function"]]
                attempts = often[each["function"], key]
                yield place, Found(End(Outcome.PROCESSED, place, attempts)), set(_leaves(item))

    def _end(self, place: str, message: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> End:
        """How a message came to lie in a queue, by what it carries."""
        attributes = message["Attributes"]
        if "DeadLetterQueueSourceArn" in attributes:  # by SQS, which counts receives; one of them was ours
            return End(Outcome.DLQ, place, int(attributes["ApproximateReceiveCount"]) - 1)
        body = _parsed(message["Body"])
        if isinstance(body, dict) and (context := body.get("requestContext")):  # by Lambda, a record
            outcome = Outcome.OUTSIDE if context["condition"] == "Success" else Outcome.DESTINATION
            return End(outcome, place, context["approximateInvokeCount"])
        if "ErrorCode" in message.get("MessageAttributes", {}):  # by Lambda, the event itself
            return End(Outcome.DLQ, place, sum(json.loads(each["event"]) == body for each in given))
        if place in self._undelivered_to:  # by SNS
            return End(Outcome.DLQ, place, None)
        return End(Outcome.OUTSIDE, place)


def _within(sample: str, found: Found) -> Found:
    """The place in the words of a row of this sample."""
    end = found.end
    return Found(End(end.outcome, end.at.removeprefix(f"{sample}/"), end.attempts), found.message)


def _items(invocation: Mapping[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """What a function was given at once, each with what tells it from others and whether it failed on it."""
    event, answer = json.loads(invocation["event"]), _parsed(invocation["answer"])
    records = event.get("Records", [])
    if not all("messageId" in record for record in records) or not records:
        yield invocation["request"], event, invocation["failed"]
        return
    failures = answer.get("batchItemFailures", []) if isinstance(answer, dict) else []
    failed = {each["itemIdentifier"] for each in failures}
    for record in records:
        yield record["messageId"], record, invocation["failed"] or record["messageId"] in failed


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _leaves(value: Any) -> Iterator[str]:
    """Every text in a document, those inside a text that is a document too; URL-encoded ones also decoded."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value
        yield unquote_plus(value)
        if value.startswith(("{", "[")):
            yield from _leaves(_parsed(value))
