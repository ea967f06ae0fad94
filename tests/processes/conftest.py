"""Real processes on real databases: what one transaction, or one cursor for all as in Odoo's tests, cannot show.

A *world* is a simulator and a database that is connected to it, with workers (``bench/rig.py``) as people and drivers.
"""

import contextlib

import inside
import pytest

from bench import rig, steps


class Run:
    """What all worlds of a pytest process share: the key, a database with the addon, every log that was written."""

    def __init__(self, base):
        self.base, self.key = base, rig.new_key()
        self.logs, self.secrets = [], {self.key, steps.CLIENT_SECRET}


class World:
    """A simulator, a database, and the processes that work on it.

    ``teller`` is a process of Odoo that looks and arranges; what a test lets collide or kills are its twins.
    """

    def __init__(self, run, simulator, database, options):
        self.run, self.simulator, self.database = run, simulator, database
        self.provider = simulator.provider
        self.connection = None
        self._processes = []
        self.teller = self._keep(rig.Worker(database, run.key, *options))

    def twin(self):
        """A new process of Odoo that does what it is told; no cron runs in it."""
        return self._keep(self.teller.fork())

    def server(self, *options):
        """A new Odoo server with its cron threads."""
        return self._keep(rig.Server(self.database, self.run.key, *options))

    def _keep(self, process):
        self._processes.append(process)
        self.run.logs.append(process.log)
        return process

    def connect(self, pulled=True):
        """Consent, and unless told otherwise the first import, the mappings, and whatever the demo data has to send."""
        self.teller.call(steps.prepare, simulator=self.simulator.url, provider=self.provider)
        self.connection = self.teller.call(steps.connect, provider=self.provider)
        if pulled:
            self.teller.call(steps.pull, connection=self.connection)
            self.teller.call(steps.confirm_mappings, connection=self.connection)
            self.teller.call(steps.push, connection=self.connection)

    def blocked(self):
        """How many sessions of the database wait for another one's lock."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return int(rig.postgres.query(sql, self.database))

    def value(self, sql, *values):
        """One value as committed now, or several separated by ``|``; as text. Each ``%s`` is one of ``values``."""
        return rig.postgres.query(sql % values, self.database)

    def in_books(self, number):
        """How often an invoice of this number stands in the books."""
        return sum(invoice["InvoiceNumber"] == number for invoice in self.simulator.entities("invoices"))

    def remember_secrets(self):
        """What the simulator issued to this database and must be in no log."""
        self.run.secrets |= set(self.teller.call(inside.secrets))

    def close(self):
        for process in reversed(self._processes):
            process.stop()


@pytest.fixture(scope="session", autouse=True)
def lease():
    with rig.postgres.lease():
        yield


@pytest.fixture(scope="session")
def run(lease):
    with rig.database("processes_base") as base:
        yield Run(base)


@pytest.fixture(scope="session")
def make_world(run):
    """A context manager: ``with make_world("name", *options of Odoo, **what the simulator starts with) as world``.

    ``provider`` is Xero unless told otherwise.
    """

    @contextlib.contextmanager
    def make(name, *options, provider="xero", **seed):
        with (
            rig.Simulator(name, provider) as simulator,
            rig.database(f"processes_{name}", source=run.base) as database,
        ):
            if seed:
                simulator.reset(**seed)
            world = World(run, simulator, database, options)
            try:
                yield world
                world.remember_secrets()
            finally:
                world.close()

    return make


@pytest.fixture(scope="session")
def shared_world(make_world):
    with make_world("shared") as made:
        made.connect()
        yield made


@pytest.fixture
def world(shared_world):
    """A connected world without a server, no fault ordered; ``first`` and ``second`` are processes for this test."""
    shared_world.first, shared_world.second = shared_world.twin(), shared_world.twin()
    yield shared_world
    shared_world.first.stop()
    shared_world.second.stop()
    shared_world.simulator.control("DELETE", "/_sim/faults")


@pytest.fixture
def folder(tmp_path):
    """Where processes meet; see ``steps.meet``."""
    return tmp_path


@pytest.fixture
def let_go(folder):
    """``let_go("point")``: whoever meets there goes on."""
    return lambda point: (folder / f"{point}.go").touch()


@pytest.fixture
def reached(folder):
    """``reached("point")`` waits until somebody meets there."""
    return lambda point: rig.wait_until((folder / f"{point}.here").exists, f"{point} is reached")
