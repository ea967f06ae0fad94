"""The journeys' world: an Odoo database of their own, Odoo and the simulators as processes, a headless Chromium.

The tests of a file are the steps of one journey and run in its order; when a step fails, the later ones are skipped
with its name as the reason. Each file names its ``BOOKS`` (the simulators, with what they hold) and may have
``RECORDS``, a script for Odoo's shell that makes what Odoo holds beside its demo data.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "e2e")]

from desk import SCREENSHOTS, Desk  # noqa: E402

from devenv import databases, postgres, services  # noqa: E402
from devenv.settings import BIN, LOGS, present_addons  # noqa: E402
from devenv.steps import run  # noqa: E402

# What an access token is.
JSON_WEB_TOKEN = re.compile(r"\beyJ[\w-]{10,}\.eyJ")
NEUTRAL_PASSWORD = "a long word for the journey"
# A cron that works keeps its row locked, so that its session is never idle.
BUSY = """
    SELECT EXISTS (SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND pid != pg_backend_pid() AND state != 'idle')
        OR EXISTS (SELECT FROM ir_cron_trigger t
                     JOIN fieldpromax_connection c ON t.cron_id IN (c.push_cron_id, c.pull_cron_id)
                    WHERE t.call_at <= now() AT TIME ZONE 'UTC')
"""
PEOPLE_SCRIPT = """
parameters = env["ir.config_parameter"].sudo()
parameters.set_param("web.base.url", {odoo!r})
parameters.set_param("web.base.url.freeze", "True")
for provider, url in {books!r}.items():
    parameters.set_param(f"fieldpromax_accounting.{{provider}}_base_url", url)
for login, name, group in (
    ("bookkeeper", "Bea Bookkeeper", "account.group_account_user"),
    ("invoicing", "Ivo Invoicing", "account.group_account_invoice"),
):
    env["res.users"].with_context(no_reset_password=True).create(
        {{"name": name, "login": login, "password": {password!r}, "group_ids": [(6, 0, [env.ref(group).id])]}}
    )
# The tips of Odoo's own tours, and the chat of its robot, lie over what is clicked.
env["res.users"].search([]).write({{"tour_enabled": False, "odoobot_state": "disabled"}})
env.cr.commit()
"""


class Simulator:
    """The control endpoints of the running simulator."""

    def __init__(self, url: str, state: Path):
        self.url, self.state = url, state

    def control(self, method: str, path: str, body=None):
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def issued(self, text: str) -> list[str]:
        """The codes and refresh tokens of this simulator among the words of `text`; it keeps their hashes only."""
        kept = b"".join(path.read_bytes() for path in sorted(self.state.rglob("*")) if path.is_file())
        words = set(re.findall(r"(?<![\w-])[\w-]{43}(?![\w-])", text))
        return [word for word in words if hashlib.sha256(word.encode()).hexdigest().encode() in kept]

    def change(self, organization: str = "US", **what) -> dict[str, list[str]]:
        """Do in the books what a bookkeeper does there; the ids of the records by their kind."""
        return self.control("POST", f"/_sim/organisations/{organization}", what)

    def entities(self, name: str, organization: str = "US") -> list[dict]:
        """The records of a kind in the books of an organization, by its country."""
        state = self.control("GET", f"/_sim/state?tenant={organization}&entities={name}")
        return next(iter((state.get("organisations") or state["companies"]).values()))[name]

    def invoices(self) -> list[dict]:
        return self.entities("invoices")


class World:
    """The running servers of a journey; `simulator` is the one of its first books."""

    def __init__(self, odoo_url: str, database: str, simulators: dict[str, Simulator], odoo):
        self.odoo_url, self.database, self.simulators, self.odoo = odoo_url, database, simulators, odoo
        self.simulator = next(iter(simulators.values()))

    def wait_until_quiet(self, seconds: float = 10) -> None:
        """Until Odoo does nothing and no cron is due, for `seconds` at most."""
        end = time.monotonic() + seconds
        while postgres.query(BUSY, self.database) == "t" and time.monotonic() < end:
            time.sleep(0.3)


def _prepare(database: str, odoo_url: str, books: dict[str, str], records: str) -> None:
    script = PEOPLE_SCRIPT.format(odoo=odoo_url, books=books, password=NEUTRAL_PASSWORD)
    script += records + "\nenv.cr.commit()\n"
    script += databases.WORK_PAGES_SCRIPT + 'print("PREPARED")\n'
    command = databases.odoo_command("shell", "-d", database, "--no-http", "--log-level=warn")
    said = run(command, "Preparing the journey", env=databases.odoo_environment(), stdin=script)
    assert "PREPARED" in said, said[-2000:]


@pytest.fixture(scope="session")
def screenshots():
    shutil.rmtree(SCREENSHOTS, ignore_errors=True)
    SCREENSHOTS.mkdir(parents=True)


@pytest.fixture(scope="module")
def world(request, screenshots):
    name = request.module.__name__.rpartition("test_")[2]
    database = f"e2e_{name}_{os.getpid()}"
    port = services.free_port()
    odoo_url = f"http://localhost:{port}"
    with ExitStack() as running:
        running.enter_context(postgres.lease())
        running.callback(databases.drop, database)
        # `make test` has installed our addons and put the pages together once for everybody.
        if begin := os.environ.get("JOURNEYS_BEGIN_WITH"):
            databases.copy(begin, database)
        else:
            databases.create(database, present_addons(), log=LOGS / f"e2e-{name}-install.log")
        simulators = {}
        for provider, seed in request.module.BOOKS.items():
            state = Path(running.enter_context(tempfile.TemporaryDirectory(prefix=f"e2e-{provider}-")))
            url = running.enter_context(
                services.simulator(provider, services.free_port(), state, name=f"e2e {name} {provider}")
            )
            simulators[provider] = Simulator(url, state)
            simulators[provider].control("POST", "/_sim/reset", seed)
        urls = {provider: simulator.url for provider, simulator in simulators.items()}
        _prepare(database, odoo_url, urls, getattr(request.module, "RECORDS", ""))
        odoo = running.enter_context(services.odoo_server(database, port, name=f"e2e {name} odoo"))
        yield World(odoo_url, database, simulators, odoo)
        # What people did here is what a backup would hold.
        dump = _dump(database)
        assert "fieldpromax-demo" in dump
        assert not JSON_WEB_TOKEN.search(dump), "an access token is in the database"
        for simulator in simulators.values():
            assert not simulator.issued(dump), "what the simulator handed out is in the database"


def _dump(database: str) -> str:
    command = [postgres.program("pg_dump"), "--data-only", database]
    env = {**os.environ, **postgres.environment()}
    return subprocess.run(command, env=env, capture_output=True, check=True, text=True).stdout


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(BIN / "chromium"))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desks(world, browser):
    """``desks(login, narrow=False)``: a logged-in window of that person, the same one every time."""
    opened: dict[tuple[str, bool], Desk] = {}

    def desk(login: str, narrow: bool = False) -> Desk:
        if (login, narrow) not in opened:
            password = "admin" if login == "admin" else NEUTRAL_PASSWORD
            opened[login, narrow] = Desk(browser, world, login, password, narrow=narrow)
        return opened[login, narrow]

    yield desk
    for one in opened.values():
        one.close()


@pytest.fixture
def admin(desks):
    return desks("admin")


@pytest.fixture
def bookkeeper(desks):
    return desks("bookkeeper")


@pytest.fixture
def invoicing(desks):
    return desks("invoicing")


_failed: dict[str, str] = {}
_screens: Counter = Counter()


def pytest_runtest_makereport(item, call):
    if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
        _failed.setdefault(item.module.__name__, item.name)
        for desk in getattr(item, "funcargs", {}).values():
            if isinstance(desk, Desk) and call.when == "call":
                _screens[item.name] += 1
                desk.snap(f"failed-{item.name}-{_screens[item.name]}")


def pytest_runtest_setup(item):
    before = _failed.get(item.module.__name__)
    if before:
        pytest.skip(f"the step before it failed: {before}")
