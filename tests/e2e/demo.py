"""`make demo`: deploy the sample app to an emulator, send messages, show where each one ended.

Exit code 0 when every message is where it must be, 1 when one is not or something failed, 130 after Ctrl-C.
"""

import os
import signal
import sys

if __name__ == "__main__":  # until `main` takes over: nothing has begun, so Ctrl-C needs no traceback of an import
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

# isort: split
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.e2e import poll
from tests.e2e.emulator import Emulator, EmulatorError
from tests.e2e.scenarios import FUNCTION_TIMEOUT, MAX_RECEIVE_COUNT, POLL, Scenario


def main(scenarios: Sequence[Scenario] = POLL, console: Console | None = None) -> int:
    """Run the demo; its exit code."""
    # Where the output goes to a file or a pipe, there is no width to keep to.
    console = console or Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    for each in (signal.SIGINT, signal.SIGTERM):  # SIGTERM ends it as tidily as Ctrl-C
        signal.signal(each, signal.default_int_handler)
    emulator = Emulator()
    stopped = False
    try:
        with emulator:
            try:
                return _run(emulator, scenarios, console)
            except KeyboardInterrupt:
                # No second one may cut the cleaning short.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                stopped = True
                console.print("\nStopped. Cleaning up: the emulator and its folder (a few seconds)…")
        return 130
    except KeyboardInterrupt:  # while it was starting: it has cleaned up already
        console.print("\nStopped. Cleaned up: the emulator and its folder.")
        return 130
    except EmulatorError as error:
        console.print(f"\n{error}", markup=False, style="red")
        return 1
    finally:
        if stopped:
            console.print("Nothing is left behind.")


def _run(emulator: Emulator, scenarios: Sequence[Scenario], console: Console) -> int:
    console.print(f"· an emulated AWS runs at {emulator.endpoint}, on this machine only")
    console.print("· synthesizing apps/error_handling, its poll stack")
    assembly = poll.synthesize_apart(emulator, emulator.folder / "cdk.out")
    console.print("· deploying it with the CDK command line: bootstrap, then the stack (about 20 s)")
    outputs = emulator.deploy(assembly, [poll.STACK])[poll.STACK]
    visibility = 6 * FUNCTION_TIMEOUT
    console.print(
        f"  shortened for this demo: function timeout 15 → {FUNCTION_TIMEOUT} s, so the visibility timeout is "
        f"90 → {visibility} s; receives before the dead-letter queue 5 → {MAX_RECEIVE_COUNT}"
    )
    seen = poll.send(emulator.client("sqs"), outputs["QueueUrl"], scenarios)
    console.print(f"· sent {len(seen)} messages: a good one, a poison one, and one batch that mixes both")
    console.print(f"· waiting: a failed message is tried again after {visibility} s")
    _wait(emulator, outputs, seen, console)
    console.print(table(scenarios, seen))
    wrong = sum(not poll.is_expected(*each) for each in zip(scenarios, seen, strict=True))
    if wrong:
        console.print(f"✗ {wrong} of {len(seen)} messages did not end as expected.", style="red")
        return 1
    console.print(f"✓ All {len(seen)} messages ended as expected; none is lost.", style="green")
    return 0


def _wait(emulator: Emulator, outputs: dict[str, str], seen: Sequence[poll.Seen], console: Console) -> None:
    started, last = time.monotonic(), -1
    if console.is_terminal:
        with console.status("") as status:
            poll.watch(
                emulator,
                outputs,
                seen,
                lambda found: status.update(f"{found} of {len(seen)} found, {time.monotonic() - started:.0f} s"),
            )
        return

    def line(found: int) -> None:
        nonlocal last
        if found != last:
            console.print(f"  {found} of {len(seen)} found, {time.monotonic() - started:.0f} s")
            last = found

    poll.watch(emulator, outputs, seen, line)


def table(scenarios: Sequence[Scenario], seen: Sequence[poll.Seen]) -> Table:
    """Message → where it was found → attempts → expected."""
    rows = Table("message", "id", "found", "attempts", "expected", "")
    for scenario, each in zip(scenarios, seen, strict=True):
        expected = f"{scenario.outcome.value}, {scenario.attempts}"
        mark = "✓" if poll.is_expected(scenario, each) else "✗"
        rows.add_row(scenario.name, each.id[:8], each.where, str(each.attempts), expected, mark)
    return rows


if __name__ == "__main__":
    sys.exit(main())
