"""Service quotas and ranges, each under the page that states it. Constructs, rules and tests use these."""

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
SQS_VISIBILITY_TIMEOUT_SECONDS = (0, 43_200)
SQS_VISIBILITY_TIMEOUT_DEFAULT = 30
SQS_RETENTION_SECONDS = (60, 1_209_600)
SQS_RETENTION_DEFAULT = 345_600
SQS_DELAY_SECONDS = (0, 900)
SQS_MESSAGE_SIZE_BYTES = (1_024, 1_048_576)
SQS_DATA_KEY_REUSE_SECONDS = (60, 86_400)
SQS_REDRIVE_ALLOW_SOURCES = 10

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
SQS_MAX_RECEIVE_COUNT = (1, 1_000)

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
SQS_RECOMMENDED_RECEIVE_COUNT = 5
SQS_VISIBILITY_PER_FUNCTION_TIMEOUT = 6

# https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
ESM_BATCH_SIZE_STANDARD = (1, 10_000)
ESM_BATCH_SIZE_FIFO = (1, 10)
ESM_BATCH_SIZE_DEFAULT = 10
ESM_BATCH_SIZE_WITHOUT_WINDOW = 10
ESM_BATCHING_WINDOW_SECONDS = (0, 300)
ESM_MAXIMUM_CONCURRENCY = (2, 1_000)
ESM_SQS_MINIMUM_POLLERS = (2, 200)
ESM_SQS_MAXIMUM_POLLERS = (2, 10_000)
ESM_SQS_MAXIMUM_POLLERS_DEFAULT = 200

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
ESM_FILTERS = 10
ESM_FILTERS_DEFAULT_QUOTA = 5
ESM_FILTER_PATTERN_CHARACTERS = 4_096

# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
LAMBDA_TIMEOUT_SECONDS = (1, 900)
LAMBDA_TIMEOUT_SECONDS_MANAGED = (1, 5_400)  # on Lambda Managed Instances
LAMBDA_TIMEOUT_DEFAULT = 3

# https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
ASYNC_RETRY_ATTEMPTS = (0, 2)
ASYNC_RETRY_ATTEMPTS_DEFAULT = 2
ASYNC_EVENT_AGE_SECONDS = (60, 21_600)
ASYNC_EVENT_AGE_DEFAULT = 21_600

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html
EVENTBRIDGE_RETRY_ATTEMPTS = (0, 185)
EVENTBRIDGE_RETRY_ATTEMPTS_DEFAULT = 185
EVENTBRIDGE_EVENT_AGE_SECONDS = (60, 86_400)
EVENTBRIDGE_EVENT_AGE_DEFAULT = 86_400

# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Target.html
SCHEDULER_INPUT_BYTES = 262_144

# https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
SNS_FILTER_KEYS = 5
SNS_FILTER_COMBINATIONS = 150
SNS_FILTER_BYTES = 262_144
SNS_FILTER_NUMBER = (-1_000_000_000, 1_000_000_000)
SNS_FILTER_DECIMALS = 5
SNS_FILTER_POLICIES = 200

# https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
SNS_FILTER_WILDCARDS = 3
SNS_FILTER_WILDCARD_POINTS = 100

# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
EVENT_PATTERN_CHARACTERS = 4_096

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
EVENT_PATTERN_NUMBER = (-5_000_000_000, 5_000_000_000)
EVENT_PATTERN_DECIMALS = 6

# https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
SNS_AWS_ENDPOINT_ATTEMPTS = 100_015
SNS_AWS_ENDPOINT_SECONDS = 23 * 86_400

# https://docs.aws.amazon.com/sns/latest/api/API_PutDataProtectionPolicy.html
SNS_PROTECTION_POLICY_CHARACTERS = 30_720

# https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-operations.html
SNS_PROTECTION_SAMPLE_RATE_PERCENT = (0, 99)

# https://docs.aws.amazon.com/sns/latest/dg/sns-message-data-protection-custom-data-identifiers.html
SNS_PROTECTION_CUSTOM_IDENTIFIERS = 10
SNS_PROTECTION_CUSTOM_NAME_CHARACTERS = (1, 128)
SNS_PROTECTION_CUSTOM_REGEX_CHARACTERS = (1, 200)

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
LOG_GROUP_NAME_CHARACTERS = (1, 512)

# https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
FIREHOSE_NAME_CHARACTERS = (1, 64)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
S3_BUCKET_NAME_CHARACTERS = (3, 63)

# https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
SNS_MESSAGE_SIZE_DEFAULT = 262_144
SNS_MESSAGE_SIZE_MOST = 1_048_576
SNS_SUBSCRIPTIONS_OF_LARGE_MESSAGES = 100  # for a topic that takes more than 262,144 bytes

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
LAMBDA_MEMORY_MEGABYTES = (128, 10_240)

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
TAG_VALUE_CHARACTERS = 256
