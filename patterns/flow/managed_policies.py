"""What the AWS managed policies that messaging functions commonly carry allow, on every resource.

Only the actions that move messages, and the keys that protect them. An AWS managed policy that is not
listed here is "cannot be told". Source:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

_SQS_POLL = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_KINESIS_POLL = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:ListStreams",
    "kinesis:SubscribeToShard",
)
_DYNAMODB_POLL = (
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
)
_KAFKA_POLL = (
    "kafka:DescribeCluster",
    "kafka:DescribeClusterV2",
    "kafka:GetBootstrapBrokers",
    "kafka-cluster:Connect",
    "kafka-cluster:DescribeGroup",
    "kafka-cluster:AlterGroup",
    "kafka-cluster:DescribeTopic",
    "kafka-cluster:ReadData",
    "kafka-cluster:DescribeClusterDynamicConfiguration",
)

ALLOWS: dict[str, tuple[str, ...]] = {
    "AWSLambdaBasicExecutionRole": (),
    "AWSLambdaVPCAccessExecutionRole": (),
    "AWSLambdaENIManagementAccess": (),
    "AWSXRayDaemonWriteAccess": (),
    "AWSXrayWriteOnlyAccess": (),
    "AWSXRayFullAccess": (),
    "CloudWatchLambdaInsightsExecutionRolePolicy": (),
    "CloudWatchLogsFullAccess": (),
    "CloudWatchFullAccess": (),
    "CloudWatchFullAccessV2": (),
    "AmazonSSMReadOnlyAccess": (),
    "AmazonSSMManagedInstanceCore": (),
    "SecretsManagerReadWrite": (),
    "AmazonAPIGatewayPushToCloudWatchLogs": (),
    "AmazonEC2ContainerRegistryReadOnly": (),
    "AmazonDynamoDBReadOnlyAccess": _DYNAMODB_POLL,
    "AmazonDynamoDBFullAccess": ("dynamodb:*",),
    "AmazonDynamoDBFullAccess_v2": ("dynamodb:*",),
    "AmazonS3ReadOnlyAccess": ("s3:Get*", "s3:List*"),
    "AmazonS3FullAccess": ("s3:*",),
    "AmazonSNSReadOnlyAccess": (),
    "AmazonSNSFullAccess": ("sns:*",),
    "AmazonSQSReadOnlyAccess": ("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
    "AmazonSQSFullAccess": ("sqs:*",),
    "AmazonKinesisFullAccess": ("kinesis:*",),
    "AmazonEventBridgeFullAccess": ("events:*", "scheduler:*", "pipes:*"),
    "AmazonEventBridgeReadOnlyAccess": (),
    "AWSLambdaSQSQueueExecutionRole": _SQS_POLL,
    "AWSLambdaKinesisExecutionRole": _KINESIS_POLL,
    "AWSLambdaDynamoDBExecutionRole": _DYNAMODB_POLL,
    "AWSLambdaMSKExecutionRole": _KAFKA_POLL,
    "AWSLambdaRole": ("lambda:InvokeFunction",),
    "AWSLambda_ReadOnlyAccess": (),
    "AWSLambda_FullAccess": ("lambda:*",),
    "AWSLambdaExecute": ("s3:GetObject", "s3:PutObject"),
    "AWSStepFunctionsFullAccess": ("states:*",),
    "AWSKeyManagementServicePowerUser": (),
    "PowerUserAccess": ("*",),
    "AdministratorAccess": ("*",),
}
