"""Starts LocalStack as this project needs it: on loopback alone, functions as processes, gone when its owner is.

Runs in `.venv-emulator`; its standard input is a pipe that the owner holds open.
"""

# pyright: reportMissingImports=false
# LocalStack lives in an environment of its own: its pins and the project's exclude each other.

import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any


def end_with_owner() -> None:
    """Wait until the pipe closes, then leave nothing: the owner was killed and could not clean up."""
    sys.stdin.buffer.read()
    folder = Path(os.environ["TMPDIR"])
    time.sleep(0.5)  # what the owner ran ends at the same moment (leash.py); nothing of it shall write there any more
    for _ in range(50):  # a function may still be writing there
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(0.1)
    os.killpg(0, signal.SIGKILL)  # this process and every function, which are in its group


class Lock:
    """`threading.Lock` as a class, which it is since Python 3.13: LocalStack writes `Lock | None`."""

    def __new__(cls, make: Any = threading.Lock) -> Any:
        return make()


def main() -> None:
    threading.Thread(target=end_with_owner, daemon=True).start()
    if not isinstance(threading.Lock, type):
        threading.Lock = Lock

    # LocalStack ignores the host of GATEWAY_LISTEN for IPv4 and would listen on every interface.
    from twisted.internet import endpoints

    tcp4 = endpoints.TCP4ServerEndpoint
    endpoints.TCP4ServerEndpoint = lambda reactor, port, *_, **__: tcp4(reactor, port, interface="127.0.0.1")

    from executor import ProcessExecutor
    from localstack.services.lambda_.invocation.plugins import DockerRuntimeExecutorPlugin

    # Functions run in what the plugin "docker", the default, loads: no entry point, no package of our own.
    DockerRuntimeExecutorPlugin.load = lambda *_, **__: ProcessExecutor

    # LocalStack would keep every bucket in one folder of /tmp, shared with all that run there, and leave it behind.
    from localstack.services.s3.storage import ephemeral

    begin = ephemeral.EphemeralS3ObjectStore.__init__
    buckets = str(Path(os.environ["TMPDIR"], "buckets"))
    ephemeral.EphemeralS3ObjectStore.__init__ = lambda self, *_, **__: begin(self, buckets)

    from localstack.runtime.main import main as run

    run()


if __name__ == "__main__":
    main()
