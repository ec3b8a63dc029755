"""The CDK cuts names out of ARNs with Fn::Split and Fn::Select; what they lead to must still be found."""

from typing import Any

import pytest

from patterns.flow.template import Ref, Unknown, read

FUNCTION = {"Type": "AWS::Lambda::Function", "Properties": {}}
VERSION = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}}
ALIAS = {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "Function"}, "Name": "live"}}
BUS = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "orders"}}


def piece(index: int, cut: str, whole: Any) -> dict[str, Any]:
    return {"Fn::Select": [index, {"Fn::Split": [cut, whole]}]}


def resolved(raw: Any, **resources: Any) -> tuple[Any, Any]:
    """What a value is, and which resource it names."""
    template = read({"S": {"Resources": {"Function": FUNCTION, **resources}}})
    value = template.resolve("S", raw)
    return value, template.target("S", value)


@pytest.mark.parametrize("name", [{"Ref": "Function"}, {"Fn::GetAtt": ["Function", "Arn"]}], ids=["name", "ARN"])
def test_a_function_is_found_by_the_name_in_its_alias_arn(name: Any) -> None:
    alias = {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": name, "Name": "live"}}
    value, target = resolved(piece(6, ":", {"Ref": "Alias"}), Alias=alias)
    assert (value, target) == (Ref("S", "Function"), Ref("S", "Function"))


def test_an_alias_is_found_by_function_and_name() -> None:
    raw = {"Fn::Join": ["", [piece(6, ":", {"Ref": "Alias"}), ":live"]]}
    assert resolved(raw, Alias=ALIAS)[1] == Ref("S", "Alias")


def test_the_name_of_an_alias_is_cut_out_of_its_arn() -> None:
    assert resolved(piece(7, ":", {"Ref": "Alias"}), Alias=ALIAS)[0] == "live"


def test_the_number_of_a_version_is_cut_out_of_its_arn() -> None:
    assert resolved(piece(7, ":", {"Ref": "Version"}), Version=VERSION)[0] == Ref("S", "Version", "Version")


@pytest.mark.parametrize(
    ("bus", "index"),
    [({"Ref": "Bus"}, 2), ({"Fn::GetAtt": ["Bus", "Arn"]}, 2), ("elsewhere", 2), ("default", 1), (None, 1)],
)
def test_a_rules_name_stands_behind_its_bus_in_its_arn(bus: Any, index: int) -> None:
    properties = {"EventPattern": {}} | ({"EventBusName": bus} if bus else {})
    raw = piece(index, "/", {"Fn::GetAtt": ["Rule", "Arn"]})
    value, _ = resolved(raw, Bus=BUS, Rule={"Type": "AWS::Events::Rule", "Properties": properties})
    assert value == Ref("S", "Rule", "Name")


@pytest.mark.parametrize(
    ("bus", "pieces"),
    [
        ({"Ref": "Bus"}, (Ref("S", "Bus"), Ref("S", "Rule", "Name"))),
        ("elsewhere", ("elsewhere", Ref("S", "Rule", "Name"))),
        (None, (None, None)),
    ],
)
def test_a_rules_name_stands_behind_its_bus_in_its_reference(bus: Any, pieces: tuple[Any, Any]) -> None:
    """https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131"""
    properties = {"EventPattern": {}} | ({"EventBusName": bus} if bus else {})
    for index, known in enumerate(pieces):
        rule = {"Type": "AWS::Events::Rule", "Properties": properties}
        value, _ = resolved(piece(index, "|", {"Ref": "Rule"}), Bus=BUS, Rule=rule)
        assert value == known if known else isinstance(value, Unknown)


def test_an_alias_of_a_function_elsewhere_stays_what_it_is() -> None:
    alias = {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": "elsewhere", "Name": "live"}}
    assert resolved({"Ref": "Alias"}, Alias=alias)[1] == Ref("S", "Alias")


def test_a_malformed_alias_raises_nothing() -> None:
    for properties in ({}, {"FunctionName": 5}, {"FunctionName": {"Ref": "Alias"}}, [], None):
        alias = {"Type": "AWS::Lambda::Alias", "Properties": properties}
        resolved(piece(6, ":", {"Ref": "Alias"}), Alias=alias)
