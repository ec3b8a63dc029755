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
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from tests.e2e.assembly import synthesize_apart
from tests.e2e.emulator import Emulator, EmulatorError
from tests.e2e.samples import Samples, Seen
from tests.e2e.scenarios import FUNCTION_TIMEOUT, POLL, RECEIVES, SCENARIOS, VISIBILITY, End, Scenario

ROWS = tuple(row for row in SCENARIOS if row.stack == POLL)


def main(scenarios: Sequence[Scenario] = ROWS, console: Console | None = None) -> int:
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
    console.print("· synthesizing the samples, of which apps/error_handling has the poll stack")
    assembly = synthesize_apart(emulator, emulator.folder / "cdk.out")
    console.print(
        "· deploying it with the CDK command line: bootstrap, then the stack of apps/error_handling (about 20 s)"
    )
    sample = Samples(emulator, assembly, [POLL])
    console.print(
        f"  shortened for this demo: function timeout 15 → {FUNCTION_TIMEOUT} s, visibility timeout 90 → {VISIBILITY} "
        f"s, receives before the dead-letter queue 5 → {RECEIVES[POLL]}"
    )
    console.print(f"· sending {len(scenarios)} messages: a good one, a poison one, and one batch that mixes both")
    console.print(f"· waiting: a failed message is tried again after {VISIBILITY} s")
    seen = _run_and_tell(sample, scenarios, console)
    console.print(table(seen))
    wrong = sum(not each.as_expected for each in seen)
    if wrong:
        console.print(f"✗ {wrong} of {len(seen)} messages did not end as expected.", style="red")
        return 1
    console.print(f"✓ All {len(seen)} messages ended as expected; none is lost.", style="green")
    return 0


def _run_and_tell(sample: Samples, scenarios: Sequence[Scenario], console: Console) -> list[Seen]:
    started, last = time.monotonic(), -1
    if console.is_terminal:
        with console.status("") as status:
            return sample.run(
                scenarios,
                lambda found: status.update(f"{found} of {len(scenarios)} found, {time.monotonic() - started:.0f} s"),
            )

    def line(found: int) -> None:
        nonlocal last
        if found != last:
            console.print(f"  {found} of {len(scenarios)} found, {time.monotonic() - started:.0f} s")
            last = found

    return sample.run(scenarios, line)


def table(seen: Sequence[Seen]) -> Table:
    """Message → where it was found → attempts → expected."""
    rows = Table("message", "id", "found", "attempts", "expected", "")
    for each in seen:
        found, attempts = _words(each.ends.elements())
        expected = ", ".join(_words(each.due.elements()))
        rows.add_row(each.scenario.name, each.id[:8], found, attempts, expected, "✓" if each.as_expected else "✗")
    return rows


def _words(ends: Iterable[End]) -> tuple[str, str]:
    listed = list(ends)
    where = " and ".join(end.outcome.value for end in listed)
    return where or "not found", " and ".join(str(end.attempts) for end in listed) or "0"


if __name__ == "__main__":
    sys.exit(main())
