"""What a property comes to, worked out as far as the template decides and not a step further."""

import pytest

from patterns.errors import PatternError
from patterns.flow import read_flow
from patterns.flow.template import Ref, Unknown, read
from tests.flow.reading.test_references import of

SECTIONS = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "prod"},
        "Count": {"Type": "Number", "Default": "3"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Open": {"Type": "String"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/path"},
    },
    "Mappings": {"Sizes": {"prod": {"Batch": 10}}},
    "Conditions": {
        "Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "Test": {"Fn::Not": [{"Condition": "Prod"}]},
        "Open": {"Fn::Equals": [{"Ref": "Open"}, "yes"]},
        "OpenOrProd": {"Fn::Or": [{"Condition": "Open"}, {"Condition": "Prod"}]},
        "OpenAndTest": {"Fn::And": [{"Condition": "Open"}, {"Condition": "Test"}]},
        "OpenAndProd": {"Fn::And": [{"Condition": "Open"}, {"Condition": "Prod"}]},
        "Sunny": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-south-1"]},
        "Round": {"Condition": "About"},
        "About": {"Condition": "Round"},
    },
}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"Ref": "Stage"}, "prod"),
        ({"Ref": "Count"}, 3),
        ({"Ref": "Zones"}, ["a", "b"]),
        ({"Ref": "AWS::Region"}, "${AWS::Region}"),
        ({"Ref": "AWS::StackName"}, "app"),
        ({"Ref": "AWS::NoValue"}, "absent"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}, 2]}, {"b": [1, 2]}),
        ({"Fn::Sub": "q-${Stage}-${Count}"}, "q-prod-3"),
        ({"Fn::Sub": ["${A}-${Stage}", {"A": {"Ref": "Count"}}]}, "3-prod"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Count"}, True]]}, "a-3-true"),
        ({"Fn::Join": ["-", {"Ref": "Zones"}]}, "a-b"),
        ({"Fn::Select": [1, {"Ref": "Zones"}]}, "b"),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", "x/y"]}]}, "y"),
        ({"Fn::Split": [":", {"Fn::Sub": "a:${AWS::Region}:b"}]}, ["a", "${AWS::Region}", "b"]),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "Batch"]}, 10),
        ({"Fn::FindInMap": ["Sizes", "dev", "Batch", {"DefaultValue": 1}]}, 1),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::Length": {"Ref": "Zones"}}, 2),
        ({"Fn::ToJsonString": {"a": [1, {"Ref": "Stage"}]}}, '{"a":[1,"prod"]}'),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::If": ["Prod", 1, 2]}, 1),
        ({"Fn::If": ["Test", 1, {"Ref": "AWS::NoValue"}]}, "absent"),
        ({"Fn::If": ["OpenOrProd", 1, 2]}, 1),
        ({"Fn::If": ["OpenAndTest", 1, 2]}, 2),
        ({"Fn::If": ["Open", "same", {"Fn::Sub": "same"}]}, "same"),
    ],
    ids=str,
)
def test_what_the_template_decides_is_worked_out(written, value):
    assert of(written, **SECTIONS)[1] == value


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"Ref": "Open"}, "parameter Open has no value"),
        ({"Ref": "Stored"}, "parameter Stored is read from SSM when it is deployed"),
        ({"Fn::If": ["Open", 1, 2]}, "condition Open cannot be told: parameter Open has no value"),
        ({"Fn::If": ["OpenAndProd", 1, 2]}, "condition Open cannot be told: parameter Open has no value"),
        (
            {"Fn::If": ["Sunny", 1, 2]},
            "condition Sunny cannot be told: ${AWS::Region} and eu-south-1 can be compared only when it is deployed",
        ),
        ({"Fn::If": ["Round", 1, 2]}, "condition Round refers to itself"),
        ({"Fn::If": ["None", 1, 2]}, "condition None is not declared"),
        ({"Fn::If": [1]}, "Fn::If must be followed by a condition and two values"),
        ({"Fn::FindInMap": ["Sizes", "dev", "Batch"]}, "Fn::FindInMap finds nothing under Sizes / dev / Batch"),
        ({"Fn::Select": [2, {"Ref": "Zones"}]}, "Fn::Select asks for item 2 of 2"),
        ({"Fn::Select": [-1, [1]]}, "Fn::Select cannot tell which item: -1"),
        ({"Fn::Transform": {"Name": "AWS::Include"}}, "the transform AWS::Include runs when it is deployed"),
        ({"Fn::ImportValue": "elsewhere"}, "export elsewhere is not in the templates that were read"),
        ({"Fn::Nonsense": 1}, "Fn::Nonsense is not an intrinsic function that is read"),
        ("{{resolve:ssm:/a}}", "a dynamic reference (ssm) is read when it is deployed"),
        ({"Fn::Join": ["", [{"a": 1}]]}, "a text is put together from an object"),
    ],
    ids=str,
)
def test_what_the_template_does_not_decide_is_unknown_with_its_reason(written, reason):
    assert of(written, **SECTIONS)[1] == Unknown(reason)


@pytest.mark.parametrize("beside", [{}, {"Timeout": 3}], ids=["alone", "beside another"])
@pytest.mark.parametrize(
    ("properties", "path", "value"),
    [
        (
            {"Config": "{{resolve:ssm:/a}}"},
            ("Config",),
            Unknown("a dynamic reference (ssm) is read when it is deployed"),
        ),
        (
            {"Config": "{{resolve:ssm:/a}}"},
            ("Config", "Target"),
            Unknown("a dynamic reference (ssm) is read when it is deployed"),
        ),
        ({"Config": "text"}, ("Config", "Target"), Unknown("Target is looked for in 'text'")),
        ({"Config": None}, ("Config",), "the default"),
        ({"Config": None}, ("Config", "Target"), "the default"),
        ({"Config": {"Target": None}}, ("Config", "Target"), "the default"),
        ({"Config": {"Ref": "AWS::NoValue"}}, ("Config", "Target"), "the default"),
        ({"Config": {"Fn::If": ["Prod", {"Target": 1}, None]}}, ("Config", "Target"), 1),
        ({"Other": 1}, ("Config", "Target"), "the default"),
    ],
    ids=str,
)
def test_a_property_comes_to_the_same_alone_and_beside_another(properties, path, value, beside):
    document = {"Resources": {"R": {"Type": "AWS::X", "Properties": {**properties, **beside}}}, **SECTIONS}
    template = read({"app": document})
    (resource,) = template.resources.values()
    assert template.value(resource, *path, default="the default") == value


def test_given_parameters_win_over_defaults_and_fill_open_ones():
    template = read(
        {"app": {"Resources": {}, **SECTIONS}, "other": {"Resources": {}, **SECTIONS}},
        parameters={"Stage": "dev", "other:Stage": "beta", "Open": "yes"},
    )
    assert template.resolve("app", {"Ref": "Stage"}) == "dev"
    assert template.resolve("other", {"Ref": "Stage"}) == "beta"
    assert template.resolve("app", {"Fn::If": ["Open", 1, 2]}) == 1


def test_a_given_parameter_that_no_template_declares_is_refused():
    with pytest.raises(PatternError) as refused:
        read({"app": {"Resources": {}}}, parameters={"Stag": "dev"})
    assert str(refused.value) == "parameters['Stag'] is declared by none of the templates"


def test_a_resource_whose_condition_does_not_hold_is_absent_and_one_that_cannot_be_told_says_so():
    template, value = of(
        {"Ref": "Never"},
        more={
            "Never": {"Type": "AWS::SQS::Queue", "Condition": "Test"},
            "Always": {"Type": "AWS::SQS::Queue", "Condition": "Prod"},
            "Maybe": {"Type": "AWS::SQS::Queue", "Condition": "Open"},
        },
        **SECTIONS,
    )
    reason = "condition Open cannot be told: parameter Open has no value"
    assert ("app", "Never") not in template.resources
    assert template.resources["app", "Always"].condition is None
    assert template.resources["app", "Maybe"].condition == Unknown(reason)
    assert value == Unknown("Never does not exist, its condition Test does not hold")
    assert [str(note) for note in template.notes] == [f"app, Conditions.Open: {reason}"]


def test_only_what_something_asks_for_is_told_as_open():
    """What a template gives its database is nothing that an answer about messages depends on."""
    parameters = {name: {"Type": "String"} for name in ("Asked", "Password")} | {
        "Given": {"Type": "String", "Default": "x"}
    }
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Asked"}, "Tags": {"Ref": "Given"}}}
    database = {"Type": "AWS::RDS::DBInstance", "Properties": {"MasterUserPassword": {"Ref": "Password"}}}
    flow = read_flow({"app": {"Parameters": parameters, "Resources": {"Queue": queue, "Database": database}}})
    assert [note for note in flow.notes if "Parameters" in note] == [
        "app, Parameters.Asked: parameter Asked has no value"
    ]


def test_what_hangs_on_one_open_condition_is_told_once():
    queues = {name: {"Type": "AWS::SQS::Queue", "Condition": "Open"} for name in ("One", "Other")}
    template, _ = of(None, more=queues, **SECTIONS)
    assert [note.place for note in template.notes] == ["Conditions.Open"]


def test_a_path_goes_through_functions_and_ends_at_what_is_not_known():
    template, _ = of(
        {
            "Fn::If": [
                "Prod",
                {"deadLetterTargetArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "maxReceiveCount": {"Ref": "Count"}},
                {"Ref": "AWS::NoValue"},
            ]
        },
        more={"Other": {"Type": "T", "Properties": {"Value": {"Ref": "Open"}, "List": [{"Ref": "AWS::NoValue"}, 7]}}},
        **SECTIONS,
    )
    it, other = template.resources["app", "It"], template.resources["app", "Other"]
    assert template.value(it, "Value", "maxReceiveCount") == 3
    assert template.value(it, "Value", "deadLetterTargetArn") == Ref("app", "Queue", "Arn")
    assert template.value(it, "Value", "missing", default=5) == 5
    assert template.value(other, "Value", "deep", "down") == Unknown("parameter Open has no value")
    assert template.value(other, "List", 0) == 7
    assert template.value(other, "List", 1, default="none") == "none"


INCLUDE = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://a/b"}}}
RUNS = Unknown("the transform AWS::Include runs when it is deployed")


def test_what_a_transform_may_put_beside_other_properties_is_not_known():
    template = read(
        {"S": {"Resources": {"Q": {"Type": "T", "Properties": {"Given": 1, "In": {**INCLUDE, "a": 1}, **INCLUDE}}}}}
    )
    (resource,) = template.of_type("T")
    assert template.value(resource, "Given") == 1
    assert template.value(resource, "Missing", default=2) == RUNS
    assert template.value(resource, "In") == RUNS
    assert template.value(resource, "In", "b") == RUNS


def test_a_transform_instead_of_all_properties_leaves_every_one_open():
    (resource,) = (template := read({"S": {"Resources": {"Q": {"Type": "T", "Properties": INCLUDE}}}})).of_type("T")
    assert template.value(resource, "Missing") == RUNS


def test_a_transform_among_resources_or_inside_one_is_noted_and_leaves_its_properties_open():
    resources = {"Q": {"Type": "T", "Properties": {"Given": 1}, **INCLUDE}, **INCLUDE}
    (resource,) = (template := read({"S": {"Resources": resources}})).resources.values()
    assert template.value(resource, "Given") == 1
    assert template.value(resource, "Missing") == RUNS
    assert [str(note) for note in template.notes] == [
        f"S, Resources.Fn::Transform: {RUNS.reason}",
        f"S, Resources.Q: {RUNS.reason}",
    ]


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
def test_a_secret_is_compared_and_not_shown():
    secret = {"Type": "String", "NoEcho": True, "Default": "hunter2"}
    sections = {
        "Parameters": {"Secret": secret, "None": {**secret, "Default": ""}, "Other": {**secret, "Default": "hunter3"}},
        "Conditions": {
            "Given": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Secret"}, ""]}]},
            "Same": {"Fn::Equals": ["hunter2", {"Ref": "Secret"}]},
            "NoneGiven": {"Fn::Equals": [{"Ref": "None"}, ""]},
            "Differ": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Secret"}, {"Ref": "Other"}]}]},
        },
    }
    written = [
        {"Fn::Sub": "https://x/?${Secret}"},
        *({"Fn::If": [name, 1, 2]} for name in ("Given", "Same", "NoneGiven", "Differ")),
    ]
    template, value = of(written, **sections)
    assert isinstance(value, list)
    assert str(value[0]) == "https://x/?<parameter Secret has NoEcho, its value is not shown>"
    assert value[1:] == [1, 1, 1, 1]
    assert template.notes == ()
    assert "hunter2" not in repr(value)
