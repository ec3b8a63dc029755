"""Set-up says what is missing, and whoever stops it gets one line and may simply begin again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SETUP = Path(__file__).parent.parent / "tools" / "setup"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with nothing but the script, at a path with a space in it."""
    folder = tmp_path / "a clone"
    (folder / "tools").mkdir(parents=True)
    shutil.copy(SETUP, folder / "tools" / "setup")
    return folder


def start(folder: Path, python: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["tools/setup", "dev"],
        cwd=folder,
        env={**os.environ, "PYTHON": str(python)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def a_python(folder: Path, venv: str) -> Path:
    """A Python that is as ours, but for what it does when it is to make an environment."""
    program = folder / "python"
    program.write_text(f'#!/bin/bash\nif [ "$1" = -m ]; then {venv}; fi\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return program


def test_a_python_that_is_not_there_is_said_with_the_way_out(folder: Path) -> None:
    setup = start(folder, "python-nowhere")
    assert setup.communicate(timeout=20)[1] == (
        "setup: Python 3.11 or newer is needed; 'python-nowhere' is not there. Install it, or name another one: "
        "make PYTHON=python3.12 …\n"
    )
    assert setup.returncode == 1


def test_a_python_that_is_too_old_is_said_with_its_version(folder: Path) -> None:
    old = folder / "old"
    old.write_text('#!/bin/bash\n[ "$1" = --version ] && echo Python 3.10.13\nexit 1\n')
    old.chmod(0o755)
    setup = start(folder, old)
    assert f"'{old}' is Python 3.10.13. Install it" in setup.communicate(timeout=20)[1]
    assert setup.returncode == 1


def test_a_python_that_cannot_make_environments_is_said_with_the_way_out(folder: Path) -> None:
    python = a_python(folder, 'echo "no ensurepip here"; exit 1')
    setup = start(folder, python)
    assert setup.communicate(timeout=20)[1].endswith(
        f"no ensurepip here\nsetup: '{python} -m venv' failed. On Debian and Ubuntu: apt-get install python3-venv\n"
    )
    assert setup.returncode == 1


@pytest.mark.parametrize(("stop", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_says_so_in_one_line_and_nothing_of_it_goes_on(
    folder: Path, stop: signal.Signals, status: int
) -> None:
    traceback = "trap 'echo Traceback; exit 1' INT TERM; echo $$ > pid; for i in $(seq 200); do sleep 0.1; done"
    setup = start(folder, a_python(folder, traceback))
    wait_for(folder / "pid")
    os.killpg(setup.pid, stop)
    said = setup.communicate(timeout=20)[1]
    assert setup.returncode == status
    assert "Traceback" not in said
    assert said.endswith("\nsetup: stopped. The next `make` begins again where it must.\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_two_at_once_take_turns(folder: Path) -> None:
    python = a_python(folder, "touch began; until [ -e go ]; do sleep 0.1; done; exit 1")
    first = start(folder, python)
    wait_for(folder / "began")
    second = start(folder, python)
    time.sleep(0.5)
    assert second.poll() is None
    (folder / "go").touch()
    first.communicate(timeout=20)
    said = second.communicate(timeout=20)[1]
    assert "another set-up is at work in this folder; waiting for it" in said
    assert said.index("waiting for it") < said.index("Python environment in .venv")


def test_what_a_killed_one_left_half_made_is_made_anew(folder: Path) -> None:
    half = folder / ".venv" / "bin" / "python"
    half.parent.mkdir(parents=True)
    half.touch()
    start(folder, a_python(folder, "ls -d .venv; exit 1")).communicate(timeout=20)
    assert not half.exists()


def wait_for(file: Path) -> None:
    end = time.monotonic() + 20
    while not (file.exists() and (file.stat().st_size or file.name != "pid")):
        assert time.monotonic() < end, f"{file.name} did not appear"
        time.sleep(0.05)
