"""A SAM template is read as the CloudFormation that AWS makes of it, without asking AWS."""

import socket
import sys

import pytest

from patterns.errors import PatternError
from patterns.flow.template import Ref, read

TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Globals": {"Function": {"Timeout": 10}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Worker": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": "src/",
                "Handler": "app.handler",
                "Runtime": "python3.13",
                "AutoPublishAlias": "live",
                "Policies": ["AmazonSQSFullAccess", {"SQSSendMessagePolicy": {"QueueName": "x"}}],
                "Events": {"Poll": {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["Queue", "Arn"]}}}},
            },
        },
    },
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def test_a_function_with_a_queue_event_becomes_an_event_source_mapping():
    template = read({"app": TEMPLATE})
    [mapping] = template.of_type("AWS::Lambda::EventSourceMapping")
    [function] = template.of_type("AWS::Lambda::Function")
    [alias] = template.of_type("AWS::Lambda::Alias")
    assert template.value(mapping, "EventSourceArn") == Ref("app", "Queue", "Arn")
    assert template.target("app", template.value(mapping, "FunctionName")) == alias.ref
    assert template.target("app", template.value(alias, "FunctionName")) == function.ref == Ref("app", "Worker")
    assert template.value(function, "Timeout") == 10


def test_the_region_stays_open():
    [role] = read({"app": TEMPLATE}).of_type("AWS::IAM::Role")
    assert "us-east-1" not in str(role.properties)


def test_the_template_that_was_given_is_left_as_it_was():
    before = str(TEMPLATE)
    read({"app": TEMPLATE})
    assert str(TEMPLATE) == before


def test_what_the_translator_refuses_is_refused_with_its_reason():
    broken = {**TEMPLATE, "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {"Events": 5}}}}
    with pytest.raises(PatternError) as refused:
        read({"app": broken})
    assert str(refused.value).startswith("app: the SAM translator refuses it: Resource with id [F] is invalid.")


def test_without_the_translator_the_message_says_how_to_install_it(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "samtranslator"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "samtranslator", None)
    with pytest.raises(PatternError) as refused:
        read({"app": TEMPLATE})
    assert str(refused.value) == (
        "app: is a SAM template; reading it needs aws-sam-translator: pip install 'cdk-messaging-patterns[sam]'"
    )


def test_a_parameter_given_to_one_stack_is_not_taken_by_another():
    alias = {"Transform": TEMPLATE["Transform"], "Parameters": {"Alias": {"Type": "String", "Default": "live"}}}
    worker = TEMPLATE["Resources"]["Worker"]
    worker = {**worker, "Properties": {**worker["Properties"], "AutoPublishAlias": {"Ref": "Alias"}, "Events": {}}}
    alias["Resources"] = {"Worker": worker}
    other = {**alias, "Parameters": {"Alias": {"Type": "String"}}}
    template = read({"app": alias, "other": other}, parameters={"other:Alias": "beta"})
    names = [template.value(one, "Name") for one in template.of_type("AWS::Lambda::Alias")]
    assert names == ["live", "beta"]
    # As SAM calls them where it knows the name.
    assert {("app", "WorkerAliaslive"), ("other", "WorkerAliasbeta")} <= template.resources.keys()


@pytest.mark.parametrize("everywhere", [False, True])
def test_an_alias_may_be_named_by_a_parameter_that_has_no_value_or_gets_it_from_a_parent(everywhere):
    stage = {"AutoPublishAlias": {"Ref": "Stage"}}
    worker = TEMPLATE["Resources"]["Worker"]
    properties = {key: value for key, value in worker["Properties"].items() if key != "AutoPublishAlias"}
    child = {
        **TEMPLATE,
        "Parameters": {"Stage": {"Type": "String"}},
        "Globals": {"Function": stage if everywhere else {}},
        "Resources": {
            **TEMPLATE["Resources"],
            "Worker": {**worker, "Properties": properties if everywhere else {**properties, **stage}},
        },
    }
    nested = {"TemplateURL": "child", "Parameters": {"Stage": "prod"}}
    parent = {"Resources": {"N": {"Type": "AWS::CloudFormation::Stack", "Properties": nested}}}
    template = read({"child": child, "parent": parent})

    def alias(stack):
        return template.value(template.resources[stack, "WorkerAliasStage"], "Name")

    assert str(alias("child")) == "parameter Stage has no value"
    assert alias("parent/N") == "prod"
    poll = template.resources["child", "WorkerPoll"]
    assert template.value(poll, "FunctionName") == Ref("child", "WorkerAliasStage")


def test_a_destination_may_be_an_arn_with_the_region_and_the_account_in_it():
    arn = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:failed"
    joined = {"Fn::Join": [":", ["arn:aws:sqs", {"Ref": "AWS::Region"}, {"Ref": "AWS::AccountId"}, "done"]]}
    destinations = {
        "OnFailure": {"Type": "SQS", "Destination": {"Fn::Sub": arn}},
        "OnSuccess": {"Type": "SQS", "Destination": joined},
    }
    worker = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            **TEMPLATE["Resources"]["Worker"]["Properties"],
            "Events": {},
            "EventInvokeConfig": {"DestinationConfig": destinations},
        },
    }
    [config] = read({"app": {**TEMPLATE, "Resources": {"Worker": worker}}}).of_type("AWS::Lambda::EventInvokeConfig")
    found = config.properties["DestinationConfig"]
    assert found["OnFailure"]["Destination"] == {"Fn::Sub": arn}
    assert found["OnSuccess"]["Destination"] == joined


def test_an_application_of_the_repository_is_noted_without_asking_for_its_template():
    location = {
        "ApplicationId": "arn:aws:serverlessrepo:us-east-1:111122223333:applications/a",
        "SemanticVersion": "1.0.0",
    }
    application = {"Type": "AWS::Serverless::Application", "Properties": {"Location": location}}
    resources = {"App": application, "Queue": {"Type": "AWS::SQS::Queue"}}
    template = read({"S": {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}})
    assert ("S", "Queue") in template.resources
    assert [str(note) for note in template.notes] == [
        "S, Resources.App: the template of this nested stack is not at hand"
    ]


def test_an_application_of_the_repository_without_its_version_is_refused_as_aws_does():
    application = {"Type": "AWS::Serverless::Application", "Properties": {"Location": {"ApplicationId": "a"}}}
    with pytest.raises(PatternError, match="SemanticVersion"):
        read({"S": {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"App": application}}})
