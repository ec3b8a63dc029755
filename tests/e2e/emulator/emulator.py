"""LocalStack as a context manager: start it, deploy stacks with the real CDK command line, leave nothing behind."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import boto3
from botocore.config import Config

ROOT = Path(__file__).parents[3]
SERVER = Path(__file__).with_name("server")
LEASH = Path(__file__).with_name("leash.py")
PYTHON = ROOT / ".venv-emulator/bin/python"
CDK = ROOT / "node_modules/aws-cdk/bin/cdk"
REGION = "us-east-1"
ACCOUNT = "000000000000"

START_TIMEOUT = 90  # seconds
STOP_TIMEOUT = 3  # it has nothing to save
BOOTSTRAP_TIMEOUT = 180
DEPLOY_TIMEOUT = 240


class EmulatorError(RuntimeError):
    """The emulator, or the CDK command line against it, did not do what it was asked to."""


class Emulator:
    """An emulated AWS account in one Region, on a free port of the loopback interface.

    It owns one temporary folder, the emulator's processes and those of what it runs. All are gone when the context
    ends, on an exception and on Ctrl-C too; when this process is killed, they notice and end by themselves.

    What it cannot show is listed in tests/e2e/README.md: permissions, KMS keys and more are not enforced.
    """

    def __init__(self) -> None:
        self.folder = Path()
        self.endpoint = ""
        self._server: subprocess.Popen[bytes] | None = None
        self._running: subprocess.Popen[bytes] | None = None  # what `run` runs, while it does
        self._bootstrapped = False

    def __enter__(self) -> Self:
        if not PYTHON.exists():
            raise EmulatorError("The emulator is not set up: run `make e2e` or `make demo`, or `tools/setup emulator`.")
        self.folder = Path(tempfile.mkdtemp(prefix="cdk-messaging-patterns-"))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _start(self) -> None:
        port = _free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        environment = {
            **_environment(self.folder),
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"localhost:{port}",
            "SQS_ENDPOINT_STRATEGY": "path",
            "LAMBDA_RETRY_BASE_DELAY": "1",  # seconds between asynchronous retries; AWS waits one and two minutes
            "DISABLE_EVENTS": "1",  # no usage reports
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            "OVERRIDE_IN_DOCKER": "0",
            "FILESYSTEM_ROOT": str(self.folder / "state"),
            "INVOCATIONS": str(self.folder / "invocations.jsonl"),
        }
        with (self.folder / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                [str(PYTHON), str(SERVER)],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.PIPE,  # closes when this process ends: see server/__main__.py
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the owner alone, and one signal reaches all of it
            )
        end = time.monotonic() + START_TIMEOUT
        while not self._healthy():
            if (status := self._server.poll()) is not None:
                raise EmulatorError(f"The emulator ended with status {status} while starting.\n{self.log_tail()}")
            if time.monotonic() > end:
                raise EmulatorError(f"The emulator did not answer within {START_TIMEOUT} s.\n{self.log_tail()}")
            time.sleep(0.1)

    def _healthy(self) -> bool:
        # Not through the proxy that the environment may name.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.endpoint}/_localstack/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """End every process and remove the folder. A second Ctrl-C cannot interrupt this; it takes seconds."""
        with _uninterrupted():
            _kill_group(self._running)
            if self._server is not None:
                self._server.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._server.wait(STOP_TIMEOUT)
                _kill_group(self._server)
            self._server = self._running = None
            if self.folder != Path():
                shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self, lines: int = 25) -> str:
        """The end of the emulator's log, for an error message."""
        log = self.folder / "server.log"
        tail = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
        return "\n".join(["The end of its log:", *(f"  {line}" for line in tail)])

    def invocations(self) -> list[dict[str, Any]]:
        """Every invocation that has ended: ``function``, ``request``, ``event``, ``failed`` and ``answer``."""
        file = self.folder / "invocations.jsonl"
        # The last line may not be whole yet.
        whole = file.read_text(encoding="utf-8").rpartition("\n")[0] if file.exists() else ""
        return [json.loads(line) for line in whole.splitlines()]

    def client(self, service: str) -> Any:
        """A boto3 client of the emulated account."""
        return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION).client(
            service,  # pyright: ignore[reportCallIssue, reportArgumentType] - boto3's overloads want a literal
            endpoint_url=self.endpoint,
            config=Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 2}, proxies={}),
        )

    def deploy(self, assembly: Path, stacks: Sequence[str]) -> dict[str, dict[str, str]]:
        """Deploy stacks of a synthesized app; the outputs of each, by the stack's name and the output's."""
        if not self._bootstrapped:
            self.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", timeout=BOOTSTRAP_TIMEOUT)
            self._bootstrapped = True
        found = self.folder / "outputs.json"
        found.unlink(missing_ok=True)
        self.cdk(
            *("deploy", *stacks, "--app", str(assembly), "--outputs-file", str(found), "--concurrency", "4"),
            *("--require-approval", "never", "--progress", "events"),
            timeout=DEPLOY_TIMEOUT,
        )
        return json.loads(found.read_text()) if found.exists() else {}

    def destroy(self, assembly: Path, stacks: Sequence[str]) -> None:
        """Delete stacks that `deploy` made."""
        self.cdk("destroy", *stacks, "--app", str(assembly), "--force", timeout=DEPLOY_TIMEOUT)

    def cdk(self, *arguments: str, timeout: float) -> str:
        """Run the pinned CDK command line against the emulator; what it printed.

        Raises:
            EmulatorError: it failed, or did not end in time; with the end of its output.
        """
        node = os.environ.get("JSII_NODE") or shutil.which("node", path=f"{ROOT}/.venv/bin:{os.environ['PATH']}")
        if node is None or not CDK.exists():
            raise EmulatorError("Node.js or the CDK command line is not set up: run `make setup`.")
        environment = {
            **_environment(self.folder),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
        return self.run(
            f"cdk {arguments[0]}",
            [node, str(CDK), *arguments, "--no-notices", "--ci", "--no-color"],
            folder=self.folder,  # not the project's: its cdk.json would synthesize, `cdk.context.json` be written
            environment=environment,
            timeout=timeout,
        )

    def run(
        self, name: str, command: Sequence[str], *, folder: Path, environment: dict[str, str], timeout: float
    ) -> str:
        """Run a program out of the reach of Ctrl-C, which is for us to handle; it ends with us. What it printed.

        Raises:
            EmulatorError: it failed, or did not end in time; with the end of its output.
        """
        with tempfile.TemporaryFile(dir=self.folder) as output:
            self._running = subprocess.Popen(
                [sys.executable, "-IS", str(LEASH), *command],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,  # closes when this process ends: see leash.py
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = self._running.wait(timeout)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                _kill_group(self._running)
                self._running = None
            text = _read(output)
        if status != 0:
            ended = f"failed with status {status}" if status is not None else f"did not end within {timeout:.0f} s"
            tail = "\n".join(f"  {line}" for line in text.splitlines()[-25:])
            raise EmulatorError(f"`{name}` {ended}. The end of its output:\n{tail}\n{self.log_tail()}")
        return text


def _environment(folder: Path) -> dict[str, str]:
    """What the emulator and the CDK command line may know: nothing of the user's account, proxies or settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return {**kept, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _kill_group(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    # Also when its leader has ended: what it started may not have.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5)
    if process.stdin:
        process.stdin.close()


@contextlib.contextmanager
def _uninterrupted() -> Any:
    try:
        kept = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread, which gets the signals
        kept = {}
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
