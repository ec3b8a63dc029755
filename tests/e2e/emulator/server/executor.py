"""A Lambda execution environment as a process: AWS's own runtime client against a Runtime API server here.

The protocol is https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Python functions only; layers and
container images are not implemented. Whatever Python runtime a template names, the emulator's own Python runs it.
"""

# pyright: reportMissingImports=false
# LocalStack lives in an environment of its own: its pins and the project's exclude each other.

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

_RECORDING = threading.Lock()  # one line at a time
INIT_TIMEOUT = 20.0  # seconds; Lambda allows 10, this machine may be slower


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class RuntimeApi(ThreadingHTTPServer):
    """What the runtime client asks for work and gives its answers to, one invocation at a time."""

    daemon_threads = True

    def __init__(self, timeout: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.function_timeout = timeout
        self.work: queue.Queue[dict[str, str] | None] = queue.Queue()
        self.answers: queue.Queue[tuple[bool, bytes]] = queue.Queue()
        self.ready = threading.Event()
        self.init_error: bytes | None = None
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.work.put(None)
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def api(self) -> RuntimeApi:
        assert isinstance(self.server, RuntimeApi)
        return self.server

    def do_GET(self) -> None:
        if not self.path.endswith("/runtime/invocation/next"):
            return self._answer(404)
        self.api.ready.set()
        invocation = self.api.work.get()
        if invocation is None:
            return self._answer(410)
        deadline = int((time.time() + self.api.function_timeout) * 1000)
        return self._answer(
            200,
            invocation["payload"].encode(),
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation["invoke-id"],
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": invocation["invoked-function-arn"],
                "Lambda-Runtime-Trace-Id": invocation.get("trace-id") or "",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/runtime/init/error"):
            self.api.init_error = body
            self.api.ready.set()
        elif answered := re.search(r"/invocation/[^/]+/(response|error)$", self.path):
            self.api.answers.put((answered[1] == "error", body))
        else:
            return self._answer(404)
        return self._answer(202, b'{"status":"OK"}', {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: LocalStack logs the invocation."""


class ProcessExecutor(RuntimeExecutor):
    """One execution environment. LocalStack makes, uses and stops it, never two invocations at once."""

    def __init__(self, id: str, function_version: Any) -> None:
        super().__init__(id=id, function_version=function_version)
        self.timeout: int = function_version.config.timeout
        self.variables: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.api: RuntimeApi | None = None
        self.lines: list[str] = []
        self.stopped = False

    def start(self, env_vars: dict[str, Any]) -> None:
        code = str(self.function_version.config.code.get_unzipped_code_location())
        given = {
            name: str(value)
            for name, value in env_vars.items()
            if not name.startswith("LOCALSTACK_") and name not in ("EDGE_PORT", "AWS_LAMBDA_FUNCTION_TIMEOUT")
        }
        # Nothing of this process's own environment: a function sees what Lambda gives it, the settings that let
        # Python run here, and AWS_ENDPOINT_URL, without which its SDK would ask the real AWS.
        self.variables = {
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": os.environ["TMPDIR"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **given,
            "LAMBDA_TASK_ROOT": code,
            "PYTHONPATH": os.pathsep.join(filter(None, [code, given.get("PYTHONPATH")])),
        }
        self._spawn()

    def stop(self) -> None:
        self.stopped = True
        self._end()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        request = payload["invoke-id"]
        if self.process is None or self.process.poll() is not None:
            self._spawn()  # as Lambda does after a crash or a timeout
        assert self.api is not None
        first, started = len(self.lines), time.monotonic()
        self.api.work.put(payload)
        is_error, body = self._await_answer(request, started)
        self._record(payload, is_error, body)
        spent = (time.monotonic() - started) * 1000
        time.sleep(0.01)  # what the function printed last may still be in the pipe
        memory = self.variables.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        log = [
            f"START RequestId: {request} Version: {self.function_version.id.qualifier}",
            *self.lines[first:],
            f"END RequestId: {request}",
            f"REPORT RequestId: {request}\tDuration: {spent:.2f} ms\tBilled Duration: {int(spent) + 1} ms\t"
            f"Memory Size: {memory} MB\tMax Memory Used: {memory} MB\t",
        ]
        return InvocationResult(request, body, is_error=is_error, logs="\n".join(log) + "\n")

    def _record(self, payload: dict[str, str], is_error: bool, body: bytes) -> None:
        """Keep what the function was given and what came of it, for whoever follows a message."""
        record = {
            "function": self.function_version.id.function_name,
            "request": payload["invoke-id"],
            "event": payload["payload"],
            "failed": is_error,
            "answer": body.decode("utf-8", "replace"),
        }
        with _RECORDING, Path(os.environ["INVOCATIONS"]).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(record)}\n")

    def _await_answer(self, request: str, started: float) -> tuple[bool, bytes]:
        assert self.api is not None
        assert self.process is not None
        while True:
            try:
                return self.api.answers.get(timeout=0.02)
            except queue.Empty:
                pass
            if self.process.poll() is not None:
                status = self.process.returncode
                self._end()
                why = f"RequestId: {request} Error: Runtime exited with error: exit status {status}"
                return True, _error("Runtime.ExitError", why)
            if time.monotonic() - started > self.timeout:
                self._end()
                why = f"RequestId: {request} Error: Task timed out after {self.timeout:.2f} seconds"
                self.lines.append(f"{request} Task timed out after {self.timeout:.2f} seconds")
                return True, _error("Sandbox.Timedout", why)

    def _spawn(self) -> None:
        if self.stopped:
            raise StatusErrorException("stopped", payload=_error("Runtime.ExitError", "The environment was stopped"))
        self.api = RuntimeApi(self.timeout)
        # In the process group of the emulator, so that no function outlives it, however it ends.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", self.variables["_HANDLER"]],
            cwd=self.variables["LAMBDA_TASK_ROOT"],
            env={**self.variables, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.api.server_address[1]}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._read_output, args=(self.process,), daemon=True).start()
        end = time.monotonic() + INIT_TIMEOUT
        while not self.api.ready.wait(0.02):
            if self.process.poll() is not None:
                why = f"Error: Runtime exited with error: exit status {self.process.returncode}"
                self._end()
                raise StatusErrorException("exit", payload=_error("Runtime.ExitError", why))
            if time.monotonic() > end:
                self._end()
                raise TimeoutError(f"the function did not initialize within {INIT_TIMEOUT:.0f} seconds")
        if self.api.init_error is not None:
            failed = self.api.init_error
            self._end()
            raise StatusErrorException("Environment startup failed", payload=failed)

    def _read_output(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            # awslambdaric writes the line breaks inside one record as carriage returns.
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n").replace("\r", "\n"))

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(5)
            self.process = None
        if self.api is not None:
            self.api.close()
            self.api = None

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_unused"

    def get_logs(self) -> str:
        return "\n".join(self.lines)

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """The code's folder goes with the emulator's."""
