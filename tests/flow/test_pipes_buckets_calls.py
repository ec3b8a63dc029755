"""Pipes hand on what their source keeps; buckets tell and forget; a caller sees its own failures."""

import pytest

from patterns.flow import Outcome, Way, fates, losses
from patterns.flow.model import Answer, Bucket, Call, Delivery, Notification, Poll
from tests.flow.parts import (
    allow,
    arn,
    async_config,
    changed,
    dead_letters,
    end,
    ends,
    flow_of,
    function,
    lets_in,
    permission,
    polls,
    queue,
    ref,
    resource,
    role,
    topic,
    why_lost,
)

MACHINE = resource("AWS::StepFunctions::StateMachine", DefinitionString="{}")


def pipe(**properties):
    return resource(
        "AWS::Pipes::Pipe", **{"Source": arn("Queue"), "Target": ref("Machine"), "RoleArn": arn("Role"), **properties}
    )


def piped(**properties):
    return {
        "Pipe": pipe(**properties),
        "Queue": queue("Dead"),
        "Dead": dead_letters(),
        "Machine": MACHINE,
        "Role": role(polls("Queue"), allow(ref("Machine"), "states:StartExecution")),
    }


def test_a_pipe_leaves_failures_to_its_source():
    flow = flow_of(**piped())
    assert losses(flow) == []
    assert end(flow, "Queue", Outcome.DLQ).condition == "Pipe fails on 5 receives"
    assert [edge.target for edge in flow.edges_of(Delivery)] == ["S/Machine"]
    bare = flow_of(**{**piped(), "Queue": queue()})
    assert why_lost(bare) == ["Pipe fails on every receive for 4 d"]


def test_a_pipe_writes_to_a_log_group_by_its_role():
    reads = allow(arn("Queue"), "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    pipe = resource("AWS::Pipes::Pipe", Source=arn("Queue"), Target=arn("Logs"), RoleArn=arn("Role"))
    parts = {"Queue": queue(), "Logs": resource("AWS::Logs::LogGroup"), "Pipe": pipe}
    writes = flow_of(**parts, Role=role(reads, allow(arn("Logs"), "logs:PutLogEvents")))
    assert writes.edges["S/Pipe#Target"].verdict.allowed
    silent = flow_of(**parts, Role=role(reads))
    assert silent.edges["S/Pipe#Target"].verdict.why == "Role has no logs:PutLogEvents on Logs"


def test_a_pipe_deletes_what_its_filter_rejects():
    criteria = {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]}}
    flow = flow_of(**piped(SourceParameters=criteria))
    assert why_lost(flow) == ["it matches no filter of the pipe Pipe, which deletes it"]


def test_what_an_enrichment_returns_nothing_for_is_not_passed_on():
    calls = allow(arn("Worker"), "lambda:InvokeFunction")
    starts = allow(ref("Machine"), "states:StartExecution")
    parts = {**piped(Enrichment=arn("Worker")), "Worker": function()}
    flow = flow_of(**{**parts, "Role": role(polls("Queue"), starts, calls)})
    assert losses(flow) == []
    told = end(flow, "Queue", Outcome.FILTERED)
    assert (told.at, told.hop, told.unsure) == ("S/Pipe", "S/Pipe#Enrichment", ())
    assert told.condition == "Worker returns nothing for it, so Pipe does not pass it on"
    assert ends(flow_of(**{**parts, "Role": role(polls("Queue"), starts)}), "Queue", Outcome.FILTERED) == []


def test_a_stopped_pipe_reads_nothing():
    (lost,) = losses(flow_of(**piped(DesiredState="STOPPED")))
    assert (lost.condition, lost.remedy) == ("the pipe Pipe is disabled", "start the pipe Pipe")


def test_the_role_of_a_pipe_reads_and_sends():
    shut = flow_of(**{**piped(), "Role": role(allow(ref("Machine"), "states:StartExecution"))})
    assert why_lost(shut) == ["Role has no sqs:ReceiveMessage on Queue"]
    cannot_start = flow_of(**{**piped(), "Role": role(polls("Queue"))})
    assert cannot_start.edges_of(Delivery)[0].verdict.why == "Role has no states:StartExecution on Machine"


@pytest.mark.parametrize(("kind", "lost"), [("FIRE_AND_FORGET", True), ("REQUEST_RESPONSE", False)])
def test_a_pipe_that_does_not_wait_for_its_function_needs_the_functions_net(kind, lost):
    parts = {
        **piped(Target=arn("Worker"), TargetParameters={"LambdaFunctionParameters": {"InvocationType": kind}}),
        "Worker": function("WorkerRole"),
        "WorkerRole": role(),
        "Role": role(polls("Queue"), allow(arn("Worker"), "lambda:InvokeFunction")),
    }
    assert bool(losses(flow_of(**parts))) is lost


def test_where_the_template_leaves_open_whether_a_pipe_waits_nothing_is_lost_for_certain():
    parts = {
        **piped(Target=arn("Worker"), TargetParameters={"LambdaFunctionParameters": {"InvocationType": ref("Open")}}),
        "Worker": function("WorkerRole"),
        "WorkerRole": role(),
        "Role": role(polls("Queue"), allow(arn("Worker"), "lambda:InvokeFunction")),
    }
    flow = flow_of(**parts)
    assert losses(flow) == []
    doubt = "whether Worker is invoked as an event or its answer waited for"
    told = {(fate.outcome, doubt in fate.unsure) for fate in fates(flow)["S/Queue"] if fate.at == "S/Worker"}
    assert told == {(Outcome.PROCESSED, True), (Outcome.DROPPED, True)}


def test_a_pipe_from_a_stream_puts_failures_aside():
    parameters = {
        "KinesisStreamParameters": {
            "StartingPosition": "LATEST",
            "MaximumRetryAttempts": 2,
            "DeadLetterConfig": {"Arn": arn("Dead")},
        }
    }
    parts = {
        **piped(Source=arn("Stream"), SourceParameters=parameters),
        "Stream": resource("AWS::Kinesis::Stream"),
        "Role": role(
            allow(arn("Stream"), "kinesis:Get*"),
            allow(arn("Dead"), "sqs:SendMessage"),
            allow(ref("Machine"), "states:StartExecution"),
        ),
    }
    flow = flow_of(**parts)
    assert [fate.at for fate in ends(flow, "Stream", Outcome.DESTINATION)] == ["S/Dead"]
    assert [poll.starting_position for poll in flow.edges_of(Poll)] == ["LATEST"]


def bucket(**configuration):
    return resource("AWS::S3::Bucket", NotificationConfiguration=configuration)


def test_a_bucket_tells_a_queue():
    rules = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "in/"}]}}
    told = {"Event": "s3:ObjectCreated:*", "Queue": arn("Queue"), "Filter": rules}
    parts = {
        "Bucket": bucket(QueueConfigurations=[told]),
        "Queue": queue(),
        "Policy": lets_in("s3", arn("Bucket"), "Queue"),
    }
    flow = flow_of(**parts)
    assert losses(flow) == []
    (edge,) = flow.edges_of(Notification)
    assert (edge.events, edge.filters, edge.verdict.allowed) == (("s3:ObjectCreated:*",), (("prefix", "in/"),), True)
    parts["Policy"] = lets_in("sns", arn("Bucket"), "Queue")
    assert why_lost(flow_of(**parts)) == [
        "S3 cannot notify Queue: the policy on Queue does not allow s3.amazonaws.com sqs:SendMessage"
    ]


def test_a_bucket_named_by_its_arn_is_the_same_bucket():
    parts = {
        "Bucket": resource(
            "AWS::S3::Bucket",
            BucketName="uploads",
            NotificationConfiguration={"QueueConfigurations": [{"Event": "s3:*", "Queue": arn("Queue")}]},
        ),
        "Queue": queue(),
        "Policy": lets_in("s3", {"Fn::Sub": "arn:${AWS::Partition}:s3:::uploads"}, "Queue"),
    }
    assert flow_of(**parts).edges_of(Notification)[0].verdict.allowed
    parts["Policy"] = lets_in("s3", "arn:aws:s3:::others", "Queue")
    assert flow_of(**parts).edges_of(Notification)[0].verdict.denied


@pytest.mark.parametrize("kind", ["queue", "topic"])
def test_a_bucket_cannot_notify_fifo(kind):
    parts = {
        "Bucket": bucket(QueueConfigurations=[{"Event": "s3:*", "Queue": arn("To")}])
        if kind == "queue"
        else bucket(TopicConfigurations=[{"Event": "s3:*", "Topic": ref("To")}]),
        "To": queue(FifoQueue=True) if kind == "queue" else topic(FifoTopic=True),
    }
    assert why_lost(flow_of(**parts)) == [f"S3 cannot notify To: To is a FIFO {kind}, which S3 cannot notify"]


def test_a_function_that_a_bucket_invokes_needs_its_own_net():
    parts = {
        "Bucket": bucket(LambdaConfigurations=[{"Event": "s3:*", "Function": arn("Worker")}]),
        "Worker": function(),
        "Role": role(allow(arn("Failed"), "sqs:SendMessage")),
        "Failed": dead_letters(),
        "Permission": permission("s3", arn("Bucket")),
        "Config": async_config("Failed"),
    }
    assert losses(flow_of(**parts)) == []
    assert len(losses(flow_of(**{**parts, "Config": async_config()}))) == 2


def test_the_notifications_that_the_cdk_writes_through_its_own_resource_count():
    configuration = {"QueueConfigurations": [{"Events": ["s3:ObjectRemoved:*"], "QueueArn": arn("Queue")}]}
    own = resource("Custom::S3BucketNotifications", BucketName=ref("Bucket"), NotificationConfiguration=configuration)
    flow = flow_of(Bucket=resource("AWS::S3::Bucket"), Own=own, Queue=queue())
    (edge,) = flow.edges_of(Notification)
    assert (edge.source, edge.target, edge.events) == ("S/Bucket", "S/Queue", ("s3:ObjectRemoved:*",))
    assert isinstance(flow.nodes["S/Bucket"], Bucket)


@pytest.mark.parametrize("written", ["arn:${AWS::Partition}:s3:::uploads", "arn:aws:s3:*:*:uploads"])
def test_a_bucket_elsewhere_that_the_cdk_gives_notifications_is_the_one_that_policies_name_by_its_arn(written):
    own = resource(
        "Custom::S3BucketNotifications",
        BucketName="uploads",
        Managed=False,
        NotificationConfiguration={
            "QueueConfigurations": [{"Events": ["s3:ObjectCreated:*"], "QueueArn": arn("Queue")}],
            "LambdaFunctionConfigurations": [{"Events": ["s3:ObjectRemoved:*"], "LambdaFunctionArn": arn("Worker")}],
        },
    )
    flow = flow_of(
        Own=own,
        Queue=queue(),
        Policy=lets_in("s3", {"Fn::Sub": written}, "Queue"),
        Worker=function(),
        Role=role(),
        Permission=permission("s3", {"Fn::Sub": written}),
    )
    assert [
        (edge.kind, edge.source, flow.name(edge.source), edge.target, edge.verdict.allowed)
        for edge in flow.edges.values()
    ] == [
        ("notification", "arn:aws:s3:::uploads", "uploads", "S/Worker", True),
        ("notification", "arn:aws:s3:::uploads", "uploads", "S/Queue", True),
    ]


def test_events_of_a_bucket_go_to_the_default_bus_and_only_to_rules_that_can_match_them():
    def matched(pattern):
        parts = {
            "Bucket": bucket(EventBridgeConfiguration={"EventBridgeEnabled": True}),
            "Rule": resource("AWS::Events::Rule", EventPattern=pattern, Targets=[{"Arn": arn("Queue"), "Id": "t"}]),
            "Queue": queue(),
            "Policy": lets_in("events", arn("Rule"), "Queue"),
        }
        return bool(ends(flow_of(**parts), "Bucket", Outcome.OUTSIDE))

    assert matched({"source": ["aws.s3"]})
    assert matched({"source": ["aws.s3"], "detail": {"bucket": {"name": [ref("Bucket")]}}})
    assert not matched({"source": ["aws.s3"], "detail": {"bucket": {"name": ["another"]}}})
    assert not matched({"source": ["shop"]})


def test_an_api_that_puts_into_a_queue_sees_its_own_failures():
    api = resource("AWS::ApiGatewayV2::Api", Name="a", ProtocolType="HTTP")
    integration = resource(
        "AWS::ApiGatewayV2::Integration",
        ApiId=ref("Api"),
        IntegrationSubtype="SQS-SendMessage",
        RequestParameters={"QueueUrl": ref("Queue")},
    )
    flow = flow_of(Api=api, Put=integration, Queue=queue())
    (edge,) = flow.edges_of(Call)
    assert (edge.source, edge.target, edge.way) == ("S/Api", "S/Queue", Way.MESSAGE)
    assert end(flow, "Api", Outcome.REJECTED).condition == "a call by Api fails: whoever called it gets the error"
    assert losses(flow) == []


URI = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Worker.Arn}/invocations"}
API = {
    "Api": resource("AWS::ApiGateway::RestApi"),
    "Get": resource("AWS::ApiGateway::Method", RestApiId=ref("Api"), Integration={"Uri": URI}),
    "Worker": function(),
    "Role": role(),
}
GETS = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/GET/"}


def test_a_function_behind_an_api_is_called_and_not_queued():
    flow = flow_of(**API, Permission=permission("apigateway", GETS))
    assert losses(flow) == []
    assert [f.condition for f in ends(flow, "Api", Outcome.REJECTED)] == [
        "a call by Api fails: whoever called it gets the error"
    ]


@pytest.mark.parametrize("wrong", [{}, {"Permission": permission("events", arn("Rule"))}], ids=["none", "another"])
def test_an_api_without_a_permission_of_its_function_is_refused(wrong):
    (call,) = [edge for edge in flow_of(**API, **wrong).edges_of(Call) if edge.source == "S/Api"]
    assert call.verdict.why == "no policy on Worker lets apigateway.amazonaws.com in"


@pytest.mark.parametrize(
    ("alias", "target", "answer"),
    [
        ("prod", "S/Alias", Answer.ALLOWED),
        ("$LATEST", "S/Worker", Answer.DENIED),
        ("${!stageVariables.alias}", "S/Worker:${stageVariables.alias}", Answer.UNKNOWN),
    ],
)
def test_an_api_calls_the_alias_that_its_definition_names(alias, target, answer):
    uri = {"Fn::Sub": URI["Fn::Sub"].replace(".Arn}", f".Arn}}:{alias}")}
    own = resource("AWS::Lambda::Alias", FunctionName=ref("Worker"), FunctionVersion="1", Name="prod")
    parts = {**API, "Get": changed(API["Get"], Integration={"Uri": uri}), "Alias": own}
    (call,) = (
        edge
        for edge in flow_of(**parts, LetsIn=permission("apigateway", GETS, ref("Alias"))).edges_of(Call)
        if edge.source == "S/Api"
    )
    assert (call.target, call.verdict.answer) == (target, answer)


@pytest.mark.parametrize(
    "caller",
    [
        resource("AWS::Cognito::UserPool", LambdaConfig={"PreSignUp": arn("Worker")}),
        resource("AWS::SecretsManager::RotationSchedule", RotationLambdaARN=arn("Worker")),
        resource("AWS::ApiGateway::RestApi", Body={"x-amazon-apigateway-integration": {"uri": URI}}),
        resource("AWS::ApiGatewayV2::Api", Body={"x-amazon-apigateway-integration": {"uri": URI}}),
        resource("AWS::ApiGatewayV2::Integration", IntegrationUri=arn("Worker")),
    ],
    ids=lambda caller: caller["Type"],
)
def test_a_service_that_the_function_lets_in_by_no_policy_is_refused(caller):
    (call,) = flow_of(Caller=caller, Worker=function(), Role=role()).edges_of(Call)
    assert call.verdict.denied


def test_a_permission_may_name_the_alias_in_the_functions_name():
    alias = resource("AWS::Lambda::Alias", FunctionName=ref("Worker"), FunctionVersion="1", Name="prod")
    called = changed(API["Get"], Integration={"Uri": ref("Alias")})
    lets_alias_in = permission("apigateway", GETS, {"Fn::Sub": "${Worker}:prod"})
    (call,) = flow_of(**{**API, "Get": called, "Alias": alias}, LetsIn=lets_alias_in).edges_of(Call)
    assert call.verdict.allowed


def test_an_api_with_credentials_needs_no_permission_of_its_function():
    invoke = {"Uri": URI, "Credentials": arn("Caller")}
    parts = {**API, "Get": resource("AWS::ApiGateway::Method", RestApiId=ref("Api"), Integration=invoke)}
    (call,) = flow_of(**parts, Caller=role(allow(arn("Worker"), "lambda:InvokeFunction"))).edges_of(Call)
    assert call.verdict.allowed
    (call,) = flow_of(**parts, Caller=role(), Permission=permission("apigateway", GETS)).edges_of(Call)
    assert call.verdict.allowed


def test_an_api_may_have_many_permissions_of_one_function():
    many = {f"Permission{n}": permission("apigateway", {"Fn::Sub": f"arn:aws:x:${{Api}}/{n}"}) for n in range(30)}
    assert all(call.verdict.allowed for call in flow_of(**API, **many).edges_of(Call))


def test_a_state_machine_names_what_it_sends_to():
    machine = resource(
        "AWS::StepFunctions::StateMachine",
        DefinitionString={"Fn::Sub": '{"Resource":"arn:aws:states:::sns:publish","TopicArn":"${Topic}"}'},
    )
    (edge,) = flow_of(Machine=machine, Topic=topic()).edges_of(Call)
    assert (edge.source, edge.target) == ("S/Machine", "S/Topic")


def test_a_thing_rule_invokes_its_function_asynchronously():
    thing = resource("AWS::IoT::TopicRule", TopicRulePayload={"Actions": [{"Lambda": {"FunctionArn": arn("Worker")}}]})
    parts = {"Thing": thing, "Worker": function(), "Role": role()}
    flow = flow_of(**parts, Permission=permission("iot", arn("Thing")))
    assert [fate.at for fate in losses(flow)] == ["S/Worker", "S/Worker"]
    assert why_lost(flow_of(**parts)) == ["Thing may not send to Worker: no policy on Worker lets iot.amazonaws.com in"]


def test_each_integration_of_an_api_calls_with_its_own_role_or_with_none_and_authorizers_get_no_message():
    def calls(target, **more):
        uri = {"Fn::Sub": f"arn:aws:apigateway:${{AWS::Region}}:{target}"}
        return {"x-amazon-apigateway-integration": {"uri": uri, "httpMethod": "POST", **more}}

    body = {
        "paths": {
            "/in": {"post": calls("sqs:path/${AWS::AccountId}/${Queue.QueueName}", credentials=arn("Role"))},
            "/out": {"get": calls("lambda:path/2015-03-31/functions/${Worker.Arn}/invocations")},
            "/again": {"get": {"x-amazon-apigateway-integration": {"$ref": "#/components/x/Shared"}}},
        },
        "components": {
            "x-amazon-apigateway-integrations": {"Shared": {"uri": arn("Shared"), "type": "aws_proxy"}},
            "securitySchemes": {"Own": {"x-amazon-apigateway-authorizer": {"authorizerUri": arn("Authorizer")}}},
        },
    }
    flow = flow_of(
        Api=resource("AWS::ApiGateway::RestApi", Body=body),
        Role=role(allow(arn("Queue"), "sqs:SendMessage")),
        Queue=queue("Dead"),
        Dead=dead_letters(),
        Worker=function(),
        Shared=function(),
        Authorizer=function(),
        LetsIn=permission("apigateway", "*"),
        SharedLetsIn=permission("apigateway", "*", ref("Shared")),
    )
    calls_told = {(call.target, call.verdict.answer) for call in flow.edges_of(Call)}
    assert calls_told == {(f"S/{name}", Answer.ALLOWED) for name in ("Queue", "Worker", "Shared")}


def test_a_queue_that_one_integration_may_send_to_is_sent_to():
    def puts(role):
        uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:sqs:path/${AWS::AccountId}/${Queue.QueueName}"}
        text = {"application/json": "Action=SendMessage&MessageBody=$input.body"}
        put = {"credentials": arn(role), "uri": uri, "requestTemplates": text}
        return {"post": {"x-amazon-apigateway-integration": put}}

    def told(*roles):
        api = resource("AWS::ApiGateway::RestApi", Body={"paths": {f"/{each}": puts(each) for each in roles}})
        may = role(allow(arn("Queue"), "sqs:SendMessage"))
        (edge,) = flow_of(Api=api, May=may, Not=role(), Queue=queue()).edges_of(Call)
        return edge.verdict.answer

    assert told("Not") is Answer.DENIED
    assert told("Not", "May") is told("May", "Not") is Answer.ALLOWED
