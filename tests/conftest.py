"""Set before aws_cdk is imported: the CDK's own validation costs seconds for each process.

One test (test_everything_synthesizes_clean) has it on, over every sample app.
"""

import os

os.environ.setdefault("CDK_VALIDATION", "false")

from patterns._node import require_node  # noqa: E402

require_node()
