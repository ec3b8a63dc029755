"""Whoever stops the demo, at whatever moment, gets a word and status 130, and finds nothing left behind.

Each demo runs on a terminal and in a session of its own, as under somebody's shell, with a folder for its temporary
files that must be empty in the end.
"""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.assembly import ROOT

PATIENCE = 90  # seconds, for a moment to come or for an end


class Demo:
    """A running demo and the terminal that it thinks it has."""

    def __init__(self, temporary: Path) -> None:
        self.temporary = temporary
        self.output = ""
        self._terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.demo"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "120"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def reaches(self, words: str) -> None:
        """Wait until the demo has said these words."""
        end = time.monotonic() + PATIENCE
        while words not in self.output and time.monotonic() < end and self.process.poll() is None:
            self._read(0.1)
        assert words in self.output, self.output

    def ends(self) -> int:
        """Wait for the demo's end; its exit code."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self._read(0.1)
        self._read(0.1)
        assert self.process.poll() is not None, f"still runs\n{self.output}"
        return self.process.returncode

    def close(self) -> None:
        """End whatever a failed test has left."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        os.close(self._terminal)

    def _read(self, patience: float) -> None:
        while select.select([self._terminal], [], [], patience)[0]:
            try:
                text = os.read(self._terminal, 65_536)
            except OSError:  # Linux: the last of the other side has closed it
                time.sleep(patience)
                return
            if not text:
                return
            self.output += text.decode(errors="replace")
            patience = 0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Demo]]:
    demos: list[Demo] = []

    def started() -> Demo:
        demos.append(Demo(tmp_path))
        return demos[-1]

    yield started
    for demo in demos:
        demo.close()


def knowing(folder: Path) -> list[str]:
    """The processes that know of this folder by their command line, directory or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            known += bytes((process / "cwd").readlink())
        except OSError:  # ended meanwhile, or somebody else's
            continue
        if bytes(folder) in known:
            found.append(f"{process.name} {known[:200]!r}")
    return found


def nothing_is_left(demo: Demo, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and (knowing(demo.temporary) or any(demo.temporary.iterdir())):
        time.sleep(0.1)
    assert knowing(demo.temporary) == []
    assert list(demo.temporary.iterdir()) == []


DEPLOYING = "deploying it with the CDK command line"
WAITING = "waiting: a failed message"

if_processes_can_be_seen = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="reads /proc, as on Linux")


@if_processes_can_be_seen
@pytest.mark.parametrize(
    ("moment", "stop"),
    [
        ("synthesizing", signal.SIGINT),
        (DEPLOYING, signal.SIGTERM),
        (WAITING, signal.SIGINT),
    ],
    ids=lambda each: each.name if isinstance(each, signal.Signals) else each.split()[0].rstrip(":"),
)
def test_stopped_it_says_so_and_leaves_nothing(start: Callable[[], Demo], moment: str, stop: signal.Signals) -> None:
    demo = start()
    demo.reaches(moment)
    time.sleep(1)  # into the middle of it
    os.killpg(demo.process.pid, stop)  # the whole foreground group, as a terminal does
    assert demo.ends() == 130, demo.output
    assert "Stopped. Cleaning up: the emulator and its folder" in demo.output
    assert "Nothing is left behind." in demo.output
    assert "Traceback" not in demo.output
    nothing_is_left(demo, seconds=0)


@if_processes_can_be_seen
def test_impatience_while_deploying_does_not_cut_the_cleaning_short(start: Callable[[], Demo]) -> None:
    demo = start()
    demo.reaches(DEPLOYING)
    for _ in range(5):
        os.killpg(demo.process.pid, signal.SIGINT)
        time.sleep(0.1)
    assert demo.ends() == 130, demo.output
    assert "Traceback" not in demo.output
    nothing_is_left(demo, seconds=0)


@if_processes_can_be_seen
def test_killed_outright_it_takes_the_emulator_with_it(start: Callable[[], Demo]) -> None:
    demo = start()
    demo.reaches(DEPLOYING)
    time.sleep(1)
    os.killpg(demo.process.pid, signal.SIGKILL)
    assert demo.ends() == -signal.SIGKILL
    nothing_is_left(demo, seconds=10)


@if_processes_can_be_seen
def test_what_it_runs_ends_with_it_too(tmp_path: Path) -> None:
    """At once and by itself: a CDK command line without its emulator would try again for a while."""
    run = f"""
from pathlib import Path
from tests.e2e.emulator.emulator import Emulator

emulator = Emulator()
emulator.folder = Path({str(tmp_path)!r})
command = ["sh", "-c", "sleep 60 & touch started; wait"]
emulator.run("sh", command, folder=emulator.folder, environment={{}}, timeout=60)
"""
    owner = subprocess.Popen([sys.executable, "-c", run], cwd=ROOT)
    end = time.monotonic() + PATIENCE
    while not (tmp_path / "started").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert (tmp_path / "started").exists()
    assert len(knowing(tmp_path)) >= 3  # the owner, the shell and what that has started
    owner.kill()
    owner.wait(5)
    end = time.monotonic() + 5
    while knowing(tmp_path) and time.monotonic() < end:
        time.sleep(0.02)
    assert knowing(tmp_path) == []
