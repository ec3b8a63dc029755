"""``patterns protect``: what a data protection policy makes of messages."""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patterns.cli import _io

if TYPE_CHECKING:
    from patterns.data_protection.engine import Outcome, Verdict

# A message may come from a quarantine: it must not write to the terminal what it likes.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Format(StrEnum):
    """How the answer is printed."""

    text = "text"
    json = "json"


def protect(
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="JSON file with the policy; - is standard input.")],
    messages: Annotated[
        list[str], typer.Argument(metavar="MESSAGE", help="Text files, one message each; - is standard input.")
    ],
    principal: Annotated[
        list[str] | None,
        typer.Option(help="ARN that subscribed: show only what it gets. Can be given again.", metavar="ARN"),
    ] = None,
    publisher: Annotated[str | None, typer.Option(help="ARN that publishes.", metavar="ARN")] = None,
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.text,
) -> None:
    """Show what each subscriber gets under a data protection policy.

    What is denied and why, and the finding record, without deploying anything.

    Exit code 0: every message reaches everybody shown. 1: some message is denied. 2: bad input, or a policy
    that names what cannot be detected without the native feature.
    """
    from patterns.data_protection import apply
    from patterns.data_protection.policy import DataProtectionPolicy, check_principal
    from patterns.errors import PatternError

    if [policy, *messages].count("-") > 1:
        _io.refuse("- must be given once: standard input can be read once")
    try:
        for option, arns in (("--principal", principal or []), ("--publisher", [publisher] if publisher else [])):
            for arn in arns:
                check_principal(option, arn)
    except PatternError as error:
        _io.refuse(error)
    try:
        read = DataProtectionPolicy.read(_io.read_json(policy, unique_keys=True))
        for warning in read.warnings():
            typer.echo(f"patterns: warning: {_io.printable(str(warning))}", err=True)
        verdicts = [
            (path, apply(read, _message(path), publisher=publisher, subscribers=principal or None)) for path in messages
        ]
    except PatternError as error:
        _io.refuse(f"{_io.named(policy)}: {error}")
    sample = None if read.audit is None else read.audit.sample_rate
    reports = [_report(path, verdict, publisher, sample) for path, verdict in verdicts]
    if format is Format.json:
        typer.echo(json.dumps(reports, indent=2))
    else:
        typer.echo("\n\n".join(_text(report) for report in reports))
    if any(not party["delivered"] for report in reports for party in [report["published"], *report["subscribers"]]):
        raise typer.Exit(1)


def _message(path: str) -> str:
    from patterns.flow.limits import SNS_MESSAGE_SIZE_MOST

    text = _io.read_text(path)
    size = len(text.encode())
    if not 1 <= size <= SNS_MESSAGE_SIZE_MOST:
        _io.refuse(f"{_io.named(path)}: must be 1 to {SNS_MESSAGE_SIZE_MOST} bytes, as a topic takes it, got {size}")
    return text


def _report(path: str, verdict: "Verdict", publisher: str | None, sample: int | None) -> dict[str, Any]:
    record = None
    if verdict.findings:
        # Id and topic come into being when it is published.
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        record = verdict.record(message_id=_io.named(path), timestamp=now, resource="preview", caller=publisher)
    return {
        "message": _io.named(path),
        "published": _party(verdict.published),
        "subscribers": [
            {"principal": principal, **_party(outcome)} for principal, outcome in verdict.deliveries.items()
        ],
        "audit": None if sample is None else {"sampleRate": sample, "finding": record},
    }


def _party(outcome: "Outcome") -> dict[str, Any]:
    if outcome.text is None:
        return {"delivered": False, "deniedBy": outcome.denied_by, "dataIdentifiers": list(outcome.identifiers)}
    return {"delivered": True, "deidentified": list(outcome.deidentified), "text": outcome.text}


def _text(report: dict[str, Any]) -> str:
    lines = [report["message"], f"  published: {_told(report['published'])}"]
    for party in report["subscribers"]:
        who = "everyone else" if party["principal"] == "*" else party["principal"]
        lines.append(f"  {who}: {_told(party)}")
    audit = report["audit"]
    if audit is not None:
        finding = audit["finding"]
        told = "nothing found" if finding is None else json.dumps(finding)
        lines.append(f"  audit ({audit['sampleRate']} % of messages): {told}")
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], "\n".join(_io.printable(line) for line in lines))


def _told(party: dict[str, Any]) -> str:
    if not party["delivered"]:
        return f"denied by {party['deniedBy']}: {', '.join(party['dataIdentifiers'])}"
    how = f"without {', '.join(party['deidentified'])}" if party["deidentified"] else "as it is"
    text = party["text"].rstrip("\n").replace("\n", "\n    ")
    return f"{how}\n    {text}"
