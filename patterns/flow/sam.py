"""SAM templates, turned into CloudFormation by AWS's own translator (optional: ``pip install …[sam]``)."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from patterns.errors import PatternError

_PSEUDO = ("AWS::Region", "AWS::AccountId", "AWS::Partition")


def translate(
    document: dict[str, Any], source: str, region: str | None, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """The CloudFormation template that a SAM template stands for. Asks no AWS service.

    Raises:
        PatternError: the translator is not installed or refuses the template, with its reasons.
    """
    try:
        from samtranslator.model.exceptions import InvalidDocumentException
        from samtranslator.parser.parser import Parser
        from samtranslator.translator.arn_generator import ArnGenerator
        from samtranslator.translator.translator import Translator
    except ImportError:
        raise PatternError(
            f"{source}: is a SAM template; reading it needs aws-sam-translator: "
            "pip install 'cdk-messaging-patterns[sam]'"
        ) from None

    from types import SimpleNamespace

    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    session: Any = SimpleNamespace(region_name=region or "us-east-1")
    # What the translator asks boto3 for is said instead; the region stays open unless it is known.
    values: dict[str, Any] = {name: _Pseudo(f"${{{name}}}") for name in _PSEUDO}
    values |= {name.rpartition(":")[2]: value for name, value in parameters.items()}
    try:
        fragment = json.loads(json.dumps(document))
        _point_elsewhere(fragment)
        _name_aliases(fragment, values)
        translator = Translator(None, Parser(), boto_session=session)
        translated = translator.translate(fragment, values, get_managed_policy_map=dict)
    except InvalidDocumentException as error:
        reasons = "; ".join(sorted({str(cause.message) for cause in error.causes})) or error.message
        raise PatternError(f"{source}: the SAM translator refuses it: {reasons}") from None
    except RecursionError:
        raise PatternError(f"{source}: is nested too deeply for the SAM translator") from None
    except Exception as error:  # the translator meets malformed input with whatever it stumbles over
        raise PatternError(f"{source}: the SAM translator cannot read it: {type(error).__name__}: {error}") from None
    finally:
        ArnGenerator.BOTO_SESSION_REGION_NAME = None
    return _referring(translated)


class _Pseudo(str):
    """A pseudo parameter as the text of an ``Fn::Sub`` writes it. The translator takes only texts into such a text."""


class _Named(str):
    """A parameter without a value, where the translator takes only text: it makes a logical id of an alias's name."""


def _referring(value: Any) -> Any:
    """What the translator made, with a reference again where a parameter stands alone."""
    if isinstance(value, _Named):
        return {"Ref": str(value)}
    if isinstance(value, _Pseudo):
        return {"Ref": value[2:-1]}
    if isinstance(value, dict):
        return {key: _referring(item) for key, item in value.items()}
    return [_referring(item) for item in value] if isinstance(value, list) else value


_ADDRESS = "s3://bucket/key"
_LOCAL = {
    "AWS::Serverless::Function": ("CodeUri",),
    "AWS::Serverless::LayerVersion": ("ContentUri",),
    "AWS::Serverless::Api": ("DefinitionUri",),
    "AWS::Serverless::HttpApi": ("DefinitionUri",),
    "AWS::Serverless::StateMachine": ("DefinitionUri",),
    "AWS::Serverless::GraphQLApi": ("SchemaUri",),
}


def _point_elsewhere(document: dict[str, Any]) -> None:
    """Code that `sam package` would still have to upload: the translator refuses anything but S3 addresses.

    So are applications of the Serverless Application Repository, whose templates it would ask that service for.
    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-application.html
    """
    general = _function_globals(document)
    _replace(general, ("CodeUri",))
    for resource in document["Resources"].values():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            continue
        if resource["Type"] == "AWS::Serverless::Application":
            _leave_out(resource.get("Properties"))
        keys = _LOCAL.get(resource["Type"])
        if keys is None:
            continue
        properties = resource.setdefault("Properties", {})
        if not isinstance(properties, dict):
            continue
        _replace(properties, keys)
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        if (properties.get("PackageType") or general.get("PackageType")) == "Image":
            properties.setdefault("ImageUri", "account.dkr.ecr.region.amazonaws.com/image:tag")
        elif not {"CodeUri", "InlineCode", "ImageUri"} & (properties.keys() | general.keys()):
            properties["CodeUri"] = _ADDRESS


def _name_aliases(document: dict[str, Any], known: Mapping[str, Any]) -> None:
    declared = document.get("Parameters") or {}
    general = _function_globals(document)
    for resource in document["Resources"].values():
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if not isinstance(properties, dict) or resource.get("Type") != "AWS::Serverless::Function":
            continue
        alias = properties.get("AutoPublishAlias", general.get("AutoPublishAlias"))
        name = alias.get("Ref") if isinstance(alias, dict) else None
        parameter = declared.get(name) if isinstance(name, str) and name not in known else None
        if isinstance(parameter, dict) and "Default" not in parameter:
            properties["AutoPublishAlias"] = _Named(name)


def _function_globals(document: dict[str, Any]) -> dict[str, Any]:
    given = document.get("Globals")
    general = given.get("Function") if isinstance(given, dict) else None
    return general if isinstance(general, dict) else {}


def _leave_out(properties: Any) -> None:
    location = properties.get("Location") if isinstance(properties, dict) else None
    if isinstance(location, dict) and {"ApplicationId", "SemanticVersion"} <= location.keys():
        properties["Location"] = _ADDRESS


def _replace(properties: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if isinstance(properties.get(key), str) and not properties[key].startswith("s3://"):
            properties[key] = _ADDRESS
