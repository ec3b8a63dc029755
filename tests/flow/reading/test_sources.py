"""Templates come as the CDK, the console and people leave them: each is read whole, or refused with the place."""

import json
import sys
from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType

import pytest

from patterns.errors import PatternError
from patterns.flow.template import Ref, Unknown, read

QUEUE = {"Type": "AWS::SQS::Queue"}
HASH = "0123456789abcdef" * 4


def subscription(topic, queue):
    return {"Type": "AWS::SNS::Subscription", "Properties": {"TopicArn": topic, "Endpoint": queue, "Protocol": "sqs"}}


def write(folder: Path, **files) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def stack(file: str, *, environment="aws://unknown-account/unknown-region", **more):
    return {
        "type": "aws:cloudformation:stack",
        "environment": environment,
        "properties": {"templateFile": file, **more.pop("properties", {})},
        **more,
    }


def refusal(*sources) -> str:
    with pytest.raises(PatternError) as refused:
        read(*sources)
    return str(refused.value)


def test_an_export_of_one_stack_is_what_another_imports():
    template = read(
        {
            "data": {
                "Resources": {"Q": QUEUE},
                "Outputs": {
                    "A": {
                        "Value": {"Fn::GetAtt": ["Q", "Arn"]},
                        "Export": {"Name": {"Fn::Sub": "${AWS::StackName}:Q"}},
                    }
                },
            },
            "app": {"Resources": {"S": subscription("t", {"Fn::ImportValue": "data:Q"})}},
        }
    )
    value = template.value(template.resources["app", "S"], "Endpoint")
    assert value == Ref("data", "Q", "Arn")
    assert template.target("app", value) == Ref("data", "Q")


def test_an_export_is_imported_from_the_same_account_and_region(tmp_path):
    exporting = {"Resources": {"Q": QUEUE}, "Outputs": {"A": {"Value": {"Ref": "Q"}, "Export": {"Name": "q"}}}}
    importing = {"Resources": {"S": subscription("t", {"Fn::ImportValue": "q"})}}
    artifacts = {
        "west": stack("e.json", environment="aws://1/eu-west-1"),
        "north": stack("e.json", environment="aws://1/eu-north-1"),
        "app": stack("i.json", environment="aws://1/eu-north-1"),
        "far": stack("i.json", environment="aws://1/us-east-1"),
        "anywhere": stack("i.json"),
    }
    write(tmp_path, e__json=exporting, i__json=importing, manifest__json={"version": "1", "artifacts": artifacts})
    template = read(tmp_path)
    assert template.value(template.resources["app", "S"], "Endpoint") == Ref("north", "Q")
    assert template.value(template.resources["far", "S"], "Endpoint") == Unknown(
        "export q is not in the templates that were read"
    )
    assert template.value(template.resources["anywhere", "S"], "Endpoint") == Unknown(
        "export q is offered by north and west"
    )
    assert (template.region("app"), template.account("app")) == ("eu-north-1", "1")
    assert (template.region("anywhere"), template.account("anywhere")) == (None, None)


def test_exports_that_need_each_other_are_not_known():
    def round_trip(other):
        return {
            "Resources": {},
            "Outputs": {"O": {"Value": {"Fn::ImportValue": other}, "Export": {"Name": f"from-{other}"}}},
        }

    template = read(
        {
            "a": round_trip("from-x"),
            "b": {
                "Resources": {},
                "Outputs": {"O": {"Value": {"Fn::ImportValue": "from-from-x"}, "Export": {"Name": "from-x"}}},
            },
        }
    )
    assert template.resolve("a", {"Fn::ImportValue": "from-x"}) == Unknown("output O of b refers to itself")


def test_a_weak_reference_of_the_cdk_reads_the_output_of_the_other_stack(tmp_path):
    reading = {
        "Fn::GetStackOutput": {"StackName": "live-data", "Region": {"Ref": "AWS::Region"}, "OutputName": "PublishQ"}
    }
    write(
        tmp_path,
        data__json={"Resources": {"Q": QUEUE}, "Outputs": {"PublishQ": {"Value": {"Fn::GetAtt": ["Q", "Arn"]}}}},
        app__json={"Resources": {"S": subscription("t", reading)}},
        manifest__json={
            "version": "55.0.0",
            "artifacts": {
                "Data": stack("data.json", properties={"stackName": "live-data"}, displayName="Live/Data (live-data)"),
                "App": stack("app.json"),
            },
        },
    )
    template = read(tmp_path)
    assert template.stacks == ("App", "Live/Data")
    assert template.value(template.resources["App", "S"], "Endpoint") == Ref("Live/Data", "Q", "Arn")


def test_stages_are_read_with_the_assembly_that_holds_them(tmp_path):
    inner = tmp_path / "assembly-Live"
    inner.mkdir()
    write(
        inner,
        one__json={"Resources": {"Q": QUEUE}},
        manifest__json={"version": "1", "artifacts": {"one": stack("one.json")}},
    )
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Live"}}
    write(tmp_path, manifest__json={"version": "1", "artifacts": {"assembly-Live": stage}})
    assert list(read(tmp_path).resources) == [("one", "Q")]


@pytest.mark.parametrize("found_by", ["metadata", "asset manifest"])
def test_a_nested_stack_of_the_cdk_gets_its_parameters_and_hands_out_its_outputs(tmp_path, found_by):
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "Parameters": {"Topic": {"Ref": "T"}},
            "TemplateURL": {"Fn::Join": ["", ["https://s3.", {"Ref": "AWS::Region"}, f"/{HASH}.json"]]},
        },
    }
    if found_by == "metadata":
        nested["Metadata"] = {"aws:asset:path": "child.nested.template.json"}
    parent = {
        "Resources": {
            "T": {"Type": "AWS::SNS::Topic"},
            "N": nested,
            "S": subscription({"Ref": "T"}, {"Fn::GetAtt": ["N", "Outputs.Queue"]}),
        }
    }
    child = {
        "Parameters": {"Topic": {"Type": "String"}},
        "Resources": {"Q": QUEUE, "S": subscription({"Ref": "Topic"}, {"Fn::GetAtt": ["Q", "Arn"]})},
        "Outputs": {"Queue": {"Value": {"Fn::GetAtt": ["Q", "Arn"]}}},
    }
    assets = {"files": {HASH: {"source": {"path": "child.nested.template.json", "packaging": "file"}}}}
    write(
        tmp_path,
        parent__json=parent,
        assets__json=assets,
        child__nested__template__json=child,
        manifest__json={
            "version": "1",
            "artifacts": {
                "app": stack("parent.json"),
                "app.assets": {"type": "cdk:asset-manifest", "properties": {"file": "assets.json"}},
            },
        },
    )
    template = read(tmp_path)
    assert template.stacks == ("app", "app/N")
    assert template.value(template.resources["app", "S"], "Endpoint") == Ref("app/N", "Q", "Arn")
    assert template.value(template.resources["app/N", "S"], "TopicArn") == Ref("app", "T")
    assert template.notes == ()


@pytest.mark.parametrize(
    ("passed", "default", "holds"),
    [
        ({"Ref": "T"}, "", True),
        ({"Ref": "T"}, "none", True),
        ({"Ref": "Q"}, "", True),
        ({"Fn::GetAtt": ["Q", "Arn"]}, "none", True),
        ({"Fn::Sub": "${AWS::StackName}-dead"}, "", True),
        ({"Fn::Sub": "${Prefix}-dead"}, "none", True),
        ({"Ref": "AWS::Region"}, "none", None),
        ({"Ref": "Q"}, "none", None),
        ({"Fn::Sub": "${Prefix}-dead"}, "un-dead", None),
        ({"Fn::GetAtt": ["T", "TopicName"]}, "", None),
    ],
    ids=str,
)
def test_a_nested_stack_can_tell_that_its_parent_passes_something_on(tmp_path, passed, default, holds):
    parent = {
        "Parameters": {"Prefix": {"Type": "String"}},
        "Resources": {
            "T": {"Type": "AWS::SNS::Topic"},
            "Q": QUEUE,
            "N": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {"TemplateURL": "./child.json", "Parameters": {"Given": passed}},
            },
        },
    }
    child = {
        "Parameters": {"Given": {"Type": "String", "Default": default}},
        "Conditions": {"Has": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Given"}, default]}]}},
        "Resources": {"Q": {**QUEUE, "Condition": "Has"}},
    }
    write(tmp_path, parent__json=parent, child__json=child)
    told = read(tmp_path).resources["parent/N", "Q"].condition
    assert (told is None) is (holds is True)


def test_a_folder_is_read_with_its_nested_templates_and_without_what_is_no_template(tmp_path):
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "./child.yaml"}}
    gone = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://example.com/x.yaml"}}
    write(
        tmp_path,
        parent__yaml=json.dumps({"Resources": {"N": nested, "Gone": gone}}),
        child__yaml="Resources:\n  Q:\n    Type: AWS::SQS::Queue\n",
        package__json={"name": "x"},
        broken__json="{",
        notes__yaml="a: [",
    )
    template = read(tmp_path)
    assert list(template.resources) == [("parent", "Gone"), ("parent", "N"), ("parent/N", "Q")]
    assert [str(note) for note in template.notes] == [
        f"{tmp_path / 'parent.yaml'}, Resources.Gone: the template of this nested stack is not at hand"
    ]


def test_the_file_of_a_nested_stack_is_named_from_where_its_parent_is(tmp_path, monkeypatch):
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "../children/child.yaml"}}
    for folder in ("stacks", "children"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "stacks", parent__json={"Resources": {"N": nested}})
    write(tmp_path / "children", child__yaml="Resources: {Q: {}}")
    monkeypatch.chdir(tmp_path)
    for source in ("stacks/parent.json", "stacks"):
        assert [note.source for note in read(source).notes] == ["children/child.yaml"]


def test_a_nested_stack_that_holds_itself_is_not_followed(tmp_path):
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "a.json"}}
    write(tmp_path, a__json={"Resources": {"N": nested}})
    template = read((tmp_path / "a.json").resolve())
    assert [note.reason for note in template.notes] == ["this nested stack holds itself, it is not followed"]


def test_files_of_the_same_name_keep_apart(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, template__json={"Resources": {"Q": QUEUE}})
    template = read(tmp_path / "one" / "template.json", tmp_path / "two" / "template.json")
    assert template.stacks == ("one/template", "two/template")


def named(*files):
    return list(read(*files).stacks)


def test_the_name_of_a_stack_does_not_depend_on_what_is_read_before(tmp_path):
    for place in ("a/x", "b/x", "b/y"):
        (tmp_path / place).mkdir(parents=True)
        write(tmp_path / place, orders__json={"Resources": {"Q": QUEUE}})
    files = [tmp_path / place / "orders.json" for place in ("a/x", "b/x", "b/y")]
    assert named(files[0]) == ["orders"]
    assert named(*files) == named(*reversed(files)) == ["a/x/orders", "b/x/orders", "y/orders"]
    assert named(files[0], files[0]) == ["orders", "orders#2"]


def test_a_file_whose_name_says_nothing_has_its_folder_in_front_before_there_is_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop" / "orders").mkdir(parents=True)
    write(tmp_path, template__yaml="Resources: {}")
    write(tmp_path / "shop" / "orders", template__yaml="Resources: {}", queues__yaml="Resources: {}")
    assert named("template.yaml") == ["template"]
    assert named("shop/orders/template.yaml") == ["shop/orders/template"]
    assert named("shop/orders/template.yaml", "template.yaml") == ["shop/orders/template", "template"]
    assert named("shop/orders/queues.yaml") == ["queues"]


def test_a_file_is_told_apart_from_a_stack_of_its_name(tmp_path):
    write(tmp_path, orders__json={"Resources": {"Q": QUEUE}})
    stack = {"orders": {"Resources": {"Q": QUEUE}}}
    for order in ((stack, tmp_path / "orders.json"), (tmp_path / "orders.json", stack)):
        assert named(*order) == ["orders", f"{tmp_path.name}/orders"]


def test_short_forms_of_yaml_are_read_as_cloudformation_reads_them(tmp_path):
    write(
        tmp_path,
        t__yaml="""
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Q:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ["${a}-x", {a: !Select [1, !Split [",", "p,q"]]}]
      Arn: !GetAtt Other.Arn
      List: !GetAtt [Other, Arn]
      Text: !Join ['', [!Ref Other, "1"]]
      Off: off
      Day: 2026-01-01
      Common: &common {a: 1, b: 2}
      Merged: {<<: *common, b: 3}
  Other: {Type: AWS::SQS::Queue}
""",
    )
    template = read(tmp_path / "t.yaml")
    queue = template.resources["t", "Q"]
    arn = Ref("t", "Other", "Arn")
    expected = {
        "QueueName": "q-x",
        "Arn": arn,
        "List": arn,
        "Off": False,
        "Day": "2026-01-01",
        "Merged": {"a": 1, "b": 3},
    }
    assert {name: template.value(queue, name) for name in expected} == expected


@pytest.mark.parametrize("kind", [OrderedDict, MappingProxyType])
def test_a_template_may_be_given_as_objects_of_another_kind(kind):
    def given(value):
        if isinstance(value, dict):
            return kind({key: given(item) for key, item in value.items()})
        return [given(item) for item in value] if isinstance(value, list) else value

    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5}
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": redrive, "VisibilityTimeout": 60}}
    template = read({"S": given({"Resources": {"Queue": queue, "Dead": {"Type": "AWS::SQS::Queue"}}})})
    assert template.notes == ()
    found = template.resources["S", "Queue"]
    assert template.value(found, "VisibilityTimeout") == 60
    assert template.value(found, "RedrivePolicy", "deadLetterTargetArn") == Ref("S", "Dead", "Arn")


def test_a_malformed_part_is_noted_and_the_rest_is_read():
    template = read(
        {
            "app": {
                "Resources": {
                    "Q": QUEUE,
                    "Typeless": {},
                    "List": [],
                    "Odd": {"Type": "T", "Properties": [], "DeletionPolicy": 5},
                }
            }
        }
    )
    assert [(one.logical_id, one.type, dict(one.properties)) for one in template.resources.values()] == [
        ("List", "", {}),
        ("Odd", "T", {}),
        ("Q", "AWS::SQS::Queue", {}),
        ("Typeless", "", {}),
    ]
    assert [str(note) for note in template.notes] == [
        "app, Resources.List: must be an object, got a list",
        "app, Resources.Odd.DeletionPolicy: must be text, got 5",
        "app, Resources.Odd.Properties: must be an object, got a list",
        "app, Resources.Typeless: has no Type",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": is empty"),
        (b" \n", ": is empty"),
        (b"\xff\xfe\x00", ", byte 0: is not UTF-8 text"),
        (b"a: 1\nb: \x00", ", line 2, column 4: is not YAML: control characters are not allowed"),
        (b"a: .nan", ", line 1, column 4: '.nan' is not a number that a template can hold"),
        (b"a: !!int x", ", line 1, column 4: 'x' is not a whole number that a template can hold"),
        (b"a: " + b"9" * 5_000, ", line 1, column 4: a number of 5,000 digits is too long"),
        (b"Resources: [", ", line 2, column 1: did not find expected node content (while parsing a flow node)"),
        (b"Resources: {A: !Nope x}", ", line 1, column 16: !Nope is not an intrinsic function of CloudFormation"),
        (b"a: &a [*a]", ", line 1, column 8: *a refers to itself"),
        (b"a: *b", ", line 1, column 4: *b refers to nothing"),
        (b"? [a]\n: b", ", line 1, column 3: a key must be text"),
        (b"a: 1\n---\nb: 2", ", line 2, column 1: holds more than one document"),
        (
            b"a: !!python/object:os.system x",
            ", line 1, column 4: tag:yaml.org,2002:python/object:os.system is not read",
        ),
        (b"a: 0o", ": is not a template: it has no Resources"),
        (b"hello", ": a template must be an object, got 'hello'"),
        (b"Resources: []", ", Resources: must be an object, got a list"),
        (b"Resources:", ", Resources: must be an object, got nothing"),
        (b"{Resources: {}, Outputs: 5}", ", Outputs: must be an object, got 5"),
        (b"[" * 101 + b"]" * 101, ", line 1, column 101: nested more than 100 levels deep"),
        (b"- " * 5_000 + b"x", ", line 1, column 201: nested more than 100 levels deep"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_file_that_is_no_template_is_refused_with_place_and_reason(tmp_path, content, message):
    path = tmp_path / "t.yaml"
    path.write_bytes(content)
    assert refusal(path) == f"{path}{message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"Resources": {},}', ", line 1, column 17: is not JSON: Illegal trailing comma before end of object"),
        ('{"Resources": NaN}', ", line 1, column 15: is not JSON: NaN is not a JSON number"),
        ('{"NaN": 1,\n "Resources": NaN}', ", line 2, column 15: is not JSON: NaN is not a JSON number"),
        ('{"a": [' + "9" * 5_000 + "]}", ", line 1, column 8: a number of 5,000 digits is too long"),
        ('{"a": -' + "9" * 5_000 + "}", ", line 1, column 7: a number of 5,000 digits is too long"),
        ('{"a":' * 100_000, ": is nested too deeply to be read"),
    ],
    ids=["comma", "NaN", "NaN on line 2", "long", "long and negative", "deep"],
)
def test_json_is_refused_with_place_and_reason(tmp_path, content, message):
    if content.endswith(",}") and sys.version_info < (3, 13):
        message = ", line 1, column 18: is not JSON: Expecting property name enclosed in double quotes"
    path = write(tmp_path, t__json=content) / "t.json"
    assert refusal(path) == f"{path}{message}"


def test_aliases_that_unfold_without_end_are_refused_in_no_time(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    path = write(tmp_path, t__yaml="\n".join(lines)) / "t.yaml"
    assert refusal(path).endswith(": aliases unfold to more than 100,000 values")


def test_merges_that_unfold_without_end_are_refused_in_no_time(tmp_path):
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: 1" for n in range(100)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 100)}]}}" for n in range(1, 50)]
    path = write(tmp_path, t__yaml="\n".join(lines)) / "t.yaml"
    assert refusal(path).endswith(": aliases unfold to more than 100,000 values")


def test_sources_that_are_not_there_are_refused(tmp_path):
    assert refusal() == "sources must name at least one folder or template, got none"
    assert refusal(tmp_path) == f"{tmp_path}: holds no template and no cloud assembly"
    assert refusal(tmp_path / "x.json") == f"{tmp_path / 'x.json'}: is not there"
    assert refusal({}) == "a dict of templates must hold at least one, got an empty one"
    assert refusal({"a": []}) == "a: a template must be an object, got a list"
    assert refusal({"a": {"Resources": {5: {}}}}) == "a, Resources: a logical id must be text, got 5"
    assert refusal(5) == "a source must be a path or a dict of templates, got 5"
    assert refusal("") == "a source must be a path, got ''"


@pytest.mark.parametrize(
    ("artifacts", "message"),
    [
        ([], "/manifest.json, artifacts: must be an object, got a list"),
        ({"a": 5}, "/manifest.json, artifacts.a: must be an object, got 5"),
        ({"a": stack("")}, "/manifest.json, artifacts.a.properties.templateFile: must be a file name, got ''"),
        ({"a": stack("gone.json")}, "/gone.json: is not there"),
        (
            {"a": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}},
            "/manifest.json, artifacts.a: leads back to a folder that holds it",
        ),
    ],
    ids=["list", "number", "no file", "missing file", "itself"],
)
def test_a_broken_assembly_is_refused(tmp_path, artifacts, message):
    write(tmp_path, manifest__json={"version": "1", "artifacts": artifacts or [1]})
    assert refusal(tmp_path) == f"{tmp_path}{message}"


LOOP = {
    "Transform": "AWS::LanguageExtensions",
    "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "orders,bills"}},
    "Resources": {
        "Fn::ForEach::Queues": [
            "Name",
            {"Ref": "Names"},
            {
                "${Name}Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Name"}}},
                "${Name}Copy": {"Type": "T", "Properties": {"Of": {"Fn::GetAtt": ["${Name}Queue", "Arn"]}}},
            },
        ]
    },
}


def test_loops_are_written_out_for_each_item_of_their_collection():
    template = read({"app": LOOP})
    assert [name for _, name in template.resources] == ["billsCopy", "billsQueue", "ordersCopy", "ordersQueue"]
    assert template.value(template.resources["app", "billsQueue"], "QueueName") == "bills"
    assert template.value(template.resources["app", "ordersCopy"], "Of") == Ref("app", "ordersQueue", "Arn")


def test_loops_take_given_parameters():
    template = read({"app": LOOP}, parameters={"Names": "a"})
    assert [name for _, name in template.resources] == ["aCopy", "aQueue"]


def test_a_loop_over_what_is_not_known_is_noted():
    open_list = {**LOOP, "Parameters": {"Names": {"Type": "CommaDelimitedList"}}}
    assert [str(note) for note in read({"app": open_list}).notes] == [
        "app, Resources.Fn::ForEach::Queues: the collection of this loop is not known: parameter Names has no value",
    ]


def test_loops_in_loops_that_write_without_end_are_refused():
    body: dict = {"${A}": {"Type": "T"}}
    for name in "ABCDEFGH":
        body = {f"Fn::ForEach::{name}": [name, list("0123456789"), body]}
    message = refusal({"app": {"Transform": ["AWS::LanguageExtensions"], "Resources": body}})
    assert message.startswith("app, Resources.Fn::ForEach::H.")
    assert message.endswith(": loops write more than 100,000 values")


def test_a_sam_application_next_to_its_parent_is_read_as_its_nested_stack(tmp_path):
    parent = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"App": {"Type": "AWS::Serverless::Application", "Properties": {"Location": "./child.json"}}},
    }
    write(tmp_path, a__json=parent, child__json={"Resources": {"Q": QUEUE}})
    assert read(tmp_path).stacks == ("a", "a/App")


def test_a_reference_that_the_cdk_carries_across_regions_leads_back_to_the_resource():
    written = {"/cdk/exports/app/Q": {"Fn::GetAtt": ["Q", "Arn"]}}
    writer = {"Type": "Custom::CrossRegionExportWriter", "Properties": {"WriterProps": {"exports": written}}}
    endpoint = {"Fn::GetAtt": ["Reader", "/cdk/exports/app/Q"]}
    missing = {"Fn::GetAtt": ["Reader", "/cdk/exports/app/R"]}
    template = read(
        {
            "data": {"Resources": {"Q": QUEUE, "Writer": writer}},
            "app": {
                "Resources": {
                    "Reader": {"Type": "Custom::CrossRegionExportReader"},
                    "S": subscription(missing, endpoint),
                }
            },
        }
    )
    found = template.resources["app", "S"]
    assert template.value(found, "Endpoint") == Ref("data", "Q", "Arn")
    assert template.value(found, "TopicArn") == Unknown(
        "/cdk/exports/app/R is written by none of the templates that were read"
    )


def stored(name, **more):
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", **more}}


QUEUE_ARN = {"Fn::GetAtt": ["Q", "Arn"]}


@pytest.mark.parametrize(
    "endpoint", [{"Ref": "Stored"}, "{{resolve:ssm:/orders/arn}}", "{{resolve:ssm:/orders/arn:3}}"]
)
def test_what_one_stack_stores_in_parameter_store_another_reads(endpoint):
    stage = {"Fn::Sub": "/${Stage}/arn"}
    data = {"Q": QUEUE, "P": stored(stage, Value=QUEUE_ARN), "Other": stored("/other/arn", Value="no")}
    reader = {
        "Parameters": {"Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/orders/arn"}},
        "Resources": {"S": subscription(endpoint, endpoint)},
    }
    stages = {"Stage": {"Type": "String", "Default": "orders"}}
    template = read({"app": reader, "data": {"Parameters": stages, "Resources": data}})
    assert template.value(template.resources["app", "S"], "Endpoint") == Ref("data", "Q", "Arn")
    assert [str(note) for note in template.notes] == []


@pytest.mark.parametrize(
    "written",
    [
        {"Fn::Sub": "{{resolve:ssm:/${Stage}/${AWS::Region}/arn}}"},
        {"Fn::Join": ["", ["{{resolve:ssm:/", {"Ref": "Stage"}, "/", {"Ref": "AWS::Region"}, "/arn}}"]]},
    ],
    ids=["Sub", "Join"],
)
def test_the_name_of_what_is_stored_may_be_put_together(written):
    name = {"Fn::Sub": "/${Stage}/${AWS::Region}/arn"}
    parts = {"Q": QUEUE, "P": stored(name, Value=QUEUE_ARN), "S": subscription("t", written)}
    template = read({"app": {"Parameters": {"Stage": {"Type": "String", "Default": "orders"}}, "Resources": parts}})
    assert template.value(template.resources["app", "S"], "Endpoint") == Ref("app", "Q", "Arn")


def test_a_list_in_parameter_store_is_read_as_one():
    reader = {
        "Parameters": {"Stored": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/zones"}},
        "Resources": {"S": subscription({"Fn::Select": [1, {"Ref": "Stored"}]}, "e")},
    }
    template = read({"app": reader, "data": {"Resources": {"P": stored("/zones", Value="a,b")}}})
    assert template.value(template.resources["app", "S"], "TopicArn") == "b"


def test_what_two_stacks_store_under_one_name_is_not_known():
    writer = {"Resources": {"Q": QUEUE, "P": stored("/arn", Value=QUEUE_ARN)}}
    reader = {"Resources": {"S": subscription("t", "{{resolve:ssm:/arn}}")}}
    template = read({"app": reader, "one": writer, "two": writer})
    reason = "a dynamic reference (ssm) is read when it is deployed"
    assert template.value(template.resources["app", "S"], "Endpoint") == Unknown(reason, "resolve/ssm:/arn")


def test_what_is_stored_is_read_by_its_condition_and_from_the_same_region(tmp_path):
    def writing(value, **more):
        return {"Resources": {"P": {**stored("/a", Value=value), **more}}}

    west, north = (stack(f"{place}.json", environment=f"aws://1/eu-{place}-1") for place in ("west", "north"))
    artifacts = {"west": west, "north": north, "app": stack("app.json", environment="aws://1/eu-west-1")}
    never = {"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}, "Resources": {}}
    never["Resources"] = writing("never", Condition="Never")["Resources"]
    app = {**never, "Resources": {**never["Resources"], "S": subscription("t", "{{resolve:ssm:/a}}")}}
    manifest = {"version": "1", "artifacts": artifacts}
    write(tmp_path, west__json=writing("west"), north__json=writing("north"), app__json=app, manifest__json=manifest)
    template = read(tmp_path)
    assert template.value(template.resources["app", "S"], "Endpoint") == "west"


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [("List<String>", "/a", 3), ("List<String>", ["/a"], "b"), ("String", "/a", ["b"]), ("String", "/b", "b")],
)
def test_what_is_stored_as_something_else_is_not_known(kind, name, value):
    declared = {"Stored": {"Type": f"AWS::SSM::Parameter::Value<{kind}>", "Default": name}}
    template = read({"app": {"Parameters": declared, "Resources": {"P": stored("/a", Value=value)}}})
    assert isinstance(template.resolve("app", {"Ref": "Stored"}), Unknown)
    assert isinstance(template.resolve("app", "{{resolve:secretsmanager:/a}}"), Unknown)


@pytest.mark.parametrize("properties", ["text", [1], {"Name": ["a"]}, {"Name": {"Ref": "Stored"}}])
def test_a_malformed_stored_parameter_is_none_that_is_asked_for(properties):
    reading = {
        "Parameters": {"Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a"}},
        "Resources": {"Bad": {"Type": "AWS::SSM::Parameter", "Properties": properties}},
    }
    template = read({"app": reading})
    assert template.resolve("app", {"Ref": "Stored"}).reason == "parameter Stored is read from SSM when it is deployed"
    assert template.resolve("app", {"Fn::GetAtt": ["Bad", "Value"]}) == ""


def test_a_loop_takes_what_the_parent_of_a_nested_stack_passes_on(tmp_path):
    write(tmp_path, child__yaml=LOOP)
    parent = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "child.yaml"}}
    parent["Properties"]["Parameters"] = {"Names": "a"}
    write(tmp_path, main__yaml={"Resources": {"Child": parent}})
    template = read(tmp_path / "main.yaml")
    assert [name for stack, name in template.resources if stack.endswith("/Child")] == ["aCopy", "aQueue"]


def test_a_loop_takes_no_parameter_that_is_given_to_another_stack():
    template = read({"app": LOOP, "other": LOOP}, parameters={"other:Names": "a"})
    assert next(name for stack, name in template.resources if stack == "app") == "billsCopy"
    assert [name for stack, name in template.resources if stack == "other"] == ["aCopy", "aQueue"]


@pytest.mark.parametrize(
    "collection",
    [
        {"Fn::FindInMap": ["Stages", {"Ref": "Stage"}, "Names"]},
        [{"Ref": "Stage"}, 2],
        {"Fn::Split": [",", "prod,2"]},
    ],
    ids=str,
)
def test_a_loop_runs_over_whatever_its_template_decides(collection):
    body = {"Q${Name}": {"Type": "AWS::SQS::Queue"}}
    document = {
        "Transform": ["AWS::LanguageExtensions"],
        "Parameters": {"Stage": {"Type": "String", "Default": "prod"}},
        "Mappings": {"Stages": {"prod": {"Names": ["prod", 2]}}},
        "Resources": {"Fn::ForEach::Queues": ["Name", collection, body]},
    }
    assert [name for _, name in read({"app": document}).resources] == ["Q2", "Qprod"]


def test_a_loop_over_regions_is_not_known():
    document = {
        "Transform": "AWS::LanguageExtensions",
        "Resources": {"Fn::ForEach::L": ["R", [{"Ref": "AWS::Region"}], {"Q${R}": {"Type": "AWS::SQS::Queue"}}]},
    }
    assert [str(note) for note in read({"app": document}).notes] == [
        "app, Resources.Fn::ForEach::L: the collection of this loop is not known"
    ]


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/function-refs-in-policy-attributes.html
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("AWS::CloudFormation::StackSet", "what this stack set creates is not read"),
        ("My::Orders::Queue::MODULE", "what this module creates is not read"),
        ("AWS::Serverless::Function", "is not read, the template has no Transform: AWS::Serverless-2016-10-31"),
        ("AWS::SQS::Queue", None),
    ],
)
def test_a_resource_whose_own_resources_are_not_read_is_noted(kind, reason):
    notes = read({"S": {"Resources": {"R": {"Type": kind}}}}).notes
    assert [str(note) for note in notes] == ([f"S, Resources.R: {reason}"] if reason else [])


def test_what_keeps_a_resource_may_be_given_by_a_function():
    queue = {"Type": "AWS::SQS::Queue", "DeletionPolicy": {"Fn::If": ["Prod", "Retain", "Delete"]}}
    document = {
        "Transform": "AWS::LanguageExtensions",
        "Parameters": {"Stage": {"Type": "String", "Default": "prod"}, "Kept": {"Type": "String"}},
        "Conditions": {"Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "Resources": {"Queue": {**queue, "UpdateReplacePolicy": {"Ref": "Kept"}}},
    }
    template = read({"app": document})
    assert template.resources["app", "Queue"].deletion_policy == "Retain"
    assert template.resources["app", "Queue"].update_replace_policy == Unknown("parameter Kept has no value")
    assert [note.place for note in template.open_parameters()] == ["Parameters.Kept"]
