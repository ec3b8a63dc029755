"""Every file that comes or goes is with its department, or with a person who looks at what no department wants.

Real uploads to the deployed bucket; each is followed by its key.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from tests.e2e import poll
from tests.e2e.asynchronous import Inbox, eventually
from tests.e2e.emulator import Emulator

STACK = "InsuranceLeads"
FUNCTION_TIMEOUT = 5  # seconds

AUTO = ["auto-insurance-7156.xml", "auto-", "auto-with space+plus&Umlaut-ü-日本.xml", "auto-%2F\"quoted\"-'x'.xml"]
HOME = ["home-insurance-1.xml", "home-/nested/folder/auto-1.xml"]
NEITHER = ["life-insurance-1.xml", "AUTO-in-capitals.xml", "x/auto-1.xml", "über-1.xml", "auto.xml", "日本"]
REMOVED = "home-insurance-withdrawn.xml"


def synthesize(folder: Path) -> Path:
    """The sample stack with short times."""
    from apps.app import CONTEXT  # finds Node.js, which must come first

    # isort: split
    import aws_cdk as cdk

    from apps.insurance_leads.stack import InsuranceLeadsStack

    app = cdk.App(
        context=CONTEXT, outdir=str(folder), analytics_reporting=False, builtin_cloud_formation_validation=False
    )
    InsuranceLeadsStack(app, STACK, function_timeout=cdk.Duration.seconds(FUNCTION_TIMEOUT))
    app.synth()
    return folder


@pytest.fixture(scope="module")
def outputs(emulator: Emulator) -> dict[str, str]:
    return emulator.deploy(synthesize(emulator.folder / "leads"), [STACK])[STACK]


def leads(emulator: Emulator, function: str) -> Counter[str]:
    """The keys that a department's function has taken, decoded, as its log says."""
    found: Counter[str] = Counter()
    for line in poll.log_lines(emulator.client("logs"), function):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("message") == "lead":
            found[record["key"]] += 1
    return found


@pytest.fixture(scope="module")
def ended(emulator: Emulator, outputs: dict[str, str]) -> dict[str, Counter[Any]]:
    """Upload everything, remove one again, and wait until all of it is somewhere."""
    bucket, s3 = outputs["BucketName"], emulator.client("s3")
    for key in (*AUTO, *HOME, *NEITHER, REMOVED):
        s3.put_object(Bucket=bucket, Key=key, Body=b"<lead/>")
    s3.delete_object(Bucket=bucket, Key=REMOVED)
    unmatched: dict[str, Any] = {}

    def look() -> dict[str, Counter[Any]] | None:
        unmatched.update(poll.receive(emulator.client("sqs"), outputs["UnmatchedUrl"]))
        auto, home = (leads(emulator, outputs[f"{name}FunctionName"]) for name in ("Auto", "Home"))
        if len(auto) < len(AUTO) or len(home) < len(HOME) + 1 or len(unmatched) < len(NEITHER) + 1:
            return None
        return {"auto": auto, "home": home, "unmatched": Counter(_uploads(unmatched.values()))}

    found = eventually(look, "every file in its place")
    time.sleep(2)  # for what would come too much
    return look() or found


def _uploads(messages: Any) -> Iterator[tuple[str, str]]:
    for message in messages:
        for upload in json.loads(message["Body"])["Records"]:
            yield unquote_plus(upload["s3"]["object"]["key"]), upload["eventName"].partition(":")[0]


def test_each_lead_is_with_its_department_once_and_its_key_as_it_was_uploaded(
    ended: dict[str, Counter[Any]],
) -> None:
    assert ended["auto"] == Counter(AUTO)
    assert ended["home"] == Counter([*HOME, REMOVED])


def test_what_no_department_wants_is_kept_and_so_is_the_news_of_a_removed_lead(
    ended: dict[str, Counter[Any]],
) -> None:
    assert ended["unmatched"] == Counter([*((key, "ObjectCreated") for key in NEITHER), (REMOVED, "ObjectRemoved")])


def test_a_message_from_elsewhere_that_is_no_notification_is_kept_too(
    emulator: Emulator, outputs: dict[str, str], ended: dict[str, Counter[Any]]
) -> None:
    """It is no JSON object, so no filter by the body can match it: only the audit gets it."""
    before = [leads(emulator, outputs[f"{name}FunctionName"]) for name in ("Auto", "Home")]
    assert sum(ended["unmatched"].values()) == len(NEITHER) + 1
    emulator.client("sns").publish(TopicArn=outputs["TopicArn"], Message="from elsewhere")
    kept = Inbox(emulator, outputs["UnmatchedUrl"]).wait("from elsewhere")
    assert kept["Body"] == "from elsewhere"
    assert [leads(emulator, outputs[f"{name}FunctionName"]) for name in ("Auto", "Home")] == before
