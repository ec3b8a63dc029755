"""How soon the command line answers, and what a bare Python start costs on the same machine."""

import statistics
import subprocess
import sys
import time


def _seconds(*command: str, runs: int = 15) -> list[float]:
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
        taken.append(time.perf_counter() - start)
    return taken


def main() -> None:
    """Print a row for each command."""
    print(f"{'command':<24} {'median ms':>9}  {'fastest':>7}  {'slowest':>7}   (target: --help below 300 ms)")
    for title, *arguments in (
        ("python -c pass", "-c", "pass"),
        ("patterns --help", "-m", "patterns", "--help"),
        ("patterns filter --help", "-m", "patterns", "filter", "--help"),
    ):
        taken = [1000 * t for t in _seconds(sys.executable, *arguments)]
        print(f"{title:<24} {statistics.median(taken):9.0f}  {min(taken):7.0f}  {max(taken):7.0f}")
