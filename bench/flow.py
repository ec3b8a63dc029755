"""How long it takes to read templates, build the graph and tell every fate, and how much memory.

Each size runs in a process of its own, so that peak memory is its own. A template is five times the same
chain with everything a good stack has (two queues with policies, a topic, a key, a role, a function, an
alarm…), 50 resources in all. After the table: one template of 200 resources, and the command line on it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from patterns.flow import fates, read_flow

SIZES = (10, 100, 1_000)
CHAINS = 5
RESOURCES_OF_A_CHAIN = 10
ONE = 200
RUNS = 7


def template(chains: int = CHAINS) -> dict[str, Any]:
    """One template, of 50 resources unless told otherwise."""
    resources: dict[str, Any] = {}
    for number in range(chains):
        resources.update(_chain(f"Chain{number}"))
    return {"Resources": resources}


def _chain(name: str) -> dict[str, Any]:
    def arn(part: str, attribute: str = "Arn") -> dict[str, Any]:
        return {"Fn::GetAtt": [name + part, attribute]}

    def ref(part: str) -> dict[str, Any]:
        return {"Ref": name + part}

    def sns(part: str) -> dict[str, Any]:
        return {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn(part),
            "Condition": {"ArnEquals": {"aws:SourceArn": ref("Topic")}},
        }

    tls = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sqs:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    root = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::", {"Ref": "AWS::AccountId"}, ":root"]]}
    basic = ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]
    resources: dict[str, tuple[str, dict[str, Any]]] = {
        "Key": (
            "AWS::KMS::Key",
            {
                "KeyPolicy": {
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "sns.amazonaws.com"},
                            "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
                            "Resource": "*",
                        },
                    ]
                }
            },
        ),
        "Dead": ("AWS::SQS::Queue", {"MessageRetentionPeriod": 1_209_600}),
        "Queue": (
            "AWS::SQS::Queue",
            {
                "VisibilityTimeout": 180,
                "KmsMasterKeyId": arn("Key"),
                "RedrivePolicy": {"deadLetterTargetArn": arn("Dead"), "maxReceiveCount": 5},
            },
        ),
        "Topic": ("AWS::SNS::Topic", {}),
        "Subscription": (
            "AWS::SNS::Subscription",
            {
                "Protocol": "sqs",
                "TopicArn": ref("Topic"),
                "Endpoint": arn("Queue"),
                "RedrivePolicy": {"deadLetterTargetArn": arn("Dead")},
            },
        ),
        "Policy": (
            "AWS::SQS::QueuePolicy",
            {
                "Queues": [ref("Queue"), ref("Dead")],
                "PolicyDocument": {"Statement": [tls, sns("Queue"), sns("Dead")]},
            },
        ),
        "Role": (
            "AWS::IAM::Role",
            {
                "ManagedPolicyArns": [{"Fn::Join": ["", basic]}],
                "Policies": [
                    {
                        "PolicyName": "poll",
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": [
                                        "sqs:ReceiveMessage",
                                        "sqs:DeleteMessage",
                                        "sqs:GetQueueAttributes",
                                    ],
                                    "Resource": arn("Queue"),
                                },
                                {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": arn("Key")},
                            ]
                        },
                    }
                ],
            },
        ),
        "Worker": (
            "AWS::Lambda::Function",
            {"Role": arn("Role"), "Timeout": 30, "Environment": {"Variables": {"NEXT": ref("Topic")}}},
        ),
        "Poll": (
            "AWS::Lambda::EventSourceMapping",
            {"FunctionName": ref("Worker"), "EventSourceArn": arn("Queue"), "BatchSize": 10},
        ),
        "Alarm": (
            "AWS::CloudWatch::Alarm",
            {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateNumberOfMessagesVisible",
                "Dimensions": [{"Name": "QueueName", "Value": arn("Dead", "QueueName")}],
                "Statistic": "Maximum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 0,
                "ComparisonOperator": "GreaterThanThreshold",
                "AlarmActions": ["arn:aws:sns:eu-central-1:111122223333:ops"],
            },
        ),
    }
    return {name + part: {"Type": kind, "Properties": properties} for part, (kind, properties) in resources.items()}


_MEASURED = """
import resource, sys, time
from patterns.flow import fates, flow_of, losses
from patterns.flow.template import read
begin = time.perf_counter()
template = read(sys.argv[1])
read_at = time.perf_counter()
flow = flow_of(template)
built_at = time.perf_counter()
fates(flow)
told_at = time.perf_counter()
assert losses(flow) == []
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(len(template.resources), read_at - begin, built_at - read_at, told_at - built_at, told_at - begin, peak)
"""


def measure(templates: int) -> tuple[int, float, float, float, float, float]:
    """Resources; seconds for reading, graph, fates and all of it; peak megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        document = json.dumps(template())
        for number in range(templates):
            (Path(folder) / f"stack{number}.template.json").write_text(document)
        done = subprocess.run([sys.executable, "-c", _MEASURED, folder], capture_output=True, text=True, check=True)
    resources, *rest = done.stdout.split()
    read, graph, told, total, peak = map(float, rest)
    return int(resources), read, graph, told, total, peak


def one() -> tuple[float, float]:
    """Seconds for one template of 200 resources: read, graph and fates, and `patterns explain` as a command."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.template.json"
        path.write_text(json.dumps(template(ONE // RESOURCES_OF_A_CHAIN)))
        inside, command = [], []
        for _ in range(RUNS):
            begin = time.perf_counter()
            fates(read_flow(path))
            inside.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-m", "patterns", "explain", str(path)], capture_output=True, check=True)
            command.append(time.perf_counter() - begin)
    return statistics.median(inside), statistics.median(command)


def main() -> None:
    """Print the table."""
    print("templates  resources    read   graph   fates     all   µs/resource   peak MB")
    for templates in SIZES:
        resources, read, graph, told, total, peak = measure(templates)
        each = total / resources * 1e6
        print(
            f"{templates:9,}  {resources:9,}  {read:5.2f}s  {graph:5.2f}s  {told:5.2f}s  {total:5.2f}s"
            f"  {each:12.1f}  {peak:8.0f}"
        )
    inside, command = one()
    print(f"one template of {ONE} resources (median of {RUNS}): {1000 * inside:.0f} ms, as a command {command:.2f} s")


if __name__ == "__main__":
    main()
