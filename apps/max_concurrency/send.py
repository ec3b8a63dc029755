"""Send the burst to both halves: ``python -m apps.max_concurrency.send``."""

from typing import Annotated

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

HALVES = ("Reserved", "Maximum")


def main(
    count: Annotated[int, typer.Option(min=1, max=1000, help="Messages for each half.")] = 25,
    stack: Annotated[str, typer.Option(help="Name of the deployed stack.")] = "MaxConcurrency",
) -> None:
    """Send COUNT messages to each half, with the AWS account and Region that the environment names."""
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found}
        sqs = boto3.client("sqs")
        for half in HALVES:
            url = outputs[f"{half}QueueUrl"]
            for start in range(0, count, 10):
                entries = [{"Id": str(n), "MessageBody": "testing"} for n in range(start, min(start + 10, count))]
                refused = sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
                if refused:
                    raise typer.BadParameter(f"{len(refused)} messages were refused: {refused[0]['Message']}")
            typer.echo(f"{half}: {count} messages sent")
        typer.echo(f"Watch the dashboard {outputs['DashboardName']} in the CloudWatch console for two minutes.")
    except (BotoCoreError, ClientError) as error:
        typer.echo(f"send: {error}", err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
