"""JSON documents on their way into a template, where jsii and the CDK would change or refuse them."""

import json
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk


def plain(document: Any) -> Any:
    """A document of dicts and lists: jsii takes no other mapping, and no tuple."""
    if isinstance(document, Mapping):
        return {key: plain(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [plain(value) for value in document]
    return document


def keep_as_written(resource: cdk.CfnResource, property: str, document: Any) -> None:
    """Write a JSON property as text where it has ``null``, which the CDK drops and CloudFormation does not take.

    ``["x", null]`` would become ``["x"]``: another filter, without a word.
    """
    if _has_null(document):
        resource.add_property_override(property, json.dumps(document, separators=(",", ":")))


def _has_null(document: Any) -> bool:
    if isinstance(document, dict):
        return any(_has_null(value) for value in document.values())
    return document is None or (isinstance(document, list) and any(_has_null(value) for value in document))
