"""Runs inside KillSwitch's function: sets another function's reserved concurrency to 0 when an alarm says so.

It is put into the template as text, so it imports nothing but what Lambda's Python has.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

import json
import os
from typing import Any

import boto3

client = boto3.client("lambda")


def handler(event: dict[str, Any], _context: Any) -> dict[str, str]:
    """Switch off on ALARM and on nothing else; anything unexpected fails, is tried again and ends in a queue."""
    alarm = event["alarmData"]["alarmName"]
    state = event["alarmData"]["state"]["value"]
    function = os.environ["FUNCTION"]
    if state != "ALARM":
        done = "left alone"
    else:
        client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
        done = "switched off"
    report = {"function": function, "alarm": alarm, "state": state, "done": done}
    print(json.dumps(report))
    return report
