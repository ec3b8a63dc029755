"""The one error that a caller of this library meets."""


class PatternError(ValueError):
    """An argument that AWS or the CDK would refuse later, or would accept and lose messages with.

    Raised before anything is created. The message names the argument as it was typed, what is allowed
    (with its unit) and what was given: ``max_concurrency must be 2 to 1000, got 1``.
    """
