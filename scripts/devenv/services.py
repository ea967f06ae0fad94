"""Servers that a command runs beside itself: Odoo and the simulators, on loopback, stopped with the command."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from devenv import databases
from devenv.settings import LOGS, ROOT, VENV_PYTHON
from devenv.steps import SetupError, explain

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 15


def check_ports(ports: dict[str, int]) -> None:
    """Raise a sentence when one of the ports (by the variable that changes it) cannot be listened on."""
    for variable, number in ports.items():
        twins = [other for other, same in ports.items() if same == number and other != variable]
        if twins:
            raise SetupError(f"{variable} and {twins[0]} are both {number}: give each a port of its own.")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError as error:
                raise SetupError(
                    f"Port {number} is taken by another program: stop it (perhaps another make demo), "
                    f"or choose another port, such as {variable}={number + 100}."
                ) from error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end_with_parent() -> None:
    """Let the child be terminated when this process is killed, so that no port stays taken."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Service:
    """One running server; `check` raises when it has ended."""

    def __init__(self, name: str, command: list[str], env: dict[str, str]):
        LOGS.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = LOGS / f"{name.lower().replace(' ', '-')}.log"
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def check(self) -> None:
        if self.process.poll() is not None:
            raise explain(f"{self.name} (ended with code {self.process.returncode})", self.output(), self.log)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > end:
                raise SetupError(f"{self.name} was not ready after {seconds:.0f} s (details: {self.log}).")
            time.sleep(0.1)

    def stop(self) -> None:
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is not None:
                return
            self.process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)


def answers(url: str) -> bool:
    """Whether a page is served at `url`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=60) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def simulator(
    provider: str, port: int, state: Path | None, name: str | None = None, env: dict[str, str] | None = None
) -> Iterator[str]:
    """The simulator of a provider on `port`, its state kept in `state`, or in memory alone; gives its address."""
    command = [str(VENV_PYTHON), "-m", f"simulators.{provider}", "--host", "127.0.0.1", "--port", str(port)]
    if state:
        state.mkdir(parents=True, exist_ok=True)
        command += ["--state-dir", str(state)]
    environment = {**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1"}
    service = Service(name or f"{provider} simulator", command, environment)
    try:
        service.wait_until(lambda: "simulator: http" in service.output(), 30)
        yield f"http://localhost:{port}"
    finally:
        service.stop()


@contextlib.contextmanager
def odoo_server(database: str, port: int, name: str = "Odoo") -> Iterator[Service]:
    """A threaded Odoo server with two cron threads, as in production's defaults, ready to answer."""
    command = databases.odoo_command(
        "server", "-d", database, "--db-filter", f"^{database}$", "-p", port, "--max-cron-threads=2"
    )
    service = Service(name, command, databases.odoo_environment())
    try:
        service.wait_until(lambda: answers(f"http://127.0.0.1:{port}/web/login"), 120)
        yield service
    finally:
        service.stop()
