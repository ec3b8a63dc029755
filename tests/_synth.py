"""What tests of constructs share: an app with this project's feature flags, and its templates as plain dicts."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from apps.app import CONTEXT


def new_app(**options: Any) -> cdk.App:
    """An app with the context of cdk.json, as `cdk synth` would build it."""
    return cdk.App(context=CONTEXT, analytics_reporting=False, **options)


def new_stack(id: str = "Stack", app: cdk.App | None = None, **options: Any) -> cdk.Stack:
    """A stack in a new app, or in the one that is given."""
    return cdk.Stack(app or new_app(), id, **options)


def new_function(scope: Any, id: str = "Function", **properties: Any) -> lambda_.Function:
    """A function with a timeout of 30 seconds, unless told otherwise."""
    return lambda_.Function(
        scope,
        id,
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): return {'batchItemFailures': []}"),
        **{"timeout": cdk.Duration.seconds(30), **properties},
    )


def synth(app: cdk.App | cdk.Stack) -> Path:
    """Synthesize the whole app; the cloud assembly's folder."""
    root = app if isinstance(app, cdk.App) else app.node.root
    return Path(root.synth().directory)  # pyright: ignore[reportAttributeAccessIssue]


def template_of(stack: cdk.Stack) -> dict[str, Any]:
    """A stack's template."""
    return json.loads((synth(stack) / stack.template_file).read_text())


def of_type(template: dict[str, Any], type: str) -> dict[str, dict[str, Any]]:
    """The resources of one type: logical id → resource."""
    return {id: r for id, r in template["Resources"].items() if r["Type"] == type}


def the(template: dict[str, Any], type: str, starts_with: str = "") -> dict[str, Any]:
    """The properties of the one resource of a type (whose logical id starts so)."""
    found = {id: r for id, r in of_type(template, type).items() if id.startswith(starts_with)}
    assert len(found) == 1, f"one {type} {starts_with}, found {sorted(found)}"
    return next(iter(found.values())).get("Properties", {})


def warnings_of(scope: cdk.App | cdk.Stack) -> dict[str, str]:
    """The synth warnings of an app: id → text. Ids as a user acknowledges them."""
    app = scope if isinstance(scope, cdk.App) else scope.node.root
    assembly = app.synth()  # pyright: ignore[reportAttributeAccessIssue]
    found: dict[str, str] = {}
    for stack in assembly.stacks_recursively:
        for message in stack.messages:
            text = str(message.entry.data)
            if message.level.name == "WARNING" and "[ack: " in text:
                words, _, id = text.rpartition(" [ack: ")
                found[id.rstrip("]")] = words
    return found
