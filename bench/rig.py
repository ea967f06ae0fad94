"""What measurements and tests of whole processes stand on: private databases, processes of Odoo, the Xero simulator.

Everything here is real: PostgreSQL, committed transactions, Odoo's own server, HTTP. Whoever uses it holds
``postgres.lease()``.
"""

import contextlib
import inspect
import itertools
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts")]

from devenv import databases, postgres, services  # noqa: E402
from devenv.settings import LOGS, VENV_PYTHON  # noqa: E402

ADDON = "fieldpromax_accounting"
ADMIN = 2  # the person "admin" of every new database
KEY_VARIABLE = "FIELDPROMAX_ACCOUNTING_KEY"
START_SECONDS = 120
_numbers = itertools.count(1)
# What each provider calls its organisations in a simulator's control endpoints, and the number of an invoice.
ORGANISATIONS = {"xero": "organisations", "quickbooks": "companies"}
NUMBERS = {"xero": "InvoiceNumber", "quickbooks": "DocNumber"}


class WorkerError(AssertionError):
    """The function that a worker ran raised ``name``; ``sentence`` is what a person would read."""

    def __init__(self, name, sentence, text):
        super().__init__(text)
        self.name, self.sentence = name, sentence


class WorkerDied(AssertionError):
    """The process ended before it answered."""


def say(text):
    """What is under way, for whoever waits; standard output is for results."""
    print(f"  {text}", file=sys.stderr, flush=True)


def new_key():
    """An encryption key for one run, so that it shares none with other databases of this working tree."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def environment(key):
    # One order of sets and dicts for all: two processes that are compared differ in nothing else.
    fixed = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    return {**databases.odoo_environment(), KEY_VARIABLE: key, **fixed}


@contextlib.contextmanager
def database(name, modules=(ADDON,), source=None):
    """A private database for as long as the block lasts: from the template, or a copy of ``source``."""
    name = f"{name}_{os.getpid()}"
    try:
        if source:
            copy(source, name)
        else:
            databases.create(name, list(modules))
        yield name
    finally:
        databases.drop(name)


def copy(source, name):
    """Copy a database that nobody is using; the copy has another uuid, as every new database."""
    databases.drop(name)
    databases._copy(source, name)
    postgres.query(
        "UPDATE ir_config_parameter SET value = gen_random_uuid() WHERE key = 'database.uuid'", name
    )


class Worker:
    """A process of Odoo that runs functions of ours; see ``worker.py``.

    Functions take an environment and JSON arguments, and return what JSON can carry.
    """

    def __init__(self, database, key, *options):
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"worker-{database}-{next(_numbers)}.log"
        command = [str(VENV_PYTHON), "-m", "bench.worker", "-c", str(databases.write_configuration())]
        with self.log.open("w") as log:
            process = subprocess.Popen(
                [*command, "-d", database, "--no-http", *options],
                cwd=ROOT,
                env=environment(key),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=services._end_with_parent,
            )
        self._begin(process.stdout, process.stdin, process.stdin.close)
        self._process = process

    def _begin(self, answers, orders, hang_up):
        """Read answers in a thread, and wait for the first one: the process's id."""
        self._orders, self._hang_up, self._process = orders, hang_up, None
        self._queue, self.alive = queue.Queue(), True

        def listen():
            with contextlib.suppress(OSError):
                for line in answers:
                    self._queue.put(json.loads(line))
            self._queue.put(None)

        self._listener = threading.Thread(target=listen, daemon=True)
        self._listener.start()
        self.pid = self.result(START_SECONDS)

    def fork(self):
        """A twin: another process, ready at once, with database connections of its own. This one must be idle."""
        twin = Worker.__new__(Worker)
        twin.log = self.log
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
            path = str(Path(folder, "twin"))
            server.bind(path)
            server.listen()
            server.settimeout(START_SECONDS)
            self._write({"fork": path})
            connection, _address = server.accept()
        connection.settimeout(None)
        twin._begin(
            connection.makefile("r"), connection.makefile("w"), partial(connection.shutdown, socket.SHUT_WR)
        )
        return twin

    def call(self, function, uid=None, repeat=False, seconds=600, **arguments):
        """Run a function and return its result.

        :param uid: as whom; the superuser by default.
        :param repeat: repeat it on a conflict, as Odoo repeats a person's request.
        :raise WorkerError: what it raised.
        """
        self.send(function, uid=uid, repeat=repeat, **arguments)
        return self.result(seconds)

    def send(self, function, uid=None, repeat=False, **arguments):
        """Have a function run; :meth:`result` waits for it."""
        self._write(
            {
                "file": inspect.getsourcefile(function),
                "function": function.__name__,
                "uid": uid,
                "repeat": repeat,
                "arguments": arguments,
            }
        )

    def _write(self, order):
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()

    def result(self, seconds=600):
        try:
            answer = self._queue.get(timeout=seconds)
        except queue.Empty:
            raise WorkerError("TimeoutError", "", f"No answer within {seconds} s (see {self.log})") from None
        if answer is None:
            self.alive = False
            last = self.log.read_text(errors="replace")[-2000:]
            raise WorkerDied(f"The worker ended before it answered:\n{last}")
        if "error" in answer:
            raise WorkerError(answer["error"], answer["sentence"], answer["traceback"])
        return answer["result"]

    def kill(self):
        """As the kernel does when memory runs out: no handler runs, no connection is closed properly."""
        os.kill(self.pid, signal.SIGKILL)
        self._end()

    def stop(self):
        if self.alive:
            # Without orders it ends by itself, once it is through with what it is doing.
            with contextlib.suppress(OSError):
                self._hang_up()
            self._listener.join(10)
            if self._listener.is_alive():
                os.kill(self.pid, signal.SIGKILL)
            self._end()

    def _end(self):
        """It hangs up when it is gone; a twin is then its parent's to reap."""
        self.alive = False
        self._listener.join(START_SECONDS)
        if self._process:
            self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop()


class Server:
    """A threaded Odoo server with its cron threads as Odoo starts it by default (two)."""

    def __init__(self, database, key, *options):
        self.port = services.free_port()
        self.url = f"http://localhost:{self.port}"
        command = self._command(
            "server", "-d", database, "--db-filter", f"^{database}$", "-p", self.port, *options
        )
        self.service = services.Service(f"server-{database}-{next(_numbers)}", command, environment(key))
        self.log = self.service.log
        self.service.wait_until(lambda: services.answers(f"{self.url}/web/health"), START_SECONDS)

    def _command(self, *arguments):
        return databases.odoo_command(*arguments)

    def kill(self):
        self.service.process.kill()
        self.service.process.wait()

    def stop(self):
        self.service.stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop()


class Simulator:
    """The simulator of a provider in a process of its own, its state in memory."""

    def __init__(self, name, provider="xero"):
        self.provider = provider
        command = [str(VENV_PYTHON), "-m", f"simulators.{provider}", "--port", "0"]
        self.service = services.Service(
            f"simulator-{provider}-{name}-{os.getpid()}", command, {**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        self.service.wait_until(lambda: "simulator: http" in self.service.output(), START_SECONDS)
        self.url = re.search(r"http://[\w.]+:\d+", self.service.output())[0]
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=120) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error

    def reset(self, **wanted):
        return self.control("POST", "/_sim/reset", wanted)

    def fault(self, fault, path="", method="", **values):
        return self.control(
            "POST", "/_sim/faults", {"fault": fault, "path": path, "method": method, **values}
        )

    def limits_off(self):
        limits = self.control("POST", "/_sim/limits", {})
        return self.control("POST", "/_sim/limits", dict.fromkeys(limits))

    def requests(self, since=0, purpose=None):
        """What was asked after the entry of id ``since``, oldest first."""
        query = f"?since={since}" + (f"&purpose={purpose}" if purpose else "")
        return self.control("GET", f"/_sim/requests{query}")["requests"]

    def last_request(self):
        """Id of the last entry of the log: what comes later is what somebody did meanwhile."""
        return max((entry["id"] for entry in self.requests()), default=0)

    def entities(self, name, tenant="US"):
        """The contacts, items or invoices of an organisation, as the API gives them."""
        state = self.control("GET", f"/_sim/state?tenant={tenant}&entities={name}")
        (organisation,) = state[ORGANISATIONS[self.provider]].values()
        return organisation[name]

    def counts(self, tenant="US"):
        """How many there are of each kind in an organisation."""
        state = self.control("GET", f"/_sim/state?tenant={tenant}&counts=1")
        (organisation,) = state[ORGANISATIONS[self.provider]].values()
        return organisation["counts"]

    def invoice_numbers(self):
        return [invoice.get(NUMBERS[self.provider]) for invoice in self.entities("invoices")]

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.service.stop()


def wait_until(condition, what, seconds=60, pause=0.05):
    """Until ``condition()`` is true; its value.

    :raise AssertionError: it did not become so: something is wrong, however slow the machine is.
    """
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"Not within {seconds} s: {what}"
        time.sleep(pause)
