"""Runs a program that ends when its owner does, however that ends: `leash.py PROGRAM ARGUMENT…`.

Runs as the leader of a group of its own; its standard input is a pipe that the owner holds open.
"""

import os
import signal
import subprocess
import sys
import threading


def end_with_owner() -> None:
    """Wait until the pipe closes, then end this process, the program and all that it has started."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    threading.Thread(target=end_with_owner, daemon=True).start()
    status = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, check=False).returncode
    os._exit(status if status >= 0 else 128 - status)  # ended by a signal: as a shell says it


if __name__ == "__main__":
    main()
