"""``patterns filter``: try filter policies on messages, without an account."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from textwrap import indent
from typing import Annotated, Any

import typer

from patterns.cli._io import named, printable, read_json, read_json_lines, refuse

app = typer.Typer(help="Try a filter policy on messages: does it let them through, and why?", no_args_is_help=True)


class Format(StrEnum):
    """How an answer is printed."""

    text = "text"
    json = "json"


class PolicyScope(StrEnum):
    """What the policy is read against."""

    body = "body"
    attributes = "attributes"
    eventbridge = "eventbridge"
    event_source = "event-source"


_Policy = Annotated[str, typer.Argument(metavar="POLICY", help="JSON file with the policy; - is standard input.")]
_Messages = Annotated[
    list[str],
    typer.Argument(
        metavar="MESSAGE",
        help="JSON files, or JSON lines, with messages; - is standard input. A message is the body or the event "
        "itself, or with --scope attributes the attributes as boto3 writes them.",
    ),
]
_Scope = Annotated[
    PolicyScope,
    typer.Option("--scope", help="What the policy is read against, and by which service's rules."),
]
_Format = Annotated[Format, typer.Option("--format", help="How to print the answers.")]


@app.command("test")
def _test(policy: _Policy, messages: _Messages, scope: _Scope = PolicyScope.body, fmt: _Format = Format.text) -> None:
    """Say for each message whether it passes. Exit code 0: all pass; 1: one does not; 2: bad input."""
    _print(_answers(policy, messages, scope), fmt, reasons=False)


@app.command("explain")
def _explain(
    policy: _Policy, messages: _Messages, scope: _Scope = PolicyScope.body, fmt: _Format = Format.text
) -> None:
    """Say for each message which key, operator and value decided. Exit codes as for test."""
    _print(_answers(policy, messages, scope), fmt, reasons=True)


def _answers(policy: str, messages: list[str], scope: PolicyScope) -> Iterator[dict[str, Any]]:
    from patterns.errors import PatternError
    from patterns.flow.filters import Filter

    if [policy, *messages].count("-") > 1:
        refuse("standard input can be read once: use - for the policy or for one of the messages")
    try:
        compiled = Filter(read_json(policy, unique_keys=True), scope.value)
    except PatternError as error:
        refuse(f"{named(policy)}: {error}")
    for warning in compiled.warnings:
        typer.echo(printable(f"patterns: warning: {named(policy)}: {warning}"), err=True)
    for file in messages:
        for line, message in read_json_lines(file):
            place = f"{named(file)}:{line}"
            try:
                verdict = compiled.explain(_as_body(message, scope))
            except PatternError as error:
                refuse(f"{place}: {error}")
            reasons = [asdict(reason) for reason in verdict.reasons]
            answer = {"message": place, "matched": verdict.matched, "metric": verdict.metric, "reasons": reasons}
            if scope is not PolicyScope.attributes and not verdict.matched and _is_envelope(message):
                answer["hint"] = _ENVELOPE
            yield answer


_ENVELOPE = (
    "this is the envelope that Amazon SNS delivers, not the message: what was published is the text under Message"
)


def _is_envelope(message: Any) -> bool:
    """Whether it is what SNS puts around a message without raw delivery, as a queue or a function gets it."""
    if isinstance(message, dict) and message.get("eventSource") == "aws:sqs" and isinstance(message.get("body"), str):
        try:
            message = json.loads(message["body"])
        except (ValueError, RecursionError):
            return False
    if not isinstance(message, dict):
        return False
    return message.get("Type") == "Notification" and isinstance(message.get("Message"), str) and "TopicArn" in message


def _as_body(message: Any, scope: PolicyScope) -> Any:
    """A body that is a JSON string is that string in quotes, not the text inside; to a queue it is text."""
    return json.dumps(message) if scope is PolicyScope.body and isinstance(message, str) else message


def _print(answers: Iterator[dict[str, Any]], fmt: Format, *, reasons: bool) -> None:
    """Print answers as they come, also those of one JSON array, and end with the exit code that sums them up."""
    passed, first = True, True
    for answer in answers:
        passed = passed and answer["matched"]
        if fmt is Format.json:
            shown = {key: value for key, value in answer.items() if reasons or key not in ("reasons", "hint")}
            typer.echo("[" if first else ",")
            typer.echo(indent(json.dumps(shown, indent=2), "  "), nl=False)
            first = False
            continue
        verdict = "match" if answer["matched"] else "no match"
        counted = f" ({answer['metric']})" if answer["metric"] else ""
        typer.echo(printable(f"{answer['message']}: {verdict}{counted}"))
        if reasons:
            for text in (*(reason["text"] for reason in answer["reasons"]), *filter(None, [answer.get("hint")])):
                typer.echo(printable(f"  {text}"))
    if fmt is Format.json:
        typer.echo("\n]")
    raise typer.Exit(0 if passed else 1)
