"""Whatever a document holds, reading answers or refuses it in the library's own words, in linear time."""

import contextlib
import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patterns.errors import PatternError
from patterns.flow._documents import parse
from patterns.flow.template import Ref, Template, Unknown, read

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus"
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

names = st.sampled_from(
    ["Q", "T", "P", "C", "N", "Q.Arn", "AWS::Region", "AWS::NoValue", "AWS::StackId", "N.Outputs.O", "x"]
)
functions = st.sampled_from(
    [
        "Ref",
        "Condition",
        "Fn::GetAtt",
        "Fn::Sub",
        "Fn::Join",
        "Fn::Select",
        "Fn::Split",
        "Fn::If",
        "Fn::FindInMap",
        "Fn::ImportValue",
        "Fn::GetStackOutput",
        "Fn::Base64",
        "Fn::Length",
        "Fn::ToJsonString",
        "Fn::Cidr",
        "Fn::GetAZs",
        "Fn::Transform",
        "Fn::And",
        "Fn::Or",
        "Fn::Not",
        "Fn::Equals",
        "Fn::ForEach::L",
        "Fn::Odd",
    ]
)
scalars = st.one_of(
    names,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    names.map(lambda name: "${" + name + "}-${AWS::StackName}"),
    st.sampled_from(["arn:aws:sqs:${AWS::Region}:1:Q", "arn:", "https://sqs.x.amazonaws.com/1/Q", "{{resolve:ssm:x}}"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(names, inner, max_size=3),
        st.builds(lambda function, argument: {function: argument}, functions, inner),
    ),
    max_leaves=12,
)
resources = st.one_of(
    values,
    st.fixed_dictionaries(
        {
            "Type": st.sampled_from(
                ["AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::CloudFormation::Stack", "AWS::Lambda::Alias"]
            )
        },
        optional={
            "Properties": st.one_of(
                st.dictionaries(
                    st.sampled_from(["QueueName", "TopicName", "Name", "FunctionName", "TemplateURL", "Parameters"]),
                    values,
                    max_size=3,
                ),
                values,
            ),
            "Condition": names,
            "DependsOn": values,
            "Metadata": values,
        },
    ),
)
sections = st.dictionaries(names, values, max_size=3)
templates = st.fixed_dictionaries(
    {"Resources": st.dictionaries(names, resources, max_size=4)},
    optional={
        "Parameters": st.one_of(sections, values),
        "Conditions": sections,
        "Mappings": sections,
        "Outputs": st.one_of(
            st.dictionaries(
                names,
                st.fixed_dictionaries(
                    {"Value": values}, optional={"Export": st.fixed_dictionaries({"Name": values}), "Condition": names}
                ),
            ),
            values,
        ),
        "Transform": st.one_of(values, st.just("AWS::LanguageExtensions")),
    },
)


def ask_everything(template: Template) -> None:
    for resource in template.resources.values():
        for name in resource.properties:
            value = template.value(resource, name)
            for path in ((name, "Arn"), (name, 0, "Arn"), (name, 0)):
                template.value(resource, *path)
            for types in ((), ("AWS::SQS::Queue", "AWS::Lambda::Function")):
                assert isinstance(template.target(resource.stack, value, *types), Ref | str | Unknown)
    assert all(str(note) for note in template.notes)


@CALM
@given(one=templates, other=templates)
def test_templates_of_any_shape_are_read_or_refused(one, other):
    with contextlib.suppress(PatternError):
        ask_everything(read({"one": one, "Q": other}))


@CALM
@given(one=templates, other=templates)
def test_reading_twice_gives_the_same(one, other):
    def answers():
        try:
            template = read({"one": one, "Q": other})
        except PatternError as refused:
            return str(refused)
        return [
            (key, name, repr(template.value(resource, name)))
            for key, resource in template.resources.items()
            for name in resource.properties
        ], template.notes

    assert answers() == answers()


@CALM
@given(st.text(alphabet=st.sampled_from(list("ab:-?[]{}&*!<>|%@'\"#,. \n\t01\x00\x85é")), max_size=60))
def test_text_of_any_shape_is_read_as_yaml_or_refused(text):
    with contextlib.suppress(PatternError):
        json.dumps(parse(text, "t.yaml", []))


@CALM
@given(st.binary(max_size=60))
def test_files_of_any_bytes_are_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("x") / "t.template"
    path.write_bytes(data)
    with pytest.raises(PatternError):
        read(path)


@CALM
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text("abc :-#é", max_size=6)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
        ),
        max_leaves=15,
    )
)
def test_what_json_can_say_yaml_reads_the_same(value):
    assert parse("# not JSON\n" + json.dumps({"value": value}), "t.yaml", []) == {"value": value}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the real templates are not on this machine")
def test_every_real_template_is_read_and_answers():
    paths = sorted(path for path in CORPUS.iterdir() if path.suffix in (".yaml", ".yml"))
    assert len(paths) == 60
    for path in paths:
        template = read(path)
        assert template.resources
        ask_everything(template)


def chain(length: int) -> dict:
    """Stacks of which each imports what the next one exports."""
    return {
        f"s{number}": {
            "Resources": {"Q": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {
                "O": {
                    "Value": {"Fn::ImportValue": f"e{number + 1}"} if number < length - 1 else {"Ref": "Q"},
                    "Export": {"Name": f"e{number}"},
                }
            },
        }
        for number in range(length)
    }


def test_values_handed_on_from_stack_to_stack_are_followed_and_endless_chains_given_up():
    assert read(chain(15)).resolve("s0", {"Fn::ImportValue": "e0"}) == Ref("s14", "Q")
    assert read(chain(3_000)).resolve("s0", {"Fn::ImportValue": "e0"}) == Unknown(
        "the value goes through more than 100 levels"
    )


def test_text_that_doubles_from_output_to_output_is_given_up():
    stacks = {
        f"s{number}": {
            "Resources": {},
            "Outputs": {
                "O": {
                    "Value": {"Fn::Join": ["", [{"Fn::ImportValue": f"e{number + 1}"}] * 2]}
                    if number < 8
                    else "text" * 64,
                    "Export": {"Name": f"e{number}"},
                }
            },
        }
        for number in range(9)
    }
    value = read(stacks).resolve("s0", {"Fn::ImportValue": "e0"})
    assert "is longer than 4,096 characters" in str(value)


def test_a_value_nested_without_end_is_given_up():
    deep: dict = {}
    for _ in range(50_000):
        deep = {"Fn::Base64": deep}
    template = read({"app": {"Resources": {"It": {"Type": "T", "Properties": {"V": deep}}}}})
    assert template.value(template.resources["app", "It"], "V") == Unknown(
        "the value goes through more than 100 levels"
    )


def test_time_grows_with_the_number_of_resources_and_not_faster():
    def seconds(stacks: int) -> float:
        texts = []
        for number in range(stacks):
            resources = {
                f"Q{one}": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"q-{number}-{one}"}}
                for one in range(40)
            }
            resources["S"] = {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "Endpoint": f"arn:aws:sqs:x:1:q-{(number + 1) % stacks}-3",
                    "TopicArn": {"Fn::ImportValue": f"e{(number + 1) % stacks}"},
                },
            }
            output = {"O": {"Value": {"Ref": "Q1"}, "Export": {"Name": f"e{number}"}}}
            texts.append(json.dumps({"Resources": resources, "Outputs": output}))
        begin = time.process_time()
        template = read({f"s{number}": json.loads(text) for number, text in enumerate(texts)})
        for resource in template.resources.values():
            for name in resource.properties:
                template.target(resource.stack, template.value(resource, name))
        return time.process_time() - begin

    seconds(20)
    small = min(seconds(40) for _ in range(3))
    assert min(seconds(400) for _ in range(2)) < 40 * small
