"""Works on a message for a while, and succeeds."""

import os
import time
from typing import Any


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """What Lambda calls: no message fails."""
    time.sleep(float(os.environ["WORK_SECONDS"]))
    return {"batchItemFailures": []}
