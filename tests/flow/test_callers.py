"""Services whose inner working is not modelled: what they send to, whether they may, who hears of a call that fails."""

from typing import Any

from patterns.flow import Flow, Outcome, loops, losses
from patterns.flow.model import Call
from tests.flow.parts import allow, arn, end, ends, flow_of, function, queue, ref, resource, role, topic, why_lost

ROLE = role(allow(arn("Queue"), "sqs:SendMessage"), allow(ref("Topic"), "sns:Publish"))


def iot(by: dict[str, Any] = ROLE, **payload: Any) -> Flow:
    actions = {"Actions": [{"Sqs": {"QueueUrl": ref("Queue"), "RoleArn": arn("Role")}}], **payload}
    rule = resource("AWS::IoT::TopicRule", TopicRulePayload={"Sql": "SELECT *", **actions})
    return flow_of(Rule=rule, Queue=queue(), Topic=topic(), Worker=function(), Role=by)


def method(uri: Any, **integration: Any) -> dict[str, Any]:
    return resource(
        "AWS::ApiGateway::Method",
        RestApiId=ref("Api"),
        Integration={"Type": "AWS", "Uri": uri, "Credentials": arn("Role"), **integration},
    )


def machine(definition: Any, **more: Any) -> dict[str, Any]:
    return resource("AWS::StepFunctions::StateMachine", DefinitionString=definition, RoleArn=arn("Role"), **more)


def test_a_device_is_not_told_of_an_iot_action_that_fails_so_without_an_error_action_the_message_is_lost():
    [lost] = losses(iot())
    assert lost.condition == "a call by Rule fails"
    assert lost.remedy == "give Rule an error action"


def test_an_error_action_takes_what_an_iot_action_could_not():
    flow = iot(ErrorAction={"Sns": {"TargetArn": ref("Topic"), "RoleArn": arn("Role")}})
    assert losses(flow) == []
    assert end(flow, "Rule", Outcome.DESTINATION).at == "S/Topic"
    assert [fate.at for fate in ends(flow, "Rule", Outcome.OUTSIDE)] == ["S/Queue"]


def test_the_role_of_an_iot_rule_does_not_let_it_invoke():
    flow = iot(
        role(allow("*", "*")),
        Actions=[
            {"Lambda": {"FunctionArn": arn("Worker")}},
            {"Sqs": {"QueueUrl": ref("Queue"), "RoleArn": arn("Role")}},
        ],
    )
    assert {call.target: call.verdict.allowed for call in flow.edges_of(Call)} == {"S/Worker": False, "S/Queue": True}


def test_an_error_action_that_may_not_write_keeps_nothing():
    flow = iot(role(), ErrorAction={"Sqs": {"QueueUrl": ref("Queue"), "RoleArn": arn("Role")}})
    [lost] = losses(flow)
    assert lost.condition.endswith("its error action cannot take it: Role has no sqs:SendMessage on Queue")
    assert lost.remedy == "let the error action of Rule write: Role has no sqs:SendMessage on Queue"


def test_an_api_whose_role_may_not_send_rejects_and_the_queue_is_not_reached():
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:sqs:path/${AWS::AccountId}/${Queue.QueueName}"}
    template = {"Request": "Action=SendMessage&MessageBody=$input.body"}
    parts = {
        "Api": resource("AWS::ApiGateway::RestApi"),
        "Queue": queue(),
        "Method": method(uri, RequestTemplates=template),
    }
    allowed = flow_of(**parts, Role=role(allow(arn("Queue"), "sqs:SendMessage")))
    assert [fate.at for fate in ends(allowed, "Api", Outcome.OUTSIDE)] == ["S/Queue"]
    denied = flow_of(**parts, Role=role(allow(arn("Queue"), "sqs:ReceiveMessage")))
    rejected = end(denied, "Api", Outcome.REJECTED)
    assert rejected.condition == (
        "Api may not send to Queue: Role has no sqs:SendMessage on Queue: whoever called it gets the error"
    )
    assert ends(denied, "Api", Outcome.OUTSIDE) == []


def test_what_a_definition_only_reads_is_no_link():
    reads = {"Fn::Sub": '{"Resource":"arn:aws:states:::aws-sdk:sqs:receiveMessage","QueueUrl":"${Queue}"}'}
    flow = flow_of(Machine=machine(reads), Queue=queue(), Role=role(allow(arn("Queue"), "sqs:ReceiveMessage")))
    assert flow.edges_of(Call) == []


def test_a_state_machine_that_fails_keeps_its_input_in_the_history_for_90_days():
    sends = '{"Resource":"arn:aws:states:::sns:publish","TopicArn":"arn:aws:sns:eu-west-1:111122223333:orders"}'
    parts = {"Topic": topic(TopicName="orders"), "Role": role(allow("*", "sns:Publish"))}
    flow = flow_of(Machine=machine(sends), **parts)
    [failed] = [fate for fate in ends(flow, "Machine", Outcome.OUTSIDE) if fate.at == "S/Machine"]
    assert failed.condition == "a call by Machine fails: its execution fails, unless its definition catches it"
    assert failed.kept is not None
    assert failed.kept.at_least == 90 * 86_400
    express = flow_of(Machine=machine(sends, StateMachineType="EXPRESS"), **parts)
    [failed] = [fate for fate in ends(express, "Machine", Outcome.OUTSIDE) if fate.at == "S/Machine"]
    assert failed.kept is None
    assert failed.unsure == ("what Machine logs, and who waits for its result",)


def test_events_without_a_bus_go_to_the_default_bus_and_may_come_back():
    puts = '{"Resource":"arn:aws:states:::events:putEvents","Parameters":{"Entries":[{"Source":"me"}]}}'
    rule = resource(
        "AWS::Events::Rule",
        EventPattern={"source": ["me"]},
        Targets=[{"Id": "m", "Arn": ref("Machine"), "RoleArn": arn("Role")}],
    )
    allowed = role(allow("*", "events:PutEvents", "states:StartExecution"))
    flow = flow_of(Machine=machine(puts), Role=allowed, Rule=rule)
    [loop] = loops(flow)
    assert loop.nodes == ("S/Machine", "default event bus", "S/Rule")
    assert not loop.stopped
    named = '{"Resource":"arn:aws:states:::events:putEvents","EventBusName":"other"}'
    assert loops(flow_of(Machine=machine(named), Role=allowed, Rule=rule)) == []


def test_events_that_an_api_puts_go_to_the_default_bus_too():
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:events:action/PutEvents"}
    puts = method(uri, RequestTemplates={"application/json": '{"Entries": [{"Source": "me"}]}'})
    flow = flow_of(Api=resource("AWS::ApiGateway::RestApi"), Put=puts, Role=role(allow("*", "events:PutEvents")))
    assert [call.target for call in flow.edges_of(Call)] == ["default event bus"]


def test_a_service_of_which_it_is_not_known_what_it_does_with_a_failed_call_says_so():
    flow = flow_of(
        Mail=resource("AWS::SES::ReceiptRule", Rule={"Actions": [{"TopicArn": ref("Topic")}]}), Topic=topic()
    )
    dropped = end(flow, "Mail", Outcome.DROPPED)
    assert not dropped.lost
    assert dropped.unsure == ("what AWS::SES::ReceiptRule does with a call that fails",)


def universal(operation: str, body: str) -> Flow:
    target = {
        "Arn": f"arn:aws:scheduler:::aws-sdk:{operation}",
        "Input": {"Fn::Sub": body},
        "RoleArn": arn("Role"),
    }
    schedule = resource("AWS::Scheduler::Schedule", ScheduleExpression="rate(1 hour)", Target=target)
    parts = {"Queue": queue(), "Topic": topic(), "Worker": function(), "Role": role(allow("*", "sqs:*", "sns:*"))}
    return flow_of(Schedule=schedule, **parts)


def test_a_universal_target_of_a_schedule_is_what_its_input_names():
    assert universal("sqs:sendMessage", '{"QueueUrl":"${Queue}","MessageBody":"x"}').edges[
        "S/Schedule#Target"
    ].target == ("S/Queue")
    assert universal("sns:publish", '{"TopicArn":"${Topic}"}').edges["S/Schedule#Target"].target == "S/Topic"
    assert (
        universal("lambda:invoke", '{"FunctionName":"${Worker.Arn}"}').edges["S/Schedule#Target"].target == "S/Worker"
    )
    events = universal("eventbridge:putEvents", '{"Entries":[{"Source":"me"}]}')
    assert events.edges["S/Schedule#Target"].target == "default event bus"
    other = universal("rds:stopDBInstance", '{"DbInstanceIdentifier":"x"}')
    assert other.edges["S/Schedule#Target"].target == "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance"


def test_a_pipe_that_may_not_send_says_so_where_its_messages_end():
    reads = allow(arn("Queue"), "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    pipe = resource("AWS::Pipes::Pipe", Source=arn("Queue"), Target=ref("Topic"), RoleArn=arn("Role"))
    flow = flow_of(Queue=queue(), Topic=topic(), Role=role(reads), Pipe=pipe)
    assert why_lost(flow) == [
        "Pipe may not send to Topic (Role has no sns:Publish on Topic) and fails on every receive for 4 d"
    ]


INVOKES = {"Worker": function("WorkerRole"), "WorkerRole": role(), "Role": role(allow("*", "lambda:InvokeFunction"))}


def test_a_function_that_a_state_machine_calls_as_an_event_can_lose_it():
    task = (
        '"Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"${Worker}","InvocationType":"Event"}'
    )
    flow = flow_of(Machine=machine({"Fn::Sub": '{"States":{"A":{' + task + "}}}"}), **INVOKES)
    assert "Worker fails 3 times" in why_lost(flow)
    assert end(flow, "Machine", Outcome.OUTSIDE).condition.startswith("a call by Machine fails")


def test_a_function_that_an_api_calls_as_an_event_can_lose_it():
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Worker.Arn}/invocations"}
    header = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    flow = flow_of(Api=resource("AWS::ApiGateway::RestApi"), Method=method(uri, RequestParameters=header), **INVOKES)
    assert "Worker fails 3 times" in why_lost(flow)
    assert end(flow, "Api", Outcome.REJECTED)


def test_a_mail_waits_for_the_function_that_decides_about_it():
    action = {"LambdaAction": {"FunctionArn": arn("Worker"), "InvocationType": "RequestResponse"}}
    mail = resource("AWS::SES::ReceiptRule", RuleSetName="all", Rule={"Actions": [action]})
    assert why_lost(flow_of(Mail=mail, **INVOKES)) == []
