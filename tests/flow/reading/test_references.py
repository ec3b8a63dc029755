"""A flow can only be followed when every way of writing "that queue over there" leads to that queue."""

import json

import pytest

from patterns.flow.template import Ref, Template, Text, Unknown, read

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders"}}


def of(value, *, more=None, **sections) -> tuple[Template, object]:
    """The value of a property in a stack that also holds a queue, a topic, a function and its alias."""
    resources = {
        "Queue": QUEUE,
        "Plain": {"Type": "AWS::SQS::Queue"},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "worker"}},
        "Live": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {"Name": "live", "FunctionName": {"Ref": "Function"}},
        },
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "shop"}},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "pictures"}},
        "It": {"Type": "Test::It", "Properties": {"Value": value}},
        **(more or {}),
    }
    template = read({"app": {"Resources": resources, **sections}})
    return template, template.value(template.resources["app", "It"], "Value", default="absent")


@pytest.mark.parametrize(
    ("written", "resource"),
    [
        ({"Ref": "Queue"}, "Queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "Queue"),
        ({"Fn::GetAtt": "Queue.Arn"}, "Queue"),
        ({"Fn::GetAtt": ["Plain", "QueueUrl"]}, "Plain"),
        # With AWS::LanguageExtensions.
        ({"Ref": {"Fn::Sub": "Queue"}}, "Queue"),
        ({"Fn::GetAtt": [{"Fn::Join": ["", ["Pl", "ain"]]}, "Arn"]}, "Plain"),
        ("arn:aws:sqs:eu-west-1:111111111111:orders", "Queue"),
        ({"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:orders"}, "Queue"),
        ({"Fn::Sub": "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:${Plain.QueueName}"}, "Plain"),
        ({"Fn::Join": ["", ["arn:aws:sqs:", {"Ref": "AWS::Region"}, ":1:", "orders"]]}, "Queue"),
        ("https://sqs.eu-west-1.amazonaws.com/111111111111/orders", "Queue"),
        ({"Fn::Sub": "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/orders"}, "Queue"),
        ("https://eu-west-1.queue.amazonaws.com/111111111111/orders", "Queue"),
        ({"Ref": "Topic"}, "Topic"),
        ({"Fn::GetAtt": ["Topic", "TopicArn"]}, "Topic"),
        ({"Fn::Sub": "arn:aws:sns:${AWS::Region}:${AWS::AccountId}:${Topic.TopicName}"}, "Topic"),
        ("arn:aws:lambda:eu-west-1:111111111111:function:worker", "Function"),
        ({"Fn::Sub": "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${Function}"}, "Function"),
        ({"Ref": "Live"}, "Live"),
        ({"Fn::Sub": "${Function.Arn}:live"}, "Live"),
        ("arn:aws:lambda:eu-west-1:111111111111:function:worker:live", "Live"),
        ({"Fn::Sub": "${Function.Arn}:$LATEST"}, "Function"),
        ("arn:aws:events:eu-west-1:111111111111:event-bus/shop", "Bus"),
        ("arn:aws:s3:::pictures", "Bucket"),
        ({"Fn::Sub": "${Bucket.Arn}/*"}, "Bucket"),
        (
            {
                "Fn::Join": [
                    ":",
                    ["arn:aws:sqs:x:1", {"Fn::Select": [5, {"Fn::Split": [":", {"Fn::GetAtt": ["Plain", "Arn"]}]}]}],
                ]
            },
            "Plain",
        ),
    ],
    ids=str,
)
def test_every_way_of_writing_a_resource_leads_to_it(written, resource):
    template, value = of(written)
    assert template.target("app", value) == Ref("app", resource)


@pytest.mark.parametrize(
    "foreign",
    [
        "arn:aws:sqs:eu-west-1:111111111111:payments",
        "arn:aws:sns:eu-west-1:111111111111:orders",
        "https://example.com/orders",
        "orders",
        "+4912345678",
    ],
)
def test_what_is_outside_of_the_templates_stays_text(foreign):
    template, value = of(foreign)
    assert template.target("app", value) == foreign


def test_a_bare_name_is_looked_up_among_the_types_that_are_asked_for():
    template, value = of("worker")
    assert template.target("app", value, "AWS::Lambda::Function") == Ref("app", "Function")
    assert template.target("app", value, "AWS::SQS::Queue") == "worker"


def test_a_queue_named_by_pure_pseudo_expressions_is_found_by_the_same_expression():
    def name(of_stack):
        unique = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": of_stack}]}]}
        return {"Fn::Join": ["-", ["orders", unique]]}

    template, value = of(
        {"Fn::Join": [":", ["arn:aws:sqs", {"Ref": "AWS::Region"}, {"Ref": "AWS::AccountId"}, name("AWS::StackId")]]},
        more={"Named": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name("AWS::StackId")}}},
    )
    assert template.target("app", value) == Ref("app", "Named")


def test_the_stack_id_of_another_stack_is_another_name():
    own = {"Fn::Sub": "orders-${AWS::StackId}"}
    template = read(
        {
            "one": {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": own}}}},
            "two": {
                "Resources": {
                    "It": {"Type": "T", "Properties": {"V": {"Fn::Sub": "arn:aws:sqs:x:1:orders-${AWS::StackId}"}}}
                }
            },
        }
    )
    value = template.value(template.resources["two", "It"], "V")
    assert template.target("two", value) == value


def test_a_queue_named_after_a_parameter_without_value_is_found_under_the_same_parameter():
    template, value = of(
        {"Fn::Sub": "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:orders-${Stage}"},
        more={"Named": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "orders-${Stage}"}}}},
        Parameters={"Stage": {"Type": "String"}, "Other": {"Type": "String"}},
    )
    assert template.target("app", value) == Ref("app", "Named")
    other = template.resolve("app", {"Fn::Sub": "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:orders-${Other}"})
    assert template.target("app", other) == Unknown("parameter Other has no value")


def test_a_name_that_two_resources_have_cannot_be_told():
    template, value = of("arn:aws:sqs:x:1:orders", more={"Twin": QUEUE})
    assert template.target("app", value) == Unknown("one name is the name of 2 resources: app.Queue, app.Twin")


def test_an_attribute_that_is_about_a_resource_does_not_name_it():
    template, value = of({"Fn::GetAtt": ["Function", "SnapStartResponse.ApplyOn"]})
    assert template.target("app", value) == Unknown("attribute SnapStartResponse.ApplyOn of Function does not name it")


def test_text_with_a_reference_in_it_keeps_its_parts():
    _, value = of({"Fn::Sub": "<${Topic}|${!x}|${AWS::Region}>"})
    assert value == Text(("<", Ref("app", "Topic"), "|${x}|${AWS::Region}>"))
    assert str(value) == "<${app.Topic}|${x}|${AWS::Region}>"


def test_a_reference_to_nothing_says_so():
    assert of({"Ref": "Gone"})[1] == Unknown("Gone is neither a resource nor a parameter of app")
    assert of({"Fn::GetAtt": ["Gone", "Arn"]})[1] == Unknown("Gone is not a resource of app")
    assert of({"Ref": 5})[1] == Unknown("Ref must be followed by a name, got 5")
    assert of({"Fn::GetAtt": {}})[1] == Unknown(
        "Fn::GetAtt must be followed by a resource and an attribute, got an object"
    )


def test_names_that_only_look_alike_are_not_taken_for_the_same():
    def either(one, other):
        return {"Fn::If": ["Open", one, other]}

    template, value = of(
        {"Fn::Join": ["", ["arn:aws:sqs:x:1:orders-", either("a", "b")]]},
        more={
            "Named": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": {"Fn::Join": ["", ["orders-", either("c", "d")]]}},
            }
        },
        Parameters={"Open": {"Type": "String"}},
        Conditions={"Open": {"Fn::Equals": [{"Ref": "Open"}, "yes"]}},
    )
    assert template.target("app", value) == Unknown("condition Open cannot be told: parameter Open has no value")


def test_a_name_in_another_region_or_account_is_another_resource(tmp_path):
    (tmp_path / "app.json").write_text(json.dumps({"Resources": {"Q": QUEUE}}))
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://111111111111/eu-west-1",
        "properties": {"templateFile": "app.json"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "1", "artifacts": {"app": stack}}))
    template = read(tmp_path)
    here = ("eu-west-1:111111111111", "${AWS::Region}:111111111111", "eu-west-1:${AWS::AccountId}")
    for place in here:
        assert template.target("app", f"arn:aws:sqs:{place}:orders") == Ref("app", "Q")
    for place in ("us-east-1:111111111111", "eu-west-1:222222222222"):
        arn = f"arn:aws:sqs:{place}:orders"
        assert template.target("app", arn) == arn


@pytest.mark.parametrize(
    ("value", "qualified"),
    [
        ("111122223333:function:worker", False),
        ({"Fn::Sub": "${AWS::AccountId}:function:worker"}, False),
        ("111122223333:function:worker:live", True),
    ],
)
def test_a_function_is_named_by_its_account_and_name(value, qualified):
    parts = {
        "Worker": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "worker"}},
        "Live": {"Type": "AWS::Lambda::Alias", "Properties": {"Name": "live", "FunctionName": {"Ref": "Worker"}}},
        "Map": {"Type": "T", "Properties": {"FunctionName": value}},
    }
    template = read({"S": {"Resources": parts}})
    (user,) = template.of_type("T")
    found = template.target("S", template.value(user, "FunctionName"), "AWS::Lambda::Function")
    assert found == Ref("S", "Live" if qualified else "Worker")


def test_a_function_that_is_named_by_its_account_is_linked():
    from tests.flow.parts import flow_of, function, mapping, queue

    flow = flow_of(
        Queue=queue(), Worker=function(FunctionName="worker"), Map=mapping(to="111122223333:function:worker")
    )
    assert flow.edges["S/Map"].target == "S/Worker"
